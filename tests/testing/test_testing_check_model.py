"""The kit passes an adapter that keeps the contract, and finds each one that does not."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import pytest

import retinue.testing
from retinue.errors import (
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    RetinueError,
    StreamIncomplete,
    UnknownModel,
)
from retinue.messages import Audio, File, Image, Message, Text, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models._repair import parse_tool_args
from retinue.models.guard import Guarded
from retinue.models.view import shown
from retinue.testing import ModelCheckFailed, Opening, check_model
from retinue.testing.mock_llm import Chat

STOPS = {
    "stop": "end",
    "tool_calls": "tool_calls",
    "length": "max_tokens",
    "content_filter": "refused",
}
WITHOUT = {"image_urls", "audio", "files"}


class Reference:
    """The least that keeps the contract over Chat Completions: streams of asyncio, and no more."""

    path = "/v1/chat/completions"

    def __init__(self, at: Opening) -> None:
        self.name = f"reference:{at.model}"
        self.model, self.key = at.model, at.api_key
        self.host, _, self.port = at.url.removeprefix("http://").partition(":")
        self.loop = asyncio.get_running_loop()
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        for _, writer in self.idle:
            writer.close()

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        body = json.dumps(self.encode(request)).encode()
        reader, writer = await self.connect()
        whole = [False]
        try:
            writer.write(
                f"POST {self.path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-length: {len(body)}\r\n"
                f"authorization: Bearer {self.key}\r\n\r\n".encode()
                + body
            )
            status, headers = await self.head(reader)
            if status != 200:
                raise self.refused(status, await self.document(reader, headers), headers)
            async with aclosing(self.chunks(reader, request, whole)) as chunks:
                yield chunks
        finally:
            self.leave(reader, writer, whole=whole[0])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.idle and self.loop is asyncio.get_running_loop():
            return self.idle.pop()
        return await asyncio.open_connection(self.host, self.port)

    def leave(self, reader: Any, writer: Any, *, whole: bool) -> None:
        if whole and self.loop is asyncio.get_running_loop():
            self.idle.append((reader, writer))
        else:
            writer.transport.abort()

    # -- what we say

    def encode(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "system", "content": request.system}] if request.system else [],
            **request.options,
        }
        for message in shown(request.messages, request.agent):
            body["messages"] += self.said(message)
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in request.tools
            ]
            choice: Any = request.tool_choice
            if choice not in ("auto", "none", "required"):
                choice = {"type": "function", "function": {"name": choice}}
            body["tool_choice"] = choice
        if request.output is not None:
            form = {"name": "answer", "schema": request.output}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        body |= self.numbers(request)
        return body

    def numbers(self, request: ChatRequest) -> dict[str, Any]:
        chosen = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        return {name: number for name, number in chosen.items() if number is not None}

    def said(self, message: Message) -> list[dict[str, Any]]:
        if message.role == "tool":
            return [
                {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
                for result in message.tool_results
            ]
        said: dict[str, Any] = {"role": message.role, "content": self.content(message)}
        if calls := message.tool_calls:
            said["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(dict(call.args))},
                }
                for call in calls
            ]
        return [said]

    def content(self, message: Message) -> list[dict[str, Any]]:
        found = []
        for part in message.parts:
            match part:
                case Text(text=text):
                    found.append({"type": "text", "text": text})
                case Image(data=bytes(data), media_type=kind):
                    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
                    found.append({"type": "image_url", "image_url": {"url": url}})
                case Image() | Audio() | File():
                    raise ModelRejected("This cannot be said", hint="Say something else.")
                case _:
                    pass
        return found

    # -- what we hear

    async def head(self, reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError as error:
            raise ModelUnreachable("It hung up", hint="Ask again.") from error
        first, *lines = head.split("\r\n")
        if not (status := re.match(r"HTTP/1.1 (\d+)", first)):
            raise ModelUnreachable("It speaks no HTTP", hint="Look at the address.")
        headers = [line.partition(":") for line in lines if line]
        return int(status[1]), {name.lower(): text.strip() for name, _, text in headers}

    async def document(self, reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
        return await reader.readexactly(int(headers["content-length"]))

    def refused(self, status: int, body: bytes, headers: Mapping[str, str]) -> ModelError:
        try:
            words = json.loads(body)["error"]["message"]
        except ValueError:
            words = f"HTTP {status}"
        if "context" in words or status == 413:
            return ContextFull(words, hint="Say less.")
        kinds = {401: ModelUnauthorized, 403: ModelUnauthorized, 404: UnknownModel}
        retry = status == 429 or status >= 500
        kind = ModelOverloaded if retry else kinds.get(status, ModelRejected)
        after = self.retry_after(headers.get("retry-after"))
        return kind(self.hidden(words), hint="Think.", retry_after=after)

    def retry_after(self, said: str | None) -> float | None:
        if said is None or said.replace(".", "").isdigit():
            return None if said is None else float(said)
        return parsedate_to_datetime(said).timestamp() - time()

    def hidden(self, words: str) -> str:
        return words.replace(self.key, "...")

    async def blocks(self, reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
        """The body, chunk by chunk. A connection that ends in the middle is an error."""
        try:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError as error:
            raise ModelUnreachable("It broke off", hint="Ask again.") from error

    async def events(self, reader: asyncio.StreamReader) -> AsyncGenerator[str]:
        rest = b""
        async with aclosing(self.blocks(reader)) as blocks:
            async for block in blocks:
                *lines, rest = (rest + block).replace(b"\r\n", b"\n").split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        yield line[5:].strip().decode()

    def frame(self, data: str) -> dict[str, Any]:
        try:
            frame = json.loads(data)
        except ValueError:
            raise StreamIncomplete("A frame cannot be read", hint="Ask again.") from None
        if "error" in frame:
            words = self.hidden(frame["error"]["message"])
            raise ModelError(words, hint="Ask again.")
        return frame

    async def chunks(
        self, reader: asyncio.StreamReader, request: ChatRequest, whole: list[bool]
    ) -> AsyncGenerator[ChatChunk]:
        schemas = {tool.name: tool.parameters for tool in request.tools}
        calls: dict[int, dict[str, str]] = {}
        stop, usage, done = None, None, False
        async with aclosing(self.events(reader)) as events:
            async for data in events:
                if data == "[DONE]":
                    done = True
                    continue
                frame = self.frame(data)
                usage = self.usage(frame) or usage
                for choice in frame.get("choices", ()):
                    delta = choice.get("delta", {})
                    if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                        yield ChatChunk(thinking=thought)
                    if text := delta.get("content"):
                        yield ChatChunk(text=text)
                    for piece in delta.get("tool_calls", ()):
                        self.collect(calls, piece)
                    stop = choice.get("finish_reason") or stop
        if not self.is_over(done=done):
            return
        whole[0] = True
        for place, call in sorted(calls.items()):
            args = parse_tool_args(call["arguments"], schemas.get(call["name"], {}))
            id = call.get("id") or f"made_{place}"
            yield ChatChunk(tool_call=ToolCall(id=id, name=call["name"], args=args))
        yield ChatChunk(usage=usage, stop=STOPS[stop or "stop"])

    def is_over(self, *, done: bool) -> bool:
        return done

    def collect(self, calls: dict[int, dict[str, str]], piece: Any) -> None:
        call = calls.setdefault(piece["index"], {"arguments": ""})
        call |= {"id": piece["id"]} if piece.get("id") else {}
        call |= {"name": piece["function"]["name"]} if "name" in piece["function"] else {}
        call["arguments"] += piece["function"].get("arguments", "")

    def usage(self, frame: Any) -> Usage | None:
        if (told := frame.get("usage")) is None:
            return None
        return Usage(
            input=told["prompt_tokens"],
            output=told["completion_tokens"],
            cache_read=told["prompt_tokens_details"]["cached_tokens"],
            cache_write=told["prompt_tokens_details"]["cache_write_tokens"],
            thinking=told["completion_tokens_details"]["reasoning_tokens"],
        )


def opened_by(kind: type[Reference]) -> Any:
    @asynccontextmanager
    async def open_model(at: Opening) -> AsyncGenerator[Guarded]:
        async with kind(at) as model:
            yield Guarded(model, **at.limits)

    return open_model


async def test_an_adapter_that_keeps_the_contract_passes() -> None:
    report = await check_model(opened_by(Reference), without=WITHOUT)
    assert not report.failures
    names = [one.name for one in report.outcomes]
    assert len(names) == len(set(names)) > 75
    assert "what it cannot do is refused: audio" in names
    assert "audio reach the wire" not in names
    assert "ok      " in str(report)


# -- adapters that break it


class TakesEofForTheEnd(Reference):
    def is_over(self, *, done: bool) -> bool:
        return True


class AsksAgainInTheMiddle(Reference):
    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        yield self.said_twice(request, super().chat)

    async def said_twice(self, request: ChatRequest, chat: Any):
        with suppress(ModelError):
            async with chat(request) as chunks:
                async for chunk in chunks:
                    yield chunk
                return
        async with chat(request) as chunks:
            async for chunk in chunks:
                yield chunk


class LeavesTheSocketOpen(Reference):
    def leave(self, reader: Any, writer: Any, *, whole: bool) -> None:
        self.idle += [(reader, writer)] if whole else []
        self.forgotten = [*getattr(self, "forgotten", ()), writer]

    async def __aexit__(self, *_: object) -> None:
        for writer in self.forgotten:
            writer.close()


class SwallowsCancellation(Reference):
    async def chunks(self, *args: Any):
        try:
            async for chunk in super().chunks(*args):
                yield chunk
        except asyncio.CancelledError:
            yield ChatChunk(stop="end")


class DropsTheSecondCall(Reference):
    def collect(self, calls: dict[int, dict[str, str]], piece: Any) -> None:
        if piece["index"] == 0:
            super().collect(calls, piece)


class MakesNoIds(Reference):
    def collect(self, calls: dict[int, dict[str, str]], piece: Any) -> None:
        super().collect(calls, piece | {"id": piece.get("id", "x")})


class DecodesEachBlock(Reference):
    async def blocks(self, reader: asyncio.StreamReader):
        """As it comes from the socket, not chunk by chunk."""
        rest = b""
        async for block in super().blocks(reader):
            for start in range(0, len(block), 5):
                yield block[start : start + 5].decode(errors="replace").encode()
        yield rest


class SplitsLikePython(Reference):
    async def events(self, reader: asyncio.StreamReader):
        text = ""
        async for block in self.blocks(reader):
            text += block.decode()
            while "\n\n" in text:
                event, _, text = text.partition("\n\n")
                for line in event.splitlines():
                    if line.startswith("data:"):
                        yield line[5:].strip()


class LosesUsage(Reference):
    def usage(self, frame: Any) -> Usage | None:
        return None


class LeaksTheKey(Reference):
    def hidden(self, words: str) -> str:
        return words


class LeaksTheKeyInTheCause(Reference):
    def refused(self, *args: Any) -> ModelError:
        error = super().refused(*args)
        error.__cause__ = ValueError(f"headers: Bearer {self.key}")
        return error


class ShowsTheKey(Reference):
    def __repr__(self) -> str:
        return f"Reference({self.key})"


class SkipsWhatItCannotRead(Reference):
    def frame(self, data: str) -> dict[str, Any]:
        try:
            return super().frame(data)
        except StreamIncomplete:
            return {}


class IgnoresErrors(Reference):
    def frame(self, data: str) -> dict[str, Any]:
        try:
            return super().frame(data)
        except StreamIncomplete:
            raise
        except ModelError:
            return {}


class ForgetsZero(Reference):
    def numbers(self, request: ChatRequest) -> dict[str, Any]:
        return {name: number for name, number in super().numbers(request).items() if number}


class DropsImages(Reference):
    def content(self, message: Message) -> list[dict[str, Any]]:
        return [part for part in super().content(message) if part["type"] == "text"]


class WaitsForTheEnd(Reference):
    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        async with super().chat(request) as chunks:
            found = [chunk async for chunk in chunks]

            async def again():
                for chunk in found:
                    yield chunk

            yield again()


class ConnectsAnew(Reference):
    def leave(self, reader: Any, writer: Any, *, whole: bool) -> None:
        writer.transport.abort()


class IgnoresRetryAfter(Reference):
    def retry_after(self, said: str | None) -> float | None:
        return None


class KnowsOneError(Reference):
    def refused(self, *args: Any) -> ModelError:
        return ModelError(str(super().refused(*args)), hint="Think.")


class GivesNoHints(Reference):
    def refused(self, *args: Any) -> ModelError:
        error = super().refused(*args)
        error.hint = None
        return error


class LetsBugsOut(Reference):
    def frame(self, data: str) -> dict[str, Any]:
        return json.loads(data)


class DropsThoughts(Reference):
    async def chunks(self, *args: Any):
        async for chunk in super().chunks(*args):
            yield ChatChunk(text=chunk.thinking) if chunk.thinking else chunk


class ForgetsOthersNames(Reference):
    def encode(self, request: ChatRequest) -> dict[str, Any]:
        return super().encode(ChatRequest(messages=request.messages, system=request.system))


class SwapsResults(Reference):
    def said(self, message: Message) -> list[dict[str, Any]]:
        return super().said(message)[::-1]


class StopsTwice(Reference):
    async def chunks(self, *args: Any):
        async for chunk in super().chunks(*args):
            yield chunk if chunk.text is None else ChatChunk(text=chunk.text, stop="end")


class KeepsOneLoop(Reference):
    async def connect(self) -> Any:
        loop = asyncio.get_running_loop()
        self.first = getattr(self, "first", None) or loop.create_future()
        if self.first.get_loop() is not loop:
            await self.first  # as one would wait for a lock that was made there
        return await super().connect()


class HasShortLines(Reference):
    async def blocks(self, reader: asyncio.StreamReader):
        async for block in super().blocks(reader):
            if len(block) > 65_536:
                raise ModelUnreachable("This is too long a line", hint="Be brief.")
            yield block


BROKEN = [
    (TakesEofForTheEnd, "an end without the terminal event in the middle is an error"),
    (AsksAgainInTheMiddle, "a broken connection in the middle is an error"),
    (LeavesTheSocketOpen, "leaving the block early closes the socket"),
    (LeavesTheSocketOpen, "a cancelled reader closes the socket"),
    (LeavesTheSocketOpen, "silence in the middle is an error"),
    (SwallowsCancellation, "a cancelled reader closes the socket"),
    (DropsTheSecondCall, "parallel calls come whole"),
    (MakesNoIds, "calls without ids are given some"),
    (DecodesEachBlock, "unicode survives being cut anywhere"),
    (SplitsLikePython, "unicode survives being cut anywhere"),
    (LosesUsage, "usage is told"),
    (LeaksTheKey, "the key is in no error"),
    (LeaksTheKeyInTheCause, "the key is in no error"),
    (ShowsTheKey, "the key is not in what the model shows of itself"),
    (SkipsWhatItCannotRead, "a malformed frame in the middle is an error"),
    (IgnoresErrors, "an error event in the middle is an error"),
    (ForgetsZero, "temperature zero reaches the wire"),
    (DropsImages, "images reach the wire"),
    (WaitsForTheEnd, "text comes in pieces before the answer is over"),
    (ConnectsAnew, "answers one after the other share a connection"),
    (ConnectsAnew, "many answers at once share connections"),
    (IgnoresRetryAfter, "retry after in seconds is told"),
    (IgnoresRetryAfter, "retry after as a date is told"),
    (KnowsOneError, "401 'Incorrect API key provided.' is ModelUnauthorized"),
    (KnowsOneError, "429 is asked again"),
    (GivesNoHints, "413 is ContextFull or ModelRejected"),
    (LetsBugsOut, "a malformed frame in the middle is an error"),
    (DropsThoughts, "thinking comes apart from text"),
    (ForgetsOthersNames, "what another agent said is the users with its name"),
    (ForgetsOthersNames, "tools reach the wire"),
    (SwapsResults, "results go back with their calls"),
    (StopsTwice, "unicode survives being cut anywhere"),
    (KeepsOneLoop, "the model can be asked again in another loop"),
    (HasShortLines, "what is large goes through"),
]


HANGING = (LeavesTheSocketOpen, WaitsForTheEnd)
CONTROL = "the system prompt reaches the wire"


@pytest.mark.parametrize(("kind", "name"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
async def test_an_adapter_that_breaks_it_fails_there(kind: type[Reference], name: str) -> None:
    only, patience = ([name], 1.0) if kind in HANGING else ([name, CONTROL], 10.0)
    with pytest.raises(ModelCheckFailed) as caught:
        await check_model(opened_by(kind), without=WITHOUT, only=only, patience=patience)
    report = caught.value.report
    assert [one.name for one in report.failures] == [name], report
    assert {one.name for one in report.outcomes} == set(only)
    words = str(caught.value)
    assert f"1 of {len(only)} checks failed on wire 'chat'\n- {name}\n  expected: " in words
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert f"FAILED {report.failures[0].seconds:6.2f} s  {name}" in str(report)


class Hangs(Reference):
    async def chunks(self, *args: Any):
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.2)
                if self.host == "released":
                    return
        yield


class CancelsItself(Reference):
    async def chunks(self, *args: Any):
        raise asyncio.CancelledError
        yield


class NeverAsks(Reference):
    @asynccontextmanager
    async def chat(self, request: ChatRequest):
        async def chunks():
            yield ChatChunk(stop="end")

        yield chunks()


class CannotBeOpened(Reference):
    def __init__(self, at: Opening) -> None:
        raise ZeroDivisionError("no")


class Fails(Reference):
    def encode(self, request: ChatRequest) -> dict[str, Any]:
        raise ModelRejected("I cannot", hint="Do not ask.")


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (CancelsItself, "a cancellation by nobody"),
        (NeverAsks, "a request that the server understands"),
        (CannotBeOpened, "the check itself broke off with ZeroDivisionError: no"),
        (Fails, "nothing; then ModelRejected: I cannot"),
    ],
)
async def test_what_went_wrong_is_said(kind: type[Reference], seen: str) -> None:
    with pytest.raises(ModelCheckFailed) as caught:
        await check_model(opened_by(kind), only=[CONTROL])
    assert seen in str(caught.value)


async def test_an_adapter_that_cannot_be_stopped_does_not_stop_the_kit() -> None:
    opened: list[Any] = []

    def open_model(at: Opening) -> Any:
        opened.append(Hangs(at))
        return opened[-1]

    names = [CONTROL, "text comes in pieces"]
    try:
        with pytest.raises(ModelCheckFailed) as caught:
            await check_model(open_model, only=names, patience=0.2)
    finally:
        for model in opened:
            model.host = "released"
    assert len(caught.value.report.failures) == 2
    assert "expected: an end within 0.2 s" in str(caught.value)
    async with asyncio.timeout(20):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)


async def test_an_adapter_that_is_never_asked_anything_fails_at_the_ends() -> None:
    with pytest.raises(ModelCheckFailed, match=r"expected: a request within 0\.2 s"):
        await check_model(opened_by(Fails), only=["one reader that leaves"], patience=0.2)


async def test_what_it_says_it_cannot_do_it_must_refuse() -> None:
    name = "what it cannot do is refused: images"
    with pytest.raises(ModelCheckFailed) as caught:
        await check_model(opened_by(Reference), without={*WITHOUT, "images"}, only=["what it"])
    assert [one.name for one in caught.value.report.failures] == [name]
    assert "expected: a typed error, ModelRejected" in str(caught.value)


async def test_what_it_refuses_must_not_be_sent() -> None:
    class SendsFirst(Reference):
        def content(self, message: Message) -> list[dict[str, Any]]:
            return [{"type": "text", "text": part.text} for part in message.parts if part == TEXT]

        async def head(self, reader: asyncio.StreamReader) -> Any:
            await super().head(reader)
            raise ModelRejected("I sent it, and now I see", hint="Too late.")

    with pytest.raises(ModelCheckFailed, match="expected: no request at all"):
        await check_model(opened_by(SendsFirst), without={"audio"}, only=["refused: audio"])


async def test_what_is_excused_is_not_run_and_the_report_tells_why() -> None:
    report = await check_model(
        opened_by(Fails),
        without=WITHOUT,
        only=["usage is told"],
        excused={"usage is told": "nobody counts"},
    )
    assert [one.excuse for one in report.outcomes] == ["nobody counts"]
    assert str(report).splitlines()[1] == "excused          usage is told: nobody counts"


async def test_who_needs_longer_to_ask_is_given_longer() -> None:
    class Slow(Reference):
        @asynccontextmanager
        async def chat(self, request: ChatRequest):
            await asyncio.sleep(0.6)
            async with super().chat(request) as chunks:
                yield chunks

    name = "silence before the answer is asked again"
    with pytest.raises(ModelCheckFailed, match=name):
        await check_model(opened_by(Slow), without=WITHOUT, only=[name])
    await check_model(opened_by(Slow), without=WITHOUT, only=[name], soon=2.0)


async def test_so_many_are_asked_at_once() -> None:
    class Counts(Reference):
        asking = most = 0

        @asynccontextmanager
        async def chat(self, request: ChatRequest):
            Counts.asking += 1
            Counts.most = max(Counts.most, Counts.asking)
            try:
                async with super().chat(request) as chunks:
                    yield chunks
            finally:
                Counts.asking -= 1

    name = "many answers at once do not mix"
    await check_model(opened_by(Counts), without=WITHOUT, only=[name], crowd=3)
    assert Counts.most == 3


TEXT = Text(text="What is this?")


async def test_a_wire_of_ones_own() -> None:
    class Own(Chat):
        name = "own"
        asked_at = re.compile(r"/own/chat")
        refusals = ()

    class OfMine(Reference):
        path = "/own/chat"

    report = await check_model(opened_by(OfMine), wire=Own(), without=WITHOUT, only=["reach the"])
    assert report.wire == "own"
    assert len(report.outcomes) == 4


@pytest.mark.parametrize(
    ("options", "complaint", "hint"),
    [
        ({"wire": "telex"}, "There is no wire 'telex'", "Known: chat, "),
        ({"without": ["smell"]}, "'smell' is nothing a model can be without", "Known: images, "),
        ({"excused": {"usage is tld": "why"}}, "no check 'usage is tld'", "'usage is told'"),
    ],
)
async def test_what_the_kit_does_not_know_it_says(options, complaint, hint) -> None:
    with pytest.raises(RetinueError, match=complaint) as caught:
        await check_model(opened_by(Reference), **options)
    assert hint in str(caught.value.hint)


def test_what_is_not_in_the_window_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'check_modle'"):
        _ = retinue.testing.check_modle
    assert set(retinue.testing.__all__) <= set(dir(retinue.testing)) | set(retinue.testing._LATER)
