"""The question: what was asked, and what was piped in beside it."""

import sys

from retinue.errors import UsageError
from retinue.messages import Message, Text

from ._screen import Screen
from ._stdin import read_input


def question_of(asked: str | None, screen: Screen) -> Message:
    """What was asked, with what was piped in beside it; or what was piped in, alone.

    Raises:
        UsageError: Nothing was asked.
        RetinueError: What was piped in is no text, or too much.
    """
    piped = read_input(
        sys.stdin,
        waiting=lambda: screen.remark("waiting for standard input to end; without any: </dev/null"),
    )
    document = piped if piped and not piped.isspace() else None
    if asked and not asked.isspace():
        parts = [Text(text=asked, source="user")]
        if document is not None:
            parts.append(Text(text=f"\n\n{framed(document)}", source="stdin"))
        return Message(parts=parts)
    if document is None:
        what = "Standard input is empty, and n" if piped is not None else "N"
        raise UsageError(
            f"{what}othing was asked", hint=f'To ask: {screen.program} -p "your question"'
        )
    return Message(parts=[Text(text=document.strip("\n"), source="user")])


def framed(document: str, name: str = "stdin") -> str:
    """The document between tags that a model cannot take for the question, nor the document end."""
    tag = "document"
    while f"</{tag}" in document:
        tag += "_"
    return f'<{tag} name="{name}">\n{document.strip("\n")}\n</{tag}>'
