"""Models: the one that would answer, whether it can be reached, and what else is here."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from retinue.app import Way, build, way_to
from retinue.cli._vendors import has_list, keys_without_package, load_package
from retinue.errors import RetinueError, UnknownTool
from retinue.models import LLAMA_SERVER, list_models, provider_of
from retinue.settings import Settings

from ._finding import PATIENCE, Finding, aside

_SOME: Final = 3
"""Models that are named of many."""


async def model(settings: Settings, program: str) -> list[Finding]:
    """The model that would answer, why it is this one, and whether it is there.

    It is asked for nothing that costs money: only for the list of its provider's models.
    """
    try:
        name = await aside(lambda: build(settings).model.name)
    except RetinueError as error:
        about = "tools" if isinstance(error, UnknownTool) else "model"
        return [_wrong(about, str(error), error)]
    way = _way(settings, name)
    reached = await _reached(name, _why(settings, name), way, program)
    return [reached, *_key(settings, way), *_unused(settings)]


async def server(about: str, way: Way) -> list[Finding]:
    """Whether a server of models runs on this machine; it need not."""
    provider, base_url = provider_of(way.name), way.base_url or ""
    if not await _listens(base_url):
        return [Finding(about=about, state="note", words=f"none at {base_url}")]
    try:
        async with asyncio.timeout(PATIENCE):
            names = await list_models(provider, base_url=base_url, api_key=_revealed(way))
    except TimeoutError:
        words = f"something listens at {base_url}, and says nothing"
        return [Finding(about=about, state="note", words=words)]
    except RetinueError:
        words = f"something else answers at {base_url}"
        return [Finding(about=about, state="note", words=words)]
    some = [name.partition(":")[2] for name in names]
    if not some:
        return [Finding(about=about, state="note", words=f"no model at {base_url}")]
    return [Finding(about=about, state="fine", words=f"{_listed(some)} at {base_url}")]


async def _reached(name: str, why: str, way: Way, program: str) -> Finding:
    said = f"{name}, {why}"
    if name == "demo":
        words = f"{said}, is no language model"
        return Finding(about="model", state="warning", words=words, fix=f"{program} setup")
    provider = provider_of(name)
    if not has_list(way):
        return Finding(about="model", state="fine", words=said)
    await asyncio.to_thread(load_package, provider)
    try:
        async with asyncio.timeout(PATIENCE):
            names = await list_models(provider, base_url=way.base_url, api_key=_revealed(way))
    except TimeoutError:
        words = f"{said}, does not answer within {PATIENCE:g} s"
        fix = f"Ask again; or choose another: {program} setup"
        return Finding(about="model", state="wrong", words=words, fix=fix)
    except RetinueError as error:
        return _wrong("model", f"{said}: {error}", error)
    if name in names or f"{name}:latest" in names:
        return Finding(about="model", state="fine", words=said)
    there = _listed([each.partition(":")[2] for each in names]) if names else "nothing"
    words = f"{said}, is not there; there is {there}"
    if provider == "ollama":
        fix = f"ollama pull {name.partition(':')[2]}"
        return Finding(about="model", state="wrong", words=words, fix=fix)
    fix = f"If it does not answer either, choose another: {program} setup"
    return Finding(about="model", state="warning", words=words, fix=fix)


def _key(settings: Settings, way: Way) -> list[Finding]:
    """The key that is shown to the provider, if there is one; never more of it than its ends."""
    key = way.api_key
    if key is None:
        return []
    shown = settings.secrets().get(key.reveal(), "…")
    place = key.reference or "a file of settings"
    return [Finding(about="key", state="fine", words=f"{shown}, from {place}")]


def _unused(settings: Settings) -> list[Finding]:
    """The keys that are of no use, because what their vendor needs is not installed."""
    words = "is not used without its package"
    return [
        Finding(about="key", state="warning", words=f"that of {vendor} {words}", fix=fix)
        for vendor, fix in keys_without_package(settings).items()
    ]


def _way(settings: Settings, name: str) -> Way:
    """How the model of that name, which was found, is reached."""
    way = way_to(settings, settings.model if settings.model in settings.models else name)
    if provider_of(name) == "compatible" and way.base_url is None:  # it was found, not chosen
        return way._replace(base_url=LLAMA_SERVER)
    return way


def _why(settings: Settings, name: str) -> str:
    origin = settings.origin("model")
    if settings.model == "auto":
        return "taken because none was chosen"
    if settings.model == name:
        return f"chosen by {origin}"
    return f"meant by {settings.model!r} in {origin}"


def _revealed(way: Way) -> str | None:
    return way.api_key.reveal() if way.api_key is not None else None


def _wrong(about: str, words: str, error: RetinueError) -> Finding:
    return Finding(about=about, state="wrong", words=words, fix=error.hint or "Choose another one.")


async def _listens(base_url: str) -> bool:
    """Whether anything is there at all."""
    parts = urlsplit(base_url)
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except (OSError, ValueError):  # also where it takes too long
        return False
    writer.close()
    return True


def _listed(names: list[str]) -> str:
    more = len(names) - _SOME
    return ", ".join([*names[:_SOME], *[f"{more} more"] * (more > 0)])
