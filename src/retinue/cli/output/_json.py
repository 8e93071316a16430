"""JSON as both JSON forms write it."""

import json
from typing import Any


def encoded(value: Any) -> str:
    """The value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
