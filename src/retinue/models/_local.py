"""Local: which model a server on this machine has ready. Asked before any loop runs."""

import http.client
import json
from typing import Any, cast

from ._addresses import place_of
from ._wire.framing import names_in


def ollama(address: str, patience: float) -> tuple[str, str] | None:
    """The model that is loaded; else, of those installed, the one that was changed last."""
    for path in ("/api/ps", "/api/tags"):
        names = names_in(_document(address, path, patience).get("models"), "name")
        if talking := [name for name in names if "embed" not in name]:
            return f"ollama:{talking[0]}", address
    return None


def llama_server(address: str, patience: float) -> tuple[str, str] | None:
    """The model that it serves."""
    names = names_in(_document(address, "/v1/models", patience).get("data"), "id")
    return (f"compatible:{names[0]}", f"{address}/v1") if names else None


def _document(address: str, path: str, patience: float) -> dict[str, Any]:
    """What stands there; empty where it is nothing that we can read."""
    connection = http.client.HTTPConnection(*place_of(address), timeout=patience)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        found = json.loads(response.read(1_000_000)) if response.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
