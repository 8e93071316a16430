"""Any write may be the last of a process: what is shown in the end is of one execution."""

import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from retinue.messages.events import MessageEnded, TurnEnded, TurnStarted
from retinue.runs import Run
from retinue.storage import Store
from retinue.storage.memory import MemoryStore
from retinue.storage.sqlite import SqliteStore

from ._bench import (
    Notebook,
    answering,
    crash_again_and_again,
    crash_everywhere,
    execute,
    log_of,
    replies,
)
from ._programs import PROGRAMS


def unnumbered(texts: list[str]) -> list[str]:
    """The same without what differs from one execution to the next."""
    plain = [re.sub(r"(step|kept <dr.*\D) ?\d+", r"\1", text) for text in texts]
    return sorted([re.sub(r"#\d+", "#", text) for text in plain])


class Checked:
    """What has to be true of a run of a program that is over, wherever it crashed."""

    def __init__(self, name: str, book: Notebook, expected: list[str]) -> None:
        self.name = name
        self.book = book
        self.expected = expected

    async def __call__(self, store: Store, run: Run) -> None:
        texts = await replies(run)
        assert unnumbered(texts) == unnumbered(self.expected)
        await self._check_log(store, run)
        special = getattr(self, f"_check_{self.name}", None)
        if special is not None:
            special(texts)
        self.book.lines.clear()

    async def _check_log(self, store: Store, run: Run) -> None:
        events = await log_of(store, run)
        for kind in (TurnStarted, TurnEnded):
            turns = Counter(event.turn for event in events if isinstance(event, kind))
            assert set(turns.values()) <= {1}, f"{kind.__name__} twice"
        ended = [event.message.id for event in events if isinstance(event, MessageEnded)]
        assert len(ended) == len(set(ended)), "a message ended twice"
        run_events = [type(event).__name__ for event in events if event.run == run.id]
        assert run_events.count("RunStarted") == run_events.count("RunEnded") == 1

    def _check_pipeline(self, texts: list[str]) -> None:
        _, draft, verdict = texts
        assert verdict.startswith(f"<{draft}#"), "the critic judged another draft"

    def _check_fan(self, texts: list[str]) -> None:
        assert texts[4] != texts[5], "two answers to one question"
        assert texts[6].startswith(f"<{texts[1]}#")

    def _check_errors(self, texts: list[str]) -> None:
        for told, kept in zip(texts[::2], texts[1::2], strict=True):
            assert kept == "kept " + told.partition(": ")[2]

    def _check_as_messages(self, texts: list[str]) -> None:
        joined = "\n\n".join(texts[:-1])
        assert texts[-1] == f"kept {joined}"

    def _check_dialog(self, texts: list[str]) -> None:
        for before, after in pairwise(texts):
            assert after.startswith(f"{before}/")

    def _check_own_streams(self, texts: list[str]) -> None:
        assert texts[1] == texts[3]

    def _check_prefixes(self, texts: list[str]) -> None:
        _, kept, was, draft = texts
        read = was.removeprefix("it was ")
        assert draft.startswith(read)
        assert kept.startswith(f"kept {read}")

    def _check_effects(self, texts: list[str]) -> None:
        done = Counter(line for line in self.book.lines if line.startswith("effect"))
        assert set(done.values()) == {1}, done
        assert len(done) == 6


async def checked(name: str, book: Notebook) -> Checked:
    expected = EXPECTED.get(name)
    if expected is None:
        make = PROGRAMS[name]
        expected = EXPECTED[name] = await execute(lambda: make(Notebook()), "root", answering(book))
    return Checked(name, book, expected)


async def crashed(name: str, opens: Any) -> None:
    book = Notebook()
    make = PROGRAMS[name]
    check = await checked(name, book)
    await crash_everywhere(lambda: make(book), "root", check, answer=answering(book), opens=opens)


@asynccontextmanager
async def opened(path: Path) -> AsyncGenerator[Store]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.close()


EXPECTED: dict[str, list[str]] = {}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", PROGRAMS)
async def test_whatever_write_is_the_last_of_a_process(name: str) -> None:
    await crashed(name, MemoryStore)


@pytest.mark.parametrize("every", [6, 7, 9])
@pytest.mark.parametrize("name", PROGRAMS)
async def test_processes_that_die_one_after_the_other_come_to_the_end(
    name: str, every: int
) -> None:
    book = Notebook()
    check, answer = await checked(name, book), answering(book)
    make = PROGRAMS[name]
    await crash_again_and_again(lambda: make(book), "root", check, every=every, answer=answer)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["errors", "kinds", "as_messages"])
async def test_the_same_from_a_file(name: str, tmp_path: Path) -> None:
    paths = (tmp_path / f"{n}.db" for n in range(10_000))
    await crashed(name, lambda: opened(next(paths)))
