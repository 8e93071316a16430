"""The Responses API as the mock speaks it: what goes out, and what is read back.

Sample: https://platform.openai.com/docs/api-reference/responses/create (streaming), as
https://github.com/openai/openai-openapi has it (openapi.yaml).
"""

import base64
import json
from typing import Any

import pytest

from retinue.messages import Block, File, Image, Text, Thinking, ToolCall, ToolResult
from retinue.models import Usage
from retinue.testing.mock_llm import Answer, ErrorEvent, Event, MockLLM, Responses, WrittenCall

KINDS = """
response.created
response.in_progress
response.output_item.added
response.content_part.added
response.output_text.delta
response.output_text.delta
response.output_text.done
response.content_part.done
response.output_item.done
response.completed
"""
CALL = ToolCall(id="call_1", name="add", args={"a": 1, "b": [2]})
ENCRYPTED = {"include": ["reasoning.encrypted_content"]}
PNG = base64.b64encode(b"png").decode()
PDF = base64.b64encode(b"pdf").decode()


@pytest.fixture
def asked(ask):
    """Ask a model over Responses."""

    async def asked(*items: Any, model: str = "m", stream: bool = True, key: str = "", **more: Any):
        body = {"model": model, "stream": stream, "input": list(items) or [user("Hello?")]}
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return await ask("/v1/responses", body | more, **headers)

    return asked


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def called(call_id: str = "c1", **more: Any) -> dict[str, Any]:
    call = {"type": "function_call", "call_id": call_id, "name": "add", "arguments": '{"a": 1}'}
    return call | more


def output(found: Any = "42", call_id: str = "c1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": found}


def kinds(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]


async def test_a_stream_is_as_the_reference_shows_it(mock: MockLLM, asked) -> None:
    mock.script("m", "Hi there!")
    got = await asked()
    assert got.headers["content-type"].startswith("text/event-stream")
    assert kinds(got.events) == KINDS.split()
    names = [line[7:] for line in got.body.decode().split("\n") if line.startswith("event: ")]
    assert names == KINDS.split()
    assert [event["sequence_number"] for event in got.events] == list(range(10))
    item = got.events[-2]["item"]
    assert item["content"] == [
        {"type": "output_text", "text": "Hi there!", "annotations": [], "logprobs": []}
    ]
    assert item["status"] == "completed"
    assert {event["item_id"] for event in got.events if "item_id" in event} == {item["id"]}
    assert got.events[-1]["response"]["output"] == [item]


@pytest.mark.parametrize("stop", ["completed", "max_output_tokens", "content_filter"])
@pytest.mark.parametrize("wire", [Responses(), Responses(raw=True)])
def test_the_vendors_own_types_agree(stop: str, wire: Responses) -> None:
    responses = pytest.importorskip("openai.types.responses")
    pydantic = pytest.importorskip("pydantic")
    types = pydantic.TypeAdapter(responses.ResponseStreamEvent)
    request = wire.read("/v1/responses", {"model": "m", "input": "Hello?", **ENCRYPTED})
    writer = wire.writer(request)
    frames = [
        *writer.opening(),
        *writer.text("One two"),
        *writer.thinking("Hm. Well."),
        *writer.calls([CALL, WrittenCall(id="", name="x", args="{'")]),
        *writer.ended(stop, Usage(input=1, output=2)),
        wire.frame(wire.error(500, "It broke.")),
    ]
    for frame in frames:
        data = json.loads(frame.decode().split("data: ", 1)[1])
        assert types.validate_python(data).type == data["type"]


async def test_thoughts_are_a_summary_and_sealed_where_that_is_wanted(mock, asked) -> None:
    mock.script("m", [Thinking(text="Hm. "), Thinking(text="Well."), "Fine."])
    events = (await asked()).events
    items = [event["item"] for event in events if event["type"].endswith("item.done")]
    assert [item["type"] for item in items] == ["reasoning", "message"]
    assert items[0]["summary"] == [{"type": "summary_text", "text": "Hm. Well."}]
    assert "encrypted_content" not in items[0]
    events = (await asked(**ENCRYPTED)).events
    assert events[-1]["response"]["output"][0]["encrypted_content"].startswith("gAAAAA")


async def test_calls_come_one_after_the_other_with_their_arguments_in_pieces(mock, asked) -> None:
    mock.script("m", [CALL, WrittenCall(id="", name="look", args="{'sloppy")])
    events = (await asked()).events
    pieces = [event["delta"] for event in events if event["type"].endswith("arguments.delta")]
    assert "".join(pieces) == '{"a": 1, "b": [2]}' + "{'sloppy"
    items = events[-1]["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in items] == [
        ("call_1", '{"a": 1, "b": [2]}'),
        ("", "{'sloppy"),
    ]


@pytest.mark.parametrize(
    ("stop", "reason"), [("max_tokens", "max_output_tokens"), ("refused", "content_filter")]
)
async def test_an_answer_that_was_cut_is_incomplete(mock, asked, stop: str, reason: str) -> None:
    mock.script("m", Answer("So far", stop=stop))
    last = (await asked()).events[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert last["response"]["output"][0]["status"] == "incomplete"


async def test_usage_is_told(mock: MockLLM, asked) -> None:
    usage = Usage(input=30, output=5, cache_read=20, cache_write=4, thinking=2)
    mock.script("m", Answer("Hi", usage=usage))
    assert (await asked()).events[-1]["response"]["usage"] == {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 35,
    }


async def test_an_answer_in_one_piece(mock: MockLLM, asked) -> None:
    mock.script("m", [Thinking(text="Hm."), "Fine.", Event({}), CALL])
    found = (await asked(stream=False)).json
    assert [item["type"] for item in found["output"]] == ["reasoning", "message", "function_call"]
    assert found["object"] == "response"
    assert found["status"] == "completed"
    assert found["usage"]["total_tokens"] > 0


async def test_an_error_inside_of_a_stream_is_an_event(mock: MockLLM, asked) -> None:
    mock.script("m", ["One ", ErrorEvent("It broke.")])
    last = (await asked()).events[-1]
    assert last["type"] == "error"
    assert last["message"] == "It broke."


async def test_events_of_your_own(mock: MockLLM, asked) -> None:
    mock.script("m", [Event({"type": "response.queued"}), Event("half"), Event({"a": 1})])
    body = (await asked()).body.decode()
    assert body.startswith('event: response.queued\ndata: {"type": "response.queued"}\n\n')
    assert "\n\ndata: half\n\n" in body
    assert '\n\ndata: {"a": 1}\n\n' in body


async def test_what_was_asked_is_read_back(mock: MockLLM, asked) -> None:
    content = [
        {"type": "input_text", "text": "See:"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "input_image", "image_url": "https://example.com/cat.png"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": f"data:application/pdf;base64,{PDF}",
        },
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]
    await asked(
        user(content),
        {"role": "developer", "content": "Be kind."},
        {"role": "assistant", "content": "I look."},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        called(),
        called("c2"),
        output("42"),
        output([{"type": "input_text", "text": "a"}, content[1]], "c2"),
        {
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Yes. "},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        user("Thanks."),
        instructions="Be brief.",
        tools=[
            {"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": False},
            {"type": "web_search"},
        ],
        tool_choice={"type": "function", "name": "add"},
        text={"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
        max_output_tokens=9,
        temperature=0.5,
        seed=7,
    )
    request = mock.requests[0].asked
    assert request is not None
    assert request.system == "Be brief."
    assert [tool.name for tool in request.tools] == ["add"]
    assert request.tool_choice == "add"
    assert request.output == {"type": "object"}
    assert (request.max_tokens, request.temperature) == (9, 0.5)
    assert request.options == {"seed": 7}
    shown, system, said, first, second, again, thanks = request.messages
    assert shown.parts == (
        Text(text="See:"),
        Image(data=b"png"),
        Image(url="https://example.com/cat.png"),
        File(name="a.pdf", media_type="application/pdf", data=b"pdf"),
        File(name="", url="https://example.com/a.pdf"),
    )
    assert (system.role, system.text) == ("system", "Be kind.")
    assert said.parts == (
        Text(text="I look."),
        Block(
            vendor="openai", data={"type": "web_search_call", "id": "ws_1", "status": "completed"}
        ),
        ToolCall(id="c1", name="add", args={"a": 1}),
        ToolCall(id="c2", name="add", args={"a": 1}),
    )
    assert first.parts == (ToolResult(call_id="c1", name="add", content="42"),)
    assert second.tool_results[0].content == (Text(text="a"), Image(data=b"png"))
    assert again.text == "Yes. No."
    assert thanks.text == "Thanks."


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ({"verbosity": "low"}, None),
        ({"format": {"type": "text"}}, None),
        ({"format": {"type": "json_object"}}, {}),
    ],
)
async def test_forms_of_output(mock: MockLLM, asked, text: Any, output: Any) -> None:
    await asked(text=text, tool_choice="required")
    request = mock.requests[0].asked
    assert request is not None
    assert request.output == output
    assert request.tool_choice == "required"


REASONING = {"type": "reasoning", "id": "rs_0123_0", "summary": []}
REFUSED: list[tuple[list[Any], dict[str, Any], str]] = [
    ([called(), user("And?")], {}, "No tool output found for function call c1."),
    ([output()], {}, "No tool call found for function call output with call_id c1."),
    ([called(arguments="[]"), output()], {}, "must be a JSON object"),
    ([called(arguments="{"), output()], {}, "must be JSON, as a text"),
    ([REASONING], {"store": False}, "Items are not persisted when `store` is set to false"),
    ([REASONING | {"encrypted_content": "gAAAAB"}], {}, "could not be verified"),
    (
        [{"type": "message", "role": "assistant", "id": "msg_0123_1_r0", "content": "Yes."}],
        {},
        "of type 'message' was provided without its required 'reasoning' item: 'rs_0123_0'",
    ),
    ([called(id="fc_0123_1_r0"), output()], {}, "without its required 'reasoning' item"),
    ([user([{"type": "text", "text": "a"}])], {}, "Invalid value: 'text'. Supported values are"),
    ([user([{"type": "input_audio"}])], {}, "Invalid value: 'input_audio'"),
    (
        [user([{"type": "input_image", "image_url": "data:,x"}])],
        {},
        "image_url must be a data URL in base64",
    ),
    ([{"role": "tool", "content": "a"}], {}, "'tool'. input[0].role is no role"),
    ([{"type": "telex"}], {}, "'telex'. input[0].type is no kind of item"),
    ([user("a")], {"messages": []}, "this parameter has moved to 'input'"),
    ([user("a")], {"max_tokens": 1}, "this parameter has moved to 'max_output_tokens'"),
    ([user("a")], {"response_format": {}}, "this parameter has moved to 'text.format'"),
    ([user("a")], {"previous_response_id": "resp_1"}, "id 'resp_1' not found"),
    ([user("a")], {"tools": [{"type": "function", "function": {}}]}, "tools[0].name must be a te"),
    ([user("a")], {"text": {"format": {"type": "json_schema"}}}, "text.format.name must be a text"),
    ([user("a")], {"model": None}, "model must be a text"),
    ([user("a")], {"input": []}, "input must have at least one item"),
]


@pytest.mark.parametrize(("items", "more", "words"), REFUSED, ids=[one[2] for one in REFUSED])
async def test_what_the_vendor_refuses_is_refused(
    asked, items: list[Any], more: dict[str, Any], words: str
) -> None:
    got = await asked(*items, **more)
    assert got.status == 400
    assert words in got.json["error"]["message"]
    assert got.json["error"]["type"] == "invalid_request_error"


async def test_what_is_stored_is_known_by_its_id(asked) -> None:
    said = {"type": "message", "role": "assistant", "id": "msg_0123_1_r0", "content": "Yes."}
    assert (await asked(REASONING, said, user("And?"), store=True)).status == 200


async def test_a_bad_key_is_refused(asked) -> None:
    got = await asked(key="sk-bad")
    assert got.status == 401
    assert got.json["error"]["code"] == "invalid_api_key"


async def test_tokens_are_counted(ask) -> None:
    got = await ask("/v1/responses/input_tokens", {"model": "m", "input": "Hello? " * 40})
    assert got.json["object"] == "response.input_tokens"
    assert got.json["input_tokens"] > 70
    got = await ask("/v1/responses/input_tokens", {"model": "m", "input": [output()]})
    assert got.status == 400


def test_other_servers_spell_it_otherwise() -> None:
    crlf, terse, raw = [spoken(wire) for wire in Responses().spellings()]
    assert b"\r\n\r\n" in crlf
    assert b"event:" not in terse
    assert b'data:{"type"' in terse
    assert b"response.reasoning_text.delta" in raw
    assert raw.endswith(b"data: [DONE]\n\n")


def spoken(wire: Any) -> bytes:
    writer = wire.writer(wire.read("/v1/responses", {"model": "m", "input": "Hello?"}))
    frames = [*writer.opening(), *writer.thinking("Hm."), *writer.ended("completed", Usage())]
    return b"".join(frames)
