"""What the docs say, runs: every example is a file, and each says what it is said to say."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from retinue import run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_agent() -> None:
    assert run(load("first_agent").main) == "Hello, Ada!"


def test_live_handover(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(load("live_handover").main) == "RAIN ON THE ROOF"
    assert capsys.readouterr().out == "RAIN ON THE ROOF\n"


def test_assistant_with_a_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert "206035" in run(load("assistant_with_a_tool").main).replace(",", "")
    assert "no language model" in capsys.readouterr().out


def test_answer_with_a_form() -> None:
    assert run(load("answer_with_a_form").main).people == 206_035


def test_errors_travel() -> None:
    assert run(load("errors_travel").main) == [
        "Caught: and here I stumbled.",
        "This much I know.",
        "ValueError: and here I stumbled",
    ]


def test_kept_conversation() -> None:
    assert run(load("kept_conversation").main) == ["Is there tea?"]


def test_mock_llm() -> None:
    assert run(load("mock_llm").main) == "Hello."


def test_keys_per_agent() -> None:
    assert run(load("keys_per_agent").main) == ["Bearer key-of-writer", "Bearer key-of-critic"]


def test_model_errors() -> None:
    said, hint = run(load("model_errors").main)
    assert said == "'ollama:qwen3' is not there: model 'qwen3' not found"
    assert hint == "Get it with `ollama pull qwen3`, or choose another --model."


def test_fallback_model() -> None:
    assert run(load("fallback_model").main) == ("Good evening.", "compatible:small")


def test_budget_of_a_run() -> None:
    reason, text, spent = run(load("budget_of_a_run").main)
    assert reason == "budget"
    assert text.endswith("it can cost $0.00018, and $0.00016 of $0.0092 is left.")
    assert str(spent) == "0.00904"


def test_cached_tool() -> None:
    assert run(load("cached_tool").main) == ["Turku"]


def test_long_conversation() -> None:
    rule, first, summary, last = run(load("long_conversation").main)
    assert (rule, first) == ("Always be kind.", "My cat is called Ada.")
    assert summary.startswith("Summary of ")
    assert summary.endswith("The user's cat is called Ada.")
    assert last == "How is my cat called?"


def test_await_in_a_chain() -> None:
    assert run(load("await_in_a_chain").main) == ["one", "two"]


def test_durable_run() -> None:
    assert run(load("durable_run").main) == "The number is 7. It was drawn 1 time(s)."


def test_question_to_a_person() -> None:
    assert run(load("question_to_a_person").main) == "It goes to Oslo."


def test_rehearsed_run() -> None:
    is_same, text, turns = run(load("rehearsed_run").main)
    assert is_same
    assert text == "THUNDER! Too loud."
    assert set(turns) == {"poet", "critic", "editor"}


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
QUOTE = re.compile(r"<!-- (docs/examples/\S+\.py) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_quotes_is_the_file(page: Path) -> None:
    for path, quoted in QUOTE.findall(page.read_text()):
        assert quoted.strip() in (ROOT / path).read_text(), f"{page.name} quotes {path} wrongly"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_of_a_page_is_a_file_that_runs(page: Path) -> None:
    text = page.read_text()
    assert text.count("```python") == len(QUOTE.findall(text))


def test_every_example_has_a_test() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert {f"test_{name}" for name in names} <= set(globals())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
