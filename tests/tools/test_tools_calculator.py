"""The calculator: right where Python is right, and bounded whatever it is given."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import BadArguments
from retinue.messages import ToolCall
from retinue.tools.calculator import calculator, evaluate


async def answer(expression: str) -> str:
    call = ToolCall(id="1", name="calculator", args={"expression": expression})
    return (await calculator.use(call)).text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1 + 1", "2"),
        ("0.1 + 0.2", "0.3"),
        ("19.99 * 3", "59.97"),
        ("6 / 3", "2"),
        ("7 / 2", "3.5"),
        ("1 / 3", "0.333333333333333"),
        ("7 // 2", "3"),
        ("-7 % 3", "2"),
        ("2 ** 100", str(2**100)),
        ("10**30 / 10**10", str(10**20)),
        ("2**-1", "0.5"),
        ("-2**2", "-4"),
        ("2**3**2", "512"),
        ("2**-3*8", "1"),
        ("-(3)", "-3"),
        ("+-+5", "-5"),
        ("-0.0", "0"),
        ("2 * (3 + 4) ** 2 / sqrt(16)", "24.5"),
        ("sqrt(2)", "1.4142135623731"),
        ("sqrt(10**400) / 10**199", "10"),
        ("sin(pi/2) + cos(0) + tan(0)", "2"),
        ("log(e)", "1"),
        ("log(8, 2)", "3"),
        ("log(10**1000, 10)", "1000"),
        ("exp(0)", "1"),
        ("abs(-3) + abs(2.5)", "5.5"),
        ("round(2.567, 2)", "2.57"),
        ("round(2.5)", "2"),
        ("round(1234, -2)", "1200"),
        ("min(3, 1, 2) + max(4, 5)", "6"),
        ("floor(2.9) + ceil(2.1)", "5"),
        ("factorial(20)", str(math.factorial(20))),
        ("factorial(5.0)", "120"),
        ("tau / pi", "2"),
        (".5 + 5.", "5.5"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("6\N{MULTIPLICATION SIGN}7\N{MINUS SIGN}2\N{DIVISION SIGN}1", "40"),
        (" 1\n+\t2\xa0 ", "3"),
        ("1**" + "9" * 900, "1"),
        ("(-1)**" + "9" * 900, "-1"),
        ("0**5", "0"),
    ],
)
async def test_it_computes_as_on_paper(expression: str, text: str) -> None:
    if expression == "sqrt(2)":
        text = format(math.sqrt(2), ".15g")
    assert await answer(expression) == text


@pytest.mark.parametrize(
    ("expression", "said", "at"),
    [
        ("", "expected a number", 1),
        ("2 +", "expected a number", 4),
        ("2 3", "expected an operator", 3),
        ("2 ^ 3", "expected an operator", 3),
        ("1,000", "expected an operator", 2),
        ("2pi", "expected an operator", 2),
        ("(1", r"expected '\)'", 3),
        ("1)", "expected an operator", 2),
        ("sin 1", r"expected '\('", 5),
        ("min()", "min takes 1 to 1000 values, not 0", 1),
        ("sqrt(1, 2)", "sqrt takes 1 values, not 2", 1),
        ("round(1,)", "expected a number", 9),
        ("x + 1", "'x' is unknown", 1),
        ("1 + __import__", "'__import__' is unknown", 5),
        ("(1).real", "expected an operator", 4),
        ("'a'", "expected a number", 1),
        ("1 < 2", "expected an operator", 3),
        ("5 % 0", "division by zero", 3),
        ("1 / (2 - 2)", "division by zero", 3),
        ("1 // 0.0", "division by zero", 3),
        ("0 ** -1", "division by zero", 3),
        ("sqrt(-1)", "has no real value", 1),
        ("log(0)", "has no real value", 1),
        ("(-8) ** (1/3)", "has no real value", 6),
        ("factorial(-1)", "has no real value", 1),
        ("factorial(2.5)", "has no real value", 1),
        ("round(1, 0.5)", "has no real value", 1),
        ("round(1, -9**9)", "has no real value", 1),
        ("9**9**9", "too large", 2),
        ("9**9**9**9**9", "too large", 8),
        ("10**4000", "too large", 3),
        ("(10**2000) * (10**2000)", "too large", 12),
        ("2**9999 * 2 + 2**9999", "too large", 9),
        ("factorial(1001)", "too large", 1),
        ("factorial(factorial(1000))", "too large", 1),
        ("1e999", "too large", 1),
        ("1e308 * 10", "too large", 7),
        ("exp(1000)", "too large", 1),
        ("10**400 / 3", "too large", 9),
        ("10**400 + 0.5", "too large", 9),
        ("sin(10**400)", "too large", 1),
        ("(" * 100 + "1" + ")" * 100, "nested more than 60", 61),
        ("-" * 900 + "1", "nested more than 60", 61),
        ("2**" * 200 + "1", "nested more than 60", 181),
        ("round(" * 99 + "1" + ")" * 99, "nested more than 60", 361),
        ("\u0663 + 1", "expected a number", 1),
        ("1 + \x1b[31m", "expected a number", 5),
    ],
)
def test_what_has_no_value_says_what_and_where(expression: str, said: str, at: int) -> None:
    with pytest.raises(BadArguments, match=rf"At position {at} .*{said}") as caught:
        evaluate(expression)
    assert caught.value.hint
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("expression", "hint"),
    [("2^3", r"2\*\*3"), ("1,000", "1000 for 1,000"), ("5!", "factorial"), ("x=1", "Operators")],
)
def test_common_slips_get_a_hint_of_their_own(expression: str, hint: str) -> None:
    with pytest.raises(BadArguments) as caught:
        evaluate(expression)
    assert hint.replace("\\", "") in (caught.value.hint or "")


def test_a_long_expression_is_refused_unread() -> None:
    assert evaluate("1+" * 499 + "1") == 500
    with pytest.raises(BadArguments, match="2,000 characters"):
        evaluate("1+" * 1000)


def expressions(
    numbers: st.SearchStrategy[str], signs: list[str], functions: list[str]
) -> st.SearchStrategy[str]:
    sign, function = st.sampled_from(signs), st.sampled_from(functions)
    return st.recursive(
        numbers,
        lambda inner: (
            st.builds("{} {} {}".format, inner, sign, inner)
            | st.builds("({} {} {})".format, inner, sign, inner)
            | st.builds("-{}".format, inner)
            | st.builds("{}({})".format, function, inner)
            | st.builds("min({}, {})".format, inner, inner)
        ),
        max_leaves=8,
    )


WHOLE = expressions(
    st.integers(0, 10**6).map(str),
    ["+", "-", "*", "//", "%", "**"],
    ["abs", "round", "ceil", "exp"],
)
FLOATING = expressions(
    st.floats(0, 1e6).map(repr), ["+", "-", "*", "/", "//", "%", "**"], ["sqrt", "floor", "sin"]
)
KNOWN: dict[str, Any] = {
    "__builtins__": {},
    **{function.__name__: function for function in (abs, round, min, math.ceil, math.exp)},
    **{function.__name__: function for function in (math.sqrt, math.floor, math.sin)},
}


@given(expression=WHOLE | FLOATING)
def test_it_agrees_with_python_to_the_last_digit(expression: str) -> None:
    try:
        ours = evaluate(expression)
    except BadArguments as error:
        if "too large" not in str(error):  # where it is, Python may go on for hours
            assert not isinstance(of_python(expression), int | float)
        return
    assert ours == of_python(expression)


def of_python(expression: str) -> Any:
    try:
        return eval(expression, KNOWN)
    except (ArithmeticError, ValueError, TypeError) as error:  # TypeError: floor of a complex
        return error


@given(a=st.integers(), b=st.integers().filter(bool))
def test_division_that_comes_out_even_is_exact(a: int, b: int) -> None:
    assert evaluate(f"({a * b}) / ({b})") == a


@given(text=st.text(max_size=60) | st.text("0123456789.+-*/%()eE, sqrtlogminpi!^", max_size=80))
def test_no_text_at_all_breaks_it(text: str) -> None:
    with contextlib.suppress(BadArguments):
        value = evaluate(text)
        assert math.isfinite(value) if isinstance(value, float) else value.bit_length() <= 10_000
