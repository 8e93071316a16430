"""`retinue models`: who offers models, which they are, and how one of them does."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from retinue.cli import main
from retinue.models import PROVIDERS, Usage
from retinue.testing.mock_llm import Answer, MockLLM, NoAnswer, Refusal

from .conftest import Retinue, Said, Script

KEY = "sk-0123456789abcdef"
NAMES = tuple("abcdefg")
NOWHERE = "http://127.0.0.1:9"
"""The port of a service that nobody runs any more, and only root could."""


class Asked:
    """The command, while a server of models runs."""

    def __init__(self, retinue: Retinue, mock: MockLLM, config: Path) -> None:
        self._retinue = retinue
        self.mock = mock
        self._config = config

    async def __call__(self, *options: str, **environ: str) -> Said:
        return await asyncio.to_thread(lambda: self._retinue("models", *options, **environ))

    async def offers(self, *options: str, **environ: str) -> dict[str, dict[str, Any]]:
        """By name, from what is said as JSON."""
        said = await self("--json", *options, **environ)
        assert (said.code, said.err) == (0, "")
        return {offer["name"]: offer for offer in json.loads(said.out)["offers"]}

    def choose(self, settings: str) -> None:
        """Write these settings; {url} is where the server is."""
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(settings.replace("{url}", self.mock.url))

    @property
    def openai(self) -> dict[str, str]:
        return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{self.mock.url}/v1"}


@pytest.fixture
async def models(retinue: Retinue, home: Path) -> AsyncIterator[Asked]:
    async with MockLLM(models=NAMES) as mock:
        yield Asked(retinue, mock, home / ".config" / "retinue" / "config.toml")


class TestList:
    async def test_without_anything_it_says_what_is_missing(self, models: Asked) -> None:
        said = await models()
        assert (said.code, said.err) == (0, "")
        assert "ollama        not there, at http://127.0.0.1:9" in said.out
        assert "openai        no key" in said.out
        assert "-> export OPENAI_API_KEY=..." in said.out
        assert said.out.endswith("\ndemo answers (nothing else was chosen).\n")

    async def test_some_models_are_named_and_that_which_answers_first(self, models: Asked) -> None:
        said = await models("-m", "ollama:g", OLLAMA_HOST=models.mock.url)
        names = [line.strip() for line in said.out.splitlines() if "ollama:" in line]
        assert names[:5] == ["ollama:g  now", *[f"ollama:{name}" for name in "abcd"]]
        assert "ollama:e" not in said.out
        assert "2 more, with --all" in said.out
        assert names[-1] == "ollama:g answers (chosen by --model)."

    async def test_all_are_named_if_that_is_wanted(self, models: Asked) -> None:
        said = await models("--all", OLLAMA_HOST=models.mock.url)
        assert all(f"ollama:{name}" in said.out for name in NAMES)
        assert "more" not in said.out
        offers = await models.offers(OLLAMA_HOST=models.mock.url)
        assert len(offers["ollama"]["models"]) == len(NAMES)

    async def test_the_newest_may_be_left_unsaid(self, models: Asked) -> None:
        async with MockLLM(models=["qwen3:latest"]) as mock:
            offers = await models.offers("-m", "ollama:qwen3", OLLAMA_HOST=mock.url)
        assert offers["ollama"]["now"] == "ollama:qwen3:latest"

    async def test_a_key_is_masked_and_said_where_it_is_from(self, models: Asked) -> None:
        said = await models(**models.openai)
        assert "key sk-…cdef (env:OPENAI_API_KEY)" in said.out
        assert KEY not in said.out
        assert "openai:a" in said.out
        assert said.out.endswith("openai:gpt-6.1-sol answers (nothing else was chosen).\n")

    @pytest.mark.parametrize("vendor", ["anthropic", "gemini"])
    async def test_vendors_are_asked_with_their_own_key(self, models: Asked, vendor: str) -> None:
        if not PROVIDERS[vendor].is_installed:
            pytest.skip(f"needs retinue[{PROVIDERS[vendor].extra}]")
        variable = {"anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}[vendor]
        environ = {PROVIDERS[vendor].keys[-1]: KEY, variable: models.mock.url}
        offers = await models.offers(**environ)
        assert (offers[vendor]["state"], offers[vendor]["words"]) == ("fine", None)
        assert f"{vendor}:a" in offers[vendor]["models"]
        assert offers["openai"]["words"] == "no key"

    async def test_what_is_not_installed_can_be(
        self,
        environ: Mapping[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name in [*os.environ]:
            if name not in environ and not name.startswith("PYTEST"):
                monkeypatch.delenv(name)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setitem(sys.modules, "anthropic", None)
        for key, state in (("", "note"), (KEY, "wrong")):
            monkeypatch.setenv("ANTHROPIC_API_KEY", key)
            assert await asyncio.to_thread(main, ["models", "--json"]) == 0
            found = json.loads(capsys.readouterr().out)["offers"]
            anthropic = {offer["name"]: offer for offer in found}["anthropic"]
            assert (anthropic["installed"], anthropic["state"]) == (False, state)
            assert anthropic["fix"] == "pip install 'retinue[anthropic]'"

    async def test_endpoints_are_known_by_their_names(self, models: Asked) -> None:
        models.choose(
            'model = "lab"\n[models.lab]\nbase_url = "{url}/v1"\nmodel = "a"\n'
            'api_key = "env:LAB_KEY"\n'
            '[models.other]\nbase_url = "{url}/v1"\nmodel = "not-listed"\n'
            f'[models.gone]\nbase_url = "{NOWHERE}/v1"\nmodel = "a"\n'
        )
        offers = await models.offers(LAB_KEY=KEY)
        assert (offers["lab"]["state"], offers["lab"]["now"]) == ("fine", "lab")
        assert offers["lab"]["key"] == "sk-…cdef (env:LAB_KEY)"
        assert offers["other"]["state"] == "note"
        assert offers["other"]["words"] == "compatible:not-listed is not in its list"
        assert offers["gone"]["state"] == "wrong"
        assert "cannot be reached" in offers["gone"]["words"]
        said = await models()
        assert "lab cannot answer: The variable LAB_KEY is not set" in said.out

    async def test_a_server_that_says_nothing_holds_nobody_up(self, models: Asked) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            slow = f"http://127.0.0.1:{mute.getsockname()[1]}/v1"
            models.choose(f'[models.slow]\nbase_url = "{slow}"\nmodel = "a"\n')
            offers = await models.offers(OLLAMA_HOST=models.mock.url)
        assert offers["slow"]["words"] == "does not answer within 2 s"
        assert offers["ollama"]["state"] == "fine"

    async def test_a_server_without_a_model_says_so(self, models: Asked) -> None:
        async with MockLLM(models=[]) as mock:
            offers = await models.offers(OLLAMA_HOST=mock.url)
        assert (offers["ollama"]["state"], offers["ollama"]["words"]) == ("note", "has no model")

    async def test_an_endpoint_at_vertex_is_not_asked_for_a_list(self, models: Asked) -> None:
        pytest.importorskip("google.genai")
        models.choose(
            'model = "vertex"\n[models.vertex]\nmodel = "gemini:gemini-3.8-flash"\n'
            'vertexai = true\nproject = "p"\nlocation = "global"\n'
        )
        vertex = (await models.offers())["vertex"]
        assert (vertex["state"], vertex["words"]) == ("fine", "has no list of its models")
        assert (vertex["models"], vertex["now"]) == (["vertex"], "vertex")


class TestTrial:
    async def test_one_is_asked_and_its_times_are_told(self, models: Asked) -> None:
        words = Answer(["Hel", "lo."], frame_delay=0.02, usage=Usage(input=9, output=3))
        models.mock.script("a", words, words)
        said = await models("test", "ollama:a", OLLAMA_HOST=models.mock.url)
        assert (said.code, said.err) == (0, "")
        rows = dict(line.strip().split("  ", 1) for line in said.out.splitlines()[1:])
        assert said.out.startswith("ollama:a answers.\n")
        assert {name: value.strip() for name, value in rows.items()}.items() >= {
            "said": "Hello.",
            "tokens": "9 in, 3 out",
            "stopped by": "end",
        }.items()
        said = await models("test", "ollama:a", "--json", OLLAMA_HOST=models.mock.url)
        told = json.loads(said.out)
        assert (told["model"], told["error"], told["stop"]) == ("ollama:a", None, "end")
        assert 0 < told["first"] < told["total"]
        assert told["rate"] == pytest.approx(3 / (told["total"] - told["first"]), rel=0.2)

    async def test_without_a_name_it_is_the_one_that_answers(self, models: Asked) -> None:
        said = await models("test", "-m", "demo")
        assert said.out.startswith("demo answers.\n")
        models.choose('[models.lab]\nbase_url = "{url}/v1"\nmodel = "a"\n')
        said = await models("test", "lab")
        assert said.out.startswith("compatible:a answers.\n")

    async def test_what_fails_is_told_with_what_to_do(self, models: Asked) -> None:
        models.mock.script("gpt-4o-mini", *[Refusal(401)] * 2)
        said = await models("test", "openai:gpt-4o-mini", **models.openai)
        assert (said.code, said.out) == (1, "")
        assert "does not accept the key" in said.err
        assert "OPENAI_API_KEY" in said.err
        said = await models("test", "openai:gpt-4o-mini", "--json", **models.openai)
        error = json.loads(said.out)["error"]
        assert (said.code, error["type"]) == (1, "ModelUnauthorized")
        assert error["hint"]
        assert KEY not in said.out

    async def test_one_that_does_not_answer_is_given_up(self, models: Asked) -> None:
        models.mock.script("a", NoAnswer())
        environ = {"OLLAMA_HOST": models.mock.url}
        said = await models("test", "ollama:a", "--timeout", "0.3", **environ)
        assert said.code == 1
        assert "No whole answer within 0.3 s" in said.err

    def test_an_unknown_one_is_wrong_usage(self, retinue: Retinue) -> None:
        said = retinue("models", "test", "nobody")
        assert said.code == 2
        assert "No model 'nobody'" in said.err

    def test_one_that_says_nothing_is_told_so(self, retinue: Retinue, script: Script) -> None:
        said = retinue("models", "test", script({"lines": []}))
        assert "said         nothing" in said.out
        assert "speed        not known" in said.out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["tst"], "'tst' is nothing that can be done with models. To try one: retinue models test"),
        (["test", "a", "b"], "b is too much"),
        (["test", "--all"], "--all is too much"),
    ],
)
def test_what_cannot_be_meant_is_refused(retinue: Retinue, line: list[str], words: str) -> None:
    said = retinue("models", *line)
    assert said.code == 2
    assert words in said.err
