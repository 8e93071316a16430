"""Joining and splitting messages while they are still being written."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.errors import MessageError, PromiseCancelled, StreamCut
from retinue.messages import (
    Audio,
    File,
    Image,
    Message,
    MessagePromise,
    Piece,
    Text,
    Thinking,
    ToolCall,
    join_messages,
    sequence_of,
    split_messages,
)
from retinue.messages._cutter import CUT, Cutter
from retinue.promise import Scope, StreamAppender, run

LIMIT = 5


def streamed(*pieces: Piece | BaseException, **options: Any) -> MessagePromise:
    async def stream(_: object) -> AsyncIterator[Piece]:
        for piece in pieces:
            await asyncio.sleep(0)
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    return MessagePromise(stream, **options)


async def collect(sequence: Any) -> list[str]:
    """What a patient reader gets; an error by its name, in its place."""
    got: list[str] = []
    reader = aiter(sequence)
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                got.append(str(await (await anext(reader))))
            except StopAsyncIteration:
                return got
            except Exception as error:
                got.append(f"!{type(error).__name__}")


# -- joining


async def test_joining_streams_tokens_as_they_come_and_keeps_the_originals() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            joined = join_messages(["one", MessagePromise(tokens)], delimiter=" ", agent="bob", n=1)
            assert (joined.role, joined.agent, joined.known) == ("user", "bob", {"n": 1})
            reader = aiter(joined)
            async with asyncio.timeout(LIMIT):
                assert await anext(reader) == "one", "before the second message exists"
            tokens.append("tw")
            async with asyncio.timeout(LIMIT):
                assert [await anext(reader), await anext(reader)] == [" ", "tw"]
            tokens.append("o")
        message = await joined
        assert message.text == "one two"
        assert [str(original) for original in message.original_messages] == ["one", "two"]
        assert all(type(original) is Message for original in message.original_messages)


async def test_originals_are_the_very_messages() -> None:
    some = [Message("a", topic="t"), Message("b")]
    message = await join_messages(some)
    assert message.text == "a\n\nb"
    assert all(kept is given for kept, given in zip(message.original_messages, some, strict=True))
    assert (await join_messages(some, keep_originals=False)).metadata == {}


async def test_there_is_no_delimiter_around_what_is_empty() -> None:
    some = ["", "a", Message(), Message(Thinking(text="hm")), "b", ""]
    message = await join_messages(some, delimiter="-")
    assert message.text == "a-b"
    assert len(message.original_messages) == len(some)
    assert (await join_messages([])).parts == ()
    assert (await join_messages(["a", "b"], delimiter="")).text == "ab"


async def test_leading_line_breaks_are_left_out_where_that_is_wanted() -> None:
    async with Scope():
        some = [streamed("\n", "\r\n\n", "a\n", "\nb"), "\n c"]
        assert (await join_messages(some, strip_leading_newlines=True)).text == "a\n\nb\n\n c"
        assert (await join_messages(["\na"])).text == "\na"


async def test_pictures_sound_and_files_stay_between_the_words() -> None:
    parts = Image(url="i"), Audio(url="a"), File(name="f", url="f")
    message = await join_messages(
        [Message("a", parts[0], Thinking(text="hm"), "b"), Message(*parts[1:], "c")]
    )
    assert [part if not isinstance(part, Text) else part.text for part in message.parts] == [
        "a",
        parts[0],
        "b",
        parts[1],
        parts[2],
        "\n\nc",
    ]


async def test_joined_words_keep_their_source() -> None:
    async with Scope():
        message = await join_messages(
            [
                Message(Text(text="a", source="user")),
                streamed("b", "c", source="model:m"),
                Message(Text(text="d", source="model:m")),
            ],
            delimiter="|",
        )
        assert message.parts == (
            Text(text="a", source="user"),
            Text(text="|"),
            Text(text="bc", source="model:m"),
            Text(text="|"),
            Text(text="d", source="model:m"),
        )


async def test_the_first_error_ends_the_joined_message() -> None:
    async with Scope():
        joined = join_messages(["a", streamed("b", ValueError("v")), "c"])
        assert joined.text_so_far == ""
        with pytest.raises(ValueError, match="v"):
            await joined
        assert joined.text_so_far == "a\n\nb"


async def test_joining_begins_on_demand_or_by_itself() -> None:
    async with Scope():
        lazy, eager = join_messages(["a"]), join_messages(["a"], eager=True)
        scopes = join_messages(["a"], eager=None)
        for _ in range(5):
            await asyncio.sleep(0)
        assert (lazy.text_so_far, eager.text_so_far, scopes.text_so_far) == ("", "a", "a")
        assert (await lazy).text == "a"


# -- splitting


async def test_a_piece_is_handed_on_token_by_token_as_soon_as_that_is_certain() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            sequence = split_messages(MessagePromise(tokens, role="assistant", agent="bob"))
            pieces = aiter(sequence)
            tokens.append("a")
            async with asyncio.timeout(LIMIT):
                first = await anext(pieces)
                reader = aiter(first)
                assert await anext(reader) == "a"
                tokens.append("b\n")
                assert await anext(reader) == "b", "a delimiter may begin at the line break"
                tokens.append("c")
                assert await anext(reader) == "\nc"
                tokens.append("\n")
                tokens.append("\nd")
                with pytest.raises(StopAsyncIteration):
                    await anext(reader)
                second = await anext(pieces)
                assert await anext(aiter(second)) == "d"
            assert (first.role, first.agent) == ("assistant", "bob")
            assert (await first).text == "ab\nc"
            assert not second.done
        assert (await second).text == "d"
        assert [m.text for m in await sequence] == ["ab\nc", "d"]


async def test_a_stream_that_runs_on_demand_is_split_too() -> None:
    async with Scope():
        lazy = streamed("a\n", "\nb", eager=False)
        assert [m.text for m in await split_messages(lazy)] == ["a", "b"]
        lazy = streamed("a", "b", eager=False)
        assert (await join_messages([lazy, "c"], delimiter="|")).text == "ab|c"


async def test_each_message_is_split_by_itself() -> None:
    async with Scope():
        some = [
            "a\n\nb\n",
            Message("\nc\n\n\n\nd\n\n", role="tool", agent="t"),
            streamed("", "e", role="assistant"),
            "",
            "\n\n",
        ]
        messages = await split_messages(some)
        assert [m.text for m in messages] == ["a", "b\n", "\nc", "d", "e"]
        assert [m.role for m in messages] == ["user", "user", "tool", "tool", "assistant"]
        assert [m.agent for m in messages] == [None, None, "t", "t", None]
        messages = await split_messages(some, role="user", agent="me", n=1)
        assert {(m.role, m.agent, m.n) for m in messages} == {("user", "me", 1)}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a\n\n```py\nx\n\ny\n```\n\nb", ["a", "```py\nx\n\ny\n```", "b"]),
        ("~~~ any `info`\nx\n\n```\n\n~~~\n\nb", ["~~~ any `info`\nx\n\n```\n\n~~~", "b"]),
        ("````\n```\n\n````  \n\nc", ["````\n```\n\n````  ", "c"]),
        ("   ```\n\n  ```\n\nb", ["   ```\n\n  ```", "b"]),
        ("    ```\n\nb", ["    ```", "b"]),
        ("```\nx\n\n    ```\n\ny", ["```\nx\n\n    ```\n\ny"]),
        ("```\nx\n\ty\n\t```\n\nz", ["```\nx\n\ty\n\t```\n\nz"]),
        ("``` inline ```\n\nb", ["``` inline ```", "b"]),
        ("a ``` b\n\nc", ["a ``` b", "c"]),
        ("``\n\nb", ["``", "b"]),
        ("```\nnever closed\n\nx", ["```\nnever closed\n\nx"]),
        ("```\n\n~~~\n\n```\n\nb", ["```\n\n~~~\n\n```", "b"]),
        ("```\r\n\n```\r\n\nb", ["```\r\n\n```\r", "b"]),
        ("a\n\n```", ["a", "```"]),
        ("a\n\n```py", ["a", "```py"]),
    ],
)
async def test_code_fences_stay_whole(text: str, pieces: list[str]) -> None:
    assert [m.text for m in await split_messages(text)] == pieces
    async with Scope():
        assert [m.text for m in await split_messages(streamed(*text))] == pieces
    without = [m.text for m in await split_messages(text, keep_code_fences_whole=False)]
    assert without == [piece for piece in text.split("\n\n") if piece]


async def test_the_line_that_opens_a_fence_is_handed_on_while_it_is_written() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            pieces = aiter(split_messages(MessagePromise(tokens), delimiter=" "))
            async with asyncio.timeout(LIMIT):
                tokens.append("```py")
                reader = aiter(await anext(pieces))
                assert await anext(reader) == "```py"
                tokens.append(" x")
                tokens.append(" y")
                await asyncio.sleep(0)
                tokens.append("\n")
                assert await anext(reader) == " x y\n", "whether it cuts was not certain before"
                tokens.append("z z")
                assert await anext(reader) == "z z"


async def test_parts_that_are_not_text_stay_where_they_are() -> None:
    image, call, thought = Image(url="u"), ToolCall(id="1", name="t"), Thinking(text="hm")
    messages = await split_messages(Message(thought, "a\n", image, "\nb\n\nc", call))
    assert [m.parts for m in messages] == [
        (thought, Text(text="a\n"), image, Text(text="\nb")),
        (Text(text="c"), call),
    ]
    assert [m.parts for m in await split_messages(Message(call))] == [(call,)]


async def test_split_words_keep_their_source() -> None:
    async with Scope():
        messages = await split_messages(
            [
                Message(Text(text="a\n\nb", source="user"), Text(text="c\n\nd", source="stdin")),
                streamed("e\n", "\nf", source="model:m"),
            ]
        )
        assert [m.parts for m in messages] == [
            (Text(text="a", source="user"),),
            (Text(text="b", source="user"), Text(text="c", source="stdin")),
            (Text(text="d", source="stdin"),),
            (Text(text="e", source="model:m"),),
            (Text(text="f", source="model:m"),),
        ]


async def test_errors_pass_through_at_their_place() -> None:
    error = ValueError("v")
    async with Scope():
        sequence = split_messages(
            ["a\n\nb", KeyError("k"), streamed("c\n\nd\n", error), streamed(OSError()), "e"]
        )
        assert await collect(sequence) == [
            *("a", "b", "!KeyError", "c", "!ValueError", "!OSError", "e")
        ]
        promises = sequence.so_far
        assert promises[3].text_so_far == "d\n", "what came before the error"
        with pytest.raises(ValueError, match="v") as caught:
            await promises[3]
        assert caught.value is error


async def test_splitting_that_is_given_up_leaves_no_piece_that_looks_whole() -> None:
    never = asyncio.Event()

    async def stuck(_: object) -> AsyncIterator[Piece]:
        yield "a\n\nhalf"
        await never.wait()

    async with Scope():
        original = MessagePromise(stuck)
        sequence = split_messages(original)
        pieces = aiter(sequence)
        async with asyncio.timeout(LIMIT):
            assert (await (await anext(pieces))).text == "a"
            half = await anext(pieces)
            assert await anext(aiter(half)) == "half"
            sequence.cancel()
            with pytest.raises(PromiseCancelled):
                await half
        original.cancel()


async def test_a_generator_closed_in_the_middle_of_a_piece_cuts_it() -> None:
    async with Scope():
        splitting = split_messages(streamed("a", "b"))._feed.todo[0]
        promise = await anext(splitting)
        await splitting.aclose()
        with pytest.raises(StreamCut):
            await promise


def test_an_empty_delimiter_is_refused() -> None:
    with pytest.raises(MessageError) as caught:
        split_messages("abc", delimiter="")
    assert caught.value.hint


TEXTS = st.lists(
    st.sampled_from(
        ["\n", "\n\n", "`", "```", "````", "~~~", "~", "    ", " ", "a", "b", "\r", "py", "-"]
    ),
    max_size=16,
).map("".join)
DELIMITERS = st.sampled_from(["\n\n", "\n", "a", " ", "``", "\n`", "-\n", "\n\n\n", "```", "aab"])


def in_tokens(text: str, sizes: list[int]) -> list[str]:
    tokens: list[str] = []
    for size in sizes:
        tokens.append(text[:size])
        text = text[size:]
    return [*tokens, text]


def fences(text: str) -> list[tuple[int, int]]:
    """Where code fences are, by the book: on the whole text, line by line."""
    found: list[tuple[int, int]] = []
    at, opened, fence = 0, 0, ""
    for line in text.split("\n"):
        if not fence:
            opens = re.fullmatch(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)", line, re.DOTALL)
            if opens is not None:
                fence, opened = opens[1] or opens[2], at
        elif re.fullmatch(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t\r]*", line):
            found.append((opened, at + len(line)))
            fence = ""
        at += len(line) + 1
    return [*found, (opened, len(text))] if fence else found


def by_the_book(text: str, delimiter: str) -> list[str]:
    pieces, at = [""], 0
    whole = fences(text)
    while at < len(text):
        end = at + len(delimiter)
        if text.startswith(delimiter, at) and not any(at < b and end > a for a, b in whole):
            pieces.append("")
            at = end
        else:
            pieces[-1] += text[at]
            at += 1
    return pieces


@settings(max_examples=400, deadline=None)
@given(TEXTS, DELIMITERS, st.lists(st.integers(0, 4), max_size=30))
def test_where_a_text_is_cut_does_not_depend_on_its_tokens(
    text: str, delimiter: str, sizes: list[int]
) -> None:
    cutter = Cutter(delimiter, fences=True)
    pieces = [""]
    for token in in_tokens(text, sizes):
        for step in cutter.feed(token):
            if step is CUT:
                pieces.append("")
            else:
                assert step != ""
                pieces[-1] += step
    for step in cutter.flush():
        if step is CUT:
            pieces.append("")
        else:
            pieces[-1] += step
    assert pieces == by_the_book(text, delimiter)


@settings(max_examples=200, deadline=None)
@given(TEXTS, DELIMITERS, st.lists(st.integers(0, 4), max_size=30))
def test_without_fences_no_more_is_held_back_than_a_delimiter_may_need(
    text: str, delimiter: str, sizes: list[int]
) -> None:
    cutter = Cutter(delimiter, fences=False)
    for token in in_tokens(text, sizes):
        list(cutter.feed(token))
        held = cutter._held
        assert delimiter.startswith(held)
        assert held != delimiter


@settings(max_examples=60, deadline=None)
@given(TEXTS, DELIMITERS, st.lists(st.integers(0, 4), max_size=20))
def test_split_messages_are_the_same_for_any_tokens(
    text: str, delimiter: str, sizes: list[int]
) -> None:
    async def program() -> tuple[list[str], list[str]]:
        cut = split_messages(streamed(*in_tokens(text, sizes)), delimiter=delimiter)
        whole = split_messages(text, delimiter=delimiter)
        return [m.text for m in await cut], [m.text for m in await whole]

    cut, whole = run(program)
    assert cut == whole == [piece for piece in by_the_book(text, delimiter) if piece]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab`~ \n", min_size=1, max_size=6), max_size=5), DELIMITERS)
def test_joining_what_was_split_gives_the_text_back(pieces: list[str], delimiter: str) -> None:
    text = delimiter.join(pieces)

    async def program() -> tuple[list[str], str]:
        split = await split_messages(text, delimiter=delimiter)
        return [m.text for m in split], (await join_messages(split, delimiter=delimiter)).text

    got, joined = run(program)
    if "" not in by_the_book(text, delimiter):
        assert joined == text
    assert joined == delimiter.join(got)


async def test_splitting_a_sequence_of_replies_streams_through_joining() -> None:
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            relayed = join_messages(
                split_messages(sequence_of([MessagePromise(tokens)])), delimiter="|"
            )
            reader = aiter(relayed)
            async with asyncio.timeout(LIMIT):
                tokens.append("a\n\nb")
                assert [await anext(reader) for _ in range(3)] == ["a", "|", "b"]
        assert (await relayed).text == "a|b"
