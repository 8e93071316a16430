"""Every adapter that asks over HTTP, and how it is found."""

from dataclasses import dataclass
from typing import Any

from retinue.models import Model, find_model

from ._places import KEY


@dataclass(frozen=True)
class Adapter:
    """How a model is found that is asked over this wire.

    Args:
        name: Of the model.
        path: Of the API, below the server's address.
        package: What has to be installed for it.
        options: Of `find_model`.
    """

    name: str
    path: str = "/v1"
    package: str = "retinue"
    options: tuple[tuple[str, Any], ...] = ()

    def at(self, url: str, key: str = KEY, **limits: Any) -> Model:
        """The model, asked once and for 5 s at most where nothing else is said."""
        options = {"retries": 0, "first_timeout": 5.0, **dict(self.options), **limits}
        return find_model(self.name, base_url=f"{url}{self.path}", api_key=key, **options)


ADAPTERS = {
    "anthropic": Adapter("anthropic:m", "", "anthropic"),
    "responses": Adapter("openai:m", "/v1", "openai", (("api", "responses"),)),
    "chat": Adapter("openai:m", "/v1", options=(("api", "chat"),)),
    "azure": Adapter("openai:ours", "/openai/v1/", "openai", (("api", "responses"),)),
    "gemini": Adapter("gemini:m", "", "google.genai"),
    "vertex": Adapter("gemini:m", "", "google.genai", (("vertexai", True),)),
    "ollama": Adapter("ollama:m", ""),
    "compatible": Adapter("compatible:m"),
}
