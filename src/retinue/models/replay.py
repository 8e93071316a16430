"""Recorded and Replay: what a model said once, kept as neutral JSON lines, and said again.

A line is `{"v": 1, "key": ..., "model": ..., "request": {...}, "chunks": [...]}`, with `"error"`
where the call failed. Whole answers and failures are written; an answer cut short is not.
"""

import json
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from retinue.errors import ModelError, NothingRecorded, RetinueError, UnknownModel
from retinue.models import ChatChunk, ChatRequest, Model

from ._codec import (
    decode_chunk,
    decode_error,
    encode_chunk,
    encode_error,
    from_line,
    key_of,
    request_key,
    request_text,
    to_line,
)

__all__ = ["Recorded", "Replay", "find", "request_key"]

_VERSION: Final = 1
_SHOWN: Final = 3
"""So many differences are named where nothing was recorded."""


class Recorded:
    """A model whose answers are appended to a file, one line each, for `Replay`.

    Wrap it around the guard, so that what is recorded is what the guard makes of the stream.

    Args:
        inner: The model.
        path: The file; its folder must be there.

    Raises:
        ModelError: (on asking) The file cannot be written.
    """

    def __init__(self, inner: Model, path: str | Path) -> None:
        self.inner = inner
        self.path = Path(path)

    @property
    def name(self) -> str:
        return self.inner.name

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        tape = _Tape()
        failure: dict[str, Any] | None = None
        try:
            async with self.inner.chat(request) as chunks:
                tape.failed = False
                async with aclosing(tape.listening(chunks)) as heard:
                    yield heard
        except RetinueError as error:
            if tape.failed:  # and not the reader
                failure = encode_error(error)
            raise
        finally:
            if tape.whole or failure is not None:
                self._append(request, tape.chunks, failure)

    def _append(
        self, request: ChatRequest, chunks: list[ChatChunk], failure: dict[str, Any] | None
    ) -> None:
        text = request_text(request)
        record = {
            "v": _VERSION,
            "key": key_of(text),
            "model": self.name,
            "request": json.loads(text),
            "chunks": [encode_chunk(chunk) for chunk in chunks],
        }
        if failure is not None:
            record["error"] = failure
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(to_line(record))  # at once: other processes may append, too
        except OSError as error:
            raise ModelError(
                f"The recording {str(self.path)!r} cannot be written: {error.strerror}",
                hint="Name a file in a folder that you may write to.",
            ) from error


class Replay:
    """A model that answers from a recording: equal requests get their answers in recorded order.

    Args:
        path: A file that `Recorded` wrote. A last line that was cut short is ignored.

    Raises:
        UnknownModel: The file cannot be read, or a line (it is named) is no recorded answer.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._heard: list[Any] = []
        self._answers: defaultdict[str, deque[_Answer]] = defaultdict(deque)
        for number, line in self._lines():
            try:
                record = from_line(line)
                if record["v"] != _VERSION:
                    self._refuse(f"line {number} is of version {record['v']}, not {_VERSION}")
                failure = record.get("error")
                if failure is not None:
                    decode_error(failure)  # it can be
                chunks = tuple([decode_chunk(chunk) for chunk in record["chunks"]])
                self._answers[record["key"]].append(_Answer(chunks, failure))
                self._heard.append(record["request"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._refuse(f"line {number} is no recorded answer", error)

    @property
    def name(self) -> str:
        return f"replay:{self.path}"

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Answer as it was answered before.

        Raises:
            NothingRecorded: This was not asked, or not as often; the hint says what comes nearest.
            RetinueError: What the recorded call raised, at its place.
        """
        text = request_text(request)
        key = key_of(text)
        if key not in self._answers:
            raise NothingRecorded(
                f"{self.name!r} was never asked this", hint=_nearest(json.loads(text), self._heard)
            )
        if not self._answers[key]:
            raise NothingRecorded(
                f"{self.name!r} was not asked this so often",
                hint="Each recorded answer is given once. Record the longer conversation.",
            )
        async with aclosing(_said(self._answers[key].popleft())) as chunks:
            yield chunks

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError as error:
            self._refuse(error.strerror or str(error), error)
        # After the last line break comes nothing, or a line whose writer was killed.
        for number, line in enumerate(lines[:-1], 1):
            if line.strip():
                yield number, line

    def _refuse(self, why: str, cause: BaseException | None = None) -> NoReturn:
        raise UnknownModel(
            f"{self.path} cannot be used as a recording: {why}",
            hint="Record one: `Recorded(model, path)`.",
        ) from cause


def find(name: str, /) -> Model:
    """The recording in the file of that name; its failures are final, so nothing is guarded."""
    return Replay(name)


@dataclass(frozen=True, slots=True)
class _Answer:
    chunks: tuple[ChatChunk, ...]
    failure: dict[str, Any] | None


async def _said(answer: _Answer) -> AsyncGenerator[ChatChunk]:
    for chunk in answer.chunks:
        yield chunk
    if answer.failure is not None:
        raise decode_error(answer.failure)


class _Tape:
    """What was heard of one answer."""

    def __init__(self) -> None:
        self.chunks: list[ChatChunk] = []
        self.whole = False
        self.failed = True
        """Whether an error is the model's; so it is until the stream is open."""

    async def listening(self, chunks: AsyncIterator[ChatChunk]) -> AsyncGenerator[ChatChunk]:
        try:
            async for chunk in chunks:
                self.chunks.append(chunk)
                self.whole = self.whole or chunk.stop is not None
                yield chunk
        except Exception:
            self.failed = True
            raise


def _nearest(asked: Any, heard: list[Any]) -> str:
    """Which recorded request comes nearest, and where it differs."""
    if not heard:
        return "The recording is empty."
    flat = dict(_leaves(asked))
    number, differing = min(
        ((n, _differences(flat, dict(_leaves(other)))) for n, other in enumerate(heard, 1)),
        key=lambda found: len(found[1]),
    )
    more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return f"Nearest is answer {number}; it differs in {'; '.join(differing[:_SHOWN])}{more}."


def _differences(asked: dict[str, Any], heard: dict[str, Any]) -> list[str]:
    return [
        f"{place}: {_short(asked, place)} now, {_short(heard, place)} then"
        for place in dict.fromkeys((*asked, *heard))
        if place not in asked or place not in heard or asked[place] != heard[place]
    ]


def _short(leaves: dict[str, Any], place: str) -> str:
    if place not in leaves:
        return "nothing"
    text = json.dumps(leaves[place], ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict() if value:
            for name, item in cast("dict[str, Any]", value).items():
                yield from _leaves(item, f"{place}.{name}" if place else name)
        case list() if value:
            for n, item in enumerate(cast("list[Any]", value)):
                yield from _leaves(item, f"{place}[{n}]")
        case _:
            yield place, value
