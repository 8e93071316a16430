"""check_model: one kit for every adapter of a model, ours and yours.

    async def test_my_model() -> None:
        await check_model(
            lambda at: Guarded(MyModel(at.model, at.url, at.api_key), **at.limits), wire="chat"
        )

The kit starts a `MockLLM`, opens the model against it for each check, asks, and looks at both ends:
what the reader got, and what the server saw. What an adapter cannot do it refuses with
ModelRejected before anything is sent, and the kit asserts that instead. There is no other exemption
without a reason, which the report tells.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from retinue.errors import RetinueError
from retinue.messages import FrozenDict, value
from retinue.testing._tried import CheckFailed, tried, words_of
from retinue.testing.mock_llm import Anthropic, Chat, Gemini, Ollama, Responses, Wire

from . import _ends, _faults, _features, _refusals, _speech, _tools
from ._bench import Bench, Check, Opening, OpenModel

_WIRES = {
    "chat": Chat,
    "responses": Responses,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "ollama": Ollama,
}


@value
class Outcome:
    """How one check went.

    Args:
        name: Of the check.
        seconds: It took.
        failure: None where it passed.
        excuse: Why it was not run, where it was not.
    """

    name: str
    seconds: float = 0.0
    failure: Exception | None = None
    excuse: str | None = None

    def __str__(self) -> str:
        if self.excuse is not None:
            return f"excused          {self.name}: {self.excuse}"
        return (
            f"{'ok    ' if self.failure is None else 'FAILED'} {self.seconds:6.2f} s  {self.name}"
        )


@value
class Report:
    """How all of them went. `str(report)` is a table."""

    wire: str
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        return tuple([one for one in self.outcomes if one.failure is not None])

    def __str__(self) -> str:
        return "\n".join([f"wire {self.wire!r}", *map(str, self.outcomes)])


class ModelCheckFailed(AssertionError):
    """Some checks failed; the words say which, what was expected and what was seen."""

    def __init__(self, report: Report) -> None:
        failures = [
            f"- {one.name}\n  {words_of(one.failure)}"
            for one in report.failures
            if one.failure is not None
        ]
        count = f"{len(failures)} of {len(report.outcomes)} checks failed on wire {report.wire!r}"
        super().__init__("\n".join([count, *failures]))
        self.report = report


async def check_model(
    open_model: OpenModel,
    *,
    wire: str | Wire = "chat",
    without: Collection[str] = (),
    only: Collection[str] = (),
    excused: Mapping[str, str] = FrozenDict(),
    patience: float = 10.0,
    soon: float = 0.4,
    crowd: int = 20,
) -> Report:
    """Check that an adapter keeps the contract of `Model` on its wire.

    Args:
        open_model: Opens the model, anew for each check: it gets an `Opening`, with the address of
            the server, the name of the model, the key, and the limits of the guard, which it has to
            keep (`Guarded(..., **at.limits)`, `find_model(..., **at.limits)`). What it gives may be
            an async context manager of the model, where that has something to close.
        wire: "chat", "responses", "anthropic", "gemini", "ollama", or a wire of your own; see
            `retinue.testing.mock_llm.Wire`.
        without: What the adapter cannot do, of: images, image_urls, audio, files, tools,
            tool_choice, output, temperature, max_tokens.
        only: Words; checks without any of them in their name are left out.
        excused: Checks that are not run, by name, and for each the reason why it cannot be passed.
        patience: Seconds that nothing may take, silence of the server apart.
        soon: Seconds of silence that are too many; more than it takes the model to ask, where that
            has to start a process.
        crowd: How many are asked at once.

    Raises:
        ModelCheckFailed: Some checks failed. `error.report` has all of them, and as its cause there
            is an ExceptionGroup with their tracebacks.
        RetinueError: There is no such wire, or nothing of that name can be left out or excused.
    """
    served = _wire(wire)
    missing = _features.known(without)
    checks = _checks(served, missing)
    _all_there(excused, checks)
    outcomes: list[Outcome] = []
    for check in checks:
        if only and not any(word in check.name for word in only):
            continue
        if check.name in excused:
            outcomes.append(Outcome(name=check.name, excuse=excused[check.name]))
            continue
        began = time.perf_counter()
        bench = Bench(open_model, served, patience=patience, soon=soon, crowd=crowd)
        # a check asks several times
        failure = await tried(check.run, bench, limit=8 * bench.patience)
        took = time.perf_counter() - began
        outcomes.append(Outcome(name=check.name, seconds=took, failure=failure))
    report = Report(wire=served.name, outcomes=tuple(outcomes))
    causes = [one.failure for one in report.failures if one.failure is not None]
    if causes:
        raise ModelCheckFailed(report) from ExceptionGroup("failed checks", causes)
    return report


def _wire(wire: str | Wire) -> Wire:
    if not isinstance(wire, str):
        return wire
    if wire not in _WIRES:
        known = ", ".join(_WIRES)
        raise RetinueError(f"There is no wire {wire!r}", hint=f"Known: {known}, or one you made.")
    return _WIRES[wire]()


def _checks(wire: Wire, without: frozenset[str]) -> Sequence[Check]:
    rooms = (_speech, _tools, _features, _ends, _faults, _refusals)
    found = [check for room in rooms for check in room.checks(wire)]
    able = [check for check in found if not check.needs & without]
    return [*able, *_features.refusals(without)]


def _all_there(excused: Mapping[str, str], checks: Sequence[Check]) -> None:
    names = {check.name for check in checks}
    for name in excused:
        if name not in names:
            near = get_close_matches(name, names, 1, 0.0)[0]
            raise RetinueError(f"There is no check {name!r}", hint=f"The nearest: {near!r}.")


__all__ = [
    "CheckFailed",
    "ModelCheckFailed",
    "OpenModel",
    "Opening",
    "Outcome",
    "Report",
    "check_model",
]
