"""check_model: one kit for every adapter of a model, ours and yours.

    async def test_my_model() -> None:
        await check_model(
            lambda at: Guarded(MyModel(at.model, at.url, at.api_key), **at.limits), wire="chat"
        )

The kit starts a `MockLLM`, opens the model against it for each check, asks, and looks at both ends:
what the reader got, and what the server saw. There are no exemptions: what an adapter cannot do it
refuses with ModelRejected before anything is sent, and the kit asserts that instead.
"""

import asyncio
import time
from collections.abc import Collection, Sequence

from retinue.errors import RetinueError
from retinue.messages import value
from retinue.testing.mock_llm import Anthropic, Chat, Gemini, Ollama, Responses, Wire

from . import _ends, _faults, _features, _refusals, _speech, _tools
from ._bench import Bench, Check, CheckFailed, Opening, OpenModel

_WIRES = {
    "chat": Chat,
    "responses": Responses,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "ollama": Ollama,
}


@value
class Outcome:
    """How one check went; `failure` is None where it passed."""

    name: str
    seconds: float
    failure: Exception | None = None


@value
class Report:
    """How all of them went. `str(report)` is a table."""

    wire: str
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        return tuple([one for one in self.outcomes if one.failure is not None])

    def __str__(self) -> str:
        rows = [
            f"{'ok    ' if one.failure is None else 'FAILED'} {one.seconds:6.2f} s  {one.name}"
            for one in self.outcomes
        ]
        return "\n".join([f"wire {self.wire!r}", *rows])


class ModelCheckFailed(AssertionError):
    """Some checks failed; the words say which, what was expected and what was seen."""

    def __init__(self, report: Report) -> None:
        failures = [
            f"- {one.name}\n  {_words(one.failure)}"
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
    patience: float = 10.0,
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
        patience: Seconds that nothing may take, silence of the server apart.

    Raises:
        ModelCheckFailed: Some checks failed. `error.report` has all of them, and as its cause there
            is an ExceptionGroup with their tracebacks.
        RetinueError: There is no such wire, or nothing of that name can be left out.
    """
    served = _wire(wire)
    missing = _features.known(without)
    outcomes: list[Outcome] = []
    for check in _checks(served, missing):
        if only and not any(word in check.name for word in only):
            continue
        began = time.perf_counter()
        failure = await _tried(check, Bench(open_model, served, patience=patience))
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


async def _tried(check: Check, bench: Bench) -> Exception | None:
    """What went wrong; None: nothing."""
    limit = 8 * bench.patience  # a check asks several times
    try:
        async with asyncio.timeout(limit), bench:
            await check.run(bench)
    except TimeoutError:
        return CheckFailed(f"an end within {limit:g} s", "none")
    except Exception as error:
        return error
    return None


def _words(failure: Exception) -> str:
    match failure:
        case CheckFailed():
            return str(failure).replace("\n", "\n  ")
        case _:
            return f"the check itself broke off with {type(failure).__name__}: {failure}"


__all__ = [
    "CheckFailed",
    "ModelCheckFailed",
    "OpenModel",
    "Opening",
    "Outcome",
    "Report",
    "check_model",
]
