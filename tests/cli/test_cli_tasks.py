"""`retinue tasks`: what runs in the background is seen, followed, stopped, retried, answered."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue import Turn, agent
from retinue.app.retinue import Retinue
from retinue.cli._cast import version_of
from retinue.cli._exits import CLOSED
from retinue.messages import Message
from retinue.steps import ask
from retinue.storage import Order, RunRecord

from ._kept import PATIENCE, in_store, left, until, words

KEEPS = True

type Command = Callable[..., Any]
type Script = Callable[..., str]

SLOW = [{"lines": ["Once", " upon", {"silence": None}]}]


@agent
async def clerk(turn: Turn) -> None:
    question = {"text": "Which city?", "schema": {"type": "string", "enum": ["Turku", "Oslo"]}}
    turn.reply(f"To {await ask(question, turn.agent.inquire)}.")


@agent
async def twice(turn: Turn) -> None:
    one = turn.start(ask("First?", turn.agent.inquire))
    other = turn.start(ask("Second?", turn.agent.inquire))
    turn.reply(f"{await one} {await other}")


@agent
async def broken(turn: Turn) -> None:
    raise ValueError("It broke")


class TestList:
    def test_each_says_where_it_stands_and_what_it_waits_for(
        self, inside: Command, home: Path
    ) -> None:
        clerks, twices, failed = left(home, clerk, twice, broken, questions=3)
        said = inside("tasks")
        assert said.code == 0
        assert said.err == "retinue: to answer: retinue inbox\n"
        lines = words(said.out.splitlines())
        assert lines[0] == [failed[:10], "failed", "now", "broken", "Do", "it,", "broken"]
        assert lines[1] == [twices[:10], "asks", "now", "twice", "Do", "it,", "twice"]
        assert {lines[2][0], lines[3][0]} == {"First?", "Second?"}
        assert lines[4][:4] == [clerks[:10], "asks", "now", "clerk"]
        assert lines[5][:2] == ["Which", "city?"]
        assert len(lines) == 6

    def test_a_script_gets_all_there_is_to_know(self, inside: Command, home: Path) -> None:
        (id,) = left(home, clerk, questions=1)
        (task,) = json.loads(inside("tasks", "--json").out)["tasks"]
        assert (task["id"], task["agent"], task["status"]) == (id, "clerk", "waiting")
        assert (task["asked"], task["reason"]) == ("Do it, clerk", None)
        (question,) = task["questions"]
        assert question["question"]["text"] == "Which city?"

    def test_that_there_is_none_is_said(self, inside: Command) -> None:
        said = inside("tasks")
        assert (said.code, said.out) == (0, "")
        assert said.err == (
            'retinue: there are no tasks. To start one: retinue run AGENT "task" --background\n'
        )

    def test_that_there_are_more_is_said(self, inside: Command, home: Path) -> None:
        left(home, broken, clerk, questions=1)
        said = inside("tasks", "--limit", "1")
        assert said.err.endswith("retinue: there are more: retinue tasks --limit 2\n")


class TestFollow:
    def test_it_is_told_from_the_beginning_as_it_comes(
        self, retinue: Command, inside: Command, start: Command, script: Script, home: Path
    ) -> None:
        id = task(retinue, script, *SLOW)
        with start("tasks", "follow", id) as process:
            assert read(process, 9) == b"Once upon"
            inside("tasks", "stop", id)
            out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (130, b"\n")
        assert err == b"retinue: It was stopped from somewhere else. Ask again.\n"
        again = retinue("tasks", "follow", id)
        assert again.code == 130

    @pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
    def test_ctrl_c_leaves_it_running(
        self, retinue: Command, inside: Command, start: Command, script: Script, home: Path
    ) -> None:
        id = task(retinue, script, *SLOW)
        with start("tasks", "follow", id) as process:
            read(process, 9)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert err.decode() == (
            f"retinue: it goes on. To see the rest: retinue tasks follow {id}\n"
        )
        assert record(home, id).status == "running"
        assert inside("tasks", "stop", id).code == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
    def test_what_a_killed_process_had_is_gone_on_with(
        self, retinue: Command, start: Command, script: Script, home: Path
    ) -> None:
        model = script(*SLOW)
        id = in_store(home, lambda retinue: ordered(retinue, model))
        with start("worker") as process:
            wait_for(home, id, "running")
            process.kill()
            process.communicate(timeout=PATIENCE)
        script("Anew.")
        said = retinue("tasks", "follow", id, "-o", "json")
        assert json.loads(said.out)["messages"][0]["parts"][0]["text"] == "Anew."
        assert record(home, id).reason == "done"

    @pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
    def test_what_a_killed_command_had_asked_goes_on_in_its_conversation(
        self, start: Command, script: Script, home: Path
    ) -> None:
        with start("-p", "Say it", "-m", script(*SLOW)) as process:
            read(process, 9)
            process.kill()
            process.communicate(timeout=PATIENCE)
        (run,) = in_store(home, all_runs)
        with start("tasks", "follow", run.id) as process:
            hint = process.stderr.readline().decode()
            process.kill()
            process.communicate(timeout=PATIENCE)
        assert hint == f"retinue: it goes on in its conversation: retinue -r {run.conversation}\n"

    def test_programs_get_lines(self, retinue: Command, inside: Command, script: Script) -> None:
        id = task(retinue, script, "Said.")
        said = retinue("tasks", "follow", id, "-o", "stream-json")
        lines = [json.loads(line) for line in said.out.splitlines()]
        assert [line["type"] for line in lines if line["type"] != "text_added"] == [
            "run_started",
            "message_started",
            "message_ended",
            "run_ended",
        ]
        assert lines[0]["run"] == id
        assert "".join([one["text"] for one in lines if one["type"] == "text_added"]) == "Said."
        assert json.loads(retinue("tasks", "follow", id, "-o", "json").out)["text"] == "Said."

    def test_what_it_failed_with_is_said(
        self, retinue: Command, inside: Command, script: Script
    ) -> None:
        id = task(retinue, script)
        said = retinue("tasks", "follow", id, "-o", "json")
        assert said.code == 1
        assert json.loads(said.out)["stop_reason"] == "failed"
        assert json.loads(said.out)["error"]["message"] in said.err

    def test_what_it_asks_is_shown_with_how_to_answer(
        self, retinue: Command, start: Command, home: Path
    ) -> None:
        (id,) = left(home, clerk, questions=1)
        with start("tasks", "follow", id) as process:
            assert process.stderr.readline() == b"Which city?\n"
            hint = process.stderr.readline().decode()
            process.kill()
            process.communicate(timeout=PATIENCE)
        assert hint.startswith("retinue: to answer: retinue inbox answer ")
        assert hint.endswith(" Turku | Oslo\n")

    def test_a_reader_that_goes_ends_it_quietly(
        self, retinue: Command, start: Command, script: Script
    ) -> None:
        id = task(retinue, script, "word " * 50_000)
        with start("tasks", "follow", id) as process:
            read(process, 5)
            process.stdout.close()
            assert process.wait(PATIENCE) == CLOSED
            assert process.stderr.read() == b""


class TestStop:
    def test_it_waits_until_it_is_stopped(
        self, retinue: Command, inside: Command, script: Script, home: Path
    ) -> None:
        id = task(retinue, script, *SLOW)
        wait_for(home, id, "running")
        said = inside("tasks", "stop", id[:14])
        assert (said.code, said.out) == (0, "Stopped. What it had finished is kept.\n")
        assert record(home, id).reason == "stopped"
        said = inside("tasks", "stop", id)
        assert (said.code, said.out) == (0, "")
        assert said.err == f"retinue: {id} is over already: stopped\n"

    def test_one_that_waits_is_over_at_once(self, inside: Command, home: Path) -> None:
        (id,) = left(home, clerk, questions=1)
        assert inside("tasks", "stop", id).out.startswith("Stopped.")
        assert inside("inbox").out == ""

    @pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
    def test_one_whose_process_was_killed_is_stopped_by_another(
        self, retinue: Command, start: Command, script: Script, home: Path
    ) -> None:
        model = script(*SLOW)
        id = in_store(home, lambda retinue: ordered(retinue, model))
        with start("worker") as process:
            wait_for(home, id, "running")
            process.kill()
            process.communicate(timeout=PATIENCE)
        assert retinue("tasks", "stop", id).out.startswith("Stopped.")

    @pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
    def test_what_a_killed_command_had_asked_is_stopped_too(
        self, retinue: Command, start: Command, script: Script, home: Path
    ) -> None:
        with start("-p", "Say it", "-m", script(*SLOW)) as process:
            read(process, 9)
            process.kill()
            process.communicate(timeout=PATIENCE)
        (run,) = in_store(home, all_runs)
        assert (run.status, run.background) == ("running", False)
        assert retinue("tasks", "stop", run.id).out.startswith("Stopped.")


class TestRetry:
    def test_the_same_is_asked_again(
        self, retinue: Command, inside: Command, script: Script, home: Path
    ) -> None:
        old = task(retinue, script)
        wait_for(home, old, "ended")
        script("Better.")
        said = retinue("tasks", "retry", old)
        new = said.out.strip()
        assert (said.code, new != old) == (0, True)
        assert said.err == (
            f"retinue: it is asked again. To follow it: retinue tasks follow {new}\n"
        )
        assert retinue("tasks", "follow", new).out == "Better.\n"
        assert record(home, new).version == record(home, old).version
        shown = inside("conversations", "show", record(home, new).conversation).out
        assert shown.count("Say it") == 3  # the title, and both times

    def test_only_its_own_question_is_asked(
        self, retinue: Command, script: Script, home: Path
    ) -> None:
        model = script("One.", "Two.")
        first = retinue("run", "retinue", "First", "--background", "-m", model).out.strip()
        wait_for(home, first, "ended")
        again = ["-r", record(home, first).conversation, "-m", model]
        second = retinue("run", "retinue", "Second", "--background", *again).out.strip()
        wait_for(home, second, "ended")
        third = retinue("tasks", "retry", second).out.strip()
        wait_for(home, third, "ended")
        said = in_store(home, lambda retinue: transcript(retinue, third))
        assert [one.text for one in said if one.role == "user"] == ["First", "Second", "Second"]
        assert len({one.id for one in said}) == len(said)

    def test_what_is_not_over_is_not_asked_again(self, inside: Command, home: Path) -> None:
        (id,) = left(home, clerk, questions=1)
        said = inside("tasks", "retry", id)
        assert (said.code, said.out) == (1, "")
        assert said.err == (f"retinue: {id} is not over. Stop it first: retinue tasks stop {id}\n")


class TestAnswer:
    def test_the_only_question_is_answered(self, retinue: Command, home: Path) -> None:
        (id,) = left(home, clerk, questions=1)
        said = retinue("tasks", "answer", id, "Paris")
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            "retinue: That does not answer the question: the value must be one of "
            "'Turku', 'Oslo'. It takes Turku, Oslo.\n"
        )
        said = retinue("tasks", "answer", id, "Oslo")
        assert (said.code, said.out, said.err) == (
            0,
            f"Answered. clerk goes on: retinue tasks follow {id}\n",
            "",
        )
        assert record(home, id).status == "queued"
        said = retinue("tasks", "answer", id, "Oslo")
        assert (said.code, said.out) == (1, "")
        assert said.err == f"retinue: {id} waits for no answer. See: retinue tasks\n"

    def test_of_several_one_must_be_named(self, inside: Command, home: Path) -> None:
        (id,) = left(home, twice, questions=2)
        said = inside("tasks", "answer", id, "x")
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            f"retinue: {id} waits for 2 answers. Answer them one by one: retinue inbox\n"
        )


@pytest.mark.parametrize("do", [["follow"], ["stop"], ["retry"], ["answer", "x"]])
def test_a_task_must_be_there(inside: Command, do: list[str]) -> None:
    said = inside("tasks", do[0], "nope", *do[1:])
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "retinue: There is no run whose id begins with 'nope'. See: retinue tasks\n"
    )


def task(retinue: Command, script: Script, *replies: Any) -> str:
    """The id of a task that is under way."""
    said = retinue("run", "retinue", "Say it", "--background", "-m", script(*replies))
    assert said.code == 0, said
    return said.out.strip()


def read(process: subprocess.Popen[bytes], count: int) -> bytes:
    """So many bytes of what is said; the test's own limit ends the wait."""
    assert process.stdout is not None
    return process.stdout.read(count)


def record(home: Path, id: str) -> RunRecord:
    return in_store(home, lambda retinue: retinue.runs.run(id))


async def ordered(retinue: Retinue, model: str) -> str:
    """The id of a run that waits for whoever executes it."""
    thread = await retinue.log.begin()
    question = (Message("Say it", role="user"),)
    version = version_of({"model": model})
    order = Order(
        conversation=thread.id,
        agent="retinue",
        version=version,
        messages=question,
        background=True,
    )
    return (await retinue.runs.order(order)).id


async def all_runs(retinue: Retinue) -> tuple[RunRecord, ...]:
    return (await retinue.runs.runs()).items


async def transcript(retinue: Retinue, id: str) -> tuple[Message, ...]:
    run = await retinue.runs.run(id)
    return (await retinue.log.messages(run.conversation)).items


def wait_for(home: Path, id: str, status: str) -> None:
    async def wait(retinue: Retinue) -> None:
        async def is_so() -> bool:
            return (await retinue.runs.run(id)).status == status

        await until(is_so)

    in_store(home, wait)
