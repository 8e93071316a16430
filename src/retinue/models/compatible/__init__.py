"""Chat Completions over plain HTTP: vLLM, llama-server, LM Studio, OpenRouter, OpenAI, and others.

    find_model("compatible:qwen3", base_url="http://127.0.0.1:8080/v1")
    find_model("openai:gpt-6.1-sol", api_key="sk-...")

Source: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from retinue.errors import ModelUnauthorized, UnknownModel
from retinue.models import PROVIDERS, ChatChunk, ChatRequest, Model
from retinue.models._addresses import base_url_of
from retinue.models._wire import Server, ServerSentEvents, document, rows_of, streamed, texts_of
from retinue.models.guard import Guarded

from ._decode import Answer
from ._dialect import OF_OTHERS, Dialect, of_openai
from ._encode import encode

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

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. What models thought (but DeepSeek's and Kimi's, which want it back), and vendors'
        blocks, do not travel over this wire.

        Raises:
            ModelError: One of its kinds.
        """
        server = _server(self.name, self.base_url, self.api_key, self.provider)
        body = encode(request, self.model, self.dialect)
        answer = Answer(server, request)
        return streamed(server, "chat/completions", body, ServerSentEvents(), answer)


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
        Compatible(model=name, base_url=base_url_of(base_url), api_key=api_key),
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
    return Guarded(
        Compatible(
            model=name,
            base_url=openai_at(name, base_url, api_key),
            api_key=api_key,
            provider="openai",
            dialect=of_openai(name),
        ),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


def openai_at(name: str, base_url: str | None, api_key: str | None) -> str:
    """Where OpenAI's model of that name is asked. Other addresses may do without a key.

    Raises:
        UnknownModel, ModelUnauthorized, ModelRejected: The name, the key or the address is none.
    """
    if not name:
        raise UnknownModel("No model 'openai:' without a name", hint="openai:gpt-6.1-sol, say.")
    address = base_url_of(base_url or OPENAI)
    if address == OPENAI and not api_key:
        raise ModelUnauthorized(f"'openai:{name}' needs a key", hint=key_wanted("openai", address))
    return address


def key_wanted(provider: str, address: str) -> str:
    """What to do where the key for this address is missing, or refused."""
    return PROVIDERS[provider].key_wanted(elsewhere=address != OPENAI)


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that a server offers.

    Raises:
        ModelError: It cannot be reached, or refuses.
    """
    if base_url is None and provider != "openai":
        raise UnknownModel("Whose models? An address is needed", hint="Pass its base_url.")
    address = base_url_of(base_url or OPENAI)
    found = await document(_server(address, address, api_key, provider), "models")
    return texts_of(rows_of(found, "data"), "id")


def _server(name: str, address: str, key: str | None, provider: str) -> Server:
    look = f"Look whether the server runs, and whether its base_url is {address}."
    if address == OPENAI:
        look = "Look at your network, and at https://status.openai.com."
    return Server(
        name=name,
        base_url=address,
        api_key=key,
        unreachable=look,
        unauthorized=key_wanted(provider, address),
    )
