"""Dialect: what servers of this wire want differently."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server, or a model of it, is spoken to.

    Args:
        limit: What the limit of tokens is called.
        sampling: Whether a temperature is accepted; where not, it is left out.
        one_tool: Whether a tool to be used may be named. Where not (llama-server takes no notice of
            the name), it is the only one that is offered.
        thinks_with_tools: Whether it may think where it has tools. Where not, it is told not to,
            or it would refuse.
        form_with_tools: Whether an answer may be held to a form where the model has tools. Where
            not (a grammar of llama-server leaves no room for a call), tools go first; the assistant
            asks once more for the form, without them.
    """

    limit: str = "max_tokens"
    sampling: bool = True
    one_tool: bool = False
    thinks_with_tools: bool = True
    form_with_tools: bool = False


OF_OTHERS: Final = Dialect()


def of_openai(model: str) -> Dialect:
    """How OpenAI wants to be asked for a model of this name.

    Those that reason accept no temperature; from GPT-5.6 on they use tools here only without
    reasoning, and GPT-6 Astra, which always reasons, not at all. Sources: the errors of OpenAI that
    BerriAI/litellm#34569 and bolna-ai/bolna#1019 quote.
    """
    return Dialect(
        limit="max_completion_tokens",
        sampling=not re.match(r"gpt-[5-9]|o\d|chat-latest", model),
        one_tool=True,
        form_with_tools=True,
        thinks_with_tools=not re.match(r"gpt-(5\.[6-9]|[6-9])(?!.*astra)", model),
    )
