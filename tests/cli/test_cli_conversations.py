"""`retinue conversations`: what was said is found again, read, taken along and erased."""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from retinue import Turn, agent
from retinue.app.retinue import Retinue
from retinue.cli.conversations._search import excerpt, marked
from retinue.messages import Block, File, Image, Message, Text, Thinking, ToolCall, ToolResult
from retinue.messages.codecs import from_json, from_markdown
from retinue.steps import ask
from retinue.storage import Conversation

from ._kept import in_store, kept, left, store_of

KEEPS = True

type Inside = Callable[..., Any]

BLOCK = Block(vendor="x", data="y")
CALL = ToolCall(id="1", name="calculator", args={"expression": "6*7"})
TALK = (
    Message("What is 6*7?", role="user"),
    Message(parts=[Thinking(text="hm"), CALL], role="assistant", agent="ada", model="tiny"),
    Message(parts=[ToolResult(call_id="1", name="calculator", content="42")], role="tool"),
    Message("It is 42.", role="assistant", agent="ada", model="tiny"),
)


class TestList:
    def test_the_newest_comes_first_with_what_was_said_last(
        self, inside: Inside, home: Path
    ) -> None:
        first = kept(home, "Why rain?", "Because of clouds.", title="Why rain?")
        second = kept(home, "Tea?", title="Tea?")
        said = inside("conversations")
        assert (said.code, said.err) == (0, "")
        newest, oldest = said.out.splitlines()
        assert newest.split() == [second[:10], "now", "Tea?"]
        assert oldest.split() == [first[:10], "now", *["Why", "rain?", "Because", "of", "clouds."]]

    def test_those_of_other_folders_are_shown_when_all_are_wanted(
        self, inside: Inside, home: Path
    ) -> None:
        kept(home, "Here", title="Here")
        elsewhere = kept(home, "There", title="There", folder=home / "other")
        assert "There" not in inside("conversations", "list").out
        line = inside("conversations", "--all").out.splitlines()[0]
        assert line.split() == [elsewhere[:10], "now", "There", str(home / "other")]

    def test_a_script_gets_all_there_is_to_know(self, inside: Inside, home: Path) -> None:
        id = kept(home, "Tea?", "Yes.", title="Tea?")
        kept(home)
        bare, full = json.loads(inside("conversations", "--json").out)["conversations"]
        assert full["id"] == id
        assert (full["title"], full["last"]) == ("Tea?", "Yes.")
        assert full["folder"] == str(home)
        assert (bare["title"], bare["last"]) == (None, None)
        assert full["changed_at"] >= full["created_at"]

    def test_that_there_is_none_is_said(self, inside: Inside, home: Path) -> None:
        said = inside("conversations")
        assert (said.code, said.out) == (0, "")
        assert said.err == (
            f"retinue: no conversation was begun in {home}. All: retinue conversations --all\n"
        )
        assert inside("conversations", "--all").err == "retinue: there are no conversations yet\n"

    def test_that_there_are_more_is_said(self, inside: Inside, home: Path) -> None:
        kept(home, title="One")
        kept(home, title="Two")
        said = inside("conversations", "--limit", "1")
        assert len(said.out.splitlines()) == 1
        assert said.err == ("retinue: there are more: retinue conversations --limit 2, or search\n")

    @pytest.mark.skipif(sys.platform == "win32", reason="no folder in use can go there")
    def test_a_folder_that_is_gone_has_none(
        self, inside: Inside, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (home / "gone").mkdir()
        monkeypatch.chdir(home / "gone")
        (home / "gone").rmdir()
        said = inside("conversations")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("retinue: The current folder is gone. Go to another one")


class TestShow:
    def test_it_reads_as_it_was_said(self, inside: Inside, home: Path) -> None:
        id = kept(home, *TALK, title="What is 6*7?")
        said = inside("conversations", "show", id[:12])
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            f"What is 6*7?\n{id}, changed just now\n\nuser\nWhat is 6*7?\n\nada / tiny\n"
            "  > calculator 6*7\n     = 42\nIt is 42.\n"
        )

    def test_what_is_no_text_is_named(self, inside: Inside, home: Path) -> None:
        failed = ToolResult(call_id="1", name="x", content="No.\nNever.", error=True)
        parts = [Text(text="See"), Image(data=b"x"), File(name="a.md", data=b"x"), BLOCK, failed]
        id = kept(home, Message(parts=parts, role="user"))
        lines = inside("conversations", "show", id).out.splitlines()
        assert lines[0] == "(without a title)"
        assert lines[4:] == [
            "See",
            "  [image/png]",
            "  [a.md]",
            "  [for x alone]",
            "     ! No. Never.",
        ]

    def test_a_script_gets_the_messages(self, inside: Inside, home: Path) -> None:
        id = kept(home, *TALK)
        shown = json.loads(inside("conversations", "show", id, "--json").out)
        assert shown["conversation"]["id"] == id
        assert from_json(json.dumps({"v": 1, "messages": shown["messages"]})) == TALK

    def test_all_of_a_long_one_is_shown(self, inside: Inside, home: Path) -> None:
        id = kept(home, *[f"line {n}" for n in range(2_100)])
        lines = inside("conversations", "show", id).out.splitlines()
        assert [line for line in lines if line.startswith("line ")] == [
            f"line {n}" for n in range(2_100)
        ]

    def test_an_answer_on_its_way_is_told_of(self, inside: Inside, home: Path) -> None:
        (run,) = left(home, asking, questions=1)
        (id,) = [one.id for one in in_store(home, conversations)]
        said = inside("conversations", "show", id)
        assert said.err == (
            f"retinue: asking has not finished here (waiting): retinue tasks follow {run}\n"
        )

    def test_an_id_must_be_of_one_only(self, inside: Inside, home: Path) -> None:
        kept(home)
        kept(home)
        said = inside("conversations", "show", "0")
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            "retinue: Several ids of a conversation begin with '0'. "
            "See: retinue conversations --all\n"
        )
        said = inside("conversations", "show", "nope")
        assert (said.code, said.out) == (2, "")
        assert "There is no conversation whose id begins with 'nope'." in said.err


class TestSearch:
    def test_words_are_found_in_any_folder_and_marked(self, inside: Inside, home: Path) -> None:
        id = kept(home, "Thé?", "A cup of green tea.", title="Thé?", folder=home / "other")
        kept(home, "Coffee?", title="Coffee?")
        said = inside("conversations", "search", "TEA", "green", FORCE_COLOR="1")
        head, found = said.out.splitlines()
        assert head.endswith("Thé?")
        assert id[:10] in head
        assert found.endswith("A cup of \x1b[1;33mgreen\x1b[0m \x1b[1;33mtea\x1b[0m.")
        assert "assistant: A cup of green tea." in inside("conversations", "search", "tea").out

    def test_a_script_gets_the_messages(self, inside: Inside, home: Path) -> None:
        id = kept(home, "Tea?", "Tea.", title="Tea?")
        found = json.loads(inside("conversations", "search", "tea", "--json").out)["found"]
        assert [one["message"]["role"] for one in found] == ["assistant", "user"]
        assert {one["conversation"]["id"] for one in found} == {id}

    def test_nothing_is_said_to_be_nothing(self, inside: Inside, home: Path) -> None:
        kept(home, "Tea?")
        said = inside("conversations", "search", "green", "tea")
        assert (said.code, said.out) == (0, "")
        assert said.err == "retinue: nobody said all of these words: green tea\n"

    def test_that_there_is_more_is_said(self, inside: Inside, home: Path) -> None:
        kept(home, "Tea?", "Tea.")
        said = inside("conversations", "search", "tea", "--limit", "1")
        assert said.err == "retinue: there is more: --limit 2, or more words\n"

    @pytest.mark.parametrize(
        ("text", "words", "shown"),
        [
            ("Ein Café am Eck", "cafe", "Ein [Café] am Eck"),
            ("a tea, a teapot", "tea", "a [tea], a teapot"),
            ("green Tea", "tea green", "[green] [Tea]"),
            ("nothing", "tea", "nothing"),
        ],
    )
    def test_whole_words_are_marked_without_regard_to_case_and_accents(
        self, text: str, words: str, shown: str
    ) -> None:
        assert marked(text, words, lambda word: f"[{word}]") == shown

    def test_of_a_long_text_that_is_shown_which_has_the_words(self) -> None:
        text = f"{'word ' * 50}and here is tea {'word ' * 50}"
        shown = excerpt(text, "tea", 60)
        assert shown.startswith("…")
        assert "here is tea" in shown
        assert len(shown) == 60


class TestExport:
    def test_markdown_reads_back_the_same(self, inside: Inside, home: Path) -> None:
        id = kept(home, *TALK)
        read = from_markdown(inside("conversations", "export", id).out)
        assert [(one.id, one) for one in read] == [(one.id, one) for one in TALK]

    @pytest.mark.parametrize("arguments", [("-o", "talk.JSON"), ("--format=json", "-o", "talk")])
    def test_json_reads_back_the_same(
        self, inside: Inside, home: Path, arguments: tuple[str, ...]
    ) -> None:
        id = kept(home, *TALK)
        said = inside("conversations", "export", id, *arguments)
        assert (said.code, said.out) == (0, "")
        assert said.err == f"retinue: 4 messages of {id} written to {arguments[-1]}\n"
        assert from_json((home / arguments[-1]).read_bytes()) == TALK

    def test_no_file_is_written_over(self, inside: Inside, home: Path) -> None:
        (home / "mine.md").write_text("mine")
        said = inside("conversations", "export", kept(home, "Hi"), "-o", "mine.md")
        assert (said.code, said.err) == (
            2,
            "retinue: mine.md is there already. Choose another name.\n",
        )
        assert (home / "mine.md").read_text() == "mine"

    def test_a_place_that_cannot_be_written_is_said(self, inside: Inside, home: Path) -> None:
        said = inside("conversations", "export", kept(home, "Hi"), "-o", "nowhere/a.md")
        assert said.code == 1
        assert said.err.startswith("retinue: nowhere/a.md cannot be written: No such file")


class TestDelete:
    def test_what_was_erased_is_said(self, inside: Inside, home: Path) -> None:
        one, other = kept(home, "A", "B", title="First"), kept(home, "C", title="Second")
        in_store(home, lambda retinue: retinue.blobs.keep(other, b"x", media_type="text/plain"))
        last = kept(home, title="Third")
        said = inside("conversations", "delete", one, other[:12], one, "--yes")
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            f"Deleted: {one}  First  (2 messages)\nDeleted: {other}  Second  (1 message, 1 file)\n"
        )
        assert [thread.id for thread in in_store(home, conversations)] == [last]

    def test_without_a_terminal_it_must_be_said_beforehand(
        self, inside: Inside, home: Path
    ) -> None:
        id = kept(home, "A")
        said = inside("conversations", "delete", id)
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            "retinue: Nobody can be asked whether that is wanted. Say so with --yes.\n"
        )
        assert in_store(home, conversations)

    def test_an_answer_on_its_way_must_be_stopped_first(self, inside: Inside, home: Path) -> None:
        other = kept(home, "A")
        (run,) = left(home, asking, questions=1)
        newest = in_store(home, conversations)[0].id
        said = inside("conversations", "delete", other, newest, "--yes")
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            f"retinue: An answer in {newest} is not finished, so nothing was deleted. "
            f"Stop it first: retinue tasks stop {run}\n"
        )
        assert inside("tasks", "stop", run).out == "Stopped. What it had finished is kept.\n"
        assert inside("conversations", "delete", other, newest, "--yes").code == 0
        assert not in_store(home, conversations)

    @pytest.mark.parametrize(("typed", "remains"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x03", 1)])
    def test_a_person_is_asked(
        self, home: Path, environ: Mapping[str, str], typed: str, remains: int
    ) -> None:
        pexpect = pytest.importorskip("pexpect")
        id = kept(home, "A", title="Tea?")
        terminal = pexpect.spawn(
            sys.executable,
            ["-m", "retinue", "conversations", "delete", id],
            env=dict(environ),
            cwd=os.fspath(home),
            encoding="utf-8",
            timeout=30,
            dimensions=(24, 80),
        )
        terminal.expect_exact(f"{id}  Tea?  (1 message)\r\n")
        terminal.expect_exact("Delete this conversation for good? [y/N]")
        terminal.send(typed)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == (130 if typed == "\x03" else 0)
        assert "Traceback" not in terminal.before
        assert len(in_store(home, conversations)) == remains


class TestKeep:
    def test_it_is_kept_so_long(self, inside: Inside, home: Path) -> None:
        id = kept(home, "A")
        said = inside("conversations", "keep", id, "7")
        assert said.out == f"{id} is kept for 7 days after it was last changed.\n"
        assert in_store(home, conversations)[0].keep_days == 7
        assert " is kept for 1 day " in inside("conversations", "keep", id, "1").out
        assert " is kept for 0.5 days " in inside("conversations", "keep", id, "0.5").out

    @pytest.mark.parametrize("days", ["0", "ever", "99999", "nan", "1e3"])
    def test_a_number_of_days_is_one(self, inside: Inside, home: Path, days: str) -> None:
        said = inside("conversations", "keep", kept(home, "A"), days)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"retinue: {days!r} is no number of days. A number up to")


class TestStore:
    """What is wrong with a store is one clear line."""

    def test_a_file_that_is_not_there_is_not_made(self, inside: Inside, home: Path) -> None:
        said = inside("conversations", "--store", "typo.db")
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            "retinue: There is no store typo.db. It is made when something is asked. "
            "See where it was chosen: retinue config\n"
        )
        assert not (home / "typo.db").exists()

    def test_one_of_a_newer_release_is_left_alone(self, inside: Inside, home: Path) -> None:
        kept(home, "A")
        with sqlite3.connect(store_of(home)) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        said = inside("conversations")
        assert (said.code, said.out) == (1, "")
        assert "newer" in said.err
        assert said.err.count("\n") == 1

    def test_what_is_none_is_said(self, inside: Inside, home: Path) -> None:
        (home / "notes.db").write_text("These are my notes, and no database at all.")
        said = inside("conversations", RETINUE_STORE=str(home / "notes.db"))
        assert said.code == 1
        assert "it is no Retinue database" in said.err
        assert said.err.count("\n") == 1

    def test_a_place_that_cannot_be_had_is_said(self, inside: Inside, home: Path) -> None:
        (home / "folder").mkdir()
        said = inside("conversations", "--store", "folder")
        assert said.code == 1
        assert "folder cannot be opened: Is a directory" in said.err
        assert said.err.count("\n") == 1

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
    def test_one_that_may_not_be_read_is_said(self, inside: Inside, home: Path) -> None:
        kept(home, "A")
        store_of(home).parent.chmod(0)
        said = inside("conversations")
        store_of(home).parent.chmod(0o700)
        assert said.code == 1
        assert "Permission denied" in said.err

    def test_another_one_can_be_named(self, inside: Inside, home: Path) -> None:
        kept(home, "A", title="Tea?")
        store_of(home).rename(home / "other.db")
        assert "Tea?" in inside("conversations", "--store", "other.db").out
        assert inside("conversations").out == ""


@agent
async def asking(turn: Turn) -> None:
    turn.reply(str(await ask("Which one?", turn.agent.inquire)))


async def conversations(retinue: Retinue) -> tuple[Conversation, ...]:
    return (await retinue.log.conversations()).items
