"""Names: what a person means who leaves the provider out, or uses a name of the past."""

import re
from typing import Final

from ._providers import PROVIDERS

_USUAL: Final = PROVIDERS["openai"].usual or ""
_PAST: Final = (
    (r"openai:gpt-4(-(32k|turbo|vision|preview|\d{4}|\d\d))*", _USUAL),
    (r"openai:(gpt-4\.5-preview|chatgpt-4o-latest|gpt-4o-2024-05-13)", _USUAL),
    (r"openai:o1(-preview|-pro)?(-\d{4}-\d\d-\d\d)?", _USUAL),
    (r"openai:(o1|o3|o4)-mini(-\d{4}-\d\d-\d\d)?", "openai:gpt-6.1-terra"),
    (r"openai:gpt-3\.5-turbo(-16k)?(-\d{4})?", "openai:gpt-6-luna"),
    (r"openai:gpt-4\.1-nano(-\d{4}-\d\d-\d\d)?", "openai:gpt-6-luna"),
    (r"anthropic:claude-3([-.][57])?-opus.*", "anthropic:claude-opus-5-5"),
    (r"anthropic:claude-3([-.][57])?-sonnet.*", "anthropic:claude-sonnet-5-5"),
    (r"anthropic:claude-3([-.][57])?-haiku.*", "anthropic:claude-haiku-5-5"),
    (r"gemini:gemini(-1\.[05])?-pro.*", "gemini:gemini-4-argon"),
    (r"gemini:gemini-2\.0-flash-lite.*", "gemini:gemini-3.5-flash-lite"),
    (r"gemini:gemini-(1\.5|2\.0)-flash.*", "gemini:gemini-3.8-flash"),
)
"""Models that their vendors have shut down by November 2026, and what does their work now: the
model of their kind that is newest.

Sources: https://developers.openai.com/api/docs/deprecations (23 October 2026 and before),
https://platform.claude.com/docs/en/about-claude/model-deprecations
https://ai.google.dev/gemini-api/docs/deprecations
"""

_FAMILIES: Final = (
    (r"gpt-.*|o\d.*|chatgpt-.*|chat-latest", "openai"),
    (r"claude-.*", "anthropic"),
    (r"gemini-.*", "gemini"),
)
"""By whom models are, whose name says it."""


def whole(name: str) -> str:
    """The name with its provider: "gpt-6-sol" is "openai:gpt-6-sol"; perhaps nobody's."""
    if ":" not in name:
        for pattern, family in _FAMILIES:
            if re.fullmatch(pattern, name):
                return f"{family}:{name}"
    return name


def today(name: str) -> str:
    """What does the work now of a model that cannot be had any more; any other is itself."""
    for pattern, successor in _PAST:
        if re.fullmatch(pattern, name):
            return successor
    return name
