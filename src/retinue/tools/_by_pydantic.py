"""Kinds of values that pydantic reads. Loaded when a tool has one: no other tool pays for it."""

import json
from collections.abc import Mapping
from typing import Any

import pydantic

from ._kinds import Kind, Misfit


def kind_by_pydantic(hint: Any) -> Kind:
    """The kind of any hint that pydantic knows.

    Raises:
        TypeError: It knows no way from JSON to this.
    """
    try:
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(hint)
    except pydantic.errors.PydanticUserError as error:
        raise TypeError(str(error)) from error

    def read(value: Any, lenient: bool) -> Any:
        try:
            return adapter.validate_json(json.dumps(value, default=str))
        except pydantic.ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            problems = [
                ("".join(map(_step, one["loc"])), f"is wrong: {one['msg']}") for one in found
            ]
            raise Misfit(*problems) from None

    words = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
    return Kind(words, {}, read, adapter)


def schemas_by_pydantic(kinds: Mapping[str, Kind]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schemas of these kinds by name, and what they share (`$defs`).

    Raises:
        TypeError: JSON schema has no words for one of them.
    """
    wanted: list[Any] = [(name, "validation", kind.adapter) for name, kind in kinds.items()]
    try:
        schemas, shared = pydantic.TypeAdapter.json_schemas(wanted)
    except pydantic.errors.PydanticUserError as error:
        raise TypeError(str(error)) from error
    return {str(name): schema for (name, _), schema in schemas.items()}, shared


def _step(at: int | str) -> str:
    return f"[{at}]" if isinstance(at, int) else f".{at}"
