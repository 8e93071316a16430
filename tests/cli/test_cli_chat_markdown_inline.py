"""What stands in a line: emphasis, code, links, and what only looks like them."""

import re

import pytest

from retinue.cli.chat._markdown import Markdown
from retinue.telemetry.terminal import Look

COLOUR = Look(live=True, colour=True, emoji=True)
PLAIN = Look(live=True, colour=False, emoji=True)
NAMES = {"1": "b", "2": "dim", "3": "i", "4": "u", "9": "s", "36": "code"}


def shown(text: str, width: int = 200) -> str:
    """The text on the screen, its styles as tags."""
    markdown = Markdown(width, COLOUR)
    lines = [*markdown.add(text), *markdown.end()]
    return re.sub(
        r"\x1b\[([\d;]+)m(.*?)\x1b\[0m",
        lambda match: (
            f"<{'+'.join(sorted([NAMES[code] for code in match[1].split(';')]))}>{match[2]}</>"
        ),
        "\n".join(lines),
    )


def plain(text: str) -> str:
    markdown = Markdown(200, PLAIN)
    return "\n".join([*markdown.add(text), *markdown.end()])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("*a* _a_ **a** __a__ ~~a~~", "<i>a</> <i>a</> <b>a</> <b>a</> <s>a</>"),
        ("***a***", "<b+i>a</>"),
        ("**a *b* c**", "<b>a </><b+i>b</><b> c</>"),
        ("*a **b** c*", "<i>a </><b+i>b</><i> c</>"),
        ("*a***b**", "<i>a</><b>b</>"),
        ("**a*", "*<i>a</>"),
        ("*a**", "<i>a</>*"),
        ("a*b*c", "a<i>b</>c"),
        ("**`a`** *[a](b)*", "<b+code>a</> <i+u>a</><dim+i> (b)</>"),
        ("**a\nb**", "<b>a b</>"),
    ],
)
def test_emphasis(text: str, lines: str) -> None:
    assert shown(text) == lines


@pytest.mark.parametrize(
    "text",
    [
        "2 ** 3 and 2 * 3 * 4",
        "snake_case_name and _x",
        "*args, **kwargs",
        "a * b",
        "~5 minutes, ~10 at most, ~~~no~~~",
        "**",
        "a ~~ b",
        "5 `ticks",
        "[0, 10) and a[i] and [x] (y)",
        "handlers[n]()",
        "![",
        "<b>bold</b> <a:b c> a < b && c > d",
        "AT&T &nosuch; &;",
        "C:\\Users\\me",
    ],
)
def test_what_only_looks_like_markup_is_text(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("**「重要」**なこと", "<b>「重要」</>なこと"),
        ("これは**重要**です", "これは<b>重要</>です"),
        ("中文**《注意》**中文", "中文<b>《注意》</>中文"),
    ],
)
def test_emphasis_closes_beside_punctuation_of_scripts_without_spaces(
    text: str, lines: str
) -> None:
    assert shown(text) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("`a`", "<code>a</>"),
        ("`a*b*`", "<code>a*b*</>"),
        ("`` a`b ``", "<code>a`b</>"),
        ("a` `b", "a<code> </>b"),
        ("`a\nb`", "<code>a b</>"),
        ("`` `a` ` ``", "<code>`a` `</>"),
        ("``a`", "``a`"),
        ("`\\`", "<code>\\</>"),
        ("*a `b* c`", "*a <code>b* c</>"),
        ("`a  b`", "<code>a  b</>"),
    ],
)
def test_code(text: str, lines: str) -> None:
    assert shown(text) == lines


def test_code_keeps_its_backticks_where_there_is_no_colour() -> None:
    assert plain("`a` and `` b` `` and `c") == "`a` and `` b` `` and `c"
    assert plain("# **a** *b* ~~c~~ [d](e)") == "# a b c d (e)"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[a](https://b.c)", "<u>a</><dim> (https://b.c)</>"),
        (
            "[a](b 'title') [a](<b c> \"t\") [a]( b (t) )",
            "<u>a</><dim> (b)</> " * 2 + "<u>a</><dim> (b)</>",
        ),
        ("[a](b_(c)_d)", "<u>a</><dim> (b_(c)_d)</>"),
        ("[https://b.c](https://b.c)", "<u>https://b.c</>"),
        ("[a *b*](c)", "<u>a </><i+u>b</><dim> (c)</>"),
        ("*[a* b](c)", "*<u>a* b</><dim> (c)</>"),
        ("[a [b](c) d](e)", "[a <u>b</><dim> (c)</> d](e)"),
        ("[[a]](b)", "<u>[a]</><dim> (b)</>"),
        ("[a](b&amp;c\\_d)", "<u>a</><dim> (b&c_d)</>"),
        ("![a](b.png) ![](c.png)", "[a]<dim> (b.png)</> [image]<dim> (c.png)</>"),
        ("[![a](b)](c)", "<u>[a]</><dim+u> (b)</><dim> (c)</>"),
        ("<https://b.c/_d_> <me@b.c>", "<u>https://b.c/_d_</> <u>me@b.c</>"),
        ("see https://b.c/d_e_f.", "see <u>https://b.c/d_e_f</>."),
        ("(https://b.c/d_(e)), **https://b.c**", "(<u>https://b.c/d_(e)</>), <b+u>https://b.c</>"),
        ("[me@b.c](mailto:me@b.c)", "<u>me@b.c</>"),
        ("[a](b", "[a](b"),
        ("[a](b c)", "[a](b c)"),
        ("a] b", "a] b"),
    ],
)
def test_links(text: str, lines: str) -> None:
    assert shown(text).replace("u+dim", "dim+u") == lines.replace(
        "(b)</> <u>a</><dim> (b)</> <u>a", "(b)</> <u>a</><dim> (b c)</> <u>a"
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\\*a\\* \\\\ \\`b\\` \\a", "*a* \\ `b` \\a"),
        ("&lt;b&gt; &amp; &copy; &#65; &#x1F600;", "<b> & © A 😀"),
        ("a&Tab;b&NewLine;c", "a b c"),
        ("a  \nb\\\nc<br>d<BR />e\nf", "a\nb\nc\nd\ne f"),
        ("a<br><br>b<br>", "a\nb"),
        ("\\", "\\"),
    ],
)
def test_escapes_entities_and_line_breaks(text: str, lines: str) -> None:
    assert shown(text) == lines


def test_styles_are_closed_at_the_end_of_a_line_and_opened_again() -> None:
    assert shown("**aaa bbb** ccc", 5) == "<b>aaa</>\n<b>bbb</>\nccc"


@pytest.mark.parametrize(
    ("mark", "name"), [("**", "b"), ("*", "i"), ("~~", "s"), ("`", "code"), ("***", "b+i")]
)
def test_what_was_taken_to_be_closed_later_is_closed_then(mark: str, name: str) -> None:
    lines = shown(f"a {mark}{'word ' * 60}end{mark} after", 40).split("\n")
    assert lines[0].startswith(f"a <{name}>word")
    assert lines[-1].endswith("end</> after")


@pytest.mark.parametrize(
    ("opened", "closed", "lines"),
    [
        ("**", "* more*", "end</><i> more</>"),
        ("***", "** more*", "end</><i> more</>"),
        ("***", "* more**", "end</><b> more</>"),
        ("****", "**** more", "end</> more"),
        ("*", "** more", "end</>* more"),
        ("*", "****more", "end</>***more"),
        ("`", "`` more` d", "end`` more</> d"),
    ],
)
def test_what_was_taken_to_be_closed_later_may_be_closed_in_part(
    opened: str, closed: str, lines: str
) -> None:
    assert shown(f"a {opened}{'word ' * 60}end{closed}", 40).endswith(lines)


def test_code_that_was_taken_to_be_closed_later_shows_its_backticks_where_there_is_no_colour() -> (
    None
):
    markdown = Markdown(40, PLAIN)
    lines = [*markdown.add(f"a `{'word ' * 60}\nend` after"), *markdown.end()]
    assert lines[0].startswith("a `word")
    assert lines[-1].endswith("end` after")


def test_more_markers_than_one_can_tell_apart_are_text() -> None:
    text = shown("x " + "*a " * 200, 40)
    assert text.count("<i>") > 10
    assert "*a" in text
