"""Gemini: the events of generateContent as our chunks, and its refusals in our words."""

import json
from typing import Any

import pytest

from retinue.errors import (
    BadArguments,
    ModelError,
    ModelOverloaded,
    ModelUnauthorized,
    StreamIncomplete,
)
from retinue.messages import Block, Message, ToolCall
from retinue.models import ChatChunk, ChatRequest, Usage
from retinue.models._wire.status import error_of
from retinue.models.gemini._decode import Answer
from retinue.models.gemini._errors import told

from ._decoding import ADD, read, server

SERVER = server("gemini:m", api_key="sk-1")


def event(*parts: Any, **candidate: Any) -> dict[str, Any]:
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return {"candidates": [content | candidate]}


def heard(*events: Any, model: str = "gemini-3.8-flash") -> list[ChatChunk]:
    request = ChatRequest(messages=(Message("Hi."),), tools=(ADD,))
    return read(Answer(SERVER, request, model), events)


STOP = event(finishReason="STOP")


def kept(**data: Any) -> ChatChunk:
    return ChatChunk(block=Block(vendor="gemini", data=data))


def test_words_and_thoughts_come_apart() -> None:
    assert heard(event({"text": "Hm.", "thought": True}), event({"text": "So."}), STOP) == [
        ChatChunk(thinking="Hm."),
        ChatChunk(text="So."),
        ChatChunk(stop="end"),
    ]


def test_a_signature_is_kept_with_the_part_it_came_with() -> None:
    signed = {"text": "So.", "thoughtSignature": "s"}
    empty = {"text": "", "thoughtSignature": "t"}
    found = heard(event(signed), event(empty, {"text": ""}, finishReason="STOP"))
    assert found[:-1] == [ChatChunk(text="So."), kept(**signed), kept(**empty)]


def test_calls_have_ids_and_the_signature_beside_them() -> None:
    call = {"functionCall": {"id": "c", "name": "add", "args": {"a": 1}}, "thoughtSignature": "s"}
    bare = {"functionCall": {"name": "add"}}
    first, block, second, last = heard(event(call, bare), STOP)
    assert first.tool_call == ToolCall(id="c", name="add", args={"a": 1})
    assert block == kept(functionCall={"id": "c"}, thoughtSignature="s")
    assert second.tool_call is not None
    assert second.tool_call.id.startswith("call_")
    assert second.tool_call.args == {}
    assert last.stop == "tool_calls"


def test_arguments_as_a_text_are_read() -> None:
    (call, _) = heard(event({"functionCall": {"name": "add", "args": "{'a': 1,}"}}), STOP)
    assert call.tool_call is not None
    assert call.tool_call.args == {"a": 1}


def test_what_we_have_no_word_for_is_a_block() -> None:
    part = {"executableCode": {"code": "1"}}
    assert heard(event(part), STOP)[0] == kept(**part)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "max_tokens"),
        ("SAFETY", "refused"),
        ("PROHIBITED_CONTENT", "refused"),
        ("RECITATION", "refused"),
        ("CONTINUATION", "pause"),
        ("SOMETHING_NEW", "end"),
    ],
)
def test_why_it_stopped(reason: str, stop: str) -> None:
    assert heard(event({"text": "So"}), event(finishReason=reason))[-1].stop == stop


def test_the_token_of_a_paused_answer_is_kept() -> None:
    found = heard(event({"text": "So"}, finishReason="CONTINUATION", continuationToken="t"))
    assert found[1:] == [kept(continuationToken="t"), ChatChunk(stop="pause")]


def test_an_answer_that_was_cut_by_a_limit_asks_for_no_tools() -> None:
    call = {"functionCall": {"id": "c", "name": "add"}}
    assert heard(event(call), event(finishReason="MAX_TOKENS"))[-1].stop == "max_tokens"


@pytest.mark.parametrize(
    ("feedback", "words"),
    [
        ({"blockReason": "SAFETY"}, "The prompt was blocked (SAFETY)."),
        ({"blockReason": "OTHER", "blockReasonMessage": "Not that."}, "Not that."),
    ],
)
def test_a_prompt_that_is_blocked_is_refused_with_words(feedback: Any, words: str) -> None:
    found = heard({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 3}})
    assert found == [ChatChunk(text=words), ChatChunk(stop="refused", usage=Usage(input=3))]


def test_a_feedback_that_blocks_nothing_is_none() -> None:
    assert heard({"promptFeedback": {"safetyRatings": []}}, STOP)[-1].stop == "end"


def test_what_is_said_of_a_refusal_comes_only_where_nothing_was_said() -> None:
    end = event(finishReason="SAFETY", finishMessage="Unsafe.")
    assert heard(end)[0] == ChatChunk(text="Unsafe.")
    assert [chunk.text for chunk in heard(event({"text": "So"}), end)] == ["So", None]


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_call_that_nobody_can_read_is_bad_arguments(reason: str) -> None:
    with pytest.raises(BadArguments, match="sub"):
        heard(event(finishReason=reason, finishMessage="Malformed: sub("))


@pytest.mark.parametrize("last", [None, "OTHER", "MALFORMED_RESPONSE"])
def test_an_answer_without_an_end_is_incomplete(last: str | None) -> None:
    with pytest.raises(StreamIncomplete):
        heard(event({"text": "So"}), event(finishReason=last))


@pytest.mark.parametrize(
    "frame",
    [
        {"candidates": [{"content": {"parts": [1]}, "finishReason": 2}]},
        {"candidates": [1]},
        {"candidates": 1},
        {"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]},
    ],
)
def test_other_json_than_agreed_cannot_be_read(frame: Any) -> None:
    with pytest.raises(StreamIncomplete, match="cannot be read"):
        heard(frame)


def test_an_error_inside_of_a_stream_is_ours() -> None:
    error = {"code": 503, "message": "Overloaded with sk-1", "status": "UNAVAILABLE"}
    with pytest.raises(ModelOverloaded) as caught:
        heard(event({"text": "So"}), {"error": error})
    assert "sk-1" not in str(caught.value)


def test_tokens_are_counted_as_ours() -> None:
    counts = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 5,
        "cachedContentTokenCount": 64,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 8,
    }
    found = heard({"usageMetadata": {"promptTokenCount": 1}}, STOP | {"usageMetadata": counts})
    assert found[-1].usage == Usage(input=105, output=28, cache_read=64, thinking=8)


@pytest.mark.parametrize(
    ("asked", "answers", "noted"),
    [
        ("gemini-flash-latest", "gemini-3.8-flash", "gemini:gemini-3.8-flash"),
        ("gemini-3.8-flash", "gemini-3.8-flash-001", None),
        ("models/gemini-3.8-flash", "gemini-3.8-flash", None),
    ],
)
def test_who_answers_in_its_place_is_told_once(asked: str, answers: str, noted: str | None) -> None:
    found = heard(*[one | {"modelVersion": answers} for one in (STOP, STOP)], model=asked)
    assert [chunk.model for chunk in found if chunk.model] == ([noted] if noted else [])


# -- refusals


def refusal(status: int, *details: Any, listed: bool = False, **headers: str) -> ModelError:
    error = {"code": status, "message": "No.", "status": "X", "details": list(details)}
    body: Any = {"error": error}
    found = told(status, headers, json.dumps([body] if listed else body).encode())
    return error_of(SERVER, found.status, found.body, found.headers)


@pytest.mark.parametrize("listed", [False, True])
def test_a_key_that_is_none_is_unauthorized_though_google_says_400(listed: bool) -> None:
    error = refusal(400, {"reason": "API_KEY_INVALID"}, listed=listed)
    assert isinstance(error, ModelUnauthorized)
    assert "No." in str(error)


@pytest.mark.parametrize(
    ("details", "headers", "after"),
    [
        ([{"retryDelay": "39s"}], {}, 39.0),
        ([{"retryDelay": "1.5s"}], {}, 1.5),
        ([{"retryDelay": "39s"}], {"retry-after": "7"}, 7.0),
        ([{"retryDelay": "soon"}, 1], {}, None),
        ([], {"retry-after": "7"}, 7.0),
    ],
)
def test_how_long_to_wait_is_read_from_the_body(details: Any, headers: Any, after: Any) -> None:
    error = refusal(429, *details, **headers)
    assert isinstance(error, ModelOverloaded)
    assert error.retry_after == after


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"error": "no"}', b"1"])
def test_what_is_not_googles_is_left_as_it_is(body: bytes) -> None:
    assert told(502, {}, body) == (502, {}, body)
