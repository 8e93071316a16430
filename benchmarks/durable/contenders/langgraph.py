"""LangGraph: a StateGraph of three nodes; with `durability="sync"` a checkpoint after each."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from script import FINAL, TASK, TURNS, models

PACKAGES = (
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
)


class State(TypedDict, total=False):
    task: str
    draft: str
    verdict: str
    final: str


async def writer(state: State) -> State:
    return {"draft": await models.writer(state["task"])}


async def critic(state: State) -> State:
    return {"verdict": await models.critic(state["draft"])}


async def editor(state: State) -> State:
    return {"final": await models.editor(state["draft"], state["verdict"])}


class Program:
    turns = TURNS

    def __init__(self, saver: Any) -> None:
        graph = StateGraph(State)
        before = START
        for node in (writer, critic, editor):
            graph.add_node(node.__name__, node)
            graph.add_edge(before, node.__name__)
            before = node.__name__
        graph.add_edge(before, END)
        self._graph = graph.compile(checkpointer=saver)
        self._how: Any = {"durability": "sync"} if saver is not None else {}

    async def run(self, name: str) -> str:
        state = await self._graph.ainvoke({"task": TASK}, _thread(name), **self._how)
        return state["final"]

    async def kept(self, name: str) -> bool:
        return (await self._graph.aget_state(_thread(name))).values["final"] == FINAL


def _thread(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


@asynccontextmanager
async def opened(place: str, where: str) -> AsyncGenerator[Program]:
    match place:
        case "off":
            yield Program(None)
        case "memory":
            yield Program(InMemorySaver())
        case "sqlite":
            async with AsyncSqliteSaver.from_conn_string(where) as saver:
                await saver.setup()
                yield Program(saver)
        case _:
            how = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
            async with AsyncConnectionPool(where, min_size=4, max_size=20, kwargs=how) as pool:
                saver = AsyncPostgresSaver(pool)  # a pool: with one connection all runs queue
                await saver.setup()
                yield Program(saver)
