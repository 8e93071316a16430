"""Errors: how Google refuses, in the words that the other vendors use. Pure; tested with tables.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting and
https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast


class Refused(NamedTuple):
    """A response that is no answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def told(status: int, headers: Mapping[str, str], body: bytes) -> Refused:
    """The refusal as other vendors would have said it.

    A key that is none has the status 401 here (Google says 400), and how long to wait, which
    Google says in the body, is in the headers.
    """
    error = _error(body)
    details = _objects(error.get("details"))
    if any(one.get("reason") in _KEYS for one in details):
        status = 401
    headers = {name.title(): text for name, text in headers.items()}
    for one in details:
        match one:
            case {"retryDelay": str(delay)} if re.fullmatch(r"\d+(\.\d+)?s", delay):
                headers.setdefault("Retry-After", delay.removesuffix("s"))
            case _:
                pass
    return Refused(status, headers, json.dumps({"error": error}).encode() if error else body)


def _error(body: bytes) -> dict[str, Any]:
    """The error in a body, which may stand in a list; empty where there is none."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    match found:
        case {"error": error} | [{"error": error}] if isinstance(error, dict):
            return cast("dict[str, Any]", error)
        case _:
            return {}


def _objects(value: Any) -> list[dict[str, Any]]:
    rows = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]


_KEYS = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "ACCESS_TOKEN_EXPIRED")
"""Reasons that have to do with the key."""
