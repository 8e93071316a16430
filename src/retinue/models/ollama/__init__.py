"""Ollama over its own wire: POST /api/chat, JSON lines back.

    find_model("ollama:qwen3")

Source: https://docs.ollama.com/api/chat
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from retinue.errors import UnknownModel
from retinue.models import PROVIDERS, ChatChunk, ChatRequest, Model
from retinue.models._addresses import OLLAMA, ollama_at
from retinue.models._wire import Lines, Server, document, rows_of, streamed, texts_of
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

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. Of what models thought, only the reasons for their calls travel over this wire.

        Raises:
            ModelError: One of its kinds; ModelRejected for what Ollama has no words for: sound,
                files that are no text, pictures by address, a tool that must be used.
        """
        server = _server(self.name, self.base_url, self.api_key, self.model)
        body = encode(request, self.model, keep_alive=self.keep_alive)
        return streamed(server, "api/chat", body, Lines(), Answer(server, request))


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
        Ollama(model=name, base_url=ollama_at(base_url), api_key=api_key, keep_alive=keep_alive),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that are installed there, those in memory first.

    Raises:
        ModelError: The server cannot be reached, or refuses.
    """
    address = ollama_at(base_url)
    server = _server(address, address, api_key, "NAME")
    loaded = texts_of(rows_of(await document(server, "api/ps"), "models"), "name")
    installed = texts_of(rows_of(await document(server, "api/tags"), "models"), "name")
    return tuple(dict.fromkeys([*loaded, *installed]))


def _server(name: str, address: str, key: str | None, model: str) -> Server:
    return Server(
        name=name,
        base_url=address,
        api_key=key,
        unreachable=f"Start it with `ollama serve`, and look whether it answers at {address}.",
        unauthorized="For models of its cloud: `ollama signin`. "
        + PROVIDERS["ollama"].key_wanted(elsewhere=True),
        unknown=f"Get it with `ollama pull {model}`, or choose another --model.",
        full="Begin a new conversation, or give it more room: OLLAMA_CONTEXT_LENGTH=32768 "
        "ollama serve.",
    )
