"""Place: which of Google's services is asked."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a model is asked.

    Args:
        base_url: Another address than Google's own; without the version.
        vertexai: Whether that is Vertex AI.
        project, location: There.
    """

    base_url: str | None = None
    vertexai: bool = False
    project: str | None = None
    location: str | None = None

    @property
    def shown(self) -> str:
        """The address, for people."""
        host = "aiplatform" if self.vertexai else "generativelanguage"
        return self.base_url or f"https://{host}.googleapis.com"


GEMINI: Final = Place()
"""The Gemini API."""
