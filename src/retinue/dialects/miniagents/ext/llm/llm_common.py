"""Messages by role, and what the agents of all providers share."""

from typing import Any, ClassVar

from retinue.agents import assistant
from retinue.dialects.miniagents.messages import Message
from retinue.dialects.miniagents.miniagents import InteractionContext
from retinue.models import Model, find_model


class UserMessage(Message):
    """A message from the user."""

    _role: ClassVar[str] = "user"


class SystemMessage(Message):
    """Instructions that stand above the conversation."""

    _role: ClassVar[str] = "system"


class AssistantMessage(Message):
    """A message from a language model."""

    _role: ClassVar[str] = "assistant"


def reply_by_model(
    ctx: InteractionContext, provider: str, model: Model | str, options: dict[str, Any]
) -> None:
    """Hand `ctx` what the model answers, while it answers.

    Args:
        ctx: Its messages are the conversation so far.
        provider: What the name of a model begins with, where it does not say so itself.
        model: A model, or a name: "gpt-4o" and "openai:gpt-4o" are the same to OpenAI's agent.
        options: system, max_tokens, temperature, and anything by the provider's own names.
    """
    if isinstance(model, str):
        model = find_model(model if ":" in model else f"{provider}:{model}")
    ctx.reply(assistant(ctx.agent.name, model=model).inquire(ctx.message_promises, **options))


__all__ = ["AssistantMessage", "SystemMessage", "UserMessage", "reply_by_model"]
