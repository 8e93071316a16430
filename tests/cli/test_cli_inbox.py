"""`retinue inbox`: what people are asked, and what becomes of their answers."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from retinue import Turn, agent, assistant
from retinue.agents import Agent
from retinue.app.asking import SCHEMA, ask_in_run
from retinue.cli._answers import read_answer, ways_to_answer, words_of
from retinue.cli._brief import now
from retinue.errors import UsageError
from retinue.messages import ToolCall
from retinue.models.scripted import Scripted
from retinue.steps import ask
from retinue.storage import Interrupt, InterruptKind
from retinue.tools import DEFAULT_RULES, Policed, as_toolbox, tool

from ._kept import left, until, working

KEEPS = True

type Command = Callable[..., Any]

DONE: list[str] = []


@tool(risk="write", effect="once")
async def publish(text: str, where: str) -> str:
    """Publish a text."""
    DONE.append(f"{text} at {where}")
    return "published"


@agent
async def clerk(turn: Turn) -> None:
    question = {"text": "Which city?", "expires_in": 7_300, "default": "Turku"}
    turn.reply(f"To {await ask(question, turn.agent.inquire)}.")


def writer() -> Agent:
    """It publishes, if it may."""
    call = ToolCall(id="1", name="publish", args={"text": "Hello", "where": "here"})
    tools = Policed(as_toolbox([publish]), DEFAULT_RULES, ask_in_run())
    return assistant("writer", model=Scripted(call, "That is it."), tools=tools)


def test_the_oldest_question_comes_first_with_the_exact_call(inside: Command, home: Path) -> None:
    left(home, writer(), questions=1)
    left(home, clerk, questions=2)
    said = inside("inbox")
    assert said.code == 0
    assert said.err == "retinue: to answer: retinue inbox answer ID VALUE\n"
    first, second = said.out.split("\n\n")
    assert first.splitlines()[0].endswith("  writer, approval, now")
    assert first.splitlines()[1:] == [
        "  publish, which may write, is to be used with",
        '    text: "Hello"',
        '    where: "here"',
        """  VALUE: yes, no, '{"approved": true, "args": {...}}'""",
    ]
    assert second.splitlines()[0].endswith('  clerk, question, now; in 2 h the answer is "Turku"')
    assert second.splitlines()[1:] == ["  Which city?", "  VALUE: TEXT"]


def test_a_script_gets_all_there_is_to_know(inside: Command, home: Path) -> None:
    (run,) = left(home, writer(), questions=1)
    (found,) = json.loads(inside("inbox", "--json").out)["questions"]
    assert (found["run"], found["kind"], found["agent"]) == (run, "approval", "writer")
    assert found["call"] == {
        "id": "1",
        "name": "publish",
        "args": {"text": "Hello", "where": "here"},
    }
    assert found["question"]["schema"]["required"] == ["approved"]
    assert (found["expires_at"], found["default"]) == (None, None)


def test_that_nobody_asks_is_said(inside: Command) -> None:
    said = inside("inbox")
    assert (said.code, said.out) == (0, "")
    assert said.err == "retinue: nobody waits for an answer\n"


@pytest.mark.parametrize(
    ("value", "done"),
    [
        ("yes", ["Hello at here"]),
        ("no", []),
        ('{"approved": true, "args": {"text": "Edited", "where": "there"}}', ["Edited at there"]),
    ],
)
async def test_the_call_is_made_as_it_was_answered(
    retinue: Command, home: Path, value: str, done: list[str]
) -> None:
    DONE.clear()
    async with working(home, writer()) as house:
        run = await house.start("writer", "Publish it", background=True)
        (asked,) = await until(run.questions)
        said = await asyncio.to_thread(retinue, "inbox", "answer", asked.id[:8], value)
        assert (said.code, said.err) == (0, "")
        assert said.out == f"Answered. writer goes on: retinue tasks follow {run.id}\n"
        await run.ended()
    assert done == DONE


def test_an_answer_is_given_once(retinue: Command, home: Path) -> None:
    left(home, writer(), questions=1)
    (asked,) = json.loads(retinue("inbox", "--json").out)["questions"]
    assert retinue("inbox", "answer", asked["id"], "no").code == 0
    said = retinue("inbox", "answer", asked["id"], "yes")
    assert (said.code, said.out) == (1, "")
    assert "already" in said.err or "not open" in said.err
    assert said.err.count("\n") == 1
    said = retinue("inbox", "answer", asked["id"][:8], "yes")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"retinue: No open question has an id that begins with '{asked['id'][:8]}'. "
        "Perhaps it was answered already. See: retinue inbox\n"
    )


def test_an_id_must_be_of_one_only(inside: Command, home: Path) -> None:
    left(home, clerk, writer(), questions=2)
    ids = [one["id"] for one in json.loads(inside("inbox", "--json").out)["questions"]]
    said = inside("inbox", "answer", "", "yes")
    assert said.code == 2
    common = [id[:1] for id in ids]
    if common[0] == common[1]:
        assert "2 questions" in inside("inbox", "answer", common[0], "yes").err


@agent
async def many(turn: Turn) -> None:
    asked = [turn.start(ask(f"Number {n}?", turn.agent.inquire)) for n in range(60)]
    turn.reply(*[await one for one in asked])


def test_all_questions_are_shown(inside: Command, home: Path) -> None:
    left_open = 60

    async def leave() -> None:
        async with working(home, many) as house:
            run = await house.start("many", "Ask", background=True)

            async def all_asked() -> bool:
                page = await house.runs.inbox(run=run.id, limit=100)
                return len(page.items) == left_open

            await until(all_asked)

    asyncio.run(leave())
    assert inside("inbox").out.count("VALUE: TEXT") == left_open


class TestAnswers:
    """What may be said, and what it means."""

    @pytest.mark.parametrize(
        ("kind", "schema", "said", "meant"),
        [
            ("approval", SCHEMA, "yes", {"approved": True}),
            ("approval", SCHEMA, "N", {"approved": False}),
            ("approval", SCHEMA, '{"approved": false}', {"approved": False}),
            ("divergence", {"type": "boolean"}, "y", True),
            ("divergence", {"type": "boolean"}, "false", False),
            ("unknown_outcome", {"type": "object", "required": ["happened"],
                "properties": {"happened": {"type": "boolean"}}}, "no", {"happened": False}),
            ("input", None, "yes", "yes"),
            ("input", {"type": "string"}, "12", "12"),
            ("input", {"type": "integer"}, "12", 12),
            ("input", {"enum": ["1", 2]}, "1", "1"),
            ("input", {"enum": ["1", 2]}, "2", 2),
            ("input", {"type": "array", "items": {"type": "string"}}, '["a"]', ["a"]),
            ("input", {"type": "object", "additionalProperties": True,
                "properties": {"a": {}}}, '{"b": 1}', {"b": 1}),
        ],
    )  # fmt: skip
    def test_it_is_the_value_that_was_meant(
        self, kind: InterruptKind, schema: Any, said: str, meant: Any
    ) -> None:
        assert read_answer(said, question(kind, schema)) == meant

    @pytest.mark.parametrize(
        ("kind", "schema", "said", "complaint"),
        [
            ("approval", SCHEMA, "maybe", "must be object"),
            ("approval", SCHEMA, '{"approved": true, "arg": {}}', "it has no 'arg'"),
            ("approval", SCHEMA, '{"args": {}}', "approved"),
            ("input", {"type": "integer"}, "many", "must be integer"),
            ("input", {"enum": ["a", "b"]}, "c", "must be one of 'a', 'b'"),
            ("divergence", {"type": "boolean"}, "perhaps", "must be boolean"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, kind: InterruptKind, schema: Any, said: str, complaint: str
    ) -> None:
        with pytest.raises(UsageError, match="That does not answer the question: ") as caught:
            read_answer(said, question(kind, schema))
        assert complaint in str(caught.value)
        assert "It takes " in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("kind", "schema", "ways"),
        [
            ("approval", SCHEMA, ("yes", "no", """'{"approved": true, "args": {...}}'""")),
            ("divergence", {"type": "boolean"}, ("yes", "no")),
            ("input", None, ("TEXT",)),
            ("input", {"type": "string"}, ("TEXT",)),
            ("input", {"type": "string", "enum": ["a", "b"]}, ("a", "b")),
            ("input", {"enum": [1, 2]}, ("1", "2")),
            ("input", {"type": "array"}, ("'JSON'",)),
            ("input", {"type": "object", "required": ["a", "b"]}, ("'JSON'",)),
        ],
    )
    def test_what_may_be_said_is_shown(
        self, kind: InterruptKind, schema: Any, ways: tuple[str, ...]
    ) -> None:
        assert ways_to_answer(question(kind, schema)) == ways

    def test_what_may_have_happened_is_shown(self) -> None:
        asked = question("unknown_outcome", None, step="tool_call", args=["pay", {"sum": 3}])
        assert words_of(asked) == ["Go on?", '  tool_call ["pay", {"sum": 3}]']

    def test_a_question_may_be_a_bare_text_and_cannot_steer_the_terminal(self) -> None:
        asked = question("input", None)
        bare = Interrupt(
            id="1", run="r", conversation="c", address="a", kind="input",
            question="One\x1b[2J\nTwo", asked_at=asked.asked_at,
        )  # fmt: skip
        assert words_of(bare) == ["One[2J", "Two"]
        assert read_answer("x", bare) == "x"


def question(kind: InterruptKind, schema: Mapping[str, Any] | None, **more: Any) -> Interrupt:
    form = {"text": "Go on?", **more} | ({} if schema is None else {"schema": schema})
    return Interrupt(
        id="1", run="r", conversation="c", address="a", kind=kind, question=form, asked_at=now()
    )
