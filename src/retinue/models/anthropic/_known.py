"""Known: in what Anthropic's models differ, by their names.

Sources, read in November 2026, all below https://platform.claude.com/docs/en/:
about-claude/models/overview (limits), build-with-claude/prompt-caching (what is long enough),
build-with-claude/preserved-thinking, and of each model what is new in it, as in
models/opus-5-5/whats-new-opus-5-5 (forced tools).
"""

import re
from typing import Final, NamedTuple


class Known(NamedTuple):
    """What is known of a model; of one with a name that says nothing, the least.

    Args:
        max_tokens: Of an answer, thoughts included, where nobody chose; the API wants a number.
        cacheable: The fewest tokens of a beginning that is cached.
        forced_tools: Whether it may be told to use a tool.
        bound_thinking: Whether its thoughts are refused after something before them has changed.
    """

    max_tokens: int = 32_000
    cacheable: int = 1024
    forced_tools: bool = True
    bound_thinking: bool = False


def known(model: str) -> Known:
    """What is known of a model of this name."""
    found = _NAME.search(model)
    if found is None:
        return Known()
    family, version = found["family"], (int(found["major"]), int(found["minor"] or 0))
    largest = family in ("fable", "mythos")
    return Known(
        max_tokens=64_000 if version >= (4, 5) else 32_000,
        cacheable=_cacheable(family, version),
        forced_tools=not (largest or (family != "haiku" and version >= (5, 5))),
        bound_thinking=version >= ((5, 1) if largest else (5, 5)),
    )


def _cacheable(family: str, version: tuple[int, int]) -> int:
    match family, version:
        case "opus", (4, 7):
            return 2048
        case ("opus", (4, 5 | 6)) | ("haiku", (4, 5)):
            return 4096
        case ("sonnet" | "haiku", _) if version < (5, 5):
            return 1024
        case _:
            return 512 if version >= (5, 0) else 1024


_NAME: Final = re.compile(
    r"claude-(?P<family>opus|sonnet|haiku|fable|mythos)"
    r"-(?P<major>\d+)(?:[-.](?P<minor>\d{1,2}))?(?!\d)"
)
"""Perhaps with a date after it, which is no minor version."""
