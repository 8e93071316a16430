"""Whatever comes in whatever order, a reader is told each event once and each letter once.

The world is a script of writers in this process and in others: they start messages, show pieces,
keep what has grown, begin anew, end. It goes on while the reader waits for the store, so that every
answer may be old already; hints are told, turned into "look", told late, or lost.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.messages import Message, Text, Thinking
from retinue.messages.events import (
    MessageEnded,
    MessageStarted,
    Restarted,
    RunStarted,
    TextAdded,
    ThinkingAdded,
)
from retinue.storage import Grown, Happens, Tail
from retinue.storage._bell import Bell, news
from retinue.storage._follow import follow

KINDS = {"text": TextAdded, "thinking": ThinkingAdded}


def letters(name: str, attempt: int, kind: str) -> str:
    """What a message says in that attempt, all of it: no two letters near each other are alike."""
    return "".join([f"{kind[1]}{name}{attempt}.{n} " for n in range(30)])


@dataclass
class Writing:
    """How far the writer of one message is; `kept` is what the store has been given."""

    name: str
    attempt: int = 0
    shown: dict[str, int] = field(default_factory=lambda: {"text": 0, "thinking": 0})
    kept: dict[str, int] = field(default_factory=lambda: {"text": 0, "thinking": 0})
    ended: bool = False


class World:
    """A log that changes whenever it is read, and whatever writes in it."""

    def __init__(self, script: list[tuple[str, int, int, str]], pauses: list[int]) -> None:
        self.bell = Bell()
        self.log: list[Any] = []
        self.open: dict[str, Tail] = {}
        self._writing = [Writing(name) for name in "abc"]
        self._pending: list[Any] = []
        self._late: list[Any] = []
        self._script = iter(script)
        self._pauses = iter(pauses)
        self.over = False

    # -- what is read

    async def events(self, _: str, *, after: int = 0, limit: int = 500) -> tuple[Any, ...]:
        self.advance()
        page = tuple(self.log[after : after + limit])
        self.advance()
        return page

    async def tails(self, _: str) -> tuple[Tail, ...]:
        self.advance()
        tails = tuple(self.open.values())
        self.advance()
        return tails

    # -- what happens

    def advance(self) -> None:
        for _ in range(next(self._pauses, 1)):
            step = next(self._script, None)
            if step is None:
                self.over = True
                self._commit("told")
                return
            self._do(*step)

    def _do(self, action: str, which: int, length: int, how: str) -> None:
        one = self._writing[which]
        kind = "thinking" if length % 5 == 0 else "text"
        match action:
            case "start" | "show" if one.ended:
                self._stray(one, kind)
            case "start" | "show" if one.attempt == 0:
                one.attempt = 1
                self._pending.append(Happens(event=MessageStarted(message=one.name, role="x")))
            case "show" | "start":
                self._show(one, kind, length, aloud=how != "lost")
            case "stray":
                self._stray(one, kind)
            case "keep" if one.attempt and not one.ended:
                self._keep(one)
            case "restart" if one.attempt and not one.ended:
                one.attempt += 1
                one.shown = {"text": 0, "thinking": 0}
                one.kept = {"text": 0, "thinking": 0}
                event = Restarted(message=one.name, attempt=one.attempt)
                self._pending.append(Happens(event=event))
            case "end" if one.attempt and not one.ended:
                self._end(one, length)
            case "other":
                self._pending.append(Happens(event=RunStarted()))
            case "late":
                for told in self._late:
                    self.bell.tell("c", *told)
                self._late.clear()
            case _:
                pass
        if action != "show" or length % 3 == 0:
            self._commit(how)

    def _show(self, one: Writing, kind: str, length: int, *, aloud: bool) -> None:
        offset = one.shown[kind]
        text = letters(one.name, one.attempt, kind)[offset : offset + length]
        one.shown[kind] += len(text)
        if aloud:
            piece = KINDS[kind](message=one.name, attempt=one.attempt, offset=offset, text=text)
            self.bell.tell("c", piece)

    def _stray(self, one: Writing, kind: str) -> None:
        """A piece by a writer that was replaced, or is late."""
        attempt = max(one.attempt - (not one.ended), 0)
        if attempt:
            length = min(one.shown[kind], 7) if one.ended else 7
            text = letters(one.name, attempt, kind)[:length]
            self.bell.tell("c", KINDS[kind](message=one.name, attempt=attempt, offset=0, text=text))

    def _keep(self, one: Writing) -> None:
        for kind in KINDS:
            start, end = one.kept[kind], one.shown[kind]
            if end > start:
                text = letters(one.name, one.attempt, kind)[start:end]
                self._pending.append(
                    Grown(message=one.name, attempt=one.attempt, offset=start, text=text, kind=kind)
                )
                one.kept[kind] = end

    def _end(self, one: Writing, length: int) -> None:
        one.ended = True
        whole: dict[str, str] = {}
        for kind in KINDS:
            whole[kind] = letters(one.name, one.attempt, kind)[: one.shown[kind] + length]
            one.shown[kind] = len(whole[kind])
        parts = (Thinking(text=whole["thinking"]), Text(text=whole["text"]))
        message = Message(parts=parts, role="assistant", id=one.name)
        self._pending.append(Happens(event=MessageEnded(message=message)))

    def _commit(self, how: str) -> None:
        changes, self._pending = self._pending, []
        first = len(self.log) + 1
        for change in changes:
            match change:
                case Happens(event=event):
                    self.log.append(replace(event, seq=len(self.log) + 1))
                    self._tail(event)
                case Grown(message=name, text=text, kind=kind):
                    tail = self.open[name]
                    assert len(getattr(tail, kind)) == change.offset
                    self.open[name] = replace(tail, **{kind: getattr(tail, kind) + text})
                case _:
                    raise AssertionError(change)
        match how:
            case "told":
                self.bell.tell("c", *news(changes, first=first))
            case "look":
                self.bell.look("c")
            case "late":
                self._late.append(list(news(changes, first=first)))
            case _:
                pass

    def _tail(self, event: Any) -> None:
        match event:
            case MessageStarted(message=name):
                self.open[name] = Tail(message=name, attempt=1)
            case Restarted(message=name, attempt=attempt):
                self.open[name] = Tail(message=name, attempt=attempt)
            case MessageEnded(message=message):
                del self.open[message.id]
            case _:
                pass


class Reader:
    """Holds what one reader is told to the contract of `follow`."""

    def __init__(self, world: World, after: int) -> None:
        self.world = world
        self.seq = after
        self.attempts = dict(self._attempts(after))
        self.told: dict[tuple[str, str], int] = {}

    def _attempts(self, seq: int) -> Iterator[tuple[str, int]]:
        """The messages that were open when that event was the last."""
        open: dict[str, int] = {}
        for event in self.world.log[:seq]:
            self._turn(open, event)
        yield from open.items()

    @staticmethod
    def _turn(open: dict[str, int], event: Any) -> None:
        match event:
            case MessageStarted(message=name):
                open[name] = 1
            case Restarted(message=name, attempt=attempt):
                open[name] = attempt
            case MessageEnded(message=message):
                del open[message.id]
            case _:
                pass

    def hear(self, event: Any) -> None:
        if isinstance(event, TextAdded | ThinkingAdded):
            self._piece(event, "text" if isinstance(event, TextAdded) else "thinking")
            return
        assert event == self.world.log[self.seq], "events come in order, each once"
        self.seq += 1
        if isinstance(event, MessageEnded):
            self._whole(event.message)
        if isinstance(event, Restarted):
            self.told = {key: n for key, n in self.told.items() if key[0] != event.message}
        self._turn(self.attempts, event)

    def _piece(self, piece: Any, kind: str) -> None:
        assert piece.text, "no piece is empty"
        assert self.attempts.get(piece.message) == piece.attempt, "it is of an open attempt"
        at = self.told.get((piece.message, kind), 0)
        assert piece.offset == at, "no letter is told twice, and none is left out"
        end = at + len(piece.text)
        assert piece.text == letters(piece.message, piece.attempt, kind)[at:end]
        self.told[piece.message, kind] = end

    def _whole(self, message: Message) -> None:
        thinking = "".join([part.text for part in message.parts if isinstance(part, Thinking)])
        pairs = {"text": message.text, "thinking": thinking}
        if any((message.id, kind) in self.told for kind in pairs):
            for kind, text in pairs.items():
                assert self.told.get((message.id, kind), 0) == len(text), "told to its end"
        self.told = {key: n for key, n in self.told.items() if key[0] != message.id}

    @property
    def knows_all(self) -> bool:
        return (
            self.world.over
            and self.seq == len(self.world.log)
            and all(
                self.told.get((tail.message, kind), 0) >= len(getattr(tail, kind))
                for tail in self.world.open.values()
                for kind in KINDS
            )
        )


async def read(world: World, cuts: list[int]) -> None:
    """Follow to the end of the script; begin anew, after what was seen last, where it is cut."""
    seq = 0
    for cut in cuts:
        reader = Reader(world, seq)
        async with follow(world, world.bell, "c", after=seq, patience=0.001) as events:
            await tell(reader, events, count=cut)
        seq = reader.seq
    reader = Reader(world, seq)
    async with follow(world, world.bell, "c", after=seq, patience=0.001) as events:
        await tell(reader, events)
    assert reader.knows_all


async def tell(reader: Reader, events: Any, *, count: int = 1 << 60) -> None:
    """Let the reader hear so many, or all there is."""
    async with asyncio.timeout(4):
        while count and not reader.knows_all:
            heard = asyncio.ensure_future(anext(events))
            while not heard.done() and not reader.knows_all:
                await asyncio.wait({heard}, timeout=0.002)
            if not heard.done():
                heard.cancel()
                await asyncio.wait({heard})
                return
            reader.hear(heard.result())
            reader.world.advance()
            count -= 1


SCRIPTS = st.lists(
    st.tuples(
        st.sampled_from(
            [*["show"] * 4, "start", "keep", "keep", "restart", "end", "other", "late", "stray"]
        ),
        st.integers(0, 2),
        st.integers(1, 12),
        st.sampled_from(["told", "told", "told", "look", "late", "lost"]),
    ),
    min_size=8,
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(
    script=SCRIPTS,
    pauses=st.lists(st.integers(0, 4), min_size=4, max_size=60),
    cuts=st.lists(st.integers(0, 12), max_size=4),
)
def test_a_reader_is_told_every_event_and_every_letter_once(
    script: list[tuple[str, int, int, str]], pauses: list[int], cuts: list[int]
) -> None:
    asyncio.run(read(World(script, pauses), cuts))
