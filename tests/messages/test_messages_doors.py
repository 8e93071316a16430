"""Pydantic's own doors lead into messages and out of them, whether they are models or not."""

import datetime
import subprocess
import sys

import pydantic
import pytest

from retinue.messages import Image, Message, Text, Thinking
from retinue.messages.codecs import message_to_dict


class Order(Message):
    due: datetime.date
    about: Message | None = None


class Urgent(Order):
    level: int = 1


class Holder(pydantic.BaseModel):
    message: Message
    more: list[Message] = []
    order: Order | None = None


SOME = [
    Message("hi", Image(data=b"x"), Thinking(text="hm", signature="s"), agent="bob", n={"$a": [1]}),
    Message(),
    Order("do", due=datetime.date(2026, 1, 2), about=Message("it")),
    Urgent("now", due=datetime.date(2026, 1, 2), level=3),
]


@pytest.mark.parametrize("message", SOME, ids=repr)
def test_what_is_dumped_is_validated_into_the_same_message(message: Message) -> None:
    cls = type(message)
    for again in (
        cls.model_validate(message.model_dump(mode="json")),
        cls.model_validate(message.model_dump()),
        cls.model_validate_json(message.model_dump_json()),
        Message.model_validate(message.model_dump()),
        pydantic.TypeAdapter(Message).validate_json(message.model_dump_json()),
    ):
        assert type(again) is cls
        assert (again, again.id) == (message, message.id)
    assert cls.model_validate(message) is message
    assert message.model_dump(mode="json") == message_to_dict(message)


def test_the_constructors_words_are_valid_too() -> None:
    assert Message.model_validate({"text": "hi", "role": "tool", "n": 1}) == Message(
        "hi", role="tool", n=1
    )
    part = Text(text="hi")
    assert Message.model_validate({"parts": [part]}) == Message(part)
    order = Order.model_validate_json(
        '{"text": "do", "due": "2026-01-02", "about": {"text": "it"}}'
    )
    assert order == Order("do", due=datetime.date(2026, 1, 2), about=Message("it"))


def test_dumps_can_leave_something_out() -> None:
    assert SOME[0].model_dump(exclude={"id", "parts", "n"}) == {"role": "user", "agent": "bob"}
    assert SOME[2].model_dump(mode="json", include={"due"}) == {"due": {"$date": "2026-01-02"}}


@pytest.mark.parametrize(
    "data",
    [
        5,
        "text",
        {"parts": 5},
        {"parts": [{"type": "hologram"}]},
        {"role": 5},
        {"n": {"$nope": 1}},
        {"$class": "NoSuchClass"},
        {"$class": "Order"},
    ],
)
def test_what_is_no_message_is_a_validation_error(data: object) -> None:
    with pytest.raises(pydantic.ValidationError):
        Message.model_validate(data)


def test_a_message_of_another_class_is_no_message_of_this_one() -> None:
    with pytest.raises(pydantic.ValidationError):
        Order.model_validate(Message("x"))
    with pytest.raises(pydantic.ValidationError):
        Urgent.model_validate(SOME[2].model_dump())
    assert Message.model_validate(SOME[2]) is SOME[2]


def test_messages_are_fields_of_other_models() -> None:
    holder = Holder(
        message=SOME[0],
        more=[SOME[2], {"text": "as words"}],  # type: ignore[list-item]
        order={"text": "o", "due": "2026-01-02"},  # type: ignore[arg-type]
    )
    assert holder.message is SOME[0]
    assert [message.text for message in holder.more] == ["do", "as words"]
    assert holder.order == Order("o", due=datetime.date(2026, 1, 2))
    again = Holder.model_validate_json(holder.model_dump_json())
    assert again == holder
    assert [m.id for m in again.more] == [m.id for m in holder.more]
    assert type(again.more[0]) is Order
    assert Holder.model_validate(holder.model_dump()) == holder
    with pytest.raises(pydantic.ValidationError, match="message"):
        Holder(message=5)  # type: ignore[arg-type]


def test_the_json_schema_tells_what_a_message_is_made_of() -> None:
    schema = Message.model_json_schema()
    assert schema["title"] == "Message"
    assert {"id", "role", "agent", "parts"} <= schema["properties"].keys()
    assert Order.model_json_schema()["required"] == ["due"]
    assert "message" in Holder.model_json_schema()["properties"]


def test_a_python_dict_that_looks_like_a_tag_stays_one_in_the_constructor() -> None:
    class Loose(Message):
        data: dict[str, str]

    loose = Loose(data={"$date": "2026-01-02"})
    assert loose.data == {"$date": "2026-01-02"}
    assert Loose.model_validate(loose.model_dump()) == loose


def test_copies_with_changes_are_checked_and_leave_the_message_alone() -> None:
    order = SOME[2]
    other = order.model_copy(update={"text": "other", "due": datetime.date(2027, 1, 1)})
    assert (other.text, order.text) == ("other", "do")
    assert type(other) is Order
    with pytest.raises(pydantic.ValidationError):
        order.model_copy(update={"due": "never"})
    assert Message("a", n=1).model_copy(update={"n": [2]}).n == (2,)
    assert order.model_copy(deep=True) is order


def test_plain_messages_do_not_load_pydantic() -> None:
    code = (
        "import sys\n"
        "import retinue.messages as m\n"
        "class Named(m.Message):\n    pass\n"
        "m.Message('x', n=[1]).hash, Named('y').id, m.sequence_of(['a', m.Message('b')])\n"
        "import retinue.messages.text, retinue.messages.history, retinue.messages.events\n"
        "import retinue.messages.codecs as c\n"
        "c.from_json(c.to_json([m.Message('x', n=1)]))\n"
        "assert not [name for name in sys.modules if name.startswith('pydantic')]\n"
        "class Declared(m.Message):\n    n: int\n"
        "assert 'pydantic' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_class_is_built_when_it_is_first_used_not_when_it_is_defined() -> None:
    class Later(Message):
        other: "Unknown"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(pydantic.PydanticUserError):
        Later(other=1)
    assert Text(text="x") in Message("x").parts
