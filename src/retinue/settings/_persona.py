"""Persona: who the assistant is, and the words that make a model be it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ._kinds import NAME, Kind, line_to, text_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Who the assistant is: a file of its own, or the table `[persona]`; all of it may be left out.

    Args:
        name: What it is called.
        personality: What it is like: "curious, kind, a little absent-minded".
        tone: How it speaks: "dry and short".
        language: What it speaks: "Finnish".
        instructions: Anything else, in whole sentences.
    """

    name: str | None = None
    personality: str | None = None
    tone: str | None = None
    language: str | None = None
    instructions: str | None = None

    def prompt(self) -> str:
        """The system prompt that results; empty where nothing was said."""
        about = " ".join([part if part[-1] in ".!?…" else f"{part}." for part in self._about()])
        return "\n\n".join([part for part in (about, self.instructions) if part])

    def _about(self) -> Iterator[str]:
        if self.name:
            yield f"You are {self.name}"
        if self.personality:
            yield f"Your personality: {_on_one_line(self.personality)}"
        if self.tone:
            yield f"Your tone: {_on_one_line(self.tone)}"
        if self.language:
            yield f"Answer in {self.language} unless asked otherwise"


@dataclass(frozen=True, slots=True)
class PersonaFile:
    """Where a persona is written; `load` reads it."""

    path: Path


def _file(value: Any) -> PersonaFile:
    return PersonaFile(Path(NAME.of_value(value)))


PERSONA_FILE: Final = Kind("the path of a TOML file, or a table", _file, _file)
PERSONA: Final[Mapping[str, Kind]] = {
    "name": line_to(80),
    "personality": text_to(2_000),
    "tone": text_to(500),
    "language": line_to(80),
    "instructions": text_to(20_000),
}
"""What a persona is made of."""


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
