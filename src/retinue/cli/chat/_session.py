"""Session: a conversation with the host, and what it has taken so far. No terminal in here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retinue.app import Way, build, way_to
from retinue.cli._answering import Answering, store
from retinue.cli._asking import Asking
from retinue.cli._attachments import Attachment
from retinue.cli._cost import Pricing
from retinue.cli._follow import watching
from retinue.cli._question import joined
from retinue.cli._vendors import VENDORS, load_package
from retinue.errors import RetinueError, UsageError
from retinue.messages import Message, Messages, ToolCall
from retinue.messages.events import (
    Event,
    InterruptAnswered,
    InterruptAsked,
    ModelAnswered,
    ToolAsked,
)
from retinue.messages.history import MarkdownHistory
from retinue.models import Usage, list_models
from retinue.promise import Scope
from retinue.settings import Origin, Settings
from retinue.telemetry.terminal import one_line
from retinue.tools import Tool, question_about

from ._approval import Answer

if TYPE_CHECKING:
    from retinue.models.budget import Purse

_PATIENCE: Final = 2.0
"""Seconds for a server to list its models."""


class Question(NamedTuple):
    """A question, and the conversation after which it is asked."""

    message: Message
    after: Messages


class Used(NamedTuple):
    """What one answer of a model has taken, and how to know what that cost."""

    usage: Usage
    pricing: Pricing


class Session:
    """Whole exchanges with the host: an answer that was stopped, or failed, is none.

    Args:
        settings: What was chosen.
        ask: Has a person answer whether a tool may be used; one question at a time.
        history: Where whole exchanges are kept.
        messages: What was said before.

    Raises:
        UnknownModel, UnknownTool, SettingsError: As of `build`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        ask: Callable[[str], Awaitable[Answer]],
        history: MarkdownHistory | None = None,
        messages: Iterable[Message] = (),
    ) -> None:
        self._asking = Asking(self._approve)
        self._put = ask
        self._one_at_a_time = asyncio.Lock()
        self._always: list[Tool] = []
        self._tell: Callable[[Event], None] = _nobody
        self.settings = settings
        self.app = build(settings, ask=self._asking.ask)
        self.history = history
        self.messages = Messages(messages)
        self.attached: list[Attachment] = []
        """What goes with the next question."""
        self.used: dict[str, list[Used]] = {}
        """What each model has taken, answer by answer."""
        self.purse: Purse | None = None
        """What the last answer was paid from, if there was a limit."""
        self._last: Question | None = None
        self._models: tuple[str, ...] = ()

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
        if self._last is None:
            raise UsageError("Nothing was asked yet", hint="Say something first.")
        return self._last._replace(message=self._last.message.replaced())

    async def answer(self, question: Question, tell: Callable[[Event], None]) -> str:
        """Have the host answer; why it ended. Cancelling this stops all that goes on for it.

        Raises:
            Exception: What it failed with. RetinueError: also if it is whole, but not stored.
        """
        self._last, self._tell = question, tell

        def heed(event: Event) -> None:
            if isinstance(event, ModelAnswered):
                self._count(event)
            tell(event)

        self.purse = self.app.purse()
        answering = Answering(self.app, heed, self._asking, purse=self.purse)
        messages = (*question.after, question.message)
        async with Scope():
            with watching(tell):
                reason = await answering.answer(messages, timeout=self.settings.timeout)
        if reason != "expired":
            exchange = (question.message, *answering.said)
            self.messages = question.after + exchange
            if self.history is not None:
                await store(self.history, *exchange)
        return reason

    def choose(self, **changes: Any) -> None:
        """Go on with other settings, in the same conversation.

        Raises:
            UnknownModel, UnknownTool, SettingsError: As of `build`; nothing has changed then.
        """
        here = {name: Origin("flag", f"/{name}") for name in changes}
        origins = {**self.settings.origins, **here}
        settings = replace(self.settings, **changes, origins=origins)
        self.app = build(settings, ask=self._asking.ask)
        self.settings = settings

    def begin(self, messages: Iterable[Message] = ()) -> None:
        """Another conversation, in which this was said before; it is kept nowhere."""
        self.messages = Messages(messages)
        self.attached = []
        self.history = None
        self._last = None

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

    async def _approve(self, call: ToolCall, tool: Tool) -> bool:
        """Whether the person says yes; "always" is for this very tool, in this session."""
        async with self._one_at_a_time:
            if tool not in self._always:
                about = tuple(question_about(call, tool))
                kind, id = "approval", call.id
                self._tell(InterruptAsked(interrupt=id, kind=kind, call=call, question=about))
                said = await self._put(f"Use {one_line(call.name, width=60)}?")
                self._tell(InterruptAnswered(interrupt=id, answer=said))
                if said == "no":
                    return False
                if said == "always":
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
