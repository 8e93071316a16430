"""Trial: one real question to a model, and how long it takes to answer."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from retinue.app import model_of
from retinue.cli._exits import DONE, FAILED
from retinue.cli._follow import error_raised
from retinue.cli._grammar import ModelsTest
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._vendors import load_package
from retinue.errors import ModelError, ModelSilent
from retinue.messages import Message
from retinue.models import ChatRequest, Model, Usage, provider_of
from retinue.promise import run as run_loop
from retinue.telemetry.terminal import Look, one_line

_QUESTION: Final = "Say hello in one short sentence."
_WIDTH: Final = 70
"""Letters of the answer that are shown."""
_AT_ONCE: Final = 0.01
"""Seconds in which nobody writes, only a socket is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How it went.

    Args:
        model: Which was asked.
        text: What it said.
        first: Seconds until the first piece, thinking included.
        total: Seconds until the last one.
        usage: Tokens by kind, as far as they were counted.
        rate: Tokens a second, from the first piece to the last; None where they were not
            counted, or came all at once.
        stop: Why it ended.
    """

    model: str
    text: str
    first: float
    total: float
    usage: dict[str, int]
    rate: float | None
    stop: str | None


def run(line: ModelsTest, screen: Screen) -> int:
    """Ask and tell; the exit code, which is 1 where the model fails."""
    settings = open_settings(line.flags, screen)
    model = model_of(settings, line.model or settings.model)
    load_package(provider_of(model.name))  # its time is not the model's
    try:
        trial = run_loop(lambda: _within(settings.timeout, model))
    except ModelError as error:
        if line.json:
            told = error_raised(error, screen.secrets)
            failed = {"type": told.error, "message": told.text, "hint": told.hint}
            screen.write(_as_json({"model": model.name, "error": failed}))
        else:
            screen.complain(error)
        return FAILED
    if line.json:
        screen.write(_as_json({**asdict(trial), "error": None}))
    else:
        screen.write("".join([f"{words}\n" for words in _as_text(trial, screen.look)]))
    return DONE


async def _within(timeout: float | None, model: Model) -> Trial:
    try:
        async with asyncio.timeout(timeout):
            return await _tried(model)
    except TimeoutError as error:
        hint = "Allow more with --timeout."
        raise ModelSilent(f"No whole answer within {timeout:g} s", hint=hint) from error


async def _tried(model: Model) -> Trial:
    began = time.perf_counter()
    first: float | None = None
    words: list[str] = []
    usage, stop = Usage(), None
    async with model.chat(ChatRequest(messages=(Message(_QUESTION, role="user"),))) as chunks:
        async for chunk in chunks:
            if first is None and (chunk.text or chunk.thinking):
                first = time.perf_counter() - began
            words.append(chunk.text or "")
            usage, stop = chunk.usage or usage, chunk.stop or stop
    total = time.perf_counter() - began
    first = total if first is None else first
    writing = total - first
    return Trial(
        model=model.name,
        text="".join(words),
        first=round(first, 3),
        total=round(total, 3),
        usage=usage.counted(),
        rate=round(usage.output / writing, 1) if usage.output and writing > _AT_ONCE else None,
        stop=stop,
    )


def _as_text(trial: Trial, look: Look) -> Iterator[str]:
    yield f"{look.sign('🟢 ')}{look.paint(trial.model, 'bold')} answers."
    said = one_line(trial.text, width=_WIDTH)
    usage = trial.usage
    rows = [
        ("said", said or "nothing"),
        ("first piece", f"{trial.first:.2f} s"),
        ("whole", f"{trial.total:.2f} s"),
        ("tokens", f"{usage.get('input', 0):,} in, {usage.get('output', 0):,} out"),
        ("speed", f"{trial.rate:,.0f} tokens/s" if trial.rate is not None else "not known"),
        ("stopped by", trial.stop or "nothing"),
    ]
    for name, value in rows:
        yield f"  {name:11}  {value}"


def _as_json(said: dict[str, Any]) -> str:
    return f"{json.dumps({'v': 1, **said}, ensure_ascii=False, indent=2)}\n"
