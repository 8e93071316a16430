"""Session: a conversation with the host, and what it has taken so far. No terminal in here."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retinue.app import Way, build, way_to
from retinue.app.asking import ask_in_run
from retinue.cli._answering import Answering, host_of, limits_of
from retinue.cli._answers import words_of
from retinue.cli._attachments import Attachment
from retinue.cli._cast import version_of
from retinue.cli._cost import Pricing
from retinue.cli._house import House
from retinue.cli._question import joined
from retinue.cli._thread import Question, Thread, Unfinished, keep_in
from retinue.cli._vendors import VENDORS, load_package
from retinue.errors import RetinueError, UsageError
from retinue.messages import FrozenDict, Message, Messages, ToolCall
from retinue.messages.events import (
    Event,
    InterruptAnswered,
    InterruptAsked,
    ModelAnswered,
    ToolAsked,
)
from retinue.messages.history import MarkdownHistory
from retinue.models import Usage, list_models
from retinue.settings import Origin, Settings
from retinue.storage import Interrupt
from retinue.telemetry.terminal import one_line
from retinue.tools import Tool

from ._person import Person

if TYPE_CHECKING:
    from retinue.models.budget import Purse

_PATIENCE: Final = 2.0
"""Seconds for a server to list its models."""


class Used(NamedTuple):
    """What one answer of a model has taken, and how to know what that cost."""

    usage: Usage
    pricing: Pricing


class Session:
    """Whole exchanges with the host: an answer that was stopped, or failed, is none.

    Args:
        settings: What was chosen.
        house: Where conversations are kept, and answered.
        thread: The one that is gone on with.
        person: Answers what runs want to know; one question at a time.
        history: Where whole exchanges are kept as well.
        flags: What was said about settings, by their names.

    Raises:
        UnknownModel, UnknownTool, SettingsError: As of `build`.
    """

    def __init__(
        self,
        settings: Settings,
        house: House,
        thread: Thread,
        *,
        person: Person,
        history: MarkdownHistory | None = None,
        flags: Mapping[str, str] = FrozenDict(),
    ) -> None:
        self._flags = dict(flags)
        self.person = person
        self._one_at_a_time = asyncio.Lock()
        self._always: list[Tool] = []
        self._tell: Callable[[Event], None] = _nobody
        self._answering: Answering | None = None
        self._is_stopping = False
        self._stopping: asyncio.Task[None] | None = None  # kept, or it would be collected
        self._thread = thread
        self.settings = settings
        self.house = house
        self.app = build(settings, ask=ask_in_run())
        self.history = history
        self.attached: list[Attachment] = []
        """What goes with the next question."""
        self.used: dict[str, list[Used]] = {}
        """What each model has taken, answer by answer."""
        self.purse: Purse | None = None
        """What the last answer was paid from, if there was a limit."""
        self._models: tuple[str, ...] = ()

    @property
    def messages(self) -> Messages:
        """The conversation."""
        return self._thread.messages

    @property
    def conversation(self) -> str | None:
        """The id of it, once something was asked."""
        return self._thread.id

    @property
    def unfinished(self) -> tuple[Unfinished, ...]:
        """What was asked before, and is not answered yet."""
        return self._thread.unfinished

    def question(self, words: str) -> Question:
        """These words as a question, with everything that was attached to it."""
        message = joined(words, self.attached)
        self.attached = []
        return Question(message, self.messages)

    def last_question(self) -> Question:
        """The last question once more; its answer takes the place of what came of it before.

        Raises:
            UsageError: Nothing was asked yet.
        """
        last = self._thread.last
        if last is None:
            raise UsageError("Nothing was asked yet", hint="Say something first.")
        return last._replace(message=last.message.replaced())

    async def answer(self, question: Question, tell: Callable[[Event], None]) -> str:
        """Have the host answer; why it ended. Who cancels this leaves the run to itself.

        Raises:
            Exception: What it failed with. RetinueError: also if it is whole, but not stored.
        """
        self.purse = self.app.purse()
        agent = await host_of(self.app, self.purse, messages=len(question.after) + 1)
        run = await self._thread.ask(
            agent, question, version=version_of(self._flags), limits=limits_of(self.app)
        )
        return await self._follow(Unfinished(run, question.message), tell)

    async def go_on(self, unfinished: Unfinished, tell: Callable[[Event], None]) -> str:
        """The same for what was asked before."""
        self.purse = None
        return await self._follow(unfinished, tell)

    def stop(self) -> bool:
        """Have the answer stop that is on its way; whether there is one, and nobody did before."""
        answering = self._answering
        if answering is None or self._is_stopping:
            return False
        self._is_stopping = True
        self._stopping = asyncio.ensure_future(answering.stop())
        return True

    def choose(self, **changes: Any) -> None:
        """Go on with other settings, in the same conversation.

        Raises:
            UnknownModel, UnknownTool, SettingsError: As of `build`; nothing has changed then.
        """
        here = {name: Origin("flag", f"/{name}") for name in changes}
        origins = {**self.settings.origins, **here}
        settings = replace(self.settings, **changes, origins=origins)
        self.app = build(settings, ask=ask_in_run())
        self.settings = settings
        for name, value in changes.items():
            self._flags.pop(name, None)
            if value is not None:
                self._flags[name] = str(value)

    def begin(self, messages: Iterable[Message] = ()) -> None:
        """Another conversation, in which this was said before."""
        self._change(Thread(self.house, tuple(messages)))

    async def resume(self, id: str) -> None:
        """Go on with the conversation whose id begins so.

        Raises:
            NotFound, Ambiguous: There is none; there are several.
        """
        found = await self.house.retinue.log.find(id)
        self._change(await Thread.open(self.house, found))

    async def models(self) -> tuple[str, ...]:
        """The models that can be named now: endpoints of one's own, and what servers list."""
        settings = self.settings
        offers = [_listed("ollama", way_to(settings, "ollama:"))]
        for provider, vendor in VENDORS.items():
            way = way_to(settings, f"{provider}:")
            if vendor.offered and way.api_key is not None:
                offers.append(_listed(provider, way))
        listed = await asyncio.gather(*offers)
        self._models = (*settings.models, *chain.from_iterable(listed), "demo")
        return self._models

    async def known_models(self) -> tuple[str, ...]:
        """The same as they were when somebody last looked."""
        return self._models or await self.models()

    def _change(self, thread: Thread) -> None:
        self._thread = thread
        self.attached = []
        self.history = None

    async def _follow(self, asked: Unfinished, tell: Callable[[Event], None]) -> str:
        self._tell, self._is_stopping = tell, False
        thread, message = self._thread, asked.question

        def heed(event: Event) -> None:
            if isinstance(event, ModelAnswered):
                self._count(event)
            tell(event)

        self._answering = answering = Answering(asked.run, heed, self._put, watch=tell)
        try:
            reason = await answering.follow(timeout=self.settings.timeout)
        except asyncio.CancelledError:
            thread.give_up(message)
            raise
        except Exception:
            if answering.is_over:
                await thread.ended(asked.run, message, "failed")
            raise
        finally:
            self._answering = None
        said = await thread.ended(asked.run, message, reason)
        if self.history is not None:
            await keep_in(self.history, self.house, thread, said)
        return reason

    async def _put(self, asked: Interrupt) -> Any:
        """What the person answers; "always" is for this very tool, in this session."""
        async with self._one_at_a_time:
            if asked.kind == "approval" and asked.call is not None:
                return {"approved": await self._approve(asked, asked.call)}
            about = tuple(words_of(asked))
            self._tell(InterruptAsked(interrupt=asked.id, kind=asked.kind, question=about))
            said, answer = await self.person.answer(asked)
            self._tell(InterruptAnswered(interrupt=asked.id, answer=said))
            return answer

    async def _approve(self, asked: Interrupt, call: ToolCall) -> bool:
        tool = self.app.tool(call.name)
        if tool is None or tool not in self._always:
            about, kind, id = tuple(words_of(asked)), asked.kind, asked.id
            self._tell(InterruptAsked(interrupt=id, kind=kind, call=call, question=about))
            said = await self.person.ask(f"Use {one_line(call.name, width=60)}?")
            self._tell(InterruptAnswered(interrupt=id, answer=said))
            if said == "no":
                return False
            if said == "always" and tool is not None:
                self._always.append(tool)
        self._tell(ToolAsked(call=call))  # only now does it begin
        return True

    def _count(self, event: ModelAnswered) -> None:
        self.used.setdefault(event.model, []).append(Used(Usage(**event.usage), self.app.cost))


def _nobody(_: Event) -> None:
    """Nothing is being answered."""


async def _listed(provider: str, way: Way) -> tuple[str, ...]:
    """What a server offers; nothing, if it is not there, takes its time, or wants another key."""
    await asyncio.to_thread(load_package, provider)
    try:
        async with asyncio.timeout(_PATIENCE):
            api_key = way.api_key.reveal() if way.api_key is not None else None
            return await list_models(provider, base_url=way.base_url, api_key=api_key)
    except (RetinueError, TimeoutError):
        return ()
