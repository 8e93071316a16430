"""A server on this machine that stands in for vendors of models, and does what a script says.

    async with MockLLM() as mock:
        mock.script("m1", Answer([Thinking(text="Hm."), "Hel", Disconnect()]), Refusal(429), "Hi")
        model = find_model("compatible:m1", base_url=f"{mock.url}/v1")

Answers and their faults are in `_answers.py`, the vendors' protocols in a file each.
"""

from retinue.models.scripted import Cut, Silence, WrittenCall

from ._answers import (
    Answer,
    Disconnect,
    ErrorEvent,
    Event,
    Fault,
    Line,
    Loris,
    Malformed,
    NoAnswer,
    Refusal,
    Reply,
)
from ._fields import Fields, Unfit
from ._file import load_script
from ._requests import Request
from ._server import MockLLM
from ._wire import Asked, Lookup, Shelf, Wire, Writer
from .anthropic import Anthropic
from .chat import Chat
from .gemini import Gemini
from .ollama import Ollama
from .responses import Responses

__all__ = [
    "Answer",
    "Anthropic",
    "Asked",
    "Chat",
    "Cut",
    "Disconnect",
    "ErrorEvent",
    "Event",
    "Fault",
    "Fields",
    "Gemini",
    "Line",
    "Lookup",
    "Loris",
    "Malformed",
    "MockLLM",
    "NoAnswer",
    "Ollama",
    "Refusal",
    "Reply",
    "Request",
    "Responses",
    "Shelf",
    "Silence",
    "Unfit",
    "Wire",
    "Writer",
    "WrittenCall",
    "load_script",
]
