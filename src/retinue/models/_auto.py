"""Auto: the model of somebody who has chosen none. Only this machine is asked."""

import socket
import threading
import time
from importlib import import_module
from typing import Final

from ._addresses import ollama_at, place_of
from ._names import DEFAULT_OF_OPENAI

PATIENCE: Final = 0.2
"""Seconds for both servers together."""
LLAMA_SERVER: Final = "http://127.0.0.1:8080"

type _Found = tuple[str, str] | None


def automatic(
    *, has_key: bool, ollama: str | None = None, llama_server: str = LLAMA_SERVER
) -> tuple[str, str | None]:
    """A model's name, and where it answers if that must be said.

    Args:
        has_key: Whether there is a key of OpenAI.
        ollama, llama_server: Where to look for these.

    Raises:
        ModelRejected: Where to look is no address.
    """
    if has_key:
        return DEFAULT_OF_OPENAI, None
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
    return found.get("ollama") or found.get("llama_server") or ("demo", None)


def _model_at(server: str, address: str) -> _Found:
    """The model of a server; what asks it is loaded only where something listens at all."""
    try:
        socket.create_connection(place_of(address), timeout=PATIENCE).close()
    except (OSError, ValueError):  # nobody listens; the name of the host is none
        return None
    return getattr(import_module("._local", __package__), server)(address, PATIENCE)
