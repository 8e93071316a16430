"""The cast: each agent has a face and a colour of its own, the same in every conversation."""

from typing import Final, NamedTuple
from zlib import crc32

from retinue.telemetry.terminal import Look, one_line


class Face(NamedTuple):
    """How an agent is told from the others."""

    emoji: str
    colour: str


HOST: Final = Face("🦊", "cyan")
_OTHERS: Final = (
    Face("🦉", "magenta"),
    Face("🐙", "green"),
    Face("🦁", "yellow"),
    Face("🐳", "blue"),
    Face("🐝", "magenta"),
    Face("🐢", "green"),
    Face("🦔", "yellow"),
    Face("🐧", "blue"),
    Face("🦋", "magenta"),
    Face("🐸", "green"),
    Face("🦅", "yellow"),
    Face("🐬", "blue"),
)


def face_of(agent: str, *, host: str) -> Face:
    """The face of the agent of that name; the host has one that nobody else has."""
    return HOST if agent == host else _OTHERS[crc32(agent.encode()) % len(_OTHERS)]


def shown(agent: str, look: Look, *, host: str) -> str:
    """Its face and its name, as they stand above what it says."""
    face = face_of(agent, host=host)
    return look.sign(f"{face.emoji} ") + look.paint(one_line(agent, width=60), face.colour, "bold")
