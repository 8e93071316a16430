"""Answers that have to have a form."""

from typing import Any

import pytest
from pydantic import BaseModel, Field

from retinue import Scope, assistant, tool
from retinue.errors import AgentError, BadAnswer
from retinue.messages import ToolCall
from retinue.testing import MemoryJournal, Reply, Scripted


class City(BaseModel):
    name: str = Field(pattern="^[A-Z]")
    people: int = Field(gt=0)


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}
TURKU = '{"name": "Turku", "people": 206035}'


async def asked(model: Scripted, output: Any = City, **options: Any) -> Any:
    async with Scope():
        return await assistant("clerk", model=model, output=output, **options).inquire("Turku?")


async def test_an_answer_is_a_value_of_its_form() -> None:
    model = Scripted(TURKU)
    [answer] = await asked(model)
    assert City.model_validate(answer.output) == City(name="Turku", people=206035)
    assert (answer.text, answer.stop_reason) == (TURKU, "done")
    form = model.requests[0].output
    assert form is not None
    assert form["properties"] == City.model_json_schema()["properties"]


@pytest.mark.parametrize("said", ['```json\n{"name": "Turku"}\n```', ' {"name": "Turku"}\n'])
async def test_json_is_found_as_models_write_it(said: str) -> None:
    [answer] = await asked(Scripted(said), SCHEMA)
    assert answer.output == {"name": "Turku"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Turku has many.", "it is no JSON"),
        ('{"name": "Turku"}', "people"),
        ('{"name": "Turku", "people": "many"}', "people must be integer"),
        ('{"name": "Turku", "people": 0}', "people must be more than 0"),
        ('{"name": "turku", "people": 1}', "should match pattern"),
    ],
)
async def test_an_answer_that_does_not_fit_is_asked_for_again(said: str, why: str) -> None:
    model = Scripted(said, TURKU)
    first, second = await asked(model)
    assert why in first.unfit
    assert "stop_reason" not in first.metadata
    assert second.output["name"] == "Turku"
    again = model.requests[1]
    assert again.tool_choice == "none"
    assert [message.role for message in again.messages] == ["user", "assistant", "user"]
    assert why in again.messages[-1].text


async def test_a_model_that_never_gives_the_form_is_an_error() -> None:
    model = Scripted("one", "two", "three", "four", name="stubborn")
    async with Scope():
        replies = assistant("clerk", model=model, output=City).inquire("Turku?")
        with pytest.raises(
            BadAnswer, match="'stubborn' does not give the answer its form"
        ) as caught:
            await replies
        assert caught.value.hint
    assert len(model.requests) == 3


async def test_tools_are_used_before_the_answer() -> None:
    @tool
    def people(city: str) -> int:
        """How many people live there."""
        return 206_035

    call = ToolCall(id="1", name="people", args={"city": "Turku"})
    model = Scripted(call, "It has 206035.", TURKU)
    replies = await asked(model, tools=[people])
    assert replies[-1].output == {"name": "Turku", "people": 206035}
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]


@pytest.mark.parametrize("stop", ["max_tokens", "refused"])
async def test_an_answer_that_was_cut_or_refused_is_no_value(stop: Any) -> None:
    [answer] = await asked(Scripted(Reply('{"name": "Tur', stop=stop)))
    assert answer.stop_reason == stop
    assert "output" not in answer.metadata


async def test_one_inquiry_may_want_another_form() -> None:
    model = Scripted('{"name": "Turku"}', "Turku.")
    clerk = assistant("clerk", model=model, output=City)
    async with Scope():
        [answer] = await clerk.inquire("Turku?", output=SCHEMA)
        assert answer.output == {"name": "Turku"}
        [words] = await clerk.inquire("Turku?", output=None)
        assert "output" not in words.metadata


async def test_a_recorded_answer_keeps_its_value() -> None:
    clerk = assistant("clerk", model=Scripted(TURKU), output=City)
    journal = MemoryJournal()
    for _ in range(2):  # the second time nothing is asked: the script has one reply
        async with Scope():
            with journal.listening():
                [answer] = await clerk.inquire("Turku?")
                assert answer.output == {"name": "Turku", "people": 206035}


@pytest.mark.parametrize("output", [int, "City", 3])
def test_what_is_no_form_is_refused(output: Any) -> None:
    with pytest.raises(AgentError) as caught:
        assistant("clerk", model=Scripted(), output=output)
    assert "pydantic" in (caught.value.hint or "")
