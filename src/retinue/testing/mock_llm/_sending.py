"""Sending: an answer with its delays and faults, over one wire into one connection."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Final, cast

from retinue.messages import Thinking, ToolCall
from retinue.models import Stop
from retinue.models.scripted import Cut, Silence, WrittenCall

from ._answers import Answer, Disconnect, ErrorEvent, Event, Line, Loris, Malformed
from ._http import Outlet
from ._wire import Asked, Wire, counted, dumped, encoded

_HALF: Final = '{"malformed": [{'
"""Half of some JSON."""


async def send(answer: Answer, wire: Wire, asked: Asked, out: Outlet) -> bool:
    """Send the answer; whether the connection can be used again.

    Raises:
        ConnectionError: The client has gone.
    """
    stop = _stop(answer, wire)
    usage = counted(asked, answer.said) if answer.usage is None else answer.usage
    if not asked.streaming:
        body = json.dumps(wire.whole(asked, answer.said, stop, usage)).encode()
        return await _send_whole(answer, body, wire, out)
    await out.begin({"content-type": wire.media, "cache-control": "no-cache"})
    frames = _Frames(answer, out)
    writer = wire.writer(asked)
    begun = False
    lines = _grouped(answer.said)
    for place, line in enumerate(lines):
        if not begun and isinstance(line, str | Thinking | tuple):
            await frames.send(writer.opening())
            begun = True
        match line:
            case str():
                await frames.send(writer.text(line))
            case Thinking(text=text):
                await frames.send(writer.thinking(text))
            case tuple():
                await frames.send(writer.calls(line))
            case Event(data=data):
                await frames.send([wire.frame(data)])
            case Malformed():
                await frames.send([wire.frame(_HALF)])
            case ErrorEvent(message=message):
                await frames.send([wire.frame(wire.error(500, message))])
                if place == len(lines) - 1:
                    await out.end()
                    return True
            case Silence(seconds=seconds):
                await asyncio.sleep(seconds)
            case Loris():
                await _trickle(line, out, wire.quiet)
            case Cut():
                await out.end()
                return True
            case Disconnect(reset=reset):
                await out.half(wire.frame(_HALF)[:10])
                if reset:
                    out.reset()
                return False
            case _:
                pass  # a call, and those are tuples by now
    if not begun:
        await frames.send(writer.opening())
    await frames.send(writer.ended(stop, usage))
    await out.end()
    return True


class _Frames:
    def __init__(self, answer: Answer, out: Outlet) -> None:
        self._delay = answer.frame_delay
        self._out = out

    async def send(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if self._delay > 0:
                await asyncio.sleep(self._delay)
            await self._out.chunk(frame)


async def _send_whole(answer: Answer, body: bytes, wire: Wire, out: Outlet) -> bool:
    """The answer in one piece; faults happen to that piece."""
    headers = {"content-type": "application/json"}
    half = body[: len(body) // 2]
    for line in answer.said:
        match line:
            case Silence(seconds=seconds):
                await asyncio.sleep(seconds)
            case Malformed() | Cut():
                await out.whole(200, headers, half)
                return True
            case ErrorEvent(message=message):
                await out.whole(500, headers, encoded(dumped(wire.error(500, message))))
                return True
            case Disconnect(reset=reset):
                await out.whole(200, {**headers, "content-length": str(len(body))}, half)
                if reset:
                    out.reset()
                return False
            case Loris():
                await out.begin(headers)
                await _trickle(line, out, b" ")
                await out.chunk(body)
                await out.end()
                return True
            case _:
                pass
    await out.whole(200, headers, body)
    return True


async def _trickle(loris: Loris, out: Outlet, quiet: bytes) -> None:
    clock = asyncio.get_running_loop().time
    until = clock() + loris.seconds
    while clock() < until:
        await out.chunk(quiet)
        await asyncio.sleep(loris.every)


def _stop(answer: Answer, wire: Wire) -> str:
    """The vendor's word for why it ended; a word that is none of ours is one of theirs."""
    if answer.stop is not None:
        return wire.stops.get(cast(Stop, answer.stop), answer.stop)
    called = any(isinstance(line, ToolCall | WrittenCall) for line in answer.said)
    return wire.stops["tool_calls" if called else "end"]


type _Run = tuple[ToolCall | WrittenCall, ...]


def _grouped(lines: Sequence[Line]) -> list[Line | _Run]:
    """The lines, neighbouring calls as one."""
    found: list[Line | _Run] = []
    for line in lines:
        if not isinstance(line, ToolCall | WrittenCall):
            found.append(line)
        elif found and isinstance(found[-1], tuple):
            found[-1] = (*found[-1], line)
        else:
            found.append((line,))
    return found
