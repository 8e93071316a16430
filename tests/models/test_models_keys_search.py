"""Whether the search for keys finds any: models that let theirs be seen, each in one place."""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from retinue.errors import ModelError
from retinue.models import ChatChunk, ChatRequest

from ._places import KEY, leaks, places_of

_vendor = logging.getLogger("of.a.vendor")


class Leaky:
    """Does something careless, and fails."""

    name = "leaky"

    def __init__(self, careless: Callable[[], Awaitable[None]]) -> None:
        self.careless = careless

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[ChatChunk]]:
        await self.careless()
        raise ModelError("no")
        yield


class Shown(Leaky):
    def __repr__(self) -> str:
        return KEY


class Carried(Leaky):
    def __getstate__(self) -> str:
        return KEY


async def careful() -> None:
    """Nothing is done with the key."""


async def logs_it() -> None:
    _vendor.debug("asked with %r", {"authorization": KEY})


async def logs_it_beside() -> None:
    _vendor.debug("asked", extra={"headers": KEY})


async def logs_an_error() -> None:
    try:
        raise LookupError(KEY)
    except LookupError:
        _vendor.debug("failed", exc_info=True)


async def warns() -> None:
    warnings.warn(KEY, stacklevel=1)


async def forgets_a_task() -> None:
    async def fail() -> None:
        raise LookupError(KEY)

    forgotten = asyncio.ensure_future(fail())
    await asyncio.wait([forgotten])


async def fails_late() -> None:
    class Late:
        def __del__(self) -> None:
            raise LookupError(KEY)

    Late()


async def says_it() -> None:
    raise ModelError(f"Bearer {KEY}")


async def advises_it() -> None:
    raise ModelError("no", hint=KEY)


async def notes_it() -> None:
    error = ModelError("no")
    error.add_note(KEY)
    raise error


async def is_caused_by_it() -> None:
    raise ModelError("no") from LookupError(KEY)


async def hides_its_cause() -> None:
    try:
        raise LookupError(KEY)
    except LookupError:
        raise ModelError("no") from None


async def holds_it() -> None:
    headers = {"authorization": KEY}
    raise ModelError(f"no, with {len(headers)}")


ERRORS = {"error", "error through an agent", "journal"}
CARELESS: list[tuple[Callable[[], Awaitable[None]], set[str]]] = [
    (careful, set()),
    (logs_it, {"logs"}),
    (logs_it_beside, {"logs"}),
    (logs_an_error, {"logs"}),
    (warns, {"warnings"}),
    (forgets_a_task, {"asyncio", "logs"}),
    (fails_late, {"unraisable"}),
    (says_it, ERRORS),
    (advises_it, ERRORS),
    (notes_it, ERRORS),
    (is_caused_by_it, ERRORS),
    (hides_its_cause, ERRORS),
    (holds_it, ERRORS),
]


@pytest.mark.parametrize(("careless", "where"), CARELESS)
async def test_what_is_careless_is_found_where_it_is(
    careless: Callable[[], Awaitable[None]], where: set[str]
) -> None:
    found = set(leaks(await places_of(Leaky(careless))))
    assert found - {"logs"} == where - {"logs"}
    assert found or careless is careful


async def test_a_model_that_shows_or_carries_its_key_is_found() -> None:
    assert "model" in leaks(await places_of(Shown(careful)))
    assert leaks(await places_of(Carried(careful))) == ["pickle of the model"]
