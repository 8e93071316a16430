"""House: the person's conversations, and an engine that executes here what is asked here."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from retinue.agents import Agent
from retinue.app.retinue import Agents, Retinue
from retinue.errors import StoreFailed, StoreTooNew
from retinue.runs import Embedded
from retinue.settings import Settings, current_folder
from retinue.storage import RunRecord, Store, open_store

from ._cast import Cast
from ._screen import Screen


class Own(Agents):
    """Who executes the runs of one conversation at a time; those of others are left to others.

    Args:
        settings: Those of this process.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.conversation: str | None = None
        """Whose runs are executed here."""
        self._others = Cast(settings)
        self._ready: tuple[Agent, str | None] | None = None

    def prepare(self, agent: Agent, version: str | None) -> None:
        """This agent executes what is asked next."""
        self._ready = agent, version

    def takes(self, run: RunRecord) -> bool:
        """Whether the run is for this process."""
        return run.conversation == self.conversation and not run.background

    def check(self, name: str) -> None:
        """Whoever is asked here was prepared for it."""

    def agent(self, name: str, version: str | None) -> Agent:
        if self._ready is not None:
            agent, known = self._ready
            if (agent.name, known) == (name, version):
                return agent
        return self._others.agent(name, version)


class House:
    """What one process needs to ask, and to go on.

    Args:
        retinue: The conversations.
        engine: What executes runs.
        own: Who does, and which.
        folder: Where new conversations belong.
    """

    def __init__(self, retinue: Retinue, engine: Embedded, own: Own, folder: str | None) -> None:
        self.retinue = retinue
        self.folder = folder
        self._engine = engine
        self._own = own

    def execute(self, conversation: str | None) -> None:
        """Take up what is asked in this conversation, also what was asked before."""
        self._own.conversation = conversation
        self._engine.look()

    def prepare(self, agent: Agent, version: str | None) -> None:
        """This agent executes what is asked next."""
        self._own.prepare(agent, version)


@asynccontextmanager
async def opened(
    settings: Settings, screen: Screen, *, must_last: bool = False
) -> AsyncGenerator[House]:
    """The house, while in here.

    Args:
        settings: Where it is; who answers.
        screen: Where it is said that nothing can be kept.
        must_last: Whether something that is kept already is asked for.

    Raises:
        StoreFailed, MissingExtra: The store that was chosen cannot be opened.
    """
    own = Own(settings)
    store = await _store(settings, screen, must_last=must_last)
    try:
        async with Embedded(store, own, takes=own.takes) as engine:
            yield House(Retinue(store, engine, own), engine, own, _folder())
    finally:
        await store.close()


def _folder() -> str | None:
    folder = current_folder()
    return None if folder is None else os.fspath(folder.resolve())


async def _store(settings: Settings, screen: Screen, *, must_last: bool) -> Store:
    """The store; one in memory, where nobody chose one and the usual place cannot be had."""
    try:
        return await open_store(settings.store)
    except StoreTooNew:
        raise
    except StoreFailed as error:
        if must_last or settings.store is not None:
            raise
        screen.remark(f"nothing of this is kept: {error}")
        return await open_store("memory:")
