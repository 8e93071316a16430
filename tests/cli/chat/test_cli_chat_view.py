"""From events to lines."""

from collections.abc import Iterable
from typing import Any

from retinue.cli.chat._transcript import transcript
from retinue.cli.chat._view import View
from retinue.messages import Image, Message, Text, Thinking, ToolCall, ToolResult
from retinue.messages.events import (
    Event,
    InterruptAnswered,
    InterruptAsked,
    MessageEnded,
    MessageStarted,
    Restarted,
    RunEnded,
    TextAdded,
    ThinkingAdded,
    ThinkingEnded,
    ToolAnswered,
    ToolAsked,
)
from retinue.telemetry.terminal import Look

BARE = Look(live=True, colour=False, emoji=True)
ASCII = Look(live=True, colour=False, emoji=False)
COLOURED = Look(live=True, colour=True, emoji=True)
CALL = ToolCall(id="1", name="add", args={"a": 1, "b": 2})
THREE = ToolResult(call_id="1", name="add", content="3")


class Place:
    """A view, the clock it looks at, and the width of its terminal."""

    def __init__(self, look: Look = BARE) -> None:
        self.now = 100.0
        self.width = 60
        self.view = View(look, lambda: self.width, host="retinue", clock=lambda: self.now)

    def tell(self, *events: Event) -> list[str]:
        return [line for event in events for line in self.view.tell(event)]

    def begin(self, agent: str = "retinue") -> list[str]:
        return self.tell(MessageStarted(message="m", role="assistant", agent=agent))


def said(text: str) -> TextAdded:
    return TextAdded(message="m", offset=0, text=text)


def thought(text: str) -> ThinkingAdded:
    return ThinkingAdded(message="m", offset=0, text=text)


def ended() -> MessageEnded:
    return MessageEnded(message=Message("x"))


def test_the_header_comes_with_the_first_line_below_it() -> None:
    place = Place()
    assert place.begin() == []
    assert place.view.live() == ["", "🦊 retinue"]
    assert place.tell(said("Hello")) == []
    assert place.view.live() == ["", "🦊 retinue", "Hello"]
    assert place.tell(said(" you.\n\nAnd")) == ["", "🦊 retinue", "Hello you."]
    assert place.view.live() == ["", "And"]
    assert place.view.end() == ["", "And"]
    assert place.view.live() == []


def test_nothing_is_finished_of_an_answer_that_never_began() -> None:
    place = Place()
    place.begin()
    assert place.view.end() == []


def test_each_agent_has_a_header_a_face_and_a_colour_of_its_own() -> None:
    place = Place(COLOURED)
    place.begin()
    place.tell(said("I ask."), ended())
    place.begin()
    place.tell(said("Still I."), ended())
    place.begin("critic")
    lines = place.tell(said("No."), ended())
    assert lines[0] == ""
    assert lines[1].endswith("critic\x1b[0m")
    assert not lines[1].startswith("🦊")
    assert lines[2:] == ["No."]
    again = Place(COLOURED)
    again.begin("critic")
    assert again.tell(said("No."), ended())[1] == lines[1]


def test_a_call_is_one_line_while_it_runs_and_one_when_it_is_answered() -> None:
    place = Place()
    place.begin()
    assert place.tell(said("Let me see."), ToolAsked(call=CALL, message="m")) == [
        "",
        "🦊 retinue",
        "Let me see.",
    ]
    place.now += 0.35
    (gap, running) = place.view.live()
    assert gap == ""
    assert running.endswith(" add a=1 b=2  0.3 s")
    assert place.tell(ToolAnswered(result=THREE)) == ["", "  🔧 add a=1 b=2 → 3  (350 ms)"]
    assert place.tell(ToolAnswered(result=THREE)) == []
    assert place.tell(said("It is 3."), ended()) == ["", "It is 3."]


def test_time_counts_from_when_a_tool_really_begins() -> None:
    place = Place()
    place.begin()
    place.tell(ToolAsked(call=CALL))  # told by the tool itself, before the reply
    assert place.tell(ToolAnswered(result=THREE)) == []
    place.tell(ToolAsked(call=CALL, message="m"))
    place.now += 10  # somebody was asked
    place.tell(ToolAsked(call=CALL))
    place.now += 1.25
    assert place.tell(ToolAnswered(result=THREE))[-1].endswith("(1.2 s)")
    place.tell(ToolAsked(call=CALL, message="m"))
    place.now += 125
    assert place.tell(ToolAnswered(result=THREE))[-1].endswith("(2 min 5 s)")


def test_calls_side_by_side_are_lines_side_by_side() -> None:
    place = Place()
    place.begin()
    other = ToolCall(id="2", name="now")
    place.tell(ToolAsked(call=CALL, message="m"), ToolAsked(call=other, message="m"))
    assert len(place.view.live()) == 4
    place.tell(ToolAnswered(result=ToolResult(call_id="2", name="now", content="9:30")))
    (running,) = place.view.live()
    assert "add" in running
    assert place.view.end() == ["  ■ add a=1 b=2  stopped"]
    assert place.view.live() == []


def test_a_failure_is_red_and_has_a_sign_of_its_own() -> None:
    failed = ToolResult(call_id="1", name="add", content="No\nsuch thing", error=True)
    for look, sign in ((BARE, "✗"), (ASCII, "!")):
        place = Place(look)
        place.begin()
        place.tell(ToolAsked(call=CALL, message="m"))
        arrow = look.sign("→", "->")
        line = place.tell(ToolAnswered(result=failed))[-1]
        assert line == f"  {sign} add a=1 b=2 {arrow} No such thing  (<1 ms)"
    place = Place(COLOURED)
    place.begin()
    place.tell(ToolAsked(call=CALL, message="m"))
    assert "\x1b[31m✗ add" in place.tell(ToolAnswered(result=failed))[-1]


def test_a_line_about_a_call_fits_the_terminal() -> None:
    call = ToolCall(id="1", name="search", args={"for": "x" * 300})
    result = ToolResult(call_id="1", name="search", content="漢" * 200)
    for width in (20, 40, 60, 80, 200):
        place = Place()
        place.width = width
        place.begin()
        place.tell(ToolAsked(call=call, message="m"))
        place.view.live()
        line = place.tell(ToolAnswered(result=result))[-1]
        wide = sum([2 if letter in "漢🔧" else 1 for letter in line])
        assert wide <= max(width, len("  🔧 search  …  → …  (<1 ms)") + 2)
        assert "search" in line


def test_an_answer_that_is_no_text_is_named() -> None:
    place = Place()
    place.begin()
    place.tell(ToolAsked(call=CALL, message="m"))
    parts = (Image(data=b"x"), Image(media_type="image/gif", data=b"x"))
    result = ToolResult(call_id="1", name="add", content=parts)
    line = place.tell(ToolAnswered(result=result))[-1]
    assert "→ image/png, image/gif" in line
    place.tell(ToolAsked(call=CALL, message="m"))
    assert place.tell(ToolAnswered(result=ToolResult(call_id="1", name="add"))) == [
        "  🔧 add a=1 b=2  (<1 ms)"
    ]


def test_thoughts_are_dim_and_indented_and_end_where_something_else_begins() -> None:
    place = Place(COLOURED)
    place.begin()
    place.tell(thought("Let me *think*"))
    assert place.view.live()[-1] == "\x1b[2m  Let me think\x1b[0m"
    lines = place.tell(said("Yes."))
    assert lines[2:] == ["\x1b[2m  Let me think\x1b[0m"]
    assert place.view.live() == ["", "Yes."]
    assert place.tell(thought("Or no?")) == ["", "Yes."]
    over = ThinkingEnded(message="m", thinking=Thinking(text="Or no?"))
    assert place.tell(over, over) == ["", "\x1b[2m  Or no?\x1b[0m"]


def test_something_turns_where_nothing_comes_for_a_while() -> None:
    for look, first, second in ((BARE, "⠋", "⠙"), (ASCII, "-", "\\")):
        place = Place(look)
        place.begin()
        place.now = 200.0
        assert place.view.live()[-1] == f"  {first}"
        place.now = 200.15
        assert place.view.live()[-1] == f"  {second}"
        place.tell(said("Words"))
        assert place.view.live()[-1] == "Words"
        place.now = 201.0
        assert place.view.live()[-2] == "Words"


def test_a_question_to_a_person_is_part_of_the_page() -> None:
    place = Place()
    place.begin()
    place.tell(ToolAsked(call=CALL, message="m"))
    about = ("add, which may write, is to be used with", "  a: 1")
    asked = InterruptAsked(interrupt="1", kind="approval", call=CALL, question=about)
    lines = place.tell(asked)
    assert lines == ["", "🦊 retinue", f"  {about[0]}", "    a: 1"]
    answered = InterruptAnswered(interrupt="1", answer="yes")
    assert place.tell(answered) == ["  Use add? yes"]
    assert place.tell(asked)[0] == ""
    place.tell(answered)
    assert place.tell(ToolAnswered(result=THREE))[0] == ""
    assert place.tell(RunEnded()) == []


def test_a_question_that_is_answered_in_a_line_is_part_of_the_page() -> None:
    place = Place()
    place.begin()
    asked = InterruptAsked(interrupt="1", kind="input", question=("Which year?",))
    assert place.tell(asked) == ["", "🦊 retinue", "  Which year?"]
    assert place.tell(InterruptAnswered(interrupt="1", answer="1907")) == ["  ↳ 1907"]


def test_what_is_void_is_told_from_what_takes_its_place() -> None:
    place = Place()
    place.begin()
    void = Restarted(message="m", attempt=2)
    assert place.tell(void) == []
    lines = place.tell(said("Half an ans"), void, said("Whole."), ended())
    assert lines == ["", "🦊 retinue", "Half an ans", "", "  ↻ begun anew", "", "Whole."]


def test_open_lines_follow_the_width_and_finished_ones_do_not() -> None:
    place = Place()
    place.begin()
    done = place.tell(said("one " * 30 + "\n\n" + "word " * 30))
    assert max(len(line) for line in done) == 59
    assert max(len(line) for line in place.view.live()) == 59
    place.width = 30
    assert max(len(line) for line in place.view.live()) == 29
    assert max(len(line) for line in place.tell(said(" word" * 10 + "\n\n"))) == 29


def test_a_transcript_looks_like_what_was_shown() -> None:
    notes = Text(text="Buy milk.", source="file:notes.md")
    messages: Iterable[Any] = [
        Message("Be brief.", role="system"),
        Message(parts=[Text(text="What is\n1+2?", source="user"), notes]),
        Message("Let me see.", CALL, role="assistant", agent="retinue"),
        Message(parts=[THREE], role="tool", agent="retinue"),
        Message("**3**", role="assistant", agent="retinue"),
        Message("Thanks"),
        Message("Of course.", role="assistant", agent="retinue"),
    ]
    assert transcript(messages, BARE, 60, host="retinue") == [
        "\u203a Be brief.",
        "",
        "\u203a What is",
        "  1+2?",
        "  📎 notes.md",
        "",
        "🦊 retinue",
        "Let me see.",
        "",
        "  🔧 add a=1 b=2 → 3",
        "",
        "3",
        "",
        "\u203a Thanks",
        "",
        "🦊 retinue",
        "Of course.",
    ]
