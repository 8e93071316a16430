"""The program that is killed: 40 turns with all that makes it hard to go on after a crash.

Whatever a model says is unlike anything any model said before (a nonce), and names what it was
asked: so a reply that was given to another agent, or was made twice, shows.
"""

import asyncio
import os
import random
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinue import Turn, agent, assistant
from retinue.agents import Agent
from retinue.errors import UnknownModel
from retinue.messages import Message, ToolCall
from retinue.models import ChatChunk, ChatRequest
from retinue.steps import ask
from retinue.storage import Interrupt
from retinue.tools import tool

WORKERS = 8
TURNS = 40


class Nonced:
    """A model whose every answer is `<what it was asked|nonce>`, in pieces, after a while."""

    name = "nonced"

    def __init__(self, calls: Path, *, latency: float) -> None:
        self._calls = calls
        self._latency = latency
        self._chance = random.Random(os.getpid())

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        yield self._answer(request)

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        last = request.messages[-1]
        if request.tools and not last.tool_results:
            await self._pause()
            digits = re.sub(r"\D", "", last.text) or "0"
            call = ToolCall(id=f"call-{digits}", name="bump", args={"what": last.text})
            yield ChatChunk(tool_call=call)
            yield ChatChunk(stop="tool_calls")
            return
        asked = last.tool_results[0].content if last.tool_results else last.text
        words = f"<{asked}|{uuid.uuid4().hex[:8]}>"
        for begin in range(0, len(words), 12):
            await self._pause()
            yield ChatChunk(text=words[begin : begin + 12])
        note(self._calls, f"{request.agent} {asked}")
        yield ChatChunk(stop="end")

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.random() * self._latency)


def note(file: Path, line: str) -> None:
    """Outside of any store, and not lost with this process."""
    with file.open("ab", buffering=0) as out:
        out.write(f"{line}\n".encode())


@dataclass
class Program:
    """The agents, by name; `folder` is where effects and calls of models are counted."""

    folder: Path
    latency: float = 0.01

    def __post_init__(self) -> None:
        model = Nonced(self.folder / "calls", latency=self.latency)
        effects = self.folder / "effects"

        @tool(effect="once", risk="write")
        async def bump(what: str) -> str:
            """Count something."""
            await asyncio.sleep(0)
            note(effects, what)
            return f"bumped {what}"

        worker = assistant("worker", model=model)
        writer = assistant("writer", model=model)
        critic = assistant("critic", model=model)
        clerk = assistant("clerk", model=model, tools=[bump])

        @agent
        async def early(turn: Turn) -> None:
            """Reads no more than the first letters of what it is given."""
            read = ""
            async for promise in turn.messages:
                async for piece in promise:
                    read += piece
                    if len(read) >= 6:
                        break
                break
            turn.reply(worker.inquire(f"early {read[:6]}"))

        @agent
        async def manager(turn: Turn) -> None:
            """Asks others, and then others about that."""
            asked = str(await turn.messages)
            found = [worker.inquire(f"{asked} part {n}") for n in range(3)]
            turn.reply(critic.inquire(f"{asked} joined", *found))

        @agent
        async def approver(turn: Turn) -> None:
            """Asks a person, and goes on with what they say."""

            async def nobody() -> Any:
                raise AssertionError("there is a run around")

            answer = await ask({"kind": "input", "text": "Go on?"}, nobody)
            turn.reply(clerk.inquire(f"approved {answer} 77"))

        @agent
        async def conductor(turn: Turn) -> None:
            """The whole of it."""
            fan = [worker.inquire(f"q{n}") for n in range(WORKERS)]
            same = [worker.inquire("same"), worker.inquire("same")]
            draft = writer.inquire("draft")
            handed = [critic.inquire("judge", draft), early.inquire(draft)]
            clerks = [clerk.inquire(f"count {n}") for n in range(4)]
            managers = [manager.inquire(f"m{n}") for n in range(3)]
            approved = approver.inquire("please")
            first = await fan[0]
            turn.reply(worker.inquire(f"after {first}"))
            turn.reply(fan, same, draft, handed, clerks, managers)
            chained = worker.inquire("chain 0")
            for n in range(1, 4):
                chained = worker.inquire(f"chain {n}", await chained)
            turn.reply(chained, approved)

        self._agents: dict[str, Agent] = {"conductor": conductor}

    def agent(self, name: str, version: str | None) -> Agent:
        if name not in self._agents:
            raise UnknownModel(f"No agent {name!r}")
        return self._agents[name]


def answer_to(asked: Interrupt, folder: Path) -> Any:
    """What a person answers who can look whether an effect happened."""
    if asked.kind == "input":
        return "yes"
    assert asked.kind == "unknown_outcome", asked.question
    _, arguments, _ = asked.question["args"]
    what = arguments["what"]
    happened = what in (folder / "effects").read_text().splitlines()
    return {"happened": happened, "result": f"bumped {what}"}


def check(replies: tuple[Message, ...], folder: Path, turns: list[str]) -> None:
    """What has to be true of a run that is over, however often it was interrupted."""
    words = [reply.text for reply in replies if reply.role == "assistant" and reply.text]
    for text in words:
        assert re.fullmatch(r"<.*\|[0-9a-f]{8}>", text, re.DOTALL), text
    asked = [text[1:].rpartition("|")[0] for text in words]
    first = next(text for text in words if text.startswith("<q0|"))
    assert asked[0] == f"after {first}"
    assert asked[1 : 1 + WORKERS] == [f"q{n}" for n in range(WORKERS)]
    same = [text for text in words if text.startswith("<same|")]
    assert len(same) == 2
    assert same[0] != same[1]
    draft = next(text for text in words if text.startswith("<draft|"))
    assert f"early {draft[:6]}" in asked
    assert draft in asked  # what the critic was given is the draft that stands
    effects = (folder / "effects").read_text().splitlines()
    assert sorted(effects) == sorted([*[f"count {n}" for n in range(4)], "approved yes 77"])
    for n in range(4):
        assert f"bumped count {n}" in asked
    chain = [text for text in asked if text.startswith("<chain")]
    assert len(chain) == 1 or asked[-2].startswith("<")
    nonces = [text.rpartition("|")[2] for text in words]
    assert len(set(nonces)) == len(nonces)
    assert len(turns) == len(set(turns)), "a turn was completed twice"
