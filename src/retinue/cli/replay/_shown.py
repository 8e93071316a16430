"""Shown: what came of a replay, for people and for scripts."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Any, Final, NamedTuple

from retinue.cli._cost import in_dollars
from retinue.cli._follow import arguments_of
from retinue.messages import Message, Text, ToolCall, ToolResult
from retinue.messages.codecs import message_to_dict
from retinue.runs import Rehearsed
from retinue.storage import RunRecord
from retinue.telemetry.terminal import Look, one_line, tame

from ._calls import MODEL, TOOL, Calls

_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}
_GOOD: Final = frozenset({"done", "max_steps", "max_tokens", "no_progress", "refused", "budget"})
"""Reasons for which there is an answer, though perhaps not a whole one."""


class Replayed(NamedTuple):
    """A run, what came of it this time, and what was called then and now."""

    run: RunRecord
    again: Rehearsed
    before: Calls
    now: Calls
    is_changed: bool

    @property
    def is_well(self) -> bool:
        """Whether it is what was asked for: the same; or, of what is changed, an answer."""
        return self.again.reason in _GOOD if self.is_changed else self.is_same

    @property
    def is_same(self) -> bool:
        return self.again.is_same and self.again.reason == self.run.reason


def same(replayed: Replayed, look: Look) -> Iterator[str]:
    """That it is the same; or what is not."""
    run, again = replayed.run, replayed.again
    if replayed.is_same:
        replies = "1 message" if len(again.before) == 1 else f"{len(again.before)} messages"
        yield f"{look.paint('The same, to the last letter', 'green')}: {replies}, {run.reason}."
        yield look.paint("Only the agent's own code ran; nobody was asked anything.", "dim")
        return
    yield look.paint("It is not the same.", "red", "bold")
    yield from _ending(replayed)
    yield from _differences(again, look)


def changed(replayed: Replayed, look: Look) -> Iterator[str]:
    """What is otherwise now, what was done for it, and what that cost."""
    again = replayed.again
    turns = ", ".join([_times(name, n) for name, n in Counter(again.turns).items()])
    yield f"{look.paint('Done anew:', 'bold')} {turns or 'nothing'}"
    yield f"{look.paint('Before:', 'bold')}    {_words(replayed.before)}"
    yield f"{look.paint('Now:', 'bold')}       {_words(replayed.now)}"
    yield from _ending(replayed)
    yield ""
    differences = [*_differences(again, look)]
    yield from differences or ["The replies are the same."]


def as_json(replayed: Replayed) -> str:
    """All of it for a script."""
    run, again = replayed.run, replayed.again
    found = {
        "v": 1,
        "run": run.id,
        "same": replayed.is_same,
        "reason": {"before": run.reason, "now": again.reason},
        "turns": list(again.turns),
        "calls": {"before": _as_dict(replayed.before), "now": _as_dict(replayed.now)},
        "errors": [{"type": e.error, "message": e.text, "hint": e.hint} for e in again.errors],
        "replies": {
            "before": [message_to_dict(message) for message in again.before],
            "now": [message_to_dict(message) for message in again.replies],
        },
    }
    return f"{json.dumps(found, ensure_ascii=False, indent=2)}\n"


def _ending(replayed: Replayed) -> Iterator[str]:
    """How it ended, where that is not how it had ended; and what failed."""
    run, again = replayed.run, replayed.again
    if again.reason != run.reason:
        yield f"It ended {again.reason}; before it had ended {run.reason}."
    for error in again.errors:
        yield one_line(f"{error.text}. {error.hint or ''}").rstrip()


def _differences(again: Rehearsed, look: Look) -> Iterator[str]:
    """The replies side by side, as `diff -u` shows files."""
    before, now = [*_lines(again.before)], [*_lines(again.replies)]
    lines = [*unified_diff(before, now, "before", "now", lineterm="")]
    for number, line in enumerate(lines):
        style = "bold" if number < 2 else _COLOURS.get(line[:1], "")
        yield look.paint(line, style) if style else line
    if not lines and not again.is_same:
        yield "What was said is the same; what is kept beside it (ids, models, tokens) is not."


def _lines(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        for part in message.parts:
            match part:
                case Text(text=text):
                    yield from tame(text).splitlines()
                case ToolCall():
                    yield one_line(f"> {part.name} {arguments_of(part)}")
                case ToolResult(error=error):
                    yield one_line(f"{'!' if error else '='} {part.text}")
                case _:
                    pass


def _words(calls: Calls) -> str:
    kinds: Sequence[str] = sorted(calls.counts, key=lambda kind: (kind not in (MODEL, TOOL), kind))
    words = [f"{n} {kind}{'' if n == 1 else 's'}" for kind in kinds if (n := calls.counts[kind])]
    if calls.counts[MODEL]:
        words.append(in_dollars([calls.cost]))
    return ", ".join(words) or "no calls"


def _times(name: str, count: int) -> str:
    return name if count == 1 else f"{name} ({count} times)"


def _as_dict(calls: Calls) -> dict[str, Any]:
    cost = calls.cost
    return {
        "model": calls.counts[MODEL],
        "tool": calls.counts[TOOL],
        "cost": None
        if cost is None
        else {"dollars": f"{cost.dollars:f}", "table": cost.table, "estimate": True},
    }
