"""The trial: one real question to the model that was chosen, by the way all others will go."""

import asyncio
from dataclasses import replace
from typing import Final, Literal

from retinue.app import build
from retinue.errors import ModelSilent, RetinueError
from retinue.messages import Message
from retinue.models import ChatRequest, Model
from retinue.promise import run as run_loop
from retinue.settings import Origin, Settings
from retinue.telemetry.terminal import one_line

from ._dialogue import Dialogue

type Verdict = Literal["works", "keep", "choose", "leave"]

PATIENCE: Final = 120.0
"""Seconds: a model may have to be loaded first."""


def try_out(dialogue: Dialogue, settings: Settings) -> Verdict:
    """Ask the model something; where that fails, the person says what to do."""
    settings = replace(settings, origins={**settings.origins, "model": Origin("user", "you")})
    while True:
        dialogue.say("\nAsking it to say hi ...")
        try:
            answer = _heard(settings)
        except RetinueError as error:
            dialogue.complain(error)
        else:
            said = one_line(answer, width=200)
            dialogue.say(f"  It says: {said}" if said else "  It answers, without a word.", "green")
            return "works"
        question = "[T]ry again, [c]hoose another, [k]eep it all the same, [l]eave"
        match dialogue.letter(question, "tckl"):
            case "t":
                continue
            case "c":
                return "choose"
            case "k":
                return "keep"
            case _:
                return "leave"


def _heard(settings: Settings) -> str:
    model = build(settings).model

    async def ask() -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                return await _answer(model)
        except TimeoutError as error:
            raise ModelSilent(f"No whole answer within {PATIENCE:g} s") from error

    return run_loop(ask)


async def _answer(model: Model) -> str:
    async with model.chat(ChatRequest(messages=(Message("Say hi."),))) as chunks:
        return "".join([chunk.text async for chunk in chunks if chunk.text])
