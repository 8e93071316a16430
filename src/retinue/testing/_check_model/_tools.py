"""Tools: what the model asks for, and what it is told of them."""

from collections.abc import Sequence

from retinue.errors import BadArguments
from retinue.messages import Message, Text, ToolCall, ToolResult, ToolSpec
from retinue.models import ChatRequest
from retinue.models.scripted import WrittenCall
from retinue.testing.mock_llm import Wire

from ._bench import Bench, Check, expect, named

ADD = ToolSpec(
    name="add",
    description="Add two numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
LOOK = ToolSpec(
    name="look_up",
    description="Look something up.",
    parameters={"type": "object", "properties": {"word": {"type": "string"}}},
)
ASKED = ChatRequest(
    messages=(Message("What is 2 + 40, and what is it called?"),), tools=(ADD, LOOK)
)
_CALLS = (
    ToolCall(id="call_a", name="add", args={"a": 2, "b": 40}),
    ToolCall(id="call_b", name="look_up", args={"word": 'für "zwei\\vierzig"\n', "n": [1, {}]}),
)


def checks(wire: Wire) -> Sequence[Check]:
    return [
        named(tools_reach_the_wire, "tools"),
        named(parallel_calls_come_whole, "tools"),
        named(calls_one_after_the_other_come_whole, "tools"),
        named(calls_without_ids_are_given_some, "tools"),
        named(sloppy_arguments_are_repaired, "tools"),
        named(arguments_that_nobody_can_read_are_bad_arguments, "tools"),
        named(results_go_back_with_their_calls, "tools"),
        named(a_call_without_a_result_is_not_sent_without_one, "tools"),
        named(tool_choice_none_leaves_the_model_no_tools, "tools"),
        named(tool_choice_reaches_the_wire, "tools", "tool_choice"),
    ]


async def tools_reach_the_wire(bench: Bench) -> None:
    await bench.hear_whole(ASKED)
    seen = bench.seen_last().tools
    expect(seen == ASKED.tools, f"{ASKED.tools}", seen)


async def parallel_calls_come_whole(bench: Bench) -> None:
    bench.script(["I will ", "look.", *_CALLS])
    await _hear_calls(bench)


async def calls_one_after_the_other_come_whole(bench: Bench) -> None:
    bench.script([_CALLS[0], "And ", _CALLS[1]])
    await _hear_calls(bench)


async def _hear_calls(bench: Bench) -> None:
    heard = await bench.hear_whole(ASKED)
    expect(heard.calls == list(_CALLS), f"the calls {_CALLS}", heard)
    expect(heard.stops == ["tool_calls"], "the stop 'tool_calls'", heard)


async def calls_without_ids_are_given_some(bench: Bench) -> None:
    nameless = [ToolCall(id="", name="add", args={"a": n, "b": 1}) for n in (1, 2)]
    bench.script(nameless)
    heard = await bench.hear_whole(ASKED)
    ids = {call.id for call in heard.calls}
    expect(len(heard.calls) == 2, "two calls", heard)
    expect(len(ids) == 2 and all(ids), "an id for each, none of them like another", heard)


async def sloppy_arguments_are_repaired(bench: Bench) -> None:
    bench.script(WrittenCall(id="call_a", name="add", args="```json\n{'a': 2, 'b': 40,}\n```"))
    heard = await bench.hear_whole(ASKED)
    expect(heard.calls == [_CALLS[0]], f"the call {_CALLS[0]}", heard)


async def arguments_that_nobody_can_read_are_bad_arguments(bench: Bench) -> None:
    bench.script(WrittenCall(id="call_a", name="look_up", args='{"word": "half a pa'))
    heard = await bench.hear_error(BadArguments, asked=ASKED)
    expect(not heard.calls, "no call with arguments that were guessed", heard)


async def results_go_back_with_their_calls(bench: Bench) -> None:
    results = (
        ToolResult(call_id="call_a", name="add", content="42"),
        ToolResult(call_id="call_b", name="look_up", content="no such word", error=True),
    )
    said = (
        *ASKED.messages,
        Message(role="assistant", parts=[Text(text="I will look."), *_CALLS]),
        Message(role="tool", parts=results),
    )
    await bench.hear_whole(ChatRequest(messages=said, tools=ASKED.tools))
    seen = bench.seen_last().messages
    calls = [(call.name, call.args) for message in seen for call in message.tool_calls]
    expect(calls == [(c.name, c.args) for c in _CALLS], f"the calls {_CALLS}", seen)
    ids = [call.id for message in seen for call in message.tool_calls]
    answers = [result for message in seen for result in message.tool_results]
    paired = [result.call_id for result in answers] == ids
    expect(paired, "a result for each call, in their order, with the id of its call", seen)
    told = len(answers) == 2 and "42" in answers[0].text and "no such word" in answers[1].text
    expect(told, "the texts '42' and 'no such word'", answers)


async def a_call_without_a_result_is_not_sent_without_one(bench: Bench) -> None:
    said = (
        *ASKED.messages,
        Message(role="assistant", parts=[_CALLS[0]]),
        Message("Never mind. What is new?"),
    )
    await bench.hear_whole(ChatRequest(messages=said, tools=ASKED.tools))
    seen = bench.seen_last().messages
    calls = [call.id for message in seen for call in message.tool_calls]
    answers = [result.call_id for message in seen for result in message.tool_results]
    expect(calls == answers, "a result for the call, that says none is known (or neither)", seen)


async def tool_choice_none_leaves_the_model_no_tools(bench: Bench) -> None:
    await bench.hear_whole(_choosing("none"))
    seen = bench.seen_last()
    expect(seen.tool_choice == "none" or not seen.tools, "the choice 'none', or no tools", seen)


async def tool_choice_reaches_the_wire(bench: Bench) -> None:
    model = await bench.model()
    for choice in ("auto", "required", "look_up"):
        await bench.hear_whole(_choosing(choice), model)
        seen = bench.seen_last()
        names = [tool.name for tool in seen.tools]
        # Who must use the only tool there is must use that one, too.
        alone = seen.tool_choice == "required" and names == [choice]
        expect(seen.tool_choice == choice or alone, f"the choice {choice!r}", seen)


def _choosing(choice: str) -> ChatRequest:
    return ChatRequest(messages=ASKED.messages, tools=ASKED.tools, tool_choice=choice)
