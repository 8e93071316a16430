"""Prompt: a terminal with a line to type in at its foot, and above it what is not finished yet."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import ColorDepth

from retinue.cli._screen import Screen
from retinue.settings import typed_file
from retinue.telemetry.terminal import one_line

from ._above import Above, screen_above
from ._approval import Answer, Approval
from ._cells import fit, wrapped
from ._complete import Complete
from ._keys import keys_of
from ._layout import STYLE, layout_of
from ._reflow import Reflowing, does_reflow
from ._session import Session
from ._steady import Steady
from ._transcript import mark, said
from ._typed import Typed

_PICTURES: Final = 0.04
"""Seconds between two pictures, at least."""
STOP: Final = "/stop"
"""The one command that does not wait for the end of the answer."""
_TICK: Final = 0.1
"""Seconds between two pictures while something goes on, at most."""


class Prompt:
    """A terminal that can be typed at while it shows something.

    Args:
        input, output: The terminal.
        screen: The same, as a command knows it.
        typed: Where to keep what was typed; nowhere, if there is no such place.
        reflows: Whether the terminal breaks long rows anew when it becomes narrower.
    """

    def __init__(
        self,
        input: Input,
        output: Steady,
        screen: Screen,
        *,
        typed: Path | None = None,
        reflows: bool = True,
    ) -> None:
        self._above = Above(lambda lines: self.show(wrapped(lines, self.width)))
        self.screen = screen_above(screen, self._above)
        self._look = look = screen.look
        self._output = output
        self._session: Session | None = None
        self._finished: list[str] = []  # but not written yet
        self._drawn: list[str] = []  # above the line, in the present picture
        self._sent: deque[str] = deque()  # and taken by nobody yet
        self._news = asyncio.Event()
        self._left = False
        self._failure: BaseException | None = None
        self._showing: _Showing | None = None
        self._approval = Approval()
        self._hint: list[str] = []
        self._notes: list[str] = []  # for when nothing goes on any more
        self._reply: _Reply | None = None
        self.buffer = Buffer(
            multiline=True,
            history=Typed(typed, self.screen.remark) if typed else None,
            complete_while_typing=Condition(self._may_complete),
            accept_handler=self._send,
        )
        self._app = Reflowing(
            layout=layout_of(
                self.buffer,
                lambda: self._drawn,
                mark=mark(look),
                rows=lambda: output.get_size().rows,
            ),
            style=STYLE,
            key_bindings=keys_of(self),
            color_depth=None if look.colour else ColorDepth.DEPTH_1_BIT,
            erase_when_done=True,
            min_redraw_interval=_PICTURES,
            before_render=self._begin_picture,
            after_render=lambda _: output.finish(),
            input=input,
            output=output,
        )
        self._app.reflows = reflows
        self._app.key_processor.before_key_press += self._key_is_pressed
        self._app.key_processor.after_key_press += self._key_was_pressed

    @asynccontextmanager
    async def open(self, session: Session) -> AsyncGenerator[None]:
        self._session = session
        self.buffer.completer = Complete(session)
        drawing = self._app.run_async(set_exception_handler=False, handle_sigint=False)
        running = asyncio.ensure_future(drawing)
        running.add_done_callback(lambda _: self.leave())
        try:
            # Whatever prints, a tool perhaps, would draw into the picture.
            with redirect_stdout(self._above), redirect_stderr(self._above):
                yield
        finally:
            running.cancel()
            await asyncio.wait({running})
            self._write_finished()
            self._output.finish()
            self._output.flush()
        failure = self._failure or (None if running.cancelled() else running.exception())
        if failure is not None and not isinstance(failure, EOFError):
            raise failure

    # -- what a `Terminal` does

    @property
    def width(self) -> int:
        return self._output.get_size().columns

    def show(self, lines: Iterable[str]) -> None:
        self._finished += lines
        self._app.invalidate()

    async def line(self) -> str | None:
        notes, self._notes = self._notes, []
        self.show(wrapped(notes, self.width))
        while not self._left:
            if self._sent:
                line = self._sent.popleft()
                self.show(wrapped(said(line, self._look), self.width))
                return line
            self._news.clear()
            await self._news.wait()
        return None

    def note(self, line: str) -> None:
        if self._showing is None:
            self.show(wrapped([line], self.width))
        else:
            self._notes.append(line)

    @contextmanager
    def showing(
        self, live: Callable[[], list[str]], stop: Callable[[], object], leave: Callable[[], object]
    ) -> Generator[None]:
        self._showing = _Showing(live, stop, leave)
        ticking = asyncio.ensure_future(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            self._showing = None
            self._app.invalidate()

    async def ask(self, question: str) -> Answer:
        return await self._approval.ask(question)

    async def reply(self, question: str) -> str:
        self._reply = reply = _Reply(question, asyncio.get_running_loop().create_future())
        self._app.invalidate()
        try:
            return await reply.line
        finally:
            self._reply = None

    # -- what a `Typist` does

    @property
    def may_answer(self) -> bool:
        return self._approval.may_answer

    @property
    def waits(self) -> bool:
        return bool(self._sent)

    def answer(self, answer: Answer) -> None:
        self._approval.answer(answer)

    def interrupt(self) -> None:
        if self._showing is not None:
            self._showing.stop()
        elif self.buffer.text:
            self.buffer.reset()
        else:
            self._hint = ["Ctrl-D leaves"]
        self._app.invalidate()

    def leave(self) -> None:
        self._left = True
        self._news.set()
        if self._showing is not None:
            self._showing.leave()

    def quit(self) -> None:
        again, self._left = self._left, True
        if self._showing is None or again:
            self.leave()
        else:
            self._showing.stop()

    def take_back(self) -> None:
        self.buffer.insert_text(self._sent.pop())

    # -- the screen

    def _lines(self) -> list[str]:
        """The lines above the one that is typed."""
        paint, width = self._look.paint, self.width
        if self._showing is not None:
            most = max(self._output.get_size().rows // 2, 1)
            lines = self._showing.live()[-most:]
        else:
            attached = self._session.attached if self._session is not None else []
            clip = self._look.sign("📎 ", "+ ")
            lines = [paint(f"  {clip}{each}", "dim") for each in attached]
        below = [*[f"queued: {one_line(line)}" for line in self._sent], *self._hint]
        asked = self._approval.drawn(self._look)
        if self._reply is not None:
            asked.append(paint(fit(f"  {self._reply.question}", width), "yellow", "bold"))
        return [*lines, *asked, *[paint(fit(line, width), "dim") for line in below]]

    def _begin_picture(self, app: Application[Any]) -> None:
        """Write what is finished, and make room for what is not."""
        self._output.begin()
        try:
            self._drawn = self._lines()
        except Exception as error:  # prompt_toolkit would log it, and never draw again
            self._failure, self._drawn = error, []
            self.leave()
        size, before = self._output.get_size(), app.renderer.last_rendered_screen
        wanted = app.layout.container.preferred_height(size.columns, size.rows).preferred
        if self._finished or (before is not None and before.height > wanted):
            app.renderer.erase()
            self._write_finished()

    def _write_finished(self) -> None:
        self._output.write_raw("".join([f"{line}\r\n" for line in self._finished]))
        self._finished.clear()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._app.invalidate()

    # -- keys

    def _may_complete(self) -> bool:
        """Whether a menu comes by itself; in the middle of a burst it would swallow the Tab."""
        return self.buffer.text.startswith("/") and not self._app.key_processor.input_queue

    def _send(self, _: Buffer) -> bool:
        text, reply = self.buffer.text, self._reply
        if reply is not None and not reply.line.done():
            reply.line.set_result(text)
        elif text.strip() == STOP and self._showing is not None:
            self._showing.stop()
        elif text.strip():
            self._sent.append(text)
            self._news.set()
        return False

    def _key_is_pressed(self, _: object) -> None:
        self._hint = []

    def _key_was_pressed(self, _: object) -> None:
        self._approval.a_key_was_pressed()


def open_terminal(screen: Screen) -> Prompt:
    """The terminal of this process."""
    output = Steady.from_pty(screen.expect_reader(), term=os.environ.get("TERM"))
    return Prompt(
        create_input(sys.stdin),
        cast(Steady, output),
        screen,
        typed=typed_file(os.environ),
        reflows=does_reflow(os.environ),
    )


class _Showing(NamedTuple):
    """What goes on."""

    live: Callable[[], list[str]]
    stop: Callable[[], object]
    leave: Callable[[], object]


class _Reply(NamedTuple):
    """A question that is answered by the next line."""

    question: str
    line: asyncio.Future[str]
