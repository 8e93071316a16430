"""Screen: the two streams of a command; answers go to one, everything else to the other."""

import io
import os
import select
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Final, TextIO, cast

from retinue.errors import RetinueError
from retinue.telemetry.terminal import Look, look_of, one_line, redacted

_SWITCHED_ON: Final = ("1", "true", "yes", "on")


class Beside:
    """What is beside the answer as a stream, for the log."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen

    def write(self, lines: str) -> None:
        self._screen.note(lines.removesuffix("\n"))

    def flush(self) -> None:
        """A note is never held back."""


class Screen:
    """Where a command writes.

    Args:
        out, err: The streams; None where one was closed before we began.
        look, err_look: What they can show.
        program: How we were called, for hints.
        debug: Whether errors are shown with their traceback.
    """

    def __init__(
        self,
        out: TextIO | None,
        err: TextIO | None,
        *,
        look: Look,
        err_look: Look,
        program: str,
        debug: bool,
    ) -> None:
        self._out = out
        self._err = err
        self.look = look
        self.err_look = err_look
        self.program = program
        self.debug = debug
        self.secrets: Mapping[str, str] = {}
        """What must not be shown, and what to show instead of it."""
        self.writing = False
        """Whether we wait for whoever reads us; a signal must break that."""
        self.given_up = False
        """Whether nobody can be waited for any more."""
        self.make_way: Callable[[], None] = _nothing
        """Called before a note appears on the screen where the answer is being written."""

    def expect_reader(self) -> TextIO:
        """The stream somebody can read an answer from; asked before the answer is made.

        Raises:
            RetinueError: Standard output was closed before we began.
        """
        if self._out is None:
            raise RetinueError(
                "Standard output is closed, so nobody could read the answer",
                hint="Leave it open, or send it to a file.",
            )
        return self._out

    def write(self, text: str) -> None:
        """Say something on standard output; `flush` sends it off.

        Raises:
            BrokenPipeError: The reader has gone.
            RetinueError: It cannot be written for another reason.
        """
        out = self.expect_reader()
        self._wait_for(out, lambda: out.write(text))

    def flush(self) -> None:
        """Send off what was written. Raises as `write` does."""
        if self._out is not None:
            self._wait_for(self._out, self._out.flush)

    def note(self, text: str) -> None:
        """Say something beside the answer; if that cannot be read, it is no matter."""
        if self._err is not None:
            if self.look.live and self.err_look.live:
                self.make_way()
            with suppress(OSError, ValueError):
                self._err.write(f"{redacted(text, self.secrets.items())}\n")
                self._err.flush()

    def complain(self, error: BaseException) -> None:
        """Say in one line what went wrong and what to do next."""
        expected = isinstance(error, RetinueError)
        words = str(error) if expected else f"{type(error).__name__}: {error}"
        hint = getattr(error, "hint", None)
        if not expected and not self.debug:
            hint = "This should not happen; -vv, or RETINUE_DEBUG=1, shows where it did."
        self.warn(words, hint)
        if self.debug:
            self.note("".join(traceback.format_exception(error)).rstrip())

    def warn(self, words: str, hint: str | None = None) -> None:
        """The same for what is no error of ours."""
        paint = self.err_look.paint
        line = one_line(words)
        if line[-1:] not in ".!?":
            line += "."
        name = paint(f"{self.program}:", "red", "bold")
        self.note(f"{name} {line} {paint(one_line(hint), 'dim')}" if hint else f"{name} {line}")

    def remark(self, words: str) -> None:
        """Say in one line what is good to know."""
        self.note(f"{self.err_look.paint(f'{self.program}:', 'yellow')} {one_line(words)}")

    def let_go(self) -> None:
        """Nothing more is written: what a stream still holds must not fail when Python ends."""
        for stream in filter(None, (self._out, self._err)):
            try:
                stream.flush()
            except (OSError, ValueError):
                _send_nowhere(stream)

    def _wait_for(self, out: TextIO, act: Callable[[], object]) -> None:
        self.writing = True
        try:
            act()
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            if not _has_room(out):  # nobody reads, so we do not wait for them again
                self.given_up = True
                _send_nowhere(out)
            raise
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise RetinueError(
                f"The answer cannot be written: {why}", hint="Send it to another place."
            ) from error
        finally:
            self.writing = False


def _nothing() -> None:
    """Nobody is writing."""


def _has_room(stream: TextIO) -> bool:
    """Whether something can be written without waiting; where that cannot be known, it can."""
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except (OSError, ValueError):
        return True


def _send_nowhere(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _ready(stream: TextIO | None) -> TextIO | None:
    if isinstance(getattr(stream, "buffer", None), io.RawIOBase):  # PYTHONUNBUFFERED is set
        # Text over a raw file loses the rest of a partial write without a word.
        number, encoding = cast(TextIO, stream).fileno(), cast(TextIO, stream).encoding
        return open(number, "w", encoding=encoding, errors="replace", closefd=False)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return stream


def open_screen(
    out: TextIO | None, err: TextIO | None, environ: Mapping[str, str], *, program: str
) -> Screen:
    """The screen of this process; what cannot be encoded is replaced, not an error."""
    out, err = _ready(out), _ready(err)
    name = PurePath(program).stem
    return Screen(
        out,
        err,
        look=look_of(out, environ),
        err_look=look_of(err, environ),
        program=name if name in ("retinue", "main") else "retinue",
        debug=environ.get("RETINUE_DEBUG", "").lower() in _SWITCHED_ON,
    )
