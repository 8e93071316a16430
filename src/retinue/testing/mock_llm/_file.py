"""Scripts on disk; every complaint names the file and the field."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from retinue.errors import SettingsError
from retinue.messages import Thinking, ToolCall
from retinue.models import Usage
from retinue.models.scripted import Cut, Silence, WrittenCall

from ._answers import (
    Answer,
    Disconnect,
    ErrorEvent,
    Event,
    Line,
    Loris,
    Malformed,
    NoAnswer,
    Refusal,
    Reply,
)
from ._fields import Fields, Unfit


def load_script(path: str | Path) -> Mapping[str, Sequence[Reply]]:
    """The replies of each model in a JSON file: a list for every model ("*"), or lists by model.

    A reply is a line, a list of lines, or one of these:

        {"lines": [...], "first_delay": 0.5, "frame_delay": 0.02, "segment": 3,
         "stop": "max_tokens", "usage": {"input": 9, "output": 2, "cache_read": 4, "thinking": 1}}
        {"status": 429, "message": "Slow down", "code": "...", "retry_after": 2, "first_delay": 1}
        {"status": 503, "retry_after_date": 2}   (seconds from then on, said as a date)
        {"no_answer": 5}                         (silent for 5 seconds, then closed)

    A line is a text, or one of these; seconds are null for ever, and args may be a text, for what a
    model wrote badly:

        {"thinking": "..."}                {"tool_call": {"id": "1", "name": "add", "args": {...}}}
        {"event": {...}}                   {"error": "what the vendor says inside of the stream"}
        {"silence": 5}    {"loris": 5}     {"malformed": true}    {"cut": true}
        {"disconnect": true}               {"disconnect": "reset"}

    Raises:
        SettingsError: The file cannot be read, or a field is wrong.
    """
    try:
        data = json.loads(Path(path).read_bytes())
        if isinstance(data, dict):
            models = Fields(data)
            return {name: _replies(models.items(name), name) for name in models.data}
        if isinstance(data, list):
            return {"*": _replies(cast("list[Any]", data), "")}
        raise Unfit("it must be a list of replies, or an object with such a list for each model")
    except OSError as error:
        _refuse(path, error.strerror or str(error), error)
    except Unfit as error:
        _refuse(path, str(error), None)
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is no JSON: {error}", error)


def _refuse(path: str | Path, why: str, cause: BaseException | None) -> NoReturn:
    raise SettingsError(
        f"{str(path)!r} cannot be used as a script: {why}",
        hint='A script is a JSON list of replies: ["Hello.", {"status": 429, "retry_after": 2}]',
    ) from cause


def _replies(data: list[Any], at: str) -> list[Reply]:
    return [_reply(item, f"{at}[{n}]") for n, item in enumerate(data)]


def _reply(data: Any, at: str) -> Reply:
    match data:
        case {"lines": lines}:
            return _answer(Fields(data, at), _lines(lines, f"{at}.lines"))
        case {"status": _}:
            return _refusal(Fields(data, at))
        case {"no_answer": _}:
            said = Fields(data, at)
            said.refuse_others(("no_answer",))
            return NoAnswer(seconds=_seconds(said, "no_answer"))
        case _:
            return Answer(_lines(data, at))


def _answer(said: Fields, lines: list[Line]) -> Answer:
    said.refuse_others([field.name for field in fields(Answer) if field.name != "_"])
    segment = said.whole("segment")
    if segment == 0:
        raise Unfit(f"{said.at('segment')} must be 1 or more")
    return Answer(
        lines,
        first_delay=said.number("first_delay") or 0.0,
        frame_delay=said.number("frame_delay") or 0.0,
        usage=_usage(said.fields("usage")) if said.has("usage") else None,
        stop=said.optional_text("stop"),
        segment=segment,
    )


def _usage(said: Fields) -> Usage:
    names = [field.name for field in fields(Usage)]
    said.refuse_others(names)
    return Usage(**{name: said.whole(name) or 0 for name in names})


def _refusal(said: Fields) -> Refusal:
    known = ("status", "message", "code", "retry_after", "retry_after_date", "first_delay")
    said.refuse_others(known)
    status = said.whole("status") or 0
    if not 300 <= status <= 599:
        raise Unfit(f"{said.at('status')} must be a status of HTTP, from 300 to 599")
    date = said.number("retry_after_date")
    return Refusal(
        status,
        said.optional_text("message") or Refusal(status).message,
        code=said.optional_text("code"),
        retry_after=said.number("retry_after") if date is None else timedelta(seconds=date),
        first_delay=said.number("first_delay") or 0.0,
    )


def _lines(data: Any, at: str) -> list[Line]:
    if isinstance(data, list):
        lines = cast("list[Any]", data)
        return [_line(item, f"{at}[{n}]") for n, item in enumerate(lines)]
    return [_line(data, at)]


def _line(data: Any, at: str) -> Line:
    if isinstance(data, str):
        return data
    kind = next((kind for kind in _LINES if isinstance(data, dict) and kind in data), None)
    if kind is None:
        raise Unfit(f"{at} is nothing that can be served: {json.dumps(data)[:60]}")
    said = Fields(data, at)
    said.refuse_others((kind,))
    return _LINES[kind](said)


def _call(said: Fields) -> Line:
    call = said.fields("tool_call")
    call.refuse_others(("id", "name", "args"))
    id, name = call.optional_text("id") or "", call.text("name")
    if isinstance(call.data.get("args"), str):
        return WrittenCall(id=id, name=name, args=call.text("args"))
    args = call.fields("args").data if call.has("args") else {}
    return ToolCall(id=id, name=name, args=args)


def _seconds(said: Fields, name: str) -> float:
    seconds = said.number(name)
    return math.inf if seconds is None else seconds


_LINES: Final[Mapping[str, Callable[[Fields], Line]]] = {
    "thinking": lambda said: Thinking(text=said.text("thinking")),
    "tool_call": _call,
    "event": lambda said: Event(said.data["event"]),
    "error": lambda said: ErrorEvent(said.text("error")),
    "silence": lambda said: Silence(_seconds(said, "silence")),
    "loris": lambda said: Loris(_seconds(said, "loris")),
    "malformed": lambda _: Malformed(),
    "cut": lambda _: Cut(),
    "disconnect": lambda said: Disconnect(reset=said.data["disconnect"] == "reset"),
}
"""How each line is written, by what it is about."""
