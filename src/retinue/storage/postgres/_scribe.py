"""Scribe: writes at the end of one conversation's log, within a transaction.

The seq of what it writes was given before, by the statement that locks the conversation: whoever
comes next waits there until all of it is committed, so the order of commits is that of the seq.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from retinue.errors import NotFound
from retinue.messages.events import MessageEnded, MessageStarted, Restarted
from retinue.storage import Grown, Happens, Tail
from retinue.storage._bells import Heard
from retinue.storage._lines import Line

from ._words import words_of
from ._work import NOW, Statement, Work, inserted

_EVENTS = "events (conversation, seq, run, body)"
_MESSAGES = "messages (conversation, id, event, words)"
_TRANSCRIPT = "transcript (conversation, at, place, event, run)"

_START = """
WITH gone AS (DELETE FROM tails WHERE conversation = %(conversation)s AND message = %(message)s)
INSERT INTO writing (conversation, message, since, run)
VALUES (%(conversation)s, %(message)s, %(seq)s, %(run)s)
ON CONFLICT (conversation, message) DO UPDATE SET attempt = 1
"""
_RESTART = """
WITH gone AS (DELETE FROM tails WHERE conversation = %(conversation)s AND message = %(message)s)
UPDATE writing SET attempt = %(attempt)s
WHERE conversation = %(conversation)s AND message = %(message)s
"""
_FINISH = """
DELETE FROM writing WHERE conversation = %(conversation)s AND message = %(message)s
"""
# Void is what is there of an earlier attempt, and of the same one from this place on.
_GROW = """
WITH open AS (
    SELECT attempt FROM writing
    WHERE conversation = %(conversation)s AND message = %(message)s AND attempt <= %(attempt)s
), later AS (
    UPDATE writing SET attempt = %(attempt)s
    WHERE conversation = %(conversation)s AND message = %(message)s AND attempt < %(attempt)s
), gone AS (
    DELETE FROM tails USING open
    WHERE conversation = %(conversation)s AND message = %(message)s
    AND (kind <> %(kind)s OR begin <> %(begin)s)
    AND (open.attempt < %(attempt)s OR kind = %(kind)s AND begin > %(begin)s)
)
INSERT INTO tails (conversation, message, kind, begin, text)
SELECT %(conversation)s, %(message)s, %(kind)s, %(begin)s, %(text)s FROM open
ON CONFLICT (conversation, message, kind, begin) DO UPDATE SET text = excluded.text
"""
_TAILS = """
SELECT w.message, w.attempt, t.kind, t.begin, t.text
FROM conversations c
LEFT JOIN writing w ON w.conversation = c.n
LEFT JOIN tails t ON t.conversation = w.conversation AND t.message = w.message
WHERE c.owner = %s AND c.id = %s
ORDER BY w.since, w.message, t.kind, t.begin
"""


class Place(NamedTuple):
    """The end of a log, which is locked: `seq` is the last event's, `said` how many messages its
    transcript has, before what is to be written."""

    conversation: int
    owner: str
    id: str
    seq: int
    said: int


async def place_in(
    work: Work, owner: str, conversation: str, *, events: int, said: int = 0
) -> Place:
    """Where the next events of a conversation go; so many are written.

    Raises:
        NotFound: The owner has none of that id.
    """
    row = await work.row(
        f"UPDATE conversations SET seq = seq + %s, said = said + %s, changed = {NOW}"
        " WHERE owner = %s AND id = %s RETURNING n, seq - %s, said - %s",
        (events, said, owner, conversation, events, said),
    )
    if row is None:
        raise NotFound(f"There is no conversation {conversation!r}")
    n, seq, before = row
    return Place(n, owner, conversation, seq, before)


class Scribe:
    """Writes at a place.

    Args:
        place: Where.
        run: The id of the run that writes; None: whatever run an event names.
    """

    def __init__(self, place: Place, run: str | None = None) -> None:
        self._place = place
        self._run = run
        self.seq = place.seq
        self._said = place.said
        self._events: list[tuple[int, int, str | None, str]] = []
        self._messages: list[tuple[int, str, int, list[str]]] = []
        self._transcript: list[tuple[int, int, int, int, str | None]] = []
        self._ended: dict[str, int] = {}
        self._writing: list[tuple[str, dict[str, Any]]] = []
        self._changes: list[Happens | Grown] = []

    def append(self, line: Line, *, said: bool = False) -> None:
        """Add it as the next event; `said`: its message to the transcript, too."""
        self.seq += 1
        event = line.event
        run = self._run or event.run
        self._events.append((self._place.conversation, self.seq, run, line.body))
        match event:
            case MessageStarted(message=message):
                self._do(_START, message, seq=self.seq, run=run)
            case MessageEnded():
                self._end(event, said=said)
            case Restarted(message=str() as message, attempt=attempt):
                self._do(_RESTART, message, attempt=attempt)
            case _:
                pass
        self._changes.append(line.happens)

    def show(self, messages: Sequence[str], ended: Mapping[str, int]) -> None:
        """They come next in the transcript: this run has replied them.

        Args:
            messages: Their ids.
            ended: The events in which those of them ended that did so before.

        Raises:
            NotFound: One has not ended.
        """
        for message in messages:
            event = self._ended.get(message, ended.get(message))
            if event is None:
                raise NotFound(f"There is no message {message!r} that has ended")
            self._say(event, self._run)

    def grow(self, grown: Grown) -> None:
        """More of an unfinished message; of one that has ended, or begun anew, it is void."""
        self._do(
            _GROW,
            grown.message,
            attempt=grown.attempt,
            kind=grown.kind,
            begin=grown.offset,
            text=grown.text,
        )
        self._changes.append(grown)

    async def done(self, work: Work, *more: Statement) -> None:
        """Send all of it, together with what `more` changes elsewhere."""
        for query, values in self._writing:
            await work.send(query, values)
        await work.send_together(
            [
                *inserted(_EVENTS, "(%s, %s, %s, %s)", self._events),
                *inserted(_MESSAGES, "(%s, %s, %s, %s::text[])", self._messages),
                *inserted(_TRANSCRIPT, "(%s, %s, %s, %s, %s)", self._transcript),
                *more,
            ]
        )
        if self._changes:
            place = self._place
            work.logs.append(Heard(place.owner, place.id, place.seq + 1, self._changes))

    def _end(self, event: MessageEnded, *, said: bool) -> None:
        message = event.message
        n = self._place.conversation
        self._ended[message.id] = self.seq
        self._do(_FINISH, message.id)
        self._messages.append((n, message.id, self.seq, words_of(message.text)))
        if said:
            self._say(self.seq, None)

    def _say(self, event: int, run: str | None) -> None:
        self._said += 1
        self._transcript.append((self._place.conversation, self.seq, self._said, event, run))

    def _do(self, query: str, message: str, **values: Any) -> None:
        self._writing.append(
            (query, {"conversation": self._place.conversation, "message": message, **values})
        )


async def write_lines(
    work: Work, place: Place, lines: Iterable[Line], *, said: bool = False
) -> int:
    """Write these events, which no claim is needed for; the seq of the last."""
    scribe = Scribe(place)
    for line in lines:
        scribe.append(line, said=said)
    await scribe.done(work)
    return scribe.seq


async def tails_of(work: Work, owner: str, conversation: str) -> tuple[Tail, ...]:
    """What there is of each open message.

    Raises:
        NotFound: The owner has no conversation of that id.
    """
    rows = await work.rows(_TAILS, (owner, conversation))
    if not rows:
        raise NotFound(f"There is no conversation {conversation!r}")
    attempts: dict[str, int] = {}
    parts: dict[tuple[str, str], str] = {}
    for message, attempt, kind, begin, text in rows:
        if message is None:
            continue
        attempts[message] = attempt
        if kind is not None:
            parts[message, kind] = parts.get((message, kind), "")[:begin] + text
    return tuple(
        [
            Tail(
                message=message,
                attempt=attempt,
                text=parts.get((message, "text"), ""),
                thinking=parts.get((message, "thinking"), ""),
            )
            for message, attempt in attempts.items()
        ]
    )
