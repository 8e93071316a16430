"""`@tool`: what becomes of a function, and what happens when it is used."""

import asyncio
import enum
import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pytest

from retinue.errors import BadArguments, ToolDenied, ToolError, ToolFailed, ToolTimeout
from retinue.messages import Audio, File, Image, Message, Messages, Text, ToolCall, ToolResult
from retinue.promise import Promise
from retinue.tools import Caller, FunctionTool, Tool, ToolContext, caller, tool


def call(name: str, /, **args: Any) -> ToolCall:
    return ToolCall(id="1", name=name, args=args)


async def answer_of(function: Callable[..., Any], /, **args: Any) -> ToolResult:
    return await tool(function, name="it").use(call("it", **args))


# -- what a model is told


def test_a_bare_decorator_tells_a_model_the_name_the_docstring_and_the_hints() -> None:
    @tool
    async def weather(city: str, days: int = 3) -> str:
        """The weather to come.

        Args:
            city: Where.
            days: How many,
                counted from today.

        Returns:
            A text.
        """
        return city * days

    assert weather.spec.name == weather.name == "weather"
    assert weather.spec.description == weather.description == "The weather to come."
    assert json.loads(json.dumps(weather.spec.parameters)) == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where."},
            "days": {
                "type": "integer",
                "description": "How many, counted from today.",
                "default": 3,
            },
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    assert (weather.effect, weather.risk) == ("once", "execute")
    assert (weather.timeout, weather.retries, weather.blocking) == (30.0, 0, False)
    assert repr(weather) == "<tool weather>"
    assert weather.spec is weather.spec


def test_what_a_model_is_told_cannot_be_changed() -> None:
    @tool
    def f(x: int) -> None: ...

    with pytest.raises(TypeError):
        f.spec.parameters["properties"]["x"]["type"] = "string"


def test_a_decorator_with_arguments_overrides_what_was_found() -> None:
    @tool(name="forecast-2", description="Guesses.", effect="none", risk="network", timeout=None)
    def weather(city: str) -> str:
        """Not this."""
        return city

    assert weather.spec.name == "forecast-2"
    assert weather.spec.description == "Guesses."
    assert (weather.effect, weather.risk, weather.timeout) == ("none", "network", None)


def test_a_tool_is_still_the_function_it_was() -> None:
    @tool
    def double(x: int) -> int:
        """Twice."""
        return 2 * x

    assert double(4) == 8
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice."
    assert isinstance(double, FunctionTool)
    as_contract: Tool = double
    assert as_contract.spec.name == "double"


def test_a_function_without_docstring_has_no_description() -> None:
    assert tool(lambda: None, name="quiet").description == ""


@pytest.mark.parametrize("name", ["two words", "ä", "a" * 65, "a.b"])
def test_a_name_that_providers_refuse_is_refused_at_once(name: str) -> None:
    def two_words() -> None: ...

    two_words.__name__ = name
    with pytest.raises(ToolError, match="cannot be called") as caught:
        tool(two_words)
    assert "name=" in (caught.value.hint or "")


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(ToolError, match="<lambda>"):
        tool(lambda: None)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"effect": "twice"}, "no effect 'twice'"), ({"risk": "some"}, "no risk 'some'")],
)
def test_a_misspelt_option_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolError, match=said) as caught:
        tool(print, **options)
    assert "One of" in (caught.value.hint or "")


def test_what_must_act_once_cannot_be_declared_with_retries() -> None:
    with pytest.raises(ToolError, match="must act once") as caught:
        tool(print, retries=3)
    assert "idempotent" in (caught.value.hint or "")


@pytest.mark.parametrize("take", ["*args", "**kwargs"])
def test_a_function_without_named_parameters_is_refused(take: str) -> None:
    space: dict[str, Any] = {}
    exec(f"def f({take}): ...", space)
    with pytest.raises(ToolError, match="cannot fill") as caught:
        _ = tool(space["f"]).spec
    assert "functools.wraps" in (caught.value.hint or "")


def test_a_wrapped_function_keeps_its_parameters() -> None:
    def loud(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> str:
            return function(*args, **kwargs).upper()

        return inner

    @tool
    @loud
    def greet(name: str) -> str:
        """Says hello."""
        return f"hello {name}"

    assert set(greet.spec.parameters["properties"]) == {"name"}
    assert greet.description == "Says hello."


@pytest.mark.parametrize("hint", ["Nowhere", "list[", "1 +"])
def test_a_hint_that_cannot_be_resolved_says_which_tool_and_why(hint: str) -> None:
    def f(x: Any) -> None: ...

    f.__annotations__["x"] = hint
    with pytest.raises(ToolError, match="f: its type hints cannot be read") as caught:
        _ = tool(f).spec
    assert "TYPE_CHECKING" in (caught.value.hint or "")


def test_a_hint_of_the_result_that_cannot_be_resolved_does_not_matter() -> None:
    def f(x: int) -> "Nowhere": ...  # type: ignore[name-defined]  # noqa: F821

    assert "x" in tool(f).spec.parameters["properties"]


def test_something_without_signature_is_no_tool() -> None:
    with pytest.raises(ToolError, match="cannot be read"):
        _ = tool(dict, name="dict").spec


# -- methods and other callables


class Database:
    """As in the document this project was created from."""

    def __init__(self, rows: str) -> None:
        self.rows = rows

    @tool
    def query_database(self, sql_query: str) -> str:
        """Execute SQL query safely."""
        return f"{sql_query}: {self.rows}"

    @tool(effect="none", name="count")
    async def count_rows(self) -> int:
        return len(self.rows)

    @tool
    @staticmethod
    def plus(a: int, b: int = 1) -> int:
        return a + b

    @tool
    @classmethod
    def kind(cls, prefix: str) -> str:
        return prefix + cls.__name__


async def test_a_method_is_a_tool_of_its_object_and_hides_self() -> None:
    one, two = Database("one"), Database("three")
    assert set(one.query_database.spec.parameters["properties"]) == {"sql_query"}
    assert one.query_database.description == "Execute SQL query safely."
    result = await one.query_database.use(call("query_database", sql_query="x"))
    assert result.content == "x: one"
    assert (await two.count_rows.use(call("count"))).content == "5"
    assert two.count_rows.spec.name == "count"
    assert one.query_database("direct") == "direct: one"
    assert one.query_database.spec is two.query_database.spec


async def test_a_method_taken_from_its_class_says_where_to_take_it_from() -> None:
    assert Database.query_database(Database("r"), "direct") == "direct: r"
    with pytest.raises(ToolError, match="taken from its class") as caught:
        await Database.query_database.use(call("query_database", sql_query="x"))
    assert "Database(...).query_database" in (caught.value.hint or "")


async def test_static_and_class_methods_are_tools_of_the_class_too() -> None:
    assert (await Database.plus.use(call("plus", a=2))).content == "3"
    assert (await Database("r").plus.use(call("plus", a=2, b=2))).content == "4"
    assert (await Database.kind.use(call("kind", prefix="a "))).content == "a Database"
    assert set(Database("r").kind.spec.parameters["properties"]) == {"prefix"}


async def test_bound_methods_callable_objects_and_partials_become_tools() -> None:
    class Adder:
        """Adds."""

        def __init__(self) -> None:
            self.total = 0

        def __call__(self, by: "int") -> int:
            self.total += by
            return self.total

        async def reset(self, to: int = 0) -> int:
            """Starts again."""
            self.total = to
            return to

    adder = Adder()
    add, reset = tool(adder), tool(adder.reset)
    assert (add.name, add.description) == ("Adder", "Adds.")
    assert (await add.use(call("Adder", by=2))).content == "2"
    assert (reset.name, reset.description) == ("reset", "Starts again.")
    assert (await reset.use(call("reset"))).content == "0"

    def power(base: int, exponent: int) -> int:
        """A power."""
        return base**exponent

    of_two = tool(functools.partial(power, 2))
    assert (of_two.name, of_two.description) == ("power", "A power.")
    assert set(of_two.spec.parameters["properties"]) == {"exponent"}
    assert (await of_two.use(call("power", exponent=5))).content == "32"


async def test_a_function_of_c_becomes_a_tool() -> None:
    assert (await tool(len).use(call("len", obj="four"))).content == "4"


async def test_a_callable_object_in_a_class_body_is_not_bound() -> None:
    class Greeter:
        def __call__(self, name: str) -> str:
            return f"hello {name}"

    class Agent:
        greet = tool(Greeter(), name="greet")

    assert (await Agent.greet.use(call("greet", name="you"))).content == "hello you"
    assert (await Agent().greet.use(call("greet", name="you"))).content == "hello you"


async def test_arguments_that_go_by_place_are_put_in_their_place() -> None:
    def f(a: int, b: int = 2, c: int = 3, /, d: int = 4) -> list[int]:
        return [a, b, c, d]

    assert (await answer_of(f, a=1)).content == "[1, 2, 3, 4]"
    assert (await answer_of(f, d=0, c=9, a=1)).content == "[1, 2, 9, 0]"


async def test_a_tool_can_be_declared_anew_with_other_options() -> None:
    longer = tool(Database("r").query_database, name="query", timeout=120.0)
    assert (longer.name, longer.timeout) == ("query", 120.0)
    assert longer.description == "Execute SQL query safely."
    assert set(longer.spec.parameters["properties"]) == {"sql_query"}
    assert (await longer.use(call("query", sql_query="x"))).content == "x: r"
    assert tool(Database("r").count_rows).name == "count"


# -- arguments


async def test_wrong_arguments_are_named_with_what_was_expected() -> None:
    @tool
    def book(city: str, nights: int, rooms: list[int] | None = None) -> str:
        return ""

    with pytest.raises(BadArguments) as caught:
        await book.use(call("book", nights="many", town="Turku"))
    assert '"nights" should be integer, not "many"' in str(caught.value)
    assert '"city" is missing (string)' in str(caught.value)
    assert '"town" is unknown' in str(caught.value)
    assert caught.value.hint == (
        "It takes book(city: string, nights: integer, rooms: list of integer or null = null)"
    )


async def test_the_place_of_a_wrong_value_is_named() -> None:
    def f(x: dict[str, list[int]]) -> None: ...

    with pytest.raises(BadArguments, match=r'"x\["a"\]\[1\]" should be integer, not "b"'):
        await answer_of(f, x={"a": [1, "b"]})


async def test_hostile_arguments_are_told_in_a_few_words() -> None:
    @tool
    def f(x: int = 1) -> None: ...

    args = {f"unknown{n}\x1b[31m": "y" * 1_000_000 for n in range(200)} | {"x": "z" * 1_000_000}
    with pytest.raises(BadArguments) as caught:
        await f.use(call("f", **args))
    assert len(str(caught.value)) < 1_000
    assert "and 191 more" in str(caught.value)
    assert "\x1b" not in str(caught.value)


async def test_a_tool_gets_lists_and_dicts_that_it_may_change() -> None:
    def f(items: list[Any], options: dict[str, Any], anything: Any) -> list[Any]:
        items.append("more")
        options["x"]["y"].append(1)
        anything["z"] = 1
        return [items, options, anything]

    asked = call("it", items=["a", {"b": [1]}], options={"x": {"y": []}}, anything={})
    result = await tool(f, name="it").use(asked)
    assert json.loads(result.text) == [["a", {"b": [1]}, "more"], {"x": {"y": [1]}}, {"z": 1}]
    assert asked.args["options"] == {"x": {"y": ()}}


async def test_execute_takes_the_arguments_alone() -> None:
    @tool
    def double(x: int) -> int:
        return 2 * x

    result = await double.execute({"x": "4"})
    assert (result.content, result.name) == ("8", "double")
    assert result.call_id


# -- context


async def test_a_parameter_of_type_tool_context_is_filled_in_and_no_model_sees_it() -> None:
    seen: list[ToolContext] = []

    @tool
    def look(what: str, context: ToolContext) -> None:
        seen.append(context)

    assert set(look.spec.parameters["properties"]) == {"what"}
    asked = call("look", what="up")
    token = caller.set(Caller(agent="writer", key="run/writer/1"))
    try:
        await look.use(asked)
    finally:
        caller.reset(token)
    await look.use(asked)
    assert seen == [
        ToolContext(call=asked, agent="writer", key=None),  # it acts once, there is no repetition
        ToolContext(call=asked, agent=None, key=None),
    ]


async def test_an_idempotent_tool_gets_the_key_of_its_use() -> None:
    @tool(effect="idempotent")
    async def pay(context: "ToolContext | None" = None) -> str:
        return f"{context.key}" if context else "by hand"

    assert pay.spec.parameters["properties"] == {}
    token = caller.set(Caller(key="run/writer/1"))
    try:
        assert (await pay.use(call("pay"))).content == "run/writer/1"
    finally:
        caller.reset(token)
    assert await pay() == "by hand"


async def test_a_model_cannot_fill_the_context() -> None:
    @tool
    def look(context: ToolContext) -> None: ...

    with pytest.raises(BadArguments, match='"context" is unknown'):
        await look.use(call("look", context={"agent": "root"}))


# -- results


@dataclass
class Point:
    x: int
    on: date


class Place(pydantic.BaseModel):
    name: str
    at: Decimal


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is\n", "as it is\n"),
        (None, ""),
        (12, "12"),
        (1.5, "1.5"),
        (True, "true"),
        ([], "[]"),
        (["a", 1, None], '["a", 1, null]'),
        ({"ä": (1, 2)}, '{"ä": [1, 2]}'),
        (Point(1, date(2026, 11, 20)), '{"x": 1, "on": "2026-11-20"}'),
        ([Place(name="Turku", at=Decimal("1.10"))], '[{"name": "Turku", "at": "1.10"}]'),
        (Decimal("1.10"), '"1.10"'),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), '"2026-01-02T03:04:00+00:00"'),
        ({date(2026, 1, 2): 1, Colour.RED: 2, (1, 2): 3}, None),
        (timedelta(minutes=1), '"0:01:00"'),
        (Path("a/b"), '"a/b"'),
        ({"p": Path("a")}.values(), '["a"]'),
        ((n for n in (1, 2)), "[1, 2]"),
        ({3}, "[3]"),
        (b"\x00\xff", '"AP8="'),
        (Colour.RED, '"red"'),
        (1 + 2j, '"(1+2j)"'),
        (Point, f'"{Point}"'),
        ("\ud800", "\ud800"),
    ],
)
async def test_what_is_no_text_becomes_json(value: Any, text: str | None) -> None:
    result = await answer_of(lambda: value)
    assert result.source == "tool:it"
    assert not result.error
    if text is None:
        assert json.loads(result.text) == {"2026-01-02": 1, "red": 2, "[1, 2]": 3}
    else:
        assert result.content == text


async def test_a_message_deep_in_a_result_is_json_too() -> None:
    told = json.loads((await answer_of(lambda: {"said": Message("hi")})).text)
    assert told["said"]["role"] == "user"
    assert told["said"]["parts"][0]["text"] == "hi"


async def test_parts_stay_parts_and_say_which_tool_they_came_from() -> None:
    image = Image(data=b"png", source="user")
    result = await answer_of(lambda: image)
    assert result.content == (Image(data=b"png", source="tool:it"),)
    mixed = [Text(text="a"), "b", Audio(), File(name="f"), {"c": 1}, [image]]
    result = await answer_of(lambda: mixed)
    assert [type(part) for part in result.content] == [Text, Text, Audio, File, Text, Image]
    assert {part.source for part in result.content if not isinstance(part, str)} == {"tool:it"}
    assert result.text == 'ab{"c": 1}'
    assert image.source == "user"


async def test_messages_count_as_their_parts() -> None:
    said = Messages([Message("one"), Message("two", Image(), ToolCall(id="1", name="f"))])
    result = await answer_of(lambda: said)
    assert result.text == "onetwo"
    assert [type(part) for part in result.content] == [Text, Text, Image]


async def test_a_promise_that_is_returned_is_awaited() -> None:
    async def later(_: Any) -> str:
        return "kept"

    assert (await answer_of(lambda: Promise(later))).content == "kept"


async def test_a_result_that_is_too_large_is_cut_and_says_so() -> None:
    result = await answer_of(lambda: "x" * 100_010)
    assert result.text.startswith("x" * 100_000 + "\n[10 of 100,010 characters were left out")
    short = tool(
        lambda: [Text(text="12345"), Image(), Text(text="678"), "9"], name="it", max_chars=6
    )
    content = (await short.use(call("it"))).content
    assert [part.text.partition("\n")[0] for part in content if isinstance(part, Text)] == [
        "12345",
        "6",
        "",
    ]
    assert "2 of 3 characters" in (await short.use(call("it"))).text
    assert any(isinstance(part, Image) for part in content)


async def test_a_result_that_cannot_be_written_is_a_failure_that_says_it_was_done() -> None:
    circle: list[Any] = []
    circle.append(circle)

    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    for value in (circle, {(1,): circle}, Mute()):
        with pytest.raises(ToolFailed, match="cannot be written") as caught:
            await answer_of(lambda value=value: value)
        assert "done all the same" in (caught.value.hint or "")


# -- failures


async def test_an_error_of_the_function_is_tool_failed_with_its_cause() -> None:
    def f() -> None:
        raise LookupError("nothing there")

    with pytest.raises(ToolFailed, match="it failed: LookupError: nothing there") as caught:
        await answer_of(f)
    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.hint


async def test_an_endless_error_is_cut() -> None:
    def f() -> None:
        raise ValueError("x" * 1_000_000)

    with pytest.raises(ToolFailed) as caught:
        await answer_of(f)
    assert len(str(caught.value)) < 2_100


async def test_errors_that_are_about_tools_pass_as_they_are() -> None:
    denied = ToolDenied("no", hint="ask")

    async def f() -> None:
        raise denied

    with pytest.raises(ToolDenied) as caught:
        await answer_of(f)
    assert caught.value is denied


async def test_the_hint_of_another_error_of_ours_is_kept() -> None:
    from retinue.errors import SettingsError

    def f() -> None:
        raise SettingsError("no key", hint="Set KEY.")

    with pytest.raises(ToolFailed) as caught:
        await answer_of(f)
    assert caught.value.hint == "Set KEY."


async def test_stop_iteration_and_exception_groups_are_failures_too() -> None:
    def stop() -> None:
        raise StopIteration("x")

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.Event().wait())
            raise KeyError("in the group")

    for function in (stop, group):
        with pytest.raises(ToolFailed):
            await answer_of(function)


# -- time


async def test_a_tool_that_takes_too_long_is_stopped() -> None:
    stopped = asyncio.Event()

    @tool(timeout=0.01)
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with pytest.raises(ToolTimeout, match=r"slow did not end within 0\.01 seconds") as caught:
        await slow.use(call("slow"))
    assert stopped.is_set()
    assert caught.value.hint


async def test_a_timeout_inside_the_function_is_its_own_failure() -> None:
    @tool(timeout=None)
    async def unlimited() -> None:
        raise TimeoutError("socket")

    @tool
    async def limited() -> None:
        raise TimeoutError("socket")

    for one in (limited, unlimited):
        with pytest.raises(ToolFailed, match="TimeoutError: socket"):
            await one.use(call(one.name))


async def test_a_cancelled_tool_is_stopped_and_leaves_no_task() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @tool
    async def slow() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    before = asyncio.all_tasks()
    using = asyncio.create_task(slow.use(call("slow")))
    await asyncio.wait_for(started.wait(), 5)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert stopped.is_set()
    assert asyncio.all_tasks() == before


async def test_something_else_that_was_cancelled_inside_is_a_failure_not_a_cancellation() -> None:
    async def f() -> None:
        other = asyncio.create_task(asyncio.Event().wait())
        other.cancel()
        await other

    with pytest.raises(ToolFailed, match="was cancelled"):
        await answer_of(f)


async def test_tools_run_side_by_side() -> None:
    meeting = asyncio.Barrier(20)

    @tool
    async def meet(n: int) -> int:
        await meeting.wait()
        return n

    uses = [meet.use(call("meet", n=n)) for n in range(20)]
    results = await asyncio.wait_for(asyncio.gather(*uses), 5)
    assert [result.content for result in results] == [str(n) for n in range(20)]


async def test_a_sync_function_runs_in_the_loop_and_a_blocking_one_in_a_thread() -> None:
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert (await tool(where).use(call("where"))).content == "true"
    assert (await tool(where, blocking=True).use(call("where"))).content == "false"


async def test_a_blocking_function_that_takes_too_long_is_left_alone() -> None:
    release = threading.Event()

    @tool(blocking=True, timeout=0.01)
    def slow() -> None:
        release.wait(5)

    try:
        with pytest.raises(ToolTimeout):
            await slow.use(call("slow"))
    finally:
        release.set()


# -- trying again


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    import retinue.tools._patience as patience

    paused: list[float] = []

    async def at_once(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(patience.asyncio, "sleep", at_once)
    return paused


@pytest.mark.parametrize("effect", ["none", "idempotent"])
async def test_what_may_be_done_twice_is_tried_again(effect: Any, no_pause: list[float]) -> None:
    tries: list[int] = []

    @tool(effect=effect, retries=3)
    def flaky(items: list[int]) -> str:
        tries.append(len(items))
        items.append(0)
        if len(tries) < 3:
            raise OSError("again")
        return "done"

    assert (await flaky.use(call("flaky", items=[1]))).content == "done"
    assert tries == [1, 1, 1]  # each try gets the arguments fresh
    assert no_pause == [0.1, 0.2]


async def test_the_last_failure_is_told_when_all_tries_are_used(no_pause: list[float]) -> None:
    tries: list[int] = []

    @tool(effect="none", retries=2)
    async def broken() -> None:
        tries.append(1)
        raise OSError(f"try {len(tries)}")

    with pytest.raises(ToolFailed, match="try 3"):
        await broken.use(call("broken"))


async def test_wrong_arguments_and_denials_are_not_tried_again(no_pause: list[float]) -> None:
    tries: list[int] = []

    @tool(effect="none", retries=2)
    async def denied(x: int) -> None:
        tries.append(x)
        raise ToolDenied("no")

    with pytest.raises(ToolDenied):
        await denied.use(call("denied", x=1))
    with pytest.raises(BadArguments):
        await denied.use(call("denied"))
    assert tries == [1]
    assert no_pause == []


# -- cost


def test_a_tool_of_plain_types_never_loads_pydantic() -> None:
    code = """
import asyncio, sys
from retinue.messages import ToolCall
from retinue.tools import tool

@tool
def f(a: str, b: list[int] | None = None, c: dict[str, float] | None = None): return {"a": b}

asyncio.run(f.use(ToolCall(id="1", name="f", args={"a": "x", "b": [1]})))
print([m for m in ("pydantic", "pydantic_core", "difflib") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
