"""Auto: the model of somebody who has chosen none.

The first of these that is there: a model of OpenAI, Anthropic or Google, in this order, where there
is a key and all that they need is installed; what Ollama has loaded, or what was installed there
last; what a llama-server has; the demo. Where there is a key, nobody is asked; else only this
machine is. Claude Code, and Ollama's cloud, are for those who choose them.
"""

import logging
import socket
import threading
import time
from collections.abc import Collection
from importlib import import_module
from typing import Final

from retinue.telemetry import event

from ._addresses import LLAMA_SERVER, ollama_at, place_of
from ._providers import PROVIDERS

PATIENCE: Final = 0.2
"""Seconds for both servers together."""
_BY_KEY: Final = ("openai", "anthropic", "gemini")
"""Whose model it is where there are several keys: the first that can be asked."""

type _Found = tuple[str, str] | None


def automatic(
    *, keys: Collection[str], ollama: str | None = None, llama_server: str = LLAMA_SERVER
) -> tuple[str, str | None]:
    """A model's name, and where it answers if that must be said. A key that is of no use, because
    a package is missing, is a warning in the log.

    Args:
        keys: The providers to whom there is a key.
        ollama, llama_server: Where to look for these.

    Raises:
        ModelRejected: Where to look is no address.
    """
    return _of_vendor(keys) or _here(ollama, llama_server) or ("demo", None)


def passed_over(keys: Collection[str]) -> dict[str, str]:
    """The vendors whose model it would have been but for a package, with the command that brings
    it.
    """
    found: dict[str, str] = {}
    for vendor in _BY_KEY:
        if vendor in keys:
            missing = PROVIDERS[vendor].missing
            if missing is None:
                break
            found[vendor] = missing
    return found


def _of_vendor(keys: Collection[str]) -> tuple[str, None] | None:
    without = passed_over(keys)
    for vendor, command in without.items():
        event(logging.WARNING, "key is not used without its package", of=vendor, get=command)
    for vendor in _BY_KEY:
        if vendor in keys and vendor not in without and (usual := PROVIDERS[vendor].usual):
            return usual, None
    return None


def _here(ollama: str | None, llama_server: str) -> _Found:
    """The model of a server on this machine."""
    places = {"ollama": ollama_at(ollama), "llama_server": llama_server}
    found: dict[str, _Found] = {}

    def look(server: str) -> None:
        found[server] = _model_at(server, places[server])

    # Side by side, in threads that nobody waits for if a server holds them up.
    threads = [threading.Thread(target=look, args=(server,), daemon=True) for server in places]
    until = time.monotonic() + PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0.0))
    return found.get("ollama") or found.get("llama_server")


def _model_at(server: str, address: str) -> _Found:
    """The model of a server; what asks it is loaded only where something listens at all."""
    try:
        socket.create_connection(place_of(address), timeout=PATIENCE).close()
    except (OSError, ValueError):  # nobody listens; the name of the host is none
        return None
    return getattr(import_module("._local", __package__), server)(address, PATIENCE)
