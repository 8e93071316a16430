"""OpenAI's language models as an agent."""

from typing import Any

from retinue.dialects.miniagents.miniagents import InteractionContext, miniagent
from retinue.models import Model

from .llm_common import reply_by_model


@miniagent
async def openai_agent(
    ctx: InteractionContext, model: Model | str = "gpt-4o", **options: Any
) -> None:
    """Answers with a model of OpenAI. Fork it to choose: `openai_agent.fork(model="gpt-4o")`."""
    reply_by_model(ctx, "openai", model, options)


__all__ = ["openai_agent"]
