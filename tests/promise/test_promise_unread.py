"""Law 12: errors nobody read are logged once, with the trace, and harm nobody."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import PromiseCancelled
from retinue.promise import Failure, Promise, Scope, StreamAppender, StreamedPromise

pytestmark = pytest.mark.timeout(20)
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(autouse=True)
def nothing_is_left_of_other_tests() -> None:
    gc.collect()


class Named(Scope):
    """A scope with a name, as a turn has the name of its agent."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    @property
    def name(self) -> str:
        return self._name


async def broken(_: Any) -> None:
    raise ValueError("boom")


async def broken_stream(_: Any) -> AsyncIterator[int]:
    yield 1
    raise ValueError("boom")


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    gc.collect()
    return [record for record in caplog.records if record.name == "retinue"]


async def test_an_unread_error_is_logged_once_with_the_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Named("editor"), Named("writer"):
        Promise(broken)
    (record,) = logged(caplog)
    assert record.getMessage() == "error nobody read"
    assert record.levelno == logging.ERROR
    assert record.fields == {"agents": "writer <- editor"}  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "boom"


async def test_an_unread_error_of_a_stream_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async with Scope():
        stream = StreamedPromise(broken_stream)
        again = StreamedPromise(stream)
    del stream, again
    assert len(logged(caplog)) == 1


async def test_an_error_in_an_appender_nobody_streamed_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Scope():
        with StreamAppender[int](capture_errors=True):
            raise ValueError("boom")
    assert len(logged(caplog)) == 1


@pytest.mark.parametrize("how", ["value", "pieces", "derived", "gather"])
async def test_an_error_somebody_read_is_not_logged(
    caplog: pytest.LogCaptureFixture, how: str
) -> None:
    async with Scope():
        stream = StreamedPromise(broken_stream)
        match how:
            case "value":
                with pytest.raises(ValueError, match="boom"):
                    await stream
            case "pieces":
                with pytest.raises(ValueError, match="boom"):
                    async for _ in stream:
                        pass
            case "derived":
                with pytest.raises(ValueError, match="boom"):
                    await StreamedPromise(stream)
            case _:
                await asyncio.gather(stream, return_exceptions=True)
    del stream
    assert logged(caplog) == []


async def test_an_error_that_was_read_by_work_which_failed_of_it_is_logged_for_that_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def reader(_: Any) -> None:
        await Promise(broken)

    async with Scope():
        Promise(reader)
    assert len(logged(caplog)) == 1


@pytest.mark.parametrize("read", ["nothing", "pieces", "value"])
async def test_an_error_a_resolver_lets_through_is_one_error(
    caplog: pytest.LogCaptureFixture, read: str
) -> None:
    async def as_list(stream: Any) -> list[int]:
        return [piece async for piece in stream]

    async with Scope():
        stream = StreamedPromise(broken_stream, as_list)
        match read:
            case "pieces":
                with pytest.raises(ValueError, match="boom"):
                    async for _ in stream:
                        pass
            case "value":
                with pytest.raises(ValueError, match="boom"):
                    await stream
    del stream
    assert len(logged(caplog)) == (1 if read == "nothing" else 0)


async def test_what_was_stopped_on_purpose_is_nothing_to_report(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def sleeper(_: Any) -> None:
        await asyncio.sleep(3600)

    async with Scope() as scope:
        promise = Promise(sleeper)
        Promise(sleeper, eager=False)
        StreamedPromise(broken_stream, eager=False)
        await anext(aiter(StreamedPromise(broken_stream, eager=False)))
        promise.cancel()
        await asyncio.sleep(0)
        scope.cancel()
    del promise
    assert logged(caplog) == []


async def test_an_exit_signal_is_raised_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def leave(_: Any) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        async with Scope():
            Promise(leave)
    assert logged(caplog) == []


async def test_errors_as_messages_of_the_log_can_be_marked_as_seen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failure = Failure(ValueError("boom"))
    failure.seen = True
    del failure
    assert Failure(PromiseCancelled()).seen
    assert logged(caplog) == []


@pytest.mark.parametrize("keep", ["kept.append(promise)", "kept.append(promise._failure)", "pass"])
def test_at_the_end_of_the_program_it_is_logged_without_another_word(keep: str) -> None:
    program = f"""
import asyncio, logging
from retinue.promise import Promise, Scope
logging.basicConfig(format="%(message)s")
kept = []

async def broken(_):
    raise ValueError("boom")

async def main():
    async with Scope():
        promise = Promise(broken)
    {keep}

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.count("error nobody read") == 1
    assert "ignored" not in done.stderr
    assert done.stderr.rstrip().endswith("ValueError: boom")


def test_when_logging_is_gone_already_nothing_more_goes_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from retinue.promise import _log

    monkeypatch.setattr(_log, "telemetry", None)
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    failure = Failure(ValueError("boom"))
    del failure
    assert unraisable == []
