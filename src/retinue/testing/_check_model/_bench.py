"""Bench: what a check works with: a server of its own, the model, and both ends of each request."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, NamedTuple, Self, TypedDict, cast

from retinue.errors import ModelError
from retinue.messages import Message, ToolCall, value
from retinue.models import ChatChunk, ChatRequest, Model, Stop, Usage
from retinue.testing._tried import CheckFailed
from retinue.testing.mock_llm import Line, MockLLM, Reply, Request, Wire

KEY = "sk-kit-0123456789abcdef"
"""What must never be seen anywhere but on the wire."""
MODEL = "m"


class Limits(TypedDict):
    """What the guard of the model is given."""

    first_timeout: float | None
    idle_timeout: float | None
    retries: int


@value
class Opening:
    """What a model is opened with.

    Args:
        url: Of the server, without a path: "http://127.0.0.1:40123".
        model: How the model is called there.
        api_key: What is sent along, on wires that have keys.
        limits: Options of the guard: first_timeout, idle_timeout, retries.
    """

    url: str
    model: str
    api_key: str
    limits: Limits


type OpenModel = Callable[[Opening], Model | AbstractAsyncContextManager[Model]]


def expect(right: bool, expected: str, seen: object) -> None:
    """Fail the check unless it is right."""
    if not right:
        raise CheckFailed(expected, seen)


class Check(NamedTuple):
    """One check; its name is a sentence."""

    name: str
    run: "Callable[[Bench], Awaitable[None]]"
    needs: frozenset[str] = frozenset()
    """What an adapter must be able to do for it."""


def named(run: "Callable[[Bench], Awaitable[None]]", *needs: str) -> Check:
    """A check that is called as its function is."""
    return Check(run.__name__.replace("_", " "), run, frozenset(needs))


class Heard:
    """What a reader got: chunks, and then perhaps an error."""

    def __init__(self) -> None:
        self.chunks: list[ChatChunk] = []
        self.error: Exception | None = None

    @property
    def text(self) -> str:
        return "".join([chunk.text for chunk in self.chunks if chunk.text])

    @property
    def thinking(self) -> str:
        return "".join([chunk.thinking for chunk in self.chunks if chunk.thinking])

    @property
    def calls(self) -> list[ToolCall]:
        return [chunk.tool_call for chunk in self.chunks if chunk.tool_call is not None]

    @property
    def usage(self) -> Usage | None:
        return next((c.usage for c in reversed(self.chunks) if c.usage is not None), None)

    @property
    def stops(self) -> list[Stop]:
        return [chunk.stop for chunk in self.chunks if chunk.stop is not None]

    def __str__(self) -> str:
        said = ", ".join([_short(chunk) for chunk in self.chunks]) or "nothing"
        if self.error is None:
            return f"{said}; no error"
        return f"{said}; then {type(self.error).__name__}: {self.error}"


class Bench:
    """The place of one check; a block in which its server runs.

    Args:
        open_model: As `check_model` gets it.
        wire: What is spoken.
        patience: Seconds that nothing may take.
        soon: Seconds of silence that are too many.
        crowd: How many are asked at once.
    """

    def __init__(
        self, open_model: OpenModel, wire: Wire, *, patience: float, soon: float, crowd: int
    ) -> None:
        self._open_model = open_model
        self._closing = AsyncExitStack()
        self.patience = patience
        self.soon = soon
        self.crowd = crowd
        self.wire = wire
        self.mock = MockLLM(wires=[wire], strict=True)

    async def __aenter__(self) -> Self:
        await self._closing.enter_async_context(self.mock)
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._closing.__aexit__(*error)

    def script(self, *replies: Reply | Line | Sequence[Line]) -> None:
        """What the model answers, one reply for each request, the last one again and again."""
        self.mock.script(MODEL, *replies)

    async def speak(self, wire: Wire) -> None:
        """Go on with a server that speaks another wire."""
        self.wire = wire
        self.mock = MockLLM(wires=[wire], strict=True)
        await self._closing.enter_async_context(self.mock)

    async def model(
        self,
        *,
        first_timeout: float | None = None,
        idle_timeout: float | None = None,
        retries: int = 0,
        url: str | None = None,
    ) -> Model:
        """The model under guard; without limits of its own it is given all the time there is."""
        limits = Limits(
            first_timeout=first_timeout or 6 * self.patience,
            idle_timeout=idle_timeout or 6 * self.patience,
            retries=retries,
        )
        opened: Any = self._open_model(
            Opening(url=url or self.mock.url, model=MODEL, api_key=KEY, limits=limits)
        )
        if hasattr(opened, "__aenter__"):
            return await self._closing.enter_async_context(opened)
        return cast(Model, opened)

    async def hear(
        self, asked: str | ChatRequest = "Hello?", model: Model | None = None, **limits: Any
    ) -> Heard:
        """Ask, and hear what comes; an error is heard too.

        Raises:
            CheckFailed: It takes too long.
        """
        asking = model or await self.model(**limits)
        heard = Heard()

        async def hear() -> None:
            try:
                async with asking.chat(request(asked)) as chunks:
                    async for chunk in chunks:
                        heard.chunks.append(chunk)
            except Exception as error:
                heard.error = error

        task = asyncio.create_task(hear())
        if not await self.ended(task):
            raise CheckFailed(f"an end within {self.patience:g} s", f"{heard}, no end")
        expect(not task.cancelled(), "an answer or a typed error", "a cancellation by nobody")
        if heard.error is not None:
            self._keep_secret(heard.error)
        return heard

    async def ended(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task ends in time; one that does not is stopped."""
        try:
            await asyncio.wait({task}, timeout=self.patience)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            return True
        await self.stop(task)
        return False

    async def stop(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that is not wanted any more; if that is no use it is left behind."""
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        if task.done() and not task.cancelled():
            task.exception()  # has been seen

    async def hear_whole(
        self, asked: str | ChatRequest = "Hello?", model: Model | None = None, **limits: Any
    ) -> Heard:
        """The same for what must be a whole answer: no error, and one stop at its end."""
        heard = await self.hear(asked, model, **limits)
        expect(heard.error is None, "a whole answer", heard)
        expect(len(heard.stops) == 1, "one chunk with `stop`", heard)
        expect(heard.chunks[-1].stop is not None, "`stop` in the last chunk", heard)
        return heard

    async def hear_error(
        self,
        *kinds: type[Exception],
        asked: str | ChatRequest = "Hello?",
        **limits: Any,
    ) -> Heard:
        """The same for what must be an error: typed, with words and a hint, and no stop."""
        heard = await self.hear(asked, **limits)
        kinds = kinds or (ModelError,)
        names = " or ".join([kind.__name__ for kind in kinds])
        expect(isinstance(heard.error, kinds), f"a typed error, {names}", heard)
        expect(not heard.stops, "no chunk with `stop`: it is not whole", heard)
        expect(bool(str(heard.error)), "an error with words", repr(heard.error))
        hint = getattr(heard.error, "hint", None)
        expect(bool(hint), "an error with a hint what to do next", repr(heard.error))
        return heard

    @property
    def seen(self) -> list[Request]:
        """The requests in which the model was asked, as the server saw them."""
        return self.mock.asked(MODEL)

    def seen_last(self) -> ChatRequest:
        """What the server read in the last request.

        Raises:
            CheckFailed: There was none that could be read.
        """
        asked = self.seen[-1].asked if self.seen else None
        if asked is None:
            raise CheckFailed("a request that the server understands", self.mock.requests)
        return asked

    async def came(self) -> None:
        """Wait for a request to come to the server.

        Raises:
            CheckFailed: None comes.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self.patience
        while not self.seen:
            if clock() > until:
                raise CheckFailed(f"a request within {self.patience:g} s", "none")
            await asyncio.sleep(0.005)

    async def wait(self, event: asyncio.Event, expected: str) -> None:
        """Wait for something at the server.

        Raises:
            CheckFailed: It does not happen.
        """
        try:
            async with asyncio.timeout(self.patience):
                await event.wait()
        except TimeoutError:
            raise CheckFailed(
                f"{expected} within {self.patience:g} s", "it did not happen"
            ) from None

    def _keep_secret(self, error: BaseException) -> None:
        shown = "".join(traceback.format_exception(error))
        words = (str(error), repr(error), str(getattr(error, "hint", "")), shown)
        expect(
            not any(KEY in text for text in words),
            "the key in no error, nor in what caused it",
            shown.replace(KEY, "<THE KEY>"),
        )


def request(asked: str | ChatRequest) -> ChatRequest:
    return ChatRequest(messages=(Message(asked),)) if isinstance(asked, str) else asked


def _short(chunk: ChatChunk) -> str:
    fields = ("text", "thinking", "signature", "tool_call", "block", "usage", "stop")
    told = [(name, getattr(chunk, name)) for name in fields]
    return " ".join([f"{name}={v!r}" for name, v in told if v is not None]) or "an empty chunk"
