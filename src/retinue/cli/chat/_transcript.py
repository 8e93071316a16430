"""Transcript: what was said, as it was shown when it was said."""

from collections.abc import Iterable, Sequence
from typing import Final

from retinue.cli._follow import whole
from retinue.messages import Message, Text
from retinue.telemetry.terminal import Look, one_line, tame

from ._view import View

_EXCHANGES: Final = 3
"""So many are shown to who comes back."""


def transcript(messages: Iterable[Message], look: Look, width: int, *, host: str) -> list[str]:
    """The lines of these messages."""
    lines: list[str] = []
    view = View(look, lambda: width, host=host, clock=None)
    for message in messages:
        if message.role in ("user", "system"):
            lines += [*view.end(), *([""] if lines else []), *question_of(message, look)]
            view = View(look, lambda: width, host=host, clock=None)
            continue
        for event in whole(message):
            lines += view.tell(event)
    return lines + view.end()


def last_exchanges(messages: Sequence[Message]) -> Sequence[Message]:
    """The last questions, and what was said after them."""
    asked = [at for at, message in enumerate(messages) if message.role == "user"]
    return messages[asked[-_EXCHANGES] :] if len(asked) > _EXCHANGES else messages


def question_of(message: Message, look: Look) -> list[str]:
    """What a person said, and the names of the files that went with it."""
    texts = [part.text for part in message.parts if isinstance(part, Text) and not _file(part)]
    return said("".join(texts), look) + files_of(message, look)


def files_of(message: Message, look: Look) -> list[str]:
    """The names of the files that went with a question."""
    names = dict.fromkeys([_file(part) for part in message.parts if isinstance(part, Text)])
    clip = look.sign("📎 ", "+ ")
    return [look.paint(f"  {clip}{one_line(name)}", "dim") for name in names if name]


def said(words: str, look: Look) -> list[str]:
    """What a person typed, in the lines they typed it."""
    first, *others = tame(words).splitlines() or [""]
    return [look.paint(mark(look), "bold", "cyan") + first, *[f"  {line}" for line in others]]


def mark(look: Look) -> str:
    """What stands before everything a person says."""
    return look.sign("\u203a ", "> ")


def _file(part: Text) -> str:
    """The name of the file that a part was made from; "" if it was none."""
    kind, _, name = (part.source or "").partition(":")
    return name if kind == "file" else ""
