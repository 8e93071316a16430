"""From settings to an assistant that answers."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retinue import Scope
from retinue.app import Way, build, way_to
from retinue.errors import SettingsError, ToolDenied, UnknownModel, UnknownTool
from retinue.models import Usage, budget
from retinue.settings import Endpoint, Origin, Secret, Settings
from retinue.tools import tool


async def test_the_defaults_answer() -> None:
    app = build(Settings())
    assert (app.name, app.model.name) == ("retinue", "demo")
    async with Scope():
        assert "42" in str(await app.host().inquire("What is 6*7?"))


async def test_what_was_chosen_is_what_is_built(tmp_path: Path) -> None:
    model = script(tmp_path, [call("clock")], [call("clock", "2")], "Never said.")
    app = build(Settings(model=model, name="Ada", tools=(), max_steps=1))
    async with Scope():
        replies = await app.host().inquire("Hello")
    assert {reply.agent for reply in replies} <= {"Ada", None}
    assert replies[-1].metadata["stop_reason"] == "max_steps"


def test_an_unknown_model_says_who_chose_it() -> None:
    origins = {"model": Origin("environment", "DEFAULT_MODEL")}
    with pytest.raises(
        UnknownModel, match=r"No model 'nonsense' \(chosen by DEFAULT_MODEL\)"
    ) as caught:
        build(Settings(model="nonsense", origins=origins))
    assert "--model demo" in (caught.value.hint or "")


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(UnknownTool):
        build(Settings(tools=("clok",)))


def test_an_endpoint_is_asked_with_its_own_key_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def find(name: str, **options: Any) -> Any:
        asked.append((name, options))
        raise UnknownModel("not here")

    monkeypatch.setattr("retinue.app.find_model", find)
    key = Secret("env:LAB_KEY", "lab-0123456789abcdef")
    lab = Endpoint(base_url="http://lab/v1", model="qwen3:8b", api_key=key)
    house = Endpoint(base_url="http://house", model="ollama:qwen3")
    for model in ("lab", "house", "openai:gpt-4", "demo"):
        with pytest.raises(UnknownModel):
            build(
                Settings(
                    model=model,
                    models={"lab": lab, "house": house},
                    openai_api_key=Secret("env:OPENAI_API_KEY", "sk-0123456789abcdef"),
                )
            )
    assert asked == [
        ("compatible:qwen3:8b", {"base_url": "http://lab/v1", "api_key": "lab-0123456789abcdef"}),
        ("ollama:qwen3", {"base_url": "http://house", "api_key": None}),
        ("openai:gpt-4", {"base_url": None, "api_key": "sk-0123456789abcdef"}),
        ("demo", {"base_url": None, "api_key": None}),
    ]


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("anthropic:a", Way("anthropic:a", None, Secret("env:A", "of-anthropic"))),
        ("claude_agent:a", Way("claude_agent:a", None, Secret("env:A", "of-anthropic"))),
        ("claude-a", Way("claude-a", None, Secret("env:A", "of-anthropic"))),
        ("gemini:a", Way("gemini:a", None, Secret("env:G", "of-gemini"))),
        ("openai:a", Way("openai:a", None, Secret("env:O", "of-openai"))),
        ("ollama:a", Way("ollama:a", "http://ollama", Secret("env:L", "of-ollama"))),
        ("compatible:a", Way("compatible:a")),
        ("auto", Way("openai:gpt-6.1-sol", None, Secret("env:O", "of-openai"))),
        ("lab", Way("compatible:a", "http://lab")),
        ("work", Way("openai:a", None, Secret("env:O", "of-openai"), {"api": "chat"})),
        ("house", Way("ollama:a", "http://ollama", Secret("env:L", "of-ollama"))),
        ("gate", Way("openai:a", "http://gate")),
    ],
)
def test_each_key_goes_to_its_own_vendor_alone(model: str, way: Way) -> None:
    settings = Settings(
        anthropic_api_key=Secret("env:A", "of-anthropic"),
        gemini_api_key=Secret("env:G", "of-gemini"),
        openai_api_key=Secret("env:O", "of-openai"),
        ollama_api_key=Secret("env:L", "of-ollama"),
        ollama_url="http://ollama",
        models={
            "lab": Endpoint(base_url="http://lab", model="a"),
            "work": Endpoint(model="openai:a", options={"api": "chat"}),
            "house": Endpoint(model="ollama:a"),
            "gate": Endpoint(base_url="http://gate", model="openai:a"),
        },
    )
    assert way_to(settings, model) == way


async def test_another_answers_where_the_model_cannot(tmp_path: Path) -> None:
    overloaded = {"error": "ModelOverloaded", "message": "Not now."}
    app = build(Settings(model=script(tmp_path, *[overloaded] * 3), fallback=("demo",), tools=()))
    async with Scope():
        (reply,) = await app.host().inquire("Hello")
    assert reply.model == "demo"
    assert app.model.name.startswith("scripted:")


async def test_what_a_run_may_cost_begins_anew_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    purses: list[Any] = []

    class Purse(budget.Purse):
        def __init__(self, **limits: Any) -> None:
            super().__init__(**limits)
            purses.append(self)

    monkeypatch.setattr(budget, "Purse", Purse)
    limits = {"max_cost": 0.1, "max_tokens": 5000}
    app = build(Settings(model="demo", fallback=("demo",), tools=(), **limits))
    for _ in range(2):
        async with Scope():
            await app.host().inquire("Hello")
    assert [(purse.cost, purse.tokens) for purse in purses] == [(Decimal("0.1"), 5000)] * 2
    assert 0 < purses[0].spent.tokens == purses[1].spent.tokens


def test_without_a_limit_there_is_no_purse() -> None:
    assert build(Settings()).purse() is None


def test_what_an_answer_cost_depends_on_where_it_was_asked(tmp_path: Path) -> None:
    lab = Endpoint(base_url="http://127.0.0.1:9/v1", model="a")
    app = build(Settings(model="lab", models={"lab": lab}, fallback=("demo",)))
    for model in ("compatible:a", "demo", "ollama:a"):
        cost = app.cost(model, Usage(input=1000))
        assert cost is not None
        assert cost.dollars == 0
    assert app.cost("compatible:b", Usage(input=1000)) is None
    build(Settings(model="lab", models={"lab": lab}, max_cost=0.0)).host()  # its price is known


def test_a_key_that_is_not_set_is_missed_only_where_it_is_needed() -> None:
    lab = Endpoint(base_url="http://lab/v1", model="qwen3", api_key=Secret("env:LAB_KEY"))
    build(Settings(models={"lab": lab}))
    with pytest.raises(SettingsError, match="LAB_KEY is not set"):
        build(Settings(model="lab", models={"lab": lab}))


@pytest.mark.parametrize("human_in_loop", [True, False])
async def test_what_may_do_harm_is_denied_when_nobody_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, human_in_loop: bool
) -> None:
    monkeypatch.setattr("retinue.app.find_tools", offered)
    model = script(tmp_path, [call("erase")], "Done.")
    app = build(Settings(model=model, human_in_loop=human_in_loop))
    with pytest.raises(ToolDenied) as caught:
        async with Scope():
            await app.host().inquire("Erase it")
    assert caught.value.hint


def offered(_: object) -> list[Any]:
    return [erase]


@tool(risk="write")
def erase() -> str:
    """Erase everything."""
    raise AssertionError("it was done")


def call(name: str, id: str = "1") -> dict[str, Any]:
    return {"tool_call": {"id": id, "name": name, "args": {}}}


def script(folder: Path, *replies: Any) -> str:
    (folder / "script.json").write_text(json.dumps(replies))
    return f"scripted:{folder / 'script.json'}"
