"""`retinue run`: a task for an agent, here or in the background."""

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.app.retinue import Retinue
from retinue.cli._background import start_worker
from retinue.cli._cast import settings_of, version_of
from retinue.errors import RetinueError
from retinue.settings import Settings
from retinue.storage import RunRecord

from ._kept import in_store, kept, until

KEEPS = True

type Command = Callable[..., Any]
type Script = Callable[..., str]


def test_here_it_answers_as_a_question_is_answered(retinue: Command, script: Script) -> None:
    said = retinue("run", "retinue", "Say it", "-m", script("It is said."))
    assert (said.code, said.out, said.err) == (0, "It is said.\n", "")
    said = retinue("run", "retinue", "-o", "json", "-m", script("Yes."), stdin="Piped in")
    assert json.loads(said.out)["text"] == "Yes."


def test_an_agent_must_be_known(retinue: Command) -> None:
    for more in ([], ["--background"]):
        said = retinue("run", "nobody", "Say it", *more)
        assert (said.code, said.out) == (2, "")
        assert said.err == "retinue: No agent is called 'nobody'. Known agents: retinue.\n"
    said = retinue("run", "retinue", "Say it", "--name", "Ada")
    assert said.err == "retinue: No agent is called 'retinue'. Known agents: Ada.\n"


class TestInTheBackground:
    def test_it_is_done_by_another_process(
        self, retinue: Command, script: Script, home: Path
    ) -> None:
        said = retinue("run", "retinue", "Say it", "--background", "-m", script("It is said."))
        assert said.code == 0
        assert re.fullmatch(r"[0-9A-Z]{26}\n", said.out)
        id = said.out.strip()
        assert said.err == (f"retinue: it is under way. To follow it: retinue tasks follow {id}\n")
        assert ended(home, id).reason == "done"
        assert retinue("tasks", "follow", id).out == "It is said.\n"
        shown = retinue("conversations", "show", conversation_of(home, id)).out
        assert "user\nSay it\n" in shown
        assert "It is said." in shown

    def test_its_worker_says_beside_what_it_did(
        self, retinue: Command, script: Script, home: Path
    ) -> None:
        id = retinue("run", "retinue", "Say it", "--background", "-m", script("Yes.")).out.strip()
        ended(home, id)
        log = home / ".local" / "share" / "retinue" / "worker.log"

        async def told(_: Retinue) -> None:
            async def is_there() -> bool:
                return "run left" in log.read_text()

            await until(is_there)

        in_store(home, told)
        (line,) = [json.loads(line) for line in log.read_text().splitlines()]
        assert (line["event"], line["run"], line["outcome"]) == ("run left", id, "ended")
        if os.name == "posix":
            assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_it_goes_on_with_a_conversation(
        self, retinue: Command, script: Script, home: Path
    ) -> None:
        old = kept(home, "My name is Bo.", "Hello Bo.", title="Old")
        kept(home, "Another", title="New", folder=home / "other")
        model = script("Bo.", "Bo again.")
        for number, more in enumerate((["-c"], ["-r", old])):
            said = retinue("run", "retinue", "Who?", "--background", "-m", model, *more)
            ended(home, said.out.strip())
            assert conversation_of(home, said.out.strip()) == old, number
        said = retinue("run", "retinue", "Who?", "--background", "-m", model, "-r", "nope")
        assert said.code == 2
        assert "There is no conversation whose id begins with 'nope'" in said.err

    def test_what_is_wrong_is_said_before_it_is_ordered(self, retinue: Command, home: Path) -> None:
        said = retinue("run", "retinue", "Say it", "--background", "-m", "nope")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("retinue: No model 'nope'")
        said = retinue("run", "retinue", "--background", "-m", "demo")
        assert (said.code, said.out) == (2, "")
        assert "othing was asked" in said.err
        said = retinue("run", "retinue", "x", "--background", "-m", "demo", "--store", "memory:")
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            "retinue: What is only in memory ends with this command. "
            "Name a file with --store, or leave --background out.\n"
        )
        assert not in_store(home, all_runs)

    def test_a_module_that_lies_here_is_none_of_pythons(
        self, retinue: Command, script: Script, home: Path
    ) -> None:
        model = script("Safe.")
        (home / "asyncio.py").write_text("open('stolen', 'w')")
        start = retinue("run", "retinue", "x", "--background", "-m", model, PYTHONSAFEPATH="1")
        assert ended(home, start.out.strip()).reason == "done"
        assert not (home / "stolen").exists()


def test_a_log_that_is_large_is_begun_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    log = home / ".local" / "share" / "retinue" / "worker.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr("sys.executable", str(home / "no python"))
    with pytest.raises(RetinueError, match="No process can be started for it: No such file"):
        start_worker(Settings(), {})
    assert log.with_suffix(".log.1").stat().st_size == 2_000_000
    assert log.stat().st_size == 0


def test_it_has_the_settings_of_the_folder_it_was_ordered_in(
    home: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], inside: Command
) -> None:
    (home / "project").mkdir()
    (home / "project" / "retinue.toml").write_text('system = "Be brief."')
    inside("trust", "project")
    version = version_of({"name": "Ada"}, folder=str(home / "project"))
    found = settings_of(version, Settings())
    assert (found.name, found.system) == ("Ada", "Be brief.")
    assert settings_of(version_of({"name": "Ada"}), Settings()).system is None
    assert settings_of(None, Settings(name="Bo")).name == "Bo"


def test_where_the_store_is_makes_no_other_agent_of_it() -> None:
    assert version_of({"store": "a.db"}) is None
    assert version_of({"tools": "none", "store": "a", "model": "x"}) == (
        '{"model": "x", "tools": "none"}'
    )


def ended(home: Path, id: str) -> RunRecord:
    """The run, once it is over."""

    async def wait(retinue: Retinue) -> RunRecord:
        run = await retinue.run(id)

        async def is_over() -> RunRecord | None:
            record = await run.record()
            return record if record.status == "ended" else None

        return await until(is_over)

    return in_store(home, wait)


def conversation_of(home: Path, id: str) -> str:
    async def find(retinue: Retinue) -> str:
        return (await retinue.run(id)).conversation

    return in_store(home, find)


async def all_runs(retinue: Retinue) -> tuple[RunRecord, ...]:
    return (await retinue.runs.runs()).items
