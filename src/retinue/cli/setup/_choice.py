"""Choice: a model, with what it takes to ask it; what becomes of it in the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from retinue.settings import OPTIONS_OF, Endpoint, Secret, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model that was chosen.

    Args:
        model: What the setting of that name says.
        endpoint: What that name stands for, where it is no model's own name.
        setting, api_key: The key, where it is a vendor's, and the setting that it is for.
    """

    model: str
    endpoint: Endpoint | None = None
    setting: str | None = None
    api_key: Secret | None = None

    @property
    def typed(self) -> Secret | None:
        """The key, if it was typed and is to be kept under its reference."""
        key = self.endpoint.api_key if self.endpoint is not None else self.api_key
        match key:
            case Secret(reference=place, value=str()) if not place.startswith("env:"):
                return key
            case _:
                return None

    def applied(self, settings: Settings) -> Settings:
        """The settings as they will be."""
        chosen = replace(settings, model=self.model)
        if self.endpoint is not None:
            chosen = replace(chosen, models={**settings.models, self.model: self.endpoint})
        if self.setting is not None and self.api_key is not None:
            chosen = replace(chosen, **{self.setting: self.api_key})
        return chosen

    def changes(self) -> Mapping[str, Any]:
        """What to write; of a key, the reference. None is for what goes."""
        changes: dict[str, Any] = {"model": self.model}
        if self.setting is not None and self.api_key is not None:
            changes[self.setting] = self.api_key.reference
        if self.endpoint is not None:
            key = self.endpoint.api_key
            possible = {option for options in OPTIONS_OF.values() for option in options}
            changes["models"] = {
                self.model: {
                    **dict.fromkeys(sorted(possible - self.endpoint.options.keys())),
                    "base_url": self.endpoint.base_url,
                    "model": self.endpoint.model,
                    "api_key": key.reference if key is not None else None,
                }
            }
        return changes
