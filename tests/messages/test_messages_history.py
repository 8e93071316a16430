"""Chat histories: what was said is kept, once, whole, and in order."""

import asyncio
import contextlib
import errno
import logging
import os
import pathlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from retinue.errors import MessageError, PromiseCancelled, RetinueError, SettingsError, StreamCut
from retinue.messages import (
    ChatHistory,
    MarkdownHistory,
    MemoryHistory,
    Message,
    MessagePromise,
    Messages,
    Piece,
    ToolCall,
    history,
    sequence_of,
)
from retinue.messages.codecs import to_markdown
from retinue.promise import Scope, StreamAppender

LIMIT = 10

type Opener = Callable[[pathlib.Path], ChatHistory]


def memory(_: pathlib.Path) -> ChatHistory:
    return MemoryHistory()


def markdown(folder: pathlib.Path) -> ChatHistory:
    return MarkdownHistory(folder / "CHAT.md")


every = pytest.mark.parametrize("opener", [memory, markdown])


@every
async def test_what_was_said_is_kept_in_order(opener: Opener, tmp_path: pathlib.Path) -> None:
    kept = opener(tmp_path)
    assert await kept.load() == ()
    some = [Message("a"), Message("b", ToolCall(id="1", name="t"), role="assistant", agent="bob")]
    await kept.append(*some)
    await kept.append("c", {"text": "d", "n": [1]})
    loaded = await kept.load()
    assert isinstance(loaded, Messages)
    assert loaded[:2] == tuple(some)
    assert [m.id for m in loaded[:2]] == [m.id for m in some]
    assert [m.text for m in loaded[2:]] == ["c", "d"]
    assert loaded[3].n == (1,)
    await kept.append()
    assert await kept.load() == loaded


@every
async def test_adding_a_message_twice_changes_nothing(
    opener: Opener, tmp_path: pathlib.Path
) -> None:
    kept = opener(tmp_path)
    message = Message("a")
    await kept.append(message, message, [message.as_promise])
    await kept.append(message)
    await kept.append(*await kept.load())
    assert await kept.load() == (message,)
    await kept.append(Message("a"))
    assert len(await kept.load()) == 2, "the same words, said again"


@every
async def test_streams_are_kept_when_they_are_whole(opener: Opener, tmp_path: pathlib.Path) -> None:
    kept = opener(tmp_path)
    async with Scope():
        with StreamAppender[Piece]() as tokens:
            adding = asyncio.create_task(kept.append(["first", MessagePromise(tokens), "last"]))
            tokens.append("ha")
            async with asyncio.timeout(LIMIT):
                while len(await kept.load()) < 1:
                    await asyncio.sleep(0.001)
            assert [m.text for m in await kept.load()] == ["first"]
            tokens.append("lf")
        await adding
        assert [m.text for m in await kept.load()] == ["first", "half", "last"]


@every
async def test_what_failed_or_was_cut_is_not_kept_and_all_others_are(
    opener: Opener, tmp_path: pathlib.Path
) -> None:
    async def failing(_: object) -> AsyncIterator[Piece]:
        yield "half"
        raise ValueError("v")

    async def stuck(_: object) -> AsyncIterator[Piece]:
        yield "half"
        await asyncio.Event().wait()

    kept = opener(tmp_path)
    async with Scope():
        cancelled = MessagePromise(stuck)
        assert await anext(aiter(cancelled)) == "half"
        cancelled.cancel()
        lazy = MessagePromise(stuck, eager=False)
        assert await anext(aiter(lazy)) == "half"
        with pytest.raises(ValueError, match="v"):
            await kept.append("a", MessagePromise(failing), "b", cancelled, KeyError("k"), "c")
    with pytest.raises(StreamCut):
        await kept.append(lazy)
    with pytest.raises(PromiseCancelled):
        await kept.append(cancelled, "d")
    assert [m.text for m in await kept.load()] == ["a", "b", "c", "d"]


@every
async def test_many_may_add_at_once(opener: Opener, tmp_path: pathlib.Path) -> None:
    kept = opener(tmp_path)
    some = [Message(str(n)) for n in range(20)]
    await asyncio.gather(*(kept.append(message) for message in [*some, *some]))
    assert sorted(int(m.text) for m in await kept.load()) == list(range(20))


async def test_a_memory_can_begin_with_what_was_said_before() -> None:
    some = await sequence_of(["a", "b"])
    kept = MemoryHistory(some)
    await kept.append("c", some)
    assert [m.text for m in await kept.load()] == ["a", "b", "c"]


# -- the file


async def test_the_file_is_markdown_and_only_ever_grows(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "CHAT.md"
    kept = MarkdownHistory(path)
    assert kept.path == str(path)
    some = [Message("user\n====\n<!-- end -->"), Message("b\r\n"), Message()]
    before = b""
    for message in some:
        await kept.append(message)
        assert path.read_bytes().startswith(before)
        before = path.read_bytes()
    assert before.decode() == to_markdown(some)
    assert await MarkdownHistory(str(path)).load() == tuple(some)


async def test_what_a_person_wrote_is_read_and_kept(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "CHAT.md"
    path.write_text("user\n====\nhi")
    kept = MarkdownHistory(path)
    loaded = await kept.load()
    await kept.append(*loaded, "and you?")
    assert path.read_text().startswith("user\n====\nhi\n\n<!-- retinue")
    assert [m.text for m in await kept.load()] == ["hi", "and you?"]
    path.write_text(
        path.read_text().replace("and you?", "and we?") + "\nassistant / x\n===\nfine\n"
    )
    await kept.append("good")
    assert [m.text for m in await kept.load()] == ["hi", "and we?", "fine", "good"]


async def test_what_another_wrote_meanwhile_is_seen(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "CHAT.md"
    one, other = MarkdownHistory(path), MarkdownHistory(path)
    first, second = Message("first"), Message("second")
    await one.append(first)
    await other.append(first, second)
    await one.append(second, "third")
    assert [m.text for m in await other.load()] == ["first", "second", "third"]
    path.unlink()
    await one.append(second)
    assert [m.text for m in await one.load()] == ["second"]


async def test_a_torn_last_message_harms_no_other(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "CHAT.md"
    some = [Message("a"), Message("ü\U0001f600", topic="ö"), Message("ü" * 30, agent="ä")]
    whole = to_markdown(some).encode()
    before = len(to_markdown(some[:2]).encode())
    for at in range(before, len(whole)):
        path.write_bytes(whole[:at])
        kept = MarkdownHistory(path)
        with caplog.at_level(logging.WARNING, "retinue"):
            loaded = await kept.load()
        last_is_whole = at == len(whole) - 1
        assert loaded == tuple(some if last_is_whole else some[:2])
        assert path.read_bytes() == whole[:at], "reading changes nothing"
        await kept.append(some[2], "next")
        again = await MarkdownHistory(path).load()
        assert again[:-1] == tuple(some)
        assert again[-1].text == "next"
        assert path.read_bytes().startswith(whole[:at].decode(errors="ignore").encode())
    assert "not written to its end" in caplog.text


async def test_a_file_that_holds_no_chat_is_refused_and_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "README.md"
    for content in (
        b"# A document\n\nwith words\n",
        b"user\n====\nlatin \xe4 1\n",
        b"user\n====\nhi \xe2\x82",
        b"\xff\xfeu\0s\0e\0r\0",
        b'<!-- retinue {"id": broken} -->\nuser\n====\n\nhi\n\n<!-- end -->\n',
    ):
        path.write_bytes(content)
        for use in (MarkdownHistory(path).load, lambda: MarkdownHistory(path).append("x")):
            with pytest.raises(MessageError) as caught:
                await use()
            assert str(path) in str(caught.value)
            assert caught.value.hint
        assert path.read_bytes() == content


async def test_what_is_no_file_is_refused_with_a_hint(tmp_path: pathlib.Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "file").write_text("x")
    for path, word in (
        (tmp_path, "folder"),
        (pipe, "no file"),
        (tmp_path / "file" / "CHAT.md", "no folder"),
    ):
        for use in (
            MarkdownHistory(path).load,
            lambda path=path: MarkdownHistory(path).append("x"),
        ):
            async with asyncio.timeout(LIMIT):
                with pytest.raises(SettingsError, match=word) as caught:
                    await use()
            assert caught.value.hint
    missing = tmp_path / "none" / "CHAT.md"
    assert await MarkdownHistory(missing).load() == ()
    with pytest.raises(SettingsError, match="no folder") as caught:
        await MarkdownHistory(missing).append("x")
    assert "mkdir" in str(caught.value.hint)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EIO])
async def test_trouble_with_the_disk_is_an_error_with_a_hint_and_the_file_stays_intact(
    code: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "CHAT.md"
    kept = MarkdownHistory(path)
    await kept.append("a")
    before = path.read_bytes()
    written: list[int] = []
    write = os.write

    def failing(file: int, data: bytes) -> int:
        if written:
            raise OSError(code, os.strerror(code))
        written.append(write(file, data[:20]))
        return written[0]

    monkeypatch.setattr(history.os, "write", failing)
    with pytest.raises(SettingsError) as caught:
        await kept.append("b")
    assert caught.value.hint
    assert isinstance(caught.value.__cause__, OSError)
    assert path.read_bytes() == before
    monkeypatch.undo()
    await kept.append("b")
    assert [m.text for m in await kept.load()] == ["a", "b"]


async def test_a_write_in_several_steps_is_whole(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(history.os, "write", lambda file, data: write(file, data[:7]))
    kept = MarkdownHistory(tmp_path / "CHAT.md")
    await kept.append("a", "b" * 100)
    assert [m.text for m in await kept.load()] == ["a", "b" * 100]


async def test_a_message_that_cannot_be_written_is_refused_before_the_file_is_touched(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "CHAT.md"
    with pytest.raises(RetinueError):
        await MarkdownHistory(path).append(5)
    assert not path.exists()


async def test_an_interrupted_append_leaves_a_history_that_can_be_used(
    tmp_path: pathlib.Path,
) -> None:
    kept = MarkdownHistory(tmp_path / "CHAT.md")
    for n in range(20):
        adding = asyncio.create_task(kept.append(str(n)))
        for _ in range(n):
            await asyncio.sleep(0)
        adding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await adding
    await kept.append("end")
    texts = [m.text for m in await kept.load()]
    assert texts[-1] == "end"
    assert texts == sorted(set(texts), key=texts.index)


async def test_without_locks_one_process_can_still_write(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "fcntl", None)
    kept = MarkdownHistory(tmp_path / "CHAT.md")
    await kept.append("a")
    assert [m.text for m in await kept.load()] == ["a"]


def test_processes_that_add_at_once_do_not_interleave(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "CHAT.md"
    code = (
        "import asyncio, sys\n"
        "from retinue.messages import MarkdownHistory, Message\n"
        "async def main():\n"
        "    kept = MarkdownHistory(sys.argv[1])\n"
        "    for n in range(15):\n"
        "        await kept.append(Message(f'{sys.argv[2]} {n} ' + 'x' * 5000, id=f'{n}'),\n"
        "            Message(f'{sys.argv[2]}-{n}'))\n"
        "asyncio.run(main())\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("one", "two")
    ]
    for writer in writers:
        assert writer.wait(timeout=50) == 0
    loaded = asyncio.run(MarkdownHistory(path).load())
    assert len(loaded) == 15 + 2 * 15, "those of one id are kept once"
    for name in ("one", "two"):
        numbers = [int(m.text.split("-")[1]) for m in loaded if m.text.startswith(f"{name}-")]
        assert numbers == list(range(15))
    assert path.read_text() == to_markdown(loaded)
