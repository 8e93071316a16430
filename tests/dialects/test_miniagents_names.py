"""What the MiniAgents names do beyond the acceptance cases and the document's own programs."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import retinue
from retinue.dialects.miniagents import (
    InteractionContext,
    Message,
    MessageSequencePromise,
    MiniAgent,
    MiniAgents,
    miniagent,
    run,
)
from retinue.dialects.miniagents.ext.console_user_agent import console_user_agent
from retinue.dialects.miniagents.ext.history_agents import (
    ChatHistory,
    ChatHistoryMD,
    InMemoryChatHistory,
)
from retinue.dialects.miniagents.ext.llm.anthropic import anthropic_agent
from retinue.dialects.miniagents.ext.llm.llm_common import AssistantMessage, UserMessage
from retinue.dialects.miniagents.ext.llm.openai import openai_agent
from retinue.dialects.miniagents.messages import MessageSequence, MessageTokenAppender
from retinue.dialects.miniagents.promising.errors import (
    AppenderClosedError,
    AppenderNotOpenError,
    NoActiveContextError,
    NotAMessageError,
    PromisingError,
)
from retinue.dialects.miniagents.promising.ext.frozen import Frozen
from retinue.dialects.miniagents.promising.promising import (
    Promise,
    PromisingContext,
    StreamAppender,
    StreamedPromise,
)
from retinue.dialects.miniagents.promising.sentinels import AWAIT
from retinue.dialects.miniagents.utils import achain_loop, adialog_loop, join_messages
from retinue.errors import MessageError, ModelError
from retinue.messages import Image
from retinue.models.scripted import Scripted

pytestmark = pytest.mark.timeout(20)


@miniagent
async def echo(ctx: InteractionContext) -> None:
    ctx.reply(ctx.message_promises)


# -- the same things under other names


async def test_everything_is_also_what_retinue_calls_it() -> None:
    async with MiniAgents() as context:
        replies = echo.inquire("x")
        assert isinstance(context, retinue.Scope)
        assert isinstance(echo, retinue.Agent)
        assert isinstance(replies, retinue.MessageSequencePromise)
        assert MessageSequencePromise is retinue.MessageSequencePromise
        assert isinstance((await replies)[0], retinue.Message)


async def test_a_mini_agent_stands_where_any_agent_can() -> None:
    async with retinue.Scope():
        assert str(await echo.inquire("one", "two", key="first", eager=False)) == "one\n\ntwo"


async def test_the_replies_are_their_text_and_their_repr_is_the_tuple() -> None:
    async with MiniAgents():
        replies = await echo.inquire([Message(text="Hello"), UserMessage("you")])
    assert str(replies) == "Hello\n\nyou"
    assert repr(replies) == "(Message(text='Hello'), UserMessage(text='you'))"


def test_an_alias_comes_from_the_function_or_the_fork() -> None:
    @miniagent(alias="Anna", description="Says {AGENT_ALIAS} and {braces}.", loud=True)
    async def anyone(ctx: InteractionContext, loud: bool) -> None:
        ctx.reply(f"{loud}")

    assert (anyone.alias, anyone.name) == ("Anna", "Anna")
    assert anyone.description == anyone.__doc__ == "Says Anna and {braces}."
    assert echo.alias == "ECHO"
    assert echo.description is None
    bob = anyone.fork(alias="Bob", description="Says Bob.", loud=False)
    assert isinstance(bob, MiniAgent)
    assert (bob.alias, bob.description) == ("Bob", "Says Bob.")
    assert bob.fork(name="Rob").alias == "Rob"
    assert str(run(bob.inquire())) == "False"
    assert str(run(anyone.trigger())) == "True"


# -- messages


async def test_plain_words_become_messages_of_the_dialect_however_deep_they_are() -> None:
    async def later() -> Any:
        yield "streamed"

    @miniagent
    async def talk(ctx: InteractionContext) -> None:
        ctx.reply("a")
        ctx.reply([["b"], {"content": "c", "role": "user"}, later()])
        ctx.reply(ctx.message_promises)

    async with MiniAgents():
        replies = await talk.inquire(["d", {"text": "e"}])
        assert [message.text for message in replies] == ["a", "b", "c", "streamed", "d", "e"]
        assert all(isinstance(message, Message) for message in replies)
        assert [message.agent for message in replies] == [
            "TALK",
            "TALK",
            "TALK",
            "TALK",
            None,
            None,
        ]
        call = echo.initiate_inquiry().send_message("f")
        assert all(isinstance(message, Message) for message in await call.reply_sequence())
        assert isinstance(await join_messages(["g", "h"]), Message)


def test_the_text_of_a_message_has_three_names() -> None:
    assert Message("x") == Message(text="x") == Message(content="x")
    assert Message(text_template="Hello {name}", name="Bo").text == "Hello Bo"
    assert Message(content_template="{a}{a}", a="ha").text == "haha"
    assert Message("own words", text_template="Hello {name}", name="Bo").text == "own words"
    assert Message(text="own", text_template="Hello {name}", name="Bo").text == "own"


def test_a_message_refers_to_the_messages_in_it_by_their_hash_keys() -> None:
    child, other = Message("child"), UserMessage("other")
    parent = Message(
        "parent",
        child=child,
        several=[child, other],
        mixed=["word", child],
        inside={"deep": {"child": other}, "n": 1},
    )
    assert parent.serialize() == {
        "class_": "Message",
        "role": "user",
        "agent": None,
        "text": "parent",
        "child__hash_key": child.hash_key,
        "several__hash_keys": (child.hash_key, other.hash_key),
        "mixed": ("word", child.hash_key),
        "inside": {"deep": {"child__hash_key": other.hash_key}, "n": 1},
    }
    assert list(parent.sub_messages()) == [child, child, other, child, other]
    picture = Image(url="https://example.org/a.png")
    assert Message("Look:", picture).serialize()["parts"][1] is picture


async def test_hash_keys_are_as_long_as_the_context_says() -> None:
    record = Frozen(a=1)
    assert len(record.hash_key) == 40
    async with PromisingContext(longer_hash_keys=True):
        assert len(record.hash_key) == 64
        async with MiniAgents():
            assert len(Message("x").hash_key) == 64
            async with PromisingContext(longer_hash_keys=False):
                assert len(record.hash_key) == 40


async def test_a_message_promise_knows_before_its_first_token_what_it_was_given() -> None:
    async def tokens(promise: Any) -> AsyncIterator[str]:
        yield "a"
        promise.note(mood="good")
        yield "b"

    async with MiniAgents():
        promise = AssistantMessage.promise(
            message_token_streamer=tokens, role="assistant", model="m-1"
        )
        known: Any = promise
        assert known.preliminary_metadata.model == "m-1"
        message = await promise
        assert isinstance(message, AssistantMessage)
        assert (message.text, message.model, message.mood) == ("ab", "m-1", "good")
        assert await Message.promise("ready") == Message("ready")


async def test_what_is_no_message_is_a_type_error_in_its_place() -> None:
    async with MiniAgents():
        given: Any = ["a", 5, b"bytes", {"x": object()}, "b"]
        sequence = MessageSequence.turn_into_sequence_promise(given)
        reader = aiter(sequence)
        assert str(await anext(reader)) == "a"
        for _ in range(2):
            with pytest.raises(NotAMessageError) as caught:
                await anext(reader)
            assert isinstance(caught.value, TypeError)
            assert isinstance(caught.value, MessageError)
            assert caught.value.hint
        with pytest.raises(MessageError, match="object can change"):
            await anext(reader)
        assert str(await anext(reader)) == "b"


async def test_a_sequence_is_fed_at_one_end_and_read_at_the_other() -> None:
    async with MiniAgents():
        sequence = MessageSequence(appender_capture_errors=True)
        with sequence.message_appender as appender:
            appender.append("a").append([Message("b"), "c"])
            raise ValueError("at the end")
        with pytest.raises(ValueError, match="at the end"):
            await sequence.sequence_promise
        assert str(await MessageSequence.aresolve_messages(["a", "b"])) == "a\n\nb"
        assert await MessageSequence.aresolve_messages(None) == ()


# -- promises and their context


async def test_promises_take_their_arguments_by_name() -> None:
    async def two(_: Any) -> int:
        return 2

    async with PromisingContext():
        assert await Promise(prefill_result=1) == 1
        assert await Promise(resolver=two, start_soon=False) == 2
        stream: StreamedPromise[int, Any] = StreamedPromise(prefill_pieces=[1, 2], resolver=two)
        assert isinstance(stream, Promise)
        assert [piece async for piece in stream] == [1, 2]
        assert await stream == 2


async def test_an_appender_says_by_its_name_that_it_is_closed() -> None:
    async with PromisingContext():
        appender = StreamAppender[str]()
        with pytest.raises(AppenderNotOpenError):
            appender.append("early")
        with appender:
            appender.append("a")
        with pytest.raises(AppenderClosedError, match="closed") as caught:
            appender.append("late")
        assert isinstance(caught.value, PromisingError)
        assert caught.value.hint
        with pytest.raises(AppenderClosedError):
            appender.open()
        call = echo.initiate_call().send_message("x").finish()
        with pytest.raises(AppenderClosedError):
            call.send_message("late")


async def test_an_appender_keeps_an_error_to_itself_unless_it_captures() -> None:
    async with PromisingContext(appenders_capture_errors_by_default=True):
        with MessageTokenAppender() as captured:
            raise ValueError("for the readers")
        with (
            pytest.raises(ValueError, match="writer's"),
            MessageTokenAppender(capture_errors=False) as kept,
        ):
            kept.append("half")
            raise ValueError("the writer's")
        with pytest.raises(ValueError, match="readers"):
            await Message.promise(message_token_streamer=captured)
        assert str(await Message.promise(message_token_streamer=kept)) == "half"


async def test_the_current_context_is_the_innermost_of_its_kind() -> None:
    with pytest.raises(NoActiveContextError, match="MiniAgents") as caught:
        MiniAgents.get_current()
    assert caught.value.hint

    @miniagent
    async def look(ctx: InteractionContext) -> None:
        assert MiniAgents.get_current() is outer
        assert PromisingContext.get_current() is inner

    async with MiniAgents() as outer, PromisingContext() as inner:
        await look.inquire()


async def test_handlers_are_told_of_results_and_of_messages() -> None:
    results: list[Any] = []
    kept: list[Any] = []

    async def resolved(_: Any, result: Any) -> None:
        results.append(result)

    async def persist(messages: Any) -> None:
        kept.extend(messages)

    async with MiniAgents(on_promise_resolved=[resolved], on_persist_messages=persist):
        await Promise(prefill_result=1)
        await echo.inquire("hi")
    assert 1 in results
    assert [message.text for message in kept] == ["hi"]


async def test_errors_become_messages_if_the_context_says_so() -> None:
    @miniagent
    async def bad(ctx: InteractionContext) -> None:
        raise ValueError("boom")

    async with MiniAgents(errors_as_messages=True):
        assert str(await bad.inquire()) == "ValueError: boom"
        with pytest.raises(ValueError, match="boom"):
            await bad.inquire(errors_as_messages=False)


# -- KeyboardInterrupt and SystemExit


@miniagent
async def stop(ctx: InteractionContext) -> None:
    raise KeyboardInterrupt


@miniagent
async def pass_on(ctx: InteractionContext) -> None:
    await stop.inquire()


@miniagent
async def handle(ctx: InteractionContext) -> None:
    try:
        await pass_on.inquire()
    except KeyboardInterrupt:
        ctx.reply("handled")


def test_an_interrupt_is_over_when_an_agent_has_handled_it() -> None:
    async def main() -> None:
        assert str(await handle.inquire()) == "handled"
        assert str(await echo.inquire("and on it goes")) == "and on it goes"

    MiniAgents().run(main())


@pytest.mark.parametrize("agent", [stop, pass_on])
def test_an_interrupt_nobody_has_read_ends_the_program(agent: MiniAgent) -> None:
    async def main() -> None:
        agent.inquire()

    with pytest.raises(KeyboardInterrupt):
        MiniAgents().run(main())


def test_an_interrupt_the_reader_does_not_handle_ends_the_program() -> None:
    with pytest.raises(KeyboardInterrupt):
        run(pass_on.inquire())


# -- loops


async def test_a_chain_without_await_is_refused() -> None:
    with pytest.raises(ValueError, match="AWAIT"):
        await achain_loop([echo, echo])


async def test_a_chain_goes_round_until_somebody_raises() -> None:
    rounds: list[str] = []

    @miniagent
    async def count(ctx: InteractionContext) -> None:
        rounds.append(str(await ctx.message_promises))
        if len(rounds) == 3:
            raise EOFError
        ctx.reply(str(len(rounds)))

    async with MiniAgents():
        with pytest.raises(EOFError):
            await achain_loop([count, AWAIT, echo])
    assert rounds == ["", "1", "2"]


# -- language models


async def test_a_model_is_asked_with_what_the_call_says(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Scripted("Hi.", "Ho.")
    agent = anthropic_agent.fork(model=model, system="Be brief.", temperature=0.5)
    async with MiniAgents():
        assert str(await agent.inquire("Hello")) == "Hi."
        (reply,) = await agent.inquire("Hello", system="Be long.", max_tokens=9, top_k=3)
    first, second = model.requests
    assert (first.system, first.temperature, first.max_tokens) == ("Be brief.", 0.5, None)
    assert (second.system, second.temperature, second.max_tokens) == ("Be long.", 0.5, 9)
    assert second.options == {"top_k": 3}
    assert (reply.role, reply.agent) == ("assistant", "ANTHROPIC_AGENT")


@pytest.mark.parametrize("model", ["nonsense", "nobody:gpt-9"])
async def test_a_model_that_cannot_be_found_is_an_error_for_the_reader(model: str) -> None:
    async with MiniAgents():
        replies = openai_agent.fork(model=model).inquire("Hello")
        with pytest.raises(ModelError) as caught:
            await replies
        assert caught.value.hint


# -- histories, and the person at the console


@pytest.fixture(params=["memory", "markdown"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> ChatHistory:
    if request.param == "memory":
        return InMemoryChatHistory()
    return ChatHistoryMD(tmp_path / "CHAT.md")


async def test_a_history_is_kept_by_its_agents(history: ChatHistory) -> None:
    async with MiniAgents():
        assert await history.aload_chat_history() == ()
        passed_on = await history.logging_agent.inquire([UserMessage("hi"), AssistantMessage("yo")])
        assert str(passed_on) == "hi\n\nyo"
        everything = await history.history_agent.inquire(UserMessage("more"))
        assert [(m.role, m.text) for m in everything] == [
            ("user", "hi"),
            ("assistant", "yo"),
            ("user", "more"),
        ]
        assert await history.aload_chat_history() == everything
        assert history.logging_agent is history.logging_agent


async def test_messages_of_the_dialect_are_read_back_as_what_they_were(tmp_path: Path) -> None:
    said = [Message("plain", inside={"a": [1]}), UserMessage("hi", child=Message("c"))]
    async with MiniAgents():
        await ChatHistoryMD(tmp_path / "CHAT.md").logging_agent.inquire(said)
        assert await ChatHistoryMD(tmp_path / "CHAT.md").aload_chat_history() == tuple(said)


async def test_a_dialog_goes_on_from_its_history(
    history: ChatHistory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await history.aappend(UserMessage("first"), AssistantMessage("answer"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("second\nthird\n"))
    model = Scripted("two", "three")
    async with MiniAgents():
        await adialog_loop(
            console_user_agent.fork(chat_history=history), openai_agent.fork(model=model)
        )
    asked = [[message.text for message in request.messages] for request in model.requests]
    assert asked == [
        ["first", "answer", "second"],
        ["first", "answer", "second", "two", "third"],
    ]
    kept = [message.text for message in await history.aload_chat_history()]
    assert kept == ["first", "answer", "second", "two", "third", "three"]
    assert capsys.readouterr().out == "USER: \ntwo\n\nUSER: \nthree\n\nUSER: "


async def test_in_a_chain_the_history_makes_the_dialog_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\ntwo\n"))
    model = Scripted("1", "2")
    user = console_user_agent.fork(chat_history=InMemoryChatHistory())
    async with MiniAgents():
        with pytest.raises(EOFError):
            await achain_loop([user, AWAIT, openai_agent.fork(model=model)])
    asked = [[message.text for message in request.messages] for request in model.requests]
    assert asked == [["one"], ["one", "1", "two"]]
    assert capsys.readouterr().out == "USER: \n1\n\nUSER: \n2\n\nUSER: "


def test_run_takes_a_coroutine_too() -> None:
    async def main() -> str:
        MiniAgents.get_current()
        await asyncio.sleep(0)
        return "done"

    assert run(main()) == "done"


def test_one_context_may_run_several_programs() -> None:
    kept: list[str] = []

    async def persist(messages: Any) -> None:
        kept.extend([message.text for message in messages])

    context = MiniAgents(on_persist_messages=persist, longer_hash_keys=True)

    async def main() -> int:
        return len((await echo.inquire("second"))[0].hash_key)

    assert str(context.run(echo.inquire("first"))) == "first"
    assert context.run(main()) == 64
    assert kept == ["first", "second"]
