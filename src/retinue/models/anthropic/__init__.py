"""Anthropic's models over their Messages API, by the vendor's own package.

    find_model("anthropic:claude-sonnet-5-5", api_key="sk-ant-...")

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from retinue.errors import MissingExtra, ModelRejected, ModelUnauthorized, UnknownModel
from retinue.models import PROVIDERS, ChatChunk, ChatRequest, Model
from retinue.models._addresses import base_url_of
from retinue.models._wire import (
    Connection,
    Opener,
    Server,
    ServerSentEvents,
    count_of,
    document,
    rows_of,
    streamed,
    texts_of,
)
from retinue.models.guard import Guarded

from ._caching import Lifetime
from ._decode import Answer
from ._encode import encode, encode_count

ANTHROPIC: Final = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    """A model of Anthropic, or one behind an address that speaks as theirs.

    Args:
        model: What it is called there.
        api_key: The key; None: none is shown.
        base_url: Where; without the version.
        cache: How long the beginning of a conversation is kept, so that it is read and paid once;
            None: not at all.
    """

    model: str
    api_key: str | None = field(default=None, repr=False)
    base_url: str = ANTHROPIC
    cache: Lifetime | None = "5m"

    @property
    def name(self) -> str:
        return f"anthropic:{self.model}"

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. What other vendors' models thought, and their blocks, do not travel.

        Raises:
            ModelError: One of its kinds; ModelRejected for what cannot be shown to these models:
                sound, files other than PDF and text, and of those by address other than PDF.
        """
        server = _server(self.name, self.base_url, self.api_key)
        body, betas = encode(request, self.model, cache=self.cache)
        answer = Answer(server, request, self.model)
        sse = ServerSentEvents()
        return streamed(server, "v1/messages", body, sse, answer, opened=_through_sdk(betas))

    async def count_tokens(self, request: ChatRequest) -> int:
        """How many tokens the request has, as the vendor counts them; that is free of charge.

        Raises:
            ModelError: As of `chat`.
        """
        server = _server(self.name, self.base_url, self.api_key)
        body, betas = encode_count(request, self.model)
        path = "v1/messages/count_tokens"
        found = await document(server, path, body, opened=_through_sdk(betas))
        return count_of(found, "input_tokens")


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    cache: Lifetime | None = "5m",
    first_timeout: float | None = 300.0,
    idle_timeout: float | None = 300.0,
    retries: int = 2,
) -> Model:
    """A model of Anthropic, under guard; which is patient, for what is thought is often not shown.

    Args:
        cache: How long the beginning of a conversation is kept: "5m", "1h", or None.
    """
    if not name:
        raise UnknownModel(
            "No model 'anthropic:' without a name", hint="anthropic:claude-sonnet-5-5, say."
        )
    if cache not in ("5m", "1h", None):
        raise ModelRejected(
            f"Anthropic caches nothing for {cache!r}", hint='Choose "5m", "1h" or None.'
        )
    if find_spec("anthropic") is None:
        raise _missing()
    address = _address(base_url)
    _check_key(f"'anthropic:{name}'", address, api_key)
    return Guarded(
        Anthropic(model=name, api_key=api_key, base_url=address, cache=cache),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that are offered there, the newest first.

    Raises:
        ModelUnauthorized: There is no key.
        ModelError: The server cannot be reached, or refuses.
    """
    address = _address(base_url)
    _check_key(f"The list of {address}", address, api_key)
    server = _server(address, address, api_key)
    found = await document(server, "v1/models?limit=1000", opened=_through_sdk())
    return texts_of(rows_of(found, "data"), "id")


def _address(base_url: str | None) -> str:
    """Where the API is; its version is not part of that, though many write it."""
    return ANTHROPIC if base_url is None else base_url_of(base_url).removesuffix("/v1")


def _check_key(what: str, address: str, key: str | None) -> None:
    """Other addresses may do without one."""
    if address == ANTHROPIC and not key:
        raise ModelUnauthorized(f"{what} needs a key", hint=_key_wanted(address))


def _key_wanted(address: str) -> str:
    return PROVIDERS["anthropic"].key_wanted(elsewhere=address != ANTHROPIC)


def _server(name: str, address: str, key: str | None) -> Server:
    look = f"Look whether the server runs, and whether its base_url is {address}."
    if address == ANTHROPIC:
        look = "Look at your network, and at https://status.claude.com."
    return Server(
        name=name,
        base_url=address,
        api_key=key,
        unreachable=look,
        unauthorized=_key_wanted(address),
        unknown="`retinue models` lists those there are; choose another --model.",
    )


def _through_sdk(betas: Sequence[str] = ()) -> Opener:
    """The vendor's package takes more than a second to load: with the first request, not before."""

    def opened(
        server: Server, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[Connection]:
        try:
            package = import_module("._sdk", __package__)
        except ImportError as error:
            raise _missing() from error
        found = package.opened(server, path, body, betas=betas)
        return cast("AbstractAsyncContextManager[Connection]", found)

    return opened


def _missing() -> MissingExtra:
    return MissingExtra(
        "Anthropic's models need a package that is not installed here, or is too old",
        hint="pip install 'retinue[anthropic]'",
    )
