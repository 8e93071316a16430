"""The question: what was asked, what was attached to it, and what was piped in beside it."""

import sys
from collections.abc import Iterable, Sequence

from retinue.errors import UsageError
from retinue.messages import Message, Part, Text

from ._attachments import Attachment, attachment, framed
from ._screen import Screen
from ._stdin import read_input


def question_of(asked: str | None, screen: Screen, files: Sequence[str] = ()) -> Message:
    """What was asked, with these files and what was piped in beside it; or what was piped in.

    Raises:
        UsageError: Nothing was asked, or a file cannot be attached.
        RetinueError: What was piped in is no text, or too much.
    """
    attached = [attachment(file) for file in files]
    piped = read_input(
        sys.stdin,
        waiting=lambda: screen.remark("waiting for standard input to end; without any: </dev/null"),
    )
    document = piped if piped and not piped.isspace() else None
    if asked and not asked.isspace():
        beside = [] if document is None else [Text(text=f"\n\n{framed(document)}", source="stdin")]
        return joined(asked, attached, beside)
    if document is None:
        what = "Standard input is empty, and n" if piped is not None else "N"
        raise UsageError(
            f"{what}othing was asked", hint=f'To ask: {screen.program} -p "your question"'
        )
    return joined(document.strip("\n"), attached)


def joined(asked: str, attached: Iterable[Attachment], beside: Iterable[Part] = ()) -> Message:
    """The message of a person who asks this, with what goes with it."""
    parts = [part for each in attached for part in each.parts]
    return Message(parts=[Text(text=asked, source="user"), *parts, *beside])
