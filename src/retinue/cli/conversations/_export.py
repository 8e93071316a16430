"""Export: a conversation as Markdown or JSON, which read back as the same messages."""

from pathlib import Path

from retinue.app.retinue import Retinue
from retinue.cli._kept import Conversations
from retinue.cli._screen import Screen
from retinue.cli._store import conversation_of
from retinue.errors import RetinueError, UsageError
from retinue.messages.codecs import to_json, to_markdown

from ._transcript import transcript


async def export(retinue: Retinue, line: Conversations, screen: Screen) -> None:
    """Write it to a file, or to standard output.

    Raises:
        UsageError: There is such a file already.
        RetinueError: It cannot be written.
    """
    thread = await conversation_of(retinue, line.words[0], screen.program)
    messages = await transcript(retinue, thread.id)
    text = f"{to_json(messages)}\n" if _is_json(line) else to_markdown(messages)
    if line.file is None:
        screen.write(text)
        return
    _write(Path(line.file), text)
    count = f"{len(messages):,} message{'' if len(messages) == 1 else 's'}"
    screen.remark(f"{count} of {thread.id} written to {line.file}")


def _is_json(line: Conversations) -> bool:
    if line.form is None:
        return line.file is not None and line.file.lower().endswith(".json")
    return line.form == "json"


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already", hint="Choose another name.") from None
    except OSError as error:
        raise RetinueError(
            f"{file} cannot be written: {error.strerror}", hint="Choose another place with -o."
        ) from error
