"""DBOS: a workflow of three steps, started by calling it, which is its quickest way."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, SetWorkflowID
from script import FINAL, TASK, TURNS, models

PACKAGES = ("dbos",)


@DBOS.step()
async def writer(task: str) -> str:
    return await models.writer(task)


@DBOS.step()
async def critic(draft: str) -> str:
    return await models.critic(draft)


@DBOS.step()
async def editor(draft: str, verdict: str) -> str:
    return await models.editor(draft, verdict)


@DBOS.workflow()
async def flow(task: str) -> str:
    draft = await writer(task)
    return await editor(draft, await critic(draft))


class Plain:
    """The same functions without DBOS; it has no way to run without a database."""

    turns = TURNS

    async def run(self, name: str) -> str:
        draft = await models.writer(TASK)
        return await models.editor(draft, await models.critic(draft))


class Program:
    turns = TURNS

    async def run(self, name: str) -> str:
        with SetWorkflowID(name):
            return await flow(TASK)

    async def kept(self, name: str) -> bool:
        handle: Any = await DBOS.retrieve_workflow_async(name)
        return await handle.get_result() == FINAL


@asynccontextmanager
async def opened(place: str, where: str) -> AsyncGenerator[Any]:
    if place == "off":
        yield Plain()
        return
    DBOS(config={"name": "bench", "system_database_url": where, "log_level": "ERROR"})
    DBOS.launch()
    yield Program()
    DBOS.destroy()
