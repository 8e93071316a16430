"""Nobody sees, finds or changes what is somebody else's, whatever they ask for."""

from retinue.errors import NotFound, StoreError
from retinue.messages import Message
from retinue.storage import Order, Waits

from ._bench import Bench, check, equal, refused, said
from ._interrupts import ask


@check()
async def nobody_sees_the_conversations_of_others(bench: Bench) -> None:
    """Log: The conversations of one owner. Nobody else's can be seen: they are not found."""
    hers = await bench.log.begin(title="secret", folder="/tea", id="her-id")
    await bench.log.append(hers.id, said("secret tea"))
    log = bench.store.log("bob")
    await refused(log.conversation(hers.id), "conversation() has her id", NotFound)
    await refused(log.find("her"), "find() has the beginning of her id", NotFound)
    await refused(log.change(hers.id, title="his"), "change() has her id", NotFound)
    await refused(log.delete(hers.id), "delete() has her id", NotFound)
    await refused(log.append(hers.id, said("his")), "append() has her id", NotFound)
    await refused(log.append(hers.id), "append() has her id, and nothing to add", NotFound)
    await refused(log.events(hers.id), "events() has her id", NotFound)
    await refused(log.tails(hers.id), "tails() has her id", NotFound)
    await refused(log.messages(hers.id), "messages() has her id", NotFound)
    await refused(_follow(bench, hers.id), "follow() has her id", NotFound)
    equal((await log.conversations()).items, (), "no conversations in his list")
    equal((await log.conversations(folder="/tea")).items, (), "none in her folder")
    equal((await log.search("tea")).items, (), "none of her words")
    record = await bench.log.conversation(hers.id)
    equal((record.title, record.seq), ("secret", 1), "her conversation as it was")


async def _follow(bench: Bench, conversation: str) -> object:
    async with bench.store.log("bob").follow(conversation) as events:
        return await bench.told(events, 1)


@check()
async def nobody_sees_the_runs_of_others(bench: Bench) -> None:
    """Runs: The runs of one owner, and what they ask. NotFound, where there is none of that id."""
    pen = await bench.pen(await bench.order(id="her-run"))
    await pen.write(ask(pen, "her-question"), Waits())
    runs = bench.store.runs("bob")
    await refused(runs.run("her-run"), "run() has her id", NotFound)
    await refused(runs.find("her"), "find() has the beginning of her id", NotFound)
    await refused(runs.replies("her-run"), "replies() has her id", NotFound)
    await refused(runs.stop("her-run"), "stop() has her id", NotFound)
    await refused(runs.interrupt("her-question"), "interrupt() has her id", NotFound)
    await refused(runs.answer("her-question", 1), "answer() has her id", NotFound)
    await refused(runs.inbox(run="her-run"), "inbox() has her id", NotFound)
    order = Order(conversation=pen.conversation, agent="poet", messages=(Message("his"),))
    await refused(runs.order(order), "order() has the id of her conversation", NotFound)
    equal((await runs.runs()).items, (), "no runs in his list")
    equal((await runs.inbox()).items, (), "no questions in his inbox")
    equal((await pen.record()).status, "waiting", "her run as it was")
    equal((await bench.runs.interrupt("her-question")).status, "open", "her question as it was")
    equal((await bench.log.conversation(pen.conversation)).seq, 1, "her log as it was")


@check()
async def nobody_lists_the_runs_of_a_conversation_of_others(bench: Bench) -> None:
    """Runs: The runs of one owner. NotFound, where there is none of that id."""
    run = await bench.order()
    try:
        listed = (await bench.store.runs("bob").runs(conversation=run.conversation)).items
    except NotFound:
        return
    equal(listed, (), "no runs of her conversation")


@check()
async def an_id_of_others_gives_nothing_of_theirs(bench: Bench) -> None:
    """Nobody else's can be seen: they are not found."""
    hers = await bench.order(await bench.thread(said("hers")), id="her-run")
    his = await bench.thread(owner="bob")
    order = Order(conversation=his, agent="spy", messages=(Message("his"),), id="her-run")
    try:
        begun = await bench.store.log("bob").begin(id=hers.conversation)
        equal((begun.owner, begun.seq), ("bob", 0), "a conversation of his own")
    except StoreError:
        pass
    try:
        ordered = await bench.store.runs("bob").order(order)
        equal((ordered.owner, ordered.agent), ("bob", "spy"), "a run of his own")
    except StoreError:
        equal((await bench.store.log("bob").conversation(his)).seq, 0, "nothing in his log")
    equal(await bench.runs.run("her-run"), hers, "her run as it was")
    equal((await bench.log.conversation(hers.conversation)).seq, 2, "her log as it was")


@check()
async def nobody_sees_the_files_of_others(bench: Bench) -> None:
    """Blobs: Files of one owner, by content; each belongs to the conversations that use it."""
    here = await bench.thread()
    kept = await bench.store.blobs("ann").keep(here, b"secret", media_type="x/y", name="hers")
    blobs = bench.store.blobs("bob")
    await refused(blobs.blob(kept.hash), "blob() has the hash of hers", NotFound)
    await refused(blobs.data(kept.hash), "data() has the hash of hers", NotFound)
    await refused(blobs.blobs(here), "blobs() has the id of her conversation", NotFound)
    keep = blobs.keep(here, b"his", media_type="x/y")
    await refused(keep, "keep() has the id of her conversation", NotFound)
    his = await bench.thread(owner="bob")
    own = await blobs.keep(his, b"secret", media_type="z/z", name="his")
    equal((own.name, own.media_type), ("his", "z/z"), "a file of his own with that content")
    equal((await blobs.blob(kept.hash)).name, "his", "his when he asks for it")
    equal((await bench.store.blobs("ann").blob(kept.hash)).name, "hers", "hers when she does")
    await bench.store.log("bob").delete(his)
    equal(await bench.store.blobs("ann").data(kept.hash), b"secret", "hers, when his is deleted")
    await refused(blobs.data(kept.hash), "his was deleted", NotFound)


@check()
async def nobody_sees_the_notes_of_others(bench: Bench) -> None:
    """Notes: Small values of one owner under names."""
    await bench.store.notes("ann").put("n", "hers")
    notes = bench.store.notes("bob")
    equal(await notes.get("n"), None, "nothing of hers")
    equal(await notes.names(), (), "no names of hers")
    await notes.put("n", "his")
    await notes.put("n", None)
    equal(await bench.store.notes("ann").get("n"), "hers", "hers as it was")


@check()
async def an_owner_may_have_any_name(bench: Bench) -> None:
    """Store: Each face is opened for one owner."""
    names = ("", "ann", "Ann", "ann ", "a%", "a_", "o'neil", 'x"; --', "ä☕", "ann@example.org/1")
    for name in names:
        await bench.store.log(name).begin(title=name)
    for name in names:
        listed = (await bench.store.log(name).conversations()).items
        equal([(one.owner, one.title) for one in listed], [(name, name)], "their own alone")
