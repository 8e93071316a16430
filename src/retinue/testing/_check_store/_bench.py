"""Bench: what a check works with: a place of its own, stores opened there, and short ways to write.

A check is a function whose name says what holds, and whose docstring is the sentence of the
contract that is broken where it fails.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from retinue.errors import StoreError
from retinue.messages import Message, value
from retinue.messages.events import Event, LogEvent, MessageEnded
from retinue.storage import Change, Claim, Log, Order, Page, RunRecord, Runs, Store, Written
from retinue.testing._tried import CheckFailed

LEASE = 3600.0
"""Seconds for which a holder of this kit may be silent."""


STRANGE = "NUL \x00, half \ud83d, ☕ 👩‍🚀 שלום, \r\n\t 'a\" \\ %_ {} $1 :a ?\u2028 end"
"""Letters that any text may have; a half of a surrogate pair is what a cut stream leaves."""


@value
class Place:
    """Where a store is opened. Two stores opened with equal places see the same things.

    Args:
        folder: Exists, is empty, and goes after the check.
        name: Of letters and digits, used once: for a schema, a database, a file.
        blob_limit, owner_limit: Bytes that one file, and all files of one owner, may have.
    """

    folder: Path
    name: str
    blob_limit: int = 10_000
    owner_limit: int = 25_000


type OpenStore = Callable[[Place], Store | Awaitable[Store] | AbstractAsyncContextManager[Store]]


class Check(NamedTuple):
    """One check; its name is a sentence, and `contract` the one it is about."""

    name: str
    contract: str
    run: "Callable[[Bench], Awaitable[None]]"
    needs: frozenset[str]
    """What a store must be able to do for it."""


def check(*needs: str) -> "Callable[[Callable[[Bench], Awaitable[None]]], Check]":
    """A check that is called as its function is, and is about the sentence in its docstring."""

    def made(run: "Callable[[Bench], Awaitable[None]]") -> Check:
        contract = " ".join((run.__doc__ or "").split())
        return Check(run.__name__.replace("_", " "), contract, run, frozenset(needs))

    return made


def expect(right: bool, expected: str, seen: object) -> None:
    """Fail the check unless it is right."""
    if not right:
        raise CheckFailed(expected, seen)


def equal(seen: object, expected: object, what: str) -> None:
    """Fail the check unless both are equal."""
    expect(seen == expected, f"{what}: {expected!r}", repr(seen))


async def refused(
    asked: Awaitable[object], what: str, *errors: type[Exception]
) -> StoreError | Exception:
    """The error of these kinds that asking raises; fail the check where it raises none."""
    names = " or ".join([error.__name__ for error in errors])
    try:
        given = await asked
    except errors as error:
        return error
    except Exception as error:
        raise CheckFailed(f"{names} when {what}", f"{type(error).__name__}: {error}") from error
    raise CheckFailed(f"{names} when {what}", repr(given))


def said(text: str, *, id: str | None = None, role: str = "assistant") -> MessageEnded:
    """A message that is whole."""
    return MessageEnded(message=Message(text, role=role, id=id))


def texts(messages: "tuple[Message, ...] | list[Message]") -> list[str]:
    return [message.text for message in messages]


async def all_pages(ask: Callable[[str | None], Awaitable[Page[Any]]]) -> list[list[Any]]:
    """The items of every page, from the first to the last."""
    pages: list[list[Any]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = await ask(cursor)
        pages.append(list(page.items))
        cursor = page.cursor
    return pages


class Pen:
    """Writes in one run, under one claim, and counts."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self.store = store
        self.claim = claim
        self.number = 0

    @property
    def run(self) -> RunRecord:
        return self.claim.run

    @property
    def conversation(self) -> str:
        return self.claim.run.conversation

    async def write(self, *changes: Change) -> Written:
        """The next write; one that is refused does not count."""
        written = await self.store.claims.write(self.claim, self.number + 1, *changes)
        self.number += 1
        return written

    async def record(self) -> RunRecord:
        """The run as it is now."""
        return await self.store.runs(self.run.owner).run(self.run.id)


class Bench:
    """The place of one check; a block at whose end all its stores are closed.

    Args:
        open_store: As `check_store` gets it.
        place: Where.
        patience: Seconds that no reader may have to wait.
    """

    def __init__(self, open_store: OpenStore, place: Place, *, patience: float) -> None:
        self._open_store = open_store
        self._closing = AsyncExitStack()
        self.place = place
        self.patience = patience
        self.store: Store
        self._holders: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self.store = await self.open()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._closing.__aexit__(*error)

    @property
    def log(self) -> Log:
        return self.store.log("ann")

    @property
    def runs(self) -> Runs:
        return self.store.runs("ann")

    async def open(self) -> Store:
        """One more store, as in another process."""
        opened = self._open_store(self.place)
        if isinstance(opened, AbstractAsyncContextManager):
            return await self._closing.enter_async_context(opened)
        store = await opened if inspect.isawaitable(opened) else opened
        self._closing.push_async_callback(store.close)
        return store

    async def reopen(self) -> None:
        """Close all, and open it again."""
        await self._closing.aclose()
        self.store = await self.open()

    async def thread(self, *events: LogEvent, owner: str = "ann") -> str:
        """A new conversation, with these events."""
        log = self.store.log(owner)
        conversation = await log.begin()
        if events:
            await log.append(conversation.id, *events)
        return conversation.id

    async def order(
        self, conversation: str | None = None, *, owner: str = "ann", **more: Any
    ) -> RunRecord:
        """A run that waits to be taken up; in a conversation of its own where none is given."""
        conversation = conversation or await self.thread(owner=owner)
        wanted = Order(
            conversation=conversation, agent="poet", messages=(Message("a haiku"),), **more
        )
        return await self.store.runs(owner).order(wanted)

    async def pen(
        self, run: RunRecord | None = None, *, holder: str | None = None, owner: str = "ann"
    ) -> Pen:
        """The right to write in a run, which a new holder has taken up.

        One that was unloaded is taken up by who did that.
        """
        run = run or await self.order(owner=owner)
        claims = self.store.claims
        unloaded = self._holders.get(run.id) if run.status == "queued" else None
        claim = None
        for who in (holder or await claims.join(), unloaded):
            if claim is None and who is not None:
                claim = await claims.claim(run, who, lease=LEASE)
                self._holders[run.id] = who
        if claim is None:
            raise CheckFailed("a claim to a run that is queued", None)
        return Pen(self.store, claim)

    async def again(self, pen: Pen) -> Pen:
        """The same run, taken up by somebody else because its holder left."""
        await self.store.claims.leave(pen.claim.holder)
        return await self.pen(await pen.record())

    async def told(self, events: AsyncIterator[Event], count: int) -> list[Any]:
        """So many of what a reader is told."""
        heard: list[Event] = []
        try:
            async with asyncio.timeout(self.patience):
                while len(heard) < count:
                    heard.append(await anext(events))
        except TimeoutError:
            raise CheckFailed(
                f"{count} events within {self.patience:g} s", f"{len(heard)}: {heard}"
            ) from None
        return heard
