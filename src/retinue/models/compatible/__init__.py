"""Chat Completions over plain HTTP: vLLM, llama-server, LM Studio, OpenRouter, OpenAI, and others.

    find_model("compatible:qwen3", base_url="http://127.0.0.1:8080/v1")
    find_model("openai:gpt-6.1-sol", api_key="sk-...")

Source: https://platform.openai.com/docs/api-reference/chat
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from retinue.errors import ModelRejected, ModelUnauthorized, UnknownModel
from retinue.models import ChatChunk, ChatRequest, Model
from retinue.models._wire import (
    Connection,
    ServerSentEvents,
    bearer,
    connected,
    error_of,
    fetched,
    frame_of,
    joined,
    names_in,
)
from retinue.models.guard import Guarded

from ._decode import Answer
from ._encode import OF_OPENAI, OF_OTHERS, OF_REASONING, Dialect, encode

OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Compatible:
    """A model behind an address that speaks Chat Completions.

    Args:
        model: What it is called there.
        base_url: Where; with the version, as in ".../v1".
        api_key: Sent as a bearer token, where there is one.
        provider: What stands before the colon of its name.
        dialect: What this server wants otherwise than others.
    """

    model: str
    base_url: str
    api_key: str | None = None
    provider: str = "compatible"
    dialect: Dialect = OF_OTHERS

    @property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"

    def __repr__(self) -> str:
        return f"<Compatible {self.name} at {self.base_url}>"

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Ask. What other models thought, and vendors' blocks, do not travel over this wire.

        Raises:
            ModelError: One of its kinds.
        """
        async with connected(
            joined(self.base_url, "chat/completions"),
            model=self.name,
            body=encode(request, self.model, self.dialect),
            headers=bearer(self.api_key),
            hint=_hint(self.base_url),
        ) as connection:
            await self._look_at(connection)
            async with aclosing(self._chunks(connection, Answer(self.name, request))) as chunks:
                yield chunks

    async def _look_at(self, connection: Connection) -> None:
        """Raise what the server says instead of an answer."""
        kind = connection.headers.get("Content-Type", "")
        if connection.status == 200 and not kind.startswith(("text/html", "application/json")):
            return
        body = await connection.document()
        if connection.status == 200 and b'"error"' not in body[:1000]:
            raise ModelRejected(
                f"{self.name!r} did not stream: its server sent {kind or 'nothing'}",
                hint=_hint(self.base_url),
            )
        raise error_of(
            connection.status if connection.status != 200 else 500,
            body,
            connection.headers,
            model=self.name,
            key=self.api_key,
            hint=_KEY if connection.status in (401, 403) else _hint(self.base_url),
        )

    async def _chunks(self, connection: Connection, answer: Answer) -> AsyncGenerator[ChatChunk]:
        frames = ServerSentEvents()
        while block := await connection.next_block():
            for data in frames.feed(block):
                for chunk in answer.read(data, key=self.api_key):
                    yield chunk
        for data in frames.end():
            for chunk in answer.read(data, key=self.api_key):
                yield chunk
        for chunk in answer.end():
            yield chunk


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    first_timeout: float | None = 120.0,
    idle_timeout: float | None = 60.0,
    retries: int = 2,
) -> Model:
    """A model behind an address of one's own, under guard."""
    if not name or base_url is None:
        raise UnknownModel(
            f"No model 'compatible:{name}' without {'a name' if base_url else 'an address'}",
            hint="Put [models.lab] into retinue.toml with base_url and model, then: --model lab.",
        )
    return Guarded(
        Compatible(model=name, base_url=_address(base_url), api_key=api_key),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


def find_openai(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    first_timeout: float | None = 120.0,
    idle_timeout: float | None = 60.0,
    retries: int = 2,
) -> Model:
    """A model of OpenAI, under guard."""
    if not name:
        raise UnknownModel("No model 'openai:' without a name", hint="openai:gpt-6.1-sol, say.")
    if not api_key:
        raise ModelUnauthorized(f"'openai:{name}' needs a key", hint=_KEY)
    return Guarded(
        Compatible(
            model=name,
            base_url=_address(base_url or OPENAI),
            api_key=api_key,
            provider="openai",
            dialect=OF_REASONING if _REASONS.match(name) else OF_OPENAI,
        ),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that a server offers.

    Raises:
        ModelError: It cannot be reached, or refuses.
    """
    if base_url is None and provider != "openai":
        raise UnknownModel("Whose models? An address is needed", hint="Pass its base_url.")
    address = _address(base_url or OPENAI)
    status, body, headers = await fetched(
        joined(address, "models"), model=address, headers=bearer(api_key), hint=_hint(address)
    )
    if status != 200:
        hint = _KEY if status in (401, 403) else _hint(address)
        raise error_of(status, body, headers, model=address, key=api_key, hint=hint)
    listed = frame_of(body, address).get("data")
    return names_in(listed, "id")


def _address(base_url: str) -> str:
    """The address with the version that most servers want, where no path is given at all."""
    parts = urlsplit(base_url)
    return base_url if parts.path.strip("/") else joined(base_url, "v1")


def _hint(address: str) -> str:
    return f"Look whether the server runs, and whether its base_url is {address}."


_KEY: Final = "Set OPENAI_API_KEY, or api_key of the endpoint; `retinue setup` asks for it."
_REASONS: Final = re.compile(r"gpt-[5-9]|o\d|chat-latest")
"""Models that refuse a temperature. Source: https://platform.openai.com/docs/guides/reasoning"""
