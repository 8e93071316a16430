"""Names: what a person means who leaves the provider out, or uses a name of the past."""

import re
from typing import Final

DEFAULT_OF_OPENAI: Final = "openai:gpt-6.1-sol"
"""What a key of OpenAI is used for where nothing else was chosen."""

_PAST: Final = (
    (r"gpt-4(-32k|-turbo(-preview)?|-vision-preview|-\d{4}(-preview)?)?", DEFAULT_OF_OPENAI),
    (r"gpt-3\.5-turbo(-16k|-\d{4})?", "openai:gpt-6-luna"),
    (r"claude-3(-5|-7)?-opus.*", "anthropic:claude-opus-5-5"),
    (r"claude-3(-5|-7)?-sonnet.*", "anthropic:claude-sonnet-5-5"),
    (r"claude-3(-5|-7)?-haiku.*", "anthropic:claude-haiku-5-5"),
)
"""Models that cannot be had any more, and what does their work now.

Source: https://platform.openai.com/docs/deprecations, https://docs.claude.com model deprecations
"""

_FAMILIES: Final = (
    (r"gpt-.*|o\d.*|chatgpt-.*|chat-latest", "openai"),
    (r"claude-.*", "anthropic"),
    (r"gemini-.*", "gemini"),
)
"""By whom models are, whose name says it."""


def meant(name: str) -> str:
    """The whole name: "gpt-4" is "openai:gpt-6.1-sol" today; a whole name of today is itself."""
    provider, colon, rest = name.partition(":")
    bare = rest if colon and provider in ("openai", "anthropic") else name
    for pattern, successor in _PAST:
        if re.fullmatch(pattern, bare):
            return successor
    if colon:
        return name
    for pattern, family in _FAMILIES:
        if re.fullmatch(pattern, name):
            return f"{family}:{name}"
    return name
