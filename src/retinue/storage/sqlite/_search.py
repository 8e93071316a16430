"""Search: an index of the words of all messages, brought up to date when somebody searches.

So no turn pays for it. It is FTS5 where SQLite had that when the file was made, and otherwise a
table of plain words. Either gets words without case, accents and signs.
"""

import json
import sqlite3
from typing import Any

from retinue.errors import StoreFailed
from retinue.storage._words import words_in

from ._readers import Execute

_AT_ONCE = 500
"""Events that are looked at in one transaction; between two, others may write."""

_FTS = "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='', tokenize={})".format(
    "'unicode61 remove_diacritics 2'"
)
_PLAIN = "CREATE TABLE IF NOT EXISTS words (rowid INTEGER PRIMARY KEY, text TEXT NOT NULL)"

_ALL_OF_THEM = """
NOT EXISTS (SELECT 1 FROM json_each(?) AS word WHERE instr(words.text, word.value) = 0)
"""


class Index:
    """Which messages have which words; they are made out by the `n` of their event.

    Args:
        fts: The table is one of FTS5.
    """

    def __init__(self, *, fts: bool) -> None:
        self._fts = fts

    def condition(self, words: str) -> tuple[str, str] | None:
        """What is true of a row of `words` that has all of them, and its parameter; None where
        there is no word at all. Whatever a person may type is only ever words."""
        wanted = dict.fromkeys(words_in(words))
        if not wanted:
            return None
        if self._fts:
            return "words MATCH ?", " ".join([f'"{word}"' for word in wanted])
        return _ALL_OF_THEM, json.dumps([f" {word} " for word in wanted])

    def is_behind(self, execute: Execute) -> bool:
        found = execute("SELECT 1 FROM events WHERE n > (SELECT upto FROM searched) LIMIT 1")
        return found.fetchone() is not None

    def catch_up(self, execute: Execute) -> bool:
        """Add some of the messages that are not in it; whether there may be more."""
        rows = execute(
            "SELECT n, type, body FROM events WHERE n > (SELECT upto FROM searched)"
            " ORDER BY n LIMIT ?",
            (_AT_ONCE,),
        ).fetchall()
        for n, type, body in rows:
            if type == "message_ended":
                execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (n, _text(body)))
        if rows:
            execute("UPDATE searched SET upto = ?", (rows[-1][0],))
        return len(rows) == _AT_ONCE

    def forget(self, execute: Execute, conversation: int) -> bool:
        """Take the words of a conversation out, while its events are still there; whether there
        were any."""
        rows = execute(
            "SELECT n, body FROM events WHERE conversation = ? AND type = 'message_ended'"
            " AND n <= (SELECT upto FROM searched)",
            (conversation,),
        ).fetchall()
        for n, body in rows:
            if self._fts:
                execute(
                    "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)",
                    (n, _text(body)),
                )
            else:
                execute("DELETE FROM words WHERE rowid = ?", (n,))
        return bool(rows)

    def settle(self, execute: Execute) -> None:
        """After events are gone: the last numbers may be given again."""
        execute("UPDATE searched SET upto = min(upto, (SELECT coalesce(max(n), 0) FROM events))")

    def purge(self, execute: Execute) -> None:
        """Leave no trace of words that were taken out; FTS5 only marks them, until it merges."""
        if self._fts:
            execute("INSERT INTO words (words) VALUES ('optimize')")


def open_index(connection: sqlite3.Connection) -> Index:
    """The index of a file, made if it is not there.

    Raises:
        StoreFailed: It needs FTS5, which this SQLite has not.
    """
    found = _definition(connection)
    if found is None:
        connection.execute(_FTS if _has_fts5(connection) else _PLAIN)
        found = _definition(connection) or ""
    fts = "fts5" in found
    if fts and not _has_fts5(connection):
        raise StoreFailed(
            "The index of words in this file needs FTS5, which this SQLite has not",
            hint="Use the Python that made the file, or another one whose sqlite3 has FTS5.",
        )
    return Index(fts=fts)


def _has_fts5(connection: sqlite3.Connection) -> bool:
    modules = connection.execute("SELECT name FROM pragma_module_list")
    return ("fts5",) in modules.fetchall()


def _definition(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'words'").fetchone()
    return None if row is None else row[0]


def _text(body: str) -> str:
    """The words of the message in this JSON of a MessageEnded."""
    parts: list[dict[str, Any]] = json.loads(body)["message"]["parts"]
    said = " ".join([part["text"] for part in parts if part["type"] == "text"])
    return f" {' '.join(words_in(said))} "
