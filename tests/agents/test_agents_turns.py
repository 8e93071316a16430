"""Agents, turns and inquiries: who is asked what, in which order, and what happens to errors."""

import asyncio
import contextvars
import gc
from typing import Any

import pytest

from retinue import Agent, Message, MessagePromise, Scope, StreamAppender, Turn, agent, run
from retinue.errors import (
    AppenderClosed,
    CircularWait,
    NotAnAgent,
    PromiseCancelled,
    StreamCut,
)

LIMIT = 20  # seconds; a bound, never a wait


async def texts(replies: Any) -> list[str]:
    """What a patient reader of one iterator gets; an error by its name, in its place."""
    got: list[str] = []
    reader = aiter(replies)
    while True:
        try:
            got.append(str(await (await anext(reader))))
        except StopAsyncIteration:
            return got
        except Exception as error:
            got.append(f"!{type(error).__name__}")


@agent
async def echo(turn: Turn) -> None:
    async for promise in turn.messages:
        turn.reply(f"<{await promise}>")


@agent
async def through(turn: Turn) -> None:
    turn.reply(turn.messages)


@agent
async def bad(turn: Turn) -> None:
    turn.reply("before")
    raise ValueError("boom")


async def test_an_agent_answers_each_message_in_order() -> None:
    async with Scope():
        assert await texts(echo.inquire("a", ["b", {"text": "c"}], Message("d"))) == [
            "<a>",
            "<b>",
            "<c>",
            "<d>",
        ]


async def test_a_string_from_outside_is_the_users_and_a_reply_is_the_agents() -> None:
    seen: list[Message] = []

    @agent
    async def witness(turn: Turn) -> None:
        seen.extend(await turn.messages)
        turn.reply("yes")

    async with Scope():
        (answer,) = await witness.inquire("question")
    assert [(m.role, m.agent) for m in (*seen, answer)] == [
        ("user", None),
        ("assistant", "witness"),
    ]


async def test_agents_start_by_themselves_side_by_side_but_not_inside_the_call() -> None:
    log: list[str] = []
    both = asyncio.Event()

    @agent
    async def worker(turn: Turn, name: str) -> None:
        log.append(name)
        if len(log) == 2:
            both.set()
        await both.wait()

    async with asyncio.timeout(LIMIT), Scope():
        worker.inquire(name="a")
        worker.inquire(name="b")
        assert log == []
    assert log == ["a", "b"]


async def test_a_lazy_inquiry_waits_for_its_first_reader() -> None:
    log: list[int] = []

    @agent
    async def worker(turn: Turn) -> None:
        log.append(1)

    async with Scope():
        replies = worker.inquire(eager=False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert log == []
        await replies
        assert log == [1]


async def test_a_lazy_inquiry_starts_when_it_is_iterated() -> None:
    async with Scope():
        assert await texts(echo.inquire("x", eager=False)) == ["<x>"]


async def test_tokens_pass_through_agents_while_they_are_made() -> None:
    seen: list[str] = []
    go_on = asyncio.Event()

    @agent
    async def source(turn: Turn) -> None:
        with StreamAppender[Any]() as out:
            turn.reply(MessagePromise(out))
            out.append("one")
            await go_on.wait()
            out.append("two")

    async with asyncio.timeout(LIMIT), Scope():
        async for promise in through.inquire(through.inquire(source.inquire())):
            async for token in promise:
                seen.append(token)
                go_on.set()
    assert seen == ["one", "two"]


async def test_a_reply_is_handed_on_before_it_exists() -> None:
    asked = asyncio.Event()
    release = asyncio.Event()

    @agent
    async def slow(turn: Turn) -> None:
        asked.set()
        await release.wait()
        turn.reply("late")

    @agent
    async def editor(turn: Turn) -> None:
        turn.reply(echo.inquire("first", slow.inquire()))

    async with asyncio.timeout(LIMIT), Scope():
        replies = editor.inquire()
        reader = aiter(replies)
        assert str(await (await anext(reader))) == "<first>"
        await asked.wait()
        release.set()
        assert str(await (await anext(reader))) == "<late>"


async def test_replies_of_others_stand_where_they_were_put() -> None:
    first = asyncio.Event()

    @agent
    async def worker(turn: Turn, n: int) -> None:
        if n == 1:
            await first.wait()
        first.set()
        turn.reply(f"worker {n}")

    @agent
    async def top(turn: Turn) -> None:
        turn.reply("head", [worker.inquire(n=1), worker.inquire(n=2)])
        turn.reply("tail")

    async with asyncio.timeout(LIMIT), Scope():
        assert await texts(top.inquire()) == ["head", "worker 1", "worker 2", "tail"]


async def test_a_reply_out_of_order_overtakes_what_is_not_ready() -> None:
    overtaken = asyncio.Event()

    @agent
    async def slow(turn: Turn) -> None:
        await overtaken.wait()
        turn.reply("slow")

    @agent
    async def top(turn: Turn) -> None:
        turn.reply(slow.inquire())
        turn.reply_out_of_order("fast", echo.inquire("aside"))
        overtaken.set()

    async with asyncio.timeout(LIMIT), Scope():
        got = await texts(top.inquire())
    assert got[0] == "fast"
    assert sorted(got) == ["<aside>", "fast", "slow"]


async def test_finishing_early_closes_the_replies_while_the_agent_works_on() -> None:
    read = asyncio.Event()
    log: list[str] = []

    @agent
    async def worker(turn: Turn) -> None:
        turn.reply("a")
        turn.finish_early()
        with pytest.raises(AppenderClosed, match="finished"):
            turn.reply("b")
        with pytest.raises(AppenderClosed):
            turn.reply_out_of_order("c")
        await read.wait()
        log.append("worked on")

    async with asyncio.timeout(LIMIT), Scope():
        assert await texts(worker.inquire()) == ["a"]
        assert log == []
        read.set()
    assert log == ["worked on"]


async def test_replies_stay_open_for_what_is_held() -> None:
    @agent
    async def worker(turn: Turn) -> None:
        async def later() -> None:
            await asyncio.sleep(0)
            turn.hold_open(even_later())

        async def even_later() -> None:
            turn.reply("even later")

        turn.hold_open(later())

    async with asyncio.timeout(LIMIT), Scope():
        assert await texts(worker.inquire()) == ["even later"]


async def test_what_can_change_among_the_arguments_is_copied_at_the_call() -> None:
    @agent
    async def worker(turn: Turn, items: Any, table: Any, kinds: Any) -> None:
        turn.reply(f"{items} {table} {sorted(kinds)}")

    async with Scope():
        items, table, kinds = [1, [2]], {"a": [1]}, {"x"}
        replies = worker.inquire(items=items, table=table, kinds=kinds)
        items.append(3)
        table["b"] = [2]
        kinds.add("y")
        assert await texts(replies) == ["(1, (2,)) {'a': (1,)} ['x']"]


async def test_a_list_given_as_message_or_reply_is_copied_at_once() -> None:
    @agent
    async def worker(turn: Turn) -> None:
        said = ["a"]
        turn.reply(said)
        said.append("b")
        turn.reply(str(len(await turn.messages)))

    async with Scope():
        asked = ["x"]
        replies = worker.inquire(asked)
        asked.append("y")
        assert await texts(replies) == ["a", "1"]


async def test_a_fork_of_a_fork_keeps_what_it_does_not_change() -> None:
    @agent(name="ADDER", description="Adds {a} and {b}.", b=1)
    async def adder(turn: Turn, a: int = 0, b: int = 0, c: int = 0) -> None:
        turn.reply(f"{a} {b} {c}")

    async with Scope():
        twice = adder.fork(a=5).fork(c=7, name="other")
        assert [str(await x) for x in (adder.inquire(), twice.inquire(), twice.inquire(b=9))] == [
            "0 1 0",
            "5 1 7",
            "5 9 7",
        ]
    assert (adder.name, twice.name) == ("ADDER", "other")
    assert adder.description == twice.description == "Adds {a} and {b}."


async def test_a_class_is_an_agent_made_anew_for_each_turn() -> None:
    @agent
    class Counter:
        """Counts."""

        def __init__(self, turn: Turn, start: int = 0) -> None:
            self.turn = turn
            self.count = start

        async def __call__(self) -> None:
            self.count += len(await self.turn.messages)
            self.turn.reply(str(self.count))

    async with Scope():
        assert str(await Counter.inquire("a", "b")) == "2"
        assert str(await Counter.inquire("a", start=40)) == "41"
    assert (Counter.name, Counter.description) == ("Counter", "Counts.")


@pytest.mark.parametrize("thing", [lambda turn: None, int, "text"])
def test_only_what_is_async_can_be_an_agent(thing: Any) -> None:
    with pytest.raises(NotAnAgent) as error:
        Agent(thing)
    assert error.value.hint is not None


async def test_an_agent_runs_in_the_context_of_its_caller() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    @agent
    async def worker(turn: Turn) -> None:
        turn.reply(who.get())
        who.set("worker")

    async with Scope():
        who.set("caller")
        replies = worker.inquire()
        who.set("later")
        assert str(await replies) == "caller"
        assert who.get() == "later"


# -- errors


async def test_an_error_is_raised_where_the_replies_are_read_and_nowhere_else() -> None:
    async with Scope():
        replies = bad.inquire()
        for _ in range(3):
            await asyncio.sleep(0)
        assert await texts(replies) == ["before", "!ValueError"]
        with pytest.raises(ValueError, match="boom") as first:
            await replies
        with pytest.raises(ValueError, match="boom") as second:
            await replies
        assert first.value is second.value


async def test_an_error_travels_through_agents_and_can_be_handled() -> None:
    @agent
    async def careful(turn: Turn) -> None:
        try:
            await through.inquire(through.inquire(bad.inquire()))
        except ValueError as error:
            turn.reply(f"handled {error}")

    async with Scope():
        assert str(await careful.inquire()) == "handled boom"


async def test_an_error_of_one_does_not_drop_what_the_others_said() -> None:
    @agent
    async def top(turn: Turn) -> None:
        turn.reply([bad.inquire(), "between"], "after")

    async with Scope():
        assert await texts(top.inquire()) == ["before", "!ValueError", "between", "after"]


async def test_errors_as_messages_for_the_scope_or_one_inquiry() -> None:
    @agent
    async def half(turn: Turn) -> None:
        with StreamAppender[Any](capture_errors=True) as out:
            turn.reply(MessagePromise(out))
            out.append("half")
            raise ValueError("boom")

    async with Scope():
        messages = await bad.inquire(errors_as_messages=True)
        assert [str(m) for m in messages] == ["before", "ValueError: boom"]
        assert type(messages[1]).__name__ == "ErrorMessage"
    async with Scope(errors_as_messages=True):
        replies = half.inquire()
        tokens = [token async for promise in replies async for token in promise]
        assert tokens == ["half", "\nValueError: boom"]
        assert str(await replies) == "half\nValueError: boom"


async def test_an_error_inside_a_message_that_the_agent_then_raises_is_told_once() -> None:
    @agent
    async def worker(turn: Turn) -> None:
        with StreamAppender[Any]() as out:
            turn.reply(MessagePromise(out))
            out.append("half")
            raise ValueError("boom")

    async with Scope():
        assert await texts(worker.inquire()) == ["!ValueError"]


async def test_an_unread_error_is_logged_once_with_the_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @agent
    async def top(turn: Turn) -> None:
        bad.inquire()
        turn.reply("fine")

    async with Scope():
        assert str(await top.inquire()) == "fine"
    gc.collect()  # turns and their replies know each other
    records = [r for r in caplog.records if r.name == "retinue"]
    assert [r.message for r in records] == ["error nobody read"]
    assert vars(records[0])["fields"]["agents"] == "bad <- top"


async def test_the_cause_is_raised_not_the_cancellation_it_led_to() -> None:
    @agent
    async def slow(turn: Turn) -> None:
        await asyncio.Event().wait()

    @agent
    async def top(turn: Turn) -> None:
        turn.reply(slow.inquire())
        await asyncio.sleep(0)
        raise ValueError("the cause")

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(ValueError, match="the cause"):
            await top.inquire()


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_an_exit_signal_in_an_agent_ends_the_program_read_or_not(
    signal: type[BaseException],
) -> None:
    @agent
    async def quitter(turn: Turn) -> None:
        raise signal("bye")

    async def unread() -> None:
        quitter.inquire()
        await asyncio.Event().wait()

    async def read() -> None:
        with pytest.raises(signal):
            await quitter.inquire()

    for program in (unread, read):
        with pytest.raises(signal):
            run(lambda program=program: asyncio.wait_for(program(), LIMIT))


# -- stopping


async def test_cancelling_stops_the_turn_and_what_it_started() -> None:
    log: list[str] = []
    running = asyncio.Event()

    @agent
    async def child(turn: Turn) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("child closed")

    @agent
    async def parent(turn: Turn) -> None:
        child.inquire()
        turn.reply("begun")
        await asyncio.Event().wait()

    async with asyncio.timeout(LIMIT), Scope():
        replies = parent.inquire()
        await running.wait()
        assert replies.cancel() is True
        assert await texts(replies) == ["begun", "!PromiseCancelled"]
        with pytest.raises(PromiseCancelled):
            await replies
    assert log == ["child closed"]
    assert replies.cancel() is False


async def test_cancelling_before_the_start_means_it_never_starts() -> None:
    log: list[int] = []

    @agent
    async def worker(turn: Turn) -> None:
        log.append(1)

    async with asyncio.timeout(LIMIT), Scope():
        replies = worker.inquire()
        assert replies.cancel() is True
        with pytest.raises(PromiseCancelled, match="'worker' was cancelled before it began"):
            await replies
    assert log == []


async def test_leaving_a_scope_by_an_error_stops_its_turns_and_waits_for_them() -> None:
    log: list[str] = []
    running = asyncio.Event()

    @agent
    async def worker(turn: Turn) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    asked: list[Any] = []
    async with asyncio.timeout(LIMIT):
        with pytest.raises(KeyError):
            async with Scope():
                asked.append(worker.inquire())
                await running.wait()
                asked.append(worker.inquire())
                raise KeyError
    assert log == ["closed"]
    for stopped in asked:
        with pytest.raises(PromiseCancelled):
            await stopped


async def test_a_turn_settles_after_its_children_but_replies_before() -> None:
    release = asyncio.Event()
    log: list[str] = []

    @agent
    async def child(turn: Turn) -> None:
        await release.wait()
        log.append("child")

    @agent
    async def parent(turn: Turn) -> None:
        child.inquire()
        turn.reply("said")

    async with asyncio.timeout(LIMIT), Scope():
        assert str(await parent.inquire()) == "said"
        assert log == []
        release.set()
    assert log == ["child"]


async def test_a_turn_that_is_stopped_while_its_children_settle_stops_them() -> None:
    log: list[str] = []
    running = asyncio.Event()

    @agent
    async def child(turn: Turn) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            log.append("closed")

    @agent
    async def parent(turn: Turn) -> None:
        child.inquire()

    async with asyncio.timeout(LIMIT):
        async with Scope() as scope:
            parent.inquire()
            await running.wait()
            scope.cancel()
    assert log == ["closed"]


async def test_what_is_asked_lazily_and_read_after_the_scope_is_cut() -> None:
    async with Scope():
        replies = echo.inquire("x", eager=False)
    with pytest.raises(StreamCut):
        await asyncio.wait_for(replies, LIMIT)


# -- inquiries that are still being asked


async def test_a_conversation_in_both_directions() -> None:
    async with asyncio.timeout(LIMIT), Scope():
        inquiry = echo.initiate_inquiry()
        reader = aiter(inquiry.replies(finish=False))
        for word in ("a", "b"):
            inquiry.send(word)
            assert str(await (await anext(reader))) == f"<{word}>"
        assert not inquiry.is_finished
        assert await texts(inquiry.replies()) == ["<a>", "<b>"]
        assert inquiry.is_finished
        for send in (inquiry.send, inquiry.send_out_of_order):
            with pytest.raises(AppenderClosed):
                send("late")


async def test_an_inquiry_is_finished_with_the_turn_or_scope_that_began_it() -> None:
    @agent
    async def count(turn: Turn) -> None:
        turn.reply(str(len(await turn.messages)))

    @agent
    async def owner(turn: Turn) -> None:
        inquiry = count.initiate_inquiry()
        inquiry.send("x").send_out_of_order("y")
        turn.reply(inquiry.replies(finish=False))

    async with asyncio.timeout(LIMIT):
        async with Scope():
            assert str(await owner.inquire()) == "2"
            replies = count.initiate_inquiry().send("z").replies(finish=False)
        assert str(await replies) == "1"


# -- circles


async def test_turns_that_wait_for_each_other_are_told_and_named() -> None:
    @agent
    async def first(turn: Turn) -> None:
        await second.inquire(turn.replies)

    @agent
    async def second(turn: Turn) -> None:
        await turn.messages

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(CircularWait) as error:
            await first.inquire()
    assert "first -> second -> first" in str(error.value) or "second -> first -> second" in str(
        error.value
    )


async def test_a_circle_through_gather_is_told() -> None:
    @agent
    async def first(turn: Turn) -> None:
        await asyncio.gather(_aw(second.inquire(turn.replies)), _aw(echo.inquire("x")))

    @agent
    async def second(turn: Turn) -> None:
        await turn.messages

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(CircularWait):
            await first.inquire()


async def test_an_agent_that_waits_for_its_own_replies_is_told() -> None:
    @agent
    async def narcissus(turn: Turn) -> None:
        await turn.replies

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(CircularWait, match="narcissus -> narcissus"):
            await narcissus.inquire()


async def test_agents_that_stream_to_each_other_are_no_circle() -> None:
    """Each waits for the other's next word, never for its end, and the words are paced slowly."""
    pace = 0.3  # longer than the watch waits between two looks

    @agent
    async def asker(turn: Turn) -> None:
        inquiry = answerer.initiate_inquiry()
        reader = aiter(inquiry.replies(finish=False))
        for n in range(2):
            inquiry.send(f"question {n}")
            turn.reply(await (await anext(reader)))
            await asyncio.sleep(pace)
        inquiry.finish()

    @agent
    async def answerer(turn: Turn) -> None:
        async for promise in turn.messages:
            await asyncio.sleep(pace)
            turn.reply(f"answer to {await promise}")

    async with asyncio.timeout(LIMIT), Scope():
        assert await texts(asker.inquire()) == ["answer to question 0", "answer to question 1"]


async def test_both_sides_of_an_open_inquiry_waiting_for_the_end_is_a_circle() -> None:
    @agent
    async def asker(turn: Turn) -> None:
        inquiry = listener.initiate_inquiry().send("x")
        await inquiry.replies(finish=False)

    @agent
    async def listener(turn: Turn) -> None:
        await turn.messages

    async with asyncio.timeout(LIMIT), Scope():
        with pytest.raises(CircularWait):
            await asker.inquire()


# -- many, deep, outside


async def test_twenty_agents_deep() -> None:
    @agent
    async def deep(turn: Turn, n: int) -> None:
        turn.reply(deep.inquire(n=n - 1) if n else "bottom")

    async with asyncio.timeout(LIMIT), Scope():
        assert await texts(deep.inquire(n=20)) == ["bottom"]


async def test_a_chain_of_a_thousand_agents_that_hand_on() -> None:
    async with asyncio.timeout(LIMIT), Scope():
        replies = echo.inquire("x")
        for _ in range(1000):
            replies = through.inquire(replies)
        assert await texts(replies) == ["<x>"]


async def test_ten_thousand_agents_at_once() -> None:
    ready = asyncio.Event()

    @agent
    async def worker(turn: Turn, n: int) -> None:
        await ready.wait()
        turn.reply(str(n))

    async with asyncio.timeout(2 * LIMIT), Scope():
        asked = [worker.inquire(n=n) for n in range(10_000)]
        await asyncio.sleep(0)
        ready.set()
        assert [str(await replies) for replies in asked] == [str(n) for n in range(10_000)]


def test_an_inquiry_made_outside_of_a_loop_waits_for_run() -> None:
    assert str(run(echo.inquire("outside"))) == "<outside>"


def test_run_takes_an_async_function_too() -> None:
    async def program() -> str:
        return str(await echo.inquire("inside"))

    assert run(program) == "<inside>"


async def test_without_a_scope_the_loop_is_the_owner() -> None:
    async def program() -> str:
        return str(await echo.inquire("x"))

    assert await asyncio.wait_for(asyncio.create_task(program()), LIMIT) == "<x>"


async def test_every_reader_gets_all_replies() -> None:
    @agent
    async def worker(turn: Turn) -> None:
        for n in range(3):
            turn.reply(str(n))
            await asyncio.sleep(0)

    async with asyncio.timeout(LIMIT), Scope():
        replies = worker.inquire()
        assert await asyncio.gather(texts(replies), texts(replies)) == [["0", "1", "2"]] * 2
        assert await texts(replies) == ["0", "1", "2"]


def test_agents_and_turns_say_what_they_are() -> None:
    assert repr(echo) == "<Agent 'echo'>"
    seen: list[str] = []

    @agent
    async def named(turn: Turn) -> None:
        seen.append(repr(turn))

    run(named.inquire())
    assert seen == ["<Turn of 'named'>"]


async def _aw(awaitable: Any) -> Any:
    return await awaitable
