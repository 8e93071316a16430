"""How each kind of setting is written: as text (environment, flags) and as a TOML value."""

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

from retinue.errors import ModelRejected

from ._secret import Secret, mask, reference_of


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of setting. Both readers raise ValueError for what they do not accept.

    Args:
        expects: What is accepted, in words that go after "must be".
        of_text: Reads what stands in a variable or after a flag.
        of_value: Reads what TOML made of it; here "4" is text and no number.
        hidden: Whether the wrong value may be shown in the error.
    """

    expects: str
    of_text: Callable[[str], Any]
    of_value: Callable[[Any], Any]
    hidden: bool = False


def whole(least: int, most: int = 2**53) -> Kind:
    """A whole number."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError
        return value

    bounds = f"of at least {least}" if most == 2**53 else f"from {least} to {most}"
    return Kind(f"a whole number {bounds}", lambda text: check(int(text)), check)


def number(above: float, most: float, unit: str = "") -> Kind:
    """A number, with or without a point."""

    def check(value: Any) -> float:
        if type(value) not in (int, float) or not above <= value <= most or math.isnan(value):
            raise ValueError
        return float(value)

    expects = f"a number{unit} from {above:g} to {most:,.0f}"
    return Kind(expects, lambda text: check(float(text)), check)


def one_of(*words: str) -> Kind:
    """One of these words."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in words:
            raise ValueError
        return value.lower()

    return Kind(f"one of {', '.join(words)}", check, check)


def text_to(most: int) -> Kind:
    """Text of some length, on as many lines as it needs."""

    def check(value: Any) -> str:
        if len(_text(value)) > most:
            raise ValueError
        return value.strip()

    return Kind(f"text of at most {most:,} characters", check, check, hidden=True)


def line_to(most: int) -> Kind:
    """Text on one line."""

    def check(value: Any) -> str:
        if len(_name(value)) > most:
            raise ValueError
        return _name(value)

    return Kind(f"one line of at most {most} characters", check, check)


def or_off(kind: Kind) -> Kind:
    """That kind, or false: None."""

    def check(value: Any) -> Any:
        return None if value is False else kind.of_value(value)

    return Kind(f"{kind.expects}, or false", kind.of_text, check)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _name(value: Any) -> str:
    if not _text(value).strip() or not _text(value).isprintable():
        raise ValueError
    return value.strip()


def _switch_of_text(text: str) -> bool:
    match text.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
        case _:
            raise ValueError


def _switch(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _names_of_text(text: str) -> tuple[str, ...]:
    if text.strip().lower() == "none":
        return ()
    return tuple([name for part in text.split(",") if (name := part.strip())])


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple([_name(item) for item in cast("list[Any]", value)])


def _reference(value: Any) -> Secret:
    secret = reference_of(_text(value))
    if secret is None:
        raise ValueError
    return secret


def _address(value: Any) -> Secret:
    text = _text(value)
    secret = reference_of(text)
    if secret is not None:
        return secret
    if "://" not in text or mask(text) != text:
        raise ValueError
    return Secret("", text)


def _given(text: str) -> Secret:
    """What stands in a variable is the secret itself, unless it is a reference."""
    return reference_of(text) or Secret("", text)


def _url(value: Any) -> str:
    if not _text(value).startswith(("http://", "https://")) or mask(value) != value:
        raise ValueError
    return value.rstrip("/")


def _ollama(value: Any) -> str:
    """As models read it, which are loaded only where it is written."""
    try:
        return import_module("retinue.models").ollama_at(_name(value))
    except ModelRejected:
        raise ValueError from None


def _alive(value: Any) -> str | float:
    """How long Ollama keeps a model, in its own words."""
    if type(value) in (int, float) and math.isfinite(value):
        return value
    if not _ALIVE.fullmatch(_text(value)):
        raise ValueError
    return value


def _store_of_text(text: str) -> str:
    """A file, from here or from home, or the address of a database."""
    where = _name(text)
    if "://" in where and mask(where) != where:
        raise ValueError
    return os.path.expanduser(where)


def _store(value: Any) -> str:
    """A file of settings counts in many folders, so it cannot say "from here"."""
    where = _store_of_text(_text(value))
    if where != "memory:" and "://" not in where and not os.path.isabs(where):
        raise ValueError
    return where


_ALIVE: Final = re.compile(r"-?(\d+(\.\d+)?(ns|us|ms|s|m|h))+")
_REFERENCE: Final = '"env:NAME", "file:/path" or "keyring:SERVICE/NAME"'

TEXT = Kind("text", _text, _text)
NAME = Kind("a name", _name, _name)
NAMES = Kind('a list of names, like ["clock"]', _names_of_text, _names)
SWITCH = Kind("true or false", _switch_of_text, _switch)
URL = Kind("an address like http://localhost:8080/v1", _url, _url, hidden=True)
SECONDS = number(0.001, 10_000_000, " of seconds")
ALIVE = Kind('a time like "10m", or a number of seconds', _alive, _alive)
OLLAMA = Kind("an address like http://127.0.0.1:11434", _ollama, _ollama, hidden=True)
STORE = Kind(
    'a whole path, "memory:", or the address of a database without a password',
    _store_of_text,
    _store,
    hidden=True,
)
KEY = Kind(f"a reference to a key, {_REFERENCE}", _given, _reference, hidden=True)
ADDRESS = Kind(
    f"an address without a password, or a reference to one, {_REFERENCE}",
    _given,
    _address,
    hidden=True,
)
