"""MockLLM: the server. A socket on this machine, scripts by model, a record of what was asked."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from email.utils import formatdate
from types import TracebackType
from typing import Any, Final, Self, assert_never

from retinue.errors import MessageError
from retinue.telemetry import event

from ._answers import Answer, Line, NoAnswer, Refusal, Reply, reply_of
from ._echo import echo
from ._fields import Unfit
from ._http import NoRequest, Outlet, Sent, read_request
from ._reading import unpaired
from ._requests import Request
from ._sending import send
from ._wire import Asked, Shelf, Wire, dumped, encoded
from .anthropic import Anthropic
from .chat import Chat
from .gemini import Gemini
from .ollama import Ollama
from .responses import Responses

type Scripted = Reply | Line | Sequence[Line] | Callable[[Request], Reply | Line | Sequence[Line]]

_JSON: Final = {"content-type": "application/json"}
_ANY: Final = "*"


class MockLLM:
    """Stands in for vendors of models, on this machine: `async with MockLLM() as mock:`.

    It speaks Chat Completions and Responses below `mock.url + "/v1"`, and at `mock.url` Anthropic's
    Messages, Gemini and Ollama. A model answers what `script` gave it; without a script it says
    again what it was told (see `_echo.py`). What is wrong is refused as the vendors do: broken
    JSON, missing fields, calls without results, and a key that ends in "bad".

    Args:
        host, port: Where; port 0 is any that is free.
        strict: Whether a missing key is refused too, on wires that expect one.
        pace: Seconds before each frame of an answer without a script.
        models: What the lists of models show, beside those that have a script.
        loaded: Which of them Ollama has in memory; None: all.
        wires: What it speaks. One of your own can be given; see `Wire`.
        ended: Called with each request when its answer is over.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        strict: bool = False,
        pace: float = 0.0,
        models: Sequence[str] = ("mock",),
        loaded: Sequence[str] | None = None,
        wires: Sequence[Wire] | None = None,
        ended: Callable[[Request], object] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.requests: list[Request] = []
        """What came, in order; lists of models and what was refused are among them."""
        self._strict = strict
        self._pace = pace
        self._models = tuple(models)
        self._loaded = None if loaded is None else tuple(loaded)
        self._wires = (
            (Chat(), Responses(), Anthropic(), Gemini(), Ollama())
            if wires is None
            else tuple(wires)
        )
        self._ended = ended
        self._scripts: dict[str, deque[Scripted]] = {}
        self._working: set[asyncio.Task[Any]] = set()
        self._connections = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections came so far."""
        return self._connections

    def script(self, model: str, *replies: Scripted) -> None:
        """What a model answers, one reply for each request; the last one again and again.

        Args:
            model: Its name; "*" is every model that has no script of its own.
            replies: Lines, an Answer, a Refusal, NoAnswer; or a function that gives one of them for
                the request. None at all takes the script away.

        Raises:
            MessageError: A reply is nothing that can be served.
        """
        for reply in replies:
            if not callable(reply):
                reply_of(reply)
        self._scripts[model] = deque(replies)

    def asked(self, model: str) -> list[Request]:
        """The requests in which this model was asked something."""
        return [one for one in self.requests if one.asked is not None and one.model == model]

    async def __aenter__(self) -> Self:
        """Raises OSError where the port cannot be had."""
        self._server = await asyncio.start_server(self._connected, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        assert server is not None
        server.close()
        working = list(self._working)
        for task in working:
            task.cancel()
        if working:
            await asyncio.wait(working)
        await server.wait_closed()

    # -- one connection

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection came. Its task is ours: one that the server of asyncio makes would complain
        loudly of being cancelled, in Python 3.12."""
        if self._server is None:  # it came while we left
            writer.close()
            return
        number = self._connections
        self._connections += 1
        self._begin(self._serve(reader, writer, number))

    def _begin[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that ends, at the latest, when the block of the server is left."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        upcoming = self._begin(read_request(reader, writer))
        answering: asyncio.Task[bool] | None = None
        try:
            while (sent := await upcoming) is not None:
                request = self._recorded(sent, number)
                # The next request is read beside the answer: its end is how one sees a client go.
                upcoming = self._begin(read_request(reader, writer))
                answering = self._begin(self._answer(request, writer))
                await asyncio.wait({upcoming, answering}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() and upcoming.done() and _gone(upcoming):
                    request.left.set()
                    break
                if not await answering:
                    break
        except NoRequest as error:
            headers = {**_JSON, "connection": "close"}
            await Outlet(writer).whole(error.status, headers, _plain(str(error)))
        except ConnectionError:
            pass
        finally:
            for task in (upcoming, answering):
                if task is not None:
                    task.cancel()
                    task.add_done_callback(_seen)
            writer.close()

    def _recorded(self, sent: Sent, connection: int) -> Request:
        try:
            body = json.loads(sent.body) if sent.body else None
        except (ValueError, RecursionError):
            body = None
        request = Request(
            sent.method,
            sent.path,
            sent.headers,
            body,
            connection=connection,
            at=asyncio.get_running_loop().time(),
        )
        self.requests.append(request)
        return request

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection can be used again."""
        out = Outlet(writer)
        try:
            again = await self._answer_by(request, out)
            request.answered.set()
        except ConnectionError:
            request.left.set()
            raise
        except Exception as error:  # whatever it is, nobody is shown a traceback for it
            event(logging.ERROR, "mock-llm failed", error=error, path=request.path)
            if out.begun:
                return False
            again = await self._show(request, out, 500, _plain(f"mock-llm failed: {error}"))
        finally:
            request.status = out.status
            if self._ended is not None:
                self._ended(request)
        return again and request.headers.get("connection", "").lower() != "close"

    async def _answer_by(self, request: Request, out: Outlet) -> bool:
        for wire in self._wires:
            if wire.asked_at.fullmatch(request.path):
                if request.method != "POST":
                    return await self._not_so(request, out, "POST")
                return await self._chat(wire, request, out)
            if (lookup := wire.lookups.get(request.path)) is not None:
                if request.method not in (lookup.method, _also(lookup.method)):
                    return await self._not_so(request, out, lookup.method)
                try:
                    shown = lookup.shown(self._shelf(), request.body)
                except Unfit as error:
                    return await self._refuse(Refusal(400, str(error)), wire, request, out)
                return await self._show(request, out, 200, _dump(shown))
        if request.path == "/" and request.method in ("GET", "HEAD"):
            spoken = {wire.name: wire.asked_at.pattern for wire in self._wires}
            return await self._show(request, out, 200, _dump({"spoken here": spoken}))
        return await self._show(request, out, 404, _plain(f"nothing is at {request.path}"))

    async def _chat(self, wire: Wire, request: Request, out: Outlet) -> bool:
        problem = self._problem_of_key(wire, request)
        if problem is None:
            try:
                if request.body is None:
                    raise Unfit("the body must be JSON")
                asked = wire.read(request.path, request.body)
            except (Unfit, MessageError, RecursionError) as error:
                problem = Refusal(400, str(error))
            else:
                request.model, request.asked = asked.model, asked.request
                unfit = unpaired(asked.request.messages)
                if unfit is None:
                    return await self._reply(wire, request, asked, out)
                problem = Refusal(400, unfit)
        return await self._refuse(problem, wire, request, out)

    async def _reply(self, wire: Wire, request: Request, asked: Asked, out: Outlet) -> bool:
        reply = self._next(request, asked)
        match reply:
            case Answer():
                await asyncio.sleep(reply.first_delay)
                out.segment = reply.segment
                return await send(reply, wire, asked, out)
            case Refusal():
                await asyncio.sleep(reply.first_delay)
                return await self._refuse(reply, wire, request, out)
            case NoAnswer():
                if reply.sent:
                    await out.raw(reply.sent)
                await asyncio.sleep(reply.seconds)
                return False
            case _:
                assert_never(reply)

    def _next(self, request: Request, asked: Asked) -> Reply:
        script = self._scripts.get(asked.model) or self._scripts.get(_ANY)
        if not script:
            return Answer(echo(asked.request.messages), frame_delay=self._pace)
        said = script.popleft() if len(script) > 1 else script[0]
        try:
            return reply_of(said(request) if callable(said) else said)
        except Exception as error:  # of a function that was given to us
            return Refusal(500, f"the script failed: {type(error).__name__}: {error}")

    def _problem_of_key(self, wire: Wire, request: Request) -> Refusal | None:
        match wire.key(request.headers):
            case str(key) if key.endswith("bad"):
                usual = Refusal(401, "Incorrect API key provided.", code="invalid_api_key")
                return getattr(wire, "wrong_key", usual)
            case "" if self._strict:
                return Refusal(401, "You didn't provide an API key.")
            case _:
                return None

    def _shelf(self) -> Shelf:
        scripted = [name for name in self._scripts if name not in (_ANY, *self._models)]
        models = (*self._models, *scripted)
        return Shelf(models=models, loaded=models if self._loaded is None else self._loaded)

    # -- answers that are no answer of a model

    async def _refuse(self, refusal: Refusal, wire: Wire, request: Request, out: Outlet) -> bool:
        headers = {**_JSON, **_retry(refusal.retry_after)}
        body = refusal.body
        if body is None:
            body = _dump(wire.error(refusal.status, refusal.message, refusal.code))
        else:
            headers["content-type"] = "text/html"
        return await self._show(request, out, refusal.status, body, headers)

    async def _not_so(self, request: Request, out: Outlet, method: str) -> bool:
        allowed = {**_JSON, "allow": ", ".join(filter(None, (method, _also(method))))}
        words = f"{request.path} is used with {method}"
        return await self._show(request, out, 405, _plain(words), allowed)

    async def _show(
        self,
        request: Request,
        out: Outlet,
        status: int,
        body: bytes,
        headers: Mapping[str, str] = _JSON,
    ) -> bool:
        if request.method == "HEAD":
            await out.whole(status, {**headers, "content-length": str(len(body))}, b"")
        else:
            await out.whole(status, headers, body)
        return True


def _gone(upcoming: asyncio.Task[Sent | None]) -> bool:
    """Whether the client has closed the connection, instead of asking for more."""
    return upcoming.exception() is None and upcoming.result() is None


def _seen(task: asyncio.Task[Any]) -> None:
    """Nobody waits for this task any more, so its error is no news."""
    if not task.cancelled():
        task.exception()


def _also(method: str) -> str:
    return "HEAD" if method == "GET" else ""


def _retry(after: float | timedelta | None) -> dict[str, str]:
    match after:
        case None:
            return {}
        case timedelta():
            return {"retry-after": formatdate(time.time() + after.total_seconds(), usegmt=True)}
        case _:
            return {"retry-after": f"{after:g}"}


def _plain(words: str) -> bytes:
    return _dump({"error": {"message": words}})


def _dump(data: Any) -> bytes:
    return encoded(dumped(data))
