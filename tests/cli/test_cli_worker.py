"""`retinue worker`: executes what is to be done in the background, and ends when it is told to."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from retinue.app.retinue import Retinue
from retinue.cli._cast import version_of
from retinue.messages import Message
from retinue.storage import Order, RunRecord

from ._kept import PATIENCE, in_store, until

KEEPS = True

SLOW = [{"lines": ["Once", {"silence": None}]}]


def test_until_idle_it_does_what_there_is_and_ends(retinue: Any, script: Any, home: Path) -> None:
    model = script("Done.", "Done.")
    ids = [ordered(home, model=model) for _ in range(2)]
    said = retinue("worker", "--until-idle")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert [record(home, id).reason for id in ids] == ["done", "done"]
    assert retinue("worker", "--until-idle").code == 0


def test_each_run_has_the_settings_it_was_ordered_with(
    retinue: Any, script: Any, home: Path
) -> None:
    id = ordered(home, model=script("As ordered."))
    retinue("worker", "--until-idle", "-m", "demo")
    assert retinue("tasks", "follow", id).out == "As ordered.\n"


def test_what_somebody_waits_for_elsewhere_is_left_to_them(
    retinue: Any, script: Any, home: Path
) -> None:
    id = ordered(home, model=script("Done."), background=False)
    retinue("worker", "--until-idle")
    assert record(home, id).status == "queued"


def test_what_it_does_not_know_is_left_to_others(retinue: Any, home: Path) -> None:
    id = ordered(home, agent="stranger")
    said = retinue("worker", "--until-idle", "-v")
    assert said.code == 0
    line = json.loads(said.err.splitlines()[0])
    assert (line["event"], line["run"]) == ("a run is left to others", id)
    assert line["error"]["message"] == "No agent is called 'stranger'"
    assert record(home, id).status == "queued"


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_what_is_not_finished_waits(
    start: Any, retinue: Any, script: Any, home: Path, number: int, code: int
) -> None:
    id = ordered(home, model=script(*SLOW))
    with start("worker") as process:
        line = process.stderr.readline().decode()
        assert line == (
            f"retinue: runs of {home}/.local/share/retinue/retinue.db are executed here; "
            "Ctrl-C ends that\n"
        )
        wait_until(home, id, "running")
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert record(home, id).status == "queued"
    script("Anew.")
    retinue("worker", "--until-idle")
    assert retinue("tasks", "follow", id).out == "Anew.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes there")
def test_what_a_killed_one_had_is_taken_over(
    start: Any, retinue: Any, script: Any, home: Path
) -> None:
    id = ordered(home, model=script(*SLOW))
    with start("worker", "--until-idle") as process:
        wait_until(home, id, "running")
        process.kill()
        process.communicate(timeout=PATIENCE)
    script("Anew.")
    retinue("worker", "--until-idle")
    assert record(home, id).reason == "done"
    assert retinue("tasks", "follow", id).out == "Anew.\n"


def ordered(
    home: Path, *, agent: str = "retinue", model: str | None = None, background: bool = True
) -> str:
    """The id of a run that waits for whoever executes it."""

    async def order(retinue: Retinue) -> str:
        thread = await retinue.log.begin(folder=str(home))
        wanted = Order(
            conversation=thread.id,
            agent=agent,
            version=version_of({"model": model} if model else {}),
            messages=(Message("Do it", role="user"),),
            background=background,
        )
        return (await retinue.runs.order(wanted)).id

    return in_store(home, order)


def record(home: Path, id: str) -> RunRecord:
    return in_store(home, lambda retinue: retinue.runs.run(id))


def wait_until(home: Path, id: str, status: str) -> None:
    async def wait(retinue: Retinue) -> None:
        async def is_so() -> bool:
            return (await retinue.runs.run(id)).status == status

        await until(is_so)

    in_store(home, wait)
