"""View: from events to lines. What is finished is handed out once; what still changes is drawn."""

import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from retinue.cli._follow import arguments_of
from retinue.messages import ToolCall, ToolResult
from retinue.messages.events import (
    Event,
    InterruptAnswered,
    InterruptAsked,
    MessageEnded,
    MessageStarted,
    Restarted,
    TextAdded,
    ThinkingAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.telemetry.terminal import Look, one_line

from ._cast import shown
from ._cells import cells, fit, wrapped
from ._markdown import Markdown

type Kind = Literal["text", "thinking", "tool", "asked"]
"""Of lines; between two kinds is a blank line."""

_QUIET: Final = 0.3
"""Seconds without news after which something turns, to show that it goes on."""
_TURNS: Final = ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "-\\|/")
"""What turns, with emoji and without."""
_A_TURN: Final = 0.1
"""Seconds for which each letter of them is shown."""


class View:
    """The lines of one answer.

    Args:
        look: What can be shown.
        width: How many columns there are now.
        host: The agent whose face is always the same.
        clock: Seconds that only grow; None where nothing is known about how long it took.
    """

    def __init__(
        self,
        look: Look,
        width: Callable[[], int],
        *,
        host: str,
        clock: Callable[[], float] | None = time.monotonic,
    ) -> None:
        self._look = look
        self._width = width
        self._host = host
        self._clock = clock
        self._page = _Page()
        self._agent: str | None = None  # whose header was shown, or is owed
        self._prose: Markdown | None = None
        self._thought: Markdown | None = None
        self._running: dict[str, _Running] = {}
        self._asked: dict[str, str] = {}  # what an answer comes after, by question
        self._news = self._now()

    def tell(self, event: Event) -> list[str]:
        """Something happened; the lines that are finished by that."""
        self._news = self._now()
        match event:
            case MessageStarted(role=role, agent=agent) if role != "tool":
                lines = self._close()
                if agent is not None and agent != self._agent:
                    self._agent = agent
                    self._page = self._page.for_agent(shown(agent, self._look, host=self._host))
                return lines
            case TextAdded(text=text):
                lines = self._close_thought()
                self._prose = prose = self._prose or Markdown(self._width(), self._look)
                return lines + self._put("text", _added(prose, self._width(), text))
            case ThinkingAdded(text=text):
                lines = self._close_prose()
                thought = self._thought or Markdown(self._thoughts_width(), _unpainted(self._look))
                self._thought = thought
                added = _added(thought, self._thoughts_width(), text)
                return lines + self._put("thinking", self._dimmed(added))
            case ThinkingEnded():
                return self._close_thought()
            case ToolAsked(call=call, message=None):  # it begins only now
                if call.id in self._running:
                    self._running[call.id] = _Running(call, self._now())
                return []
            case ToolAsked(call=call):
                lines = self._close()
                self._running[call.id] = _Running(call, self._now())
                return lines
            case ToolAnswered(result=result):
                running = self._running.pop(result.call_id, None)
                if running is None:  # it was told already, or its call was not yet
                    return []
                return self._put("tool", [self._outcome(running, result)])
            case InterruptAsked(interrupt=id, call=call, question=about):
                words = f"Use {one_line(call.name, width=60)}?" if call is not None else None
                self._asked[id] = words or self._look.sign("↳", ">")
                lines = self._close()
                gap = [""] if self._page.last == "asked" else []
                words = wrapped([f"  {line}" for line in about], self._width())
                return lines + self._put("asked", [*gap, *words])
            case InterruptAnswered(interrupt=id, answer=answer):
                words = self._asked.pop(id, "")
                return self._put("asked", [f"  {words} {one_line(str(answer))}"])
            case Restarted():
                lines = self._close()
                void = self._look.paint(f"  {self._look.sign('↻ ')}begun anew", "dim")
                return lines + (self._put("asked", [void]) if self._page.last else [])
            case MessageEnded():
                return self._close()
            case _:
                return []

    def live(self) -> list[str]:
        """What is not finished, as it looks now."""
        if self._prose is not None:
            self._prose.width = self._width()
        if self._thought is not None:
            self._thought.width = self._thoughts_width()
        page = self._page
        lines: list[str] = []
        blocks: tuple[tuple[Kind, list[str]], ...] = (
            ("thinking", self._dimmed(self._thought.open) if self._thought else []),
            ("text", self._prose.open if self._prose else []),
            ("tool", [self._going_on(running) for running in self._running.values()]),
        )
        for kind, some in blocks:
            page, more = page.with_lines(kind, some)
            lines += more
        lines += page.header
        if not self._running and self._now() - self._news > _QUIET:
            lines.append(self._look.paint(f"  {self._turning()}", "dim"))
        return lines

    def end(self) -> list[str]:
        """Nothing more comes; the rest of the lines, of what is only begun too."""
        lines = self._close()
        for running in self._running.values():
            sign = self._look.sign("■", "#")
            lines += self._put("tool", [self._tool(sign, running, "dim", ending="stopped")])
        self._running = {}
        return lines

    # -- text and thinking

    def _close(self) -> list[str]:
        return self._close_thought() + self._close_prose()

    def _close_prose(self) -> list[str]:
        prose, self._prose = self._prose, None
        return self._put("text", prose.end()) if prose is not None else []

    def _close_thought(self) -> list[str]:
        thought, self._thought = self._thought, None
        return self._put("thinking", self._dimmed(thought.end())) if thought is not None else []

    def _dimmed(self, lines: list[str]) -> list[str]:
        return [self._look.paint(f"  {line}", "dim") for line in lines]

    def _thoughts_width(self) -> int:
        return max(self._width() - 2, 1)

    # -- tools

    def _going_on(self, running: "_Running") -> str:
        took = self._took(running)
        return self._tool(self._turning(), running, "dim", ending=f"{took:.1f} s")

    def _outcome(self, running: "_Running", result: ToolResult) -> str:
        took = f"({_spoken(self._took(running))})" if self._clock is not None else ""
        answered = one_line(_words(result))
        if result.error:
            return self._tool(self._look.sign("✗", "!"), running, "red", answered, took)
        return self._tool(self._look.sign("🔧", ">"), running, "dim", answered, took)

    def _tool(
        self, sign: str, running: "_Running", style: str, answered: str = "", ending: str = ""
    ) -> str:
        """One line about a call: the name always, of the rest what there is room for."""
        name = one_line(running.call.name, width=60)
        asked = one_line(arguments_of(running.call))
        arrow = self._look.sign("→", "->")
        room = self._width() - cells(f"  {sign} {name}   {ending}")
        if answered:
            room -= cells(f"{arrow}  ")
            asked = fit(asked, max(room // 2, room - cells(answered)))
            answered = fit(answered, room - cells(asked))
        else:
            asked = fit(asked, room)
        words = " ".join(filter(None, (name, asked, answered and f"{arrow} {answered}")))
        paint = self._look.paint
        tail = f"  {paint(ending, 'dim')}" if ending else ""
        return f"  {paint(f'{sign} {words}', style)}{tail}"

    def _took(self, running: "_Running") -> float:
        return max(self._now() - running.since, 0.0)

    # -- the page, and the time

    def _put(self, kind: Kind, lines: list[str]) -> list[str]:
        self._page, shown = self._page.with_lines(kind, lines)
        return shown

    def _turning(self) -> str:
        letters = self._look.sign(*_TURNS)
        return letters[int(self._now() / _A_TURN) % len(letters)]

    def _now(self) -> float:
        return self._clock() if self._clock is not None else 0.0


class _Running(NamedTuple):
    """A call that is not answered yet."""

    call: ToolCall
    since: float


class _Page(NamedTuple):
    """Where on the page we are: what must stand above the next line."""

    header: tuple[str, ...] = ()
    """Owed: it is shown as soon as there is something below it."""
    last: Kind | None = None
    """The kind of the last line; None below a header."""

    def for_agent(self, title: str) -> "_Page":
        return _Page(header=("", title))

    def with_lines(self, kind: Kind, lines: list[str]) -> "tuple[_Page, list[str]]":
        """The page with these lines, and what must be written for that."""
        if not lines:
            return self, []
        gap = [""] if self.last not in (None, kind) else []
        return _Page(last=kind), [*self.header, *gap, *lines]


def _added(prose: Markdown, width: int, text: str) -> list[str]:
    prose.width = width
    return prose.add(text)


def _unpainted(look: Look) -> Look:
    return look._replace(colour=False)


def _words(result: ToolResult) -> str:
    """The answer of a tool in words, whatever it is."""
    if result.text or isinstance(result.content, str):
        return result.text
    return ", ".join([getattr(part, "media_type", "text") for part in result.content])


def _spoken(seconds: float) -> str:
    if seconds < 0.001:
        return "<1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
