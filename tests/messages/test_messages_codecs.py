"""Codecs: what was written as dicts, JSON or Markdown reads back identically."""

import datetime
import decimal
import enum
import json
import pathlib
import sys
import zoneinfo
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import MessageError
from retinue.messages import (
    Audio,
    Block,
    ErrorMessage,
    File,
    Frozen,
    Image,
    Message,
    Messages,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.messages.codecs import (
    from_json,
    from_markdown,
    message_from_dict,
    message_to_dict,
    part_from_dict,
    part_to_dict,
    to_json,
    to_markdown,
)


class Mood(enum.Enum):
    GOOD = "good"
    MIXED = ("a", 1)


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Cost:
    dollars: decimal.Decimal
    note: str | None = None


class Place(pydantic.BaseModel, frozen=True):
    name: str


class Ref(Frozen):
    to: str


class Parcel(Message):
    number: int
    due: datetime.date | None = None
    mood: Mood = Mood.GOOD
    about: Message | None = None


NASTY = st.sampled_from(
    [
        "user",
        "User",
        "assistant / some-model",
        "system",
        " tool ",
        "====",
        "========================================",
        "  ===",
        "\\====",
        "\\\\====",
        "<!-- end -->",
        "<!-- torn -->",
        "\\<!-- end -->",
        '<!-- retinue {"id": "x"} -->',
        "<!-- retinue",
        "<!--",
        "-->",
        "--!>",
        "```",
        "~~~",
        "# user",
        "",
        " ",
        "\t",
        "\r",
        "\r\n",
        "\x0c",
        "\x85",
        "\u2028",
        "\ufeff",
        "\0",
        "ü\U0001f600",
        "\ud800",
        "words",
    ]
)
TEXTS = st.one_of(
    st.lists(NASTY, max_size=8).map("\n".join),
    st.lists(NASTY, max_size=8).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=20),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.binary(max_size=8),
    st.complex_numbers(),
    st.decimals(),
    st.uuids(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.timedeltas(),
    st.sampled_from([Mood.GOOD, Mood.MIXED, Level.LOW | Level.HIGH]),
    st.sampled_from(
        [pathlib.Path("a/b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("c:/x")]
    ),
    st.frozensets(st.integers() | st.text(max_size=3) | st.binary(max_size=3), max_size=3),
    st.builds(Cost, st.decimals(allow_nan=False)),
    st.builds(Place, name=st.text(max_size=3)),
    st.builds(Ref, to=st.text(max_size=3), extra=st.dates()),
)
KEYS = st.one_of(
    st.text(max_size=6), st.sampled_from(["$date", "$$date", "$", "text", "type", "v"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
SOURCES = st.none() | st.sampled_from(["user", "model:m"])
PARTS = st.one_of(
    st.builds(Text, text=TEXTS, source=SOURCES),
    st.builds(Image, data=st.none() | st.binary(max_size=8), url=st.none() | TEXTS),
    st.builds(Audio, data=st.binary(max_size=8), media_type=st.just("audio/mp3")),
    st.builds(File, name=TEXTS, data=st.binary(max_size=8), source=SOURCES),
    st.builds(Thinking, text=TEXTS, signature=st.none() | TEXTS),
    st.builds(ToolCall, id=TEXTS, name=TEXTS, args=st.dictionaries(KEYS, VALUES, max_size=2)),
    st.builds(
        ToolResult,
        call_id=TEXTS,
        name=TEXTS,
        content=TEXTS
        | st.lists(st.builds(Text, text=TEXTS) | st.builds(Image, url=TEXTS), max_size=2),
        error=st.booleans(),
    ),
    st.builds(Block, vendor=TEXTS, data=VALUES),
)
ROLES = st.one_of(st.sampled_from(["system", "user", "assistant", "tool"]), TEXTS)
NAMES = st.one_of(
    st.sampled_from(
        ["model", "topic", "usage", "v", "type", "class", "$class", "$x", "parts_", "end"]
    ),
    st.from_regex(r"[a-z][a-z0-9_ /$>-]{0,8}", fullmatch=True).filter(
        lambda name: name not in dir(Message) and name not in ("role", "agent", "parts", "self")
    ),
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    metadata = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    if draw(st.booleans()):
        metadata["model"] = draw(st.sampled_from(["gpt/4", "claude-x", "a b", "", "-->", "x\n"]))
    if draw(st.integers(0, 5)) == 0:
        metadata["inner"] = [draw(messages())]
    return draw(st.sampled_from([Message, Message, Message, ErrorMessage]))(
        parts=draw(st.lists(PARTS, max_size=3) | st.builds(Text, text=TEXTS).map(lambda t: [t])),
        role=draw(ROLES),
        agent=draw(st.none() | TEXTS),
        **metadata,
    )


def same(one: Message, other: Message) -> bool:
    return type(one) is type(other) and one == other and one.id == other.id


@settings(max_examples=100, deadline=None)
@given(messages())
def test_a_message_comes_back_from_its_dict(message: Message) -> None:
    form = message_to_dict(message)
    assert same(message_from_dict(form), message)
    assert same(message_from_dict(json.loads(json.dumps(form))), message)
    assert json.loads(json.dumps(form, allow_nan=False)) == form


@settings(max_examples=50, deadline=None)
@given(st.lists(messages(), max_size=3))
def test_messages_come_back_from_their_json(some: list[Message]) -> None:
    text = to_json(some)
    assert "\n" not in text
    again = from_json(text)
    assert isinstance(again, Messages)
    assert all(same(one, two) for one, two in zip(again, some, strict=True))
    assert all(same(one, two) for one, two in zip(from_json(text.encode()), some, strict=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(messages(), max_size=4))
def test_messages_come_back_from_their_markdown(some: list[Message]) -> None:
    text = to_markdown(some)
    again = from_markdown(text.encode().decode())
    assert len(again) == len(some)
    assert all(same(one, two) for one, two in zip(again, some, strict=True))
    assert to_markdown(again) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(Message, TEXTS.filter(lambda t: "\r" not in t)), max_size=3))
def test_an_editor_that_changes_all_line_ends_changes_no_message(some: list[Message]) -> None:
    text = to_markdown(some).replace("\n", "\r\n")
    again = from_markdown(text)
    assert all(same(one, two) for one, two in zip(again, some, strict=True))


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_a_part_comes_back_from_its_dict(part: Part) -> None:
    form = part_to_dict(part)
    assert form["type"] in {
        *("text", "image", "audio", "file", "thinking", "tool_call", "tool_result", "block")
    }
    assert Message(part_from_dict(form)) == Message(part)
    assert Message(part_from_dict(json.loads(json.dumps(form)))) == Message(part)


def test_the_forms_are_what_they_are_said_to_be() -> None:
    message = Message(
        "hi", Image(data=b"x"), role="tool", agent="bob", id="1", due=datetime.date(2026, 11, 20)
    )
    assert message_to_dict(message) == {
        "id": "1",
        "role": "tool",
        "agent": "bob",
        "parts": [
            {"type": "text", "text": "hi"},
            {"type": "image", "media_type": "image/png", "data": "eA=="},
        ],
        "due": {"$date": "2026-11-20"},
    }
    assert to_json(Message("ü", id="1")) == (
        '{"v": 1, "messages": [{"id": "1", "role": "user",'
        ' "parts": [{"type": "text", "text": "ü"}]}]}'
    )
    assert to_markdown(Message("hi", id="1", role="assistant", model="m", agent="a>b")) == (
        '<!-- retinue {"id": "1", "agent": "a\\u003eb"} -->\n'
        "assistant / m\n"
        "========================================\n"
        "\n"
        "hi\n"
        "\n"
        "<!-- end -->\n"
    )


def test_words_alone_are_enough_of_a_dict() -> None:
    assert message_from_dict({"text": "hi", "n": 1}) == Message("hi", n=1)
    assert message_from_dict({}) == Message()


def test_zones_and_folds_come_back() -> None:
    helsinki = zoneinfo.ZoneInfo("Europe/Helsinki")
    at = datetime.datetime(2026, 10, 25, 3, 30, tzinfo=helsinki, fold=1)
    then = datetime.time(3, 30, tzinfo=helsinki, fold=1)
    again = message_from_dict(message_to_dict(Message(at=at, then=then)))
    assert (again.at, again.at.tzinfo, again.at.fold) == (at, helsinki, 1)
    assert (again.then, again.then.tzinfo, again.then.fold) == (then, helsinki, 1)


def test_declared_messages_come_back_by_the_name_of_their_class() -> None:
    ticket = Parcel(
        "do", number=1, due=datetime.date(2026, 1, 2), mood=Mood.MIXED, about=Message("x")
    )
    assert message_to_dict(ticket)["$class"] == f"{Parcel.__module__}:Parcel"
    for again in (
        message_from_dict(message_to_dict(ticket)),
        from_json(to_json(ticket))[0],
        from_markdown(to_markdown(ticket))[0],
    ):
        assert same(again, ticket)
        assert again.about.id == ticket.about.id


def test_classes_that_are_given_come_first() -> None:
    def make(name: str) -> type[Message]:
        return type(Message)(name, (Message,), {})

    one, two = make("Twin"), type(Message)("Twin", (Message,), {"__qualname__": "other.Twin"})
    data = {"$class": "Twin", "text": "x"}
    with pytest.raises(MessageError, match="Several"):
        message_from_dict(data)
    assert type(message_from_dict(data, classes=[one])) is one
    assert type(message_from_dict(data, classes=[two])) is two
    again = make("Twin")
    assert type(message_from_dict(data, classes=[again])) is again


def test_of_a_class_that_was_defined_anew_the_latest_is_meant() -> None:
    old = type(Message)("Anew", (Message,), {})
    new = type(Message)("Anew", (Message,), {})
    assert type(message_from_dict({"$class": "Anew"})) is new is not old


def test_nothing_is_imported_because_data_say_so() -> None:
    before = set(sys.modules)
    for name in (
        "antigravity",
        "this:Zen",
        "os:system",
        "pathlib:Path",
        "builtins:object",
        "subprocess:Popen",
        "Unknown",
        ":",
        "",
    ):
        for data in (
            {"$class": name},
            {"v": {"$data": [name, {}]}},
            {"v": {"$enum": [name, 1]}},
            {"v": {"$record": [name, {}]}},
        ):
            with pytest.raises(MessageError):
                message_from_dict(data)
    moved = message_from_dict({"$class": "antigravity:Parcel", "number": 1})
    assert type(moved) is Parcel, "the only one of that name"
    assert set(sys.modules) == before


MALFORMED: list[Any] = [
    {"parts": 5},
    {"parts": ["x"]},
    {"parts": [{}]},
    {"parts": [{"type": 5}]},
    {"parts": [{"type": "hologram"}]},
    {"parts": [{"type": "text"}]},
    {"parts": [{"type": "text", "text": 5}]},
    {"parts": [{"type": "text", "text": "x", "more": 1}]},
    {"parts": [{"type": "image", "data": "no base64"}]},
    {"parts": [{"type": "image", "data": 5}]},
    {"parts": [{"type": "file"}]},
    {"parts": [{"type": "tool_call", "id": "1", "name": "t", "args": "x"}]},
    {"parts": [{"type": "tool_result", "call_id": "1", "name": "t", "content": 5}]},
    {"parts": [{"type": "tool_result", "call_id": "1", "name": "t", "content": [5]}]},
    {"parts": [{"type": "tool_result", "call_id": "1", "name": "t", "error": "yes"}]},
    {"parts": [{"type": "text", "text": None}]},
    {"role": 5},
    {"id": 5},
    {"agent": []},
    {"text": 5},
    {"_private": 1},
    {"hash": "fake"},
    {"$class": 5},
    {"$class": []},
    {"$class": "NoSuchClass"},
    {"$class": "Parcel"},
    {"$class": "Ref"},
    {"$other": 1},
    {"v": {"$nope": 1}},
    {"v": {"$date": "2026-01-01", "more": 1}},
    {"v": {"a": 1, "$b": 1}},
    {"v": {"$date": "yesterday"}},
    {"v": {"$date": 5}},
    {"v": {"$datetime": "2026-01-01"}},
    {"v": {"$datetime": ["2026-01-01", 0, "No/Zone"]}},
    {"v": {"$time": []}},
    {"v": {"$timedelta": [1]}},
    {"v": {"$decimal": "x"}},
    {"v": {"$uuid": "x"}},
    {"v": {"$float": "1.0"}},
    {"v": {"$float": "x"}},
    {"v": {"$bytes": "?"}},
    {"v": {"$complex": [1]}},
    {"v": {"$complex": ["x", 1]}},
    {"v": {"$set": 5}},
    {"v": {"$enum": ["Mood", "bad"]}},
    {"v": {"$enum": ["NoEnum", "bad"]}},
    {"v": {"$enum": "Mood"}},
    {"v": {"$data": ["Cost", {}]}},
    {"v": {"$data": ["Loose", {}]}},
    {"v": {"$record": ["Ref", {}]}},
    {"v": {"$message": {"parts": 5}}},
    {"v": {"$message": 5}},
    {1: 2},
]


@pytest.mark.parametrize("data", MALFORMED, ids=repr)
def test_malformed_data_are_an_error_with_a_hint(data: Any) -> None:
    with pytest.raises(MessageError) as caught:
        message_from_dict(data)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        "[]",
        "{}",
        '{"v": 2, "messages": []}',
        '{"v": "1", "messages": []}',
        '{"v": true, "messages": []}',
        '{"v": 1}',
        '{"v": 1, "messages": 5}',
        '{"v": 1, "messages": [5]}',
        '{"v": 1, "messages": [{"n": NaN}]}',
        '{"v": 1, "messages": [{"parts": 5}]}',
        b"\xff",
        '{"v": 1, "messages": [{"n": ' + 10_000 * "[" + 10_000 * "]" + "}]}",
    ],
    ids=lambda text: repr(text)[:40],
)
def test_json_that_is_none_of_ours_is_an_error_with_a_hint(text: Any) -> None:
    with pytest.raises(MessageError) as caught:
        from_json(text)
    assert caught.value.hint


def test_values_nested_too_deep_are_an_error_with_a_hint() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(MessageError) as caught:
        message_from_dict({"v": deep})
    assert caught.value.hint


# -- Markdown, as people write it


def test_a_file_without_any_comments_reads_sensibly() -> None:
    text = (
        "# A title, which is no message\n\n"
        "user\n====\n\nhi\n\n\n"
        "assistant / model-x\n=======\nhello,\n\n  there  \n\n"
        "System\n===\nbe kind\n"
        "TOOL/calculator\n=====\n4\n"
        "user\n====\n\n\n"
    )
    for read in (text, text.replace("\n", "\r\n"), "\ufeff" + text, text.rstrip()):
        found = from_markdown(read)
        assert [(m.role, m.text) for m in found] == [
            ("user", "hi"),
            ("assistant", "hello,\n\n  there  "),
            ("system", "be kind"),
            ("tool", "4"),
        ]
        assert [m.metadata.get("model") for m in found] == [None, "model-x", None, "calculator"]


def test_ids_of_what_was_written_by_hand_depend_on_what_it_says() -> None:
    text = "user\n====\nhi\n\nuser\n====\nhi\n\nassistant\n====\nhi\n"
    first, second, third = from_markdown(text)
    assert [m.id for m in from_markdown(text)] == [first.id, second.id, third.id]
    assert len({first.id, second.id, third.id}) == 3
    assert all(len(m.id) == 26 for m in (first, second, third))
    longer = from_markdown(f"system\n===\nnew\n\n{text}")
    assert [m.id for m in longer[1:]] == [first.id, second.id, third.id]


def test_what_a_person_changes_is_what_is_read() -> None:
    text = to_markdown([Message("old words", id="1", agent="bob"), Message("other", id="2")])
    edited = text.replace("old words", "new\n\nwords").replace("user\n===", "system / m\n===", 1)
    first, second = from_markdown(edited)
    assert (first.text, first.role, first.model, first.agent, first.id) == (
        "new\n\nwords",
        "system",
        "m",
        "bob",
        "1",
    )
    assert (second.text, second.id) == ("other", "2")


def test_what_a_person_adds_below_a_message_belongs_to_it() -> None:
    text = to_markdown([Message("one", id="1"), Message(ToolCall(id="c", name="t"), id="2")])
    edited = text.replace("<!-- end -->\n", "<!-- end -->\n\nmore\n", 1) + "\nand this\n"
    first, second = from_markdown(edited)
    assert first.text == "one\n\nmore"
    assert (second.text, len(second.tool_calls)) == ("and this", 1)


def test_messages_may_be_written_by_hand_between_others() -> None:
    text = to_markdown([Message("one", id="1"), Message("three", id="3")])
    at = text.index("<!-- retinue", 5)
    edited = f"{text[:at]}user\n====\ntwo\n\n{text[at:]}assistant\n===\nfour"
    assert [m.text for m in from_markdown(edited)] == ["one", "two", "three", "four"]


def test_a_missing_end_mark_is_no_harm_where_another_message_follows() -> None:
    text = to_markdown([Message("one\n", id="1"), Message("two", id="2")])
    edited = text.replace("<!-- end -->\n", "", 1)
    assert [m.text for m in from_markdown(edited)] == ["one", "two"]
    by_hand = text.replace("<!-- end -->\n", "user\n====\nby hand\n", 1)
    assert [m.text for m in from_markdown(by_hand)] == ["one", "by hand", "two"]


def test_marks_without_a_message_are_passed_over() -> None:
    assert [m.text for m in from_markdown("<!-- end -->\nuser\n===\nhi\n<!-- end -->\nyou")] == [
        "hi\nyou"
    ]
    assert [m.text for m in from_markdown("<!-- torn -->\nuser\n===\nhi\n<!-- torn -->\n")] == [
        "hi"
    ]


def test_blank_lines_between_our_comment_and_the_heading_do_not_matter() -> None:
    text = to_markdown(Message("hi", id="1")).replace("-->\nuser", "-->\n\n\nuser")
    assert [(m.text, m.id) for m in from_markdown(text)] == [("hi", "1")]


def test_an_empty_text_holds_no_messages_and_any_other_must_hold_one() -> None:
    assert from_markdown("") == from_markdown(" \n\n") == ()
    with pytest.raises(MessageError) as caught:
        from_markdown("# README\n\nSome document.\n")
    assert "user" in str(caught.value.hint)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('{"id"', '{"id', 1),
        lambda text: text.replace("-->\nuser", "->\nuser", 1),
        lambda text: text.replace("user\n====", "====", 1),
        lambda text: text.replace("user\n====", "- user -\n====", 1),
        lambda text: text.replace('"id": "1"', '"id": 1', 1),
        lambda text: text.replace('"id": "1"', '"parts": 5', 1),
        lambda text: text.replace('"id": "1"', '"parts": [{"type": "text"}, 5]', 1),
        lambda text: text.replace('{"id": "1"}', "{" * 3000 + "}" * 3000, 1),
    ],
)
def test_a_damaged_comment_is_an_error_that_names_its_line(damage: Any) -> None:
    text = to_markdown([Message("zero", id="0"), Message("one", id="1"), Message("two", id="2")])
    at = text.index('"1"') - 30
    damaged = text[:at] + damage(text[at:])
    assert damaged != text
    with pytest.raises(MessageError, match="Line 9") as caught:
        from_markdown(damaged)
    assert caught.value.hint


@settings(max_examples=15, deadline=None)
@given(st.lists(messages(), min_size=1, max_size=2))
def test_a_message_that_is_cut_anywhere_harms_no_other(some: list[Message]) -> None:
    whole = to_markdown(some).encode()
    before = len(to_markdown(some[:-1]).encode())
    for at in range(before + 1, len(whole), 1 + (len(whole) - before) // 60):
        check_cut(whole, at, some)
    for at in range(max(before + 1, len(whole) - 20), len(whole)):
        check_cut(whole, at, some)


def check_cut(whole: bytes, at: int, some: list[Message]) -> None:
    cut = whole[:at].decode(errors="ignore")
    kept = some if whole[at:].strip() == b"" else some[:-1]
    again = from_markdown(cut)
    assert len(again) == len(kept)
    assert all(same(one, two) for one, two in zip(again, kept, strict=True))
    if kept is not some:
        mended = from_markdown(f"{cut}\n<!-- torn -->\n\n{to_markdown(some[-1])}")
        assert len(mended) == len(some)
        assert all(same(one, two) for one, two in zip(mended, some, strict=True))
