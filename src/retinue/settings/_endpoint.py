"""Endpoint: a model under a name of one's own, with what it takes to ask it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from retinue.errors import SettingsError

from ._files import check_known, line_of
from ._kinds import ALIVE, KEY, NAME, SECONDS, SWITCH, URL, Kind, one_of, or_off, whole
from ._secret import Secret

ENDPOINT: Final[Mapping[str, Kind]] = {"base_url": URL, "model": NAME, "api_key": KEY}
"""What stands in every `[models.<name>]`."""

_PATIENCE: Final = {
    "first_timeout": or_off(SECONDS),
    "idle_timeout": or_off(SECONDS),
    "retries": whole(0, 100),
}
OPTIONS_OF: Final[Mapping[str, Mapping[str, Kind]]] = {
    "anthropic": {"cache": or_off(one_of("5m", "1h")), **_PATIENCE},
    "claude_agent": _PATIENCE,
    "openai": {"api": one_of("chat", "responses"), **_PATIENCE},
    "gemini": {"vertexai": SWITCH, "project": NAME, "location": NAME, **_PATIENCE},
    "ollama": {"keep_alive": ALIVE, **_PATIENCE},
    "compatible": _PATIENCE,
    "demo": {},
    "scripted": {},
    "replay": {},
}
"""What may stand beside that, by the provider of the model: what `find_model` takes for it."""

_HINT: Final = 'Write [models.lab] and below it base_url = "http://..." and model = "...".'


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model under a name of one's own: `[models.lab]` in a file of settings.

    Args:
        model: What it is called there, perhaps with a provider before it: "ollama:qwen3".
        base_url: Where it answers; None: where its provider does.
        api_key: What it wants to see.
        options: Of the provider, as `find_model` takes them.
    """

    model: str
    base_url: str | None = None
    api_key: Secret | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def provider(self) -> str:
        """Who is asked; "compatible" where no provider is named: "qwen3:8b" has a colon, too."""
        return _provider(self.model)

    @property
    def name(self) -> str:
        """The model as `find_model` would find it."""
        bare = self.provider == "compatible" and not self.model.startswith("compatible:")
        return f"compatible:{self.model}" if bare else self.model


def endpoint(**parts: Any) -> Endpoint:
    """The endpoint of these keys of its table, with their values."""
    options = {key: value for key, value in parts.items() if key not in ENDPOINT}
    known = {key: value for key, value in parts.items() if key in ENDPOINT}
    return Endpoint(**known, options=MappingProxyType(options))


def kinds_of(table: Mapping[str, Any]) -> Mapping[str, Kind]:
    """What may stand in this table, which says whose model it is."""
    return {**ENDPOINT, **OPTIONS_OF[_provider(table.get("model"))]}


def endpoints_in(
    table: Mapping[str, Any], raw: bytes, path: Path
) -> Mapping[str, Mapping[str, Any]]:
    """The tables `[models.<name>]` of a file, with the keys they need and no other.

    Raises:
        SettingsError: With the line, and what to do.
    """
    found = table.get("models", {})
    if not isinstance(found, dict):
        raise SettingsError(f"{line_of('models', raw, path)}: models is no table", hint=_HINT)
    endpoints = cast("dict[str, dict[str, Any]]", found)
    for name, parts in endpoints.items():
        if not isinstance(cast("Any", parts), dict) or ":" in name:
            place = line_of(name, raw, path)
            raise SettingsError(f"{place}: models.{name} is no endpoint", hint=_HINT)
        _check(name, parts, raw, path)
    return endpoints


def _check(name: str, table: Mapping[str, Any], raw: bytes, path: Path) -> None:
    """Refuse a table that has a key too many, or too few."""
    provider = _provider(table.get("model"))
    for key in table:
        owners = [each for each, options in OPTIONS_OF.items() if key in options]
        if owners and provider not in owners:
            place = line_of(key, raw, path, heading=name)
            raise SettingsError(
                f"{place}: models of {provider} have no {key}",
                hint=f'Those of {" and ".join(owners)} have: model = "{owners[0]}:NAME".',
            )
    check_known(table, kinds_of(table), raw, path, "key of an endpoint,", heading=name)
    needed = ("base_url", "model") if provider == "compatible" else ("model",)
    missing = [key for key in needed if key not in table]
    if missing:
        raise SettingsError(
            f"{line_of(name, raw, path)}: models.{name} has no {missing[0]}", hint=_HINT
        )
    for key in ("project", "location"):
        if key in table and table.get("vertexai") is not True:
            place = line_of(key, raw, path, heading=name)
            raise SettingsError(
                f"{place}: {key} is a word of Vertex AI", hint="Write vertexai = true beside it."
            )


def _provider(model: Any) -> str:
    named = model.partition(":")[0] if isinstance(model, str) else ""
    return named if named in OPTIONS_OF else "compatible"
