"""Gemini: our requests in the words of generateContent."""

import base64
import json
from typing import Any

import pytest

from retinue.errors import ModelRejected
from retinue.messages import (
    Audio,
    Block,
    File,
    FrozenDict,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatRequest
from retinue.models.gemini._encode import encode, encode_count

ADD = ToolSpec(name="add", description="Adds.", parameters={"properties": {"a": {}}})
SUB = ToolSpec(name="sub", description="Subtracts.", parameters={"type": "object"})
FOREIGN = "skip_thought_signature_validator"
CALL = ToolCall(id="c1", name="add", args={"a": 1})
OTHER = ToolCall(id="c2", name="sub")


def sent(*messages: Message | str, model: str = "gemini-3.8-flash", **request: Any) -> Any:
    said = tuple([Message(one) if isinstance(one, str) else one for one in messages])
    return json.loads(encode(ChatRequest(messages=said, **request), model))


def turns(*messages: Message | str, **request: Any) -> list[tuple[str, list[Any]]]:
    return [(turn["role"], turn["parts"]) for turn in sent(*messages, **request)["contents"]]


def user(*parts: Part) -> Message:
    return Message(parts=parts)


def said(*parts: Part) -> Message:
    return Message(parts=parts, role="assistant")


def told(*results: ToolResult) -> Message:
    return Message(parts=results, role="tool")


def kept(**data: Any) -> Block:
    return Block(vendor="gemini", data=data)


def result(call: ToolCall, content: Any = "42", **more: Any) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, content=content, **more)


def answer(call: ToolCall, **response: str) -> Any:
    return {"functionResponse": {"id": call.id, "name": call.name, "response": response}}


def test_a_word_is_a_turn_of_the_user_and_thoughts_are_asked_for() -> None:
    assert sent("Hi.") == {
        "contents": [{"role": "user", "parts": [{"text": "Hi."}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    }


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemma-4", "gemini-3-pro-image", "m"])
def test_models_that_do_not_show_thoughts_are_not_asked_for_them(model: str) -> None:
    assert "generationConfig" not in sent("Hi.", model=model)


def test_what_was_chosen_stands_in_its_fields() -> None:
    body = sent(
        "Hi.",
        model="m",
        system="Be brief.",
        max_tokens=7,
        temperature=0.0,
        output={"type": "object"},
    )
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["generationConfig"] == {
        "maxOutputTokens": 7,
        "temperature": 0.0,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


def test_options_find_their_place_and_are_added_to_ours() -> None:
    options = FrozenDict(
        seed=7,
        stop_sequences=["END"],
        thinking_config={"thinking_level": "low"},
        safety_settings=[{"category": "x"}],
        tools=[{"google_search": {}}],
        generation_config={"topK": 3},
        cached_content=None,
        max_output_tokens=None,
    )
    body = sent("Hi.", tools=(ADD,), max_tokens=5, options=options)
    assert body["generationConfig"] == {
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "low"},
        "seed": 7,
        "stopSequences": ["END"],
        "topK": 3,
    }
    assert body["safetySettings"] == [{"category": "x"}]
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"], ["google_search"]]
    assert "cachedContent" not in body


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", None),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("sub", {"mode": "ANY", "allowedFunctionNames": ["sub"]}),
    ],
)
def test_a_choice_of_tools(choice: str, config: Any) -> None:
    body = sent("Hi.", tools=(ADD, SUB), tool_choice=choice)
    assert body["tools"][0]["functionDeclarations"][0] == {
        "name": "add",
        "description": "Adds.",
        "parametersJsonSchema": {"type": "object", "properties": {"a": {}}},
    }
    assert body.get("toolConfig", {}).get("functionCallingConfig") == config


def test_a_choice_among_tools_of_the_options_is_told() -> None:
    options = FrozenDict(tools=[{"functionDeclarations": [{"name": "add"}]}])
    body = sent("Hi.", tool_choice="required", options=options)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert "toolConfig" not in sent("Hi.", tool_choice="none")


@pytest.mark.parametrize("choice", ["mul", "required"])
def test_a_tool_that_is_not_offered_cannot_be_required(choice: str) -> None:
    with pytest.raises(ModelRejected, match="not offered"):
        sent("Hi.", tools=(ADD,) if choice == "mul" else (), tool_choice=choice)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (Image(media_type="image/jpeg", data=b"x"), ("inlineData", "image/jpeg")),
        (Audio(data=b"x"), ("inlineData", "audio/wav")),
        (File(name="a", media_type="video/mp4", data=b"x"), ("inlineData", "video/mp4")),
        (File(name="a", media_type="application/pdf", data=b"x"), ("inlineData", None)),
        (Image(url="https://b.org/cat.jpg?s=1"), ("fileData", "image/jpeg")),
        (File(name="a", url="https://b.org/a.pdf"), ("fileData", "application/pdf")),
    ],
)
def test_media_are_inline_or_by_their_address(part: Part, found: Any) -> None:
    ((_, (one,)),) = turns(user(part))
    where, kind = found
    assert one[where]["mimeType"] == (kind or "application/pdf")
    if where == "inlineData":
        assert base64.b64decode(one[where]["data"]) == b"x"
    else:
        assert one[where]["fileUri"].startswith("https://b.org/")


def test_a_file_of_text_is_words() -> None:
    part = File(name="a.json", media_type="application/json", data=b"{}")
    assert turns(user(part)) == [("user", [{"text": "{}"}])]


@pytest.mark.parametrize(
    "part",
    [File(name="a.zip", media_type="application/zip", data=b"x"), Image(), File(name="a")],
)
def test_what_cannot_be_shown_is_refused(part: Part) -> None:
    with pytest.raises(ModelRejected):
        sent(user(part))


def test_a_call_from_elsewhere_gets_the_signature_of_such_calls_and_its_neighbour_none() -> None:
    found = turns("Hi.", said(CALL, OTHER), told(result(CALL), result(OTHER, "no", error=True)))
    first = {"functionCall": {"id": "c1", "name": "add", "args": {"a": 1}}}
    assert found[1:] == [
        (
            "model",
            [
                first | {"thoughtSignature": FOREIGN},
                {"functionCall": {"id": "c2", "name": "sub", "args": {}}},
            ],
        ),
        ("user", [answer(CALL, output="42"), answer(OTHER, error="no")]),
    ]


def test_signatures_go_back_on_the_part_they_came_with() -> None:
    message = said(
        Thinking(text="Hm."),
        kept(text="Hm.", thought=True, thoughtSignature="s0"),
        Text(text="I add"),
        kept(text="add", thoughtSignature="s1"),
        CALL,
        kept(functionCall={"id": "c1", "more": 1}, thoughtSignature="s2"),
        OTHER,
    )
    found = turns("Hi.", message, told(result(CALL), result(OTHER)))[1]
    call = {"id": "c1", "name": "add", "args": {"a": 1}, "more": 1}
    assert found == (
        "model",
        [
            {"text": "Hm.", "thought": True, "thoughtSignature": "s0"},
            {"text": "I "},
            {"text": "add", "thoughtSignature": "s1"},
            {"functionCall": call, "thoughtSignature": "s2"},
            {"functionCall": {"id": "c2", "name": "sub", "args": {}}},
        ],
    )


def test_a_signature_on_nothing_is_a_part_of_its_own() -> None:
    message = said(Text(text="So."), kept(text="", thoughtSignature="s"))
    parts = [{"text": "So."}, {"text": "", "thoughtSignature": "s"}]
    assert turns("Hi.", message, "And?")[1] == ("model", parts)


def test_a_signature_of_what_somebody_changed_is_left_out() -> None:
    message = said(
        Text(text="No."),
        kept(text="Yes.", thoughtSignature="s"),
        kept(functionCall={"id": "gone"}, thoughtSignature="s"),
    )
    assert turns("Hi.", message, "And?")[1] == ("model", [{"text": "No."}])


def test_all_of_a_text_may_be_signed() -> None:
    message = said(Text(text="Yes."), kept(text="Yes.", thoughtSignature="s"))
    assert turns("Hi.", message, "?")[1] == ("model", [{"text": "Yes.", "thoughtSignature": "s"}])


def test_blocks_of_google_go_back_and_those_of_others_do_not() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    message = said(
        kept(**code), Block(vendor="openai", data={}), Thinking(text="x", signature="y"), CALL
    )
    assert [list(part) for part in turns("Hi.", message)[1][1]] == [
        ["executableCode"],
        ["functionCall", "thoughtSignature"],
    ]


def test_thoughts_and_calls_are_not_the_users() -> None:
    assert turns(user(Text(text="Hi."), Thinking(text="Hm."))) == [("user", [{"text": "Hi."}])]


def test_what_the_model_drew_goes_back() -> None:
    found = turns("Hi.", said(Image(data=b"x"), Text(text="")), "And?")
    assert list(found[1][1][0]) == ["inlineData"]


def test_what_a_tool_shows_follows_in_a_turn_of_its_own() -> None:
    shown = result(CALL, [Image(data=b"x")])
    found = turns("Hi.", said(CALL), told(shown), "And?")
    assert found[2] == ("user", [answer(CALL, output="The result follows.")])
    role, (words, picture, last) = found[3]
    assert (role, words, last) == ("user", {"text": "From add:"}, {"text": "And?"})
    assert "inlineData" in picture


def test_two_calls_of_one_id_have_an_answer_each() -> None:
    found = turns("Hi.", said(CALL, CALL), told(result(CALL)))
    assert found[2] == ("user", [answer(CALL, output="42")] * 2)


def test_neighbours_of_one_role_are_one_turn() -> None:
    found = turns("A", "B", said(Text(text="C")), said(Text(text="D"), CALL), told(result(CALL)))
    assert [(role, len(parts)) for role, parts in found] == [("user", 2), ("model", 3), ("user", 1)]


def test_instructions_in_the_middle_are_said_by_the_user() -> None:
    messages = (Message("One.", role="system"), "Hi.", Message("Two.", role="system"))
    body = sent(*messages, system="Zero.")
    assert body["systemInstruction"] == {"parts": [{"text": "Zero.\n\nOne."}]}
    words = [{"text": "Hi."}, {"text": "<system>\nTwo.\n</system>"}]
    assert body["contents"] == [{"role": "user", "parts": words}]


def test_a_conversation_begins_and_ends_with_the_user() -> None:
    found = turns(said(Text(text="Hi.")))
    assert [parts[0]["text"] for _, parts in found] == ["Begin.", "Hi.", "Go on."]
    assert turns(system="Sing.") == [("user", [{"text": "Begin."}])]
    with pytest.raises(ModelRejected, match="asked nothing"):
        sent()


def test_an_answer_that_was_paused_is_continued_by_its_token() -> None:
    body = sent("Hi.", said(Text(text="So"), kept(continuationToken="t")))
    assert body["continuationToken"] == "t"
    assert [turn["role"] for turn in body["contents"]] == ["user", "model"]
    later = sent("Hi.", said(Text(text="So"), kept(continuationToken="t")), "And?")
    assert "continuationToken" not in later
    assert later["contents"][1]["parts"] == [{"text": "So"}]


def test_a_token_of_another_vendor_continues_nothing() -> None:
    theirs = Block(vendor="openai", data={"continuationToken": "t"})
    assert "continuationToken" not in sent("Hi.", said(Text(text="So"), theirs))


def test_what_is_counted_is_the_whole_request() -> None:
    request = ChatRequest(messages=(Message("Hi."),), system="S", tools=(ADD,), tool_choice="none")
    whole = json.loads(encode(request, "m"))
    counted = json.loads(encode_count(request, "m"))
    assert counted == {"generateContentRequest": {"model": "models/m", **whole}}
    at_vertex = json.loads(encode_count(request, "m", vertexai=True))
    assert at_vertex.keys() == {"contents", "systemInstruction", "tools"}
