"""The questions about a vendor's model: whether its package is here, where the key is, its name."""

import os
from collections.abc import Iterator
from importlib import invalidate_caches
from typing import Final, NamedTuple

from retinue.models import PROVIDERS
from retinue.settings import Settings

from ._choice import Choice
from ._dialogue import Dialogue
from ._key import ask_for_key

A_MODEL: Final = "the name of a model, as it is called there"


class _Vendor(NamedTuple):
    """How a vendor is spoken of.

    Args:
        label: To people.
        owner: Whose key it takes; the setting is called so, and the file in which it is kept.
        without: What it means to have no key; None: there is no way without.
    """

    label: str
    owner: str
    without: str | None = None


_VENDORS: Final = {
    "openai": _Vendor("OpenAI", "openai"),
    "anthropic": _Vendor("Anthropic", "anthropic"),
    "gemini": _Vendor("Google Gemini", "gemini"),
    "claude_agent": _Vendor("Claude Agent", "anthropic", "None: my login in Claude Code counts"),
}


def vendors() -> Iterator[tuple[str, str]]:
    """Who can be chosen, and how they are shown: first those to whom there is a key.

    Claude Code is for those who have its package; nobody installs it for this.
    """
    there = [name for name in _VENDORS if name != "claude_agent" or PROVIDERS[name].is_installed]
    for name in sorted(there, key=lambda name: not _variables(name)):
        facts = [f"there is a key in {variable}" for variable in _variables(name)[:1]]
        facts += ["needs a package"] if PROVIDERS[name].missing else []
        yield name, f"{_VENDORS[name].label}{f' ({", ".join(facts)})' if facts else ''}"


def ask_for_vendors_model(dialogue: Dialogue, settings: Settings, name: str) -> Choice | None:
    """A model of that vendor; None where the person would rather have another one's."""
    provider, vendor = PROVIDERS[name], _VENDORS[name]
    if not _is_ready(dialogue, name):
        return None
    setting = f"{vendor.owner}_api_key"
    key = ask_for_key(
        dialogue,
        vendor.owner,
        variable=(*_variables(name), provider.keys[-1])[0],
        now=getattr(settings, setting),
        without=vendor.without,
    )
    start = f"{name}:"
    usual = settings.model if settings.model.startswith(start) else provider.usual or ""
    model = dialogue.line("Which model?", word, default=usual.removeprefix(start), expects=A_MODEL)
    return Choice(model=f"{start}{model.removeprefix(start)}", setting=setting, api_key=key)


def word(text: str) -> str:
    """One word.

    Raises:
        ValueError: It is none, or more than one.
    """
    if not text or any(letter.isspace() for letter in text):
        raise ValueError
    return text


def _variables(name: str) -> list[str]:
    """Those of its customary variables that hold a key."""
    return [variable for variable in PROVIDERS[name].keys if os.environ.get(variable)]


def _is_ready(dialogue: Dialogue, name: str) -> bool:
    """Whether to go on: its package is here, or will be."""
    while command := PROVIDERS[name].missing:
        dialogue.say(f"\n{_VENDORS[name].label} needs a package. In another terminal:", "yellow")
        dialogue.say(f"  {command}")
        match dialogue.letter("[T]ry again, [c]hoose another, [g]o on without it", "tcg"):
            case "t":
                invalidate_caches()  # it has come since we looked
            case letter:
                return letter == "g"
    return True
