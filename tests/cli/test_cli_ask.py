"""One question, one answer: pipes, forms of output, limits, histories."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.messages.codecs.events import event_from_json
from retinue.messages.events import MessageEnded, MessageStarted

type Retinue = Callable[..., Any]
type Script = Callable[..., str]

CALL = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "6*7"}}}


def test_a_question_is_answered_without_any_setting(retinue: Retinue) -> None:
    said = retinue("-p", "what is 6*7?")
    assert (said.code, said.err) == (0, "")
    assert "42" in said.out
    assert "no language model" in said.out


def test_an_argument_with_a_space_is_a_question(retinue: Retinue, script: Script) -> None:
    assert retinue("how are you?", "-m", script("Fine.")).out == "Fine.\n"


def test_the_answer_ends_with_one_line_end(retinue: Retinue, script: Script) -> None:
    model = script(["Let me see.\n", CALL], "It is\n\n42.\n\n\n")
    assert retinue("-p", "hi", "-m", model).out == "Let me see.\n\nIt is\n\n42.\n"


def test_what_is_piped_in_alone_is_the_question(retinue: Retinue) -> None:
    assert "42" in retinue(stdin="what is 6*7?\n").out
    assert "42" in retinue("-p", stdin="what is 6*7?\n").out


def test_what_is_piped_in_beside_a_question_is_a_document(retinue: Retinue) -> None:
    said = retinue("-p", "When is the meeting?", stdin="The meeting is at ten.\nBring cake.\n")
    assert said.code == 0
    assert "The meeting is at ten." in said.out
    assert "cake" not in said.out


def test_a_byte_order_mark_is_not_part_of_the_question(retinue: Retinue) -> None:
    assert "42" in retinue(stdin=b"\xef\xbb\xbfwhat is 6*7?").out


@pytest.mark.parametrize("stdin", [None, "", " \n\t\n"])
def test_nothing_asked_is_a_mistake(retinue: Retinue, stdin: str | None) -> None:
    said = retinue(stdin=stdin)
    assert (said.code, said.out) == (2, "")
    assert "nothing was asked" in said.err
    assert 'To ask: retinue -p "your question"' in said.err


def test_an_empty_pipe_beside_a_question_is_no_matter(retinue: Retinue, script: Script) -> None:
    assert retinue("-p", "hi", "-m", script("Hello."), stdin=" \n").out == "Hello.\n"


@pytest.mark.parametrize(
    ("stdin", "complaint", "encoding"),
    [
        (b"fine\nnot \xff fine", "byte 0xff in line 2, at offset 9", "latin1"),
        ("wide".encode("utf-16"), "byte 0xff in line 1, at offset 0", "utf-16"),
    ],
)
def test_what_is_no_utf_8_is_refused_with_its_place(
    retinue: Retinue, home: Path, stdin: bytes, complaint: str, encoding: str
) -> None:
    said = retinue("-p", "hi", "--history", "chat.md", stdin=stdin)
    assert (said.code, said.out) == (1, "")
    assert complaint in said.err
    assert f"iconv -f {encoding}" in said.err
    assert said.err.count("\n") == 1
    assert not (home / "chat.md").exists()


def test_a_pipe_of_20_mb_is_refused(retinue: Retinue) -> None:
    said = retinue("-p", "hi", stdin=b"word " * 4_000_000)
    assert (said.code, said.out) == (1, "")
    assert "More than 10 MB came in on standard input" in said.err


def test_a_large_document_is_accepted(retinue: Retinue, script: Script) -> None:
    assert retinue("-p", "hi", "-m", script("Read."), stdin=b"word " * 2_000_000).out == "Read.\n"


def test_json_is_one_object_with_everything(retinue: Retinue, script: Script) -> None:
    model = script(
        ["Let me see.", CALL],
        {"lines": "It is 42.", "usage": {"input": 9, "output": 3}},
    )
    said = retinue("-p", "hi", "-m", model, "-o", "json", "--name", "Ada")
    assert (said.code, said.err) == (0, "")
    assert said.out.count("\n") == 1
    answer = json.loads(said.out)
    roles = [message["role"] for message in answer["messages"]]
    assert roles == ["assistant", "tool", "assistant"]
    assert {name: answer[name] for name in answer if name != "messages"} == {
        "v": 1,
        "text": "Let me see.\n\nIt is 42.",
        "stop_reason": "done",
        "usage": {"input": 9, "output": 3},
        "tokens": None,
        "cost": {"dollars": "0", "table": "local", "estimate": True},
        "agent": "Ada",
        "model": model,
        "error": None,
    }


def test_json_of_the_demo_says_what_it_is(retinue: Retinue) -> None:
    answer = json.loads(retinue("-p", "what is 6*7?", "-o", "json").out)
    assert answer["model"] == "demo"
    assert "no language model" in answer["note"]
    assert "no language model" in retinue("-p", "what is 6*7?", "-o", "stream-json").out


def test_stream_json_tells_all_that_happens_in_order(retinue: Retinue, script: Script) -> None:
    model = script(
        [{"thinking": "Hm."}, CALL], {"lines": "It is 42.", "usage": {"input": 9, "output": 3}}
    )
    said = retinue("-p", "hi", "-m", model, "-o", "stream-json")
    assert (said.code, said.err) == (0, "")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert {line["v"] for line in lines} == {1}
    assert {line["agent"] for line in lines} == {"retinue"}
    assert all(line["at"].endswith("Z") for line in lines)
    events = [line for line in lines if not line["type"].endswith("_added")]
    assert [line["seq"] for line in events] == list(range(1, len(events) + 1))
    assert [line["type"] for line in events] == [
        "run_started",
        "message_started",
        "thinking_ended",
        "tool_asked",
        "message_ended",
        "message_started",
        "tool_answered",
        "message_ended",
        "message_started",
        "model_answered",
        "message_ended",
        "run_ended",
    ]
    assert events[0]["model"] == model
    added = [line for line in lines if line["type"] == "text_added"]
    assert "".join([line["text"] for line in added]) == "It is 42."
    assert [line["offset"] for line in added] == [0, 2, 5]
    assert {line["seq"] for line in added} == {9}  # pieces are no events: they follow one
    asked = next(line["call"] for line in lines if line["type"] == "tool_asked")
    assert (asked["name"], asked["args"]) == ("calculator", {"expression": "6*7"})
    answered = next(line["result"] for line in lines if line["type"] == "tool_answered")
    assert (answered["content"], answered["error"]) == ("42", False)
    assert events[-1]["reason"] == "done"


def test_stream_json_reads_back_as_events(retinue: Retinue, script: Script) -> None:
    said = retinue("-p", "hi", "-m", script([CALL], "It is 42."), "-o", "stream-json")
    events = [event_from_json(line) for line in said.out.splitlines()]
    whole = [event.message for event in events if isinstance(event, MessageEnded)]
    assert [message.role for message in whole] == ["assistant", "tool", "assistant"]
    began = [event.message for event in events if isinstance(event, MessageStarted)]
    assert began == [message.id for message in whole]


def test_an_error_is_in_the_json_as_well_as_beside_it(retinue: Retinue) -> None:
    said = retinue("-p", "hi", "-o", "json", DEFAULT_MODEL="nonsense")
    assert said.code == 2
    assert said.err.startswith("retinue: No model 'nonsense' (chosen by DEFAULT_MODEL). ")
    answer = json.loads(said.out)
    assert (answer["error"]["type"], answer["stop_reason"]) == ("UnknownModel", "failed")
    assert "demo" in answer["error"]["hint"]
    assert (answer["text"], answer["messages"], answer["agent"]) == ("", [], None)


def test_an_error_is_an_event_of_the_stream(retinue: Retinue) -> None:
    said = retinue("-p", "hi", "-o", "stream-json", "-m", "nonsense")
    assert said.code == 2
    raised, ended = (json.loads(line) for line in said.out.splitlines())
    assert (raised["type"], raised["error"], raised["seq"]) == ("error_raised", "UnknownModel", 1)
    assert "demo" in raised["hint"]
    assert (ended["type"], ended["reason"], ended["seq"]) == ("run_ended", "failed", 2)


@pytest.mark.parametrize("name", ["nonsense", "dmeo", "lab"])
def test_an_unknown_model_is_one_line_with_what_there_is(retinue: Retinue, name: str) -> None:
    said = retinue("-p", "hi", "--model", name)
    assert (said.code, said.out) == (2, "")
    assert f"No model '{name}' (chosen by --model)" in said.err
    assert "--model demo" in said.err
    assert said.err.count("\n") == 1


def test_an_unknown_tool_is_one_line_with_what_there_is(retinue: Retinue) -> None:
    said = retinue("-p", "hi", "--tools", "clok")
    assert (said.code, said.out) == (2, "")
    assert "clock" in said.err


def test_what_goes_wrong_in_the_model_is_one_line(retinue: Retinue, script: Script) -> None:
    model = script([{"error": "ModelUnauthorized", "message": "no key", "hint": "Bring one."}])
    said = retinue("-p", "hi", "-m", model)
    assert (said.code, said.out, said.err) == (1, "", "retinue: no key. Bring one.\n")


def test_what_came_of_a_broken_answer_stays_on_a_line_of_its_own(
    retinue: Retinue, script: Script
) -> None:
    said = retinue("-p", "hi", "-m", script(["Half an ans", {"disconnect": "gone"}]))
    assert (said.code, said.out) == (1, "Half an ans\n")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("replies", "arguments", "reason"),
    [
        ([[CALL]] * 2, ["--max-steps", "1"], "max_steps"),
        ([{"lines": "Cut", "stop": "max_tokens"}], [], "max_tokens"),
        ([{"lines": "", "stop": "context_full"}], [], "context_full"),
        ([[CALL]] * 5, [], "no_progress"),
        ([{"lines": ["Never", {"silence": None}]}], ["--timeout", "0.3"], "expired"),
    ],
)
def test_a_limit_ends_the_answer_with_4(
    retinue: Retinue, script: Script, replies: list[Any], arguments: list[str], reason: str
) -> None:
    model = script(*replies)
    said = retinue("-p", "hi", "-m", model, "-o", "json", *arguments)
    assert said.code == 4
    assert json.loads(said.out)["stop_reason"] == reason
    assert said.err.count("\n") == 1


def test_a_refusal_is_a_failure(retinue: Retinue, script: Script) -> None:
    said = retinue("-p", "hi", "-m", script({"lines": "No.", "stop": "refused"}))
    assert (said.code, said.out) == (1, "No.\n")
    assert said.err == "retinue: The model refused. Ask in another way, or another --model.\n"


def test_v_tells_what_happens_to_a_machine(retinue: Retinue, script: Script) -> None:
    model = script([CALL], {"lines": "Hello.", "usage": {"input": 9, "output": 3}})
    said = retinue("-p", "hi", "-m", model, "-vv")
    assert (said.code, said.out) == (0, "Hello.\n")
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert [line["event"] for line in lines] == [
        "asked",
        "tool asked",
        "tool used",
        "model answered",
        "answered",
        "run left",
    ]
    assert lines[-2]["stop"] == "done"
    quiet = retinue("-p", "hi", "-m", script("Hello."), "-v", RETINUE_LOG="text")
    assert quiet.err.startswith("- asked  agent=retinue model=scripted:script.json messages=1\n")


def test_the_log_level_of_the_environment_is_heeded(retinue: Retinue, script: Script) -> None:
    model = script("Hello.")
    assert '"asked"' in retinue("-p", "hi", "-m", model, LOG_LEVEL="INFO").err
    assert '"asked"' in retinue("-p", "hi", "-m", model, APP_DEBUG="true").err
    assert retinue("-p", "hi", "-m", model, LOG_LEVEL="ERROR").err == ""


def test_a_misspelt_variable_is_told(retinue: Retinue, script: Script) -> None:
    said = retinue("-p", "hi", "-m", script("Hello."), RETINUE_MODLE="demo")
    assert said.code == 0
    assert said.err == "retinue: RETINUE_MODLE is no variable of mine. See: retinue config\n"


def test_no_secret_is_shown_in_an_error(retinue: Retinue, script: Script) -> None:
    model = script([{"error": "ModelUnauthorized", "message": "bad key sk-0123456789abcdef"}])
    said = retinue("-p", "hi", "-m", model, "-o", "json", OPENAI_API_KEY="sk-0123456789abcdef")
    assert said.code == 1
    assert "sk-…cdef" in said.err
    assert "0123456789" not in said.err + said.out


def test_help_and_version_go_to_standard_output(retinue: Retinue) -> None:
    said = retinue("--version")
    assert (said.code, said.out.split()[0], said.err) == (0, "retinue", "")
    said = retinue("--help")
    assert (said.code, said.err) == (0, "")
    assert "Exit codes" in said.out


class TestHistory:
    def test_a_conversation_goes_on(self, retinue: Retinue, home: Path, script: Script) -> None:
        for question, reply in (("My name is Ada.", "Hello, Ada."), ("And now?", "Still Ada.")):
            said = retinue("-p", question, "-m", script(reply), "--history", "chat.md")
            assert (said.code, said.out) == (0, f"{reply}\n")
        stored = (home / "chat.md").read_text()
        places = [
            stored.index(text)
            for text in ("My name is Ada.", "Hello, Ada.", "And now?", "Still Ada.")
        ]
        assert places == sorted(places)

    def test_what_was_said_before_is_known(self, retinue: Retinue) -> None:
        retinue("-p", "The code word is heron.", "--history", "chat.md")
        assert "heron" in retinue("-p", "What is the code word?", "--history", "chat.md").out

    def test_a_turn_with_tools_and_a_document_can_be_gone_on_with(
        self, retinue: Retinue, script: Script
    ) -> None:
        options = ("-m", script([CALL], "It is 42."), "--history", "chat.md")
        assert retinue("-p", "hi", *options, stdin="a\n====\nb </document>\n").code == 0
        said = retinue("-p", "go on", "-m", script("On."), "--history", "chat.md", "-o", "json")
        assert (said.code, json.loads(said.out)["text"]) == (0, "On.")

    @pytest.mark.parametrize(
        ("reply", "arguments", "code"),
        [
            (["Half an ans", {"error": "ModelUnreachable", "message": "gone"}], [], 1),
            (["Half an ans", {"cut": True}], [], 1),
            (["Half an ans", {"silence": None}], ["--timeout", "0.3"], 4),
        ],
    )
    def test_half_an_answer_is_not_stored(
        self,
        retinue: Retinue,
        home: Path,
        script: Script,
        reply: Any,
        arguments: list[str],
        code: int,
    ) -> None:
        retinue("-p", "first", "-m", script("Whole."), "--history", "chat.md")
        before = (home / "chat.md").read_bytes()
        said = retinue("-p", "hi", "-m", script(reply), "--history", "chat.md", *arguments)
        assert said.code == code
        assert (home / "chat.md").read_bytes() == before

    @pytest.mark.parametrize(
        ("path", "code", "complaint", "hint"),
        [
            (".", 2, ". is a folder", "CHAT.md"),
            ("no/chat.md", 2, "There is no folder no", "mkdir -p no"),
        ],
    )
    def test_a_place_that_cannot_be_is_said_before_anything_is_asked(
        self, retinue: Retinue, script: Script, path: str, code: int, complaint: str, hint: str
    ) -> None:
        said = retinue("-p", "hi", "-m", script("Hello."), "--history", path)
        assert (said.code, said.out) == (code, "")
        assert complaint in said.err
        assert hint in said.err
        assert said.err.count("\n") == 1

    @pytest.mark.skipif(not Path("/proc/sys/kernel/osrelease").exists(), reason="Linux has it")
    def test_a_file_that_is_only_to_be_read_is_said_before_anything_is_asked(
        self, retinue: Retinue, script: Script
    ) -> None:
        path = "/proc/sys/kernel/osrelease"  # read-only for root, too
        said = retinue("-p", "hi", "-m", script("Hello."), "--history", path)
        assert (said.code, said.out) == (1, "")
        assert f"The history {path} cannot be written: Permission denied" in said.err
        assert "Nothing was asked" in said.err

    def test_a_pipe_is_no_history_and_nobody_waits_for_it(
        self, retinue: Retinue, home: Path, script: Script
    ) -> None:
        os.mkfifo(home / "pipe")
        said = retinue("-p", "hi", "-m", script("Hello."), "--history", "pipe")
        assert (said.code, said.out) == (1, "")
        assert "The history pipe cannot be written" in said.err

    def test_a_file_that_is_no_history_is_left_alone(self, retinue: Retinue, home: Path) -> None:
        (home / "chat.md").write_bytes(b"\xff\xfe")
        said = retinue("-p", "hi", "--history", "chat.md")
        assert (said.code, said.out) == (1, "")
        assert "chat.md" in said.err
        assert said.err.count("\n") == 1
        assert (home / "chat.md").read_bytes() == b"\xff\xfe"
