"""Lines about what is kept, and how ids and ages are shown."""

import datetime
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.cli._brief import age, brief_ids, columns, cut, now, span
from retinue.cli._grammar import (
    Ask,
    Conversations,
    Inbox,
    Replay,
    RunTask,
    Tasks,
    Worker,
    read_line,
)
from retinue.cli._screen import Screen, open_screen
from retinue.errors import UsageError

KEEPS = True


@pytest.fixture
def screen() -> Screen:
    return open_screen(io.StringIO(), io.StringIO(), {}, program="main")


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (["conversations"], Conversations({})),
        (["conversations", "--all", "--limit", "3"], Conversations({}, all=True, limit=3)),
        (["conversations", "list", "--json", "--store", "a.db"],
            Conversations({"store": "a.db"}, json=True)),
        (["conversations", "show", "01A"], Conversations({}, "show", ("01A",))),
        (["conversations", "search", "a", "b"], Conversations({}, "search", ("a", "b"))),
        (["conversations", "export", "01A", "--format", "json", "-o", "a"],
            Conversations({}, "export", ("01A",), form="json", file="a")),
        (["conversations", "delete", "1", "2", "--yes"],
            Conversations({}, "delete", ("1", "2"), yes=True)),
        (["conversations", "keep", "1", "7"], Conversations({}, "keep", ("1", "7"))),
        (["run", "ada", "Do it"], RunTask("ada", Ask("Do it", {}))),
        (["run", "ada", "x", "--background", "-m", "y", "-c", "-f", "a", "-v"],
            RunTask("ada", Ask("x", {"model": "y"}, None, "text", 1, ("a",), ""), True)),
        (["run", "ada", "-r", "01A", "-o", "json", "--history", ""],
            RunTask("ada", Ask(None, {}, "", "json", 0, (), "01A"))),
        (["tasks"], Tasks({})),
        (["tasks", "--limit", "7", "--json"], Tasks({}, json=True, limit=7)),
        (["tasks", "follow", "1", "-o", "json"], Tasks({}, "follow", ("1",), output="json")),
        (["tasks", "answer", "1", ""], Tasks({}, "answer", ("1", ""))),
        (["tasks", "answer", "1", "--", "-5"], Tasks({}, "answer", ("1", "-5"))),
        (["inbox", "--json"], Inbox({}, json=True)),
        (["inbox", "answer", "1", "yes"], Inbox({}, "answer", ("1", "yes"))),
        (["replay", "1"], Replay({}, "1")),
        (["replay", "1", "--from", "ada", "-m", "x", "-s", "y", "--temperature", "0", "--json"],
            Replay({}, "1", "ada", {"model": "x", "system": "y", "temperature": "0"}, True)),
        (["worker"], Worker({})),
        (["worker", "--until-idle", "-vv", "-m", "x"], Worker({"model": "x"}, True, 2)),
    ],
)  # fmt: skip
def test_a_line_has_one_meaning(line: list[str], meaning: object, screen: Screen) -> None:
    assert read_line(line, screen) == meaning


@pytest.mark.parametrize(
    ("line", "complaint", "hint"),
    [
        (
            ["conversations", "lst"],
            "'lst' is nothing that can be done",
            "`main conversations list`",
        ),
        (["conversations", "01A"], "'01A' is nothing that can be", "main conversations --help"),
        (["conversations", "show"], "show needs ID", "main conversations show ID"),
        (["conversations", "show", ""], "show needs ID", "main conversations show ID"),
        (["conversations", "show", "1", "2"], "'2' is too much", "main conversations --help"),
        (["conversations", "delete"], "delete needs ID...", "main conversations delete ID..."),
        (["conversations", "delete", "1", ""], "delete needs ID...", "delete ID..."),
        (["conversations", "search", "\udcff"], "This is no UTF-8 text", "UTF-8"),
        (["conversations", "keep", "1"], "keep needs ID DAYS", "main conversations keep ID DAYS"),
        (["conversations", "show", "1", "--yes"], "--yes means nothing to show", "--help"),
        (["conversations", "--limit", "0"], "--limit: '0' is no number from 1", "--help"),
        (["conversations", "--limit", "x"], "--limit: 'x' is no number from 1", "--help"),
        (["conversations", "export", "1", "--format", "pdf"], "invalid choice: 'pdf'", "--help"),
        (["run"], "Which agent?", 'main run AGENT "task"'),
        (["run", "ada", "do", "it"], "A task is one argument", 'main run ada "do it"'),
        (["run", "ada", ""], "The task is empty", 'main run ada "task"'),
        (["run", "ada", "\udcff"], "This is no UTF-8 text", "UTF-8"),
        (["run", "ada", "x", "--background", "--history", "a"], "adds to no file", "Leave"),
        (["run", "ada", "x", "-c", "-r", "1"], "name different conversations", "main --help"),
        (["tasks", "folow", "1"], "'folow' is nothing that can", "`main tasks follow`"),
        (["tasks", "answer", "1"], "answer needs ID VALUE", "main tasks answer ID VALUE"),
        (["tasks", "stop", "1", "--json"], "--json means nothing to stop", "main tasks --help"),
        (["inbox", "answer", "", "yes"], "answer needs ID VALUE", "main inbox answer ID VALUE"),
        (["inbox", "answer", "1", "y", "z"], "'z' is too much", "main inbox --help"),
        (["replay"], "Which run?", "main replay --help"),
        (["replay", "1", "2"], "'2' is too much", "main replay --help"),
        (["replay", "1", "-s", "x"], "--system changes one turn", "main replay 1 --from AGENT"),
        (["worker", "x"], "'x' is too much", "main worker --help"),
    ],
)
def test_a_line_that_means_nothing_says_why(
    line: list[str], complaint: str, hint: str, screen: Screen
) -> None:
    with pytest.raises(UsageError) as caught:
        read_line(line, screen)
    assert complaint in str(caught.value)
    assert hint in str(caught.value.hint)


@given(st.lists(st.text("01AB", max_size=26), unique=True, max_size=20))
def test_an_id_is_cut_where_it_is_still_the_only_one(ids: list[str]) -> None:
    for id, brief in brief_ids(ids).items():
        assert id.startswith(brief)
        assert len(brief) >= min(10, len(id))
        assert brief == id or [other for other in ids if other.startswith(brief)] == [id]


@pytest.mark.parametrize(
    ("seconds", "old"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1 min"),
        (3_599, "59 min"),
        (7_200, "2 h"),
        (86_400, "1 day"),
        (1_000_000, "11 days"),
    ],
)
def test_an_age_is_said_in_its_largest_unit(seconds: float, old: str) -> None:
    at = now()
    assert age(at - datetime.timedelta(seconds=seconds), at) == old


def test_what_is_short_is_said_in_seconds() -> None:
    assert span(0.4) == "0 s"
    assert span(59.9) == "59 s"


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([]) == []
    assert columns([("a", "bb", "c"), ("aa", "b", "cc")]) == [
        ["a ", "bb", "c"],
        ["aa", "b ", "cc"],
    ]


def test_where_there_is_no_room_nothing_is_said() -> None:
    assert cut("a\nb c", 80) == "a b c"
    assert cut("abcdefgh", 5) == "abcd…"
    assert cut("abcdefgh", 3) == ""
    assert cut("abcdefgh", -3) == ""
