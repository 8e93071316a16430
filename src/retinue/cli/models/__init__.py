"""Models: who offers models, what is installed and which key there is for it, and which models
can be named now.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from retinue.app import model_of
from retinue.cli._exits import DONE
from retinue.cli._grammar import Models
from retinue.cli._opening import open_settings
from retinue.cli._screen import Screen
from retinue.cli._vendors import load_package
from retinue.errors import RetinueError
from retinue.promise import run as run_loop
from retinue.settings import Settings
from retinue.telemetry.terminal import Look, one_line, redacted

from ._offers import Offer, is_asked, offer_of, places

_SOME: Final = 5
"""Models that are named of many."""
_SIGNS: Final = {
    "fine": ("🟢", "fine", "green"),
    "note": ("⚪", "note", "dim"),
    "wrong": ("🔴", "wrong", "red"),
}
"""Each state as a sign, as a word, in a colour."""


def run(line: Models, screen: Screen) -> int:
    """Look and tell; the exit code."""
    settings = open_settings(line.flags, screen)
    now, why = _answering(settings)
    there = [*places(settings)]
    for place in there:
        if is_asked(place):
            load_package(place.provider)

    async def look() -> list[Offer]:
        return await asyncio.gather(*[offer_of(place, settings, now) for place in there])

    def shown(text: str) -> str:
        return one_line(redacted(text, screen.secrets.items()))

    found = [offer.tamed(shown) for offer in run_loop(look)]
    if line.json:
        screen.write(_as_json(found, now, why))
    else:
        lines = _as_text(found, None if line.all else _SOME, screen.look)
        answers = f"{screen.look.paint(now, 'bold')} answers ({why})." if now else f"{why}."
        screen.write("\n".join([*lines, "", answers, ""]))
    return DONE


def _answering(settings: Settings) -> tuple[str | None, str]:
    """The model that answers, and why it does; or why there is none."""
    try:
        name = model_of(settings, settings.model).name
    except RetinueError as error:
        return None, f"{settings.model} cannot answer: {error}"
    origin = settings.origin("model")
    return name, "nothing else was chosen" if origin.layer == "default" else f"chosen by {origin}"


def _as_text(found: Sequence[Offer], some: int | None, look: Look) -> Iterator[str]:
    width = max([len(offer.name) for offer in found])
    left = " " * (width + (5 if look.emoji else 8))
    for offer in found:
        emoji, word, colour = _SIGNS[offer.state]
        sign = look.sign(emoji, look.paint(f"{word:5}", colour))
        yield f"{sign} {look.paint(offer.name.ljust(width), 'bold')}  {_about(offer)}".rstrip()
        for model in offer.models[:some]:
            yield left + model + (look.paint("  now", "green") if model == offer.now else "")
        if more := offer.models[some:] if some is not None else ():
            yield left + look.paint(f"{len(more):,} more, with --all", "dim")
        if offer.fix:
            yield left + look.paint(f"{look.sign('→', '->')} {offer.fix}", colour)


def _about(offer: Offer) -> str:
    """What is there to know, in a few words."""
    facts = [offer.words] if offer.words else []
    if offer.base_url:
        facts.append(f"at {offer.base_url}")
    if offer.key:
        facts.append(f"key {offer.key}")
    return ", ".join(facts)


def _as_json(found: Sequence[Offer], now: str | None, why: str) -> str:
    said: dict[str, Any] = {
        "v": 1,
        "model": now,
        "why": why,
        "offers": [asdict(offer) for offer in found],
    }
    return f"{json.dumps(said, ensure_ascii=False, indent=2)}\n"
