"""Retinue: a store, an engine and agents by name; what every door opens to."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from retinue.agents import Agent
from retinue.errors import NotFound, UnknownAgent
from retinue.messages import Message
from retinue.messages.codecs import value_to_json
from retinue.runs import Embedded, Run
from retinue.storage import (
    Blobs,
    Conversation,
    Log,
    Notes,
    Order,
    Runs,
    Store,
    open_store,
)

OWNER = "me"
"""Whose everything is, where one person uses a store of their own."""

type Cast = Callable[[], Agent] | Agent
"""An agent, or what makes one anew for each run."""


class Retinue:
    """Everything of one owner: conversations that last, and agents that work in them.

        async with await Retinue.open(agents=[writer]) as retinue:
            run = await retinue.start("writer", "A haiku about rain")
            print(await run.replies())

    Args:
        store: Where everything is kept.
        engine: What executes runs here; None, if others do.
        agents: By the names that runs know them by.
        owner: Whose conversations these are.
    """

    def __init__(
        self, store: Store, engine: Embedded | None, agents: "Agents", *, owner: str = OWNER
    ) -> None:
        self.store = store
        self.owner = owner
        self.agents = agents
        self.engine = engine
        self.log: Log = store.log(owner)
        self.runs: Runs = store.runs(owner)
        self.blobs: Blobs = store.blobs(owner)
        self.notes: Notes = store.notes(owner)

    @classmethod
    async def open(
        cls,
        where: str | Path | None = None,
        *,
        agents: Iterable[Agent] = (),
        owner: str = OWNER,
    ) -> Self:
        """Open a store, and execute its runs in this process.

        Args:
            where: As of `open_store`; by default the person's own file.
            agents: Those that can be started, by their names.
            owner: Whose conversations are meant.

        Raises:
            StoreFailed, MissingExtra: It cannot be opened.
        """
        known = Agents()
        for agent in agents:
            known.add(agent.name, agent)
        store = await open_store(where)
        try:
            engine = await Embedded(store, known).__aenter__()
        except BaseException:
            await store.close()
            raise
        return cls(store, engine, known, owner=owner)

    @classmethod
    async def visit(cls, where: str | Path | None = None, *, owner: str = OWNER) -> Self:
        """Open a store to look at it, and execute nothing here; as `open`."""
        return cls(await open_store(where), None, Agents(), owner=owner)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave everything to whoever opens it next."""
        try:
            if self.engine is not None:
                await self.engine.__aexit__()
        finally:
            await self.store.close()

    async def start(
        self,
        agent: str,
        *messages: Message | str,
        conversation: str | None = None,
        folder: str | None = None,
        background: bool = False,
        limits: dict[str, float] | None = None,
        without: Sequence[str] = (),
        version: str | None = None,
    ) -> Run:
        """Have an agent answer, in a conversation; it goes on whatever becomes of this process.

        Args:
            agent: Its name.
            messages: What it is asked; after all that was said in the conversation before.
            conversation: The id of one; by default a new one begins.
            folder: Where a new one belongs.
            background: Whether nobody waits for it here: any process may execute it.
            limits: What it may take, by unit: "usd", "tokens", "turns".
            without: Ids of messages of the conversation that it is not told of.
            version: Of the agent, for whoever executes it.

        Raises:
            UnknownAgent: There is no such agent.
            NotFound: There is no such conversation.
        """
        if self.engine is not None:
            self.agents.check(agent)
        said = tuple(
            [one if isinstance(one, Message) else Message(one, role="user") for one in messages]
        )
        if conversation is None:
            title = next((one.text for one in said if one.text), agent)
            thread = await self.log.begin(title=title[:80], folder=folder)
            conversation = thread.id
        options = {"limits": limits or {}, "without": list(without)}
        order = Order(
            conversation=conversation,
            agent=agent,
            version=version,
            messages=said,
            options=value_to_json({name: value for name, value in options.items() if value}),
            background=background,
            holder=None if background or self.engine is None else self.engine.holder,
        )
        return Run(self.store, await self.runs.order(order))

    async def run(self, id: str) -> Run:
        """The run of that id, or the only one whose id begins so.

        Raises:
            NotFound, Ambiguous: There is none, or there are several.
        """
        return Run(self.store, await self.runs.find(id))

    async def last(self, folder: str) -> Conversation:
        """The conversation that changed last among those that belong to a folder.

        Raises:
            NotFound: None does.
        """
        page = await self.log.conversations(folder=folder, limit=1)
        if not page.items:
            raise NotFound(
                f"No conversation was begun in {folder!r}", hint="Begin one: leave out --continue."
            )
        return page.items[0]


class Agents:
    """Agents by name; the resolver of the engine."""

    def __init__(self) -> None:
        self._cast: dict[str, Cast] = {}

    def add(self, name: str, agent: Cast) -> None:
        """Have it known by that name; one that was known by it is no more."""
        self._cast[name] = agent

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._cast)

    def check(self, name: str) -> None:
        """Raises UnknownAgent, where there is none of that name."""
        if name not in self._cast:
            known = ", ".join(self._cast) or "none"
            raise UnknownAgent(f"No agent is called {name!r}", hint=f"Known agents: {known}.")

    def agent(self, name: str, version: str | None) -> Agent:
        """See `retinue.runs.Resolver`."""
        self.check(name)
        found = self._cast[name]
        return found if isinstance(found, Agent) else found()
