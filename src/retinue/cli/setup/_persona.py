"""The questions who the assistant should be."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from retinue.settings import PERSONA, Persona, Settings

from ._dialogue import Dialogue

_ASKED: Final = {
    "name": "What is it called?",
    "tone": "In which tone does it speak?",
    "language": "In which language?",
}


def ask_for_persona(
    dialogue: Dialogue, settings: Settings, standing: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What to change in the settings; nothing where every question was left alone.

    Args:
        standing: What stands in the file now, as it is written.
    """
    now = asdict(settings.persona or Persona())
    dialogue.say("\nWho should it be? Enter leaves it as it is.", "bold")
    said = {
        key: dialogue.line(
            question, _reader(key), default=now[key] or "", expects=PERSONA[key].expects
        )
        for key, question in _ASKED.items()
    }
    news = {key: value for key, value in said.items() if value and value != now[key]}
    if not news:
        return {}
    # A name beside the table would win over the one in it.
    beside = {"name": None} if "name" in news else {}
    if not isinstance(standing.get("persona"), dict):  # a table takes the place of a file's path
        news = {key: value for key, value in (now | news).items() if value}
    return {"persona": news, **beside}


def _reader(key: str) -> Callable[[str], str]:
    return lambda text: PERSONA[key].of_text(text) if text else ""
