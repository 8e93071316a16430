"""The assistant's loop: a model and its tools, until there is an answer or a reason to stop."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from retinue import Message, MessagePromise, Messages, Scope, Turn, agent, assistant
from retinue.errors import (
    AmbiguousAddress,
    ModelError,
    ModelUnreachable,
    StreamIncomplete,
    ToolDenied,
)
from retinue.messages import Text, Thinking, ToolCall, ToolResult, chained_hash
from retinue.models import Usage
from retinue.models.scripted import Cut, WrittenCall
from retinue.testing import MemoryJournal, Reply, Scripted
from retinue.tools import Approved, Tool, tool

LIMIT = 20  # seconds; a bound, never a wait


def call(name: str, id: str = "1", **args: Any) -> ToolCall:
    return ToolCall(id=id, name=name, args=args)


@tool(effect="none")
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
async def fail(why: str) -> str:
    """Fail."""
    raise ValueError(why)


async def test_an_answer_streams_and_says_why_it_ended() -> None:
    host = assistant("host", model=Scripted("Good morning to you"), system="Be kind.")
    async with asyncio.timeout(LIMIT), Scope():
        replies = host.inquire("hi")
        tokens = [token async for promise in replies async for token in promise]
        (message,) = await replies
    assert "".join(tokens) == message.text == "Good morning to you"
    assert len(tokens) > 1
    assert (message.role, message.agent, message.stop_reason) == ("assistant", "host", "done")
    assert message.parts[0] == Text(text=message.text, source=f"model:{message.model}")
    assert host.description == "Be kind."


async def test_the_model_is_told_everything() -> None:
    model = Scripted("ok", "ok")
    host = assistant(
        "host", model=model, system="S", tools=[add], temperature=0.5, max_tokens=9, top_k=3
    )
    async with asyncio.timeout(LIMIT), Scope():
        await host.inquire("one", Message("two", role="assistant", agent="other"))
        await host.inquire("x", system="T", max_tokens=1, temperature=0.0, seed=7)
    first, second = model.requests
    assert [m.text for m in first.messages] == ["one", "two"]
    assert (first.system, first.agent, first.temperature, first.max_tokens) == ("S", "host", 0.5, 9)
    assert [spec.name for spec in first.tools] == ["add"]
    assert dict(first.options) == {"top_k": 3}
    assert (second.system, second.temperature, second.max_tokens) == ("T", 0.0, 1)
    assert dict(second.options) == {"top_k": 3, "seed": 7}


async def test_an_inquiry_may_name_another_model() -> None:
    model, other = Scripted("one"), Scripted("two")
    host = assistant("host", model=model, system="S", tools=[add])
    async with asyncio.timeout(LIMIT), Scope():
        assert str(await host.inquire("x", model=other, temperature=0.5)) == "two"
        assert str(await host.inquire("x")) == "one"
        said = str(await host.inquire("x", model="demo"))
    assert "no language model" in said
    (request,) = other.requests
    assert (request.system, request.temperature) == ("S", 0.5)
    assert [spec.name for spec in request.tools] == ["add"]
    assert len(model.requests) == 1


async def test_tools_are_used_until_there_is_an_answer() -> None:
    model = Scripted(["Let me see.", call("add", a=1, b=2)], call("add", "2", a=3, b=3), "It is 6.")
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add], system="S").inquire("1+2+3?")
    assert [m.role for m in said] == ["assistant", "tool", "assistant", "tool", "assistant"]
    assert str(said) == "Let me see.\n\nIt is 6."
    assert [r.content for m in said for r in m.tool_results] == ["3", "6"]
    assert said[1].tool_results[0].source == "tool:add"
    assert [len(r.messages) for r in model.requests] == [1, 3, 5]
    assert {r.system for r in model.requests} == {"S"}


async def test_calls_of_one_answer_run_side_by_side_and_keep_their_order() -> None:
    both = asyncio.Event()
    running: list[str] = []

    @tool
    async def wait(who: str) -> str:
        """Wait for the other."""
        running.append(who)
        if len(running) == 2:
            both.set()
        else:
            await both.wait()
        return who

    model = Scripted([call("wait", "1", who="a"), call("wait", "2", who="b")], "done")
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[wait]).inquire("go")
    assert [(r.call_id, r.content) for r in said[1].tool_results] == [("1", "a"), ("2", "b")]


async def test_errors_of_tools_go_back_to_the_model() -> None:
    model = Scripted(
        [call("fail", "1", why="no luck"), call("ad", "2"), call("add", "3", a="x")], "Sorry."
    )
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add, fail]).inquire("go")
    failed, unknown, misused = said[1].tool_results
    assert all(r.error for r in (failed, unknown, misused))
    assert "no luck" in failed.text
    assert "add" in unknown.text  # the near match
    assert "b" in misused.text
    assert str(said) == "Sorry."


async def test_a_denied_call_is_told_to_the_reader_not_to_the_model() -> None:
    async def never(asked: ToolCall, which: Tool) -> bool:
        return False

    model = Scripted(call("add", a=1, b=1), "never said")
    host = assistant("host", model=model, tools=Approved([add], never))
    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(ToolDenied):
            await host.inquire("go")
    assert len(model.requests) == 1


async def test_a_denial_stops_what_runs_beside_it() -> None:
    log: list[str] = []
    running = asyncio.Event()

    @tool
    async def slow() -> None:
        """Wait for ever."""
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("stopped")

    async def only_slow(asked: ToolCall, which: Tool) -> bool:
        if asked.name == "slow":
            return True
        await running.wait()
        return False

    model = Scripted([call("add", "1", a=1, b=1), call("slow", "2")], "never said")
    host = assistant("host", model=model, tools=Approved([add, slow], only_slow))
    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(ToolDenied):
            await host.inquire("go")
    assert log == ["stopped"]


async def test_the_step_limit_leaves_a_conversation_that_can_go_on() -> None:
    model = Scripted(*[call("add", str(n), a=n, b=1) for n in range(3)])
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add], max_steps=3).inquire("go")
    assert said[-1].stop_reason == "max_steps"
    assert "3 steps" in said[-1].text
    asked = [c.id for m in said for c in m.tool_calls]
    answered = [r.call_id for m in said for r in m.tool_results]
    assert asked == answered == ["0", "1", "2"]
    assert said[-2].tool_results[0].error is True


async def test_the_same_call_with_the_same_result_is_no_progress() -> None:
    model = Scripted(*[call("add", str(n), a=1, b=1) for n in range(9)])
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add]).inquire("go")
    assert said[-1].stop_reason == "no_progress"
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "done"),
        ("stop_sequence", "done"),
        ("max_tokens", "max_tokens"),
        ("refused", "refused"),
        ("context_full", "context_full"),
    ],
)
async def test_every_stop_of_a_model_has_its_reason(stop: Any, reason: str) -> None:
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=Scripted(Reply("words", stop=stop))).inquire("go")
    assert (said[-1].stop, said[-1].stop_reason) == (stop, reason)


async def test_a_pause_goes_on_with_what_was_said() -> None:
    model = Scripted(Reply("first", stop="pause"), "second")
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model).inquire("go")
    assert [m.text for m in said] == ["first", "second"]
    assert [m.text for m in model.requests[1].messages] == ["go", "first"]


async def test_a_model_that_breaks_off_is_an_error_after_what_came() -> None:
    model = Scripted(["half an", ConnectionResetError("gone")])
    seen: list[str] = []
    async with asyncio.timeout(LIMIT), Scope():
        replies = assistant("host", model=model).inquire("go")
        with pytest.raises((ModelError, ConnectionResetError)):
            async for promise in replies:
                async for token in promise:
                    seen.append(token)
        assert "".join(seen).startswith("half")
        with pytest.raises((ModelError, ConnectionResetError)):
            await replies


async def test_an_answer_without_its_end_is_not_taken_as_whole() -> None:
    async with asyncio.timeout(LIMIT), Scope():
        replies = assistant("host", model=Scripted(["half an", Cut()])).inquire("go")
        with pytest.raises(StreamIncomplete):
            await replies


async def test_a_call_nobody_can_read_is_told_to_the_model_which_is_asked_again() -> None:
    model = Scripted(
        ["Let me add. ", WrittenCall(id="1", name="add", args='{"a": "tr')],
        call("add", a=1, b=2),
        "3",
    )
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add]).inquire("1+2?")
    assert str(said) == "Let me add. \n\n3"
    assert said[0].stop == "unreadable"
    asked = model.requests[1].messages
    assert [m.role for m in asked] == ["user", "assistant", "user"]
    assert "could not be read" in asked[-1].text


async def test_of_two_calls_the_readable_one_is_made_and_the_other_told() -> None:
    model = Scripted(
        [call("add", a=1, b=2), WrittenCall(id="2", name="add", args='{"a": "tr')], "done"
    )
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add]).inquire("go")
    assert [r.content for m in said for r in m.tool_results] == ["3"]
    assert [m.role for m in model.requests[1].messages] == ["user", "assistant", "tool", "user"]
    assert {m.agent for m in said} == {"host"}


async def test_a_model_that_never_writes_a_readable_call_runs_out_of_steps() -> None:
    bad = WrittenCall(id="1", name="add", args="{")
    model = Scripted(bad, bad)
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[add], max_steps=2).inquire("go")
    assert said[-1].stop_reason == "max_steps"


async def test_usage_is_counted_in_plain_numbers() -> None:
    model = Scripted(Reply("ok", usage=Usage(input=3, output=1)))
    async with asyncio.timeout(LIMIT), Scope():
        (message,) = await assistant("host", model=model).inquire("go")
    assert message.usage == {"input": 3, "output": 1}


async def test_a_full_context_is_a_reason_not_an_error() -> None:
    from retinue.errors import ContextFull

    model = Scripted(ContextFull("The conversation is longer than 8 tokens"))
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model).inquire("go")
    assert said[-1].stop_reason == "context_full"
    assert "8 tokens" in said[-1].text


async def test_thinking_is_kept_beside_the_text() -> None:
    model = Scripted([Thinking(text="hm", signature="s"), "Yes."])
    async with asyncio.timeout(LIMIT), Scope():
        (message,) = await assistant("host", model=model).inquire("go")
    assert message.text == "Yes."
    thoughts = [p for p in message.parts if isinstance(p, Thinking)]
    assert [(t.text, t.signature) for t in thoughts] == [("hm", "s")]


async def test_cancelling_closes_the_models_stream() -> None:
    closed = asyncio.Event()
    begun = asyncio.Event()

    class Endless:
        name = "endless"

        def chat(self, request: Any) -> Any:
            return self

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            closed.set()

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(LIMIT), Scope():
        replies = assistant("host", model=Endless()).inquire("go")
        await begun.wait()
        replies.cancel()
        await closed.wait()


async def test_an_assistant_reads_an_unfinished_message_whole() -> None:
    model = Scripted("ok")

    @agent
    async def source(turn: Turn) -> None:
        async def words(_: MessagePromise) -> AsyncIterator[str]:
            yield "one "
            await asyncio.sleep(0)
            yield "two"

        turn.reply(MessagePromise(words))

    async with asyncio.timeout(LIMIT), Scope():
        await assistant("host", model=model).inquire(source.inquire())
    assert [m.text for m in model.requests[0].messages] == ["one two"]


def test_a_model_may_be_named() -> None:
    assert assistant("host", model="demo").name == "host"


# -- with a journal listening


async def test_a_second_run_with_the_same_journal_calls_nothing_again() -> None:
    used: list[int] = []

    @tool(effect="once")
    def charge(amount: int) -> str:
        """Charge money."""
        used.append(amount)
        return f"charged {amount}"

    journal = MemoryJournal()
    model = Scripted(Reply(["Paying.", call("charge", amount=5)]), "Paid.")
    host = assistant("host", model=model, tools=[charge])
    said: list[Any] = []
    async with asyncio.timeout(LIMIT):
        for _ in range(2):
            async with Scope():
                with journal.listening():
                    said.append(await host.inquire("pay 5"))
    first, second = said
    assert [m.content() for m in first] == [m.content() for m in second]
    assert used == [5]
    assert len(model.requests) == 2
    kinds = [kind for _, kind, _ in journal.events]
    assert kinds[:4] == ["model_answered", "tool_asked", "tool_answered", "model_answered"]


async def test_turns_are_recorded_under_addresses_that_do_not_depend_on_who_is_first() -> None:
    gates = {name: asyncio.Event() for name in "ab"}

    @agent
    async def worker(turn: Turn, name: str) -> None:
        await gates[name].wait()
        turn.reply(f"I am {name}")

    @agent
    async def top(turn: Turn) -> None:
        turn.reply([worker.inquire("x", name="a"), worker.inquire("x", name="b")])

    async def addresses(order: str) -> dict[str, str]:
        for gate in gates.values():
            gate.clear()
        journal = MemoryJournal()
        async with asyncio.timeout(LIMIT), Scope():
            with journal.listening():
                replies = top.inquire("go")
                for name in order:
                    await asyncio.sleep(0)
                    gates[name].set()
                    await asyncio.sleep(0)
                await replies
        records = journal.turns.values()
        return {r.address: f"{r.agent}: {await r.replies}" for r in records}

    one, other = await addresses("ab"), await addresses("ba")
    assert one == other
    assert sorted(one.values()) == [
        "top: I am a\n\nI am b",
        "worker: I am a",
        "worker: I am b",
    ]


async def test_equal_inquiries_are_counted_and_from_two_tasks_need_a_key() -> None:
    @agent
    async def worker(turn: Turn) -> None:
        turn.reply("x")

    async def ask(key: str | None) -> None:
        await worker.inquire("same", key=key)

    @agent
    async def top(turn: Turn, keys: tuple[str | None, ...]) -> None:
        await asyncio.gather(*[ask(key) for key in keys])

    journal = MemoryJournal()
    async with asyncio.timeout(LIMIT), Scope():
        with journal.listening():
            await worker.inquire("same")
            await worker.inquire("same")
            assert len(journal.turns) == 2
            await top.inquire(keys=("first", "second"))
            with pytest.raises(AmbiguousAddress) as error:
                await top.inquire(keys=(None, None))
    assert "key" in str(error.value.hint)


async def test_a_promise_passed_on_is_known_by_its_producer() -> None:
    @agent
    async def source(turn: Turn, n: int) -> None:
        await asyncio.sleep(0)
        turn.reply(str(n))

    @agent
    async def sink(turn: Turn) -> None:
        turn.reply(turn.messages)

    async def sinks() -> set[str]:
        journal = MemoryJournal()
        async with asyncio.timeout(LIMIT), Scope():
            with journal.listening():
                await sink.inquire(source.inquire(n=1), source.inquire(n=2))
                await sink.inquire(source.inquire(n=3))
        return {r.address for r in journal.turns.values() if r.agent == "sink"}

    first, second = await sinks(), await sinks()
    assert first == second
    assert len(first) == 2


async def test_an_address_does_not_depend_on_what_has_come_in_the_meantime() -> None:
    @agent
    async def source(turn: Turn) -> None:
        await asyncio.sleep(0)
        turn.reply("words")

    @agent
    async def sink(turn: Turn) -> None:
        turn.reply(turn.messages)

    @agent
    async def middle(turn: Turn) -> None:
        turn.reply(sink.inquire(turn.messages))

    async def addresses(wait: bool) -> set[str]:
        journal = MemoryJournal()
        async with asyncio.timeout(LIMIT), Scope():
            with journal.listening():
                draft = source.inquire()
                if wait:
                    await draft
                with pytest.raises(ValueError, match="x"):
                    await sink.inquire("Improve:", draft, Message("at once"), ValueError("x"))
                await sink.inquire([draft, {"text": "hi"}])
                await middle.inquire(draft)
        return set(journal.turns)

    assert await addresses(wait=False) == await addresses(wait=True)


async def test_messages_that_grow_are_hashed_once() -> None:
    first = Messages([Message("a"), Message("b")])
    assert first.hash == chained_hash([*first])
    more = first
    more += [Message("c")]
    assert more.hash == chained_hash([Message("a"), Message("b"), Message("c")])
    unknown = Messages([Message("a")])
    unknown += [Message("b")]
    assert unknown.hash == first.hash


async def test_an_error_of_a_turn_is_recorded() -> None:
    @agent
    async def bad(turn: Turn) -> None:
        raise ModelUnreachable("down")

    journal = MemoryJournal()
    async with asyncio.timeout(LIMIT), Scope():
        with journal.listening(), pytest.raises(ModelUnreachable):
            await bad.inquire()
    (record,) = journal.turns.values()
    assert isinstance(record.error, ModelUnreachable)


async def test_an_error_that_is_told_inside_a_message_is_recorded_as_the_outcome_too() -> None:
    journal = MemoryJournal()
    host = assistant("host", model=Scripted(["half an", Cut()]))
    async with asyncio.timeout(LIMIT), Scope():
        with journal.listening(), pytest.raises(StreamIncomplete) as error:
            await host.inquire("go")
    (record,) = journal.turns.values()
    assert record.error is error.value


async def test_a_step_of_a_turn_is_done_once() -> None:
    done: list[int] = []

    @agent
    async def worker(turn: Turn) -> None:
        async def look() -> int:
            done.append(1)
            return len(done)

        turn.reply(str(await turn.step("clock", look)), str(await turn.step("clock", look)))

    journal = MemoryJournal()
    said: list[str] = []
    async with asyncio.timeout(LIMIT):
        for _ in range(2):
            async with Scope():
                with journal.listening():
                    said.append(str(await worker.inquire()))
    assert said == ["1\n\n2", "1\n\n2"]
    async with asyncio.timeout(LIMIT), Scope():
        assert str(await worker.inquire()) == "3\n\n4"


async def test_results_with_parts_are_kept() -> None:
    @tool(effect="none")
    def picture() -> Any:
        """Draw."""
        return [Text(text="a picture")]

    model = Scripted(call("picture"), "Nice.")
    async with asyncio.timeout(LIMIT), Scope():
        said = await assistant("host", model=model, tools=[picture]).inquire("draw")
    (result,) = said[1].tool_results
    assert isinstance(result, ToolResult)
    assert result.text == "a picture"
