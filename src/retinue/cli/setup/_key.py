"""The question where a key is; the answer is a reference, never the key."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from retinue.settings import Secret, key_places

from ._dialogue import Dialogue


@dataclass(frozen=True, slots=True)
class _Way:
    """One answer."""

    label: str
    take: Callable[[], Secret | None]


def ask_for_key(
    dialogue: Dialogue,
    name: str,
    *,
    variable: str,
    now: Secret | None,
    needed: bool,
) -> Secret | None:
    """The key to `name`; one that was typed is in it, and is not kept anywhere yet.

    Args:
        variable: Where people usually have it.
        now: The one that is used now.
        needed: Whether there is no way without.
    """
    ways: list[_Way] = []
    if now is not None and now.reference:
        ways.append(_Way(f"As it is now: {now.reference}", lambda: now))
    is_set = " (it is set)" if os.environ.get(variable) else ""
    ways.append(
        _Way(f"In an environment variable, like {variable}{is_set}", lambda: _variable(dialogue, variable))
    )
    ways.extend([_Way(_label(place), lambda place=place: _typed(dialogue, place)) for place in key_places(name, os.environ)])
    if not needed:
        ways.append(_Way("It needs none", lambda: None))
    ...
