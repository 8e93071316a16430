"""What is kept of a conversation that goes from one vendor to another: the table of docs/models.md,
and what it promises of a conversation, in the form in which `_wire_readers` reads a request.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

from ._wire_readers import Entry, Told, plain

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
HEADING = "| what was said | "


def _table() -> tuple[list[str], dict[str, dict[str, str]]]:
    lines = PAGE.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(HEADING))
    rows: list[list[str]] = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    (_, *vendors), _, *kinds = rows
    return vendors, {kind: dict(zip(vendors, fates, strict=True)) for kind, *fates in kinds}


VENDORS, KEPT = _table()
"""The providers, and what becomes of each kind of thing at each of them."""


class Refused(Exception):
    """The table says that this is refused before anything is sent."""


@dataclass
class Made:
    """What a vendor has made of a message: by the message's id.

    Args:
        vendor: Who.
        returned: What of it only the vendor understands, as it was sent.
    """

    vendor: str
    returned: list[Any] = field(default_factory=list)


def promised(
    vendor: str,
    agent: str,
    system: str | None,
    messages: Sequence[Message],
    made: Mapping[str, Made],
) -> Told:
    """What this vendor is told of a conversation when this agent asks there.

    Raises:
        Refused: It is told nothing at all.
    """
    promise = _Promise(vendor, agent, made)
    for message in messages:
        promise.add(message)
    leading, said = plain(promise.whole())
    instructions = [text for text in (system or "", leading) if text.strip()]
    if said and said[0][0] == "agent" and vendor in ("anthropic", "gemini"):
        said = plain([("user", "text", "Begin."), *said])[1]
    if said[-1][0] == "agent":
        said.append(("user", "text", "Go on."))
    return Told("\n\n".join(instructions), said, promise.returned)


@dataclass
class _Call:
    """A call, by its number in the request, and its result where there is one."""

    number: int
    call: ToolCall
    result: ToolResult | None = None


class _Promise:
    def __init__(self, vendor: str, agent: str, made: Mapping[str, Made]) -> None:
        self._vendor = vendor
        self._agent = agent
        self._made = made
        self._messages: list[list[Entry]] = []
        self._calls = 0
        self._waiting: dict[str, _Call] = {}
        self._rounds: dict[int, list[_Call]] = {}
        self.returned: list[Any] = []

    def whole(self) -> Iterator[Entry]:
        """All entries, the results of calls right behind them."""
        for place, entries in enumerate(self._messages):
            yield from entries
            yield from self._results(self._rounds.get(place, []))

    def add(self, message: Message) -> None:
        if message.agent not in (None, self._agent):
            self._others(message)
            return
        for result in message.tool_results:
            if result.call_id in self._waiting:
                self._waiting.pop(result.call_id).result = result
        if message.role == "assistant":
            self._own(message)
        elif message.role == "system" and message.text.strip():
            self._messages.append([("system", "text", message.text)])
        elif message.role == "user" and _says_something(message.parts):
            self._messages.append(list(self._shown("user", message.parts)))

    def _others(self, message: Message) -> None:
        assert self._fate("another agent's words") == "after its name"
        assert self._fate("another agent's calls, results, thoughts and blocks") == "dropped"
        parts = [part for part in message.parts if isinstance(part, Text | Image | Audio | File)]
        if _says_something(parts):
            name = f"{message.agent}: "
            if isinstance(parts[0], Text):
                parts[0] = Text(text=name + parts[0].text)
            else:
                parts.insert(0, Text(text=name))
            self._messages.append(list(self._shown("user", parts)))

    def _own(self, message: Message) -> None:
        made = self._made[message.id]
        entries: list[Entry] = []
        words = ""
        for part in message.parts:
            match part:
                case Text(text=text):
                    words += text
                case ToolCall():
                    entries.append(("agent", "call", self._calls, part.name, json.dumps(part.args)))
                    waiting = self._waiting[part.id] = _Call(self._calls, part)
                    self._rounds.setdefault(len(self._messages), []).append(waiting)
                    self._calls += 1
                case Image() | Audio() | File():
                    if self._fate("a picture in the agent's own message") == "yes":
                        entries += self._texts("agent", words)
                        entries += self._shown("agent", [part])
                        words = ""
                case Thinking() | Block() if made.vendor == self._vendor:
                    entries += self._texts("agent", words)
                    words = ""
                case _:
                    pass
        entries += self._texts("agent", words)
        if _says_something(message.parts):
            self._messages.append(entries)
            if made.vendor == self._vendor and made.returned:
                assert self._fate("its own signed thoughts, signatures, blocks") == "unchanged"
                self.returned += made.returned

    def _results(self, calls: list[_Call]) -> Iterator[Entry]:
        after: list[Part] = []
        for one in calls:
            call, result = one.call, one.result
            if result is None:
                words = "No result is known; it may have happened."
                result = ToolResult(call_id=call.id, name=call.name, content=words, error=True)
            media = [] if isinstance(result.content, str) else list(result.content)
            media = [part for part in media if not isinstance(part, Text)]
            yield ("tool", "result", one.number, *self._told(result, media))
            if self._fate("a picture that a tool shows") == "yes":
                yield from self._shown("tool", media)
            elif media:
                after += [Text(text=f"From {result.name}:"), *media]
        yield from self._shown("user", after)

    def _told(self, result: ToolResult, media: list[Part]) -> tuple[str, bool | None]:
        """The words of a result, and whether it failed, where that has a field of its own."""
        words = result.text
        if self._vendor == "anthropic":
            if not isinstance(result.content, str):
                texts = [part.text for part in result.content if isinstance(part, Text)]
                words = "".join([text for text in texts if text.strip()])
            words = words if words.strip() else ""
            return words or ("It failed." if result.error and not media else ""), result.error
        words = words or ("The result follows." if media else "")
        if self._fate("that a result is an error") == "yes":
            return words, result.error
        failed = result.error and not words.startswith("Error")
        return (f"Error: {words}" if failed else words), None

    def _shown(self, who: str, parts: Sequence[Part]) -> Iterator[Entry]:
        found = list(self._in_place(who, parts))
        if self._fate("a picture between words") == "after them":
            found.sort(key=lambda entry: entry[1] != "text")
        yield from found

    def _in_place(self, who: str, parts: Sequence[Part]) -> Iterator[Entry]:
        for part in parts:
            match part:
                case Text(text=text):
                    yield from self._texts(who, text)
                case Image() | Audio() | File():
                    yield from self._medium(who, part)
                case _:
                    pass

    def _texts(self, who: str, words: str) -> Iterator[Entry]:
        if words.strip() or (words and self._fate("words that are only space") == "yes"):
            yield (who, "text", words)

    def _medium(self, who: str, part: Image | Audio | File) -> Iterator[Entry]:
        name = part.name if isinstance(part, File) else ""
        match part, self._fate(kind_of(part)):
            case _, "refused":
                raise Refused
            case File(data=bytes(data)), "as words":
                yield from [(who, "text", data.decode())] if data else []
            case _, "yes":
                if name and self._fate(_name_of(part)) != "yes":
                    name = ""
                data = part.url if part.data is None else part.data
                yield (who, type(part).__name__.lower(), data, name)
            case _, fate:
                raise AssertionError(fate)

    def _fate(self, kind: str) -> str:
        return KEPT[kind][self._vendor]


def kind_of(part: Image | Audio | File) -> str:
    """The row of the table that a medium belongs to."""
    match part:
        case Audio():
            return "sound (WAV, MP3) by its data"
        case Image(data=None):
            return "a picture by its address"
        case Image():
            return "a picture by its data"
        case File(media_type="text/plain"):
            return "a file of text"
        case File(data=None):
            return "a PDF by its address"
        case _:
            return "a PDF by its data"


def _name_of(part: Part) -> str:
    match part:
        case File(media_type="text/plain"):
            return "the name of a file of text"
        case File(data=None):
            return "the name of a PDF at an address"
        case _:
            return "the name of a PDF"


def _says_something(parts: Sequence[Part]) -> bool:
    return any(not isinstance(part, Text) or part.text.strip() for part in parts)
