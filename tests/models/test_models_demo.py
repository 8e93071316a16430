"""Demo: which tools it picks and with what, what it quotes, and that it says what it is."""

import json
import re
from typing import Any

import pytest

from retinue.errors import ModelRejected
from retinue.messages import File, Message, Text, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatChunk
from retinue.models.demo import INTRODUCTION, Demo

NO_ANSWER = "No tool, text or earlier message has an answer to that."
TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def about(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def tool(name: str, description: str, *optional: str, **fields: Any) -> ToolSpec:
    required = [field for field in fields if field not in optional]
    parameters = {"type": "object", "properties": fields, "required": required}
    return ToolSpec(name=name, description=description, parameters=parameters)


TOOLS = (
    tool("weather", "The current weather of a city: temperature, wind, rain.", city=TEXT),
    tool("calculator", "Evaluate an arithmetic expression.", expression=about("As 2*(3+4)")),
    tool("clock", "The current date and time.", "time_zone", time_zone=about("As Europe/Oslo")),
    tool(
        "web_search",
        "Search the web.",
        "limit",
        query=about("What to look for"),
        limit=WHOLE | {"description": "How many results"},
    ),
    tool("read_file", "Read a text file of the workspace.", path=about("Path of the file")),
    tool(
        "convert_unit",
        "Convert a value from one unit to another.",
        value={"type": "number"},
        from_unit=TEXT,
        to_unit=TEXT,
    ),
    tool("send_mail", "Send a letter.", to=about("email address"), subject=TEXT, body=TEXT),
    tool("remember", "Keep a fact about the user.", fact=TEXT),
    tool(
        "create_event",
        "Add an event to the calendar.",
        "all_day",
        title=TEXT,
        date=about("", format="date"),
        all_day={"type": "boolean"},
    ),
    tool("translate", "Translate a text into another language.", text=TEXT, language=TEXT),
    tool("add", "Add two numbers.", a=WHOLE, b=WHOLE),
    tool(
        "set_light",
        "Switch a lamp in a room.",
        room={"enum": ["kitchen", "bed_room"]},
        state={"enum": ["on", "off"]},
    ),
    tool("diff_files", "Compare two files.", before=about("path"), after=about("path")),
    tool("fetch_page", "Download a page.", url=TEXT),
)


def calls(chunks: list[ChatChunk]) -> list[tuple[str, dict[str, Any]]]:
    found = [chunk.tool_call for chunk in chunks if chunk.tool_call]
    return [(call.name, dict(call.args)) for call in found]


def text(chunks: list[ChatChunk]) -> str:
    return "".join(chunk.text or "" for chunk in chunks)


def answer(chunks: list[ChatChunk]) -> str:
    return text(chunks).removeprefix(f"{INTRODUCTION}\n\n")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("What is the weather in Turku?", [("weather", {"city": "Turku"})]),
        ("weather turku", [("weather", {"city": "turku"})]),
        ("How's Turku's weather tomorrow?", [("weather", {"city": "Turku"})]),
        ("Is it raining in New York City?", [("weather", {"city": "New York City"})]),
        ("What's 12*(3+4)?", [("calculator", {"expression": "12*(3+4)"})]),
        ("what is 144/12?", [("calculator", {"expression": "144/12"})]),
        ("12 times 7 please", [("calculator", {"expression": "12*7"})]),
        ("What is 15% of 80?", [("calculator", {"expression": "15/100*80"})]),
        ("what's sqrt(16) + 2 \u00f7 4", [("calculator", {"expression": "sqrt(16)+2/4"})]),
        ("what's the date?", [("clock", {})]),
        ("What time is it in Europe/Oslo?", [("clock", {"time_zone": "Europe/Oslo"})]),
        (
            "what is the time and what is sqrt(2)*3",
            [("clock", {}), ("calculator", {"expression": "sqrt(2)*3"})],
        ),
        (
            "search the web for cheap flights to Oslo, 3 results",
            [("web_search", {"query": "cheap flights to Oslo", "limit": 3})],
        ),
        ("search for python", [("web_search", {"query": "python"})]),
        (
            "Read notes/todo.md and a.txt",
            [("read_file", {"path": "notes/todo.md"}), ("read_file", {"path": "a.txt"})],
        ),
        (
            "Compare a.txt and b.txt",
            [("diff_files", {"before": "a.txt", "after": "b.txt"})],
        ),
        (
            "convert 5 miles to km",
            [("convert_unit", {"value": 5, "from_unit": "miles", "to_unit": "km"})],
        ),
        (
            'Send a letter to bob@x.org with subject "Hi" and body "See you"',
            [("send_mail", {"to": "bob@x.org", "subject": "Hi", "body": "See you"})],
        ),
        ("remember that I like tea", [("remember", {"fact": "I like tea"})]),
        (
            "Add an event 'Dentist' on 3 December 2026, all day",
            [("create_event", {"title": "Dentist", "date": "2026-12-03", "all_day": True})],
        ),
        (
            "Add an event titled 'Dentist' on 2026-12-03, not all day",
            [("create_event", {"title": "Dentist", "date": "2026-12-03", "all_day": False})],
        ),
        (
            "translate good morning to Finnish",
            [("translate", {"text": "good morning", "language": "Finnish"})],
        ),
        ("Add 2 and 3", [("add", {"a": 2, "b": 3})]),
        (
            "add 2 and 3 and add four and -5",
            [("add", {"a": 2, "b": 3}), ("add", {"a": 4, "b": -5})],
        ),
        ("add b=7 a=1,000", [("add", {"a": 1000, "b": 7})]),
        (
            "turn off the light in the bed room",
            [("set_light", {"room": "bed_room", "state": "off"})],
        ),
        (
            "Set the kitchen light on and the bed room light off",
            [
                ("set_light", {"room": "kitchen", "state": "on"}),
                ("set_light", {"room": "bed_room", "state": "off"}),
            ],
        ),
        (
            "What is the weather in Turku and what is 2+2?",
            [("weather", {"city": "Turku"}), ("calculator", {"expression": "2+2"})],
        ),
        (
            "What is the weather in Oslo? What is the weather in Oslo?",
            [("weather", {"city": "Oslo"})],
        ),
        ("Download https://example.com/a.", [("fetch_page", {"url": "https://example.com/a"})]),
        ("Please, by Friday: what's the weather for city = Oslo", [("weather", {"city": "Oslo"})]),
    ],
)
async def test_it_picks_the_tools_that_are_asked_for(hear, request_: str, expected) -> None:
    chunks = await hear(Demo(), request_, tools=TOOLS)
    assert calls(chunks) == expected
    assert chunks[-1].stop == "tool_calls"
    assert text(chunks) == ""


@pytest.mark.parametrize(
    "request_",
    [
        "hi",
        "Write a haiku",
        "call 555-1234",
        "I like the weather",
        "My favourite weather is rain",
        "It was 5 in the morning.",
    ],
)
async def test_it_picks_no_tool_where_none_is_asked_for(hear, request_: str) -> None:
    assert calls(await hear(Demo(), request_, tools=TOOLS)) == []


async def test_calls_have_ids_of_their_own_throughout_a_conversation(hear) -> None:
    asked = "weather in Turku and weather in Oslo"
    chunks = await hear(Demo(), asked, tools=TOOLS)
    first = [chunk.tool_call for chunk in chunks if chunk.tool_call]
    results = [ToolResult(call_id=call.id, name=call.name, content="rain") for call in first]
    chunks = await hear(
        Demo(),
        asked,
        Message(*first, role="assistant"),
        Message(*results, role="tool"),
        "weather in Rome",
        tools=TOOLS,
    )
    [third] = [chunk.tool_call for chunk in chunks if chunk.tool_call]
    assert len({call.id for call in (*first, third)}) == 3


async def test_a_tool_that_lacks_something_is_named_with_what_it_lacks(hear) -> None:
    said = await hear(Demo(), "Send a letter to bob@x.org", tools=TOOLS)
    assert answer(said) == (
        "I would use send_mail, but the request does not say what this is: subject, body."
    )


async def test_a_text_that_came_along_is_what_a_free_text_means(hear) -> None:
    letter = File(name="letter.txt", data="Hyvää huomenta.".encode())
    said = await hear(Demo(), Message("Translate this to English", letter), tools=TOOLS)
    assert calls(said) == [("translate", {"text": "Hyvää huomenta.", "language": "English"})]


async def test_results_are_the_answer_and_nothing_is_asked_again(hear) -> None:
    call = ToolCall(id="1", name="weather", args={"city": "Turku"})
    result = ToolResult(call_id="1", name="weather", content="7 °C, rain")
    said = await hear(
        Demo(),
        "What is the weather in Turku?",
        Message(call, role="assistant"),
        Message(result, role="tool"),
        tools=TOOLS,
    )
    assert answer(said) == "weather: 7 °C, rain"


@pytest.mark.parametrize(
    ("content", "error", "expected"),
    [
        ("no such city", True, "weather failed: no such city"),
        ("", False, "weather is done."),
        ("two\nlines", False, "weather:\n\ntwo\nlines"),
        (
            "Turku is a town. " * 40 + "The weather is fine. " + "Nothing else. " * 40,
            False,
            "weather: > The weather is fine.",
        ),
        ("Turku is a town. " * 60, False, "weather:\n\n" + "\n".join(["> Turku is a town."] * 3)),
    ],
)
async def test_a_result_is_told_as_it_is(hear, content: str, error: bool, expected: str) -> None:
    said = await hear(
        Demo(),
        "How is the weather?",
        Message(ToolCall(id="1", name="weather"), role="assistant"),
        Message(ToolResult(call_id="1", name="weather", content=content, error=error), role="tool"),
    )
    assert answer(said) == expected


STORY = """\
Ada Lovelace wrote the first program in 1843. She lived in London.

The machine was never built. Its drawings are kept in a museum.
"""


@pytest.mark.parametrize(
    "asked",
    [
        (f"What happened to the machine?\n\n```\n{STORY}```",),
        (f"<story lang='en'>{STORY}</story>\nWhat happened to the machine?",),
        (f"What happened to the machine?\n\n{STORY * 5}",),
        (f"{STORY * 5}\n\nWhat happened to the machine?",),
        (Message("What happened to the machine?", File(name="a.txt", data=STORY.encode())),),
        (Message("What happened to the machine?"), Message(STORY, agent="writer")),
        ("What happened to the machine?\n" + STORY.replace("\n", " ") * 5,),
        ("What happened to the machine? " + STORY.replace("\n", " ") * 5,),
    ],
)
async def test_a_question_about_a_text_is_answered_with_its_sentences(hear, asked) -> None:
    said = answer(await hear(Demo(), *asked))
    assert said.startswith("The text says:\n\n> The machine was never built.")
    assert "London" not in said


async def test_a_sentence_that_is_wrapped_is_quoted_whole(hear) -> None:
    wrapped = "The machine was never built, because the money that was promised for it\nnever came."
    said = await hear(Demo(), f"Why was it never built?\n```\n{wrapped}\nAnd so on.\n```")
    assert answer(said) == f"The text says:\n\n> {wrapped.replace('\n', ' ')}"


async def test_a_text_without_an_answer_has_none(hear) -> None:
    said = await hear(Demo(), f"Who repaired the bicycle?\n\n{STORY * 5}")
    assert answer(said) == "No sentence of the text has a word of your question."


@pytest.mark.parametrize("asked", ["Summarise this.", ""])
async def test_a_text_without_a_question_is_quoted_where_it_is_weightiest(hear, asked) -> None:
    machine = "The machine and the museum. " * 3
    said = answer(await hear(Demo(), asked, Message(Text(text=f"```\n{machine}{STORY}\n```"))))
    quoted = re.findall(r"^> (.+)$", said, re.MULTILINE)
    assert len(quoted) == 3
    assert all(line in f"{machine}{STORY}" for line in quoted)
    assert "machine" in quoted[0]


async def test_a_long_text_alone_is_quoted(hear) -> None:
    said = answer(await hear(Demo(), "word " * 200))
    assert said.startswith("Its weightiest sentences:")


async def test_a_file_that_is_no_text_is_no_context(hear) -> None:
    said = await hear(Demo(), Message("hi", File(name="a", data=b"\xff\xfe")))
    assert answer(said) == "I am listening."


async def test_tags_that_are_never_closed_do_no_harm(hear) -> None:
    lines = "".join([f"<t{n}>\n<br>\n" for n in range(200)])
    assert answer(await hear(Demo(), f"Which unicorn?\n\n{lines}"))


def noted(said: str) -> Message:
    return Message(f"Noted: {said}", role="assistant")


async def test_what_was_said_before_is_remembered_and_the_latest_counts(hear) -> None:
    conversation = ["Is my name Eve? My name is Ada. I live in Turku.", noted("")]
    said = await hear(Demo(), *conversation, "What is my name?", tools=TOOLS)
    assert text(said) == 'You said: "My name is Ada."'
    conversation += ["My name is Bob now.", noted("")]
    said = await hear(Demo(), *conversation, "What is my name?")
    assert text(said) == 'You said: "My name is Bob now."'
    said = await hear(Demo(), *conversation, "What is my favourite colour?")
    assert text(said) == NO_ANSWER


async def test_others_and_tools_and_instructions_are_remembered_too(hear) -> None:
    conversation = [
        Message("The train leaves at noon.", agent="bob", role="assistant"),
        Message(ToolCall(id="1", name="menu"), role="assistant", agent="ada"),
        Message(ToolResult(call_id="1", name="menu", content="Soup costs five."), role="tool"),
        Message("Fine.", role="assistant", agent="ada"),
    ]
    system = "You quote trains. The office opens at nine."
    for question, expected in {
        "When does the train leave?": 'bob said: "The train leaves at noon."',
        "What costs the soup?": 'menu said: "Soup costs five."',
        "When does the office open?": 'The instructions say: "The office opens at nine."',
    }.items():
        said = await hear(Demo(), *conversation, question, system=system, agent="ada")
        assert text(said) == expected


async def test_a_statement_is_noted_and_a_wish_it_cannot_grant_is_told_so(hear) -> None:
    assert answer(await hear(Demo(), "My name is Ada.")) == 'Noted: "My name is Ada."'
    said = answer(await hear(Demo(), "Write a haiku", tools=TOOLS[:2]))
    assert said == f"{NO_ANSWER} My tools are weather, calculator."
    assert answer(await hear(Demo())) == "I am listening."


async def test_in_a_talk_of_agents_the_last_one_asks(hear) -> None:
    talk = [
        Message("The roof leaks.", agent="bob", role="assistant"),
        Message("Why does the roof leak?", agent="eve", role="assistant"),
    ]
    assert "> The roof leaks." in answer(await hear(Demo(), *talk, agent="ada"))


async def test_it_says_what_it_is_in_its_first_answer_only(hear) -> None:
    assert "no language model" in INTRODUCTION
    first = text(await hear(Demo(), "hi"))
    assert first == f"{INTRODUCTION}\n\nI am listening."
    second = await hear(Demo(), "hi", Message(first, role="assistant"), "hi")
    assert text(second) == "I am listening."
    other = await hear(Demo(), "hi", Message(first, agent="bob"), "hi", agent="ada")
    assert text(other).startswith(INTRODUCTION)


ONE_OF_THREE = {"enum": ["writer", "critic", "editor"]}
SPEAKER = {
    "type": "object",
    "properties": {"speaker": ONE_OF_THREE},
    "required": ["speaker"],
}
ROLES = "writer: drafts stories.\neditor: polishes grammar.\ncritic: finds holes in a plot."


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("The critic should look at this.", "critic"),
        ("Who can polish the grammar?", "editor"),
        ("I need a story.", "writer"),
        ("critic, what about the grammar?", "critic"),
    ],
)
async def test_as_a_selector_it_takes_the_best_lexical_choice(hear, last, expected) -> None:
    said = await hear(Demo(), last, output=SPEAKER, system=ROLES)
    assert text(said) == f'{{"speaker": "{expected}"}}'
    said = await hear(Demo(), last, output=ONE_OF_THREE, system=ROLES)
    assert text(said) == f'"{expected}"'


async def test_of_equals_the_one_that_spoke_longest_ago_is_chosen(hear) -> None:
    talk = [Message("hm", agent=name) for name in ("writer", "editor", "critic")]
    for turn in range(3):
        said = await hear(Demo(), *talk[turn:], *talk[:turn], output=SPEAKER)
        assert text(said) == f'{{"speaker": "{talk[turn].agent}"}}'


PERSON = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "age": {"$ref": "#/$defs/Age"},
        "mail": {"anyOf": [about("", format="email"), {"type": "null"}]},
        "married": {"type": "boolean"},
        "home": {
            "type": "object",
            "properties": {"town": TEXT, "floor": {"type": ["integer", "null"]}},
            "required": ["town"],
        },
        "colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}},
        "hobbies": {"type": "array", "items": TEXT},
        "kind": {"const": "person"},
    },
    "required": ["name", "age"],
    "$defs": {"Age": {"type": "integer", "minimum": 0, "maximum": 150}},
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("My name is Ada Lovelace and I am 36.", {"name": "Ada Lovelace", "age": 36}),
        ("name: Ada, age=36", {"name": "Ada", "age": 36}),
        (
            "The year is 1852, the name is Ada, 36, not married, ada@calc.org",
            {"name": "Ada", "age": 36, "mail": "ada@calc.org", "married": False},
        ),
        (
            "name: Ada; age: 36; married: yes; town: Turku; floor 3",
            {"name": "Ada", "age": 36, "married": True, "home": {"town": "Turku", "floor": 3}},
        ),
        (
            "name: Ada; age: 36; hobbies: chess, tea and riding. She likes blue and red.",
            {
                "name": "Ada",
                "age": 36,
                "colours": ["blue", "red"],
                "hobbies": ["chess", "tea", "riding"],
            },
        ),
    ],
)
async def test_a_form_is_filled_with_what_was_said(hear, said: str, expected) -> None:
    found = json.loads(text(await hear(Demo(), said, output=PERSON)))
    assert found == expected | {"kind": "person"}


async def test_a_form_is_filled_from_the_whole_conversation(hear) -> None:
    said = await hear(Demo(), "My name is Ada, age 36.", noted(""), "Who am I?", output=PERSON)
    assert text(said) == '{"name": "Ada", "age": 36, "kind": "person"}'


@pytest.mark.parametrize(
    ("said", "output", "wrong"),
    [
        ("nothing here", PERSON, "name is missing"),
        ("name: Ada, age: 200", PERSON, "age is missing"),
        ("nothing here", {"type": "number"}, "must be number"),
        ("nothing", {"properties": {"a": SPEAKER}, "required": ["a"]}, "a is missing"),
    ],
)
async def test_a_form_that_cannot_be_filled_is_an_error_with_a_way_out(
    hear, said, output, wrong
) -> None:
    with pytest.raises(ModelRejected, match=wrong) as caught:
        await hear(Demo(), said, output=output)
    assert "city: Turku" in (caught.value.hint or "")


async def test_a_single_value_may_be_asked_for(hear) -> None:
    assert text(await hear(Demo(), "it costs 12.5", output={"type": "number"})) == "12.5"
    numbers = {"type": "array", "items": WHOLE}
    assert text(await hear(Demo(), "take 3, 4 and five", output=numbers)) == "[3, 4, 5]"


async def test_tools_come_before_the_form_they_help_to_fill(hear) -> None:
    form = {"properties": {"temperature": WHOLE}, "required": ["temperature"]}
    asked = "What is the temperature in Turku?"
    said = await hear(Demo(), asked, tools=TOOLS, output=form)
    assert calls(said) == [("weather", {"city": "Turku"})]
    call = next(chunk.tool_call for chunk in said if chunk.tool_call)
    result = ToolResult(call_id=call.id, name="weather", content="temperature: 7")
    said = await hear(
        Demo(),
        asked,
        Message(call, role="assistant"),
        Message(result, role="tool"),
        tools=TOOLS,
        output=form,
    )
    assert text(said) == '{"temperature": 7}'


async def test_a_tool_that_must_be_asked_for_is_asked_for(hear) -> None:
    said = await hear(Demo(), "in Oslo", tools=TOOLS, tool_choice="weather")
    assert calls(said) == [("weather", {"city": "Oslo"})]
    said = await hear(Demo(), "so 3*4 it is", tools=TOOLS, tool_choice="required")
    assert calls(said) == [("calculator", {"expression": "3*4"})]
    said = await hear(Demo(), "weather in Oslo", tools=TOOLS, tool_choice="none")
    assert calls(said) == []


async def test_a_tool_that_must_be_asked_for_and_cannot_is_an_error(hear) -> None:
    with pytest.raises(ModelRejected, match="does not say what this is: a, b") as caught:
        await hear(Demo(), "hi", tools=TOOLS, tool_choice="add")
    assert caught.value.hint
    with pytest.raises(ModelRejected, match="'nope', is not offered") as caught:
        await hear(Demo(), "hi", tools=TOOLS[:1], tool_choice="nope")
    assert caught.value.hint == "Offered: weather."
    with pytest.raises(ModelRejected, match="not offered"):
        await hear(Demo(), "hi", tool_choice="required")


DAY = about("", format="date")
MOMENT = about("", format="date-time")
HOUR = about("", format="time")
SIZES = {"type": "array", "items": {"type": "number"}}
THINGS = {"type": "array", "items": {"type": "object"}}


@pytest.mark.parametrize(
    ("name", "field", "said", "found"),
    [
        ("day", DAY, "on 2026-11-20", "2026-11-20"),
        ("day", DAY, "on 20th of November 2026", "2026-11-20"),
        ("day", DAY, "on Nov. 20, 2026", "2026-11-20"),
        ("day", DAY, "on 20.11.2026", "2026-11-20"),
        ("day", DAY, "on 31 February 2026 or 3 bananas 2026", None),
        ("day", DAY, "tomorrow", None),
        ("day", TEXT, "maybe tomorrow", "tomorrow"),
        ("start", MOMENT, "on Nov 20, 2026 at 5pm", "2026-11-20T17:00:00"),
        ("start", MOMENT, "on Nov 20, 2026", "2026-11-20T00:00:00"),
        ("start", MOMENT, "at 5pm", None),
        ("hour", HOUR, "at 14:30:05", "14:30:05"),
        ("hour", HOUR, "at 5:15 am", "05:15:00"),
        ("hour", HOUR, "at 25:00, in 12 apples", None),
        ("time", TEXT, "by 12 pm", "12:00:00"),
        ("link", TEXT, "see www.example.com/a,", "www.example.com/a"),
        ("sizes", SIZES, "sizes: 3, 4.5 and 6. No 7", [3, 4.5, 6]),
        ("sizes", SIZES, "sizes: none", None),
        ("flags", {"type": "array", "items": {"type": "boolean"}}, "flags: yes, no", None),
        ("home", {"properties": {"town": TEXT}}, "home: Oslo, town: Rome", {"town": "Rome"}),
        ("things", THINGS, "things: a and b", None),
        ("extra", {"anyOf": [WHOLE, TEXT]}, "extra: 5", 5),
        ("extra", {"anyOf": [WHOLE, TEXT]}, "extra: salt", "salt"),
        ("version", TEXT, "the version is 4.5 and more", "4.5"),
        ("loud", {"type": "boolean"}, "loud=no", False),
        ("loud", {"type": "boolean"}, "loud = perhaps", True),
        ("loud", {"type": "boolean"}, "be loud", True),
        ("loud", {"type": "boolean"}, "don't be loud", False),
        ("is_x", {"type": "boolean"}, "x is it", None),
        ("x", WHOLE, "x = 3, x marks", 3),
        ("a", TEXT, "a Turku", None),
        ("limit", WHOLE | {"description": "How many results"}, "in 2026, 5 results", 5),
        ("years", WHOLE, "4 results", None),
        ("from_town", TEXT, "from Oslo to Turku", "Oslo"),
        ("total", {"description": "A formula"}, "3 - 1", "3-1"),
        ("total", {"description": "A formula"}, "(1 + 2", None),
        ("total", {"description": "A formula"}, "* 7 *", None),
        ("total", {"description": "A formula"}, "on 2026-11-20", None),
        ("any", True, "any: thing goes", "thing goes"),
        ("sign", {"enum": ["+", "-", None, True]}, "use + here", "+"),
    ],
)
async def test_what_is_named_or_has_a_shape_is_found(hear, name, field, said, found) -> None:
    given = json.loads(text(await hear(Demo(), said, output={"properties": {name: field}})))
    assert given == ({} if found is None else {name: found})


async def test_an_answer_may_be_cut_at_a_number_of_tokens(hear) -> None:
    chunks = await hear(Demo(), "hi", max_tokens=3)
    assert [chunk.stop for chunk in chunks] == [None, None, None, "max_tokens"]
    assert chunks[-1].usage.output == 3


async def test_it_says_what_it_read_and_wrote_in_words(hear) -> None:
    usage = (await hear(Demo(), "one two three", system="be short"))[-1].usage
    assert usage.input == 5
    assert usage.output == len(f"{INTRODUCTION} {NO_ANSWER}".split())
