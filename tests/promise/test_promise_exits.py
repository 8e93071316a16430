"""Law 5 for exit signals, law 10 for Ctrl-C."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from retinue.promise import Promise, Scope, StreamAppender, StreamedPromise

pytestmark = pytest.mark.timeout(30)
SIGNALS = pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
SOURCE = Path(__file__).parents[2] / "src"


def raising(kind: type[BaseException]) -> Any:
    async def resolver(_: Any) -> None:
        await asyncio.sleep(0)
        raise kind

    return resolver


class Sleeper:
    def __init__(self) -> None:
        self.cleaned_up = False

    async def __call__(self, _: Any = None) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True


@SIGNALS
async def test_an_exit_signal_nobody_reads_comes_out_of_the_scope(
    kind: type[BaseException],
) -> None:
    with pytest.raises(kind):
        async with Scope():
            Promise(raising(kind))


@SIGNALS
async def test_it_stops_what_else_runs_and_the_block_itself(kind: type[BaseException]) -> None:
    sleeper = Sleeper()
    with pytest.raises(kind):
        async with Scope():
            Promise(sleeper)
            Promise(raising(kind))
            await asyncio.sleep(3600)
    assert sleeper.cleaned_up
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


@SIGNALS
async def test_it_reaches_the_reader_first(kind: type[BaseException]) -> None:
    seen: list[BaseException] = []
    with pytest.raises(kind) as raised:
        async with Scope():
            try:
                await Promise(raising(kind))
            except kind as error:
                seen.append(error)
    assert seen == [raised.value]


@SIGNALS
async def test_a_reader_that_swallows_it_does_not_go_on_for_ever(
    kind: type[BaseException],
) -> None:
    trace: list[str] = []
    with pytest.raises(kind):
        async with Scope():
            try:
                await Promise(raising(kind))
            except kind:
                trace.append("read")
            await asyncio.sleep(3600)
    assert trace == ["read"]


@SIGNALS
async def test_it_is_raised_at_the_root_not_in_between(kind: type[BaseException]) -> None:
    far, near = Sleeper(), Sleeper()
    trace: list[str] = []
    with pytest.raises(kind):
        async with Scope():
            Promise(far)
            try:
                async with Scope():
                    promise = Promise(near)
                    Promise(raising(kind))
                    await promise  # of the inner scope, and it would last for an hour
            except kind:
                trace.append("too early")
            finally:
                assert near.cleaned_up
    assert trace == []
    assert far.cleaned_up


@SIGNALS
async def test_a_scope_within_work_hands_it_on(kind: type[BaseException]) -> None:
    async def work(_: Any) -> None:
        async with Scope():
            Promise(raising(kind))
            await asyncio.sleep(3600)

    with pytest.raises(kind):
        async with Scope():
            Promise(work)
            await asyncio.sleep(3600)


@SIGNALS
async def test_it_may_come_while_the_scope_is_being_left(kind: type[BaseException]) -> None:
    sleeper = Sleeper()

    async def late(_: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        raise kind

    with pytest.raises(kind):
        async with Scope():
            Promise(sleeper)
            Promise(late)
    assert sleeper.cleaned_up


@SIGNALS
async def test_it_replaces_the_error_of_the_block(kind: type[BaseException]) -> None:
    async def stubborn(_: Any) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise kind from None

    with pytest.raises(kind):
        async with Scope():
            Promise(stubborn)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            raise ValueError


@SIGNALS
async def test_streams_and_appenders_raise_it_too(kind: type[BaseException]) -> None:
    async def streamer(_: Any) -> AsyncIterator[int]:
        yield 1
        raise kind

    with pytest.raises(kind):
        async with Scope():
            assert await anext(aiter(StreamedPromise(streamer))) == 1
    with pytest.raises(kind):
        async with Scope():
            with StreamAppender[int](capture_errors=True) as appender:
                raise kind
            assert appender.log.closed
            await asyncio.sleep(3600)


@SIGNALS
async def test_it_is_over_after_the_root(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        async with Scope():
            Promise(raising(kind))
    async with Scope(), asyncio.timeout(5):
        await asyncio.sleep(0)


async def test_several_at_once_are_one() -> None:
    with pytest.raises(SystemExit):
        async with Scope():
            Promise(raising(SystemExit))
            Promise(raising(KeyboardInterrupt))
            Promise(raising(SystemExit))


@SIGNALS
def test_outside_of_any_scope_it_ends_the_loop(kind: type[BaseException]) -> None:
    async def main() -> None:
        Promise(raising(kind))
        await asyncio.sleep(3600)

    with pytest.raises(kind):
        asyncio.run(main())


@SIGNALS
def test_outside_of_any_scope_a_scope_opened_later_is_a_root_all_the_same(
    kind: type[BaseException],
) -> None:
    async def main() -> str:
        await Promise(value=1)  # makes the loop itself an owner of work
        with pytest.raises(kind):
            async with Scope():
                Promise(raising(kind))
        return "went on"

    assert asyncio.run(main()) == "went on"


# -- the real thing

PROGRAM = """
import asyncio, sys
from retinue.promise import Promise, Scope, StreamedPromise, run

async def sleeper(promise):
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        print("cleaned up", flush=True)

async def stream(promise):
    async with Scope():
        Promise(sleeper)
        yield 1
        await asyncio.sleep(3600)

async def main():
    promises = [Promise(sleeper) for _ in range(3)]
    await anext(aiter(StreamedPromise(stream)))
    await asyncio.sleep(0)
    print("ready", flush=True)
    {wait}

run(main)
"""


@pytest.mark.parametrize(
    "wait",
    ["await asyncio.sleep(3600)", "await promises[0]", "pass", "await asyncio.Event().wait()"],
)
def test_ctrl_c_cancels_everything_waits_for_it_and_ends(wait: str) -> None:
    program = PROGRAM.replace("{wait}", wait)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    assert out == "cleaned up\n" * 4
    assert process.returncode == -signal.SIGINT
    assert err.count("Traceback") <= 2
    assert err.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("code", ["raise SystemExit(7)", "raise KeyboardInterrupt"])
def test_an_exit_deep_inside_ends_the_program(code: str) -> None:
    program = PROGRAM.replace("{wait}", "Promise(leave); await asyncio.sleep(3600)").replace(
        "async def main", f"async def leave(_):\n    {code}\n\nasync def main"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert done.stdout == "ready\n" + "cleaned up\n" * 4
    assert done.returncode == (7 if "7" in code else -signal.SIGINT)
