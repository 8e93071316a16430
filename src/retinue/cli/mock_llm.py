"""mock-llm: serve models that say what a script says, until somebody stops it."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from retinue.errors import RetinueError
from retinue.promise import run as run_loop
from retinue.telemetry.terminal import one_line
from retinue.testing.mock_llm import MockLLM, Reply, Request, load_script

from ._exits import code_of_signal
from ._grammar import MockLlm
from ._screen import Screen
from ._signals import Stop, stopping_on_signals


def run(line: MockLlm, screen: Screen) -> int:
    """Serve until a signal comes; the exit code says which."""
    script = load_script(line.script) if line.script is not None else None
    stop = Stop()

    async def work() -> None:
        with stopping_on_signals(stop, screen):
            await _serve(line, script or {}, screen)

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        run_loop(work)
    return code_of_signal(stop.signal or signal.SIGINT)


async def _serve(line: MockLlm, script: Mapping[str, Sequence[Reply]], screen: Screen) -> None:
    clock = asyncio.get_running_loop().time

    def tell(request: Request) -> None:
        status = "left" if request.left.is_set() else request.status or "cut"
        model = f" {request.model}" if request.model is not None else ""
        took = clock() - request.at
        screen.note(one_line(f"{status} {request.method} {request.path}{model} {took:.1f} s"))
        mock.requests.remove(request)  # nobody will ask for it, and it may be large

    models = tuple([name for name in script if name != "*"]) or ("mock",)
    mock = MockLLM(host=line.host, port=line.port, pace=line.pace, models=models, ended=tell)
    for model, replies in script.items():
        mock.script(model, *replies)
    async with AsyncExitStack() as open_until_the_end:
        try:
            await open_until_the_end.enter_async_context(mock)
        except OSError as error:
            raise _not_there(line, error) from error
        url = mock.url
        screen.write(
            f"Serving Ollama, Anthropic and Gemini at {url}, OpenAI at {url}/v1. To talk with it: "
            f"OLLAMA_HOST={url} {screen.program} -m ollama:{models[0]}\n"
        )
        screen.flush()
        await asyncio.Event().wait()


def _not_there(line: MockLlm, error: OSError) -> RetinueError:
    """Why nothing can be served there."""
    where = f"port {line.port} of {line.host}"
    match error.errno:
        case errno.EADDRINUSE:
            return RetinueError(
                f"Something listens at {where} already",
                hint="Stop it, or choose another port; --port 0 takes any that is free.",
            )
        case errno.EACCES:
            return RetinueError(
                f"You may not listen at {where}", hint="Choose a --port from 1024 up."
            )
        case _:
            # What asyncio makes of it is longer, and no clearer.
            number = None if isinstance(error, socket.gaierror) else error.errno
            words = error.strerror if number is None else os.strerror(number)
            return RetinueError(
                f"Nothing can listen at {where}: {words}",
                hint="Choose a --host that is this machine: 127.0.0.1.",
            )
