"""Ollama over its own wire: POST /api/chat, JSON lines back.

    find_model("ollama:qwen3")

Source: https://docs.ollama.com/api/chat
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from retinue.errors import UnknownModel
from retinue.models import ChatChunk, ChatRequest, Model
from retinue.models._addresses import OLLAMA, address_of
from retinue.models._wire import (
    Connection,
    Lines,
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
from ._encode import encode


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ollama:
    """A model that a server of Ollama runs.

    Args:
        model: What it is called there: "qwen3", "llama3.2:1b".
        base_url: Where the server answers.
        api_key: Sent as a bearer token, where somebody put a door before it.
        keep_alive: How long it stays loaded: "10m", seconds, or a negative number for ever.
    """

    model: str
    base_url: str = OLLAMA
    api_key: str | None = None
    keep_alive: str | float | None = None

    @property
    def name(self) -> str:
        return f"ollama:{self.model}"

    def __repr__(self) -> str:
        return f"<Ollama {self.name} at {self.base_url}>"

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        """Ask. What other models thought, and vendors' blocks, do not travel over this wire.

        Raises:
            ModelError: One of its kinds; ModelRejected for what Ollama has no words for: sound,
                files that are no text, pictures by address, a tool that must be used.
        """
        async with connected(
            joined(self.base_url, "api/chat"),
            model=self.name,
            body=encode(request, self.model, keep_alive=self.keep_alive),
            headers=bearer(self.api_key),
            hint=_hint(self.base_url),
        ) as connection:
            if connection.status != 200:
                raise error_of(
                    connection.status,
                    await connection.document(),
                    connection.headers,
                    model=self.name,
                    key=self.api_key,
                    hint=_hint(self.base_url),
                )
            async with aclosing(self._chunks(connection, Answer(self.name, request))) as chunks:
                yield chunks

    async def _chunks(self, connection: Connection, answer: Answer) -> AsyncGenerator[ChatChunk]:
        lines = Lines()
        while block := await connection.next_block():
            for line in lines.feed(block):
                for chunk in answer.read(line, key=self.api_key):
                    yield chunk
        for line in lines.end():
            for chunk in answer.read(line, key=self.api_key):
                yield chunk
        for chunk in answer.end():
            yield chunk


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    keep_alive: str | float | None = None,
    first_timeout: float | None = 300.0,
    idle_timeout: float | None = 120.0,
    retries: int = 2,
) -> Model:
    """A model of Ollama, under guard. The first answer waits until the model is loaded.

    Args:
        keep_alive: How long it stays loaded: "10m", seconds, or a negative number for ever.
    """
    if not name:
        raise UnknownModel(
            "No model 'ollama:' without a name", hint="`ollama list` shows those you have."
        )
    return Guarded(
        Ollama(model=name, base_url=address_of(base_url), api_key=api_key, keep_alive=keep_alive),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that are installed there, those in memory first.

    Raises:
        ModelError: The server cannot be reached, or refuses.
    """
    address = address_of(base_url)
    loaded = await _listed(address, "api/ps", api_key)
    installed = await _listed(address, "api/tags", api_key)
    return tuple(dict.fromkeys([*loaded, *installed]))


async def _listed(address: str, path: str, key: str | None) -> tuple[str, ...]:
    status, body, headers = await fetched(
        joined(address, path), model=address, headers=bearer(key), hint=_hint(address)
    )
    if status != 200:
        raise error_of(status, body, headers, model=address, key=key, hint=_hint(address))
    return names_in(frame_of(body, address).get("models"), "name")


def _hint(address: str) -> str:
    return f"Start it with `ollama serve`, and look whether it answers at {address}."
