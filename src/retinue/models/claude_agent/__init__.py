"""Claude over the Claude Agent SDK: through Claude Code, with the login a person has there.

    find_model("claude_agent:claude-sonnet-5-5")

As a model it has the tools it is given and none of its own, and reads no files of a project. For
Claude Code with its own tools see `retinue.agents.claude`. Sources:
https://platform.claude.com/docs/en/agent-sdk/python, https://code.claude.com/docs/en/env-vars
"""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from retinue.errors import MissingExtra, ModelUnauthorized
from retinue.models import PROVIDERS, ChatChunk, ChatRequest, Model
from retinue.models._addresses import base_url_of
from retinue.models._wire import Server, written
from retinue.models.guard import Guarded

from ._asked import Asked
from ._decode import CUT
from ._encode import body_of, options_of, prompt_of
from ._said import Answered, Began, Ended, Said, Stopped

ANTHROPIC: Final = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeAgent:
    """A model that is asked through Claude Code, a process for each answer.

    Args:
        model: What it is called: "claude-sonnet-5-5", "opus"; None: whom Claude Code would ask.
        api_key: The key; without one, the login of Claude Code on this machine counts.
        base_url: Where the API is, without the version; None: where Claude Code finds it.
    """

    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None

    @property
    def name(self) -> str:
        return f"claude_agent:{self.model or ''}"

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. Leaving ends the process. Of the past only words, calls and results travel.

        Calls of tools are told, and not made. A temperature is left out: the API accepts none.

        Raises:
            ModelError: One of its kinds; ModelRejected for what cannot be asked of it: sound, files
                other than PDF and text.
        """
        env: dict[str, str] = {}
        if request.max_tokens is not None:
            env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(request.max_tokens)
        if body := body_of(request, self.model):
            env["CLAUDE_CODE_EXTRA_BODY"] = written(body)
        asked = Asked(
            prompt=prompt_of(request),
            model=self.model,
            system=request.system or "",
            base_url=self.base_url,
            cwd=tempfile.gettempdir(),  # it tells the model where it is; that is nobody's folder
            offered=() if request.tool_choice == "none" else request.tools,
            max_turns=1,
            env=env,
            options=options_of(request),
        )
        server = server_of(self.name, self.base_url, self.api_key)
        return _chunks(opened(asked, server), self.model)


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    first_timeout: float | None = 300.0,
    idle_timeout: float | None = 300.0,
    retries: int = 2,
) -> Model:
    """A model that is asked through Claude Code, under guard; without a name, whom that would ask.

    Raises:
        MissingExtra: The package is not installed.
        ModelUnauthorized: The address is not the vendor's, and there is no key for it.
    """
    return Guarded(
        ClaudeAgent(model=name or None, api_key=api_key, base_url=address_of(base_url, api_key)),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


def address_of(base_url: str | None, api_key: str | None) -> str | None:
    """Where the API is that Claude Code is to ask, if that is said.

    Raises:
        MissingExtra: The package is not installed.
        ModelUnauthorized: The address is not the vendor's, and there is no key for it: the person's
            login would be shown there.
    """
    if find_spec("claude_agent_sdk") is None:
        raise _missing()
    if base_url is None:
        return None
    address = base_url_of(base_url).removesuffix("/v1")
    if address != ANTHROPIC and not api_key:
        raise ModelUnauthorized(
            f"Claude Code needs a key for {address}",
            hint=f"A login is not shown there. {_key_wanted(address)}",
        )
    return address


def server_of(name: str, base_url: str | None, key: str | None) -> Server:
    """Who is asked, and what its errors say."""
    address = base_url or ANTHROPIC
    return Server(
        name=name,
        base_url=address,
        api_key=key,
        unreachable=f"Ask again in a moment; look at your network, and whether {address} answers.",
        unauthorized=f"{_key_wanted(address)} Or log in: `claude /login`.",
        unknown="Choose another --model.",
    )


def opened(asked: Asked, server: Server) -> AbstractAsyncContextManager[AsyncGenerator[Said]]:
    """Start a run of Claude Code; see `_sdk.opened`. Its package is loaded now.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        package = import_module("._sdk", __package__)
    except ModuleNotFoundError as error:
        raise _missing() from error
    return cast("AbstractAsyncContextManager[AsyncGenerator[Said]]", package.opened(asked, server))


@asynccontextmanager
async def _chunks(
    run: AbstractAsyncContextManager[AsyncGenerator[Said]], model: str | None
) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
    async with run as said, aclosing(_of_one_answer(said, model)) as chunks:
        yield chunks


async def _of_one_answer(said: AsyncIterator[Said], model: str | None) -> AsyncGenerator[ChatChunk]:
    async for one in said:
        match one:
            case ChatChunk():
                yield one
            case Began(model=answering):
                if answering and not (model and answering.startswith(model)):
                    yield ChatChunk(model=f"claude_agent:{answering}")
            case Stopped(stop=stop, usage=usage) if stop in CUT:
                # Claude Code would ask again by itself; whether to is not its matter here.
                yield ChatChunk(usage=usage, stop=stop)
                return
            case Ended(stop=stop, usage=usage, cost=cost):
                yield ChatChunk(usage=usage, cost=cost, stop=stop)
            case _:
                pass


def _missing() -> MissingExtra:
    return MissingExtra(
        "Claude Code needs a package that is not installed", hint="pip install 'retinue[claude]'"
    )


def _key_wanted(address: str) -> str:
    return PROVIDERS["claude_agent"].key_wanted(elsewhere=address != ANTHROPIC)


__all__ = [
    "ANTHROPIC",
    "Answered",
    "Asked",
    "Began",
    "ClaudeAgent",
    "Ended",
    "Said",
    "Stopped",
    "address_of",
    "find",
    "opened",
    "prompt_of",
    "server_of",
]
