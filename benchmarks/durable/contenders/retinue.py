"""Retinue: three agents, each a turn. Whoever is asked runs by itself; its text is handed on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from script import FINAL, TASK, TURNS, models

from retinue import Agent, Message, Scope, Turn, agent
from retinue.runs import Embedded, Run
from retinue.storage import Order, Store, open_store

PACKAGES = ("retinue",)


@agent
async def writer(turn: Turn) -> None:
    turn.reply(await models.writer(str(await turn.messages)))


@agent
async def critic(turn: Turn) -> None:
    turn.reply(await models.critic(str(await turn.messages)))


@agent
async def editor(turn: Turn) -> None:
    draft = writer.inquire(turn.messages)
    verdict = critic.inquire(draft)
    turn.reply(await models.editor(str(await draft), str(await verdict)))


class Plain:
    """No run, no record: the agents alone."""

    turns = TURNS

    def __init__(self, lead: Agent) -> None:
        self._lead = lead

    async def run(self, name: str) -> str:
        async with Scope():
            return str(await self._lead.inquire(Message(TASK, role="user")))


class Durable:
    """Each run in a conversation of its own, ordered and followed to its end."""

    turns = TURNS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._log = store.log("ann")
        self._runs = store.runs("ann")

    async def run(self, name: str) -> str:
        await self._log.begin(id=name)
        asked = Message(TASK, role="user")
        order = Order(conversation=name, agent="editor", messages=(asked,), id=name)
        return str(await Run(self._store, await self._runs.order(order)).replies())

    async def kept(self, name: str) -> bool:
        record = await self._runs.run(name)
        page = await self._log.messages(name)
        return record.reason == "done" and page.items[-1].text == FINAL

    async def follow(self, name: str) -> None:
        async with self._log.follow(name) as events:
            async for _ in events:
                pass


class Known:
    def __init__(self, lead: Agent) -> None:
        self._lead = lead

    def agent(self, name: str, version: str | None) -> Agent:
        return self._lead


@asynccontextmanager
async def opened(place: str, where: str, lead: Agent = editor) -> AsyncGenerator[Any]:
    if place == "off":
        yield Plain(lead)
        return
    store = await open_store(where)
    try:
        async with Embedded(store, Known(lead)):
            yield Durable(store)
    finally:
        await store.close()
