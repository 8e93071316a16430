"""What is listed, page by page, and looked for by its words."""

from typing import Any

from retinue.messages import Message
from retinue.messages.events import MessageEnded
from retinue.storage import Happens, Page

from ._bench import Bench, all_pages, check, equal, said
from ._interrupts import ask


@check()
async def the_conversation_that_changed_last_comes_first(bench: Bench) -> None:
    """conversations: The one that changed last comes first."""
    a, b, c = [await bench.thread() for _ in range(3)]
    await bench.log.append(a, said("x"))
    await bench.order(b)
    listed = await bench.log.conversations()
    equal([one.id for one in listed.items], [b, a, c], "the order")
    equal(listed.cursor, None, "no cursor after the last")
    equal(listed.items[1], await bench.log.conversation(a), "the conversation as it is now")


@check()
async def the_conversations_of_a_folder_are_listed(bench: Bench) -> None:
    """begin: `folder` is where it belongs: the last one there can be found."""
    tea = await bench.log.begin(folder="/tea")
    await bench.log.begin(folder="/tea/green")
    await bench.log.begin()
    listed = await bench.log.conversations(folder="/tea")
    equal([one.id for one in listed.items], [tea.id], "those of exactly this folder")
    listed = await bench.log.conversations(folder="/none")
    equal(listed.items, (), "none of a folder without any")


@check()
async def pages_of_conversations_are_stable_under_inserts(bench: Bench) -> None:
    """Page: `cursor` gets the next ones, None after the last."""
    ids = [await bench.thread() for _ in range(5)]

    async def ask(cursor: str | None) -> Page[Any]:
        page = await bench.log.conversations(cursor=cursor, limit=2)
        await bench.thread()
        return page

    pages = await all_pages(ask)
    seen = [[one.id for one in page] for page in pages]
    equal(seen, [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]], "each once, while more are begun")


@check()
async def pages_of_runs_are_stable_under_inserts(bench: Bench) -> None:
    """runs: The newest first."""
    ids = [(await bench.order()).id for _ in range(5)]

    async def ask(cursor: str | None) -> Page[Any]:
        page = await bench.runs.runs(cursor=cursor, limit=2)
        await bench.order()
        return page

    seen = [[one.id for one in page] for page in await all_pages(ask)]
    equal(seen, [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]], "each once, while more are ordered")


@check()
async def there_is_no_page_after_the_last(bench: Bench) -> None:
    """Page: `cursor` gets the next ones, None after the last."""
    for _ in range(4):
        pen = await bench.pen()
        await pen.write(ask(pen, pen.run.id))
        await bench.log.append(pen.conversation, said("tea"))
    here = await bench.thread(*[said("coffee") for _ in range(4)])
    log, runs = bench.log, bench.runs
    pages = {
        "runs": await all_pages(lambda cursor: runs.runs(cursor=cursor, limit=2)),
        "inbox": await all_pages(lambda cursor: runs.inbox(cursor=cursor, limit=2)),
        "search": await all_pages(lambda cursor: log.search("tea", cursor=cursor, limit=2)),
        "messages": await all_pages(lambda cursor: log.messages(here, cursor=cursor, limit=2)),
    }
    for name, some in pages.items():
        equal([len(page) for page in some], [2, 2], f"the lengths of the pages of {name}")
    some = await all_pages(lambda cursor: log.conversations(cursor=cursor, limit=5))
    equal([len(page) for page in some], [5], "the length of the page of conversations")


@check()
async def messages_are_found_by_all_their_words(bench: Bench) -> None:
    """search: Messages that have all of these words, in any order and case; the newest first."""
    first = await bench.thread(said("Green tea, please."), said("Black COFFEE"))
    second = await bench.thread(said("TEA is green! ÄRGER"), said("greenhouse, steam"))

    async def found(words: str) -> list[tuple[str, int, str]]:
        page = await bench.log.search(words)
        return [(one.conversation.id, one.seq, one.message.text) for one in page.items]

    both = [(second, 1, "TEA is green! ÄRGER"), (first, 1, "Green tea, please.")]
    equal(await found("green tea"), both, "both that have the words")
    equal(await found("Tea GREEN"), both, "the same in another order and case")
    equal(await found("coffee"), [(first, 2, "Black COFFEE")], "the one")
    equal(await found("ärger"), both[:1], "letters beyond English, in another case")
    equal(await found("green coffee"), [], "none has both of these")
    equal(await found("hous"), [], "words, not letters")


@check()
async def words_that_mean_something_to_a_query_are_words(bench: Bench) -> None:
    """search: Messages that have all of these words."""
    await bench.thread(said("not near or and"))
    for words in (
        '"',
        "'",
        "NOT",
        "AND OR",
        "tea*",
        "(",
        "a:b",
        "NEAR(x",
        "-",
        "",
        "%",
        "\\",
        "&|!",
    ):
        await bench.log.search(words)
    page = await bench.log.search("AND OR")
    equal(len(page.items), 1, "AND and OR are words that can be found")


@check()
async def pages_of_what_was_found_are_stable_under_inserts(bench: Bench) -> None:
    """search: Page by page, the newest first."""
    here = await bench.thread(*[said(f"tea {n}") for n in range(5)])

    async def ask(cursor: str | None) -> Page[Any]:
        page = await bench.log.search("tea", cursor=cursor, limit=2)
        await bench.log.append(here, said("more tea"))
        return page

    seen = [[one.message.text for one in page] for page in await all_pages(ask)]
    equal(seen, [["tea 4", "tea 3"], ["tea 2", "tea 1"], ["tea 0"]], "each once")


@check()
async def what_an_agent_said_is_found_too(bench: Bench) -> None:
    """search: Messages that have all of these words."""
    pen = await bench.pen()
    reply = Message("an old silent pond", role="assistant", agent="poet")
    await pen.write(Happens(event=MessageEnded(message=reply, run=pen.run.id)))
    page = await bench.log.search("pond silent")
    equal([one.message.id for one in page.items], [reply.id], "the reply")
    page = await bench.log.search("haiku")
    equal(
        [one.conversation.id for one in page.items], [pen.conversation], "what it was ordered with"
    )
