"""Lines: events as a log keeps them, as JSON without their seq."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from retinue.messages.codecs.events import event_from_dict, event_to_dict
from retinue.messages.events import LogEvent

from . import Happens


@dataclass(frozen=True, slots=True)
class Line:
    """An event and what is kept of it; made by whoever has the event, so that ids of messages that
    are made when they are asked for are not asked for by two threads."""

    happens: Happens
    type: str
    body: str

    @property
    def event(self) -> LogEvent:
        return self.happens.event


def line(happens: Happens) -> Line:
    form = event_to_dict(happens.event)
    form.pop("seq", None)
    return Line(happens, form["type"], _compact(form))


def lines(events: Iterable[LogEvent]) -> list[Line]:
    return [line(Happens(event=event)) for event in events]


def event_of(body: str, seq: int) -> Any:
    """The event that was kept so."""
    form = json.loads(body)
    form["seq"] = seq
    return event_from_dict(form)


def _compact(form: dict[str, Any]) -> str:
    """JSON; lone surrogates are escaped, so that UTF-8 can hold it."""
    body = json.dumps(form, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return body.encode("utf-8", "backslashreplace").decode("utf-8")
