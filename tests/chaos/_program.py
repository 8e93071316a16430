"""The program that is killed: 41 turns with all that makes it hard to go on after a crash.

Whatever a model says begins with a nonce, unlike anything any model said before, and repeats all
that it was asked: so a reply that was given to another agent, or was made twice, shows. What is
done outside of the store, calls of models and effects of tools, is counted in files beside it.
"""

import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
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

from ._pace import Pace

WORKERS = 8
CLERKS = 4
MANAGERS = 3
TURNS = 41
EFFECTS = CLERKS + 1

_SAID = re.compile(r"<([0-9a-f]{8})\|(.*)>", re.DOTALL)
_SHOWN = 10
"""Letters after which the reader stops that stops early; they hold the nonce."""


class Nonced:
    """A model whose every answer is `<nonce|what it was asked>`, in pieces, after a while.

    Args:
        calls: The file in which each finished call gets a line, its nonce.
        pace: How long it takes for a piece.
    """

    name = "nonced"

    def __init__(self, calls: Path, pace: Pace) -> None:
        self._calls = calls
        self._pace = pace

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        yield self._answer(request)

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        results = request.messages[-1].tool_results
        said = [result.content for result in results] or [one.text for one in request.messages]
        asked = "&".join(said)
        nonce = uuid.uuid4().hex[:8]
        if request.tools and not results:
            await self._pace.pause()
            call = ToolCall(id=f"call-{nonce}", name="bump", args={"what": asked})
            note(self._calls, nonce)
            yield ChatChunk(tool_call=call)
            yield ChatChunk(stop="tool_calls")
            return
        words = f"<{nonce}|{asked}>"
        for begin in range(0, len(words), 12):
            await self._pace.pause()
            yield ChatChunk(text=words[begin : begin + 12])
        note(self._calls, nonce)
        yield ChatChunk(stop="end")


def note(file: Path, line: str) -> None:
    """Outside of any store, and not lost with this process."""
    with file.open("ab", buffering=0) as out:
        out.write(f"{line}\n".encode())


def noted(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@dataclass
class Program:
    """The agents, by name.

    Args:
        folder: Where effects and calls of models are counted.
        pace: Of models and tools.
        at_effect: Called "before" and "after" each effect.
    """

    folder: Path
    pace: Pace
    at_effect: Callable[[str], None] = lambda when: None

    def __post_init__(self) -> None:
        model = Nonced(self.folder / "calls", self.pace)
        effects = self.folder / "effects"

        @tool(effect="once", risk="write")
        async def bump(what: str) -> str:
            """Count something."""
            await self.pace.pause()
            self.at_effect("before")
            note(effects, what)
            self.at_effect("after")
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
                    if len(read) >= _SHOWN:
                        break
                break
            turn.reply(worker.inquire(f"early {read[:_SHOWN]}"))

        @agent
        async def manager(turn: Turn) -> None:
            """Asks others, and then others about that."""
            asked = str(await turn.messages)
            found = [worker.inquire(f"{asked} part {n}") for n in range(3)]
            turn.reply(critic.inquire(f"{asked} joined", *found))

        @agent
        async def approver(turn: Turn) -> None:
            """Asks a person, and goes on with what they say."""
            answer = await ask({"kind": "input", "text": "Go on?"}, _nobody)
            turn.reply(clerk.inquire(f"approved {answer}"))

        @agent
        async def conductor(turn: Turn) -> None:
            """The whole of it."""
            fan = [worker.inquire(f"q{n}") for n in range(WORKERS)]
            same = [worker.inquire("same"), worker.inquire("same")]
            draft = writer.inquire("draft")
            handed = [critic.inquire("judge", draft), early.inquire(draft)]
            clerks = [clerk.inquire(f"count {n}") for n in range(CLERKS)]
            managers = [manager.inquire(f"m{n}") for n in range(MANAGERS)]
            approved = approver.inquire("please")
            first = await fan[0]
            turn.reply(worker.inquire(f"after {first}"))
            turn.reply(fan, same, draft, handed, clerks, managers)
            chained = worker.inquire("chain 0")
            for n in range(1, 4):
                chained = worker.inquire(f"chain {n}", await chained)
            turn.reply(chained, approved)

        @agent
        async def asker(turn: Turn) -> None:
            """Asks a person three things, one after another."""
            asked = str(await turn.messages)
            for n in range(3):
                answer = await ask({"kind": "input", "text": f"{asked} {n}?"}, _nobody)
                turn.reply(worker.inquire(f"{asked} {n} {answer}"))

        @agent
        async def panel(turn: Turn) -> None:
            """Three who ask a person, side by side."""
            turn.reply([asker.inquire(f"asker {n}") for n in range(3)])

        @agent
        async def small(turn: Turn) -> None:
            """Two turns and its own."""
            asked = str(await turn.messages)
            turn.reply(worker.inquire(f"{asked} second", await worker.inquire(f"{asked} first")))

        known = (conductor, clerk, panel, small)
        self._agents: dict[str, Agent] = {one.name: one for one in known}

    def agent(self, name: str, version: str | None) -> Agent:
        if name not in self._agents:
            raise UnknownModel(f"No agent {name!r}")
        return self._agents[name]


async def _nobody() -> Any:
    raise AssertionError("there is a run around")


def answer_to(asked: Interrupt, folder: Path) -> Any:
    """What a person answers who can look whether an effect happened."""
    if asked.kind == "input":
        return "yes"
    assert asked.kind == "unknown_outcome", asked.question
    _, arguments, _ = asked.question["args"]
    what = arguments["what"]
    return {"happened": what in noted(folder / "effects"), "result": f"bumped {what}"}


def answers_in(replies: Sequence[Message]) -> list[str]:
    """What models said, in its order; without their calls of tools, and what these gave."""
    return [reply.text for reply in replies if reply.role == "assistant" and reply.text]


def split(said: str) -> tuple[str, str]:
    """The nonce, and what was asked."""
    found = _SAID.fullmatch(said)
    assert found, said
    return found[1], found[2]


def nonces_in(text: str) -> set[str]:
    """Those of all answers that are repeated in this one, and its own."""
    return set(re.findall(r"<([0-9a-f]{8})\|", text))


def check_conductor(replies: Sequence[Message], folder: Path) -> None:
    """These are the replies of one execution, and its effects happened once."""
    said = answers_in(replies)
    asked = [split(text)[1] for text in said]
    fan, same, draft = said[1 : 1 + WORKERS], said[1 + WORKERS : 3 + WORKERS], said[3 + WORKERS]
    assert asked[: 4 + WORKERS] == [
        f"after {fan[0]}",
        *[f"q{n}" for n in range(WORKERS)],
        *["same", "same"],
        "draft",
    ]
    assert same[0] != same[1]
    rest = asked[4 + WORKERS :]
    assert rest[: 2 + CLERKS] == [
        f"judge&{draft}",
        f"early {draft[:_SHOWN]}",
        *[f"bumped count {n}" for n in range(CLERKS)],
    ]
    rest = rest[2 + CLERKS :]
    for n in range(MANAGERS):
        parts = [rf"<[0-9a-f]{{8}}\|m{n} part {part}>" for part in range(3)]
        assert re.fullmatch("&".join([f"m{n} joined", *parts]), rest[n])
    chain, approved = rest[MANAGERS:]
    chained = re.sub(r"<[0-9a-f]{8}\|", "<", chain)
    assert chained == "chain 3&<chain 2&<chain 1&<chain 0>>>"
    assert approved == "bumped approved yes"
    effects = sorted(noted(folder / "effects"))
    assert effects == ["approved yes", *[f"count {n}" for n in range(CLERKS)]]
    own = [split(text)[0] for text in said]
    assert len(set(own)) == len(own)
