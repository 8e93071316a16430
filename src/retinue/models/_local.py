"""Local: which model a server on this machine has ready. Asked before any loop runs."""

import http.client
import json
from typing import Any, cast
from urllib.parse import urlsplit

from ._addresses import place_of
from ._wire import Frame, rows_of, texts_of


def ollama(address: str, patience: float) -> tuple[str, str] | None:
    """The model that is loaded; else, of those installed, the one that was changed last."""
    for path in ("/api/ps", "/api/tags"):
        rows = rows_of(_document(address, path, patience), "models")
        if names := texts_of([row for row in rows if _talks_here(row)], "name"):
            return f"ollama:{names[0]}", address
    return None


def llama_server(address: str, patience: float) -> tuple[str, str] | None:
    """The model that it serves; of several, one that is loaded."""
    rows = rows_of(_document(address, "/models", patience), "data")
    rows.sort(key=lambda row: not _is_loaded(row))
    names = texts_of(rows, "id")
    return (f"compatible:{names[0]}", address) if names else None


def _talks_here(row: Frame) -> bool:
    """Whether a model of Ollama's list can chat, and does so on this machine.

    One that runs in Ollama's cloud is nothing to be chosen for somebody who has not asked for it.
    Sources: ListModelResponse in api/types.go, and Capabilities in server/images.go of
    ollama/ollama.
    """
    match row:
        case {"remote_host": str(host)} if host:
            return False
        case {"capabilities": [*abilities]} if abilities:
            return "completion" in abilities
        case {"details": {"family": str(family)}} if "bert" in family:
            return False
        case _:
            return "embed" not in str(row.get("name"))


def _is_loaded(row: Frame) -> bool:
    """Source: the router mode of llama-server, in its README; alone, a model is always loaded."""
    match row:
        case {"status": {"value": str(value)}}:
            return value == "loaded"
        case _:
            return True


def _document(address: str, path: str, patience: float) -> Frame:
    """What stands there; empty where it is nothing that we can read."""
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(*place_of(address), timeout=patience)
    try:
        connection.request("GET", parts.path + path)
        response = connection.getresponse()
        found: Any = json.loads(response.read(1_000_000)) if response.status == 200 else None
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return cast("Frame", found) if isinstance(found, dict) else {}
