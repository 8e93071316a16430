"""Every place where a key could come to light, and the search of them all."""

import asyncio
import gc
import io
import logging
import pickle
import sys
import traceback
import warnings
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from retinue import Scope, assistant
from retinue.messages import Message
from retinue.models import ChatRequest, Model
from retinue.testing import MemoryJournal

KEY = "sk-nobodys-Q7w2xZ9mK4tB8vLr-0123456789"
PIECE = "Q7w2xZ9m"
"""A part of it is looked for, as half a key is bad enough."""

type Places = dict[str, str]


def leaks(places: Places) -> list[str]:
    """The names of the places where the key can be seen."""
    assert all(places.values()), f"there is nothing to look at: {places}"
    return [name for name, text in places.items() if PIECE in text]


async def ask(model: Model, *, limit: float = 10.0) -> BaseException | None:
    """Ask once; how that ended. It holds nothing that its traceback could show by mistake."""
    try:
        async with asyncio.timeout(limit), model.chat(REQUEST) as chunks:
            async for _ in chunks:
                pass
    except Exception as error:
        return error
    return None


async def places_of(model: Model, *, limit: float = 10.0) -> Places:
    """Ask, alone and through an agent with a journal; then all that can be seen of it."""
    async with listening() as heard:
        error = await ask(model, limit=limit)
        journal = MemoryJournal()
        with journal.listening():
            through_agent = await _ask_agent(model, limit)
        places = {
            "model": shown(model),
            "pickle of the model": pickled(model),
            "error": told(error),
            "error through an agent": told(through_agent),
            "journal": f"{vars(journal)!r} {[told(one.error) for one in journal.turns.values()]}",
            "clients": shown(kept()),
        }
        del error, through_agent, journal
    return {**places, **heard}


REQUEST = ChatRequest(messages=(Message("hi"),))


async def _ask_agent(model: Model, limit: float) -> BaseException | None:
    try:
        async with asyncio.timeout(limit), Scope():
            await assistant("host", model=model).inquire("hi")
    except Exception as error:
        return error
    return None


def shown(thing: Any) -> str:
    """What a debugger, or an f-string in a log line, shows of it and of what it wraps."""
    found = [repr(thing), str(thing)]
    for inner in vars(thing).values() if hasattr(thing, "__dict__") else ():
        found += [repr(inner), str(inner)]
    if (inner := getattr(thing, "inner", None)) is not None:
        found.append(shown(inner))
    return "\n".join(found)


def pickled(thing: Any) -> str:
    """What would lie on a disk; or why it does not."""
    try:
        return pickle.dumps(thing).decode("latin-1")
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        return f"not pickled: {error}"


def told(error: BaseException | None) -> str:
    """All that an error says, and those that led to it: hidden ones, and locals, too."""
    found = ["no error" if error is None else pickled(error), _said(error)]
    return "\n".join(found)


def _said(error: BaseException | None) -> str:
    found = [""]
    for link in _links(error, set()):
        found += [str(link), repr(link), f"{vars(link)}", f"{link.args}"]
        trace = traceback.TracebackException.from_exception(link, capture_locals=True)
        found += trace.format()
    return "\n".join(found)


def _links(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for inner in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        yield from _links(inner, seen)


def kept() -> dict[str, Any]:
    """What this loop keeps for all models: the clients, and what is in them."""
    loop = asyncio.get_running_loop()
    found: dict[str, Any] = {"of": repr(loop)}
    for place in ("_retinue_http", "_retinue_anthropic", "_retinue_openai", "_retinue_gemini"):
        for key, (thing, _) in getattr(loop, place, {}).items():
            things = thing if isinstance(thing, tuple) else (thing,)
            found[f"{place} {key}"] = [(repr(one), repr(vars(one))) for one in things]
    return found


@asynccontextmanager
async def listening() -> AsyncGenerator[Places]:
    """All logs at DEBUG with everything in their records, warnings, and what asyncio and Python say
    when nobody catches; filled in when the block is left."""
    places: Places = {}
    loop = asyncio.get_running_loop()
    unheard: list[str] = ["unheard:"]
    handler = loop.get_exception_handler()

    def hear(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        unheard.append(f"{context!r} {told(context.get('exception'))}")

    loop.set_exception_handler(hear)
    loop.set_debug(True)
    gc.freeze()  # then only what comes in the block has to be searched: that is most of the time
    try:
        with _logs() as logs, _warned() as warned, _unraisable() as unraised:
            yield places
            gc.collect()
            await asyncio.sleep(0)
            logging.getLogger("test").debug("the end")
            warnings.warn("the end", stacklevel=1)
    finally:
        gc.unfreeze()
        loop.set_debug(False)
        loop.set_exception_handler(handler)
    places["logs"] = logs.getvalue()
    places["warnings"] = "\n".join([f"{one.message!r} {one}" for one in warned])
    places["asyncio"] = "\n".join(unheard)
    places["unraisable"] = "\n".join(unraised)


class _Everything(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return f"{super().format(record)} {record.__dict__} {_said(error)}"


@contextmanager
def _logs() -> Generator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Everything())
    known = [one for one in logging.Logger.manager.loggerDict.values() if _has_level(one)]
    loggers: list[Any] = [logging.getLogger(), *known]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    try:
        yield stream
    finally:
        loggers[0].removeHandler(handler)
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


def _has_level(logger: Any) -> bool:
    return isinstance(logger, logging.Logger) and logger.level != logging.NOTSET


@contextmanager
def _warned() -> Generator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


@contextmanager
def _unraisable() -> Generator[list[str]]:
    raised: list[str] = ["unraisable:"]
    before = sys.unraisablehook
    sys.unraisablehook = lambda said: raised.append(f"{said!r} {told(said.exc_value)}")
    try:
        yield raised
    finally:
        sys.unraisablehook = before
