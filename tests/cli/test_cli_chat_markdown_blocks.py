"""Blocks: headings, lists, quotes and code as they stand on the screen."""

from textwrap import dedent

import pytest

from retinue.cli.chat._markdown import Markdown
from retinue.telemetry.terminal import Look

COLOUR = Look(live=True, colour=True, emoji=True)
PLAIN = Look(live=True, colour=False, emoji=True)
BARE = Look(live=True, colour=False, emoji=False)


def shown(text: str, width: int = 40, look: Look = PLAIN) -> str:
    markdown = Markdown(width, look)
    return "\n".join([*markdown.add(text), *markdown.end()])


def same(text: str, lines: str, width: int = 40, look: Look = PLAIN) -> None:
    assert shown(dedent(text), width, look) == dedent(lines).strip("\n")


def test_blocks_have_one_blank_line_between_them_and_none_around() -> None:
    assert shown("\n\n# a\nb\n\n\n\n- c\n\n\n***\n> d\n\n```\ne\n```\n\n\n") == (
        "# a\n\nb\n\n• c\n\n" + "─" * 40 + "\n\n│ d\n\n  e"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# a", "\x1b[1;4;35ma\x1b[0m"),
        ("## a ##", "\x1b[1;35ma\x1b[0m"),
        ("### a #b", "\x1b[1;32ma #b\x1b[0m"),
        ("###### a", "\x1b[1ma\x1b[0m"),
        ("# a `b`", "\x1b[1;4;35ma \x1b[0m\x1b[1;4;35;36mb\x1b[0m"),
        ("a\n===", "\x1b[1;4;35ma\x1b[0m"),
        ("a *b*\n---", "\x1b[1;35ma \x1b[0m\x1b[1;35;3mb\x1b[0m"),
        ("#a", "#a"),
        ("####### a", "####### a"),
        ("#", ""),
        ("# #", ""),
        ("a\n-", "a -"),
        ("a\n=", "a ="),
    ],
)
def test_headings(text: str, line: str) -> None:
    assert shown(text, look=COLOUR) == line


def test_headings_keep_their_marks_where_there_is_no_colour() -> None:
    assert shown("# a\n### b ###") == "# a\n\n### b"
    assert shown("# one two three", width=10) == "# one two\nthree"


def test_a_long_paragraph_does_not_wait_for_what_would_make_it_a_heading() -> None:
    assert shown("word " * 30 + "\n===", width=20).endswith(" word ===")
    assert shown("a\nb\n---", width=10) == "a b\n\n" + "─" * 10


@pytest.mark.parametrize("rule", ["***", "---", "___", "* * *", "-- -- --", "_ _ _ _"])
def test_thematic_breaks(rule: str) -> None:
    assert shown(f"a\n\n{rule}\nb", width=10) == "a\n\n" + "─" * 10 + "\n\nb"
    assert shown(rule, width=100, look=BARE) == "-" * 40


def test_tight_lists_are_tight_and_loose_ones_loose() -> None:
    same(
        """
        Things:
        - one
        - two
          - deep
            1. deeper
        - three

        - apart
          text

          more
        """,
        """
        Things:

        • one
        • two
          ◦ deep
            1. deeper
        • three

        • apart text

          more
        """,
    )


def test_numbers_are_kept_and_what_is_behind_them_stands_below_itself() -> None:
    same(
        """
        9. nine nine nine nine nine
        10. ten ten ten ten ten ten
        12) twelve
        """,
        """
        9. nine nine
           nine nine
           nine
        10. ten ten ten
            ten ten ten

        12) twelve
        """,
        width=16,
    )


def test_bullets_of_any_kind() -> None:
    same("- a\n* b\n+ c\n• d", "• a\n\n• b\n\n• c\n\n• d")
    same("- a\n  - b\n    - c\n      - d", "• a\n  ◦ b\n    ▪ c\n      • d")
    same("- a\n  - b\n    - c", "- a\n  * b\n    + c", look=BARE)


def test_tasks() -> None:
    same("- [ ] a\n- [x] b\n1. [X] c\n- []\n- [ ]", "☐ a\n☑ b\n\n☑ c\n\n• []\n• [ ]")
    same("- [ ] a\n- [x] b\n  - c", "[ ] a\n[x] b\n    * c", look=BARE)


def test_lists_that_models_indent_too_little_are_lists_in_lists() -> None:
    same("1. a\n  - b\n  - c\n2. d", "1. a\n   • b\n   • c\n2. d")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("The year\n1998. was\n- \nwet", "The year 1998. was - wet"),
        ("Steps\n1. a", "Steps\n\n1. a"),
        ("-a 1.a", "-a 1.a"),
        ("- a\nb", "• a b"),
        ("- a\n\nb", "• a\n\nb"),
        ("-\n- a", "•\n• a"),
        ("- a\n-", "• a\n•"),
        ("-     a", "•   a"),
        ("1. a\n\n   ```\n   b\n\n    c\n   ```\n2. d", "1. a\n\n     b\n\n      c\n2. d"),
        ("- a\n  > b\n- c", "• a\n  │ b\n• c"),
        ("- # a\n- b", "• # a\n• b"),
    ],
)
def test_where_list_items_begin_and_end(text: str, lines: str) -> None:
    assert shown(text) == lines


def test_quotes() -> None:
    same(
        """
        > one *two* three four five
        six
        >
        > - a
        >   > b
        > ```
        > c
        ```
        d
        """,
        """
        │ one two three
        │ four five six
        │
        │ • a
        │   │ b
        │
        │   c

          d
        """,
        width=17,
    )
    same(">a\n>> b\n>\n> c", "> a\n>\n> > b\n>\n> c", look=BARE)
    assert shown(">") == ""


def test_code_is_shown_as_it_is() -> None:
    code = 'def f(x):   # *not* `inline`\n\n    return "<b>&amp;</b>"'
    assert shown(f"```python\n{code}\n```\n~~~\n```\n~~~~") == (
        '  def f(x):   # *not* `inline`\n\n      return "<b>&amp;</b>"\n\n  ```'
    )


def test_a_line_of_code_is_finished_at_its_end_and_cut_where_it_is_too_long() -> None:
    markdown = Markdown(12, PLAIN)
    assert markdown.add("```\n") == []
    assert markdown.add("a  b") == []
    assert markdown.open == ["  a  b"]
    assert markdown.add("\n") == ["  a  b"]
    assert markdown.add("0123456789  2345漢漢67漢9\n") == [
        "  0123456789",
        "    2345漢漢",
        "  67漢9",
    ]
    assert markdown.add("```") == []
    assert markdown.open == []
    assert markdown.end() == []


def test_nothing_of_a_long_line_of_code_is_lost() -> None:
    line = "".join([f"{n} = f({n})  ; " for n in range(200)]).rstrip()
    lines = shown(f"```\n{line}\n```", width=30).split("\n")
    assert "".join([row.removeprefix("  ") for row in lines]) == line


def test_code_may_have_no_end() -> None:
    assert shown("```\na\n\n``\n\n") == "  a\n\n  ``"
    assert shown("```\n\n\n") == ""


def test_code_in_colour_and_on_a_narrow_screen() -> None:
    assert shown("```\n  a\n```", look=COLOUR) == "  \x1b[36m  a\x1b[0m"
    assert shown("```\nabcdef\n```", width=4) == "abcd\nef"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\n\n    b\n      c\n\n    d\n\ne", "a\n\n  b\n    c\n\n  d\n\ne"),
        ("a\n    b", "a b"),
        ("    a\nb", "  a\n\nb"),
        ("   ```\n   a\n     b\n  ```", "  a\n    b"),
        ("```\na\n    ```\nb", "  a\n      ```\n  b"),
        ("``` `a\nb", "``` `a b"),
        ("- a\n\n      b", "• a\n\n    b"),
    ],
)
def test_indented_code_and_fences_that_are_none(text: str, lines: str) -> None:
    assert shown(text) == lines


def test_what_stands_deep_still_has_room() -> None:
    assert shown("> " * 10 + "some words here", width=20).split("\n") == [
        "│ │ │ │ │ │ some",
        "│ │ │ │ │ │ words",
        "│ │ │ │ │ │ here",
    ]
    assert shown("- " * 40 + "a", width=200) == "• ◦ ▪ " * 5 + "• - - - " + "- " * 21 + "a"
    assert shown("- ab cd", width=6) == "ab cd"


def test_html_is_text() -> None:
    assert shown("<details>\n<summary>a</summary>\n\nb\n\n</details>") == (
        "<details> <summary>a</summary>\n\nb\n\n</details>"
    )


def test_the_prefixes_are_faint_where_there_is_colour() -> None:
    assert shown("> - a\n> 1. b", look=COLOUR) == (
        "\x1b[2m│ • \x1b[0ma\n\x1b[2m│\x1b[0m\n\x1b[2m│ 1. \x1b[0mb"
    )
