"""claude_agent: Claude Code as an agent. Its own tools ask us before each use.

coder = claude_agent("coder", tools=("Read", "Edit", "Bash"), cwd="project")
"""

import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from retinue.errors import AgentError, ToolDenied, ToolFailed
from retinue.messages import (
    Message,
    MessagePromise,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    value,
)
from retinue.models import ChatChunk, ChatRequest
from retinue.models.claude_agent import (
    Answered,
    Asked,
    Began,
    Ended,
    Said,
    Stopped,
    address_of,
    opened,
    prompt_of,
    server_of,
)
from retinue.promise import StreamAppender
from retinue.steps import Effect, emit, step
from retinue.tools import Ask, Caller, Risk, ask_on_console, caller

from ._agent import Agent
from ._assistant import _STOPS, StopReason
from ._turn import Turn


def claude_agent(
    name: str,
    *,
    model: str | None = None,
    system: str | None = None,
    tools: Iterable[str] = ("Read", "Edit", "Write", "Bash"),
    ask: Ask = ask_on_console,
    cwd: str | Path | None = None,
    max_steps: int | None = None,
    max_cost: Decimal | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    description: str | None = None,
) -> Agent:
    """An agent that is Claude Code: one run of it for each turn, which ends with the turn.

    Its replies are what it says, the tools it uses and what they answer, as they come. The last has
    `stop_reason`, and as `cost` the US dollars (Decimal) of the turn, an estimate made there.
    Neither the person's settings and memory nor those of the project are read.

    Args:
        name: How others call it; its own messages bear this name.
        model: Who answers: "claude-sonnet-5-5"; by default whom Claude Code would ask.
        system: Its instructions, beside those that Claude Code has of its own.
        tools: The names of its own tools that it has: "Read", "Edit", "Write", "Bash", "WebFetch",
            "WebSearch", ... They run outside of our sandbox.
        ask: Asked before each use, also of what is harmless. What is denied, its model is told.
        cwd: The folder in which it works; by default that of this process.
        max_steps: How many times its model may be asked in a turn.
        max_cost: US dollars that a turn may cost.
        base_url, api_key: Where the API is, and the key for it; by default those of Claude Code,
            which may be a person's login.
        description: What it is good for.

    Raises:
        MissingExtra: The package is not installed.
        ModelUnauthorized: There is an address, and no key for it.
        AgentError: A name is none of a tool.
    """
    chosen = tuple(tools)
    for one in chosen:
        if not re.fullmatch(r"[A-Za-z]\w*", one):
            raise AgentError(
                f"{one!r} is no name of a tool of Claude Code", hint='Names are "Read", "Bash", ...'
            )
    model = model and model.removeprefix("claude_agent:")
    run = _Run(
        model=model,
        system=system,
        tools=chosen,
        ask=ask,
        cwd=os.fspath(cwd or Path.cwd()),
        max_steps=max_steps,
        max_cost=max_cost,
        base_url=address_of(base_url, api_key),
        api_key=api_key,
    )
    return Agent(run, name=name, description=description if description is not None else system)


@value
class OwnTool:
    """A tool that Claude Code has itself; what a person is shown who is asked about it."""

    name: str

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(name=self.name, description="A tool of Claude Code.", parameters={})

    @property
    def effect(self) -> Effect:
        return "once"

    @property
    def risk(self) -> Risk:
        return _RISKS.get(self.name, "execute")

    async def use(self, call: ToolCall) -> ToolResult:
        """Only Claude Code can use it.

        Raises:
            ToolFailed: Always.
        """
        raise ToolFailed(f"{self.name!r} is used by Claude Code alone", hint="Ask its agent.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What all turns of the agent have in common."""

    model: str | None
    system: str | None
    tools: tuple[str, ...]
    ask: Ask
    cwd: str
    max_steps: int | None
    max_cost: Decimal | None
    base_url: str | None
    api_key: str | None = field(repr=False)

    async def __call__(self, turn: Turn) -> None:
        request = ChatRequest(messages=await turn.messages, agent=turn.agent.name)
        prompt = prompt_of(request)
        caller.set(Caller(agent=turn.agent.name))
        name = f"claude_agent:{self.model}" if self.model else "claude_agent"
        telling = _Telling(turn, name)

        async def work(_: str | None) -> tuple[Message, ...]:
            server = server_of(name, self.base_url, self.api_key)
            async with opened(self._asked(prompt), server) as run:
                with telling:
                    async for said in run:
                        telling.hear(said)
            return await telling.whole()

        # Its tools have done something; after a crash that must not happen a second time.
        done = await step("claude_agent", work, args=(name, prompt, self.tools), effect="once")
        if not telling.replies:
            turn.reply(*done)

    def _asked(self, prompt: list[dict[str, Any]]) -> Asked:
        system = {"type": "preset", "preset": "claude_code"}
        return Asked(
            prompt=prompt,
            model=self.model,
            system={**system, "append": self.system} if self.system else system,
            cwd=self.cwd,
            base_url=self.base_url,
            tools=self.tools,
            allow=self._allow,
            max_turns=self.max_steps,
            max_cost=None if self.max_cost is None else float(self.max_cost),
        )

    async def _allow(self, call: ToolCall) -> str | None:
        """None, or why not: Claude Code tells its model."""
        try:
            if await self.ask(call, OwnTool(name=call.name)):
                return None
        except ToolDenied as error:
            return f"{error}\n{error.hint}" if error.hint else str(error)
        return f"{call.name!r} was not approved. Do without it, or say what it is needed for."


class _Telling:
    """Makes replies of what is said. The last message stays open until the run is over, for what is
    known only then."""

    def __init__(self, turn: Turn, name: str) -> None:
        self._turn = turn
        self._name = name
        self._agent = turn.agent.name
        self._open = ExitStack()
        self._writing: StreamAppender[Any] | None = None
        self._promise: MessagePromise | None = None
        self.replies: list[Message | MessagePromise] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    async def whole(self) -> tuple[Message, ...]:
        """All that was replied."""
        return tuple([one if isinstance(one, Message) else await one for one in self.replies])

    def hear(self, said: Said) -> None:
        """Hand on what is said."""
        match said:
            case Began(model=model):
                self._close()
                self._begin(model)
            case ChatChunk(text=text, thinking=thinking, tool_call=call):
                if text:
                    self._push(text)
                if thinking:
                    self._push(Thinking(text=thinking))
                if call is not None:
                    emit("tool_asked", call=call)
                    self._push(call)
            case Stopped(stop=stop, usage=usage):
                counted = usage.counted()
                emit("model_answered", usage=counted, stop=stop)
                if self._promise is not None:
                    self._promise.note(usage=counted, stop=stop)
                if stop == "tool_calls":
                    self._close()
            case Answered(result=result):
                emit("tool_answered", result=result)
                self._reply(Message(parts=(result,), role="tool", agent=self._agent))
            case Ended():
                self._end(said)

    def _begin(self, model: str) -> None:
        writing: StreamAppender[Any] = StreamAppender(capture_errors=False)
        known = f"claude_agent:{model}" if model else self._name
        promise = MessagePromise(writing, agent=self._agent, source=f"model:{known}", model=known)
        self._writing = self._open.enter_context(writing)
        self._promise = promise
        self._reply(promise)

    def _reply(self, message: Message | MessagePromise) -> None:
        self._turn.reply(message)
        self.replies.append(message)

    def _push(self, piece: Any) -> None:
        if self._writing is None:  # it is said by Claude Code, not by its model
            self._begin("")
        assert self._writing is not None
        self._writing.log.push(piece)

    def _close(self) -> None:
        self._open.close()
        self._writing = self._promise = None

    def _end(self, ended: Ended) -> None:
        late: dict[str, Any] = {"stop_reason": _reason(ended)}
        if ended.cost is not None:
            late["cost"] = ended.cost
        if ended.limit:
            self._close()
        if self._promise is None:
            self._push(_LIMITS.get(ended.outcome, ended.words))
        assert self._promise is not None
        self._promise.note(**late)
        self._close()


def _reason(ended: Ended) -> StopReason | None:
    match ended.outcome:
        case "error_max_turns":
            return "max_steps"
        case "error_max_budget_usd":
            return "budget"
        case _:
            return _STOPS.get(ended.stop)


_LIMITS: Final = {
    "error_max_turns": "I stopped: the limit of steps.",
    "error_max_budget_usd": "I stopped: the limit of cost.",
}
_RISKS: Final[dict[str, Risk]] = {
    "Glob": "read",
    "Grep": "read",
    "Read": "read",
    "Edit": "write",
    "NotebookEdit": "write",
    "Write": "write",
    "WebFetch": "network",
    "WebSearch": "network",
}
"""Of what is not among them, the worst is assumed."""
