"""Chat histories: what was said, kept in order; in memory, or as Markdown that people can edit."""

import asyncio
import errno
import logging
import os
import stat
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from retinue import telemetry
from retinue.errors import MessageError, SettingsError

from ._feed import sequence_of
from ._message import Message, Messages
from .codecs._markdown import TORN, read, section

try:
    import fcntl
except ImportError:  # on Windows one process alone may write a file
    fcntl = None

_BARE: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not block us


class ChatHistory(Protocol):
    """Keeps what was said, in the order it was said."""

    async def load(self) -> Messages:
        """Everything that is kept, oldest first."""
        ...

    async def append(self, *messages: Any) -> None:
        """Add messages to the end, each when it is whole; adding one twice changes nothing.

        Args:
            messages: Anything that can be put in a sequence: texts, messages, promises, replies.

        Raises:
            Exception: What a message failed with, once all others are kept. It is not.
        """
        ...


class MemoryHistory:
    """A chat history for as long as the program runs.

    Args:
        messages: What was said before.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._kept = {message.id: message for message in messages}

    async def load(self) -> Messages:
        return Messages(self._kept.values())

    async def append(self, *messages: Any) -> None:
        async for message in _whole(messages):
            self._kept.setdefault(message.id, message)


class MarkdownHistory:
    """A chat history as a Markdown file that a person can read and edit.

    The file is made with its first message. Whole messages are added at its end, and nothing in it
    is rewritten; where a writer was killed, its last message is missing. Several processes may add
    to one file.

    Args:
        path: Where it is.
        classes: Of messages and values in it. Those that are imported are known already.

    Raises:
        SettingsError: From `load` and `append`: it is no file, or may not be read or written.
        MessageError: From `load` and `append`: what it holds is no chat history in UTF-8.
    """

    def __init__(self, path: str | os.PathLike[str], *, classes: Iterable[type[Any]] = ()) -> None:
        self.path = os.fspath(path)
        self._classes = tuple(classes)
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    async def load(self) -> Messages:
        return await _finished(self._load)

    async def append(self, *messages: Any) -> None:
        async for message in _whole(messages):
            await _finished(self._append, message)

    def _load(self) -> Messages:
        try:
            with self._opened(os.O_RDONLY) as file:
                messages, seen = self._look(file)
        except FileNotFoundError:
            return Messages()
        if seen.torn:
            what = "the last message was not written to its end, it is left out"
            telemetry.event(logging.WARNING, what, path=self.path)
        return messages

    def _append(self, message: Message) -> None:
        data = section(message).encode()
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
            seen = self._seen
            if seen is None or seen.state != _state(file):
                seen = self._look(file)[1]
            if message.id in seen.ids:
                return
            self._seen = None  # until this is done
            if seen.size < seen.state[2]:
                os.ftruncate(file, seen.size)  # half a letter, where a writer was killed
            _add(file, seen.before_next.encode() + data)
            state = _state(file)
            seen.ids.add(message.id)
            self._seen = _Seen(state, state[2], seen.ids)

    @contextmanager
    def _opened(self, mode: int) -> Generator[int]:
        """The file, open and locked; what goes wrong is said in our words."""
        with self._lock:
            try:
                file = os.open(self.path, mode | _BARE, 0o666)
                try:
                    kind = os.fstat(file).st_mode
                    if stat.S_ISDIR(kind):
                        raise IsADirectoryError(errno.EISDIR, "it is a folder")
                    if not stat.S_ISREG(kind):
                        raise SettingsError(
                            f"The history {self.path} is no file", hint="Choose a file for it."
                        )
                    if fcntl is not None:
                        fcntl.flock(file, fcntl.LOCK_EX if mode & os.O_CREAT else fcntl.LOCK_SH)
                    yield file
                finally:
                    os.close(file)
            except MessageError as error:
                raise MessageError(f"{self.path}: {error}", hint=error.hint) from error
            except OSError as error:
                if isinstance(error, FileNotFoundError) and not mode & os.O_CREAT:
                    raise
                raise _explained(error, self.path) from error

    def _look(self, file: int) -> "tuple[Messages, _Seen]":
        """What is in the file."""
        state = _state(file)
        data = _read(file)
        rest = b""
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                raise _no_text(error) from error
            text, rest = data[: error.start].decode(), data[error.start :]
        messages, torn = read(text, classes=self._classes)
        if rest and not torn:
            raise _no_text(None)
        size = len(data) - len(rest)
        return messages, _Seen(state, size, {m.id for m in messages}, torn, _gap(text, torn))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What we know of the file, as long as nobody else changes it."""

    state: tuple[int, int, int, int]  # see `_state`
    size: int  # up to where it is text, in bytes
    ids: set[str]
    torn: bool = False
    before_next: str = "\n"


async def _whole(messages: tuple[Any, ...]) -> AsyncGenerator[Message]:
    """These messages, each when it is whole; at the end, what the first failed with that did."""
    first: Exception | None = None
    promises = aiter(sequence_of(messages))
    while True:
        try:
            message = await (await anext(promises))
        except StopAsyncIteration:
            break
        except Exception as error:
            first = first or error
        else:
            yield message
    if first is not None:
        raise first


async def _finished[**P, R](work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do it in a thread, to its end: a caller who is cancelled leaves nothing going on behind."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise


def _state(file: int) -> tuple[int, int, int, int]:
    """Device, inode, size and time: something is different once somebody else has written it."""
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read(file: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := os.read(file, 1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def _add(file: int, data: bytes) -> None:
    """Add all of this, on the disk, or nothing."""
    before = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _gap(text: str, torn: bool) -> str:
    """What stands between this text and the next message."""
    line = "" if text.endswith("\n") or not text else "\n"
    mark = f"{TORN}\n" if torn else ""
    return f"{line}{mark}\n" if text else ""


def _no_text(error: UnicodeDecodeError | None) -> MessageError:
    where = f" (byte {error.start})" if error is not None else ""
    return MessageError(
        f"It is no text in UTF-8{where}",
        hint="Convert it: `iconv -f latin1 -t utf-8 OLD > NEW`; or choose another file.",
    )


def _explained(error: OSError, path: str) -> SettingsError:
    folder = os.path.dirname(path) or "."
    match error.errno:
        case errno.EISDIR:
            what, hint = "is a folder", f"Name a file in it: {os.path.join(path, 'CHAT.md')}"
        case errno.ENOENT | errno.ENOTDIR:
            what, hint = f"cannot be made: there is no folder {folder}", f"mkdir -p {folder}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            what, hint = "may not be read or written", "`chmod` it, or choose another file."
        case errno.ENOSPC | errno.EDQUOT:
            what, hint = "cannot be written: the disk is full", "Free some space; nothing is lost."
        case _:
            what, hint = f"cannot be read or written: {error.strerror}", "Choose another file."
    return SettingsError(f"The history {path} {what}", hint=hint)
