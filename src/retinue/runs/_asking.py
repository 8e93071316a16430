"""Asking: questions to a person, which a run can wait for, for seconds or for weeks."""

import datetime
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from retinue.errors import RunError
from retinue.messages import ToolCall, derived_id
from retinue.messages.events import InterruptAsked
from retinue.storage import Asked, Entry, Interrupt, InterruptKind

from ._addresses import address_of
from ._commits import all_facts
from ._records import StepRecord

if TYPE_CHECKING:
    from ._recorder import TurnRecorder


async def ask(turn: "TurnRecorder", question: Any) -> Any:
    """Put a question and wait for the answer; see `retinue.steps.Question`."""
    asked: Mapping[str, Any] = (
        cast("Mapping[str, Any]", question) if isinstance(question, Mapping) else {"text": question}
    )
    call = asked.get("call")
    form = {name: value for name, value in asked.items() if name != "call"}
    kind: InterruptKind = "approval" if isinstance(call, ToolCall) else "input"
    what = call.id if isinstance(call, ToolCall) else StepRecord(name="ask", args=form).to_json()
    count = turn.count(("ask", what), "The same is asked", "Ask in other words.")
    address = address_of(turn.address, "ask", what, count)
    return await wait_for(turn, address, kind, form, call)


async def wait_for(
    turn: "TurnRecorder",
    address: str,
    kind: InterruptKind,
    form: Mapping[str, Any],
    call: ToolCall | None = None,
) -> Any:
    """The answer to the interrupt at that address; it is asked, if it was not yet.

    Raises:
        RunError: It was withdrawn.
    """
    run = turn.run
    if address not in run.past.entries:
        await all_facts(turn.needs())
        _put(turn, address, kind, form, call)
    known = run.past.answers.get(address)
    if known is None:
        known = await run.answer_to(address)
    if known.status == "withdrawn":
        raise RunError(
            f"The question was withdrawn: {form.get('text', kind)}", hint="Start the task again."
        )
    return known.answer


async def did_it_happen(turn: "TurnRecorder", address: str, name: str, args: Any) -> Any:
    """Whether an effect happened whose intent is written, and no result: its result, or None."""
    record = StepRecord.from_json(turn.run.past.entries[address].body)
    form = {
        "text": "The process died while this was being done. Did it happen?",
        "step": name,
        "args": record.args if record.args is not None else args,
        "schema": {
            "type": "object",
            "properties": {
                "happened": {"type": "boolean"},
                "result": {"description": "What it gave, if it happened"},
            },
            "required": ["happened"],
        },
    }
    where = address_of(turn.address, "outcome", address, str(record.epoch))
    answer = await wait_for(turn, where, "unknown_outcome", form)
    match answer:
        case {"happened": True, **rest}:
            return rest.get("result", "")
        case _:
            return None


class Divergence:
    """A turn that began anew does not do what it had done.

    Args:
        turn: Which turn.
        words: What it does now.
    """

    def __init__(self, turn: "TurnRecorder", words: str) -> None:
        self.turn = turn
        self.words = words
        self.go_on: list[Callable[[], None]] = []

    async def is_accepted(self) -> bool:
        """Ask a person."""
        turn = self.turn
        address = address_of(turn.address, "divergence")
        form = {
            "text": f"After a restart {turn.agent!r} {self.words}. Go on with that?",
            "schema": {"type": "boolean"},
        }
        run = turn.run
        known = run.past.answers.get(address)
        if known is None:  # and it waits for nothing: what it depends on may wait for the answer
            if address not in run.past.entries:
                _put(turn, address, "divergence", form, None)
            known = await run.answer_to(address)
        return bool(known.answer)


def _put(
    turn: "TurnRecorder",
    address: str,
    kind: InterruptKind,
    form: Mapping[str, Any],
    call: ToolCall | None,
) -> None:
    run = turn.run
    now = datetime.datetime.now(datetime.UTC)
    seconds = form.get("expires_in")
    question = {name: form[name] for name in form if name not in {"default", "expires_in"}}
    interrupt = Interrupt(
        id=derived_id(address_of(run.id, address), 0),
        run=run.id,
        conversation=run.conversation,
        address=address,
        kind=kind,
        question=question,
        asked_at=now,
        turn=turn.address,
        agent=turn.agent,
        call=call,
        expires_at=None if seconds is None else now + datetime.timedelta(seconds=seconds),
        default=form.get("default"),
    )
    entry = Entry(address=address, kind="ask", turn=turn.address, state="intent", body="{}")
    event = InterruptAsked(interrupt=interrupt.id, kind=kind, question=question, call=call)
    run.put(entry, Asked(interrupt=interrupt))
    run.happens(turn, event)
