"""The questions of `setup`, one by one, to somebody who types what we wrote."""

import getpass
import io
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from retinue.cli._screen import Screen
from retinue.cli.setup import _around, _model, _trial
from retinue.cli.setup._around import Around, look_around
from retinue.cli.setup._choice import Choice
from retinue.cli.setup._dialogue import Dialogue
from retinue.cli.setup._key import ask_for_key
from retinue.cli.setup._model import ask_for_model
from retinue.cli.setup._persona import ask_for_persona
from retinue.cli.setup._trial import try_out
from retinue.errors import ModelUnreachable, SettingsError
from retinue.models import PROVIDERS, provider_of
from retinue.settings import Endpoint, Origin, Persona, Secret, Settings
from retinue.settings.keeping import changed
from retinue.telemetry.terminal import Look

type Types = Callable[..., Dialogue]

NOBODY = Around((), ())
KEY = "sk-0123456789abcdef"
OTHER = "5" if PROVIDERS["claude_agent"].is_installed else "4"
"""The number of another server, where nobody has a server or a key."""
PACKAGES = ("anthropic", "claude_agent_sdk", "google", "google.genai", "openai")
LAB = b"""\
model = "old"

[models.lab] # down the hall
base_url = "http://lab/v1"
model = "a"
retries = 5 # it is far
api_key = "env:LAB_KEY"
"""


class TestAsking:
    @pytest.mark.parametrize("nonsense", ["0", "4", "x", "²", "-1", "1.5", "9" * 5000])
    def test_a_number_is_asked_for_until_it_is_one(
        self, types: Types, out: io.StringIO, nonsense: str
    ) -> None:
        assert types(nonsense, "2").number(["a", "b", "c"]) == 1
        assert "  I need a number from 1 to 3.\n" in out.getvalue()

    def test_enter_is_what_stands_in_brackets(self, types: Types, out: io.StringIO) -> None:
        dialogue = types("", "", "")
        assert dialogue.number(["a", "b"], default=1) == 1
        assert dialogue.letter("[Y]es, [n]o", "yn") == "y"
        assert dialogue.line("Who?", str, default="Ada", expects="a name") == "Ada"
        assert out.getvalue() == "  1  a\n  2  b\nNumber [2]: [Y]es, [n]o: Who? [Ada]: "

    def test_a_letter_may_be_a_word(self, types: Types) -> None:
        assert types("maybe", "NO").letter("[Y]es, [n]o", "yn") == "n"

    def test_what_steers_the_terminal_is_no_answer(self, types: Types) -> None:
        answer = types("\x1b[A", "Ada").line("Who?", str, expects="a name")
        assert answer == "Ada"

    def test_what_is_no_text_is_no_answer(
        self, types: Types, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dialogue = types()
        typed = io.BufferedReader(ByLine([b"\xff\n", b"Ada\n"]))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(typed, encoding="utf-8"))
        assert dialogue.line("Who?", str, expects="a name") == "Ada"

    def test_the_end_of_input_is_the_end(self, types: Types) -> None:
        with pytest.raises(EOFError):
            types().line("Who?", str, expects="a name")

    def test_a_key_is_one_word_of_plain_letters(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        typed = iter(["", "two words", "schlüssel", "tab\t", f" {KEY} "])
        monkeypatch.setattr(getpass, "getpass", lambda prompt: next(typed))
        assert types().hidden("The key") == "tab"
        assert types().hidden("The key") == KEY
        assert out.getvalue().count("I need a key") == 3

    def test_where_a_key_would_be_seen_it_is_not_asked_for(
        self, types: Types, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def shows(prompt: str) -> str:
            warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning)  # noqa: B028
            pytest.fail("it was read")

        monkeypatch.setattr(getpass, "getpass", shows)
        with pytest.raises(SettingsError, match="cannot hide"):
            types().hidden("The key")

    def test_no_secret_is_said(self, types: Types, out: io.StringIO) -> None:
        dialogue = types()
        dialogue.hide(KEY, "sk-…cdef")
        dialogue.say(f"The server says {KEY}")
        dialogue.complain(ModelUnreachable(f"no\n{KEY}", hint="Start it."))
        assert out.getvalue() == "The server says sk-…cdef\n  no sk-…cdef. Start it.\n"


class TestTheKey:
    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setitem(sys.modules, "keyring", None)

    def test_it_may_be_in_a_variable_that_is_not_set_yet(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LAB_KEY", raising=False)
        assert ask(types("1", "LAB_KEY")) == Secret("env:LAB_KEY")
        assert "LAB_KEY is not set here" in out.getvalue()

    def test_a_key_in_the_place_of_the_variable_is_not_repeated(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("lab_key", KEY)
        key = ask(types("1", "sk-0123456789", "abcdef0123456789", "lab_key"))
        assert key is not None
        assert key.reference == "env:lab_key"
        assert out.getvalue().count("I need the name of a variable, like LAB_API_KEY.") == 2
        assert "0123456789" not in out.getvalue()

    def test_what_is_typed_is_kept_nowhere_yet(
        self, types: Types, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(getpass, "getpass", lambda prompt: KEY)
        key = ask(types("2"))
        assert key is not None
        assert (key.reference, key.reveal()) == (f"file:{tmp_path}/retinue/keys/lab", KEY)
        assert list(tmp_path.iterdir()) == []

    def test_the_one_that_is_used_now_is_what_enter_takes(self, types: Types) -> None:
        now = Secret("env:LAB_KEY", KEY)
        assert ask(types(""), now=now) is now
        assert ask(types(""), now=now, needed=False) is now
        assert ask(types("4"), now=now, needed=False) is None
        assert ask(types(""), needed=False) is None

    def test_one_without_a_reference_cannot_be_kept_as_it_is(self, types: Types) -> None:
        assert ask(types(""), now=Secret("", KEY), needed=False) is None


class TestTheModel:
    def test_what_is_there_is_offered_first(self, types: Types, out: io.StringIO) -> None:
        there = Around(
            ("ollama:a", "ollama:b", "ollama:c", "ollama:d", "ollama:e"), ("compatible:/m.gguf",)
        )
        assert ask_for_model(types("", "2"), Settings(), there) == Choice(model="ollama:b")
        assert "  1  Ollama: a, b, c and 2 more\n  2  llama-server: /m.gguf\n" in out.getvalue()
        assert ask_for_model(types("2"), Settings(), there) == Choice(
            model="llama-server",
            endpoint=Endpoint(base_url="http://127.0.0.1:8080/v1", model="/m.gguf"),
        )

    def test_what_was_chosen_before_is_what_enter_takes(self, types: Types) -> None:
        settings = Settings(model="gpt-4", origins={"model": Origin("user", "config.toml")})
        there = Around(("ollama:a",), ())
        assert ask_for_model(types(""), settings, there) == Choice(model="gpt-4")
        settings = replace(settings, model="ollama:b")
        there = Around(("ollama:a", "ollama:b"), ())
        assert ask_for_model(types("2", ""), settings, there) == Choice(model="ollama:b")

    def test_many_models_are_not_listed(self, types: Types, out: io.StringIO) -> None:
        there = Around(tuple([f"ollama:m{number}" for number in range(50)]), ())
        assert ask_for_model(types("1", "m 7", "m7"), Settings(), there).model == "ollama:m7"
        assert "Which of its 50 models? [m0]: " in out.getvalue()
        assert "m49" not in out.getvalue()

    def test_openai_has_a_model_of_today_as_the_default(self, types: Types) -> None:
        settings = Settings(openai_api_key=Secret("env:OPENAI_API_KEY", KEY))
        choice = ask_for_model(types("1", "", ""), settings, NOBODY)
        assert choice.model.startswith("openai:gpt-")
        assert choice.api_key is settings.openai_api_key
        settings = replace(settings, model="openai:x")
        assert ask_for_model(types("1", "", ""), settings, NOBODY).model == "openai:x"
        choice = ask_for_model(types("1", "", "openai:y"), settings, NOBODY)
        assert choice.model == "openai:y"

    @pytest.mark.parametrize(
        ("typed", "address", "name"),
        [
            ("http://localhost:8000/v1/", "http://localhost:8000/v1", "localhost"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "local"),
            ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1", "openrouter"),
            ("https://api.lab.example/v1/chat/completions", "https://api.lab.example/v1", "lab"),
        ],
    )
    def test_another_server_gets_a_name(
        self,
        types: Types,
        monkeypatch: pytest.MonkeyPatch,
        typed: str,
        address: str,
        name: str,
    ) -> None:
        asked = offering(monkeypatch, "compatible:a", "compatible:b:7b")
        dialogue = types(OTHER, "http://", "http://[x", "lab", typed, "", "", "2")
        choice = ask_for_model(dialogue, Settings(), NOBODY)
        assert choice == Choice(
            model=name, endpoint=Endpoint(base_url=address, model="compatible:b:7b")
        )
        assert asked == [(address, None)]

    @pytest.mark.parametrize("name", ["demo", "auto", "a:b", "ä", "x" * 41, "7b"])
    def test_a_name_that_means_something_else_is_refused(
        self, types: Types, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        offering(monkeypatch, "compatible:a")
        choice = ask_for_model(types(OTHER, "", name, "lab", ""), Settings(), NOBODY)
        assert choice.model == "lab"

    def test_a_server_that_has_no_list_is_believed(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(base_url: str, api_key: str | None) -> tuple[str, ...]:
            raise ModelUnreachable(f"no list at {base_url}")

        monkeypatch.setattr(_model, "models_at", refuse)
        choice = ask_for_model(types(OTHER, "", "lab", "", "", "a:7b"), Settings(), NOBODY)
        assert choice.endpoint is not None
        assert choice.endpoint.model == "compatible:a:7b"
        assert "It does not say which models it has: no list at http://127.0.0.1" in out.getvalue()

    def test_an_endpoint_of_before_is_the_default(
        self, types: Types, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = offering(monkeypatch, "compatible:a", "compatible:b:7b")
        key = Secret("env:LAB_KEY", KEY)
        lab = Endpoint(
            base_url="http://lab/v1", model="compatible:b:7b", api_key=key, options={"retries": 5}
        )
        settings = Settings(model="lab", models={"lab": lab})
        choice = ask_for_model(types(OTHER, "", "", "", ""), settings, NOBODY)
        assert choice == Choice(model="lab", endpoint=lab)
        assert asked == [("http://lab/v1", KEY)]
        assert choice.typed is None
        written = changed(LAB, Path("config.toml"), choice.changes())
        assert written == LAB.decode().replace("old", "lab").replace('"a"', '"compatible:b:7b"')

    def test_options_of_another_provider_do_not_stay(
        self, types: Types, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offering(monkeypatch, "compatible:b")
        lab = Endpoint(base_url="http://lab/v1", model="openai:b", options={"api": "chat"})
        settings = Settings(model="lab", models={"lab": lab})
        choice = ask_for_model(types(OTHER, "", "", "", ""), settings, NOBODY)
        assert choice.endpoint == Endpoint(base_url="http://lab/v1", model="b")
        before = b'[models.lab]\nmodel = "openai:b"\napi = "chat" # because\n'
        assert "api" not in changed(before, Path("config.toml"), choice.changes())

    def test_a_key_does_not_go_to_another_machine(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = offering(monkeypatch, "compatible:a")
        key = Secret("env:LAB_KEY", KEY)
        lab = Endpoint(base_url="http://lab/v1", model="a", api_key=key)
        settings = Settings(model="lab", models={"lab": lab})
        ask_for_model(types(OTHER, "http://elsewhere/v1", "lab", ""), settings, NOBODY)
        ask_for_model(types(OTHER, "http://lab:81/v1", "lab", ""), settings, NOBODY)
        assert asked == [("http://elsewhere/v1", None), ("http://lab:81/v1", KEY)]


class TestVendors:
    """Each is offered; those to whom there is a key come first."""

    @pytest.fixture(autouse=True)
    def _installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for package in PACKAGES:  # as if they were here
            module = ModuleType(package)
            module.__spec__ = ModuleSpec(package, None)
            monkeypatch.setitem(sys.modules, package, module)

    def test_all_are_offered(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        assert ask_for_model(types("6"), Settings(), NOBODY).model == "demo"
        offered = [line[5:] for line in out.getvalue().splitlines() if line.startswith("  ")]
        assert offered == [
            "Google Gemini (there is a key in GOOGLE_API_KEY)",
            "OpenAI",
            "Anthropic",
            "Claude Agent",
            "Another server that speaks Chat Completions",
            "The demo, which is no language model: to look around",
        ]

    @pytest.mark.parametrize(
        ("number", "variable", "setting", "model"),
        [
            ("1", "OPENAI_API_KEY", "openai_api_key", "openai:gpt-6.1-sol"),
            ("2", "ANTHROPIC_API_KEY", "anthropic_api_key", "anthropic:claude-sonnet-5-5"),
            ("3", "GEMINI_API_KEY", "gemini_api_key", "gemini:gemini-4-argon"),
        ],
    )
    def test_a_vendors_key_becomes_its_own_setting(
        self, types: Types, number: str, variable: str, setting: str, model: str
    ) -> None:
        choice = ask_for_model(types(number, "", "", ""), Settings(), NOBODY)
        assert choice.changes() == {"model": model, setting: f"env:{variable}"}
        applied = choice.applied(Settings())
        assert getattr(applied, setting).reference == f"env:{variable}"
        assert provider_of(applied.model) == model.partition(":")[0]

    def test_claude_agent_needs_no_key_and_can_have_that_of_anthropic(self, types: Types) -> None:
        choice = ask_for_model(types("4", "", "opus"), Settings(), NOBODY)
        assert choice.changes() == {"model": "claude_agent:opus"}
        assert choice.applied(Settings()) == Settings(model="claude_agent:opus")
        choice = ask_for_model(types("4", "1", "", ""), Settings(), NOBODY)
        assert choice.changes() == {
            "model": "claude_agent:claude-sonnet-5-5",
            "anthropic_api_key": "env:ANTHROPIC_API_KEY",
        }

    def test_a_missing_package_is_said_before_the_key_is_asked_for(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "anthropic", None)
        monkeypatch.setitem(sys.modules, "claude_agent_sdk", None)
        assert ask_for_model(types("2", "t", "c", "5"), Settings(), NOBODY).model == "demo"
        said = out.getvalue()
        assert "Anthropic (needs a package)" in said
        assert said.count("  pip install 'retinue[anthropic]'\n") == 2
        assert "Where is the key" not in said
        assert "Claude Agent" not in said
        choice = ask_for_model(types("2", "g", "", "", "x"), Settings(), NOBODY)
        assert choice.model == "anthropic:x"

    def test_a_package_may_come_while_somebody_waits(
        self, types: Types, out: io.StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delitem(sys.modules, "anthropic")
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        dialogue = types("2", "t", "", "", "x")
        say = dialogue.say

        def install_when_told(text: str = "", *styles: str) -> None:
            if "pip install" in text:
                (tmp_path / "anthropic.py").touch()
            say(text, *styles)

        monkeypatch.setattr(dialogue, "say", install_when_told)
        assert ask_for_model(dialogue, Settings(), NOBODY).model == "anthropic:x"
        assert out.getvalue().count("pip install") == 1


class TestLookingAround:
    def test_who_is_silent_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def models(provider: str, *, base_url: str, api_key: str | None) -> tuple[str, ...]:
            if provider == "ollama":
                raise ModelUnreachable("nobody")
            raise TimeoutError

        monkeypatch.setattr(_around, "list_models", models)
        assert look_around("http://x") == NOBODY

    def test_both_servers_are_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def models(provider: str, *, base_url: str, api_key: str | None) -> tuple[str, ...]:
            return (f"{provider}:{base_url}",)

        monkeypatch.setattr(_around, "list_models", models)
        assert look_around("http://x", "http://y") == (
            ("ollama:http://x",),
            ("compatible:http://y",),
        )


class TestTheTrial:
    def test_it_goes_on_until_it_works_or_somebody_has_enough(
        self, types: Types, out: io.StringIO, tmp_path: Path
    ) -> None:
        script = tmp_path / "script.json"
        settings = Settings(model=f"scripted:{script}")
        assert try_out(types("t", "x", "l"), settings) == "leave"
        assert out.getvalue().count("Asking it to say hi ...") == 2
        assert "(chosen by you)" in out.getvalue()
        assert try_out(types("c"), settings) == "choose"
        assert try_out(types("k"), settings) == "keep"
        script.write_text('["Hi\\n\\u001b[2Jthere."]')
        assert try_out(types(), settings) == "works"
        assert out.getvalue().endswith("  It says: Hi [2Jthere.\n")

    def test_an_answer_without_a_word_is_one(
        self, types: Types, out: io.StringIO, tmp_path: Path
    ) -> None:
        (tmp_path / "script.json").write_text('[""]')
        assert try_out(types(), Settings(model=f"scripted:{tmp_path}/script.json")) == "works"
        assert "It answers, without a word." in out.getvalue()

    def test_nobody_waits_for_ever(
        self, types: Types, out: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_trial, "PATIENCE", 0.05)
        (tmp_path / "script.json").write_text('[{"lines": ["Once", {"silence": null}]}]')
        settings = Settings(model=f"scripted:{tmp_path}/script.json")
        assert try_out(types("l"), settings) == "leave"
        assert "No whole answer within 0.05 s" in out.getvalue()


class TestThePersona:
    @pytest.mark.parametrize(
        ("typed", "now", "standing", "changes"),
        [
            (["", "", ""], None, {}, {}),
            (["", "", ""], Persona(name="Ada"), {"persona": {"name": "Ada"}}, {}),
            (["Ada", "", ""], None, {}, {"persona": {"name": "Ada"}, "name": None}),
            (
                ["", "dry", "x" * 81, "Finnish"],
                Persona(name="Ada", tone="warm"),
                {"persona": {"name": "Ada", "tone": "warm"}},
                {"persona": {"tone": "dry", "language": "Finnish"}},
            ),
            (
                ["", "dry", ""],
                Persona(name="Ada", personality="kind"),
                {"persona": "ada.toml"},
                {"persona": {"name": "Ada", "personality": "kind", "tone": "dry"}},
            ),
        ],
    )
    def test_only_what_is_new_is_changed(
        self,
        types: Types,
        typed: list[str],
        now: Persona | None,
        standing: Mapping[str, Any],
        changes: Mapping[str, Any],
    ) -> None:
        assert ask_for_persona(types(*typed), Settings(persona=now), standing) == changes


class ByLine(io.RawIOBase):
    """Gives a line at a time, as a terminal does."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        line = self._lines.pop(0) if self._lines else b""
        buffer[: len(line)] = line
        return len(line)


def ask(dialogue: Dialogue, *, now: Secret | None = None, needed: bool = True) -> Secret | None:
    without = None if needed else "It needs no key"
    return ask_for_key(dialogue, "lab", variable="LAB_API_KEY", now=now, without=without)


def offering(monkeypatch: pytest.MonkeyPatch, *models: str) -> list[tuple[str, str | None]]:
    """A server with these models; who asked it, and with which key."""
    asked: list[tuple[str, str | None]] = []

    def models_at(base_url: str, api_key: str | None) -> tuple[str, ...]:
        asked.append((base_url, api_key))
        return models

    monkeypatch.setattr(_model, "models_at", models_at)
    return asked


@pytest.fixture
def out() -> io.StringIO:
    """What is on the screen."""
    return io.StringIO()


@pytest.fixture
def types(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Types:
    """Somebody who types these lines."""
    for variable in [key for provider in PROVIDERS.values() for key in provider.keys]:
        monkeypatch.delenv(variable, raising=False)
    plain = Look(live=True, colour=False, emoji=False)

    def type_lines(*lines: str) -> Dialogue:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join([f"{line}\n" for line in lines])))
        return Dialogue(
            Screen(out, None, look=plain, err_look=plain, program="retinue", debug=False)
        )

    return type_lines
