"""Fields: JSON from outside, read field by field; every complaint names the field."""

import re
from collections.abc import Collection
from typing import Any, cast


class Unfit(Exception):
    """Something is not as agreed; the words say which field, and what it must be."""


class Fields:
    """The fields of a JSON object. One that is null counts as left out.

    Args:
        data: What should be the object.
        at: Where it stands in the whole.

    Raises:
        Unfit: It is no object; later, that a field is not what was asked for.
    """

    def __init__(self, data: Any, at: str = "") -> None:
        if not isinstance(data, dict):
            raise Unfit(f"{at or 'it'} must be a JSON object")
        self.data = cast("dict[str, Any]", data)
        self._at = at

    def at(self, name: str) -> str:
        """Where the field stands in the whole."""
        return f"{self._at}.{name}" if self._at else name

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def text(self, name: str) -> str:
        return self._one(name, str, "a text")

    def fitting(self, name: str, *, pattern: str, longest: int) -> str:
        """A text of these letters, and not more of them; in the words of OpenAI."""
        text = self.text(name)
        if len(text) > longest:
            raise Unfit(
                f"Invalid '{self.at(name)}': string too long. Expected a string with maximum "
                f"length {longest}, but got a string with length {len(text)} instead."
            )
        if not re.fullmatch(pattern, text):
            raise Unfit(
                f"Invalid '{self.at(name)}': string does not match pattern. Expected a string that "
                f"matches the pattern '{pattern}'."
            )
        return text

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def flag(self, name: str, *, default: bool) -> bool:
        return self._one(name, bool, "true or false") if self.has(name) else default

    def whole(self, name: str) -> int | None:
        """A whole number, not below zero."""
        number = self.number(name)
        if number is not None and not isinstance(number, int):
            raise Unfit(f"{self.at(name)} must be a whole number")
        return number

    def number(self, name: str) -> float | None:
        """A number, not below zero."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise Unfit(f"{self.at(name)} must be a number, 0 or more")
        return value

    def fields(self, name: str) -> "Fields":
        """An object inside of this one."""
        return Fields(self.data.get(name), self.at(name))

    def items(self, name: str) -> list[Any]:
        """A list; empty where it is left out."""
        if not self.has(name):
            return []
        return cast("list[Any]", self._one(name, list, "a list"))

    def each(self, name: str) -> "list[Fields]":
        """The objects of a list; none where it is left out."""
        return [Fields(one, f"{self.at(name)}[{n}]") for n, one in enumerate(self.items(name))]

    def refuse_others(self, known: Collection[str]) -> None:
        """Complain about the first field that is none of these."""
        for name in self.data:
            if name not in known:
                raise Unfit(f"{self.at(name)} is not known; known are {', '.join(sorted(known))}")

    def _one[T](self, name: str, kind: type[T], words: str) -> T:
        value = self.data.get(name)
        if not isinstance(value, kind):
            raise Unfit(f"{self.at(name)} must be {words}")
        return value
