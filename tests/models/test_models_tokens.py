"""Tokens: an estimate that is never absurd, and windows that agree with the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.messages import (
    Audio,
    Block,
    File,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatRequest
from retinue.models.tokens import _WINDOWS, PICTURE, beginning, estimate, window_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("Hello there, how are you today?", 9),
        ("a b c d e f", 6),
        ('{"a":[1,2,3]}', 6),
        ("Привет", 3),
        ("你好世界", 4),
        ("😀😀", 4),
        ("\ud800", 1),
        ("x" * 400, 100),
    ],
)
def test_texts(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens_nor_more_than_both(one: str, other: str) -> None:
    both = estimate(one + other)
    assert max(estimate(one), estimate(other)) <= both <= estimate(one) + estimate(other)
    assert len((one + other).split()) <= both <= 2 * len(one + other)


@given(st.text(max_size=60), st.integers(-1, 40))
def test_a_beginning_is_the_longest_that_fits(text: str, tokens: int) -> None:
    found = beginning(text, tokens)
    assert text.startswith(found)
    assert estimate(found) <= max(tokens, 0)
    if found != text:
        assert estimate(text[: len(found) + 1]) > tokens


def of(*parts: object) -> int:
    return estimate(Message(*parts)) - estimate(Message())  # type: ignore[arg-type]


def test_parts() -> None:
    assert estimate(Message()) == 4
    assert of("x" * 40, Thinking(text="y" * 40)) == 20
    assert of(Image(data=b"1" * 10**6)) == of(Image(url="http://x")) == PICTURE == 1600
    assert of(Audio(data=b"1" * 5000)) == 10
    assert of(Audio(data=b"1")) == 1
    assert of(Audio(url="http://x")) == of(File(name="x", url="http://x")) == PICTURE
    assert of(File(name="x", media_type="text/plain", data=b"x" * 40)) == 10
    assert of(File(name="x", data=b"x" * 100)) == PICTURE
    assert of(File(name="x", data=b"x" * 10**6)) == 40_000
    assert of(ToolCall(id="1", name="find", args={"word": "x" * 40})) == 16
    assert of(ToolResult(call_id="1", name="find", content="x" * 40)) == 10
    picture = Image(data=b"1")
    assert of(ToolResult(call_id="1", name="f", content=(Text(text="x" * 40), picture))) == 1610
    assert of(Block(vendor="v", data="x" * 40)) == 10
    assert of(Block(vendor="v", data={"a": "x" * 40})) == 14


def test_a_request_is_the_sum_of_what_it_has() -> None:
    messages = Message("x" * 40), Message("y" * 40)
    assert estimate(ChatRequest(messages=messages)) == 28
    tool = ToolSpec(name="find", description="d" * 36, parameters={"type": "object"})
    request = ChatRequest(
        messages=messages, system="s" * 40, tools=(tool,), output={"type": "object"}
    )
    assert estimate(request) == 28 + 10 + 12 + 17 + 6


def test_windows_that_are_named_need_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinue.models.prices.import_module", lambda _: pytest.fail("loaded"))
    assert window_of("anthropic:claude-sonnet-5-5") == 1_000_000
    assert window_of("ollama:qwen3") is None
    assert window_of("demo") is None


def test_windows_that_are_named_are_those_of_the_table() -> None:
    pytest.importorskip("genai_prices", reason="needs retinue[prices]")
    from retinue.models.prices import window_listed

    assert {name: window_listed(name) for name in _WINDOWS} == _WINDOWS
    assert window_of("openai:gpt-5") == 400_000
