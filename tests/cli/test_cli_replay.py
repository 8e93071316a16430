"""`retinue replay`: an old run again, offline and the same; or with one thing changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue import Turn, agent
from retinue.app.retinue import Retinue
from retinue.cli.replay._offline import Offline
from retinue.errors import RunError
from retinue.models import ChatRequest
from retinue.steps import ask

from ._kept import PATIENCE, in_store, kept, left

KEEPS = True

type Command = Callable[..., Any]
type Script = Callable[..., str]

CALL: Any = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "6*7"}}}


def test_it_is_the_same_though_its_model_is_gone(inside: Command, start: Any, home: Path) -> None:
    (home / "said.json").write_text(json.dumps({"tiny": [[CALL], "It is 42."]}))
    with start("mock-llm", "said.json", "--port", "0") as server:
        url = server.stdout.readline().decode().split("OLLAMA_HOST=")[1].split()[0]
        said = inside("-p", "What is 6*7?", "-m", "ollama:tiny", OLLAMA_HOST=url)
        assert said.out == "It is 42.\n"
        server.kill()
        server.communicate(timeout=PATIENCE)
    id = last_run(home)
    said = inside("replay", id, OLLAMA_HOST=url)
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "The same, to the last letter: 3 messages, done.\n"
        "Only the agent's own code ran; nobody was asked anything.\n"
    )
    again = json.loads(inside("replay", id, "--json", OLLAMA_HOST=url).out)
    assert (again["same"], again["run"]) == (True, id)
    assert again["calls"]["before"]["model"] == 2
    assert again["calls"]["now"] == {"model": 0, "tool": 0, "cost": None}
    assert again["replies"]["before"] == again["replies"]["now"]


def test_the_last_run_of_a_conversation_is_meant_by_its_id(
    inside: Command, script: Script, home: Path
) -> None:
    inside("-p", "Hi", "-m", script("One."))
    inside("-c", "-p", "And?", "-m", script("Two.", "Three."))
    thread = in_store(home, conversation)
    assert json.loads(inside("replay", thread, "--json").out)["run"] == last_run(home)
    empty = kept(home, "Nobody was asked.")
    said = inside("replay", empty)
    assert (said.code, said.err) == (
        2,
        f"retinue: Nothing was asked in {empty}. See: retinue tasks\n",
    )


def test_what_is_not_the_same_is_said(inside: Command, script: Script, home: Path) -> None:
    inside("-p", "What is 6*7?", "-m", script([CALL], "It is 42."))
    said = inside("replay", last_run(home), RETINUE_SYSTEM="Be brief.")
    assert (said.code, said.err) == (1, "")
    lines = said.out.splitlines()
    assert lines[:2] == [
        "It is not the same.",
        "It ended failed; before it had ended done.",
    ]
    assert lines[2].startswith("'retinue' does something that it had not done: model_call.")
    assert lines[3:] == [
        "--- before",
        "+++ now",
        "@@ -1,3 +0,0 @@",
        "-> calculator 6*7",
        "-= 42",
        "-It is 42.",
    ]


class TestFromATurnOn:
    def test_another_model_gives_another_answer(
        self, inside: Command, script: Script, home: Path
    ) -> None:
        priced = {"lines": "It is 42.", "usage": {"input": 9, "output": 3}}
        inside("-p", "What is 6*7?", "-m", script([CALL], priced))
        (home / "other.json").write_text(json.dumps(["Forty-two.\nSurely."]))
        id = last_run(home)
        said = inside("replay", id, "--from", "retinue", "--model", "scripted:other.json")
        assert (said.code, said.err) == (0, "")
        lines = said.out.splitlines()
        assert lines[0] == "Done anew: retinue"
        assert lines[1:] == [
            "Before:    2 model calls, 1 tool call, $0",
            "Now:       1 model call, $0",
            "",
            "--- before",
            "+++ now",
            "@@ -1,3 +1,2 @@",
            "-> calculator 6*7",
            "-= 42",
            "-It is 42.",
            "+Forty-two.",
            "+Surely.",
        ]
        assert in_store(home, runs) == 1

    def test_instructions_and_temperature_reach_the_model(
        self, inside: Command, start: Any, home: Path
    ) -> None:
        (home / "said.json").write_text(json.dumps({"tiny": ["One.", "One."]}))
        with start("mock-llm", "said.json", "--port", "0") as server:
            url = server.stdout.readline().decode().split("OLLAMA_HOST=")[1].split()[0]
            inside("-p", "Hi", "-m", "ollama:tiny", OLLAMA_HOST=url)
            said = inside(
                "replay", last_run(home), "--from", "retinue", "--system", "Be brief.",
                "--temperature", "0.5", "-m", "ollama:tiny", OLLAMA_HOST=url,
            )  # fmt: skip
            server.kill()
            server.communicate(timeout=PATIENCE)
        assert said.code == 0
        assert said.out.splitlines()[0] == "Done anew: retinue"
        assert said.out.splitlines()[-1] == (
            "What was said is the same; what is kept beside it (ids, models, tokens) is not."
        )

    def test_one_that_fails_now_is_said_to_fail(
        self, inside: Command, script: Script, home: Path
    ) -> None:
        inside("-p", "Hi", "-m", script("Hello."))
        (home / "other.json").write_text("[]")
        line = ("replay", last_run(home), "--from", "retinue", "--model", "scripted:other.json")
        said = inside(*line)
        assert said.code == 1
        assert "It ended failed; before it had ended done." in said.out
        again = json.loads(inside(*line, "--json").out)
        assert again["reason"] == {"before": "done", "now": "failed"}
        assert again["errors"][0]["message"] in said.out

    @pytest.mark.parametrize(
        ("more", "complaint"),
        [
            (["--from", "nobody"], "No turn of the run is 'nobody'. It has turns of retinue."),
            (["--from", "retinue", "--model", "nope"], "No model 'nope'"),
            (["--from", "retinue", "--temperature", "3"], "--temperature: '3' is no number from"),
            (["--from", "retinue", "--temperature", "hot"], "--temperature: 'hot' is no number"),
            (["--model", "demo"], "--model changes one turn: say which, with --from."),
        ],
    )
    def test_what_cannot_be_changed_is_said(
        self, inside: Command, script: Script, home: Path, more: list[str], complaint: str
    ) -> None:
        inside("-p", "Hi", "-m", script("Hello."))
        said = inside("replay", last_run(home), *more)
        assert (said.code > 0, said.out) == (True, "")
        assert said.err.startswith(f"retinue: {complaint}")
        assert said.err.count("\n") == 1


@agent
async def retinue_asking(turn: Turn) -> None:
    turn.reply(str(await ask("Which one?", turn.agent.inquire)))


def test_what_is_not_over_is_not_replayed(inside: Command, home: Path) -> None:
    (id,) = left(home, retinue_asking.fork(), questions=1)
    said = inside("replay", id)
    assert said.err == ("retinue: No agent is called 'retinue_asking'. Known agents: retinue.\n")
    said = inside("replay", id, RETINUE_NAME="retinue_asking")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"retinue: Run '{id}' is not over. Wait for it, or stop it.\n"
    assert inside("replay", "nope").code == 2


async def test_offline_no_model_answers() -> None:
    with pytest.raises(RunError, match="A model was asked, and here none may be"):
        async with Offline().chat(ChatRequest(messages=())):
            pytest.fail("it answered")


def last_run(home: Path) -> str:
    async def find(retinue: Retinue) -> str:
        return (await retinue.runs.runs()).items[0].id

    return in_store(home, find)


async def runs(retinue: Retinue) -> int:
    return len((await retinue.runs.runs()).items)


async def conversation(retinue: Retinue) -> str:
    return (await retinue.log.conversations()).items[0].id
