"""Addresses of servers, as people write them."""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from retinue.errors import ModelRejected

OLLAMA: Final = "http://127.0.0.1:11434"
"""Where Ollama answers unless it is told otherwise."""
LLAMA_SERVER: Final = "http://127.0.0.1:8080/v1"
"""Where a llama-server speaks Chat Completions unless it is told otherwise."""


def base_url_of(written: str) -> str:
    """Where Chat Completions are spoken: with the version that most servers want, where no path is
    given at all.

    Raises:
        ModelRejected: It is no address, or has more in it than one.
    """
    parts = _split(written.strip())
    path = parts.path.strip("/") or "v1"
    return f"{parts.scheme}://{parts.netloc}/{path}"


def ollama_at(host: str | None) -> str:
    """Where Ollama is reached, from how OLLAMA_HOST is written: "host", ":port", a whole address.

    What it listens on everywhere (0.0.0.0) is reached on this machine. Source: envconfig.Host of
    ollama/ollama.

    Raises:
        ModelRejected: It is no address, or has more in it than one.
    """
    host = (host or "").strip().strip("\"'")
    if not host:
        return OLLAMA
    if host == "ollama.com":
        return "https://ollama.com"
    parts = _split(host if "://" in host else f"http://{host}", but_host=True)
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(name, f"[{name}]" if ":" in name else name)
    port = parts.port
    if port is None:
        port = {"https": 443}.get(parts.scheme, 80 if "://" in host else 11434)
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}"


def place_of(address: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)


def is_loopback(host: str) -> bool:
    """Whether that is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name; 127.0.0.1.example.com is anybody's
        return host == "localhost" or host.endswith(".localhost")


def _split(written: str, *, but_host: bool = False) -> SplitResult:
    hint = 'An address is written "http://127.0.0.1:8080".'
    try:
        parts = urlsplit(written)
        right = parts.scheme in ("http", "https") and (parts.hostname or but_host) and _port(parts)
    except ValueError:
        parts, right = urlsplit(""), False
    if "@" in written or parts.query or parts.fragment:  # it would stand in every error
        raise ModelRejected(
            "An address with a password or a query in it is not accepted",
            hint=f"{hint} A key is given as api_key.",
        )
    if not right or any(letter.isspace() for letter in written):
        raise ModelRejected(f"{written!r} is no address", hint=hint)
    return parts


def _port(parts: SplitResult) -> bool:
    return parts.port is None or parts.port > 0
