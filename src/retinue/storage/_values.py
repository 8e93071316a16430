"""Values as a database keeps them, and back: times, and JSON."""

import datetime
import json
import time
from typing import Any

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def now() -> int:
    return time.time_ns() // 1000


def moment(at: datetime.datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def time_of(microseconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def text_of(kept: Any) -> Any:
    """The text, or None, that was kept so."""
    return kept.decode("utf-8", "surrogatepass") if isinstance(kept, bytes) else kept


def to_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def from_json(kept: str | None) -> Any:
    return None if kept is None else json.loads(kept)
