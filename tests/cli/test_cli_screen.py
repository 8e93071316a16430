"""Where a command writes, when the reader is odd."""

import asyncio
import io
from collections.abc import Callable
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
    RunEnded,
    RunStarted,
    TextAdded,
    ThinkingAdded,
)


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
        MessageEnded(message=Message("Hello", role="assistant")),
        RunEnded(),
    ):
        output.tell(event)
    written = screen.expect_reader()
    assert isinstance(written, Reader)
    assert "Hello" in written.getvalue()
    assert written.getvalue().endswith("\n")


def said(text: str) -> TextAdded:
    return TextAdded(message="1", offset=0, text=text)


def next_state(states: Any) -> bool:
    return bool(states.__length_hint__())


def screen_of(heed: Callable[[], None]) -> Screen:
    return open_screen(Reader(heed), io.StringIO(), {}, program="retinue")
