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
        return self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)

    def leave(self, reader: Any, writer: Any, *, whole: bool) -> None:
        if whole:
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
    (ConnectsAnew, "many answers at once do not mix and share connections"),
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
]


@pytest.mark.parametrize(("kind", "name"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
async def test_an_adapter_that_breaks_it_fails_there(kind: type[Reference], name: str) -> None:
    control = "the system prompt reaches the wire"
    with pytest.raises(ModelCheckFailed) as caught:
        await check_model(opened_by(kind), without=WITHOUT, only=(name, control), patience=1.0)
    report = caught.value.report
    assert [one.name for one in report.failures] == [name], report
    assert [one.name for one in report.outcomes if one.failure is None] in ([control], [])
    assert f"- {name}" in str(caught.value)
