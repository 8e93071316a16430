"""Several texts as one, however they come in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from retinue.cli.output._prose import Prose

TEXT = st.text(alphabet="ab \n", max_size=12)


def test_messages_have_a_blank_line_between_and_one_line_end_last() -> None:
    assert written([["Hel", "lo\n"], ["wor", "ld", "\n\n"]]) == "Hello\n\nworld\n"


def test_line_ends_inside_a_message_stay() -> None:
    assert written([["a\n\n", "\nb"]]) == "a\n\n\nb\n"


def test_messages_without_text_leave_no_trace() -> None:
    assert written([[], ["a"], [""], [], ["b"]]) == "a\n\nb\n"
    assert written([[], [""]]) == ""


def test_a_line_can_be_ended_on_the_way() -> None:
    prose = Prose()
    prose.start()
    assert prose.add("Let me see.\n") == "Let me see."
    assert prose.end() == "\n"
    assert prose.end() == ""
    prose.start()
    assert prose.add("Done") == "Done"
    assert prose.end() == "\n"


@given(st.lists(st.lists(TEXT, max_size=4), max_size=4))
def test_how_a_text_is_cut_into_pieces_is_no_matter(messages: list[list[str]]) -> None:
    whole = written([["".join(pieces)] for pieces in messages])
    assert written(messages) == whole
    assert whole == "" or (whole.endswith("\n") and not whole.endswith("\n\n"))


@given(st.lists(TEXT.filter(lambda text: text.strip("\n")), min_size=1, max_size=3))
def test_nothing_but_line_ends_is_changed(texts: list[str]) -> None:
    assert written([[text] for text in texts]) == (
        "\n\n".join([text.rstrip("\n") for text in texts]) + "\n"
    )


def written(messages: list[list[str]]) -> str:
    prose = Prose()
    found = ""
    for pieces in messages:
        prose.start()
        for piece in pieces:
            found += prose.add(piece)
    return found + prose.end()
