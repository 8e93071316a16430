"""What a stream can show, and what may be shown."""

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.telemetry.terminal import Look, is_live, look_of, one_line, redacted, tame


class Stream(io.StringIO):
    def __init__(self, *, live: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._live = live
        self._encoding = encoding

    def isatty(self) -> bool:
        return self._live

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@pytest.mark.parametrize(
    ("live", "environ", "look"),
    [
        (True, {}, Look(live=True, colour=True, emoji=True)),
        (False, {}, Look(live=False, colour=False, emoji=False)),
        (True, {"NO_COLOR": "1"}, Look(live=True, colour=False, emoji=True)),
        (True, {"NO_COLOR": ""}, Look(live=True, colour=True, emoji=True)),
        (True, {"TERM": "dumb"}, Look(live=True, colour=False, emoji=False)),
        (False, {"FORCE_COLOR": "1"}, Look(live=False, colour=True, emoji=True)),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, Look(live=True, colour=True, emoji=False)),
        (
            False,
            {"NO_COLOR": "1", "FORCE_COLOR": "1"},
            Look(live=False, colour=False, emoji=True),
        ),
    ],
)
def test_the_look_follows_the_conventions(
    live: bool, environ: Mapping[str, str], look: Look
) -> None:
    assert look_of(Stream(live=live), environ) == look


def test_without_unicode_there_is_no_emoji() -> None:
    look = look_of(Stream(live=True, encoding="latin-1"), {})
    assert look.colour
    assert look.sign("🔧", ">") == ">"


def test_somebody_reads_where_there_is_a_person_or_colour_is_insisted_on() -> None:
    assert look_of(Stream(live=True), {"NO_COLOR": "1"}).person
    assert look_of(Stream(live=False), {"FORCE_COLOR": "1"}).person
    assert not look_of(Stream(live=False), {}).person


def test_paint_is_put_on_where_there_is_colour() -> None:
    bright = Look(live=True, colour=True, emoji=True)
    assert bright.paint("x", "red", "bold") == "\x1b[31;1mx\x1b[0m"
    assert bright.paint("x") == "x"
    assert bright._replace(colour=False).paint("x", "red") == "x"


def test_a_closed_stream_is_not_live() -> None:
    stream = io.StringIO()
    stream.close()
    assert not is_live(stream)
    assert not is_live(None)
    assert look_of(None, {}) == Look(live=False, colour=False, emoji=False)


@given(st.text())
def test_tamed_text_cannot_steer_a_terminal(text: str) -> None:
    assert all(letter in "\n\t" or ord(letter) not in range(32) for letter in tame(text))
    assert all(ord(letter) not in range(127, 160) for letter in tame(text))


@given(st.text(alphabet=st.characters(min_codepoint=160)))
def test_other_text_is_left_alone(text: str) -> None:
    assert tame(text) == text


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\tb \x1b[2Jc ") == "a b [2Jc"
    assert one_line("abcdef", width=4) == "abc…"
    assert one_line("abcd", width=4) == "abcd"


def test_only_secrets_of_some_length_are_looked_for() -> None:
    assert redacted("a password and 12345678", [("a", "X"), ("12345678", "…")]) == (
        "a password and …"
    )
