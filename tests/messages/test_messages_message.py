"""Message: who said what, unable to change; its id, its hash, its subclasses."""

import copy
import pickle
import re
import time
from enum import StrEnum
from typing import Any, ClassVar, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, PrivateAttr, field_validator, model_validator

from retinue.errors import MessageError
from retinue.messages import (
    ErrorMessage,
    Image,
    Message,
    Messages,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    chained_hash,
    new_id,
)

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


class Errand(Message):
    number: int
    tags: list[str] = Field(default_factory=list)
    about: Message | None = None


class Reply(Message):
    role: str = "assistant"


class Polite(Message):
    @field_validator("role")
    @classmethod
    def known(cls, role: str) -> str:
        if role not in ("user", "assistant"):
            raise ValueError("unknown role")
        return role


class Strict(Message, extra="forbid"):
    pass


class Counted(Errand):
    """Declares nothing of its own."""


class Named(Message):
    """Declares nothing at all: it is no model."""

    KIND: ClassVar[str] = "named"
    color = "red"

    @property
    def shout(self) -> str:
        return self.text.upper()


class NamedErrand(Named):
    number: int = 7


class Role(StrEnum):
    TOOL = "tool"


def test_a_message_is_words_parts_role_agent_and_metadata() -> None:
    image = Image(url="u")
    message = Message("a", image, "b", role="assistant", agent="bob", topic="t", n=[1, {"b": 2}])
    assert message.parts == (Text(text="a"), image, Text(text="b"))
    assert (message.text, str(message)) == ("ab", "ab")
    assert (message.role, message.agent, message.topic) == ("assistant", "bob", "t")
    assert message.metadata == {"topic": "t", "n": (1, {"b": 2})}
    assert message["n"] == (1, {"b": 2})
    assert message.content() == {
        "role": "assistant",
        "parts": message.parts,
        "agent": "bob",
        "topic": "t",
        "n": (1, {"b": 2}),
    }


def test_words_come_in_three_ways() -> None:
    assert Message("hi") == Message(text="hi") == Message(parts=[Text(text="hi")])
    assert Message("a", text="b").text == "ab"
    assert Message().parts == ()
    assert Message("").parts == (Text(text=""),)
    assert Message(parts=(Text(text=t) for t in "ab")).text == "ab"


def test_calls_and_results_of_tools_are_found() -> None:
    call = ToolCall(id="1", name="t")
    result = ToolResult(call_id="1", name="t", content="ok")
    message = Message("x", call, result, Thinking(text="hm"))
    assert message.tool_calls == (call,)
    assert message.tool_results == (result,)
    assert message.text == "x"


@pytest.mark.parametrize("bad", [5, None, b"x", [], {"type": "text"}, Message("x")])
def test_what_is_no_part_is_refused(bad: Any) -> None:
    with pytest.raises(MessageError, match="no part"):
        Message("a", bad)


@pytest.mark.parametrize("name", ["role", "agent", "id"])
def test_role_agent_and_id_are_text(name: str) -> None:
    fields: Any = {name: ["list"]}
    with pytest.raises(MessageError, match=name):
        Message("x", **fields)
    fields = {name: Role.TOOL}
    kept = getattr(Message("x", **fields), name)
    assert (kept, type(kept)) == ("tool", str)


def test_an_id_of_another_kind_is_refused_by_declared_messages_too() -> None:
    with pytest.raises(MessageError, match="id"):
        Errand(number=1, id=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["_id", "_hash", "", "__dict__", "hash", "metadata", "as_promise"])
def test_metadata_cannot_pass_for_something_of_the_message(name: str) -> None:
    for make in (Message, lambda **values: Errand(number=1, **values)):
        with pytest.raises(MessageError) as caught:
            make(**{name: "fake"})
        assert caught.value.hint


def test_words_under_their_foreign_name_are_no_silent_metadata() -> None:
    with pytest.raises(MessageError) as caught:
        Message(role="user", content="hi")  # type: ignore[arg-type]
    assert "text" in str(caught.value.hint)
    assert Message(self="a", cls="b").metadata == {"self": "a", "cls": "b"}


def test_nothing_about_a_message_changes() -> None:
    for message in (Message("x", n=1), Errand("x", number=1)):
        for name in ("role", "n", "number", "new", "_id", "_hash"):
            with pytest.raises(AttributeError):
                setattr(message, name, 2)
        with pytest.raises(AttributeError):
            del message.role
        with pytest.raises(TypeError):
            message.metadata["n"] = 2  # type: ignore[index]


def test_ids_tell_occurrences_apart_and_hashes_content() -> None:
    one, two = Message("hi"), Message("hi")
    assert one == two
    assert one.hash == two.hash
    assert one.id != two.id
    assert one.id == one.id
    assert ULID.fullmatch(one.id)
    assert Message("x", id="mine").id == "mine"
    assert Message("x", id="mine") == Message("x")
    assert len({one, two}) == 1


def test_ids_sort_by_time() -> None:
    before = new_id()
    limit = time.monotonic() + 5
    while new_id()[:10] == before[:10]:
        assert time.monotonic() < limit
    assert before < new_id()


def test_content_is_role_agent_class_and_every_part() -> None:
    some = [
        Message("hi"),
        Message("hi", role="tool"),
        Message("hi", agent="bob"),
        Message("hi", extra=None),
        Message("h", "i"),
        Message(Thinking(text="hi")),
        Message(Text(text="hi", source="user")),
        Named("hi"),
        ErrorMessage("hi"),
    ]
    assert len({message.hash for message in some}) == len(some)
    assert Message("hi") != Named("hi")
    assert Message("hi") != "hi"


def test_the_representation_shows_what_is_not_default() -> None:
    message = Message("hi", Image(url="u"), role="tool", agent="bob", n=1)
    assert repr(message) == (
        "Message(text='hi', Image(media_type='image/png', url='u', source=None), n=1,"
        " role='tool', agent='bob')"
    )
    assert repr(Message()) == "Message(text='')"
    assert repr(Message(ToolCall(id="1", name="t"))).startswith("Message(ToolCall(")
    assert repr(Errand(number=1)) == "Errand(text='', number=1, tags=(), about=None)"


def test_replacing_gives_a_new_occurrence_of_the_same_class() -> None:
    ticket = Errand("old", Image(url="u"), number=1, agent="bob", note="n")
    other = ticket.replaced(text="new", number=2)
    assert type(other) is Errand
    assert (other.text, other.number, other.agent, other.note) == ("new", 2, "bob", "n")
    assert other.parts == (Text(text="new"),)
    assert other.id != ticket.id
    assert (ticket.text, ticket.number) == ("old", 1)
    assert ticket.replaced(role="tool").parts == ticket.parts


@pytest.mark.parametrize(
    "message",
    [Message("x", n=[1]), Message(), Errand("x", number=1, about=Message("y")), ErrorMessage("e")],
    ids=repr,
)
def test_copies_are_the_message_itself_and_pickles_the_same_occurrence(message: Message) -> None:
    assert copy.copy(message) is message
    assert copy.deepcopy(message) is message
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(message, protocol))
        assert type(again) is type(message)
        assert (again, again.id, again.hash) == (message, message.id, message.hash)
        assert again.as_promise is not message.as_promise


def test_declared_fields_are_checked_and_frozen() -> None:
    ticket = Errand("do", number=1, tags=["a"], other={"b": [1]})
    assert (ticket.number, ticket.tags, ticket.other) == (1, ("a",), {"b": (1,)})
    assert ticket.metadata == {"number": 1, "tags": ("a",), "about": None, "other": {"b": (1,)}}
    assert (ticket.text, ticket.role) == ("do", "user")
    assert isinstance(ticket, pydantic.BaseModel)
    for wrong in ({}, {"number": "many"}, {"number": 1, "tags": 5}):
        with pytest.raises(pydantic.ValidationError):
            Errand(**wrong)  # type: ignore[arg-type]
    with pytest.raises(MessageError):
        Errand(number=1, other={1, 2})
    assert ticket.hash != Message("do", number=1, tags=["a"], about=None, other={"b": [1]}).hash


def test_a_subclass_may_have_another_default_role() -> None:
    assert (Reply("x").role, Reply("x", role="tool").role) == ("assistant", "tool")
    assert Reply("x").parts == (Text(text="x"),)

    class Fixed(Message):
        role: Literal["system"] = "system"  # type: ignore[assignment]
        agent: str | None = "bot"

    assert (Fixed("x").role, Fixed("x").agent) == ("system", "bot")
    with pytest.raises(pydantic.ValidationError):
        Fixed("x", role="user")


def test_validators_private_fields_aliases_and_settings_of_subclasses_work() -> None:
    with pytest.raises(pydantic.ValidationError):
        Polite("x", role="rude")
    with pytest.raises(pydantic.ValidationError):
        Strict("x", other=1)
    assert Strict("x").text == "x"

    class Noted(Message):
        number: int = Field(alias="No", default=0)
        _kept: int = PrivateAttr(default=5)

        @model_validator(mode="after")
        def check(self) -> "Noted":
            if self.number > 9:
                raise ValueError("too many")
            return self

    assert (Noted(No=3).number, Noted(No=3)._kept) == (3, 5)
    with pytest.raises(pydantic.ValidationError):
        Noted(No=10)

    class Configured(Message):
        model_config = pydantic.ConfigDict(str_strip_whitespace=True)
        name: str

    assert Configured(name=" a ").name == "a"


def test_subclasses_of_subclasses_work() -> None:
    assert Counted(number=1).number == 1
    assert Named("a", color="blue").color == "blue"
    assert (Named("a").color, Named("a").shout) == ("red", "A")
    assert not isinstance(Named("a"), pydantic.BaseModel)
    assert (NamedErrand("a").number, NamedErrand("a").shout) == (7, "A")
    with pytest.raises(pydantic.ValidationError):
        NamedErrand("a", number="x")  # type: ignore[arg-type]


def test_attributes_that_are_not_there_are_attribute_errors() -> None:
    for message in (Message("x", n=1), Errand(number=1, n=1)):
        assert message.n == 1
        with pytest.raises(AttributeError):
            _ = message.nope
        with pytest.raises(KeyError):
            message["nope"]


def test_messages_join_their_texts_and_show_as_a_tuple() -> None:
    some = Messages([Message("a"), Message(), Message("b"), Message(Image(url="u"))])
    assert str(some) == some.text == "a\n\nb"
    assert repr(some) == f"({', '.join(repr(message) for message in some)})"
    assert some == tuple(some)
    more = some + (Message("c"),)  # noqa: RUF005 - this is what is tested
    assert more == (*some, Message("c"))
    assert type(more) is Messages
    assert pickle.loads(pickle.dumps(some)) == some


MESSAGES = st.lists(
    st.builds(Message, st.text(max_size=3), role=st.sampled_from(["user", "tool"])), max_size=6
)


@given(MESSAGES, st.integers(0, 6))
def test_the_hash_of_a_history_can_be_taken_up_where_it_was(some: list[Message], at: int) -> None:
    whole = chained_hash(some)
    assert chained_hash(some[at:], before=chained_hash(some[:at])) == whole
    if some:
        assert chained_hash(some[:-1]) != whole
        assert chained_hash([*some, Message("more")]) != whole


def test_the_hash_of_a_history_is_of_its_order_and_its_limits() -> None:
    a, b = Message("a"), Message("b")
    assert chained_hash([a, b]) != chained_hash([b, a])
    assert chained_hash([Message("ab")]) != chained_hash([a, b])
    assert chained_hash([]) == ""
