"""The transcript: what was said to the agent, and what it replied."""

from typing import Any

from retinue.errors import NotFound
from retinue.messages import Message
from retinue.messages.events import MessageEnded, RunStarted
from retinue.storage import Happens, Page, Shown

from ._bench import Bench, all_pages, check, equal, expect, refused, said, texts


def _reply(text: str, run: str) -> tuple[Message, Happens]:
    message = Message(text, role="assistant", agent="poet")
    return message, Happens(event=MessageEnded(message=message, run=run))


@check()
async def what_was_appended_and_ordered_is_the_transcript(bench: Bench) -> None:
    """append: Messages in them (MessageEnded) become part of the transcript."""
    here = await bench.thread(RunStarted(), said("one"), said("two"))
    await bench.order(here)
    page = await bench.log.messages(here)
    equal(texts(page.items), ["one", "two", "a haiku"], "the messages in their order")
    equal(page.items[2].role, "user", "as they were")


@check()
async def what_an_agent_says_is_shown_when_it_says_so(bench: Bench) -> None:
    """Shown: These messages, by id, come next in the transcript; they have ended already."""
    pen = await bench.pen()
    here = pen.conversation
    first, first_ended = _reply("first", pen.run.id)
    inner, inner_ended = _reply("inner", pen.run.id)
    last, last_ended = _reply("last", pen.run.id)
    await pen.write(first_ended, inner_ended)
    equal(texts((await bench.log.messages(here)).items), ["a haiku"], "nothing that is not shown")
    await pen.write(last_ended, Shown(messages=(last.id, first.id)))
    shown = (await bench.log.messages(here)).items
    equal(texts(shown), ["a haiku", "last", "first"], "what is shown, in that order")
    equal([m.id for m in shown[1:]], [last.id, first.id], "with their ids")
    await pen.write(Shown(messages=(inner.id,)))
    await bench.log.append(here, said("thanks", role="user"))
    equal(
        texts((await bench.log.messages(here)).items),
        ["a haiku", "last", "first", "inner", "thanks"],
        "the order in which it was shown",
    )


@check()
async def a_transcript_can_be_had_as_it_was(bench: Bench) -> None:
    """messages: `until`: As it was when the event of this seq was the last."""
    pen = await bench.pen()
    here = pen.conversation  # 1: a haiku
    reply, ended = _reply("pond", pen.run.id)
    await pen.write(ended)  # 2
    await pen.write(Happens(event=RunStarted(run=pen.run.id)), Shown(messages=(reply.id,)))  # 3
    await bench.log.append(here, said("more"))  # 4

    async def until(seq: int) -> list[str]:
        return texts((await bench.log.messages(here, until=seq)).items)

    equal(await until(0), [], "nothing before the first")
    equal(await until(1), ["a haiku"], "what it was ordered with")
    equal(await until(2), ["a haiku"], "not what was not shown then")
    equal(await until(3), ["a haiku", "pond"], "what was shown when 3 was the last")
    equal(await until(4), ["a haiku", "pond", "more"], "all of it")


@check()
async def pages_of_a_transcript_go_back_from_its_end(bench: Bench) -> None:
    """messages: The first page holds the last, oldest first; `cursor` gets those before."""
    here = await bench.thread(*[said(str(n)) for n in range(7)])

    async def ask(cursor: str | None) -> Page[Any]:
        page = await bench.log.messages(here, cursor=cursor, limit=3)
        await bench.log.append(here, said("new"))
        return page

    seen = [texts(page) for page in await all_pages(ask)]
    equal(seen, [["4", "5", "6"], ["1", "2", "3"], ["0"]], "each once, while more is said")

    async def before(cursor: str | None) -> Page[Any]:
        return await bench.log.messages(here, until=5, cursor=cursor, limit=2)

    seen = [texts(page) for page in await all_pages(before)]
    equal(seen, [["3", "4"], ["1", "2"], ["0"]], "pages of what it was")


@check()
async def a_transcript_without_messages_is_empty(bench: Bench) -> None:
    """messages: The transcript: what was said to the agent and what it replied, in order."""
    page = await bench.log.messages(await bench.thread())
    equal((page.items, page.cursor), ((), None), "an empty page, and none before it")


@check()
async def what_a_run_replied_is_known(bench: Bench) -> None:
    """replies: What is shown of it in the transcript: what it replied, in order."""
    here = await bench.thread(said("before"))
    pen, other = [await bench.pen(await bench.order(here)) for _ in range(2)]
    first, first_ended = _reply("first", pen.run.id)
    inner, inner_ended = _reply("inner", pen.run.id)
    last, last_ended = _reply("last", pen.run.id)
    theirs, theirs_ended = _reply("theirs", other.run.id)
    equal(await bench.runs.replies(pen.run.id), (), "nothing before it replied")
    await pen.write(last_ended, first_ended, inner_ended, Shown(messages=(first.id,)))
    await other.write(theirs_ended, Shown(messages=(theirs.id,)))
    await pen.write(Shown(messages=(last.id,)))
    replies = await bench.runs.replies(pen.run.id)
    equal([one.id for one in replies], [first.id, last.id], "what it showed, in that order")
    equal(texts(list(replies)), ["first", "last"], "as it was said")
    equal(texts(list(await bench.runs.replies(other.run.id))), ["theirs"], "what another showed")
    expect(inner.id not in [one.id for one in replies], "nothing that is not shown", replies)
    await refused(bench.runs.replies("none"), "there is no such run", NotFound)
