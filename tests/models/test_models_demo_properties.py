"""Demo, whatever the tools and texts are called: properties over names it has never seen."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import ModelRejected
from retinue.messages import Message, ToolCall, ToolSpec
from retinue.models import ChatChunk, ChatRequest
from retinue.models._schema import complaint
from retinue.models.demo import INTRODUCTION, Demo
from retinue.models.demo._lexicon import likeness, stem


def ask(*said: str | Message, **request: Any) -> list[ChatChunk]:
    """All chunks of an answer; the demo model never waits, so a loop for each is no matter."""
    messages = tuple([Message(one) if isinstance(one, str) else one for one in said])

    async def all_of_it() -> list[ChatChunk]:
        async with Demo().chat(ChatRequest(messages=messages, **request)) as chunks:
            return [chunk async for chunk in chunks]

    return asyncio.run(all_of_it())


def calls(chunks: list[ChatChunk]) -> list[ToolCall]:
    return [chunk.tool_call for chunk in chunks if chunk.tool_call]


def text(chunks: list[ChatChunk]) -> str:
    return "".join(chunk.text or "" for chunk in chunks)


syllables = st.sampled_from(["ba", "cho", "du", "fli", "go", "ki", "lu", "mop", "na", "ru", "vo"])
word = st.lists(syllables, min_size=3, max_size=4).map("".join)


def apart(found: list[str]) -> bool:
    stems = [stem(one) for one in found]
    return not any(likeness(a, b) for n, a in enumerate(stems) for b in stems[:n])


def words(count: int) -> st.SearchStrategy[list[str]]:
    """Different words of no language; no stem begins another."""
    return st.lists(word, min_size=count, max_size=count).filter(apart)


def tool(name: str, description: str, **fields: Any) -> ToolSpec:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return ToolSpec(name=name, description=description, parameters=schema)


@given(words(8), st.integers(0, 3), st.booleans())
def test_the_tool_whose_word_is_said_is_asked_for(found, which, by_name) -> None:
    names, tells = found[:4], found[4:]
    tools = tuple([tool(n, f"It can {t} things.") for n, t in zip(names, tells, strict=True)])
    said = names[which] if by_name else tells[which]
    assert [call.name for call in calls(ask(f"Please {said} now", tools=tools))] == [names[which]]


@given(words(6))
def test_a_tool_whose_words_are_not_said_is_not_asked_for(found) -> None:
    tools = (tool(found[0], f"It can {found[1]}."), tool(found[2], f"It can {found[3]}."))
    assert calls(ask(f"{found[4]} the {found[5]}?", tools=tools)) == []


@given(words(4), st.permutations([0, 1, 2]))
def test_tools_that_are_clearly_asked_for_together_are_called_together(found, order) -> None:
    tools = tuple([tool(name, "Does it.") for name in found])
    said = " and then ".join([f"{found[n]} it" for n in order])
    assert [call.name for call in calls(ask(said, tools=tools))] == [found[n] for n in order]


@given(words(3), st.integers(13, 10**9), st.integers(-(10**9), 10**9))
def test_numbers_are_arguments_in_their_order_or_by_their_name(found, one, other) -> None:
    whole = {"type": "integer"}
    offered = (tool(found[0], "Does it.", **{found[1]: whole, found[2]: whole}),)
    [call] = calls(ask(f"{found[0]} {one} with {other}", tools=offered))
    assert call.args == {found[1]: one, found[2]: other}
    [call] = calls(ask(f"{found[0]} {found[2]}={one} {found[1]}: {other}", tools=offered))
    assert call.args == {found[2]: one, found[1]: other}


@given(words(2), st.text(st.characters(exclude_characters='"', codec="utf-8"), min_size=1))
def test_what_stands_in_quotes_is_an_argument_as_it_is(found, said) -> None:
    offered = (tool(found[0], "Does it.", **{found[1]: {"type": "string"}}),)
    [call] = calls(ask(f'{found[0]} "{said}"', tools=offered))
    assert call.args == {found[1]: said}


@given(words(5), st.integers(0, 2))
def test_a_word_of_an_enum_is_an_argument_and_a_choice(found, which) -> None:
    name, field, *options = found
    offered = (tool(name, "Does it.", **{field: {"enum": options}}),)
    [call] = calls(ask(f"{name} the {options[which].upper()} one", tools=offered))
    assert call.args == {field: options[which]}
    form = {"properties": {field: {"enum": options}}, "required": [field]}
    assert json.loads(text(ask(f"It is {options[which]}!", output=form))) == call.args


@given(words(8), st.integers(0, 3))
def test_of_a_text_the_sentence_with_the_word_is_quoted(found, which) -> None:
    lines = [f"There was a {one} of {found[n + 4]}." for n, one in enumerate(found[:4])]
    story = " ".join(lines)
    said = text(ask(f"What about the {found[which]}?\n```\n{story}\n```"))
    assert said.endswith(f"> {lines[which]}")
    assert sum(line in said for line in lines) == 1


@given(words(4))
def test_what_was_told_is_found_again(found) -> None:
    said = text(
        ask(
            f"My {found[0]} is {found[1]}.",
            Message("Noted.", role="assistant"),
            f"My {found[2]} is {found[3]}.",
            Message("Noted.", role="assistant"),
            f"What is my {found[0]}?",
        )
    )
    assert said == f'You said: "My {found[0]} is {found[1]}."'


@given(words(6))
def test_a_form_takes_what_stands_by_its_names(found) -> None:
    names, values = found[:3], found[3:]
    form = {"properties": {name: {"type": "string"} for name in names}, "required": names}
    pairs = dict(zip(names, values, strict=True))
    said = "\n".join([f"{name}: {value}" for name, value in pairs.items()])
    assert json.loads(text(ask(said, output=form))) == pairs


leaves = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 2},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["red", "dark blue", 7, None, True, "+"]},
        {"const": "x"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "uri"},
        {"type": "string", "description": "An arithmetic expression"},
        {"type": "string", "description": "The text of a note"},
        {"type": ["integer", "null"]},
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        {"$ref": "#/$defs/Thing"},
        {"allOf": [{"$ref": "#/$defs/Thing"}], "description": "path"},
        True,
        {},
    ]
)
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields)[:1]},
            st.dictionaries(st.sampled_from(["from", "name", "to_city", "x"]), inner, max_size=3),
        )
    ),
    max_leaves=4,
)
tools = st.builds(
    lambda name, description, fields, required: ToolSpec(
        name=name,
        description=description,
        parameters={
            "type": "object",
            "properties": fields,
            "required": list(fields)[:required],
            "$defs": {"Thing": {"type": "string", "enum": ["cat", "dog"]}},
        },
    ),
    name=st.sampled_from(["add", "get_weather", "read", "a", "!", "saveNote"]),
    description=st.sampled_from(["", "Adds.", "The weather of a town.", "Read a file, or a note."]),
    fields=st.dictionaries(st.sampled_from(["from_town", "n", "path", "all", "text"]), schemas),
    required=st.integers(0, 3),
)
fragments = st.sampled_from(
    [
        *("add", "weather", "in Turku", "from Oslo", "to", "note", "and", "is", "My", "what", "?"),
        *("12", "-3.5", "two", "2+2", "sqrt(", ")", "%", "2026-11-20", "5pm", "red", "dark blue"),
        *('"quoted"', "'", "```", "a/b.txt", "http://x.y", "n=3", "all: yes", "path:", ":", "."),
        *("\n", "\n\n", "<a>", "</a>", "ä", "\u4f60\u597d", "cat", "not all", "text is here", ","),
    ]
)
speech = st.lists(fragments | st.text(max_size=5), max_size=12).map(" ".join)


@given(speech, st.lists(tools, max_size=3), st.sampled_from(["auto", "none", "required", "add"]))
def test_whatever_is_said_every_call_fits_its_tool(said, offered, choice) -> None:
    request = {"tools": tuple(offered), "tool_choice": choice}
    try:
        chunks = ask(said, **request)
    except ModelRejected:
        assert choice in ("required", "add")
        return
    assert chunks == ask(said, **request)
    for call in calls(chunks):
        schemas = [tool.parameters for tool in offered if tool.name == call.name]
        assert schemas
        assert choice in ("auto", "required", call.name)
        assert any(complaint(call.args, schema) is None for schema in schemas)
    assert [chunk.stop for chunk in chunks if chunk.stop] == [
        "tool_calls" if calls(chunks) else "end"
    ]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.output == len(chunks) - 1
    assert bool(calls(chunks)) != text(chunks).startswith(INTRODUCTION)


@given(speech, schemas)
def test_whatever_is_said_a_form_fits_or_is_refused(said, schema) -> None:
    whole = {"anyOf": [schema]} if schema is True else schema
    whole = {**whole, "$defs": {"Thing": {"type": "string", "enum": ["cat", "dog"]}}}
    try:
        found = text(ask(said, output=whole))
    except ModelRejected:
        return
    assert complaint(json.loads(found), whole) is None


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), speech), max_size=5))
def test_any_conversation_gets_an_answer(turns) -> None:
    conversation = [Message(said, role=role) for role, said in turns]
    said = text(ask(*conversation))
    first = not any(role == "assistant" and words.strip() for role, words in turns)
    assert said.startswith(INTRODUCTION) == first
    assert said.strip()
