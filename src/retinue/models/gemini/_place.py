"""Place: which of Google's services is asked."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from retinue.errors import ModelRejected
from retinue.models._addresses import is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a model is asked.

    Args:
        base_url: Another address than Google's own; without the version.
        vertexai: Whether that is Vertex AI.
        project, location: There. Whoever answers at a project is shown this machine's token.

    Raises:
        ModelRejected: There is a project, and the address is neither Google's nor this machine.
    """

    base_url: str | None = None
    vertexai: bool = False
    project: str | None = None
    location: str | None = None

    def __post_init__(self) -> None:
        if self.project and self.base_url and not _may_see_token(self.base_url):
            raise ModelRejected(
                f"A project of Vertex AI is not asked at {self.base_url}: whoever answers there "
                "would be shown your Google token",
                hint="Leave base_url out, or name one of https://....googleapis.com. Elsewhere "
                "leave out project, and give api_key.",
            )

    @property
    def shown(self) -> str:
        """The address, for people."""
        host = "aiplatform" if self.vertexai else "generativelanguage"
        return self.base_url or f"https://{host}.googleapis.com"


GEMINI: Final = Place()
"""The Gemini API."""


def _may_see_token(base_url: str) -> bool:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    is_googles = parts.scheme == "https" and f".{host}".endswith(".googleapis.com")
    return is_googles or is_loopback(host)
