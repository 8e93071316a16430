"""Files of settings: what they may say, and what is said when they are broken."""

from pathlib import Path

import pytest

from retinue.errors import SettingsError
from retinue.settings import Settings, load
from retinue.settings._files import parse_env

PATH = Path("/p/.env")


def test_each_kind_of_setting_can_be_written(config: Path) -> None:
    config.write_text(
        """
        model = "lab"
        system = "Be brief."
        tools = ["clock"]
        temperature = 1
        max_tokens = 100
        human_in_loop = false
        log_level = "DEBUG"
        openai_api_key = "env:MY_KEY"
        redis_url = "redis://localhost:6379/0"

        [models.lab]
        base_url = "http://lab:8080/v1/"
        model = "qwen3"
        api_key = "env:LAB_KEY"
        """
    )
    settings = read(config, MY_KEY="sk-0123456789abcdef", LAB_KEY="lab-0123456789abcdef")
    assert (settings.model, settings.system, settings.tools) == ("lab", "Be brief.", ("clock",))
    assert (settings.temperature, settings.max_tokens, settings.human_in_loop) == (1.0, 100, False)
    assert settings.log_level == "debug"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.reveal() == "sk-0123456789abcdef"
    assert settings.redis_url is not None
    assert settings.redis_url.reveal() == "redis://localhost:6379/0"
    lab = settings.models["lab"]
    assert (lab.base_url, lab.model) == ("http://lab:8080/v1", "qwen3")
    assert lab.api_key is not None
    assert lab.api_key.reveal() == "lab-0123456789abcdef"
    assert settings.origin("models.lab").where == str(config)


@pytest.mark.parametrize(
    ("toml", "complaint", "hint"),
    [
        ('model = "a"\nname = Ada\n', "config.toml:2:8: Invalid value", 'name = "text"'),
        ("model = [", "config.toml:1: ", 'name = "text"'),
        ('a = 1\nmodl = "demo"', "config.toml:1: unknown setting 'a'", "Known: "),
        ('\nmodl = "demo"', "config.toml:2: unknown setting 'modl'", "Did you mean 'model'?"),
        (
            'max_tokens = "4000"',
            "config.toml:1: max_tokens must be a whole number of at least 1, not '4000'",
            "Mend",
        ),
        ("max_tokens = true", "max_tokens must be a whole number", "Mend"),
        ("system = 1", "system must be text, not 1", "Mend"),
        ("debug = 1", "debug must be true or false, not 1", "Mend"),
        ('tools = "clock"', "tools must be a list of names", "Mend"),
        ("tools = [1]", "tools must be a list of names", "Mend"),
        ("temperature = nan", "temperature must be a number from 0 to 2", "Mend"),
        ("log_level = 1", "log_level must be one of", "Mend"),
        ("name = ''", "name must be a name", "Mend"),
        ("openai_api_key = 1", "openai_api_key must be a reference to a key", "Mend"),
        ('redis_url = "localhost"', "redis_url must be an address without a password", "Mend"),
        ("models = 1", "config.toml:1: models is no table", r"[models.lab]"),
        ("[models]\nlab = 1", "config.toml:2: models.lab is no endpoint", "[models.lab]"),
        ('["models"."a:b"]', "models.a:b is no endpoint", "[models.lab]"),
        ("[models.lab]", "config.toml:1: models.lab has no base_url", "[models.lab]"),
        (
            '[models.lab]\nbase_ulr = "http://x"',
            "config.toml:2: unknown key of an endpoint, 'base_ulr'",
            "Did you mean 'base_url'?",
        ),
        (
            'model = "x"\n[models.lab]\nbase_url = "http://x"\nmodel = 1\n[persona]',
            "config.toml:4: model must be a name",
            "Mend",
        ),
        (
            '[models]\nlab = {base_url = "http://x", model = 1}\nb = {model = "m"}',
            "config.toml:3: models.b has no base_url",
            "[models.lab]",
        ),
        (
            'models.lab = {base_url = "http://x", model = 1}\n[persona]\nmodel = 1',
            "config.toml:3: unknown key of a persona, 'model'",
            "Known: ",
        ),
        (
            '[models]\nlab = {base_url = "http://x", model = 1}\n[persona]\nname = "model"',
            "config.toml:2: model must be a name",
            "Mend",
        ),
        (
            '[models.lab]\nbase_url = "ftp://x"\nmodel = "m"',
            "config.toml:2: base_url must be an address like",
            "Mend",
        ),
    ],
)
def test_a_broken_file_is_named_with_line_and_remedy(
    config: Path, toml: str, complaint: str, hint: str
) -> None:
    config.write_text(toml)
    with pytest.raises(SettingsError) as caught:
        read(config)
    assert complaint in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["openai_api_key", "api_key_secret", "postgres_url"])
def test_a_secret_in_a_file_is_refused_without_being_shown(config: Path, name: str) -> None:
    config.write_text(f'{name} = "postgresql://u:topsecret@h/db"')
    with pytest.raises(SettingsError, match=r"must be .*reference") as caught:
        read(config)
    assert "topsecret" not in str(caught.value) + (caught.value.hint or "")


def test_a_file_that_is_no_utf_8_is_named_with_its_line(config: Path) -> None:
    config.write_bytes(b'model = "demo"\nname = "\xff"')
    with pytest.raises(SettingsError, match=r"config\.toml:2: byte 0xff is no UTF-8"):
        read(config)


def test_a_byte_order_mark_is_no_matter(config: Path) -> None:
    config.write_text('\ufeffname = "Ada"', encoding="utf-8")
    assert read(config).name == "Ada"


def test_a_folder_in_place_of_the_file_is_said(config: Path) -> None:
    config.mkdir()
    with pytest.raises(SettingsError, match=r"config\.toml cannot be read: Is a directory"):
        read(config)


def test_a_dotenv_is_read_as_others_write_it() -> None:
    text = """
    # comment
    PLAIN=value
    export EXPORTED = spaced out # and a comment
    HASH=a#b
    EMPTY=
    SINGLE='as $it is\\n' # x
    DOUBLE="two\\nlines \\"quoted\\" \\\\ \\x"
    """
    assert parse_env(text.encode(), PATH) == {
        "PLAIN": "value",
        "EXPORTED": "spaced out",
        "HASH": "a#b",
        "EMPTY": "",
        "SINGLE": "as $it is\\n",
        "DOUBLE": 'two\nlines "quoted" \\ \\x',
    }


@pytest.mark.parametrize("line", ["just words", "=1", "A-B=1", 'A="open', "A='open", 'A="a"b'])
def test_a_line_that_is_no_variable_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match=r"/p/\.env:2: this is no variable"):
        parse_env(f"A=1\n{line}".encode(), PATH)


def read(config: Path, **environ: str) -> Settings:
    home = config.parents[2]
    return load(flags={}, environ={"HOME": str(home), **environ}, folder=None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / ".config/retinue").mkdir(parents=True)
    return tmp_path / ".config/retinue/config.toml"
