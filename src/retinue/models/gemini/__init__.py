"""Google's models over the Gemini API, or at Vertex AI, by the vendor's own package.

    find_model("gemini:gemini-3.8-flash", api_key="...")
    find_model("gemini:gemini-3.8-flash", vertexai=True, project="my-project", location="global")

Source: https://ai.google.dev/api/generate-content
"""

from collections.abc import AsyncIterator
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
)
from retinue.models.guard import Guarded

from ._decode import Answer
from ._encode import encode, encode_count
from ._place import GEMINI, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemini:
    """A model of Google.

    Args:
        model: What it is called there.
        api_key: The key; None: none is shown, and at a project of Vertex this machine's own
            credentials say who asks.
        place: Where it is asked.
    """

    model: str
    api_key: str | None = field(default=None, repr=False)
    place: Place = GEMINI

    @property
    def name(self) -> str:
        return f"gemini:{self.model}"

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatChunk]]:
        """Ask. What models thought does not travel, and neither do other vendors' blocks.

        Raises:
            ModelError: One of its kinds; ModelRejected for files other than PDF, text and media.
        """
        server = _server(self.name, self.place, self.api_key)
        body = encode(request, self.model)
        answer = Answer(server, request, self.model)
        opened = _through_sdk(self.place, self.model)
        sse = ServerSentEvents()
        return streamed(server, "streamGenerateContent", body, sse, answer, opened=opened)

    async def count_tokens(self, request: ChatRequest) -> int:
        """How many tokens the request has, as the vendor counts them; that is free of charge.

        Raises:
            ModelError: As of `chat`.
        """
        server = _server(self.name, self.place, self.api_key)
        body = encode_count(request, self.model, vertexai=self.place.vertexai)
        opened = _through_sdk(self.place, self.model)
        found = await document(server, "countTokens", body, opened=opened)
        return count_of(found, "totalTokens")


def find(
    name: str,
    /,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    vertexai: bool = False,
    project: str | None = None,
    location: str | None = None,
    first_timeout: float | None = 300.0,
    idle_timeout: float | None = 300.0,
    retries: int = 2,
) -> Model:
    """A model of Google, under guard; which is patient, for what is thought comes in lumps.

    Args:
        base_url: Another address than Google's own.
        api_key: Theirs.
        vertexai: Whether it is asked at Vertex AI.
        project, location: Of Vertex AI; who names a project needs no key, but an address of
            Google's.
        first_timeout, idle_timeout, retries: Of `Guarded`.
    """
    if not name:
        raise UnknownModel(
            "No model 'gemini:' without a name", hint="gemini:gemini-3.8-flash, say."
        )
    if not vertexai and (project or location):
        raise ModelRejected(
            "A project and a location are words of Vertex AI", hint="Add vertexai=True."
        )
    if find_spec("google") is None or find_spec("google.genai") is None:
        raise _missing()
    place = Place(
        base_url=_address(base_url), vertexai=vertexai, project=project, location=location
    )
    _check_key(f"'gemini:{name}'", place, api_key)
    return Guarded(
        Gemini(model=name, api_key=None if project else api_key, place=place),
        first_timeout=first_timeout,
        idle_timeout=idle_timeout,
        retries=retries,
    )


async def offered(provider: str, *, base_url: str | None, api_key: str | None) -> tuple[str, ...]:
    """The names of the models that are offered there and can be talked with.

    Raises:
        ModelUnauthorized: There is no key.
        ModelError: The server cannot be reached, or refuses.
    """
    place = Place(base_url=_address(base_url))
    _check_key(f"The list of {place.shown}", place, api_key)
    server = _server(place.shown, place, api_key)
    found = await document(server, "models", opened=_through_sdk(place, ""))
    return tuple(
        [
            str(row["name"]).removeprefix("models/")
            for row in rows_of(found, "models")
            if "name" in row and "generateContent" in (row.get("supportedGenerationMethods") or ())
        ]
    )


def _address(base_url: str | None) -> str | None:
    """Where the API is; its version is not part of that, though many write it."""
    if base_url is None:
        return None
    return base_url_of(base_url).removesuffix("/v1").removesuffix("/v1beta")


def _check_key(what: str, place: Place, key: str | None) -> None:
    """A project stands for one, and other addresses may do without."""
    if not (key or place.project or place.base_url):
        raise ModelUnauthorized(f"{what} needs a key", hint=_key_wanted(place))


def _key_wanted(place: Place) -> str:
    return PROVIDERS["gemini"].key_wanted(elsewhere=place.base_url is not None)


def _server(name: str, place: Place, key: str | None) -> Server:
    look = "Look at your network, and at https://status.cloud.google.com."
    if place.base_url is not None:
        look = f"Look whether the server runs, and whether its base_url is {place.base_url}."
    return Server(
        name=name,
        base_url=place.shown,
        api_key=key,
        unreachable=look,
        unauthorized=_CREDENTIALS if place.project else _key_wanted(place),
        unknown="`retinue models` lists those there are; choose another --model.",
    )


def _through_sdk(place: Place, model: str) -> Opener:
    """The vendor's package takes nearly a second to load: with the first request, not before."""

    def opened(
        server: Server, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[Connection]:
        try:
            package = import_module("._sdk", __package__)
        except ModuleNotFoundError as error:
            raise _missing() from error
        found = package.opened(server, path, body, place=place, model=model)
        return cast("AbstractAsyncContextManager[Connection]", found)

    return opened


def _missing() -> MissingExtra:
    return MissingExtra(
        "Google's models need a package that is not installed",
        hint="pip install 'retinue[gemini]'",
    )


_CREDENTIALS: Final = "Say who you are: gcloud auth application-default login."
