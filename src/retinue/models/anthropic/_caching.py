"""Caching: where a request is marked, so that its beginning is not read, nor paid, again.

A breakpoint ends a beginning that is kept. There is one after the tools, one after the
instructions, and one at the end of each of the last two things the user said: the newer is what the
next request finds, the older what the one before has left, however much came between (a request
looks back over 20 blocks only).

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast

from retinue.models._wire import Base64, Json

type Lifetime = Literal["5m", "1h"]
"""How long a beginning is kept after it was used last."""

_BYTES: Final = 3
"""So many are a token at least, in nearly every language. To mark what is too short costs nothing;
not to mark what is long enough does."""
_MEDIA: Final = 1000 * _BYTES
"""What a picture or a document weighs at least."""


def mark(body: Json, lifetime: Lifetime, *, cacheable: int) -> None:
    """Put breakpoints into a request, four at most, where what comes before them is long enough.

    Args:
        body: What will be sent; blocks in its lists are changed. One with marks is left as it is.
        lifetime: How long it is kept.
        cacheable: The fewest tokens that are kept.
    """
    tools: list[Json] = body.get("tools") or []
    if "cache_control" in body or any("cache_control" in tool for tool in tools):
        return
    standing: list[Json] = []
    said: list[Json] = []
    left = cacheable * _BYTES
    places: list[tuple[str, Any]] = [
        ("tools", tools),
        ("system", body.get("system")),
        *[(message["role"], message["content"]) for message in body["messages"]],
    ]
    for role, blocks in places:
        left -= _weight(blocks) if left > 0 else 0
        if left <= 0 and blocks and isinstance(blocks, list) and role != "assistant":
            (said if role == "user" else standing).append(cast("list[Json]", blocks)[-1])
    control = {"type": "ephemeral"} if lifetime == "5m" else {"type": "ephemeral", "ttl": lifetime}
    for block in (*standing, *said[-2:]):
        block["cache_control"] = control


def _weight(value: Any) -> int:
    """Bytes of what is said in it, about."""
    match value:
        case str():
            return len(value.encode(errors="replace"))
        case {"type": "url"} | Base64():
            return _MEDIA
        case Mapping():
            return sum([_weight(inner) for inner in cast("Mapping[str, Any]", value).values()])
        case list() | tuple():
            return sum([_weight(inner) for inner in cast("Iterable[Any]", value)])
        case _:
            return 1
