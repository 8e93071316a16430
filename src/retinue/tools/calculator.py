"""Arithmetic, for a model that is bad at it: a small parser of its own, and never `eval`.

Every number stays under about 3,000 digits and every expression under 1,000 characters, so no
answer takes long. Whole numbers are exact; all else is floating point, shown to 15 digits.
"""

import math
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from retinue.errors import BadArguments

from ._tool import tool

type Number = int | float


@tool(effect="none", risk="read")
def calculator(expression: str) -> str:
    """Works out an arithmetic expression exactly as written, and gives the number.

    It knows + - * / // % ** and parentheses, the functions sqrt, sin, cos, tan (in radians), log
    (natural, or log(x, base)), exp, abs, round, min, max, floor, ceil, factorial, and the
    constants pi, e, tau.

    Args:
        expression: Such as "2 * (3 + 4) ** 2 / sqrt(16)". No variables, units or percent signs.
    """
    value = evaluate(expression)
    return str(value) if isinstance(value, int) else format(value, ".15g")


def evaluate(expression: str) -> Number:
    """The value of an expression; a whole number where division comes out even.

    Raises:
        BadArguments: It cannot be read, has no real value, or is too large; says where.
    """
    if len(expression) > _MOST_CHARACTERS:
        raise BadArguments(
            f"The expression has {len(expression):,} characters; {_MOST_CHARACTERS:,} are allowed",
            hint="Work it out in parts.",
        )
    return _Reader(expression).whole()


_MOST_CHARACTERS = 1_000
_MOST_DEPTH = 60
_MOST_BITS = 10_000
_MOST_FACTORIAL = 1_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|//|[-+*/%(),])|(?P<end>$)|(?P<other>.))",
    re.ASCII | re.DOTALL,
)
_ASCII = str.maketrans("\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}\N{MINUS SIGN}\xa0", "*/- ")


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(expression: str) -> list[_Token]:
    """The words of the expression; the last is of kind "end", and no other."""
    matches = _TOKEN.finditer(expression.translate(_ASCII))
    kinds = [(str(found.lastgroup), found) for found in matches]
    return [_Token(kind, found[kind], found.start(kind)) for kind, found in kinds]


class _Reader:
    """Reads from left to right and computes as it goes; binding strength decides how far."""

    def __init__(self, expression: str) -> None:
        self._tokens = iter(_tokens(expression))
        self._next = next(self._tokens)
        self._depth = 0

    def whole(self) -> Number:
        value = self._expression(0)
        if self._next.kind != "end":
            raise self._wrong("expected an operator")
        return value

    def _expression(self, strength: int) -> Number:
        """What stands here, as far as operators bind more strongly than `strength`."""
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self._wrong(f"nested more than {_MOST_DEPTH} deep")
        value = self._operand()
        while (binding := _BINARY.get(self._next.text)) and binding.left > strength:
            sign = self._take()
            right = self._expression(binding.right)
            value = self._checked(sign, binding.work, value, right)
        self._depth -= 1
        return value

    def _operand(self) -> Number:
        token = self._next
        match token.kind, token.text:
            case "number", text:
                self._take()
                return self._checked(token, _number, text)
            case "name", text:
                self._take()
                return self._named(token, text)
            case "sign", "-":
                self._take()
                return 0 - self._expression(_UNARY)  # and never -0.0
            case "sign", "+":
                self._take()
                return self._expression(_UNARY)
            case "sign", "(":
                self._take()
                value = self._expression(0)
                self._expect(")")
                return value
            case _:
                raise self._wrong("expected a number")

    def _named(self, token: _Token, name: str) -> Number:
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name not in _FUNCTIONS:
            raise self._wrong(f"{name[:30]!r} is unknown", token)
        least, most, work = _FUNCTIONS[name]
        self._expect("(")
        values: list[Number] = []
        if self._next.text != ")":
            values.append(self._expression(0))
        while self._next.text == ",":
            self._take()
            values.append(self._expression(0))
        self._expect(")")
        if not least <= len(values) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise self._wrong(f"{name} takes {wanted} values, not {len(values)}", token)
        return self._checked(token, work, *values)

    def _checked(self, token: _Token, work: Callable[..., Number], *values: Any) -> Number:
        """The value, if it is a real number of a size that can be worked with."""
        try:
            value = work(*values)
        except ZeroDivisionError:
            raise self._wrong("division by zero", token) from None
        except OverflowError:
            raise self._wrong("the number becomes too large", token) from None
        except (ValueError, TypeError):
            raise self._wrong(f"{token.text!r} has no real value there", token) from None
        if isinstance(value, int):
            if value.bit_length() > _MOST_BITS:
                raise self._wrong("the number becomes too large", token)
            return value
        if not math.isfinite(value):
            raise self._wrong("the number becomes too large", token)
        return value + 0.0  # -0.0 is 0

    def _take(self) -> _Token:
        taken, self._next = self._next, next(self._tokens)
        return taken

    def _expect(self, text: str) -> None:
        if self._next.text != text:
            raise self._wrong(f"expected {text!r}")
        self._take()

    def _wrong(self, what: str, token: _Token | None = None) -> BadArguments:
        token = token or self._next
        seen = f" ({token.text[:30]!r})" if token.text else " (the end)"
        return BadArguments(
            f"At position {token.at + 1}{seen}: {what}",
            hint=_HINTS.get(token.text)
            or f"Operators: + - * / // % ** ( ). Functions: {', '.join(_FUNCTIONS)}. "
            f"Constants: {', '.join(_CONSTANTS)}.",
        )


def _number(text: str) -> Number:
    return int(text) if text.isdigit() else float(text)


def _divided(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and b and not a % b:
        return a // b
    return a / b


def _floored(a: Number, b: Number) -> Number:
    return a // b


def _absolute(a: Number) -> Number:
    return abs(a)


def _power(a: Number, b: Number) -> Number:
    whole = isinstance(a, int) and isinstance(b, int) and abs(a) > 1
    if whole and int(a).bit_length() * b > 2 * _MOST_BITS:  # above its size, but near to it
        raise OverflowError
    value: Any = a**b
    if isinstance(value, complex):
        raise ValueError
    return value


def _root(a: Number) -> Number:
    if isinstance(a, int) and a >= 0 and math.isqrt(a) ** 2 == a:
        return math.isqrt(a)
    return math.sqrt(a)


def _rounded(a: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > _MOST_DIGITS:
        raise ValueError
    return round(a, digits) if digits else round(a)


def _factorial(a: Number) -> Number:
    if a > _MOST_FACTORIAL:
        raise OverflowError
    if a != int(a):
        raise ValueError
    return math.factorial(int(a))


_MOST_DIGITS = 300

_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_ANY = 1_000
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Number]]] = {
    "sqrt": (1, 1, _root),
    "sin": (1, 1, math.sin),
    "cos": (1, 1, math.cos),
    "tan": (1, 1, math.tan),
    "log": (1, 2, math.log),
    "exp": (1, 1, math.exp),
    "abs": (1, 1, _absolute),
    "round": (1, 2, _rounded),
    "min": (1, _ANY, lambda *values: min(values)),
    "max": (1, _ANY, lambda *values: max(values)),
    "floor": (1, 1, math.floor),
    "ceil": (1, 1, math.ceil),
    "factorial": (1, 1, _factorial),
}
"""By name: the fewest and most values it takes, and what it does."""


class _Binding(NamedTuple):
    left: int
    right: int
    work: Callable[[Any, Any], Number]


_UNARY = 5
_BINARY = {
    "+": _Binding(1, 1, operator.add),
    "-": _Binding(1, 1, operator.sub),
    "*": _Binding(3, 3, operator.mul),
    "/": _Binding(3, 3, _divided),
    "//": _Binding(3, 3, _floored),
    "%": _Binding(3, 3, operator.mod),
    "**": _Binding(7, 5, _power),
}
"""How strongly each binds to its left and to its right; `-2**2` is -4, and `2**3**2` is 2**9."""

_HINTS = {
    "^": "A power is written 2**3.",
    "=": "There is nothing to compare or assign here: give one expression.",
    ",": "Write 1000 for 1,000 and 0.5 for 0,5; a comma stands between the values of a function.",
    "!": "Write factorial(5).",
}
