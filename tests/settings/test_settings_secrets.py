"""Secrets: shown as a mask, revealed only on purpose."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import SettingsError
from retinue.settings import Endpoint, Secret, Settings
from retinue.settings._secret import mask


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("sk-0123456789abcdef", "sk-…cdef"),
        ("sk-proj-0123456789abcdef", "sk-…cdef"),
        ("0123456789abcdef", "…cdef"),
        ("longprefix-0123456789", "…6789"),
        ("short-secret", "…"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:hunter2@host/0", "redis://:…@host/0"),
        ("postgresql://user:p@ss:w@localhost/db", "postgresql://user:…@localhost/db"),
        (
            "postgresql://h/db?user=u&password=p&sslmode=on",
            "postgresql://h/db?user=u&password=…&sslmode=on",
        ),
    ],
)
def test_a_mask_helps_its_owner_and_no_thief(value: str, shown: str) -> None:
    assert mask(value) == shown


@given(
    st.text(min_size=5, max_size=100).filter(lambda value: "://" not in value and "…" not in value)
)
def test_a_mask_never_shows_more_than_the_ends(value: str) -> None:
    shown = mask(value)
    assert value not in shown
    assert len(shown) <= 4 + 1 + 4


def test_a_secret_hides_wherever_it_is_shown() -> None:
    key = Secret("env:KEY", "sk-0123456789abcdef")
    settings = Settings(
        openai_api_key=key, models={"lab": Endpoint(base_url="http://x", model="m", api_key=key)}
    )
    shown = f"{key} {key!r} {settings} {settings!r} {json.dumps(key, default=str)} {[key]}"
    assert "0123456789" not in shown
    assert "sk-…cdef" in shown


def test_a_variable_that_is_not_set_is_said_when_it_is_needed() -> None:
    secret = Secret("env:NOWHERE")
    assert str(secret) == "not set"
    with pytest.raises(SettingsError, match="NOWHERE is not set") as caught:
        secret.reveal()
    assert caught.value.hint == "export NOWHERE=..."


def test_a_file_is_read_when_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "key"
    secret = Secret(f"file:{file}")
    assert str(secret) == f"file:{file}"
    with pytest.raises(SettingsError, match="No such file"):
        secret.reveal()
    file.write_text("\n")
    with pytest.raises(SettingsError, match="first line is empty"):
        secret.reveal()
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        secret.reveal()
    file.write_text("  sk-0123456789abcdef  \nand a comment\n")
    assert secret.reveal() == "sk-0123456789abcdef"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_we_kept_for_one_person_must_not_be_open_to_others(
    tmp_path: Path, mode: int
) -> None:
    ours, theirs = tmp_path / "retinue/keys/lab", tmp_path / "keys/lab"
    for file in (ours, theirs):
        file.parent.mkdir(parents=True)
        file.write_text("lab-0123456789abcdef")
        file.chmod(mode)
    with pytest.raises(SettingsError, match="is open to others") as caught:
        Secret(f"file:{ours}").reveal()
    assert caught.value.hint == f"chmod 600 {ours}"
    assert Secret(f"file:{theirs}").reveal() == "lab-0123456789abcdef"
    ours.chmod(0o600)
    assert Secret(f"file:{ours}").reveal() == "lab-0123456789abcdef"


def test_settings_know_all_that_must_not_be_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("lab-0123456789abcdef")
    settings = Settings(
        openai_api_key=Secret("env:KEY", "sk-0123456789abcdef"),
        postgres_url=Secret("env:URL", "postgresql://u:hunter22@h/db"),
        redis_url=Secret("", "redis://localhost"),
        api_key_secret=Secret("env:NOWHERE"),
        models={
            "lab": Endpoint(
                base_url="http://x", model="m", api_key=Secret(f"file:{tmp_path / 'key'}")
            )
        },
    )
    assert settings.secrets() == {
        "sk-0123456789abcdef": "sk-…cdef",
        "postgresql://u:hunter22@h/db": "postgresql://u:…@h/db",
        "hunter22": "…",
        "lab-0123456789abcdef": "lab-…cdef",
    }
