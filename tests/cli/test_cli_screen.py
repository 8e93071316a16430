"""Where a command writes, when the reader is odd."""

import asyncio
import io
import json
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from retinue.cli._cost import unpriced
from retinue.cli._screen import Screen, open_screen
from retinue.cli.output import FORMS, Output, open_output
from retinue.cli.output.text import Text
from retinue.errors import RetinueError
from retinue.messages import Message
from retinue.messages.events import (
    MessageEnded,
    MessageStarted,
    ModelAnswered,
    RunEnded,
    RunStarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.models import Usage


class Reader(io.StringIO):
    """A stream that does what it is told once something is sent to it."""

    def __init__(self, heed: Callable[[], None]) -> None:
        super().__init__()
        self._heed = heed

    def flush(self) -> None:
        self._heed()


def test_a_signal_while_somebody_is_waited_for_goes_on() -> None:
    def interrupt() -> None:
        assert screen.writing
        raise KeyboardInterrupt

    screen = screen_of(interrupt)
    with pytest.raises(KeyboardInterrupt):
        screen.flush()
    assert not screen.writing
    assert not screen.given_up  # a stream without a descriptor never makes us wait


def test_a_stream_that_was_closed_is_an_error_that_says_so() -> None:
    screen = screen_of(lambda: None)
    assert screen.expect_reader() is not None
    screen.expect_reader().close()
    with pytest.raises(RetinueError, match="The answer cannot be written: I/O operation on closed"):
        screen.write("words")
    screen.let_go()


async def test_what_goes_wrong_between_two_words_is_told_to_the_next() -> None:
    states = iter([None, BrokenPipeError()])

    def leave() -> None:
        if error := next(states, None):
            raise error

    text = Text(screen_of(leave))
    text.tell(MessageStarted(message="1", role="assistant"))
    text.tell(said("Once"))
    text.tell(said(" upon"))
    async with asyncio.timeout(20):
        while next_state(states):
            await asyncio.sleep(0.01)  # until the timer has sent it
    with pytest.raises(BrokenPipeError):
        text.tell(said(" a time"))


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_knows_every_event(form: str) -> None:
    screen = screen_of(lambda: None)
    output: Output = open_output(form, screen)
    output.introduce("ada", "some:model", unpriced)
    for event in (
        RunStarted(agent="ada"),
        MessageStarted(message="1", role="assistant"),
        ThinkingAdded(message="1", offset=0, text="Hm."),
        said("Hello"),
        ModelAnswered(model="some:model", usage={"input": 3}),
        MessageEnded(message=Message("Hello", role="assistant")),
        RunEnded(),
    ):
        await output.prepare(event)
        output.tell(event)
    written = screen.expect_reader()
    assert isinstance(written, Reader)
    assert "Hello" in written.getvalue()
    assert written.getvalue().endswith("\n")


@pytest.mark.parametrize("form", ["json", "stream-json"])
async def test_prices_are_asked_for_ahead_once_and_no_loop_runs_there(form: str) -> None:
    asked: list[tuple[str, int, bool]] = []

    def pricing(model: str, usage: Usage) -> None:
        asked.append((model, usage.input, threading.current_thread() is threading.main_thread()))
        raise LookupError("the table is broken")

    output = open_output(form, screen_of(lambda: None))
    output.introduce("ada", "some:model", pricing)
    for id in ("1", "2"):
        await output.prepare(MessageStarted(message=id, role="assistant"))
    for thread in threading.enumerate():
        if thread.name == "prices":
            thread.join(20)
    assert asked == [("some:model", 0, False)]


async def test_what_another_model_cost_is_at_hand_too_before_it_is_told() -> None:
    asked: list[tuple[str, bool]] = []

    def pricing(model: str, usage: Usage) -> None:
        asked.append((model, threading.current_thread() is threading.main_thread()))

    output = open_output("stream-json", screen_of(lambda: None))
    output.introduce("ada", "some:model", pricing)
    await output.prepare(ModelAnswered(model="another:model"))
    assert asked == [("another:model", False)]


@pytest.mark.parametrize("form", ["json", "stream-json"])
def test_what_the_vendor_says_of_the_cost_counts(form: str) -> None:
    screen = screen_of(lambda: None)
    output = open_output(form, screen)
    output.introduce("ada", "some:model", unpriced)
    output.tell(ModelAnswered(model="some:model", usage={"input": 3}, cost=Decimal("0.25")))
    output.tell(RunEnded())
    written = screen.expect_reader()
    assert isinstance(written, Reader)
    first = json.loads(written.getvalue().splitlines()[0])
    if form == "json":
        assert first["cost"] == {"dollars": "0.25", "table": "vendor", "estimate": True}
    else:
        told = {name: first[name] for name in ("cost", "table", "estimate")}
        assert told == {"cost": "0.25", "table": "vendor", "estimate": True}


def said(text: str) -> TextAdded:
    return TextAdded(message="1", offset=0, text=text)


def next_state(states: Any) -> bool:
    return bool(states.__length_hint__())


def screen_of(heed: Callable[[], None]) -> Screen:
    return open_screen(Reader(heed), io.StringIO(), {}, program="retinue")
