"""Keeping what was chosen: for its owner's eyes, whole or not at all, with what stood beside it."""

import os
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import SettingsError
from retinue.settings import Secret, load
from retinue.settings.keeping import (
    changed,
    keep_key,
    key_places,
    read_settings,
    write_settings,
)

PATH = Path("/p/config.toml")
LAB: dict[str, Any] = {
    "model": "lab",
    "models": {"lab": {"base_url": "http://lab/v1", "model": "qwen3", "api_key": None}},
}


def test_a_new_file_is_as_a_person_would_write_it() -> None:
    assert changed(b"", PATH, LAB | {"persona": {"name": "Ada"}}) == (
        'model = "lab"\n\n'
        '[models.lab]\nbase_url = "http://lab/v1"\nmodel = "qwen3"\n\n'
        '[persona]\nname = "Ada"\n'
    )


def test_what_a_person_wrote_stays_as_they_wrote_it() -> None:
    before = (
        "# My settings\n"
        "name = 'Ada'   # after Lovelace\n"
        "\n"
        "tools = [\n"
        "  'clock',  # always\n"
        "]\n"
        "[models.house]\n"
        "base_url = 'http://house/v1'\n"
        "model = 'x'\n"
        "\n"
        "[models.lab] # down the hall\n"
        "# the address changes often\n"
        "base_url = 'http://old/v1' # or not\n"
        "model = 'qwen3'\n"
        "api_key = 'env:LAB_KEY'\n"
        "# the end\n"
    )
    assert changed(before.encode(), PATH, LAB) == (
        "# My settings\n"
        "name = 'Ada'   # after Lovelace\n"
        "\n"
        "tools = [\n"
        "  'clock',  # always\n"
        "]\n"
        'model = "lab"\n'
        "\n"
        "[models.house]\n"
        "base_url = 'http://house/v1'\n"
        "model = 'x'\n"
        "\n"
        "[models.lab] # down the hall\n"
        "# the address changes often\n"
        'base_url = "http://lab/v1" # or not\n'
        "model = 'qwen3'\n"
        "# the end\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        "models = {lab = {base_url = 'a', model = 'b', api_key = 'env:X'}}\n",
        "models.lab.base_url = 'a'\nmodels.lab.model = 'b'\n",
        "[models]\n[models.a]\nbase_url = 'u'\nmodel = 'm'",
        "[models.a]\nbase_url = 'u'\nmodel = 'm'\n[persona]\ntone = 'x'\n[models.b]\nmodel = 'm'\n",
        "persona = 'ada.toml'\n",
        "\ufeff# windows\r\nname = 'x'\r\n",
        'model = "lab"',
    ],
)
def test_however_it_is_written_it_means_what_was_meant(tmp_path: Path, before: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    was = read_settings(path)
    write_settings(path, LAB | {"persona": {"name": "Ada"}})
    found = read_settings(path)
    assert found["model"] == "lab"
    assert found["models"]["lab"] == {"base_url": "http://lab/v1", "model": "qwen3"}
    assert found["persona"]["name"] == "Ada"
    assert {k: v for k, v in found.items() if k not in ("model", "models", "persona")} == {
        k: v for k, v in was.items() if k not in ("model", "models", "persona")
    }
    again = path.read_bytes()
    write_settings(path, LAB | {"persona": {"name": "Ada"}})
    assert path.read_bytes() == again


def test_what_cannot_be_changed_without_harm_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("name = 'Ada'\n")
    monkeypatch.setattr("tomlkit.dumps", lambda document: 'model = "lab"\n')  # the name is lost
    with pytest.raises(SettingsError, match="cannot be changed without harm") as caught:
        write_settings(path, {"model": "lab"})
    assert 'model = "lab"' in (caught.value.hint or "")
    assert path.read_text() == "name = 'Ada'\n"


def test_settings_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a/b/retinue/config.toml"
    assert read_settings(path) == {}
    write_settings(path, {"model": "demo"})
    assert mode(path) == 0o600
    assert [mode(folder) for folder in path.parents[:3]] == [0o700] * 3
    path.chmod(0o644)
    write_settings(path, {"model": "lab"})
    assert mode(path) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_a_link_to_settings_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/retinue.toml").write_text("# mine\n")
    (tmp_path / "config.toml").symlink_to("dotfiles/retinue.toml")
    write_settings(tmp_path / "config.toml", {"model": "demo"})
    assert (tmp_path / "config.toml").is_symlink()
    assert (tmp_path / "dotfiles/retinue.toml").read_text() == '# mine\nmodel = "demo"\n'


def test_broken_settings_are_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("model = \n")
    with pytest.raises(SettingsError, match=r"config\.toml:1:9"):
        write_settings(path, {"model": "demo"})
    assert path.read_text() == "model = \n"


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be read: Not a directory"):
        write_settings(tmp_path / "file/config.toml", {})
    with pytest.raises(SettingsError, match=r"cannot be written: .* exists") as caught:
        keep_key(Secret(f"file:{tmp_path}/file/keys/lab", "key"))
    assert "XDG_CONFIG_HOME" in (caught.value.hint or "")
    assert (tmp_path / "file").read_text() == ""


def test_a_key_is_kept_where_only_its_owner_can_read_it(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    *_, place = key_places("lab", environ)
    assert place == f"file:{tmp_path}/retinue/keys/lab"
    keep_key(Secret(place, "lab-0123456789abcdef"))
    file = tmp_path / "retinue/keys/lab"
    assert [mode(file), mode(file.parent), mode(file.parent.parent)] == [0o600, 0o700, 0o700]
    write_settings(tmp_path / "retinue/config.toml", {"openai_api_key": place})
    key = load(flags={}, environ=environ, folder=None).openai_api_key
    assert key is not None
    assert key.reveal() == "lab-0123456789abcdef"
    keep_key(Secret(place, "another"))
    assert Secret(place).reveal() == "another"
    assert os.listdir(file.parent) == ["lab"]


def test_without_a_home_there_is_no_place_for_a_file() -> None:
    assert [place for place in key_places("lab", {}) if place.startswith("file:")] == []


def test_a_variable_is_no_place_to_keep_a_key_in() -> None:
    with pytest.raises(SettingsError, match="No key can be kept in 'env:KEY'"):
        keep_key(Secret("env:KEY", "key"))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
