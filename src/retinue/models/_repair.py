"""The JSON that models write as arguments of tools: read as it is, or repaired, or refused.

What is sloppy is repaired where it can mean one thing only (quotes, commas, fences, Python's words,
a missing last bracket). What was cut inside a value, or after a comma, is refused: nobody knows
what would have come, and half a path or a lost `dry_run` is worse than asking again.
"""

import json
import re
from typing import Any, Final, NoReturn, cast

from retinue.errors import BadArguments

from ._schema import Schema, complaint


def parse_tool_args(text: str, schema: Schema) -> dict[str, Any]:
    """The arguments in a model's text.

    A text that is a JSON object is taken as it is, the tool checks it. Any other is repaired only
    if the result fits the schema. No text at all means no arguments, if none is required.

    Args:
        text: What the model wrote: JSON, or something near it.
        schema: The tool's parameters, a JSON schema of type object.

    Raises:
        BadArguments: The text cannot be trusted to mean anything; the hint tells the model.
    """
    try:
        value = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return _repaired(text, schema)
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if isinstance(value, str):  # JSON inside of JSON
        return _repaired(value, schema)
    return _checked({} if value is None else value, schema)


def _repaired(text: str, schema: Schema) -> dict[str, Any]:
    try:
        return _checked(_Sloppy(text).read(), schema)
    except _Unreadable as error:
        _refuse(str(error), schema, error)
    except RecursionError as error:
        _refuse("it is nested too deep", schema, error)


def _checked(value: Any, schema: Schema) -> dict[str, Any]:
    strict = {"type": "object", **schema}
    if "properties" in schema:
        strict.setdefault("additionalProperties", False)
    if wrong := complaint(value, strict):
        _refuse(wrong, schema, None)
    return value


def _refuse(why: str, schema: Schema, cause: BaseException | None) -> NoReturn:
    required = ", ".join(schema.get("required", ())) or "none"
    raise BadArguments(
        f"The arguments of the call cannot be read: {why}",
        hint=f"Ask again with one whole JSON object. Required: {required}.",
    ) from cause


class _Unreadable(Exception):
    """Nothing that could be repaired in one way only."""


class _Sloppy:
    """A reader of one object that is almost JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> dict[str, Any]:
        self._at = self._text.find("{")
        before = self._text[: self._at]
        if self._at < 0 or not re.fullmatch(r"\s*(```\w*\s*)?", before):
            raise _Unreadable(f"it is no JSON object: {self._text[:40]!r}")
        value = self._object()
        if not re.fullmatch(r"[\s}\]`;,]*", self._text[self._at :]):
            raise _Unreadable(f"something follows the object: {self._text[self._at :][:40]!r}")
        return value

    def _object(self) -> dict[str, Any]:
        self._at += 1
        found: dict[str, Any] = {}
        while self._more("}", found):
            key = self._string() if self._peek() in _QUOTES else self._word()
            if self._peek() != ":":
                self._stuck("a colon")
            self._at += 1
            found[str(key)] = self._value()
        return found

    def _array(self) -> list[Any]:
        self._at += 1
        found: list[Any] = []
        while self._more("]", found):
            found.append(self._value())
        return found

    def _more(self, end: str, found: dict[str, Any] | list[Any]) -> bool:
        """Whether another item comes. A bracket missing at the very end is taken as there."""
        here = self._peek()
        if here == "," and found:
            self._at += 1
            here = self._peek()
            if not here:
                self._stuck("another item")
        elif not here and found:
            return False
        elif found and here != end and "\n" not in self._skipped:
            self._stuck("a comma")
        if here == end:
            self._at += 1
            return False
        return True

    def _value(self) -> Any:
        match self._peek():
            case "{":
                return self._object()
            case "[":
                return self._array()
            case here if here and here in _QUOTES:
                return self._string()
            case _:
                if number := _NUMBER.match(self._text, self._at):
                    self._at = number.end()
                    self._not_cut()
                    digits = number[0]
                    return int(digits) if digits.lstrip("+-").isdigit() else float(digits)
                return self._word()

    def _word(self) -> Any:
        """A name without quotes, or one of the words of JSON or Python."""
        word = _WORD.match(self._text, self._at)
        if word is None:
            self._stuck("a value")
        self._at = word.end()
        if word[0] in _LITERALS:
            return _LITERALS[word[0]]
        self._not_cut()
        return word[0]

    def _string(self) -> str:
        """A text in quotes. A quote that nothing of JSON follows belongs to the text."""
        close = _QUOTES[self._text[self._at]]
        self._at += 1
        found: list[str] = []
        while True:
            if self._at >= len(self._text):
                self._stuck("the end of a text")
            char = self._text[self._at]
            self._at += 1
            if char == close and _AFTER_TEXT.match(self._text, self._at):
                return "".join(found)
            found.append(self._escaped() if char == "\\" else char)

    def _escaped(self) -> str:
        escape = _ESCAPE.match(self._text, self._at)
        if escape is None:
            return "\\"  # of a Windows path, a regular expression, ...
        self._at = escape.end()
        return json.loads(f'"\\{escape[0]}"') if escape[0] != "'" else "'"

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        space = cast("re.Match[str]", _SPACE.match(self._text, self._at))
        self._at = space.end()
        self._skipped = space[0]
        return self._text[self._at : self._at + 1]

    def _not_cut(self) -> None:
        if self._at >= len(self._text):
            self._stuck("the end of a value")

    def _stuck(self, wanted: str) -> NoReturn:
        here = self._text[self._at : self._at + 20]
        found = f"{here!r}" if here else "the end"
        raise _Unreadable(f"{wanted} should come at character {self._at}, not {found}")


_QUOTES: Final = {'"': '"', "'": "'", "\u201c": "\u201d"}
_LITERALS: Final = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}
_SPACE: Final = re.compile(r"\s*")
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(?![\w.])")
_WORD: Final = re.compile(r"[^\W\d][\w-]*")
_AFTER_TEXT: Final = re.compile(r"\s*([,:}\]]|$)|\s*\n\s*[\"'\u201c]")
_ESCAPE: Final = re.compile(
    r'["\\/bfnrt\']|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}'
)
