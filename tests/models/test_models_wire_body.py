"""Bodies: what all requests have in common, and who is asked."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import ModelRejected, ModelUnauthorized, StreamIncomplete
from retinue.messages import Audio, Image, Message, Text, Thinking, ToolCall, ToolResult
from retinue.models import ChatRequest
from retinue.models._wire import (
    Base64,
    Server,
    conversation,
    count_of,
    dumped,
    rows_of,
    system_of,
    text_of,
    texts_of,
    told,
    written,
)
from retinue.models._wire.reading import frame_of, unreadable

KEY = "sk-0123456789abcdef"


def server(key: str | None = KEY) -> Server:
    return Server(
        name="compatible:m",
        base_url="http://lab/v1/",
        api_key=key,
        unreachable="Look at the address.",
        unauthorized="Look at the key.",
    )


def test_a_body_is_json_without_spaces_and_without_escapes() -> None:
    assert dumped({"a": ["ä", 1, None, True]}) == '{"a":["ä",1,null,true]}'.encode()


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_a_body_reads_back(body: dict[str, Any]) -> None:
    assert json.loads(dumped(body)) == body


@pytest.mark.parametrize(
    ("text", "sent"),
    [("a\ud83d", "a\ufffd"), ("\ude00b", "\ufffdb"), ("\ud83d" + "\ude00", "\U0001f600")],
)
def test_halves_of_a_surrogate_are_joined_or_replaced(text: str, sent: str) -> None:
    assert json.loads(dumped({"a": text})) == {"a": sent}


@given(st.lists(st.binary(max_size=50), max_size=4))
def test_bytes_stand_in_the_body_as_base64(found: list[bytes]) -> None:
    body = dumped({"a": [Base64(data, "data:x;base64,") for data in found], "b": "ü"})
    sent = json.loads(body)
    assert [base64.b64decode(one.removeprefix("data:x;base64,")) for one in sent["a"]] == found
    assert sent["b"] == "ü"


@pytest.mark.parametrize("value", [Path("x"), object(), math.nan, math.inf, {(1, 2): 3}, {1j}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    for write in (lambda: dumped({"options": value}), lambda: written({"options": value})):
        with pytest.raises(ModelRejected, match="cannot be said in a request") as caught:
            write()
        assert caught.value.hint


def test_what_is_nested_without_end_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ModelRejected):
        dumped({"options": circle})


def test_the_system_stands_first_where_there_is_one() -> None:
    message = Message("hi")
    assert system_of(ChatRequest(messages=(message,))) == []
    request = ChatRequest(messages=(message,), system="Be brief.")
    assert system_of(request) == [{"role": "system", "content": "Be brief."}]


CALL = ToolCall(id="1", name="add", args={"a": 1})


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        (["hi"], ["user"]),
        (["hi", Message("yes", role="assistant")], ["user", "assistant", "user"]),
        (["hi", Message("said so", agent="me")], ["user", "assistant", "user"]),
        (["hi", Message(parts=[CALL], role="assistant")], ["user", "assistant", "tool"]),
        ([Message(parts=[Thinking(text="hm")], role="assistant")], ["assistant", "user"]),
        ([], []),
    ],
)
def test_somebody_else_has_the_last_word(messages: list[Any], roles: list[str]) -> None:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    shown = conversation(ChatRequest(messages=said, agent="me"))
    assert [message.role for message in shown] == roles


def result(content: Any, *, error: bool = False) -> ToolResult:
    return ToolResult(call_id="1", name="draw", content=content, error=error)


IMAGE = Image(data=b"x")


@pytest.mark.parametrize(
    ("given", "text", "beside"),
    [
        (result("done"), "done", []),
        (result("no", error=True), "Error: no", []),
        (result("Error: no", error=True), "Error: no", []),
        (result([Text(text="a"), Text(text="b")]), "ab", []),
        (result([IMAGE]), "The result follows.", [Text(text="From draw:"), IMAGE]),
        (result([Text(text="see"), IMAGE]), "see", [Text(text="From draw:"), IMAGE]),
        (result([Audio(data=b"x")], error=True), "Error: The result follows.", None),
    ],
)
def test_a_result_is_text_and_what_follows_it(given: ToolResult, text: str, beside: Any) -> None:
    found, media = told(given)
    assert found == text
    assert beside is None or media == beside


# -- who is asked


def test_an_address_may_end_in_a_slash_or_not() -> None:
    assert server().at("models") == "http://lab/v1/models"


def test_the_key_is_shown_to_the_server_and_to_nobody_else() -> None:
    assert server().headers() == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(server())
    assert server().hide(f"{KEY}, {KEY}") == "…, …"


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_nothing_is_shown(key: str | None) -> None:
    assert server(key).headers() == {}
    assert server(key).hide("words") == "words"


@pytest.mark.parametrize("key", ["sk-1\r\nX-Evil: 1", "sk-1\n", "sk 1", "sk-1\u200b", "sk-…", "ä"])
def test_what_cannot_be_a_key_is_not_sent(key: str) -> None:
    with pytest.raises(ModelUnauthorized, match="a character that is in no key") as caught:
        server(key).headers()
    assert key not in f"{caught.value!r} {caught.value.hint}"
    assert "Look at the key." in (caught.value.hint or "")


# -- what is read


def test_a_frame_is_an_object() -> None:
    assert frame_of('{"a": "ä"}'.encode(), server()) == {"a": "ä"}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b'"a"', b"null", b"\xff", b'{"a"', b"<html>", b"[" * 100_000]
)
def test_what_is_no_object_is_no_frame(data: bytes) -> None:
    with pytest.raises(StreamIncomplete, match="'compatible:m' sent a frame") as caught:
        frame_of(data, server())
    assert caught.value.hint


def test_an_unreadable_frame_is_shown_in_part_and_without_the_key() -> None:
    error = unreadable(b"x" * 50 + KEY.encode() + b"y" * 5000, server())
    assert KEY[:5] not in str(error)
    assert len(str(error)) < 200


def test_rows_are_the_objects_of_a_list() -> None:
    assert rows_of({"data": [{"id": "a"}, 1, None, {}]}, "data") == [{"id": "a"}, {}]
    assert rows_of({"data": {"id": "a"}}, "data") == []
    assert rows_of({}, "data") == []
    assert texts_of([{"id": "a"}, {"id": 1}, {}], "id") == ("a",)


def test_a_text_is_a_text_or_nothing() -> None:
    assert (text_of("a"), text_of(None)) == ("a", "")
    for value in (1, [], {}, True):
        with pytest.raises(TypeError):
            text_of(value)


@pytest.mark.parametrize(
    ("value", "count"), [(3, 3), (0, 0), (None, 0), ("3", 0), (-1, 0), ([], 0)]
)
def test_a_count_is_a_number_that_can_be_one(value: Any, count: int) -> None:
    assert count_of({"n": value}, "n") == count
    assert count_of({}, "n") == 0
