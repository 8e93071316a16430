"""Markdown while it is being written: what is finished stays, and how it was cut is no matter."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes, wcswidth

from retinue.cli.chat._markdown import Markdown
from retinue.telemetry.terminal import Look

COLOUR = Look(live=True, colour=True, emoji=True)
PLAIN = Look(live=True, colour=False, emoji=True)
BARE = Look(live=True, colour=False, emoji=False)
WORDS = "The quick brown fox jumps over the lazy dog. "

MARKS = (
    *("*", "**", "_", "~~", "`", "``", "```", "~~~", "\n", "\n\n", "\r\n", "  ", "    ", "\t"),
    *("# ", "- ", "1. ", "2) ", "> ", "---", "===", "|", "| a | b |\n|--|:-:|\n", "[ ] ", "[x] "),
    *("[", "](u)", "![", "<", "<br>", "<b>", "\\", "&amp;", "&#27;", "https://a.b/c", "a", "word "),
    *("\x1b[31m", "\x9b", "\u2028", "漢", "字。", "「", "」", "가", "é", "e\u0301", "\u0301"),
    *("👩‍💻", "❤️", "🇫🇮", "🇫", "\u200d", "\ufe0f", "\u00a0", "\ud800"),
)
SOURCES = st.one_of(st.lists(st.sampled_from(MARKS), max_size=80).map("".join), st.text())
WIDTHS = st.sampled_from((2, 3, 7, 20, 40, 80))
LOOKS = st.sampled_from((COLOUR, PLAIN, BARE))


def whole(text: str, width: int, look: Look) -> list[str]:
    markdown = Markdown(width, look)
    return [*markdown.add(text), *markdown.end()]


def bare(line: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", line)


def width_of(line: str) -> int:
    return sum([max(0, wcswidth(letter)) for letter in iter_graphemes(bare(line))])


@settings(deadline=None)
@given(SOURCES, WIDTHS, LOOKS, st.data())
@example("a ***b** c*** " * 9, 20, COLOUR, None)
def test_how_a_text_is_cut_is_no_matter(
    text: str, width: int, look: Look, data: st.DataObject | None
) -> None:
    markdown = Markdown(width, look)
    lines: list[str] = []
    rest = text
    while rest:
        size = data.draw(st.integers(1, 9)) if data else 1
        lines += markdown.add(rest[:size])
        _ = markdown.open
        rest = rest[size:]
    assert [*lines, *markdown.end()] == whole(text, width, look)


@settings(deadline=None)
@given(SOURCES, WIDTHS, LOOKS)
def test_no_line_is_wider_than_the_screen_or_steers_it(text: str, width: int, look: Look) -> None:
    markdown = Markdown(width, look)
    lines = markdown.add(text)
    for line in (*lines, *markdown.open, *markdown.end()):
        assert width_of(line) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", bare(line))
        assert look.colour or "\x1b" not in line


@settings(deadline=None)
@given(SOURCES, LOOKS)
def test_a_screen_of_one_column_is_a_screen(text: str, look: Look) -> None:
    markdown = Markdown(1, look)
    assert isinstance([*markdown.add(text), *markdown.open, *markdown.end()], list)


@settings(deadline=None)
@given(SOURCES, WIDTHS)
def test_nothing_blank_begins_or_ends_an_answer(text: str, width: int) -> None:
    lines = whole(text, width, PLAIN)
    assert not lines or (lines[0] and lines[-1])


@settings(deadline=None)
@given(st.lists(st.sampled_from((*"ab*_`~[]", "(u)", "**", "foo ", "漢", ". ")), max_size=80))
def test_what_goes_out_early_is_what_it_would_be_in_the_end(parts: list[str]) -> None:
    text = ("x" + "".join(parts))[:170]  # longer, and markers are not waited for
    assert letters(whole(text, 30, COLOUR)) == letters(whole(text, 10_000, COLOUR))


def letters(lines: list[str]) -> list[tuple[str, str]]:
    """Each letter but spaces, with its style."""
    found: list[tuple[str, str]] = []
    style = ""
    for sign, letter in re.findall(r"(\x1b\[[\d;]*m)|([^ ])", "".join(lines)):
        style = sign or style
        if letter:
            found.append((letter, style))
    return found


def test_lines_go_out_while_their_paragraph_goes_on() -> None:
    markdown = Markdown(40, PLAIN)
    seen = 0
    for word in (WORDS * 20).split(" "):
        seen += len(markdown.add(f"{word} "))
        assert len(markdown.open) <= 6
    assert seen > 20


@pytest.mark.parametrize("marker", ["*", "**", "`", "[", "~~", "_"])
def test_a_marker_that_is_never_closed_holds_few_lines_back(marker: str) -> None:
    markdown = Markdown(40, COLOUR)
    most = 0
    for word in f"A {marker}stray mark. {WORDS * 30}".split(" "):
        markdown.add(f"{word} ")
        most = max(most, len(markdown.open))
    assert 4 <= most <= 9


def test_a_marker_that_was_waited_for_in_vain_is_taken_to_be_closed_later() -> None:
    lines = whole(f"Now **{WORDS * 8}the end** and so on.", 40, COLOUR)
    assert lines[0].startswith("Now \x1b[1mThe quick")
    assert not any("*" in line for line in lines)
    assert lines[-1].endswith("\x1b[0m and so on.")


def test_a_marker_that_is_never_closed_is_text_in_a_short_paragraph() -> None:
    assert whole("a *b **c `d ~~e [f](g", 80, COLOUR) == ["a *b **c `d ~~e [f](g"]


def test_open_lines_look_as_if_what_is_open_will_be_closed() -> None:
    markdown = Markdown(80, COLOUR)
    assert markdown.add("It is **impor") == []
    assert markdown.open == ["It is \x1b[1mimpor\x1b[0m"]
    assert markdown.add("tant**.") == []
    assert markdown.open == ["It is \x1b[1mimportant\x1b[0m."]
    assert markdown.end() == ["It is \x1b[1mimportant\x1b[0m."]


def test_looking_at_open_lines_changes_nothing() -> None:
    markdown = Markdown(20, COLOUR)
    text = "- a\n  - **b\n\n| a | b |\n|---|---|\n| 1 |"
    lines = markdown.add(text)
    assert markdown.open == markdown.open
    assert [*lines, *markdown.end()] == whole(text, 20, COLOUR)


@pytest.mark.parametrize("mark", ["-", "#", "1.", "``", "=", "> ", "**", "|--"])
def test_a_line_of_marks_is_not_shown_before_it_is_known_what_they_mean(mark: str) -> None:
    markdown = Markdown(80, PLAIN)
    markdown.add(f"Some words\n{mark}")
    assert markdown.open == ["Some words"]


def test_at_the_end_nothing_is_open() -> None:
    markdown = Markdown(80, PLAIN)
    assert markdown.open == []
    markdown.add("a")
    assert markdown.end() == ["a"]
    assert markdown.open == []
    assert markdown.end() == []


def test_a_new_width_counts_from_the_next_line() -> None:
    markdown = Markdown(40, PLAIN)
    before = markdown.add(WORDS * 4)
    markdown.width = 10
    assert max(map(width_of, markdown.open)) <= 10
    after = [*markdown.add(WORDS), *markdown.end()]
    assert before
    assert max(map(width_of, before)) > 10
    assert max(map(width_of, after)) <= 10
    assert " ".join([*before, *after]) == (WORDS * 5).strip()


@settings(deadline=None)
@given(SOURCES, st.lists(WIDTHS, min_size=1, max_size=9))
def test_the_width_may_change_at_any_time(text: str, widths: list[int]) -> None:
    markdown = Markdown(80, PLAIN)
    size = len(text) // len(widths) + 1
    for n, width in enumerate(widths):
        markdown.width = width
        lines = [*markdown.add(text[n * size : (n + 1) * size]), *markdown.open]
        assert all(width_of(line) <= width for line in lines)
    assert all(width_of(line) <= widths[-1] for line in markdown.end())


def test_code_is_cut_anew_where_the_screen_has_become_narrower() -> None:
    markdown = Markdown(40, PLAIN)
    markdown.add("```\nabcdefghijklmnop")
    markdown.width = 12
    assert markdown.open == ["  abcdefghij", "  klmnop"]
    assert markdown.add("\n") == ["  abcdefghij", "  klmnop"]


def test_a_letter_wider_than_the_screen_has_a_line_of_its_own() -> None:
    assert whole("漢a漢b", 1, PLAIN) == ["漢", "a", "漢", "b"]
    assert whole("```\n漢a漢b\n```", 1, PLAIN) == ["漢", "a", "漢", "b"]


def test_a_long_word_is_cut_and_goes_on_behind_it() -> None:
    assert whole("see " + "x" * 25 + " end", 10, PLAIN) == ["see", "x" * 10, "x" * 10, "xxxxx end"]


def test_chinese_and_japanese_are_broken_between_letters_but_not_before_a_full_stop() -> None:
    assert whole("日本語の文章。终", 10, PLAIN) == ["日本語の文", "章。终"]
    assert whole("日本語の文。「」", 10, PLAIN) == ["日本語の", "文。「」"]
    assert whole("漢字(API)漢字", 6, PLAIN) == ["漢字", "(API)", "漢字"]
    assert whole("漢字\n漢字\nabc", 80, PLAIN) == ["漢字漢字 abc"]


def test_an_emoji_of_several_letters_is_not_torn() -> None:
    assert whole("👩‍💻" * 3, 4, PLAIN) == ["👩‍💻👩‍💻", "👩‍💻"]
    assert whole("❤**\ufe0f**", 80, COLOUR) == ["❤\ufe0f"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert whole("a\x1b[2Jb\x07\r\nc&#27;d\u2028\u2028e", 80, COLOUR) == ["a[2Jb cd", "", "e"]


def test_tabs_are_spaces() -> None:
    assert whole("```\n\ta\tb\n```", 80, PLAIN) == ["      a   b"]
    assert whole("```\n" + "x" * 81 + "\ty\n```", 200, PLAIN) == ["  " + "x" * 81 + "   y"]


def test_a_line_too_long_to_be_waited_for_is_text() -> None:
    lines = whole("# " + "word " * 2000, 80, COLOUR)
    assert lines[0].startswith("# word")
    rows = whole("| a | b |\n|---|---|\n| 1 | 2 |\n|" + " x" * 3000 + "\n| 3 | 4 |", 80, PLAIN)
    assert rows[:4] == ["a │ b", "──┼──", "1 │ 2", ""]
    assert rows[4].startswith("| x x")
    assert whole(" " * 5000 + "text", 80, PLAIN) == ["text"]
    assert whole("```\n" + " " * 5000 + "x", 80, PLAIN)[-1].endswith("x")


LONG = {
    "one paragraph": ("", WORDS),
    "one word": ("", "x"),
    "backticks": ("", "`"),
    "code": ("", "`a `b "),
    "openers": ("", "*a "),
    "closers": ("", "a* "),
    "both": ("", "**a _b x*x "),
    "brackets": ("", "["),
    "links": ("", "[a](b"),
    "images": ("", "![a ![b](c) "),
    "quotes": ("", ">"),
    "lists": ("", "- "),
    "blank lines in lists": ("- " * 15 + "x\n", "\n"),
    "rules": ("", "-"),
    "spaces": ("", " "),
    "accents": ("", "\u0301"),
    "joiners": ("", "\u200d"),
    "chinese": ("", "漢字"),
    "a table": ("| a | b |\n|--|--|\n", "| a *b* | c |\n"),
    "a wide table": ("| a | b |\n|--|--|\n", "|"),
    "a line of code": ("```\n", "x = y "),
    "blank code": ("```\n", " \n"),
    "code of spaces": ("```\n", " "),
}


@pytest.mark.parametrize(("start", "unit"), LONG.values(), ids=LONG)
def test_time_grows_as_the_text_does(start: str, unit: str) -> None:
    def spent(size: int) -> float:
        text = start + (unit * size)[:size] + "x"
        markdown = Markdown(80, COLOUR)
        begun = time.process_time()
        for at in range(0, len(text), 1000):
            markdown.add(text[at : at + 1000])
            _ = markdown.open
        markdown.end()
        return time.process_time() - begun

    short = min(spent(6_000), spent(6_000))
    assert spent(24_000) < 10 * short + 0.1  # four times as long, or sixteen if it were squared


def test_a_piece_of_an_answer_costs_little() -> None:
    markdown = Markdown(80, COLOUR)
    text = f"## Title\n\n{WORDS * 9}\n\n- **bold** {WORDS}\n- `code` {WORDS}\n\n" * 30
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    begun = time.process_time()
    for piece in pieces:
        markdown.add(piece)
    assert (time.process_time() - begun) / len(pieces) < 50e-6  # 3e-6 on a quiet machine
