"""OpenAI: the Responses API for models that reason, Chat Completions for all others.

    find_model("openai:gpt-6.1-sol", api_key="sk-...")
    find_model("openai:our-deployment", base_url="https://us.openai.azure.com/openai/v1/",
               api_key="...", api="responses")

Where the extra `openai` is installed, the vendor's own client carries the requests; where not,
plain HTTP does. What is said is the same. Source: https://developers.openai.com/api/docs
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast

from retinue.errors import ModelRejected
from retinue.models import ChatChunk, ChatRequest, Model
from retinue.models._wire import Opener, Server, ServerSentEvents, count_of, document, streamed
from retinue.models.compatible import OPENAI, find_openai, key_wanted, offered, openai_at
from retinue.models.guard import Guarded

from ._decode import Answer
from ._encode import encode, encode_count, reasons


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Responses:
    """A model behind an address that speaks the Responses API.

    Args:
        model: What it is called there; at Azure, the name of the deployment.
        base_url: Where; with the version, as in ".../v1".
        api_key: Sent as a bearer token, where there is one.
    """

    model: str
    base_url: str
    api_key: str | None

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    def __repr__(self) -> str:
        return f"<Responses {self.name} at {self.base_url}>"

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. Of what models thought, only this vendor's own travels, as the blocks it came in.

        Raises:
            ModelError: One of its kinds.
        """
        server = self._server()
        body = encode(request, self.model)
        answer = Answer(server, request)
        return streamed(server, "responses", body, ServerSentEvents(), answer, opened=_carrier())

    async def count_tokens(self, request: ChatRequest) -> int:
        """How many tokens the model would read. It costs nothing.

        Raises:
            ModelError: One of its kinds.
        """
        body = encode_count(request, self.model)
        found = await document(self._server(), "responses/input_tokens", body, opened=_carrier())
        return count_of(found, "input_tokens")

    def _server(self) -> Server:
        look = "Look at your network, and at https://status.openai.com."
        if self.base_url != OPENAI:
            look = (
                f"Look whether the server runs, and whether its base_url is {self.base_url}. "
                f"If it speaks Chat Completions only, ask it for 'compatible:{self.model}'."
            )
        return Server(
            name=self.name,
            base_url=self.base_url,
            api_key=self.api_key,
            unreachable=look,
            unauthorized=key_wanted("openai", self.base_url),
            unknown="`retinue models` lists those there are; choose another --model.",
        )


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    api: str | None = None,
    first_timeout: float | None = 300.0,
    idle_timeout: float | None = 300.0,
    retries: int = 2,
) -> Model:
    """A model of OpenAI, under guard; which is patient, for what is thought is often not shown.

    Args:
        name: What it is called there; at Azure, the name of the deployment.
        base_url: Another address than OpenAI's own.
        api_key: Theirs.
        api: "responses" or "chat"; left out, Responses for a name of a model that reasons.
        first_timeout, idle_timeout, retries: Of `Guarded`.
    """
    api = api or ("responses" if reasons(name) else "chat")
    if api not in ("chat", "responses"):
        raise ModelRejected(f"OpenAI has no api {api!r}", hint='There is "responses", and "chat".')
    if api == "chat":
        return find_openai(
            name,
            base_url=base_url,
            api_key=api_key,
            first_timeout=first_timeout,
            idle_timeout=idle_timeout,
            retries=retries,
        )
    return Guarded(
        Responses(model=name, base_url=openai_at(name, base_url, api_key), api_key=api_key),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


@cache
def _carrier() -> Opener | None:
    """The vendor's own client; None where it is not installed, or too old: plain HTTP will do.

    It takes nearly a second to load: with the first request, not before.
    """
    try:
        return cast("Opener", import_module("._sdk", __package__).opened)
    except ImportError:
        return None


__all__ = ["Responses", "find", "offered"]
