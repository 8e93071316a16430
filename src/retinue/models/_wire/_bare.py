"""Bare: errors without what their frames held; in those of a client lie headers, with the key."""

import sys
import traceback
from collections.abc import Generator
from types import FrameType

from ._server import Server


def bare(error: BaseException, server: Server) -> None:
    """Take from an error, and from all that led to it, what could show the key.

    To be called where the error is caught. Of the frames below, their places stay, for who looks
    for a fault there, and their locals go. A cause that repeats the key is no longer its cause.
    """
    above = frozenset(_above(sys._getframe(1)))  # whatever they are busy with is theirs
    traceback.clear_frames(error.__traceback__)
    links = [error]
    for link in links:
        links += [inner for inner in _led_to(link, server, above) if inner not in links]


def _led_to(
    link: BaseException, server: Server, above: frozenset[FrameType]
) -> Generator[BaseException]:
    """What led to this error directly, bare, and may still be shown."""
    for way in ("__cause__", "__context__"):
        inner: BaseException | None = getattr(link, way)
        if inner is None or _caught_in(inner, above):
            continue
        if server.repeated_in(inner):
            setattr(link, way, None)
        else:
            traceback.clear_frames(inner.__traceback__)
            yield inner
    yield from getattr(link, "exceptions", ())


def _caught_in(error: BaseException, frames: frozenset[FrameType]) -> bool:
    trace = error.__traceback__
    return trace is not None and trace.tb_frame in frames


def _above(frame: FrameType | None) -> Generator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
