"""Framing: the same frames come out, however the bytes were cut."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import StreamIncomplete
from retinue.models._wire import Lines, ServerSentEvents, framing

type Framing = Callable[[], ServerSentEvents | Lines]


def frames(framing: Framing, *blocks: bytes) -> list[bytes]:
    """All frames of these blocks, the one that its end was left out of included."""
    cutter = framing()
    return [frame for block in blocks for frame in cutter.feed(block)] + cutter.end()


EVENTS = [
    ("one", b'data: {"a":1}\n\n', [b'{"a":1}']),
    ("two", b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}', b"[DONE]"]),
    ("no space after the colon", b'data:{"a":1}\n\n', [b'{"a":1}']),
    ("a second space belongs to it", b"data:  a\n\n", [b" a"]),
    ("several lines of data", b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}']),
    ("a name, an id", b"event: error\nid: 7\ndata: a\nretry: 5\n\n", [b"a"]),
    # https://openrouter.ai/docs/api-reference/streaming
    ("a comment alone", b": OPENROUTER PROCESSING\n\ndata: a\n\n", [b"a"]),
    ("a comment in an event", b": hm\ndata: a\n\n", [b"a"]),
    ("the colon with which llama-server pings", b":\n\ndata: a\n\n", [b"a"]),
    ("no data at all", b"event: ping\n\n", []),
    ("data that is empty", b"data: \n\ndata\n\ndata:\n\ndata: a\n\n", [b"a"]),
    ("a byte order mark", b'\xef\xbb\xbfdata: {"a":1}\n\n', [b'{"a":1}']),
    ("more blank lines than it takes", b"\n\n\ndata: a\n\n\n\ndata: b\n\n\n", [b"a", b"b"]),
    ("CR LF", b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    ("CR", b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    ("all three", b"data: a\n\r\ndata: b\r\n\ndata: c\r\n\r", [b"a", b"b", b"c"]),
    ("the end of the last one is left out", b"data: a\n\ndata: [DONE]", [b"a", b"[DONE]"]),
    ("nothing", b"", []),
    ("no event stream at all", b"<html>\n\n</html>", []),
]


@pytest.mark.parametrize(("stream", "found"), [e[1:] for e in EVENTS], ids=[e[0] for e in EVENTS])
def test_events(stream: bytes, found: list[bytes]) -> None:
    assert frames(ServerSentEvents, stream) == found


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n{"b":2}\r\n', [b'{"a":1}\r', b'{"b":2}\r']),
        (b'\n\n  \n{"a":1}', [b'{"a":1}']),
        (b"", []),
    ],
)
def test_lines(stream: bytes, found: list[bytes]) -> None:
    assert frames(Lines, stream) == found


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


@given(st.data(), st.lists(TEXT, max_size=6), LINE_ENDS)
def test_events_are_the_same_however_they_are_cut(
    data: st.DataObject, texts: list[str], line_end: bytes
) -> None:
    wanted = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts]
    wanted = [frame for frame in wanted if b"\r" not in frame]
    lines = [line for frame in wanted for line in (b"data: " + frame, b"")]
    stream = b"".join([line + line_end for line in lines])
    assert frames(ServerSentEvents, *data.draw(cut(stream))) == wanted


@given(st.data(), st.lists(TEXT, max_size=6))
def test_lines_are_the_same_however_they_are_cut(data: st.DataObject, texts: list[str]) -> None:
    wanted = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts]
    assert frames(Lines, *data.draw(cut(b"".join([frame + b"\n" for frame in wanted])))) == wanted


@given(st.data(), st.binary(max_size=200), st.sampled_from([ServerSentEvents, Lines]))
def test_anything_is_cut_the_same(data: st.DataObject, stream: bytes, framing: Framing) -> None:
    assert frames(framing, *data.draw(cut(stream))) == frames(framing, stream)


@given(st.lists(st.sampled_from([b"data: a", b": b", b"\n", b"\r", b"data:", b"\xef\xbb\xbf"])))
def test_bytes_one_by_one_make_the_same_events(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    one_by_one = [stream[n : n + 1] for n in range(len(stream))]
    assert frames(ServerSentEvents, *one_by_one) == frames(ServerSentEvents, stream)


@pytest.mark.parametrize("framing", [ServerSentEvents, Lines])
def test_a_frame_comes_as_soon_as_it_is_whole(framing: Framing) -> None:
    cutter = framing()
    assert cutter.feed(b'data: {"a"') == []
    assert cutter.feed(b":1}") == []
    assert len(cutter.feed(b"\n\n")) == 1


@pytest.mark.parametrize("framed", [ServerSentEvents, Lines])
@pytest.mark.parametrize("size", [1000, 7])
def test_a_frame_that_never_ends_does_not_fill_the_memory(
    framed: Framing, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "_LONGEST", 20_000)
    cutter = framed()
    with pytest.raises(StreamIncomplete, match="no end of it") as caught:
        for _ in range(20_000):
            cutter.feed(b"x" * size)
    assert caught.value.hint


@pytest.mark.parametrize("framing", [ServerSentEvents, Lines])
def test_a_large_frame_in_many_pieces_is_put_together_once(framing: Framing) -> None:
    """Put together anew with each piece, this would copy 100 GB."""
    cutter = framing()
    for _ in range(200_000):
        cutter.feed(b"data: ")
    [frame] = cutter.feed(b"\n\n")
    assert len(frame) > 1_000_000
