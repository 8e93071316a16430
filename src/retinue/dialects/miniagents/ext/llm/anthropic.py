"""Anthropic's language models as an agent."""

from typing import Any

from retinue.dialects.miniagents.miniagents import InteractionContext, miniagent
from retinue.models import Model

from .llm_common import reply_by_model


@miniagent
async def anthropic_agent(
    ctx: InteractionContext, model: Model | str = "claude-sonnet-5-5", **options: Any
) -> None:
    """Answers with a model of Anthropic. Fork it to choose: `anthropic_agent.fork(model=...)`."""
    reply_by_model(ctx, "anthropic", model, options)


__all__ = ["anthropic_agent"]
