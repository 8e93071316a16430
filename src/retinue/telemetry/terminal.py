"""What a stream can show, and what may be shown on it: colour, emoji, and no control characters."""

from collections.abc import Iterable, Mapping
from typing import IO, Any, Final, NamedTuple

_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "underline": "4",
    "strike": "9",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_TAMED: Final = {n: None for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}
_SECRET: Final = 8  # letters; anything shorter would be found in innocent words


class Look(NamedTuple):
    """How to write to a stream."""

    live: bool
    """A person sits at the other end."""
    colour: bool
    emoji: bool

    @property
    def person(self) -> bool:
        """Whether to write for a person: one sits there, or somebody insists."""
        return self.live or self.colour

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles ("bold", "dim", "red", ...), where there is colour."""
        if not self.colour or not styles:
            return text
        return f"\x1b[{';'.join([_CODES[style] for style in styles])}m{text}\x1b[0m"

    def sign(self, emoji: str, otherwise: str = "") -> str:
        """The emoji, or what stands for it where it cannot be shown."""
        return emoji if self.emoji else otherwise


def look_of(stream: IO[str] | None, environ: Mapping[str, str]) -> Look:
    """What `stream` can show.

    NO_COLOR takes the colour away (https://no-color.org), FORCE_COLOR brings it also where nobody
    sits (https://force-color.org), a dumb terminal has neither colour nor emoji.
    """
    live = is_live(stream)
    dumb = environ.get("TERM") == "dumb"
    forced = bool(environ.get("FORCE_COLOR"))
    colour = not environ.get("NO_COLOR") and (forced or (live and not dumb))
    unicode = _encoding(stream).replace("-", "").lower().startswith("utf")
    return Look(live=live, colour=colour, emoji=(live or forced) and not dumb and unicode)


def is_live(stream: Any) -> bool:
    """Whether a person sits at the other end of this stream; a closed one has nobody."""
    try:
        return stream is not None and bool(stream.isatty())
    except ValueError:
        return False


def tame(text: str) -> str:
    """The text without control characters: what others say must not steer the terminal."""
    return text.translate(_TAMED)


def one_line(text: str, *, width: int = 10_000) -> str:
    """The text on one line, without control characters, cut to `width` letters."""
    line = tame(" ".join(text.split()))
    return line if len(line) <= width else line[: width - 1] + "…"


def redacted(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    """The text with each secret replaced by what may be shown of it."""
    for secret, shown in secrets:
        if len(secret) >= _SECRET:
            text = text.replace(secret, shown)
    return text


def _encoding(stream: IO[str] | None) -> str:
    return getattr(stream, "encoding", None) or ""
