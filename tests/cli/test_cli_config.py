"""`config`: every setting and where it came from, no secret in it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

type Retinue = Callable[..., Any]


def test_every_value_has_its_origin(retinue: Retinue, home: Path) -> None:
    (home / ".config/retinue").mkdir(parents=True)
    (home / ".config/retinue/config.toml").write_text(
        'name = "Ada"\n[models.lab]\nbase_url = "http://lab/v1"\nmodel = "qwen3"\n'
        'api_key = "env:LAB_KEY"\n'
    )
    said = retinue(
        "config",
        "--max-steps",
        "7",
        DEFAULT_MODEL="gpt-4",
        OPENAI_API_KEY="sk-0123456789abcdef",
        TEMPERATURE="0.7",
        LAB_KEY="lab-0123456789abcdef",
        POSTGRES_URL="postgresql://user:hunter22@localhost/db",
    )
    assert (said.code, said.err) == (0, "")
    rows = [line.split() for line in said.out.splitlines()]
    assert ["model", "gpt-4", "DEFAULT_MODEL"] in rows
    assert ["max_steps", "7", "--max-steps"] in rows
    assert ["temperature", "0.7", "TEMPERATURE"] in rows
    assert ["name", "Ada", str(home / ".config/retinue/config.toml")] in rows
    assert ["openai_api_key", "sk-…cdef", "OPENAI_API_KEY"] in rows
    assert ["tools", "clock,", "calculator", "default"] in rows
    assert ["human_in_loop", "true", "default"] in rows
    assert ["system", "-", "default"] in rows
    assert "qwen3 at http://lab/v1  key lab-…cdef" in said.out
    assert "0123456789" not in said.out
    assert "hunter22" not in said.out


def test_a_script_can_read_it(retinue: Retinue, home: Path) -> None:
    (home / "retinue.toml").write_text("")
    said = retinue("config", "--json", "--tools", "none", OPENAI_API_KEY="sk-0123456789abcdef")
    assert (said.code, said.err) == (0, "")
    found = json.loads(said.out)
    assert found["v"] == 1
    assert found["settings"]["model"] == {"value": "auto", "layer": "default", "from": "default"}
    assert found["settings"]["tools"] == {"value": [], "layer": "flag", "from": "--tools"}
    assert found["settings"]["openai_api_key"]["value"] == "sk-…cdef"
    assert found["models"] == {}
    assert found["files"] == [
        {"path": str(home / "retinue.toml"), "layer": "project", "state": "unknown"},
        {"path": str(home / ".config/retinue/config.toml"), "layer": "user", "state": "absent"},
    ]


def test_who_it_is_can_be_seen(retinue: Retinue, home: Path) -> None:
    (home / "ada.toml").write_text('name = "Ada"\npersonality = """\ncurious\nand kind"""\n')
    said = retinue("config", "--persona", "ada.toml")
    assert (said.code, said.err) == (0, "")
    rows = {line.split()[0]: line.split(None, 1)[1] for line in said.out.splitlines() if line}
    assert rows["persona"].startswith("name Ada; personality curious and kind ")
    assert rows["persona"].endswith(" --persona")
    assert rows["name"].split() == ["Ada", "--persona"]
    found = json.loads(retinue("config", "--json", "--persona", "ada.toml").out)["settings"]
    assert found["persona"]["value"]["personality"] == "curious\nand kind"
    assert found["persona"]["value"]["tone"] is None
    assert json.loads(retinue("config", "--json").out)["settings"]["persona"]["value"] is None


def test_endpoints_are_in_the_json_too(retinue: Retinue, home: Path) -> None:
    (home / ".config/retinue").mkdir(parents=True)
    (home / ".config/retinue/config.toml").write_text(
        '[models.lab]\nbase_url = "http://lab/v1"\nmodel = "qwen3"\n'
    )
    (lab,) = json.loads(retinue("config", "--json").out)["models"].values()
    assert (lab["base_url"], lab["model"], lab["api_key"]) == ("http://lab/v1", "qwen3", None)


def test_files_are_named_with_what_became_of_them(retinue: Retinue, home: Path) -> None:
    (home / "retinue.toml").write_text('name = "Ada"')
    assert f"{home}/retinue.toml  (not trusted, not read)" in retinue("config").out
    retinue("trust")
    assert f"{home}/retinue.toml\n" in retinue("config").out
    (home / "retinue.toml").write_text('name = "Eve"')
    assert f"{home}/retinue.toml  (changed since it was trusted, not read)" in retinue("config").out
    assert f"{home}/.config/retinue/config.toml  (not there)" in retinue("config").out


@pytest.mark.parametrize("form", ["config", "--json"])
def test_a_broken_file_is_one_clear_line(retinue: Retinue, home: Path, form: str) -> None:
    (home / ".config/retinue").mkdir(parents=True)
    (home / ".config/retinue/config.toml").write_text("model = \n")
    said = retinue("config", *([form] if form != "config" else []))
    assert (said.code, said.out) == (2, "")
    assert f"{home}/.config/retinue/config.toml:1:9: Invalid value" in said.err
    assert said.err.count("\n") == 1
