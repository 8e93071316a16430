"""mock-llm speaks Gemini: what the vendor would refuse, and what it answers in one piece."""

import json
import urllib.error
import urllib.request
from asyncio import to_thread
from typing import Any

import pytest

from retinue.messages import Audio, File, Image, Text, Thinking, ToolCall
from retinue.models import Usage
from retinue.models.scripted import WrittenCall
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Answer, Gemini, Unfit
from retinue.testing.mock_llm.gemini._reading import sealed

PATH = "/v1beta/models/m:generateContent"


def read(*turns: tuple[str | None, list[Any]], **fields: Any) -> Any:
    contents = [{"role": role, "parts": parts} for role, parts in turns]
    return Gemini().read(PATH, {"contents": contents, **fields}).request


HELLO = ("user", [{"text": "Hi."}])
CALL: Any = {"functionCall": {"name": "add", "args": {}}}
SIGNED = CALL | {"thoughtSignature": sealed(CALL)}
ANSWER = ("user", [{"functionResponse": {"name": "add", "response": {"output": "1"}}}])


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([], "not specified"),
        ([("user", [])], "at least one parts"),
        ([("robot", [{"text": "Hi."}])], "valid role"),
        ([("user", [{"text": 1}])], "text must be a text"),
        ([("user", [{"unknown": 1}])], "required oneof"),
        ([("user", [{"inlineData": {"mimeType": "image/png", "data": "?"}}])], "base64"),
        ([HELLO, ("model", [SIGNED])], "number of function response parts"),
        ([HELLO, ("model", [SIGNED]), HELLO], "number of function response parts"),
        ([HELLO, ("model", [SIGNED]), ("model", [SIGNED])], "number of function response parts"),
        ([HELLO, ANSWER], "number of function response parts"),
        ([("model", [SIGNED]), ANSWER], "immediately after a user turn"),
        (
            [
                HELLO,
                ("model", [SIGNED]),
                ("user", [{"functionResponse": {"name": "sub", "response": {}}}]),
            ],
            "matches a function call",
        ),
        ([HELLO, ("model", [CALL]), ANSWER], "missing a thought_signature .*default_api:add"),
        ([HELLO, ("model", [CALL | {"thoughtSignature": "x"}]), ANSWER], "Corrupted thought"),
        (
            [HELLO, ("model", [{"text": "So", "thoughtSignature": sealed({"text": "No"})}])],
            "Corrupted thought",
        ),
    ],
)
def test_what_the_vendor_refuses_is_refused(turns: Any, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        read(*turns)


def test_calls_without_ids_are_paired_by_name_and_order() -> None:
    found = read(HELLO, ("model", [SIGNED, CALL]), (None, ANSWER[1] * 2)).messages
    ids = [call.id for call in found[1].tool_calls]
    assert len(set(ids)) == 2
    assert [result.call_id for result in found[2].tool_results] == ids


def test_a_response_may_be_any_object() -> None:
    answer = {"functionResponse": {"name": "add", "response": {"sum": 1}}}
    found = read(HELLO, ("model", [SIGNED]), ("user", [answer])).messages
    assert found[-1].tool_results[0].text == '{"sum": 1}'


def test_everything_that_is_shown_is_read() -> None:
    shown = [
        {"inlineData": {"mimeType": "audio/wav", "data": "eA=="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://b.org/a"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://b.org/b"}},
        {"executableCode": {"code": "1"}},
        {"text": "Hm.", "thought": True},
    ]
    kinds = [type(part) for part in read(("user", shown)).messages[0].parts]
    assert kinds[:3] == [Audio, File, Image]
    assert kinds[4] is Thinking


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "ANY", "allowedFunctionNames": ["add"]}, "add"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "AUTO"}, "auto"),
    ],
)
def test_the_choice_of_tools_is_read(config: Any, choice: str) -> None:
    tools = [{"functionDeclarations": [{"name": "add"}]}]
    found = read(HELLO, tools=tools, toolConfig={"functionCallingConfig": config})
    assert found.tool_choice == choice
    assert found.tools[0].parameters == {}


def test_an_answer_in_one_piece_has_the_same_parts() -> None:
    wire = Gemini()
    asked = wire.read(PATH, {"contents": [{"parts": [{"text": "Hi."}]}]})
    call = ToolCall(id="c", name="add", args={"a": 1})
    bad = WrittenCall(id="d", name="add", args='{"a": "ha')
    assert not asked.streaming
    found = wire.whole(asked, [Thinking(text="Hm."), "So.", call], "STOP", Usage(output=3))
    (candidate,) = found["candidates"]
    assert [list(part) for part in candidate["content"]["parts"]] == [
        ["text", "thought"],
        ["text"],
        ["functionCall", "thoughtSignature"],
    ]
    assert (candidate["finishReason"], found["modelVersion"]) == ("STOP", "m")
    assert found["usageMetadata"]["candidatesTokenCount"] == 3
    (candidate,) = wire.whole(asked, [bad], "STOP", Usage())["candidates"]
    assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"


def test_lists_are_found_at_both_services() -> None:
    lookups = Gemini().lookups
    assert "/v1beta/models" in lookups
    assert "/v1beta1/projects/p/locations/l/publishers/google/models/m:countTokens" in lookups
    assert "/v2/models" not in lookups
    assert len(list(lookups)) == len(lookups) == 2


async def test_curl_is_answered_and_a_wrong_key_is_refused_as_google_does() -> None:
    async with MockLLM(strict=True) as mock:
        mock.script("m", Answer("Hello."))
        status, body = await to_thread(asked, mock.url, "k")
        assert (status, body["candidates"][0]["content"]["parts"]) == (200, [{"text": "Hello."}])
        status, body = await to_thread(asked, mock.url, "is-bad")
        assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert body["error"]["details"][0]["reason"] == "API_KEY_INVALID"
        request = mock.asked("m")[0].asked
        assert request is not None
        assert request.messages[0].parts == (Text(text="Hi."),)


def asked(url: str, key: str) -> tuple[int, Any]:
    body = json.dumps({"contents": [{"parts": [{"text": "Hi."}]}]}).encode()
    request = urllib.request.Request(f"{url}{PATH}", body, {"x-goog-api-key": key})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
