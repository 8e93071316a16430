"""Transcript: what was said, as it was shown when it was said."""

from collections.abc import Iterable

from retinue.cli._follow import follow
from retinue.messages import Message, Text, sequence_of
from retinue.telemetry.terminal import Look, one_line, tame

from ._view import View


async def transcript(
    messages: Iterable[Message], look: Look, width: int, *, host: str
) -> list[str]:
    """The lines of these messages."""
    lines: list[str] = []
    view = View(look, lambda: width, host=host, clock=None)
    for message in messages:
        if message.role in ("user", "system"):
            lines += [*view.end(), *([""] if lines else []), *question_of(message, look)]
            view = View(look, lambda: width, host=host, clock=None)
            continue
        async for event in follow(sequence_of(message)):
            lines += view.tell(event)
    return lines + view.end()


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
