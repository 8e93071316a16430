"""Show: a conversation as it can be read: who said what, and what tools did in short."""

import json
from collections.abc import Iterator
from typing import Final

from retinue.app.retinue import Retinue
from retinue.cli._brief import age, cut, now, width_of
from retinue.cli._follow import arguments_of
from retinue.cli._screen import Screen
from retinue.cli._store import conversation_of
from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.messages.codecs import message_to_dict
from retinue.storage import RunRecord
from retinue.telemetry.terminal import tame

from ._list import as_dict
from ._transcript import transcript

_COLOURS: Final = {"user": "cyan", "assistant": "green"}


async def show(retinue: Retinue, prefix: str, screen: Screen, *, as_json: bool) -> None:
    """All of it, the oldest first; and what is still going on in it."""
    thread = await conversation_of(retinue, prefix, screen.program)
    messages = await transcript(retinue, thread.id)
    if as_json:
        found = {
            "v": 1,
            "conversation": as_dict(thread),
            "messages": [message_to_dict(message) for message in messages],
        }
        screen.write(f"{json.dumps(found, ensure_ascii=False, indent=2)}\n")
        return
    when = age(thread.changed_at, now())
    title = cut(thread.title or "(without a title)", width_of(screen))
    screen.write(screen.look.paint(title, "bold") + "\n")
    screen.write(screen.look.paint(f"{thread.id}, changed {_ago(when)}", "dim") + "\n")
    speaker = None
    for message in messages:
        heading = _speaker(message, speaker)
        speaker = heading or speaker
        screen.write("".join(_shown(message, heading, screen)))
    for run in await _unfinished(retinue, thread.id):
        how = f"{screen.program} tasks follow {run.id}"
        screen.remark(f"{run.agent} has not finished here ({run.status}): {how}")


def _ago(when: str) -> str:
    return "just now" if when == "now" else f"{when} ago"


def _speaker(message: Message, before: str | None) -> str | None:
    """Who says it, where that is not who said the last; tools belong to who called them."""
    if message.role == "tool":
        return None
    name = message.agent or message.role
    model = message.metadata.get("model")
    said = f"{name} / {model}" if model else name
    return None if said == before else said


def _shown(message: Message, heading: str | None, screen: Screen) -> Iterator[str]:
    paint = screen.look.paint
    if heading is not None:
        yield f"\n{paint(tame(heading), 'bold', _COLOURS.get(message.role, 'magenta'))}\n"
    for part in message.parts:
        match part:
            case Text(text=text):
                words = (tame(text) if screen.look.live else text).strip("\n")
                yield f"{words}\n" if words else ""
            case Thinking():
                pass
            case ToolCall() | ToolResult() | Image() | Audio() | File() | Block():
                sign, words = _in_short(part, screen)
                yield paint(sign + cut(words, width_of(screen) - len(sign) - 1), "dim") + "\n"


def _in_short(
    part: ToolCall | ToolResult | Image | Audio | File | Block, screen: Screen
) -> tuple[str, str]:
    """What cannot be read as words: a sign, and what goes on the same line."""
    match part:
        case ToolCall():
            return f"  {screen.look.sign('🔧', '>')} ", f"{part.name} {arguments_of(part)}"
        case ToolResult(error=error):
            return f"     {'!' if error else '='} ", part.text
        case Image(media_type=kind) | Audio(media_type=kind):
            return "  ", f"[{kind}]"
        case File(name=name):
            return "  ", f"[{name}]"
        case Block(vendor=vendor):
            return "  ", f"[for {vendor} alone]"


async def _unfinished(retinue: Retinue, conversation: str) -> tuple[RunRecord, ...]:
    page = await retinue.runs.runs(
        conversation=conversation, status=("queued", "running", "waiting")
    )
    return page.items
