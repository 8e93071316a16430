"""What is there: the models that servers offer."""

import asyncio
from typing import Final, NamedTuple

from retinue.errors import ModelSilent, RetinueError
from retinue.models import LLAMA_SERVER, list_models
from retinue.promise import run as run_loop
from retinue.settings import Secret

_NEAR: Final = 3.0
"""Seconds for a server on this machine."""
_FAR: Final = 20.0


class Around(NamedTuple):
    """The models on this machine by their whole names; none where no server answers."""

    ollama: tuple[str, ...]
    llama_server: tuple[str, ...]


def look_around(
    ollama: str, llama_server: str = LLAMA_SERVER, *, key: Secret | None = None
) -> Around:
    """Ask both servers, side by side; the key is that of Ollama, where it wants one."""

    async def look() -> Around:
        found = await asyncio.gather(
            _there("ollama", ollama, key), _there("compatible", llama_server, None)
        )
        return Around(*found)

    return run_loop(look)


def models_at(base_url: str, api_key: str | None) -> tuple[str, ...]:
    """The models of a server that speaks Chat Completions, by their whole names.

    Raises:
        ModelError: It cannot be reached, or does not say.
    """

    async def ask() -> tuple[str, ...]:
        return await _offered("compatible", base_url, api_key, patience=_FAR)

    return run_loop(ask)


async def _there(provider: str, base_url: str, key: Secret | None) -> tuple[str, ...]:
    try:
        api_key = key.reveal() if key is not None else None
        return await _offered(provider, base_url, api_key, patience=_NEAR)
    except RetinueError:
        return ()


async def _offered(
    provider: str, base_url: str, api_key: str | None, *, patience: float
) -> tuple[str, ...]:
    try:
        async with asyncio.timeout(patience):
            return await list_models(provider, base_url=base_url, api_key=api_key)
    except TimeoutError as error:
        raise ModelSilent(f"{base_url} has said nothing for {patience:g} s") from error
