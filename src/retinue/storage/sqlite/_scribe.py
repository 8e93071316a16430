"""Scribe: writes at the end of one conversation's log, within a transaction."""

from collections.abc import Sequence

from retinue.errors import NotFound
from retinue.messages.events import LogEvent, MessageEnded, MessageStarted, Restarted
from retinue.storage import Grown, Happens, Tail
from retinue.storage._bells import Heard
from retinue.storage._lines import Line
from retinue.storage._values import now, text_of

from ._readers import Execute
from ._values import text
from ._writer import Work


class Scribe:
    """Writes, and tells of it in the work's `logs` when it is done."""

    def __init__(self, work: Work, conversation: int) -> None:
        self._work = work
        self._execute = work.execute
        self._conversation = conversation
        self._owner, self._id, self.seq, self._said = work.execute(
            "SELECT owner, id, seq, said FROM conversations WHERE n = ?", (conversation,)
        ).fetchone()
        self._first = self.seq + 1
        self._shown = False
        self._changes: list[Happens | Grown] = []

    def append(self, line: Line, *, run: int | None = None, said: bool = False) -> None:
        """Add it as the next event, of this run; `said`: its message to the transcript, too."""
        self.seq += 1
        event = line.event
        run = run or self._run(event)
        place = self._execute(
            "INSERT INTO events (conversation, seq, type, run, body) VALUES (?, ?, ?, ?, ?)",
            (self._conversation, self.seq, line.type, run, line.body),
        ).lastrowid
        match event:
            case MessageStarted(message=message):
                self._start(message, run)
            case MessageEnded(message=message):
                self._end(message.id, place)
                if said:
                    self._say(place)
            case Restarted(message=str() as message, attempt=attempt):
                self._restart(message, attempt)
            case _:
                pass
        self._changes.append(line.happens)

    def show(self, messages: Sequence[str], run: int) -> None:
        """They come next in the transcript: this run has replied them.

        Raises:
            NotFound: One has not ended.
        """
        for message in messages:
            row = self._execute(
                "SELECT event FROM messages WHERE conversation = ? AND id = ?",
                (self._conversation, text(message)),
            ).fetchone()
            if row is None:
                raise NotFound(f"There is no message {message!r} that has ended")
            self._say(row[0], run)

    def grow(self, grown: Grown) -> None:
        """More of an unfinished message; of one that has ended, or begun anew, it is void."""
        message = (self._conversation, text(grown.message))
        row = self._execute(
            "SELECT attempt FROM writing WHERE conversation = ? AND message = ?", message
        ).fetchone()
        if row is None or grown.attempt < row[0]:
            return
        if grown.attempt > row[0]:
            self._restart(grown.message, grown.attempt)
        self._execute(
            "DELETE FROM tails WHERE conversation = ? AND message = ? AND kind = ? AND offset >= ?",
            (*message, grown.kind, grown.offset),
        )
        self._execute(
            "INSERT INTO tails VALUES (?, ?, ?, ?, ?)",
            (*message, grown.kind, grown.offset, text(grown.text)),
        )
        self._changes.append(grown)

    def done(self) -> None:
        """Nothing more is written."""
        if self.seq >= self._first:
            self._execute(
                "UPDATE conversations SET seq = ?, said = ?, changed = ? WHERE n = ?",
                (self.seq, self._said, now(), self._conversation),
            )
        elif self._shown:
            self._execute(
                "UPDATE conversations SET said = ? WHERE n = ?", (self._said, self._conversation)
            )
        if self._changes:
            self._work.logs.append(
                Heard(text_of(self._owner), text_of(self._id), self._first, self._changes)
            )

    def _run(self, event: LogEvent) -> int | None:
        if event.run is None:
            return None
        row = self._execute(
            "SELECT n FROM runs WHERE owner = ? AND id = ?", (self._owner, text(event.run))
        ).fetchone()
        return None if row is None else row[0]

    def _say(self, event: int | None, run: int | None = None) -> None:
        self._said += 1
        self._shown = True
        self._execute(
            "INSERT INTO transcript VALUES (?, ?, ?, ?, ?)",
            (self._conversation, self.seq, self._said, event, run),
        )

    def _start(self, message: str, run: int | None) -> None:
        started = self._execute(
            "INSERT INTO writing (conversation, message, since, run) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (self._conversation, text(message), self.seq, run),
        )
        if not started.rowcount:
            self._restart(message, 1)

    def _end(self, message: str, event: int | None) -> None:
        self._execute(
            "DELETE FROM writing WHERE conversation = ? AND message = ?",
            (self._conversation, text(message)),
        )
        self._execute(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?)",
            (self._conversation, text(message), event),
        )

    def _restart(self, message: str, attempt: int) -> None:
        known = (self._conversation, text(message))
        self._execute(
            "UPDATE writing SET attempt = ? WHERE conversation = ? AND message = ?",
            (attempt, *known),
        )
        self._execute("DELETE FROM tails WHERE conversation = ? AND message = ?", known)


def tails_of(execute: Execute, conversation: int) -> tuple[Tail, ...]:
    """What there is of each open message."""
    tails: dict[str, Tail] = {}
    for message, attempt in execute(
        "SELECT message, attempt FROM writing WHERE conversation = ? ORDER BY since",
        (conversation,),
    ):
        tails[message] = Tail(message=text_of(message), attempt=attempt)
    parts: dict[tuple[str, str], str] = {}
    for message, kind, offset, more in execute(
        "SELECT message, kind, offset, text FROM tails WHERE conversation = ?"
        " ORDER BY message, kind, offset",
        (conversation,),
    ):
        parts[message, kind] = parts.get((message, kind), "")[:offset] + text_of(more)
    return tuple(
        [
            Tail(
                message=tail.message,
                attempt=tail.attempt,
                text=parts.get((message, "text"), ""),
                thinking=parts.get((message, "thinking"), ""),
            )
            for message, tail in tails.items()
        ]
    )
