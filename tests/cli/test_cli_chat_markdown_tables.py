"""Tables: columns as wide as they need to be, and what is done where there is no room."""

from textwrap import dedent

import pytest

from retinue.cli.chat._markdown import Markdown
from retinue.telemetry.terminal import Look

COLOUR = Look(live=True, colour=True, emoji=True)
PLAIN = Look(live=True, colour=False, emoji=True)
BARE = Look(live=True, colour=False, emoji=False)


def same(text: str, lines: str, width: int = 40, look: Look = PLAIN) -> None:
    markdown = Markdown(width, look)
    found = [*markdown.add(dedent(text).strip("\n")), *markdown.end()]
    assert "\n".join(found) == dedent(lines).strip("\n")


def test_columns_are_as_wide_as_their_widest_cell_and_aligned() -> None:
    same(
        """
        | Name | Age | City | 好 |
        |:-----|----:|:----:|---|
        | *Al* | 7 | 東京 | 👩‍💻 |
        | Barbara | 30 | Turku | x |
        """,
        """
        Name    │ Age │ City  │ 好
        ────────┼─────┼───────┼───
        Al      │   7 │ 東京  │ 👩‍💻
        Barbara │  30 │ Turku │ x
        """,
    )


def test_without_unicode_there_are_other_lines() -> None:
    same("a | b\n--|--\n1 | 2", "a | b\n--+--\n1 | 2", look=BARE)


def test_cells_are_folded_where_there_is_no_room_for_them_and_rows_kept_apart() -> None:
    same(
        """
        | Model | Notes |
        |---|--:|
        | one | the quick brown fox jumps |
        | two<br>lines | a |
        """,
        """
        Model │     Notes
        ──────┼──────────
        one   │ the quick
              │ brown fox
              │     jumps
        ──────┼──────────
        two   │         a
        lines │
        """,
        width=17,
    )


def test_where_columns_have_no_room_each_value_says_what_it_is() -> None:
    text = """
        | Name | Description | |
        |---|---|---|
        | first | something long | x |
        | second | | y |
        """
    same(
        text,
        """
        Name: first
        Description: something
        long
        x
        ────────
        Name: second
        y
        """,
        width=22,
    )
    same("| alpha | beta |\n|---|---|", "alpha\nbeta", width=8)


def test_styles_in_a_table() -> None:
    same(
        "| a | b |\n|---|---|\n| `c` | 1 |",
        "\x1b[1ma\x1b[0m\x1b[2m │ \x1b[0m\x1b[1mb\x1b[0m\n\x1b[2m──┼──\x1b[0m\n"
        "\x1b[36mc\x1b[0m\x1b[2m │ \x1b[0m1",
        look=COLOUR,
    )


def test_a_table_is_held_back_until_it_ends() -> None:
    markdown = Markdown(40, PLAIN)
    assert markdown.add("| a | b |\n|---|---|\n| 1 | 2 |\n") == []
    assert markdown.open == ["a │ b", "──┼──", "1 │ 2"]
    assert markdown.add("| long | 4") == []
    assert markdown.open == ["a    │ b", "─────┼──", "1    │ 2", "long │ 4"]
    assert markdown.add(" |\n\n") == ["a    │ b", "─────┼──", "1    │ 2", "long │ 4"]
    assert markdown.open == []


def test_a_long_table_goes_out_and_keeps_its_widths() -> None:
    markdown = Markdown(40, PLAIN)
    assert markdown.add("| n | word |\n|---|---|\n" + "| 10 | word |\n" * 39) == []
    lines = markdown.add("| 10 | word |\n")
    assert lines == ["n  │ word", "───┼─────", *["10 │ word"] * 40]
    assert markdown.add("| 100 | a |\n") == ["10 │ a", "0  │"]
    markdown.width = 6
    assert markdown.add("| 1 | b |\n") == ["──────", "n: 1", "word:", "b"]
    assert markdown.end() == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("See:\n| a | b |\n|---|---|\n| 1 | 2 |\nend", "See:\n\na │ b\n──┼──\n1 │ 2\n\nend"),
        ("- | a | b |\n  |---|---|\n  | 1 | 2 |\n- c", "• a │ b\n  ──┼──\n  1 │ 2\n• c"),
        ("> | a |\n> |---|\n> | 1 |\nb", "│ a\n│ ─\n│ 1\n\nb"),
        ("| a | b |\n|---|\n| 1 |\n| 1 | 2 | 3 |", "a │ b\n──┼──────\n1 │\n1 │ 2 | 3"),
        ("| a |\n|---|---|\n| 1 | 2 |", "a │\n──┼──\n1 │ 2"),
        ("| a \\| b | `c \\| d` |\n|---|---|", "a | b │ `c | d`\n──────┼────────"),
        ("a | b\n:-: | :\n1", "a | b :-: | : 1"),
        ("a || b\n---\n", "## a || b"),
        ("a\n|---|", "a\n\n|---|"),
        ("| a | b |\n| c | d |\n| e |", "| a | b | | c | d | | e |"),
        ("| a |\n|---|\n# b", "a\n─\n\n# b"),
    ],
)
def test_what_is_a_table_and_where_it_ends(text: str, lines: str) -> None:
    same(text, lines)
