"""Addresses of servers, as people write them."""

from typing import Final
from urllib.parse import urlsplit

OLLAMA: Final = "http://127.0.0.1:11434"
"""Where Ollama answers unless it is told otherwise."""


def address_of(host: str | None) -> str:
    """Where Ollama is reached, from how OLLAMA_HOST is written: "host", ":port", a whole address.

    What it listens on everywhere (0.0.0.0) is reached on this machine. Source: envconfig.Host of
    ollama/ollama.
    """
    if not host:
        return OLLAMA
    parts = urlsplit(host if "://" in host else f"http://{host}")
    try:
        port = parts.port
    except ValueError:
        return host  # no address; whoever connects to it will say so
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(name, f"[{name}]" if ":" in name else name)
    if port is None:
        port = {"https": 443}.get(parts.scheme, 80 if "://" in host else 11434)
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}"


def place_of(address: str) -> tuple[str, int]:
    """Host and port of an address.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(address)
    if not parts.hostname:
        raise ValueError(f"{address!r} is no address")
    return parts.hostname, parts.port or {"https": 443}.get(parts.scheme, 80)
