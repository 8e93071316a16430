"""What each form of output makes of a message that begins anew."""

import io
import json
from collections.abc import Sequence

from retinue.cli._screen import Screen
from retinue.cli.output import open_output
from retinue.messages import Message
from retinue.messages.events import (
    Event,
    MessageEnded,
    MessageStarted,
    Restarted,
    RunEnded,
    TextAdded,
)
from retinue.telemetry.terminal import Look

KEEPS = True

PLAIN = Look(live=False, colour=False, emoji=False)


def events(*before: str) -> Sequence[Event]:
    """Messages that are whole, then one that broke off and begins anew."""
    found: list[Event] = []
    for n, text in enumerate(before):
        found += [
            MessageStarted(message=f"{n}", role="assistant"),
            TextAdded(message=f"{n}", offset=0, text=text),
            MessageEnded(message=Message(text, role="assistant")),
        ]
    return [
        *found,
        MessageStarted(message="m", role="assistant"),
        TextAdded(message="m", offset=0, text="Half an ans"),
        Restarted(message="m", attempt=2),
        TextAdded(message="m", offset=0, text="Whole."),
        MessageEnded(message=Message("Whole.", role="assistant")),
        RunEnded(),
    ]


async def test_a_text_cannot_take_back_what_was_read() -> None:
    assert said("text", events()) == "Half an ans\n\nWhole.\n"


def test_an_object_holds_only_what_counts() -> None:
    assert json.loads(said("json", events()))["text"] == "Whole."
    assert json.loads(said("json", events("First.")))["text"] == "First.\n\nWhole."


def test_a_stream_says_that_it_is_void() -> None:
    lines = [json.loads(line) for line in said("stream-json", events()).splitlines()]
    (void,) = [line for line in lines if line["type"] == "restarted"]
    assert (void["message"], void["attempt"]) == ("m", 2)


def said(form: str, events: Sequence[Event]) -> str:
    out = io.StringIO()
    screen = Screen(out, None, look=PLAIN, err_look=PLAIN, program="retinue", debug=False)
    output = open_output(form, screen)
    for event in events:
        output.tell(event)
    return out.getvalue()
