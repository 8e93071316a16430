"""find_model: names, options, and what it says when there is no such model."""

import subprocess
import sys
from pathlib import Path

import pytest

from retinue.errors import UnknownModel
from retinue.messages import Message
from retinue.models import ChatRequest, find_model
from retinue.models.demo import Demo
from retinue.models.guard import Guarded
from retinue.models.replay import Recorded, Replay
from retinue.models.scripted import Scripted


@pytest.mark.parametrize("name", ["demo", "demo:", "demo:demo"])
def test_demo_needs_no_more_than_its_name(name: str) -> None:
    model = find_model(name)
    assert isinstance(model, Demo)
    assert model.name == "demo"


async def test_a_script_comes_under_guard_and_bears_its_name(tmp_path: Path, hear) -> None:
    path = tmp_path / "fixture.json"
    path.write_text('["hello there"]')
    model = find_model(f"scripted:{path}")
    assert isinstance(model, Guarded)
    assert model.name == f"scripted:{path}"
    assert "".join(chunk.text or "" for chunk in await hear(model, "hi")) == "hello there"


async def test_a_recording_is_found_by_its_path(tmp_path: Path, hear) -> None:
    path = tmp_path / "heard.jsonl"
    await hear(Recorded(Scripted("yes"), path), "hi")
    model = find_model(f"replay:{path}")
    assert isinstance(model, Replay)
    assert model.name == f"replay:{path}"
    assert (await hear(model, "hi"))[0].text == "yes"


def test_where_and_key_are_no_matter_to_a_model_without_a_network() -> None:
    assert find_model("demo", base_url="http://127.0.0.1:1", api_key="secret").name == "demo"


@pytest.mark.parametrize("name", ["gpt-6-astra", "anthropic:claude-sonnet-5-5", "", ":", "Demo"])
def test_an_unknown_model_is_told_what_there_is_now(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert repr(name) in str(caught.value)
    assert "demo, scripted:FILE.json, replay:FILE.jsonl" in (caught.value.hint or "")


@pytest.mark.parametrize(("name", "meant"), [("dmeo", "demo"), ("script:a.json", "scripted")])
def test_a_near_match_is_offered(name: str, meant: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert (caught.value.hint or "").startswith(f"Did you mean {meant!r}?")


def test_there_is_only_one_demo() -> None:
    with pytest.raises(UnknownModel, match="demo:large") as caught:
        find_model("demo:large")
    assert caught.value.hint


def test_an_option_the_provider_does_not_have_is_named() -> None:
    with pytest.raises(UnknownModel, match="'demo' have no option 'tempo'") as caught:
        find_model("demo", tempo=3)
    assert "none" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["scripted:nowhere.json", "replay:nowhere.jsonl", "scripted:"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert name.partition(":")[2] in str(caught.value)
    assert caught.value.hint


def test_a_provider_is_loaded_only_when_it_is_chosen() -> None:
    code = """
import sys
from retinue.models import find_model
assert not [name for name in sys.modules if name.startswith("retinue.models.demo")]
find_model("demo")
assert "retinue.models.demo" in sys.modules
assert not {"retinue.models.guard", "retinue.models.replay"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_request_is_made_of_messages_alone() -> None:
    request = ChatRequest(messages=(Message("hi"),))
    assert request.tool_choice == "auto"
    assert request.options == {}
