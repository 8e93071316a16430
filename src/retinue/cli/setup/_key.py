"""The question where a key is; what goes into the settings is a reference, never the key."""

import os
import re
from collections.abc import Callable
from functools import partial
from typing import Final

from retinue.settings import Secret
from retinue.settings.keeping import key_places

from ._dialogue import Dialogue

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_LABELS: Final = {
    "keyring": "I type it now; it is kept in the keyring",
    "file": "I type it now; it is kept in a file that only I can read",
}


def ask_for_key(
    dialogue: Dialogue, name: str, *, variable: str, now: Secret | None, without: str | None
) -> Secret | None:
    """The key to `name`; one that was typed is held by the answer, and kept nowhere yet.

    Args:
        variable: Where people usually have it.
        now: The one that is used now.
        without: What it means to have none; None: there is no way without.
    """
    ways: list[tuple[str, Callable[[], Secret | None]]] = [
        ("In an environment variable", lambda: _variable(dialogue, variable))
    ]
    for place in key_places(name, os.environ):
        ways.append((_LABELS[place.partition(":")[0]], partial(_typed, dialogue, place)))
    if without is not None:
        ways.append((without, lambda: None))
    default = 0 if without is None else len(ways) - 1
    if now is not None and now.reference:
        ways.insert(0, (f"The one that is used now: {now.reference}", lambda: now))
        default = 0
    dialogue.say("\nWhere is the key to it?", "bold")
    return ways[dialogue.number([label for label, _ in ways], default=default)][1]()


def _typed(dialogue: Dialogue, place: str) -> Secret:
    key = Secret(place, dialogue.hidden("The key"))
    dialogue.hide(key.reveal(), str(key))
    return key


def _variable(dialogue: Dialogue, usual: str) -> Secret:
    def read(text: str) -> str:
        # A key that is put here by mistake should go no further.
        if text not in os.environ and not _VARIABLE.fullmatch(text):
            raise ValueError
        return text

    expects = f"the name of a variable, like {usual}"
    name = dialogue.line("Which one?", read, default=usual, expects=expects)
    key = Secret(f"env:{name}").resolved(os.environ)
    if key.value is None:
        dialogue.say(f"  {name} is not set here, so the trial will not work.", "yellow")
    else:
        dialogue.hide(key.value, str(key))
    return key
