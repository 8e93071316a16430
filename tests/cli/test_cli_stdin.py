"""Standard input, where it is no plain pipe."""

import io
import os
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from retinue.cli import _stdin
from retinue.cli._stdin import read_input
from retinue.errors import RetinueError


def test_no_input_and_closed_input_are_none() -> None:
    closed = io.TextIOWrapper(io.BytesIO(b"x"))
    closed.close()
    assert read_input(None, waiting=never) is None
    assert read_input(closed, waiting=never) is None


def test_input_that_cannot_be_waited_for_is_just_read() -> None:
    assert read_input(io.TextIOWrapper(io.BytesIO(b"words")), waiting=never) == "words"


def test_input_that_cannot_be_read_is_said() -> None:
    with pytest.raises(RetinueError, match="Standard input cannot be read: Is a directory"):
        read_input(_Folder(io.BytesIO()), waiting=never)


def test_up_to_the_limit_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stdin, "LIMIT", 4)
    assert read_input(io.TextIOWrapper(io.BytesIO(b"1234")), waiting=never) == "1234"
    with pytest.raises(RetinueError, match="More than"):
        read_input(io.TextIOWrapper(io.BytesIO(b"12345")), waiting=never)


def test_somebody_is_told_when_nothing_comes(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[TextIO, int]
) -> None:
    monkeypatch.setattr(_stdin, "PATIENCE", 0.01)
    reading, writing = pipe
    told: list[float] = []

    def waiting() -> None:
        told.append(time.monotonic())
        os.write(writing, b"at last")
        os.close(writing)

    assert read_input(reading, waiting=waiting) == "at last"
    assert len(told) == 1


def never() -> None:
    pytest.fail("nobody had to wait")


class _Folder(io.TextIOWrapper):
    """An input that is a folder, as in `retinue </`: reading it fails."""

    @property
    def buffer(self) -> io.BytesIO:  # type: ignore[override]
        raise IsADirectoryError(21, "Is a directory")


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, int]]:
    reading, writing = os.pipe()
    with open(reading) as stream:
        yield stream, writing
