"""A run of Claude Code, through the vendor's package: what starts it, hears it and ends it.

The package starts a process of its own; whoever leaves the block, and however, has no process left
behind. Loaded with the first run.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from decimal import Decimal
from tempfile import NamedTemporaryFile
from typing import Any, Final, cast
from uuid import uuid4

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    CLIJSONDecodeError,
    CLINotFoundError,
    HookMatcher,
    Message,
    PermissionResult,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    ToolPermissionContext,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from retinue.errors import (
    MissingExtra,
    ModelRejected,
    ModelUnreachable,
    RetinueError,
    StreamIncomplete,
)
from retinue.messages import ToolCall
from retinue.models import ChatChunk
from retinue.models._find import is_customary
from retinue.models._wire import Json, Server, bare, incomplete
from retinue.models.anthropic import ANTHROPIC
from retinue.models.anthropic._decode import usage_of
from retinue.telemetry import event

from ._asked import Asked, Deny
from ._decode import Events, error_in, result_of, stop_of
from ._left import MARK, end_left
from ._offer import NAME, PLAIN_NAMES, offer
from ._said import Answered, Ended, Said

_MOMENT: Final = 2.0
"""Seconds that an interruption may take, before the process is ended anyway."""
_LINES: Final = 5
"""So many of its last complaints are shown."""
_BY_ANOTHER_NAME: Final = ("Agent",)
"""Tools that are there, though the list has another name for them."""
_MOST: Final = 16 * 1024 * 1024
"""Bytes of one message; what a tool read is in one."""


@asynccontextmanager
async def opened(asked: Asked, server: Server) -> AsyncGenerator[AsyncGenerator[Said]]:
    """Start a run; leaving interrupts it, and ends its process.

    Args:
        asked: What is to be done.
        server: Who is asked; for its key and address, and for errors.

    Raises:
        ModelError: Of a run that failed, also while it is read.
        MissingExtra: The package has no Claude Code with it.
    """
    run = _Run(asked, server)
    try:
        await run.start()
        said = run.said()
        try:
            yield said
        finally:
            await said.aclose()
    finally:
        await _surely(run.end())


class _Run:
    def __init__(self, asked: Asked, server: Server) -> None:
        self._asked = asked
        self._server = server
        self._name = uuid4().hex
        self._complaints: deque[str] = deque(maxlen=_LINES)
        server.headers()  # it would say less about a key that is none
        if not os.path.isdir(asked.cwd):
            raise ModelRejected(f"{asked.cwd} is no folder", hint="Name one that is there: cwd.")
        self._files = ExitStack()
        self._client = ClaudeSDKClient(self._options())
        self._starting: asyncio.Task[None] | None = None
        self._names: dict[str, str] = {}
        self._events = Events(asked.offered)
        self._offered = {tool.name for tool in asked.offered}
        self._kind: str | None = None
        self._failed: Exception | None = None
        self._begun = self._ended = False

    async def start(self) -> None:
        """Start the process, and tell it what is asked."""
        # In a task of its own: cut in the middle, the package would leave its process behind.
        self._starting = asyncio.create_task(self._connect())
        await asyncio.wait([self._starting])
        try:
            self._started(self._starting)
        except Exception as error:
            bare(error, self._server)
            raise

    def _started(self, starting: asyncio.Task[None]) -> None:
        try:
            starting.result()
        except Exception as error:
            raise self._worded(error) from error

    async def said(self) -> AsyncGenerator[Said]:
        """What it says, to the word that it is done.

        Raises:
            ModelError: It failed, or its process ended before that word.
        """
        try:
            async with aclosing(self._said()) as said:
                async for one in said:
                    yield one
        except BaseException as error:
            bare(error, self._server)
            raise

    async def _said(self) -> AsyncGenerator[Said]:
        ended: Ended | None = None
        messages: Any = self._client.receive_messages()
        try:
            async with aclosing(messages):
                async for message in messages:
                    for one in self._heard(message):
                        if isinstance(one, Ended):
                            ended = one
                        else:
                            self._begun = True
                            yield one
                    if ended is not None:
                        break
        except RetinueError:
            raise
        except Exception as error:  # the package raises plain ones, too
            raise self._worded(error) from error
        if ended is None:
            raise incomplete(self._server)
        self._ended = True
        self._raise_of(ended)
        yield ended

    async def end(self) -> None:
        """Interrupt what is not over, and end the process. Takes a moment; 20 s if it hangs."""
        with self._files:
            await self._end()

    async def _end(self) -> None:
        if self._starting is None:
            return
        if not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        elif not self._ended and not self._starting.exception():
            with suppress(Exception):  # it may be gone already
                async with asyncio.timeout(_MOMENT):
                    await self._client.interrupt()
        try:
            await self._client.disconnect()
        finally:
            if self._asked.tools:
                await asyncio.to_thread(end_left, self._name)

    async def _connect(self) -> None:
        await self._client.connect()
        await self._client.query(_prompt(self._asked.prompt))

    def _options(self) -> ClaudeAgentOptions:
        asked, server = self._asked, self._server
        env = {**_QUIET, MARK: self._name, **asked.env}
        if asked.base_url is not None:
            env["ANTHROPIC_BASE_URL"] = asked.base_url
            if not is_customary("anthropic", asked.base_url, own=ANTHROPIC):
                env["ANTHROPIC_CUSTOM_HEADERS"] = ""  # it would send them anywhere
        if server.api_key:
            # The key counts that was given, and no other that lies about.
            env |= {**_NO_OTHER, "ANTHROPIC_API_KEY": server.api_key}
        options = ClaudeAgentOptions(
            model=asked.model,
            system_prompt=self._standing(),
            tools=list(asked.tools),
            max_turns=asked.max_turns,
            max_budget_usd=asked.max_cost,
            cwd=asked.cwd,
            env=env,
            setting_sources=[],  # neither the person's settings nor a project's: they may run code
            strict_mcp_config=True,
            skills=[],
            permission_mode="default",
            include_partial_messages=True,
            verbatim_prompts=True,  # "@/etc/passwd" in what somebody said is no file to be read
            max_buffer_size=_MOST,
            stderr=self._complaints.append,
            extra_args={"no-session-persistence": None},
            **asked.options,
        )
        if asked.offered:
            options.env |= PLAIN_NAMES
            options.mcp_servers = {NAME: offer(asked.offered)}
        if asked.tools or asked.offered:
            options.can_use_tool = self._permitted(asked.allow)
            # Or it would not ask about what it holds to be harmless.
            hook = HookMatcher(hooks=[_always_asks], on_failure="block")
            options.hooks = {"PreToolUse": [hook]}
        return options

    def _standing(self) -> Any:
        """Its instructions. Ours are in a file: a command line is short, and anybody reads it."""
        system = self._asked.system
        if not isinstance(system, str) or not system:
            return system
        return {"type": "file", "path": self._files.enter_context(_in_file(system))}

    def _permitted(
        self, allow: Callable[[ToolCall], Awaitable[Deny | None]]
    ) -> Callable[[str, Json, ToolPermissionContext], Awaitable[PermissionResult]]:
        async def permitted(
            name: str, args: Json, context: ToolPermissionContext
        ) -> PermissionResult:
            try:
                denied = await allow(ToolCall(id=context.tool_use_id or "", name=name, args=args))
            except Exception as error:  # of who was asked; it is raised where the run is read
                self._failed = error
                return PermissionResultDeny(message="It cannot be asked for.", interrupt=True)
            return PermissionResultDeny(message=denied) if denied else PermissionResultAllow()

        return permitted

    def _heard(self, message: Message) -> Iterable[Said]:
        match message:
            case StreamEvent(parent_tool_use_id=None, event=data):
                yield from self._events.read(data)
            case AssistantMessage(parent_tool_use_id=None, content=content, error=error):
                self._kind = error
                for block in content:
                    if isinstance(block, ToolUseBlock) and block.name not in self._offered:
                        self._names[block.id] = block.name
                        call = ToolCall(id=block.id, name=block.name, args=block.input)
                        yield ChatChunk(tool_call=call)
            case UserMessage(parent_tool_use_id=None, content=list(content)):
                for block in content:
                    if isinstance(block, ToolResultBlock):
                        id, failed = block.tool_use_id, bool(block.is_error)
                        name = self._names.get(id, "")
                        yield Answered(result=result_of(id, name, block.content, failed=failed))
            case ResultMessage():
                yield _ended(message, self._kind)
            case SystemMessage(subtype="init", data={"tools": tools}):
                there = cast("list[str]", tools)
                for name in set(self._asked.tools).difference(there, _BY_ANOTHER_NAME):
                    event(logging.WARNING, "claude code has no such tool", tool=name)
            case _:  # what it does beside that, and what its own agents say
                pass

    def _raise_of(self, ended: Ended) -> None:
        if self._failed is not None:
            raise self._failed
        if ended.limit or ended.stop in ("refused", "context_full", "max_tokens"):
            return
        if (error := error_in(ended, self._server, kind=self._kind)) is not None:
            raise error

    def _worded(self, error: Exception) -> Exception:
        server = self._server
        why = server.hide(" ".join([f"{error}", *self._complaints]))[:400]
        match error:
            case CLINotFoundError():
                return MissingExtra(
                    "Claude Code is not installed", hint="pip install 'retinue[claude]'"
                )
            case CLIJSONDecodeError() | KeyError() | TypeError():
                return StreamIncomplete(
                    f"{server.name!r} sent something that cannot be read: {why}", hint="Ask again."
                )
            case _ if self._begun:
                return StreamIncomplete(f"{server.name!r} broke off: {why}", hint="Ask again.")
            case _:
                return ModelUnreachable(
                    f"{server.name!r} did not start: {why}", hint=server.unreachable
                )


def _ended(message: ResultMessage, kind: str | None) -> Ended:
    cost = message.total_cost_usd
    # It has asked for the rest a few times then, and gave up.
    cut = kind == "max_output_tokens"
    return Ended(
        outcome=message.subtype,
        usage=usage_of(message.usage or {}),
        cost=None if cost is None else Decimal(str(cost)),
        failed=message.is_error,
        reason=message.terminal_reason or "",
        words=message.result or " ".join(message.errors or ()),
        status=message.api_error_status,
        stop="max_tokens" if cut else stop_of(message.stop_reason),
    )


@contextmanager
def _in_file(text: str) -> Generator[str]:
    """A file that only this person can read, as long as the block."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", errors="replace", prefix="retinue-", delete_on_close=False
    ) as file:
        file.write(text)
        file.close()
        yield file.name


async def _prompt(blocks: list[Json]) -> AsyncGenerator[Json]:
    message = {"role": "user", "content": blocks}
    yield {"type": "user", "message": message, "parent_tool_use_id": None, "session_id": "default"}


async def _always_asks(*_: Any) -> Any:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "ask"}}


async def _surely(work: Any) -> None:
    """Do it to its end, however often that is cancelled; then be cancelled."""
    doing = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    doing.result()


_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
}
"""No news, updates and telemetry, no memory of other runs, and nothing that goes on after this one;
asking again is the guard's matter."""
_NO_OTHER: Final = {
    "ANTHROPIC_AUTH_TOKEN": "",
    "CLAUDE_CODE_OAUTH_TOKEN": "",
    "CLAUDE_CODE_USE_BEDROCK": "",
    "CLAUDE_CODE_USE_FOUNDRY": "",
    "CLAUDE_CODE_USE_VERTEX": "",
}
"""Logins, and places of other vendors, that would count before a key."""
