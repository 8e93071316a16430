"""Answers: what a person may say to a question that a run waits with, and what they said."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import Ambiguous, NotFound, UsageError
from retinue.messages.codecs import value_to_json
from retinue.models import complaint
from retinue.storage import Interrupt, Runs
from retinue.telemetry.terminal import one_line, tame

_JSON: Final = ("'JSON'",)
_SAID: Final = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}


def words_of(interrupt: Interrupt) -> list[str]:
    """What is asked, line by line, safe to be shown."""
    question = _question(interrupt)
    lines = [tame(line) for line in str(question.get("text", "")).split("\n")]
    step = question.get("step")
    if interrupt.kind == "unknown_outcome" and step is not None:
        lines.append(f"  {one_line(f'{step} {value_to_json(question.get("args"))}')}")
    return lines


def ways_to_answer(interrupt: Interrupt) -> Sequence[str]:
    """What can stand for VALUE."""
    schema = _schema(interrupt)
    if schema is None or schema.get("type") == "string":
        return tuple([str(choice) for choice in (schema or {}).get("enum", ("TEXT",))])
    if interrupt.kind == "approval":
        return ("yes", "no", """'{"approved": true, "args": {...}}'""")
    if schema.get("type") == "boolean" or _switch(schema) is not None:
        return ("yes", "no")
    return tuple([str(choice) for choice in schema.get("enum", _JSON)])


def read_answer(said: str, interrupt: Interrupt) -> Any:
    """The value that was meant.

    Raises:
        UsageError: It does not fit the question.
    """
    schema = _schema(interrupt)
    if schema is None:
        return said
    value = _value(said, schema)
    wrong = complaint(value, schema) or _unknown_name(value, schema)
    if wrong is not None:
        ways = ways_to_answer(interrupt)
        form = f" Its schema: {value_to_json(schema)}" if ways == _JSON else ""
        raise UsageError(
            f"That does not answer the question: {one_line(wrong)}",
            hint=f"It takes {', '.join(ways)}.{form}",
        )
    return value


async def open_question(runs: Runs, prefix: str) -> Interrupt:
    """The open question whose id begins so; one of that very id also where it is not open.

    Raises:
        NotFound, Ambiguous: There is none, or there are several.
    """
    found = [one for one in await open_questions(runs) if one.id.startswith(prefix)]
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} questions have an id that begins with {prefix!r}")
    if found:
        return found[0]
    try:
        return await runs.interrupt(prefix)
    except NotFound:
        raise NotFound(
            f"No open question has an id that begins with {prefix!r}",
            hint="Perhaps it was answered already. See: retinue inbox",
        ) from None


async def open_questions(runs: Runs, *, run: str | None = None) -> list[Interrupt]:
    """All of them, or those of one run; the oldest first."""
    page = await runs.inbox(run=run)
    found = [*page.items]
    while page.cursor is not None:
        page = await runs.inbox(run=run, cursor=page.cursor)
        found += page.items
    return found


def interrupt_as_dict(interrupt: Interrupt) -> dict[str, Any]:
    """The question for a script."""
    call = interrupt.call
    return {
        "id": interrupt.id,
        "run": interrupt.run,
        "conversation": interrupt.conversation,
        "kind": interrupt.kind,
        "agent": interrupt.agent,
        "question": _plain(interrupt.question),
        "call": None
        if call is None
        else {"id": call.id, "name": call.name, "args": _plain(call.args)},
        "asked_at": interrupt.asked_at.isoformat(),
        "expires_at": None if interrupt.expires_at is None else interrupt.expires_at.isoformat(),
        "default": _plain(interrupt.default),
    }


def _value(said: str, schema: Mapping[str, Any]) -> Any:
    if "enum" in schema and said in schema["enum"]:
        return said
    if schema.get("type") == "string":
        return said
    switch = _SAID.get(said.strip().lower())
    if switch is not None:
        if schema.get("type") == "boolean":
            return switch
        if (name := _switch(schema)) is not None:
            return {name: switch}
    try:
        return json.loads(said)
    except ValueError:
        return said


def _switch(schema: Mapping[str, Any]) -> str | None:
    """The one thing that must be said, where yes or no says it."""
    required = schema.get("required", ())
    if len(required) != 1:
        return None
    properties = schema.get("properties", {})
    return required[0] if properties.get(required[0], {}).get("type") == "boolean" else None


def _unknown_name(value: Any, schema: Mapping[str, Any]) -> str | None:
    """A name that is misspelt must not be passed over: it may be the edit of a call."""
    properties = schema.get("properties")
    if not isinstance(value, dict) or not properties or schema.get("additionalProperties"):
        return None
    unknown = next((name for name in cast("dict[str, Any]", value) if name not in properties), None)
    return None if unknown is None else f"it has no {unknown!r}, but {', '.join(properties)}"


def _question(interrupt: Interrupt) -> Mapping[str, Any]:
    question = interrupt.question
    if isinstance(question, Mapping):
        return cast("Mapping[str, Any]", question)
    return {"text": question}


def _schema(interrupt: Interrupt) -> Mapping[str, Any] | None:
    schema = _question(interrupt).get("schema")
    return cast("Mapping[str, Any]", schema) if isinstance(schema, Mapping) else None


def _plain(value: Any) -> Any:
    return json.loads(value_to_json(value))
