"""Text: the words as they come. What tools do goes beside them, and to a person only."""

import asyncio
from typing import TYPE_CHECKING, Any

from retinue.cli._cost import Pricing
from retinue.cli._follow import arguments_of
from retinue.cli._screen import Screen
from retinue.messages.events import (
    ErrorRaised,
    Event,
    MessageStarted,
    Restarted,
    RunEnded,
    TextAdded,
    ToolAnswered,
    ToolAsked,
)
from retinue.telemetry.terminal import one_line, tame

from ._prose import Prose

if TYPE_CHECKING:
    from retinue.models.budget import Purse


class Text:
    """Writes what is said, and nothing else."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._prose = Prose()
        self._sender = _Sender(screen)
        self._calls = 0
        screen.make_way = self._end_line

    def introduce(
        self, agent: str, model: str, pricing: Pricing, purse: "Purse | None" = None
    ) -> None:
        """People know whom they ask."""

    async def prepare(self, event: Event) -> None:
        """It takes no time."""

    def tell(self, event: Event) -> None:
        match event:
            case MessageStarted(role=role):
                self._prose.start()
                self._calls = self._calls if role == "tool" else 0
            case Restarted():  # what was written cannot be taken back
                self._prose.start()
            case TextAdded(text=text):
                self._write(self._prose.add(tame(text) if self._screen.look.live else text))
            case ToolAsked(call=call):
                self._calls += 1
                sign = self._screen.err_look.sign("🔧", ">")
                self._beside(sign, f"{call.name} {arguments_of(call)}")
            case ToolAnswered(result=result):
                name = f"{result.name}: " if self._calls > 1 else ""
                self._beside("   !" if result.error else "   =", f"{name}{result.text}")
            case ErrorRaised() | RunEnded():
                self._end_line()
            case _:
                pass

    def _write(self, text: str) -> None:
        if text:
            self._screen.write(text)
            self._sender.send_soon()

    def _beside(self, sign: str, line: str) -> None:
        look = self._screen.err_look
        if look.live:
            self._screen.note(look.paint(f"  {sign} {one_line(line, width=90)}", "dim"))

    def _end_line(self) -> None:
        self._screen.write(self._prose.end())
        self._sender.send()


class _Sender:
    """Sends off what was written: to a person at once; else the first at once, then every 50 ms."""

    _PAUSE = 0.05

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._pause = 0.0 if screen.look.live else self._PAUSE
        self._sent = -self._PAUSE
        self._later: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None

    def send_soon(self) -> None:
        """Send, now or when the pause is over. Raises what went wrong, now or before."""
        if self._failure is not None:
            raise self._failure
        if self._later is not None:
            return
        loop = asyncio.get_running_loop()
        if (wait := self._sent + self._pause - loop.time()) <= 0:
            self.send()
            self._sent = loop.time()
        else:
            self._later = loop.call_later(wait, self._send_late, asyncio.current_task())

    def send(self) -> None:
        """Send now."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._screen.flush()

    def _send_late(self, answering: "asyncio.Task[Any] | None") -> None:
        try:
            self.send()
        except KeyboardInterrupt:  # out of a timer it would end the loop, with all that goes on
            assert answering is not None
            answering.cancel()
        except Exception as error:  # nobody awaits a timer: whoever writes next is told
            self._failure = error
        self._sent = asyncio.get_running_loop().time()
