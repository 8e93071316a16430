"""Which layer wins, and that each value knows where it came from."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import SettingsError
from retinue.settings import (
    OPTIONS,
    Origin,
    Settings,
    Trusted,
    current_folder,
    load,
    read_project,
    trust_file,
)

type Load = Callable[..., Settings]


def test_without_anything_the_defaults_hold(choose: Load) -> None:
    settings = choose()
    assert settings == Settings()
    assert settings.model == "auto"
    assert settings.tools == ("clock", "calculator")
    assert settings.origin("model") == Origin("default")
    assert str(settings.origin("model")) == "default"


def test_each_layer_wins_over_the_one_below(home: Path, project: Path, choose: Load) -> None:
    trusted(home, project, 'model = "of-project"', env="DEFAULT_MODEL=of-dotenv")
    user_config(home, 'model = "of-user"')
    layers = [
        choose(flags={"model": "of-flag"}, RETINUE_MODEL="of-ours", DEFAULT_MODEL="of-theirs"),
        choose(RETINUE_MODEL="of-ours", DEFAULT_MODEL="of-theirs"),
        choose(DEFAULT_MODEL="of-theirs"),
        choose(),
    ]
    assert [each.model for each in layers] == ["of-flag", "of-ours", "of-theirs", "of-dotenv"]
    assert [str(each.origin("model")) for each in layers] == [
        "--model",
        "RETINUE_MODEL",
        "DEFAULT_MODEL",
        f"{project / '.env'}: DEFAULT_MODEL",
    ]
    trusted(home, project, 'model = "of-project"')
    assert choose().model == "of-project"
    assert choose().origin("model") == Origin("project", str(project / "retinue.toml"))
    (project / "retinue.toml").unlink()
    assert choose().model == "of-user"
    assert choose().origin("model").layer == "user"


def test_an_empty_variable_says_nothing(choose: Load) -> None:
    assert choose(RETINUE_MODEL="", DEFAULT_MODEL="theirs").model == "theirs"


def test_the_variables_that_others_use_are_understood(choose: Load) -> None:
    settings = choose(
        OPENAI_API_KEY="sk-0123456789abcdef",
        DEFAULT_MODEL="gpt-4",
        TEMPERATURE="0.7",
        MAX_TOKENS="4000",
        AUTOGEN_CODE_EXECUTION="local",
        AUTOGEN_TIMEOUT="300",
        AUTOGEN_MAX_ROUNDS="50",
        APP_HOST="0.0.0.0",
        APP_PORT="8000",
        APP_DEBUG="false",
        REDIS_URL="redis://localhost:6379/0",
        POSTGRES_URL="postgresql://user:pass@localhost/db",
        API_KEY_SECRET="your_secret_key_here",
        ENABLE_HUMAN_IN_LOOP="true",
        LOG_LEVEL="INFO",
        METRICS_ENABLED="true",
    )
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.reveal() == "sk-0123456789abcdef"
    assert (settings.model, settings.temperature, settings.answer_tokens) == ("gpt-4", 0.7, 4000)
    assert settings.max_tokens is None
    assert (settings.code_execution, settings.timeout, settings.max_rounds) == ("local", 300, 50)
    assert (settings.host, settings.port, settings.debug) == ("0.0.0.0", 8000, False)
    assert settings.redis_url is not None
    assert settings.redis_url.reveal() == "redis://localhost:6379/0"
    assert settings.postgres_url is not None
    assert str(settings.postgres_url) == "postgresql://user:…@localhost/db"
    assert settings.api_key_secret is not None
    assert (settings.human_in_loop, settings.log_level, settings.metrics) == (True, "info", True)


def test_the_customary_limit_of_tokens_is_of_each_answer_and_ours_of_the_run(
    choose: Load,
) -> None:
    settings = choose(MAX_TOKENS="4000", RETINUE_MAX_TOKENS="9000")
    assert (settings.answer_tokens, settings.max_tokens) == (4000, 9000)
    settings = choose(MAX_TOKENS="4000", RETINUE_ANSWER_TOKENS="5000")
    assert (settings.answer_tokens, settings.max_tokens) == (5000, None)


def test_the_more_particular_log_level_wins(choose: Load) -> None:
    assert choose(LOG_LEVEL="info", AUTOGEN_LOG_LEVEL="DEBUG").log_level == "debug"


def test_a_misspelt_variable_of_ours_is_noticed(choose: Load) -> None:
    assert choose(RETINUE_MODLE="x", RETINUE_MODEL="demo").ignored == ("RETINUE_MODLE",)


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("TEMPERATURE", "hot", "TEMPERATURE must be a number from 0 to 2, not 'hot'"),
        ("TEMPERATURE", "nan", "TEMPERATURE must be a number from 0 to 2, not 'nan'"),
        ("MAX_TOKENS", "0", "MAX_TOKENS must be a whole number of at least 1, not '0'"),
        ("APP_PORT", "70000", "APP_PORT must be a whole number from 0 to 65535, not '70000'"),
        ("APP_DEBUG", "maybe", "APP_DEBUG must be true or false, not 'maybe'"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of debug, info, warning, error, critical"),
        ("RETINUE_NAME", "\x1b[0m", r"RETINUE_NAME must be a name"),
        (
            "AUTOGEN_TIMEOUT",
            "0",
            "AUTOGEN_TIMEOUT must be a number of seconds from 0.001 to 10,000,000",
        ),
        ("OPENAI_API_KEY", "file:key", "OPENAI_API_KEY must be a reference"),
    ],
)
def test_a_variable_that_cannot_be_is_named_with_what_it_must_be(
    choose: Load, variable: str, text: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        choose(**{variable: text})
    assert caught.value.hint


def test_a_foreign_variable_can_be_overruled_by_ours(choose: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        choose(LOG_LEVEL="loud")
    assert "RETINUE_LOG_LEVEL" in (caught.value.hint or "")
    assert choose(LOG_LEVEL="loud", RETINUE_LOG_LEVEL="error").log_level == "error"


def test_a_flag_that_cannot_be_is_named(choose: Load) -> None:
    with pytest.raises(SettingsError, match="--max-steps must be a whole number"):
        choose(flags={"max_steps": "many"})


@pytest.mark.parametrize(
    ("text", "tools"), [("clock", ("clock",)), (" a, b ,", ("a", "b")), ("none", ()), (",", ())]
)
def test_tools_are_a_list_with_commas(choose: Load, text: str, tools: tuple[str, ...]) -> None:
    assert choose(flags={"tools": text}).tools == tools


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:8000", "http://127.0.0.1:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("[fe80::1]", "http://[fe80::1]:11434"),
        ("lab", "http://lab:11434"),
        (" lab:80/ ", "http://lab:80"),
        ("http://lab", "http://lab:80"),
        ("https://lab.example/ollama/", "https://lab.example:443/ollama"),
    ],
)
def test_ollamas_own_variable_is_read_as_ollama_reads_it(
    choose: Load, written: str, address: str
) -> None:
    assert choose(OLLAMA_HOST=written).ollama_url == address
    assert choose(RETINUE_OLLAMA_URL=address, OLLAMA_HOST="elsewhere").ollama_url == address


@pytest.mark.parametrize("written", ["lab:99999", "u:secret@lab", "lab:port", "ftp://lab", "a b"])
def test_an_address_that_ollama_cannot_have_is_refused(choose: Load, written: str) -> None:
    with pytest.raises(SettingsError, match="OLLAMA_HOST must be an address like") as caught:
        choose(OLLAMA_HOST=written)
    assert "secret" not in str(caught.value)
    assert "RETINUE_OLLAMA_URL" in (caught.value.hint or "")


def test_the_table_has_every_setting_once() -> None:
    beside = {"models", "origins", "sources", "ignored"}
    assert [option.name for option in OPTIONS] == [
        each.name for each in fields(Settings) if each.name not in beside
    ]
    variables = [name for option in OPTIONS for name in option.variables]
    assert len(variables) == len(set(variables))


def test_a_person_without_a_home_has_no_files(project: Path) -> None:
    settings = load(flags={}, environ={}, folder=project)
    assert [source.layer for source in settings.sources] == []


def test_a_folder_that_is_gone_has_no_project(home: Path) -> None:
    assert load(flags={}, environ={"HOME": str(home)}, folder=None) == Settings()


def test_the_current_folder_may_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert current_folder() == tmp_path.resolve() / "gone"
    (tmp_path / "gone").rmdir()
    assert current_folder() is None


def test_relative_xdg_folders_are_ignored(home: Path) -> None:
    user_config(home, 'name = "Ada"')
    environ = {"HOME": str(home), "XDG_CONFIG_HOME": "relative"}
    assert load(flags={}, environ=environ, folder=None).name == "Ada"


def test_a_switch_is_understood_in_many_words(choose: Load) -> None:
    assert [choose(APP_DEBUG=word).debug for word in ("1", "TRUE", "yes", "on")] == [True] * 4
    assert [choose(METRICS_ENABLED=word).metrics for word in ("0", "no", "Off")] == [False] * 3


def test_xdg_folders_are_heeded(home: Path, tmp_path: Path) -> None:
    (tmp_path / "etc/retinue").mkdir(parents=True)
    (tmp_path / "etc/retinue/config.toml").write_text('name = "Ada"')
    environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(tmp_path / "etc")}
    assert load(flags={}, environ=environ, folder=None).name == "Ada"


def trusted(home: Path, project: Path, toml: str, *, env: str | None = None) -> None:
    (project / "retinue.toml").write_text(toml)
    if env is not None:
        (project / ".env").write_text(env)
    else:
        (project / ".env").unlink(missing_ok=True)
    Trusted(trust_file({"HOME": str(home)})).add(read_project(project))


def user_config(home: Path, toml: str) -> None:
    folder = home / ".config/retinue"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(toml)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def choose(home: Path, project: Path) -> Load:
    """`load` in a project and a home of our own; variables as keywords."""

    def load_here(flags: Mapping[str, str] | None = None, **environ: Any) -> Settings:
        return load(flags=flags or {}, environ={"HOME": str(home), **environ}, folder=project)

    return load_here
