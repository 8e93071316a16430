"""openai:NAME: which of its wires is spoken, and what carries it."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from retinue import Scope, assistant, tool
from retinue.errors import ModelRejected, ModelUnauthorized, ModelUnreachable, UnknownModel
from retinue.messages import Block, Message, Thinking, ToolCall
from retinue.models import ChatRequest, find_model, list_models
from retinue.models.compatible import Compatible
from retinue.models.guard import Guarded
from retinue.models.openai import OPENAI, Responses, _carrier, find
from retinue.testing.mock_llm import MockLLM, Refusal


def inner(name: str, **options: Any) -> Any:
    model = find_model(f"openai:{name}", api_key="sk-1", **options)
    assert isinstance(model, Guarded)
    assert model.name == f"openai:{name}"
    return model.inner


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("gpt-6.1-sol", {}, Responses),
        ("o3", {}, Responses),
        ("gpt-4o", {}, Compatible),
        ("gpt-audio", {}, Compatible),
        ("gpt-6.1-sol", {"api": "chat"}, Compatible),
        ("gpt-4o", {"api": "responses"}, Responses),
        ("our-deployment", {"api": "responses"}, Responses),
        ("our-deployment", {}, Compatible),
    ],
)
def test_who_reasons_is_asked_over_responses(name: str, options: Any, kind: type) -> None:
    assert type(inner(name, **options)) is kind


def test_azure_is_an_address() -> None:
    azure = "https://us.openai.azure.com/openai/v1/"
    model = inner("our-deployment", base_url=azure, api="responses")
    assert model.base_url == "https://us.openai.azure.com/openai/v1"
    assert repr(model) == f"<Responses openai:our-deployment at {azure.rstrip('/')}>"


def test_without_an_address_it_is_openais() -> None:
    assert inner("gpt-6.1-sol").base_url == OPENAI


def test_limits_are_those_of_the_guard() -> None:
    model: Any = find_model("openai:o3", api_key="k", first_timeout=1, idle_timeout=2, retries=3)
    assert (model.first_timeout, model.idle_timeout, model.retries) == (1, 2, 3)
    model = find_model("openai:gpt-4o", api_key="k", first_timeout=1, idle_timeout=2, retries=3)
    assert (model.first_timeout, model.idle_timeout, model.retries) == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "options", "kind", "hint"),
    [
        ("o3", {"api": "telex", "api_key": "k"}, ModelRejected, '"responses", and "chat"'),
        ("o3", {}, ModelUnauthorized, "OPENAI_API_KEY"),
        ("gpt-4o", {}, ModelUnauthorized, "OPENAI_API_KEY"),
        ("", {"api": "responses", "api_key": "k"}, UnknownModel, "openai:gpt"),
        ("", {"api_key": "k"}, UnknownModel, "openai:gpt"),
        ("o3", {"base_url": "nowhere", "api_key": "k"}, ModelRejected, "http://"),
    ],
)
def test_what_cannot_be_found(name: str, options: Any, kind: type[Exception], hint: str) -> None:
    with pytest.raises(kind) as caught:
        find(name, **options)
    assert hint in str(getattr(caught.value, "hint", None))


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What carries requests is looked for again, now and afterwards."""
    _carrier.cache_clear()
    monkeypatch.delitem(sys.modules, "retinue.models.openai._sdk", raising=False)
    yield
    _carrier.cache_clear()


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize(("there", "agent"), [(False, "aiohttp"), (True, "AsyncOpenAI")])
async def test_the_extra_carries_requests_where_it_is_installed(
    there: bool, agent: str, hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    if there:
        pytest.importorskip("openai")
    else:
        monkeypatch.setitem(sys.modules, "openai", None)  # so that it cannot be imported
    async with MockLLM() as mock:
        mock.script("gpt-6-sol", [Thinking(text="Hm."), "Fine."])
        model = find_model("openai:gpt-6-sol", base_url=f"{mock.url}/v1", api_key="sk-1")
        chunks = await hear(model, "Hello?")
    assert [chunk.block.data["type"] for chunk in chunks if chunk.block] == ["reasoning", "message"]
    assert agent in mock.requests[0].headers["user-agent"]
    assert mock.requests[0].path == "/v1/responses"


@pytest.mark.usefixtures("anew")
def test_an_older_package_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest.importorskip("openai"), "VERSION", "2.30.0")
    assert _carrier() is None


async def test_who_has_no_responses_is_told_so(hear) -> None:
    async with MockLLM() as mock:
        mock.script("gpt-6-sol", Refusal(404, "nothing is at /v1/responses"))
        with pytest.raises(ModelRejected, match="nothing at this address") as caught:
            await hear(
                find_model("openai:gpt-6-sol", base_url=f"{mock.url}/v1", api_key="sk-1"), "Hello?"
            )
    assert "'compatible:gpt-6-sol'" in str(caught.value.hint)


async def test_openai_itself_is_looked_for_elsewhere(hear, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = "http://127.0.0.1:1/v1"
    monkeypatch.setattr("retinue.models.openai.OPENAI", nobody)
    model = find_model("openai:gpt-6-sol", base_url=nobody, api_key="sk-1", retries=0)
    with pytest.raises(ModelUnreachable) as caught:
        await hear(model, "Hello?")
    assert "https://status.openai.com" in str(caught.value.hint)


async def test_tokens_are_counted() -> None:
    async with MockLLM() as mock:
        model = Responses(model="gpt-6-sol", base_url=f"{mock.url}/v1", api_key="sk-1")
        few = await model.count_tokens(ChatRequest(messages=(Message("Hello?"),), max_tokens=9))
        many = await model.count_tokens(ChatRequest(messages=(Message("Hello? " * 100),)))
    assert 0 < few < many
    assert mock.requests[0].path == "/v1/responses/input_tokens"
    assert sorted(mock.requests[0].body) == ["input", "model"]


async def test_models_are_listed() -> None:
    async with MockLLM(models=["gpt-6-sol"]) as mock:
        found = await list_models("openai", base_url=f"{mock.url}/v1", api_key="sk-1")
    assert found == ("openai:gpt-6-sol",)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_an_assistant_gives_the_vendor_back_what_it_wants_back() -> None:
    async with MockLLM(strict=True) as mock:
        mock.script(
            "gpt-6-sol",
            [
                Thinking(text="A sum."),
                "I add. ",
                ToolCall(id="c1", name="add", args={"a": 2, "b": 40}),
            ],
            [Thinking(text="Easy."), "It is 42."],
        )
        model = find_model("openai:gpt-6-sol", base_url=f"{mock.url}/v1", api_key="sk-1")
        clerk = assistant("clerk", model=model, tools=[add])
        async with Scope():
            first = await clerk.inquire("What is 2 + 40?")
            again = await clerk.inquire("What is 2 + 40?", *first, Message("Sure?"))
    assert again[-1].text == "It is 42."
    assert [request.status for request in mock.requests] == [200, 200, 200]
    kinds = [item.get("type", item.get("role")) for item in mock.requests[2].body["input"]]
    assert kinds == [
        "user",
        *("reasoning", "message", "function_call", "function_call_output"),
        *("reasoning", "message"),
        "user",
    ]
    assert all(i["encrypted_content"] for i in mock.requests[2].body["input"] if "summary" in i)


async def test_reasoning_that_was_changed_is_refused_by_the_mock(hear) -> None:
    async with MockLLM() as mock:
        mock.script("gpt-6-sol", [Thinking(text="Hm."), "Fine."])
        model = find_model("openai:gpt-6-sol", base_url=f"{mock.url}/v1", api_key="sk-1")
        chunks = await hear(model, "Hello?")
        blocks = [chunk.block for chunk in chunks if chunk.block is not None]
        changed = Block(vendor="openai", data={**blocks[0].data, "encrypted_content": "gAAAB"})
        for parts, complaint in (
            ([changed, "Fine.", blocks[1]], "could not be verified"),
            (["Fine.", blocks[1]], "without its required 'reasoning' item"),
        ):
            said = Message(*parts, role="assistant")
            with pytest.raises(ModelRejected, match=complaint):
                await hear(model, "Hello?", said, "And now?")
