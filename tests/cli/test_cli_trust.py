"""`trust`: said once, seen in a list, taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

type Retinue = Callable[..., Any]


def test_trust_shows_what_is_trusted_and_makes_it_count(retinue: Retinue, project: Path) -> None:
    said = retinue("trust")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"Trusted, as it is now: {project}\n  .env\n  retinue.toml\n"
    assert "Ada" in retinue("config").out


def test_what_changed_is_marked_when_it_is_trusted_anew(retinue: Retinue, project: Path) -> None:
    retinue("trust")
    (project / "retinue.toml").write_text('name = "Eve"')
    (project / ".env").unlink()
    assert "Eve" not in retinue("config").out
    assert retinue("trust").out.splitlines()[1:] == ["  .env  (gone)", "  retinue.toml  (changed)"]
    assert "Eve" in retinue("config").out


def test_a_folder_can_be_named(retinue: Retinue, project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / ".env").write_text("RETINUE_NAME=Bob")
    assert retinue("trust", "inner").out.startswith(f"Trusted, as it is now: {inner}\n")
    assert retinue("trust", "retinue.toml").out.startswith(f"Trusted, as it is now: {project}\n")
    assert retinue("trust", "--list").out == f"{project}\n{inner}\n"


def test_the_list_says_what_does_not_count_any_more(
    retinue: Retinue, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/retinue.toml").write_text("")
    retinue("trust")
    retinue("trust", "other")
    (project / "retinue.toml").write_text("")
    (tmp_path / "other/retinue.toml").unlink()
    (tmp_path / "other").rmdir()
    assert retinue("trust", "--list").out.splitlines() == [
        f"{project}  (changed since, not read)",
        f"{project}/other  (there is no such folder any more)",
    ]


def test_trust_is_taken_back(retinue: Retinue, project: Path) -> None:
    retinue("trust")
    assert retinue("trust", "--remove").out == f"Trusted no more: {project}\n"
    assert "Ada" not in retinue("config").out
    said = retinue("trust", "--remove")
    assert said.code == 2
    assert "is not trusted" in said.err


def test_there_must_be_something_to_trust(retinue: Retinue, home: Path) -> None:
    said = retinue("trust")
    assert (said.code, said.out) == (2, "")
    assert f"There is nothing to trust in {home}" in said.err


def test_a_place_that_cannot_be_written_is_said(retinue: Retinue, project: Path) -> None:
    (project / "in the way").write_text("")
    said = retinue("trust", XDG_DATA_HOME=str(project / "in the way"))
    assert said.code == 2
    assert "trusted.json cannot be" in said.err
    assert said.err.count("\n") == 1


def test_a_question_in_an_untrusted_project_hints_once(
    retinue: Retinue, project: Path, script: Callable[..., str]
) -> None:
    model = script("Hello.")
    said = retinue("-p", "hi", "-m", model)
    assert (said.code, said.out) == (0, "Hello.\n")
    assert said.err == (
        f"retinue: {project}/retinue.toml is not trusted, so it is not read. "
        "Look at it, then: retinue trust\n"
    )
    retinue("trust")
    assert retinue("-p", "hi", "-m", model).err == ""
    (project / ".env").write_text("MAX_TOKENS=9\n")
    assert "changed since you trusted it" in retinue("-p", "hi", "-m", model).err


@pytest.fixture
def project(home: Path) -> Path:
    (home / "retinue.toml").write_text('name = "Ada"')
    (home / ".env").write_text("MAX_TOKENS=7\n")
    return home
