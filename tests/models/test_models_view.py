"""The view: how a conversation looks to the one who asks."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retinue.messages import (
    Block,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from retinue.models.view import merged, shown

CALL = ToolCall(id="1", name="weather")
RESULT = ToolResult(call_id="1", name="weather", content="rain")


def told(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


def test_own_messages_stay_and_others_become_the_user_s_with_their_name() -> None:
    conversation = [
        Message("a poem, please"),
        Message("Rain falls.", role="assistant", agent="poet"),
        Message("Too short.", role="assistant", agent="critic"),
    ]
    assert told(shown(conversation, "poet")) == [
        ("user", "a poem, please"),
        ("assistant", "Rain falls."),
        ("user", "critic: Too short."),
    ]
    assert told(shown(conversation, "critic")) == [
        ("user", "a poem, please"),
        ("user", "poet: Rain falls."),
        ("assistant", "Too short."),
    ]


def test_who_has_no_name_sees_every_role_as_it_is() -> None:
    conversation = [
        Message("be short", role="system"),
        Message("hi"),
        Message("ho", role="assistant", agent="poet"),
    ]
    assert shown(conversation) == conversation


def test_messages_that_are_fine_are_the_same_objects() -> None:
    conversation = [Message("hi"), Message("ho", role="assistant", agent="poet")]
    assert all(a is b for a, b in zip(shown(conversation, "poet"), conversation, strict=True))


def test_own_words_are_the_assistant_s_whatever_role_they_had() -> None:
    assert told(shown([Message("hi", agent="poet")], "poet")) == [("assistant", "hi")]


def test_of_others_only_what_was_said_is_seen() -> None:
    image = Image(url="http://example.com/a.png")
    other = Message(
        Thinking(text="hm"), "Look:", image, CALL, Block(vendor="x", data=1), agent="poet"
    )
    [seen] = shown([other, Message(RESULT, role="tool", agent="poet")], "critic")
    assert seen.parts == (Text(text="poet: Look:"), image)
    assert seen.role == "user"


def test_a_picture_alone_is_introduced_by_its_owner_s_name() -> None:
    image = Image(url="http://example.com/a.png")
    [seen] = shown([Message(image, agent="poet")], "critic")
    assert seen.parts == (Text(text="poet: "), image)


def test_the_provenance_of_another_s_words_is_kept() -> None:
    [seen] = shown([Message(Text(text="hi", source="tool:web"), agent="poet")], "critic")
    assert seen.parts[0].source == "tool:web"


def test_who_says_nothing_is_not_seen() -> None:
    silent = [
        Message(""),
        Message(" \n"),
        Message(role="assistant"),
        Message(CALL, role="assistant", agent="poet"),
        Message("", agent="poet"),
    ]
    assert shown(silent, "critic") == []


def test_results_follow_their_call_in_its_order_whenever_they_came() -> None:
    second = ToolCall(id="2", name="clock")
    late = ToolResult(call_id="1", name="weather", content="rain")
    conversation = [
        Message("hi"),
        Message("Wait.", CALL, second, role="assistant", agent="poet"),
        Message(ToolResult(call_id="2", name="clock", content="noon"), role="tool", agent="poet"),
        Message("hurry up"),
        Message(late, role="tool", agent="poet"),
    ]
    seen = shown(conversation, "poet")
    assert [message.role for message in seen] == ["user", "assistant", "tool", "user"]
    assert [result.text for result in seen[2].tool_results] == ["rain", "noon"]
    assert seen[2].agent == "poet"


def test_a_call_without_a_result_gets_an_error_for_one() -> None:
    seen = shown([Message(CALL, role="assistant"), Message("and?")])
    [result] = seen[1].tool_results
    assert (result.call_id, result.name, result.error) == ("1", "weather", True)
    assert result.text
    assert seen[2].text == "and?"


def test_a_result_without_a_call_is_left_out() -> None:
    assert shown([Message(RESULT, role="tool")]) == []


def test_an_id_used_again_belongs_to_the_later_call() -> None:
    first = Message(RESULT, role="tool")
    again = Message(ToolResult(call_id="1", name="weather", content="sun"), role="tool")
    asking = Message(CALL, role="assistant")
    seen = shown([asking, first, asking, again])
    assert [message.tool_results[0].text for message in seen[1::2]] == ["rain", "sun"]


def test_what_stands_beside_a_result_is_the_user_s() -> None:
    image = Image(url="http://example.com/a.png")
    seen = shown([Message(CALL, role="assistant"), Message(RESULT, image, role="tool")])
    assert [message.role for message in seen] == ["assistant", "tool", "user"]
    assert seen[2].parts == (image,)


def test_neighbours_of_one_role_are_merged_where_that_is_wanted() -> None:
    image = Image(url="http://example.com/a.png")
    conversation = [
        Message("one"),
        Message("two"),
        Message(image),
        Message("yes", role="assistant"),
        Message("three"),
    ]
    joined = merged(conversation)
    assert told(joined) == [("user", "one\n\ntwo"), ("assistant", "yes"), ("user", "three")]
    assert joined[0].parts[-1] is image
    assert merged([]) == []


names = st.sampled_from([None, "ada", "bob"])
ids = st.sampled_from(["1", "2", "3"])
parts = st.one_of(
    st.builds(Text, text=st.sampled_from(["", " ", "hi"])),
    st.builds(Thinking, text=st.just("hm")),
    st.builds(ToolCall, id=ids, name=st.just("x")),
    st.builds(ToolResult, call_id=ids, name=st.just("x")),
)
conversations = st.lists(
    st.builds(
        lambda role, agent, parts: Message(role=role, agent=agent, parts=parts),
        role=st.sampled_from(["user", "assistant", "tool", "system"]),
        agent=names,
        parts=st.lists(parts, max_size=3, unique_by=lambda part: getattr(part, "id", id(part))),
    ),
    max_size=8,
)


@given(conversations, names)
def test_whatever_was_said_every_call_is_answered_once_and_at_once(conversation, agent) -> None:
    seen = shown(conversation, agent)
    for place, message in enumerate(seen):
        calls = [call.id for call in message.tool_calls]
        if calls:
            assert [result.call_id for result in seen[place + 1].tool_results] == calls
        if message.tool_results:
            assert message.role == "tool"
            assert seen[place - 1].tool_calls
        assert message.parts
    assert told(shown(seen)) == told(seen)
    joined = merged(seen)
    assert all(a.role != b.role for a, b in pairwise(joined))
