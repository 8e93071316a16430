"""Scripted: a model that says what you wrote down, word by word, faults included.

    model = Scripted(ToolCall(id="1", name="weather", args={"city": "Turku"}), "Take a coat.")

As a file (`scripted:PATH`), a JSON list of the same replies; `load` says how each is written.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any, Final, NoReturn, Self, cast

from retinue import errors
from retinue.errors import MessageError, ModelError, ModelRejected, UnknownModel
from retinue.messages import Block, Text, Thinking, ToolCall
from retinue.models import ChatChunk, ChatRequest, Model, Stop, Usage

from ._pieces import chunks_of
from ._repair import parse_tool_args
from .guard import Guarded


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCall:
    """A tool call as the text a model wrote, however sloppy; read as every adapter reads it.

    Raises BadArguments in its place if `args` cannot be repaired.
    """

    id: str
    name: str
    args: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing comes for so many seconds; by default for ever."""

    seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer ends here, as if it were whole, but without the chunk that marks its end."""


type Line = str | Text | Thinking | ToolCall | Block | WrittenCall | Silence | Cut | BaseException
"""One thing that happens in an answer. An exception is raised in its place: a broken connection is
`ConnectionResetError()`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer with everything about it that can be chosen.

    Args:
        lines: What happens, in order.
        first_delay: Seconds before the first chunk.
        token_delay: Seconds before each other chunk.
        usage: What it cost; nothing is said if left out.
        stop: Why it ends; "tool_calls" or "end" if left out.
    """

    lines: Line | Sequence[Line]
    _: KW_ONLY
    first_delay: float = 0.0
    token_delay: float = 0.0
    usage: Usage | None = None
    stop: Stop | None = None


class Scripted:
    """A model that gives these replies, one for each request, whatever it is asked.

    `requests` has what it was asked so far. Asked more often than it has replies, it raises
    ModelRejected.

    Args:
        replies: A text, a call, a thought, an error; a list of them for one answer; a `Reply`.
        name: What it is called.

    Raises:
        MessageError: A reply is nothing a model can say.
    """

    def __init__(self, *replies: Line | Sequence[Line] | Reply, name: str = "scripted") -> None:
        self.name = name
        self.requests: list[ChatRequest] = []
        self._replies = tuple([_reply(reply) for reply in replies])

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The script in a JSON file: a list of replies.

        A reply is a line, a list of lines, or `{"lines": ..., "first_delay": 0.1, "token_delay":
        0.01, "usage": {"input": 9, "output": 2}, "stop": "max_tokens"}`. A line is a text, or one
        of these, seconds of silence being null for ever, and args a text to be read as sloppy JSON:

            {"text": "..."}                     {"thinking": "...", "signature": "..."}
            {"tool_call": {"id": "1", "name": "add", "args": {"a": 1}}}
            {"block": {"vendor": "...", "data": ...}}
            {"error": "ModelOverloaded", "message": "...", "hint": "...", "retry_after": 2}
            {"disconnect": "..."}               {"silence": 5}            {"cut": true}

        Raises:
            UnknownModel: The file cannot be read, or a field is wrong; both are named.
        """
        return cls(*_File(Path(path)).replies(), name=f"scripted:{path}")

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        self.requests.append(request)
        at, there = len(self.requests), len(self._replies)
        if at > there:
            raise ModelRejected(
                f"This is request {at}, and the script of {self.name!r} has {there} replies",
                hint="Write another reply, or find out why the model is asked again.",
            )
        async with aclosing(_said(self._replies[at - 1], request)) as chunks:
            yield chunks


def find(name: str, /) -> Model:
    """The script in the file of that name, under guard as its faults are meant to be met."""
    return Guarded(Scripted.load(name))


async def _said(reply: Reply, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
    delay = reply.first_delay
    called = False
    for line in cast("Sequence[Line]", reply.lines):
        match line:
            case Cut():
                return
            case Silence():
                await asyncio.sleep(line.seconds)
                continue
            case BaseException():
                if delay > 0:
                    await asyncio.sleep(delay)
                raise line
            case WrittenCall():
                schemas = {tool.name: tool.parameters for tool in request.tools}
                args = parse_tool_args(line.args, schemas.get(line.name, {}))
                line = ToolCall(id=line.id, name=line.name, args=args)
            case _:
                pass
        called = called or isinstance(line, ToolCall)
        for chunk in chunks_of(line):
            if delay > 0:
                await asyncio.sleep(delay)
            yield chunk
            delay = reply.token_delay
    if delay > 0:
        await asyncio.sleep(delay)
    yield ChatChunk(usage=reply.usage, stop=reply.stop or ("tool_calls" if called else "end"))


_LINES: Final = (
    str,
    Text,
    Thinking,
    ToolCall,
    Block,
    WrittenCall,
    Silence,
    Cut,
    BaseException,
)


def _reply(said: Line | Sequence[Line] | Reply) -> Reply:
    reply = said if isinstance(said, Reply) else Reply(said)
    given = reply.lines
    lines: tuple[Any, ...] = (given,) if isinstance(given, _LINES) else tuple(given)
    for line in lines:
        if not isinstance(line, _LINES):
            raise MessageError(
                f"{type(line).__name__} is nothing a model can say",
                hint="A model says text, parts of messages, WrittenCall, Silence, Cut, errors.",
            )
    return Reply(
        lines,
        first_delay=reply.first_delay,
        token_delay=reply.token_delay,
        usage=reply.usage,
        stop=reply.stop,
    )


class _File:
    """A script on disk; every complaint names the file and the field."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def replies(self) -> list[Reply]:
        try:
            data = json.loads(self._path.read_bytes())
        except OSError as error:
            self._refuse(error.strerror or str(error), error)
        except ValueError as error:
            self._refuse(f"it is no JSON: {error}", error)
        if not isinstance(data, list):
            self._refuse("it must be a list of replies")
        return [self._reply(item, f"[{n}]") for n, item in enumerate(cast("list[Any]", data))]

    def _reply(self, data: Any, at: str) -> Reply:
        if not (isinstance(data, dict) and "lines" in data):
            return Reply(self._lines(data, at))
        written = self._object(data, at, [field.name for field in fields(Reply)])
        stop, usage = written.get("stop"), written.get("usage")
        if stop is not None and stop not in _STOPS:
            self._refuse(f"{at}.stop must be one of {', '.join(_STOPS)}")
        return Reply(
            self._lines(written["lines"], f"{at}.lines"),
            first_delay=self._seconds(written.get("first_delay", 0), f"{at}.first_delay"),
            token_delay=self._seconds(written.get("token_delay", 0), f"{at}.token_delay"),
            usage=None if usage is None else self._usage(usage, f"{at}.usage"),
            stop=cast("Stop | None", stop),
        )

    def _lines(self, data: Any, at: str) -> list[Line]:
        if isinstance(data, list):
            written = cast("list[Any]", data)
            return [self._line(item, f"{at}[{n}]") for n, item in enumerate(written)]
        return [self._line(data, at)]

    def _line(self, data: Any, at: str) -> Line:
        if isinstance(data, str):
            return data
        kind = next((kind for kind in _BESIDE if isinstance(data, dict) and kind in data), "")
        if not kind:
            self._refuse(f"{at} is nothing a model can say: {json.dumps(data)[:60]}")
        written = self._object(data, at, (kind, *_BESIDE[kind]))
        value, here = written[kind], f"{at}.{kind}"
        match kind:
            case "text":
                return self._text(value, here)
            case "thinking":
                signature = written.get("signature")
                if signature is not None:
                    self._text(signature, f"{at}.signature")
                return Thinking(text=self._text(value, here), signature=signature)
            case "tool_call":
                return self._call(value, here)
            case "block":
                block = self._object(value, here, ("vendor", "data"))
                vendor = self._text(block.get("vendor"), f"{here}.vendor")
                return Block(vendor=vendor, data=block.get("data"))
            case "error":
                return self._error(value, written, at)
            case "disconnect":
                return ConnectionResetError(self._text(value, here))
            case "silence":
                return Silence() if value is None else Silence(self._seconds(value, here))
            case _:
                return Cut()

    def _call(self, data: Any, at: str) -> Line:
        call = self._object(data, at, ("id", "name", "args"))
        id = self._text(call.get("id"), f"{at}.id")
        name = self._text(call.get("name"), f"{at}.name")
        match call.get("args", {}):
            case str() as args:
                return WrittenCall(id=id, name=name, args=args)
            case args:
                return ToolCall(id=id, name=name, args=self._object(args, f"{at}.args"))

    def _error(self, name: Any, written: dict[str, Any], at: str) -> ModelError:
        kind: Any = getattr(errors, name, None) if isinstance(name, str) else None
        if not (isinstance(kind, type) and issubclass(kind, ModelError)):
            self._refuse(f"{at}.error must be the name of a ModelError")
        after = written.get("retry_after")
        return kind(
            self._text(written.get("message", "The script says so"), f"{at}.message"),
            hint=self._text(written.get("hint", "Read the script."), f"{at}.hint"),
            retry_after=None if after is None else self._seconds(after, f"{at}.retry_after"),
        )

    def _usage(self, data: Any, at: str) -> Usage:
        counts = self._object(data, at, [field.name for field in fields(Usage)])
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int):
                self._refuse(f"{at}.{name} must be a whole number")
        return Usage(**counts)

    def _object(self, value: Any, at: str, known: Sequence[str] | None = None) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(f"{at} must be an object")
        found = cast("dict[str, Any]", value)
        for name in found:
            if known is not None and name not in known:
                self._refuse(f"{at}.{name} is not known; known are {', '.join(known)}")
        return found

    def _text(self, value: Any, at: str) -> str:
        if not isinstance(value, str):
            self._refuse(f"{at} must be a text")
        return value

    def _seconds(self, value: Any, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            self._refuse(f"{at} must be a number of seconds")
        return float(value)

    def _refuse(self, why: str, cause: BaseException | None = None) -> NoReturn:
        raise UnknownModel(
            f"{str(self._path)!r} cannot be used as a script: {why}",
            hint="A script is a JSON list of replies; see `Scripted.load`.",
        ) from cause


_STOPS: Final = cast("tuple[str, ...]", Stop.__value__.__args__)
_BESIDE: Final[dict[str, tuple[str, ...]]] = {
    "text": (),
    "thinking": ("signature",),
    "tool_call": (),
    "block": (),
    "error": ("message", "hint", "retry_after"),
    "disconnect": (),
    "silence": (),
    "cut": (),
}
"""What a line on disk is about, and what may stand beside that."""
