"""Calls: how often models and tools were called in a run, and what that cost."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from retinue.app import App
from retinue.app.retinue import Retinue
from retinue.cli._cost import Prices, total
from retinue.messages.events import ModelAnswered, RunEnded, ToolAnswered
from retinue.runs import Rehearsed
from retinue.storage import RunRecord

if TYPE_CHECKING:
    from retinue.models.prices import Cost

MODEL = "model call"
TOOL = "tool call"
_STEPS = {"model_call": MODEL, "tool_call": TOOL}


class Calls(NamedTuple):
    """So many, by kind; the cost is None where it is not known."""

    counts: Counter[str]
    cost: "Cost | None"


async def calls_before(retinue: Retinue, run: RunRecord, app: App) -> Calls:
    """Those of the run itself, as its log tells."""
    counts = Counter[str]()
    answers: list[ModelAnswered] = []
    after, ended = run.seq, False
    while not ended and (events := await retinue.log.events(run.conversation, after=after)):
        after = events[-1].seq or 0
        for event in [event for event in events if event.run == run.id]:
            match event:
                case ModelAnswered():
                    counts[MODEL] += 1
                    answers.append(event)
                case ToolAnswered():
                    counts[TOOL] += 1
                case RunEnded():
                    ended = True
                case _:
                    pass
    return Calls(counts, _cost(answers, app))


def calls_now(again: Rehearsed, app: App) -> Calls:
    """Those that were made anew."""
    counts = Counter([_STEPS.get(name, name) for name in again.executed])
    return Calls(counts, _cost(again.answers, app) if counts[MODEL] else None)


def _cost(answers: Iterable[ModelAnswered], app: App) -> "Cost | None":
    prices = Prices(app.cost)
    return total([prices(answered) for answered in answers])
