"""Small lawful programs, each with one thing that makes it hard to go on after a crash.

What is made by chance is made in steps, and bears a number that nothing else has. So replies that
belong together show whether they come from one and the same execution.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from retinue import Turn, agent, assistant
from retinue.agents import Agent
from retinue.messages import Message, MessagePromise, ToolCall
from retinue.models import ChatChunk, ChatRequest
from retinue.promise import Scope
from retinue.steps import ask
from retinue.tools import tool

from ._bench import Agents, Notebook

type Program = Callable[[Notebook], Agents]

HELLO = Message("Hello", role="assistant")
"""A constant that several agents say."""


class Poem(Message):
    """A message with a field of its own."""

    lines: int = 0


class Mishap(Exception):
    """An error that only this program knows."""


class Numbered:
    """A model that answers `<what it was asked#number>`, in three pieces; it uses its tool first.

    Whatever it is asked to fail at breaks in the middle of the answer.
    """

    name = "numbered"

    def __init__(self, book: Notebook, *, slow: float = 0) -> None:
        self._book = book
        self._slow = slow

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatChunk]]:
        yield self._answer(request)

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[ChatChunk]:
        last = request.messages[-1]
        await asyncio.sleep(self._slow)
        if request.tools and not last.tool_results:
            for number in range(2):
                args = {"what": f"{last.text}-{number}"}
                yield ChatChunk(tool_call=ToolCall(id=f"call-{number}", name="bump", args=args))
            yield ChatChunk(stop="tool_calls")
            return
        asked = last.tool_results[0].content if last.tool_results else last.text
        words = f"<{asked}#{self._book.note('model')}>"
        for begin in range(0, len(words), len(words) // 3 + 1):
            await asyncio.sleep(0)
            yield ChatChunk(text=words[begin : begin + len(words) // 3 + 1])
            if "fail" in asked:
                raise Mishap(f"broke at {asked}")
        yield ChatChunk(stop="end")


def numbered(book: Notebook, name: str) -> Callable[[], Any]:
    """Something that never gives the same twice."""

    async def number() -> str:
        return f"{name}#{book.note(name)}"

    return number


def pipeline(book: Notebook) -> Agents:
    """A writer, of whom an echo and a critic hear while they write; the echo is over at once."""
    writer = assistant("writer", model=Numbered(book, slow=0.003))
    critic = assistant("critic", model=Numbered(book))

    @agent
    async def echo(turn: Turn) -> None:
        turn.reply("echo:", turn.messages)

    @agent
    async def root(turn: Turn) -> None:
        draft = writer.inquire(turn.messages)
        turn.reply(echo.inquire(draft), critic.inquire(draft))

    return Agents(root)


def fan(book: Notebook) -> Agents:
    """Many at once, equal questions too; by gather, by a group of tasks, under a timeout."""
    worker = assistant("worker", model=Numbered(book))

    @agent
    async def root(turn: Turn) -> None:
        async def one(n: int) -> str:
            async with asyncio.timeout(10):
                return str(await worker.inquire(f"q{n}"))

        gathered = await asyncio.gather(one(0), one(1))
        async with asyncio.TaskGroup() as tasks:
            grouped = [tasks.create_task(one(n)) for n in (2, 3)]
        same = [worker.inquire("same"), worker.inquire("same")]
        turn.reply(*gathered, *[task.result() for task in grouped], same)
        turn.reply(worker.inquire(*gathered), worker.inquire("keyed", key="a"))

    return Agents(root)


def errors(book: Notebook) -> Agents:
    """Errors of children that are handled: before, after and in the middle of what they say."""
    broken = assistant("broken", model=Numbered(book))

    @agent
    async def raises(turn: Turn, how: str) -> None:
        number = await turn.step("number", numbered(book, "raises"))
        match how:
            case "at once":
                raise KeyError(number)
            case "later":
                turn.reply(number)
                raise Mishap(f"after {number}")
            case "closed":
                turn.reply(number).finish_early()
                raise Mishap("nobody hears this")
            case "within":
                turn.reply(number, Mishap(f"within {number}"), "and on")
            case "step":
                await turn.step("fails", failing)
            case "unicode":
                b"\xff".decode()

    async def failing() -> None:
        raise Mishap(f"step {book.note('failing')}")

    async def heard(turn: Turn, replies: Any) -> str:
        """What there is to hear, errors in their places."""
        found: list[str] = []
        reader = aiter(replies)
        while True:
            try:
                found.append(str(await (await anext(reader))))
            except StopAsyncIteration:
                break
            except Exception as error:
                found.append(f"{type(error).__name__}: {error}")
        return " | ".join(found)

    @agent
    async def root(turn: Turn) -> None:
        for how in ("at once", "later", "closed", "within", "step", "unicode"):
            told = await heard(turn, raises.inquire(how=how))
            turn.reply(f"{how}: {told}")
            turn.reply(await turn.step(f"kept {how}", lambda told=told: _same(told)))
        told = await heard(turn, broken.inquire("fail"))
        turn.reply(f"broken: {told}", await turn.step("kept broken", lambda: _same(told)))
        pieces: list[str] = []
        async for promise in broken.inquire("fail again"):
            try:
                async for piece in promise:
                    pieces.append(piece)
            except Mishap as error:
                pieces.append(f"({error})")
        told = "".join(pieces)
        turn.reply(f"pieces: {told}", await turn.step("kept pieces", lambda: _same(told)))

    return Agents(root)


async def _same(told: str) -> str:
    return f"kept {told}"


def as_messages(book: Notebook) -> Agents:
    """Errors that are handed on as messages, through another turn."""
    broken = assistant("broken", model=Numbered(book))
    fine = assistant("fine", model=Numbered(book, slow=0.002))

    @agent
    async def raises(turn: Turn) -> None:
        turn.reply("first")
        raise ValueError(await turn.step("number", numbered(book, "raises")))

    @agent
    async def hands_on(turn: Turn) -> None:
        turn.reply(fine.inquire("a"), broken.inquire("fail"), raises.inquire(), fine.inquire("b"))

    @agent
    async def root(turn: Turn) -> None:
        async with Scope(errors_as_messages=True):
            replies = await hands_on.inquire()
        turn.reply(replies)
        turn.reply(await turn.step("kept", lambda: _same(str(replies))))

    return Agents(root)


def dialog(book: Notebook) -> Agents:
    """Two who hear one another while they speak."""

    @agent
    async def partner(turn: Turn) -> None:
        async for promise in turn.messages:
            said = str(await promise)
            number = await turn.step("number", numbered(book, "partner"), args=said)
            turn.reply(f"{said}/{number}")

    @agent
    async def root(turn: Turn) -> None:
        inquiry = partner.initiate_inquiry()
        inquiry.send("begin")
        heard = aiter(inquiry.replies(finish=False))
        said = ""
        for _ in range(3):
            said = str(await (await anext(heard)))
            inquiry.send(said)
        inquiry.finish()
        turn.reply(inquiry.replies())

    return Agents(root)


def own_streams(book: Notebook) -> Agents:
    """Streams of a turn's own behind replies that are slow only the first time."""
    slow = assistant("slow", model=Numbered(book, slow=0.005))

    @agent
    async def root(turn: Turn) -> None:
        number = await turn.step("number", numbered(book, "root"))

        async def streamed(_: Any) -> AsyncIterator[str]:
            for piece in ("my ", "own ", number):
                await asyncio.sleep(0)
                yield piece

        turn.reply(slow.inquire("one"), MessagePromise(streamed))
        turn.reply(slow.inquire("two"), MessagePromise(streamed))

    return Agents(root)


def kinds(book: Notebook) -> Agents:
    """Constants that several say, a class of messages, exceptions as replies, things said twice."""

    @agent
    async def greets(turn: Turn) -> None:
        turn.reply(HELLO, HELLO)
        number = await turn.step("number", numbered(book, "greets"))
        turn.reply(Poem(number, role="assistant", lines=3))

    @agent
    async def answers(turn: Turn) -> None:
        heard = await turn.messages
        turn.reply(HELLO, heard[-1], heard[-1].text)

    @agent
    async def root(turn: Turn) -> None:
        greeting = greets.inquire()
        answer = answers.inquire(greeting)
        turn.reply(HELLO, greeting, answer, greeting)
        lines = [getattr(message, "lines", 0) for message in await greeting]
        async for promise in answer:
            turn.reply(await turn.step("kept", lambda: _same("x")), answers.inquire(promise))
        turn.reply(f"lines {lines}")

    return Agents(root)


def prefixes(book: Notebook) -> Agents:
    """One who reads no more than the first letters, and does a step that says nothing of them."""
    writer = assistant("writer", model=Numbered(book, slow=0.002))

    @agent
    async def early(turn: Turn) -> None:
        read = ""
        async for promise in turn.messages:
            async for piece in promise:
                read += piece
                break
            break
        told = read + str(book.count("model"))
        turn.reply("early", await turn.step("keep", lambda: _same(told)))
        turn.reply(f"it was {told[: len(read)]}")

    @agent
    async def root(turn: Turn) -> None:
        draft = writer.inquire("draft")
        turn.reply(early.inquire(draft), draft)

    return Agents(root)


def effects(book: Notebook) -> Agents:
    """Tools that must be used once, side by side, after approval; and one that may be repeated."""

    @tool(effect="once", risk="write")
    async def bump(what: str) -> str:
        """Count something."""
        await asyncio.sleep(0)
        book.note(f"effect {what}")
        return f"bumped {what}"

    clerk = assistant("clerk", model=Numbered(book), tools=[bump])

    @agent
    async def approver(turn: Turn) -> None:
        answer = await ask({"kind": "input", "text": "Go on?"}, _nobody)
        turn.reply(clerk.inquire(f"approved {answer}"))

    @agent
    async def root(turn: Turn) -> None:
        both = [clerk.inquire("a"), approver.inquire()]
        turn.reply(both)
        turn.reply(clerk.inquire(await both[0]))

    return Agents(root)


async def _nobody() -> Any:
    raise AssertionError("there is a run around")


def early_end(book: Notebook) -> Agents:
    """Replies that end before the turn, held open, out of order, cancelled by their reader."""
    worker = assistant("worker", model=Numbered(book))

    @agent
    async def ends(turn: Turn) -> None:
        turn.reply("short").finish_early()
        await worker.inquire("behind the back")

    @agent
    async def holds(turn: Turn) -> None:
        async def later() -> None:
            turn.reply(await turn.step("number", numbered(book, "holds")))

        turn.hold_open(later())

    @agent
    async def endless(turn: Turn) -> None:
        turn.reply(await turn.step("number", numbered(book, "endless")))
        await asyncio.Event().wait()

    @agent
    async def root(turn: Turn) -> None:
        started = endless.inquire()
        async for promise in started:
            turn.reply(promise)
            break
        turn.reply(ends.inquire(), holds.inquire())
        turn.reply_out_of_order(worker.inquire("x"))
        held = await holds.inquire("again")
        started.cancel()
        turn.reply(held)

    return Agents(root)


PROGRAMS: dict[str, Program] = {
    made.__name__: made
    for made in (
        pipeline,
        fan,
        errors,
        as_messages,
        dialog,
        own_streams,
        kinds,
        prefixes,
        effects,
        early_end,
    )
}

__all__ = ["PROGRAMS", "Agent"]
