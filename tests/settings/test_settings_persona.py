"""Who the assistant is: written in a file or a table, told to every model in plain English."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from retinue.errors import SettingsError
from retinue.settings import (
    Origin,
    Persona,
    Settings,
    Trusted,
    find_project,
    load,
    read_project,
    trust_file,
)

type Load = Callable[..., Settings]

ADA = 'name = "Ada"\npersonality = "curious and kind"\ntone = "dry"\nlanguage = "Finnish"\n'


@pytest.mark.parametrize(
    ("persona", "prompt"),
    [
        (Persona(), ""),
        (Persona(name="Ada"), "You are Ada."),
        (Persona(name="J. R."), "You are J. R."),
        (
            Persona(
                name="Ada",
                personality="curious,\nand kind!",
                tone="dry and short.",
                language="Finnish",
                instructions="Never say sorry.\n\nLike cats.",
            ),
            "You are Ada. Your personality: curious, and kind! Your tone: dry and short. "
            "Answer in Finnish unless asked otherwise.\n\nNever say sorry.\n\nLike cats.",
        ),
        (Persona(instructions="Be brief"), "Be brief"),
    ],
)
def test_the_prompt_is_plain_english(persona: Persona, prompt: str) -> None:
    assert persona.prompt() == prompt


@pytest.mark.parametrize(
    ("persona", "system", "prompt"),
    [
        (None, None, None),
        (None, "", None),
        (Persona(), None, None),
        (None, "Be brief.", "Be brief."),
        (Persona(name="Ada"), None, "You are Ada."),
        (Persona(name="Ada"), "Be brief.", "You are Ada.\n\nBe brief."),
    ],
)
def test_who_it_is_comes_before_what_it_should_do(
    persona: Persona | None, system: str | None, prompt: str | None
) -> None:
    assert Settings(persona=persona, system=system).prompt == prompt


def test_a_file_is_named_by_a_flag(here: Path, choose: Load) -> None:
    (here / "ada.toml").write_text(ADA)
    settings = choose({"persona": "ada.toml"})
    assert settings.persona == Persona(
        name="Ada", personality="curious and kind", tone="dry", language="Finnish"
    )
    assert settings.origin("persona") == Origin("flag", "--persona")
    assert choose({"persona": str(here / "ada.toml")}) == settings
    assert choose(RETINUE_PERSONA="ada.toml").persona == settings.persona


def test_a_table_is_in_the_persons_own_settings(config: Path, choose: Load) -> None:
    config.write_text('[persona]\nname = "Ada"\ninstructions = """\nBe brief.\n"""\n')
    settings = choose()
    assert settings.persona == Persona(name="Ada", instructions="Be brief.")
    assert settings.origin("persona") == Origin("user", str(config))


def test_a_path_in_the_settings_begins_where_they_are(config: Path, choose: Load) -> None:
    (config.parent / "ada.toml").write_text(ADA)
    config.write_text('persona = "ada.toml"')
    assert choose().name == "Ada"


def test_a_path_may_begin_at_home(
    tmp_path: Path, config: Path, choose: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ada.toml").write_text(ADA)
    config.write_text('persona = "~/ada.toml"')
    assert choose().name == "Ada"


def test_the_nearest_persona_counts_and_no_other_is_read(
    here: Path, config: Path, choose: Load
) -> None:
    config.write_text('persona = "nowhere.toml"')
    (here / "ada.toml").write_text(ADA)
    assert choose({"persona": "ada.toml"}).name == "Ada"


@pytest.mark.parametrize(
    ("toml", "flags", "name"),
    [
        ("[persona]\nname = 'Ada'", {}, "Ada"),
        ("name = 'Bob'\n[persona]\nname = 'Ada'", {}, "Bob"),
        ("[persona]\nname = 'Ada'", {"name": "Bob"}, "Bob"),
        ("name = 'Bob'\n[persona]\ntone = 'dry'", {}, "Bob"),
        ("name = 'Bob'", {"persona": "ada.toml"}, "Ada"),
        ("name = 'Bob'", {"persona": "ada.toml", "name": "Eve"}, "Eve"),
    ],
)
def test_a_name_wins_over_the_personas_unless_that_is_nearer(
    here: Path, config: Path, choose: Load, toml: str, flags: Mapping[str, str], name: str
) -> None:
    (here / "ada.toml").write_text(ADA)
    config.write_text(toml)
    settings = choose(flags)
    assert settings.name == name
    assert settings.persona is not None
    assert settings.persona.name == name
    assert (settings.prompt or "").startswith(f"You are {name}.")


def test_a_persona_without_a_name_leaves_the_name_alone(config: Path, choose: Load) -> None:
    config.write_text("[persona]\ntone = 'dry'")
    settings = choose()
    assert (settings.name, settings.prompt) == ("retinue", "Your tone: dry.")
    assert settings.origin("name") == Origin("default")


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("tone = 'dry'\nnmae = 'Ada'", "ada.toml:2: unknown key of a persona, 'nmae'", "'name'?"),
        ("model = 'x'", "ada.toml:1: unknown key of a persona, 'model'", "Known: instructions,"),
        ("\nname = 1", "ada.toml:2: name must be one line of at most 80 characters", "ada.toml."),
        ("name = ' '", "name must be one line", "Mend"),
        (f"name = '{'x' * 81}'", "name must be one line of at most 80 characters", "Mend"),
        ("language = 'a\x85b'", "language must be one line", "Mend"),
        (f"tone = '{'x' * 501}'", "tone must be text of at most 500 characters", "Mend"),
        ("tone = ['dry']", "tone must be text", "Mend"),
        ("name = Ada", "ada.toml:1:8: Invalid value", 'name = "text"'),
        ("# " + "x" * 100_000, "--persona: ada.toml is longer than 100,000 bytes", "shorter"),
    ],
)
def test_a_broken_persona_is_named_with_its_line(
    here: Path, choose: Load, text: str, complaint: str, hint: str
) -> None:
    (here / "ada.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        choose({"persona": "ada.toml"})
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 500
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("nowhere.toml", "--persona: nowhere.toml cannot be read: No such file"),
        (".", "--persona: . cannot be read: Is a directory"),
        (" ", "--persona must be the path of a TOML file"),
        ("~nobody-here/ada.toml", "cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_read_is_said(choose: Load, path: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose({"persona": path})
    assert complaint in str(caught.value)
    assert caught.value.hint


def test_where_the_current_folder_is_gone_a_whole_path_is_needed(tmp_path: Path) -> None:
    (tmp_path / "ada.toml").write_text(ADA)
    flags = {"persona": str(tmp_path / "ada.toml")}
    assert load(flags=flags, environ={}, folder=None).name == "Ada"


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("model = 'demo'\n[persona]\ntnoe = 'dry'", "config.toml:3: unknown key of a persona"),
        ("[persona]\ntone = 1", "config.toml:2: tone must be text"),
        ("name = 'x'\n[persona]\nname = 1", "config.toml:3: name must be one line"),
        ("name = 'x'\npersona = {name = 1}\n", "config.toml:2: name must be one line"),
        ("persona = 1", "config.toml:1: persona must be the path of a TOML file, or a table"),
        ("persona = 'x.toml'", "config.toml:1: persona: x.toml cannot be read"),
    ],
)
def test_a_broken_table_is_named_with_its_line(
    config: Path, choose: Load, toml: str, complaint: str
) -> None:
    config.write_text(toml)
    with pytest.raises(SettingsError) as caught:
        choose()
    assert complaint in str(caught.value)


class TestOfAProject:
    """It steers a model, so it counts only while it is what its person has looked at."""

    def test_a_table_counts_once_it_is_trusted(self, here: Path, choose: Load, trust: Any) -> None:
        (here / "retinue.toml").write_text("[persona]\nname = 'Ada'")
        assert choose().persona is None
        trust()
        assert choose().name == "Ada"

    @pytest.mark.parametrize("where", ["retinue.toml", ".env"])
    def test_a_file_is_judged_with_the_rest(
        self, here: Path, choose: Load, trust: Any, where: str
    ) -> None:
        (here / "retinue.toml").write_text("")
        name, line = {
            "retinue.toml": ("retinue.toml", "persona = './personas/ada.toml'"),
            ".env": (".env", "RETINUE_PERSONA=personas/../personas/ada.toml"),
        }[where]
        (here / name).write_text(line)
        (here / "personas").mkdir()
        (here / "personas/ada.toml").write_text(ADA)
        assert choose().persona is None
        trust()
        assert choose().name == "Ada"
        (here / "personas/ada.toml").write_text("name = 'Eve'")
        assert choose().persona is None

    def test_what_is_read_is_what_was_judged(self, here: Path, choose: Load, trust: Any) -> None:
        (here / "retinue.toml").write_text("persona = 'personas/ada.toml'")
        (here / "personas").mkdir()
        (here / "personas/ada.toml").write_text("nmae = 'Ada'")
        trust()
        with pytest.raises(SettingsError, match=r"personas/ada\.toml:1: unknown key") as caught:
            choose()
        assert "Did you mean 'name'?" in (caught.value.hint or "")

    @pytest.mark.parametrize("path", ["ada.toml", "../ada.toml", "/ada.toml", "~/ada.toml", "."])
    def test_a_file_that_nobody_judged_is_refused(
        self, here: Path, choose: Load, trust: Any, path: str
    ) -> None:
        (here / "ada.toml").write_text(ADA)
        (here.parent / "ada.toml").write_text(ADA)
        (here / "retinue.toml").write_text(f"persona = '{path}'")
        trust()
        with pytest.raises(SettingsError, match="none of the files that are trusted") as caught:
            choose()
        assert "personas/" in (caught.value.hint or "")

    def test_a_flag_needs_no_trust(self, here: Path, choose: Load) -> None:
        (here / "retinue.toml").write_text("")
        (here / "personas").mkdir()
        (here / "personas/ada.toml").write_text(ADA)
        assert choose({"persona": "personas/ada.toml"}).name == "Ada"

    @pytest.fixture
    def trust(self, tmp_path: Path, here: Path) -> Callable[[], None]:
        trusted = Trusted(trust_file({"HOME": str(tmp_path)}))
        assert find_project(here, trusted) is None
        return lambda: trusted.add(read_project(here))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where we are."""
    folder = tmp_path.resolve() / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / ".config/retinue").mkdir(parents=True)
    return tmp_path / ".config/retinue/config.toml"


@pytest.fixture
def choose(tmp_path: Path, here: Path) -> Load:
    """`load` where we are; variables as keywords."""

    def load_here(flags: Mapping[str, str] | None = None, **environ: Any) -> Settings:
        return load(flags=flags or {}, environ={"HOME": str(tmp_path), **environ}, folder=here)

    return load_here
