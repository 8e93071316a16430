"""Faults: each ends in a typed error in its time, none looks finished, none is asked again after
the first chunk; before it, what may succeed the next time is.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from retinue.errors import ModelError, ModelSilent, ModelUnreachable, StreamIncomplete
from retinue.models.scripted import Cut, Silence
from retinue.testing.mock_llm import (
    Disconnect,
    ErrorEvent,
    Fault,
    Loris,
    Malformed,
    NoAnswer,
    Wire,
)

from ._bench import Bench, Check, expect, named

_SAID: Final = "The flux capacitor has melted"


class _Fault(NamedTuple):
    name: str
    line: Fault
    kind: type[ModelError]
    """After the first chunk."""
    passes: bool = True
    """Whether the next time it may be better."""


_FAULTS: Final = (
    _Fault("a broken connection", Disconnect(), StreamIncomplete),
    _Fault("a reset connection", Disconnect(reset=True), StreamIncomplete),
    _Fault("an end without the terminal event", Cut(), StreamIncomplete),
    _Fault("silence", Silence(), ModelSilent),
    _Fault("bytes without events", Loris(), ModelSilent),
    _Fault("a malformed frame", Malformed(), ModelError, passes=False),
    _Fault("an error event", ErrorEvent(_SAID), ModelError, passes=False),
)


def checks(wire: Wire) -> Sequence[Check]:
    return [
        *[Check(f"{one.name} in the middle is an error", _in_the_middle(one)) for one in _FAULTS],
        *[Check(f"{one.name} at the start is an error", _at_the_start(one)) for one in _FAULTS],
        *[
            Check(f"{one.name} at the start is asked again", _asked_again([one.line]))
            for one in _FAULTS
            if one.passes
        ],
        Check("no answer at all is asked again", _asked_again(NoAnswer())),
        Check("silence before the answer is asked again", _asked_again(NoAnswer(seconds=1e6))),
        named(silence_before_the_answer_is_an_error),
        named(what_is_no_http_is_an_error),
        named(a_server_that_is_not_there_is_unreachable),
    ]


def _in_the_middle(fault: _Fault) -> Callable[[Bench], Awaitable[None]]:
    async def is_an_error(bench: Bench) -> None:
        bench.script(["One ", "two ", fault.line, "three"], "Asked again.")
        heard = await bench.hear_error(fault.kind, idle_timeout=bench.soon, retries=2)
        expect("One two ".startswith(heard.text), "no more than 'One two '", heard)
        expect(bool(heard.text), "the words before it", heard)
        expect(len(bench.seen) == 1, "one request: the reader has seen a part", bench.seen)
        _told(fault, heard.error)
        await _over(bench)

    return is_an_error


def _at_the_start(fault: _Fault) -> Callable[[Bench], Awaitable[None]]:
    async def is_an_error(bench: Bench) -> None:
        bench.script([fault.line, "three"])
        heard = await bench.hear_error(first_timeout=bench.soon, retries=0)
        expect(not heard.text, "no words", heard)
        expect(len(bench.seen) == 1, "one request, as retries=0", bench.seen)
        _told(fault, heard.error)
        await _over(bench)

    return is_an_error


def _asked_again(first: NoAnswer | list[Fault]) -> Callable[[Bench], Awaitable[None]]:
    async def is_asked_again(bench: Bench) -> None:
        bench.script(first, "Fine.")
        heard = await bench.hear_whole(first_timeout=bench.soon, retries=1)
        expect(heard.text == "Fine.", "the text 'Fine.' alone", heard)
        expect(len(bench.seen) == 2, "two requests", bench.seen)

    return is_asked_again


async def silence_before_the_answer_is_an_error(bench: Bench) -> None:
    bench.script(NoAnswer(seconds=1e6))
    await bench.hear_error(ModelSilent, first_timeout=bench.soon)
    await _over(bench)


async def what_is_no_http_is_an_error(bench: Bench) -> None:
    for sent in (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-ty"):
        bench.script(NoAnswer(sent))
        await bench.hear_error()


async def a_server_that_is_not_there_is_unreachable(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    await bench.hear_error(ModelUnreachable, url=f"http://127.0.0.1:{port}")


def _told(fault: _Fault, error: Exception | None) -> None:
    if isinstance(fault.line, ErrorEvent):
        expect(_SAID in str(error), f"the server's own words, {_SAID!r}", error)


async def _over(bench: Bench) -> None:
    """After an error nothing stays open."""
    one = bench.seen[-1]
    if not one.answered.is_set():
        await bench.wait(one.left, "the end of the connection, at the server,")
