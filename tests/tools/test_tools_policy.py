"""Policy: which rule decides, and what becomes of the call."""

from typing import Any

import pytest

from retinue.errors import SettingsError, ToolDenied, UnknownTool
from retinue.messages import ToolCall
from retinue.tools import DEFAULT_RULES, Policed, Rule, Tool, ToolSet, decide, tool


@tool(risk="read", effect="none")
def read_file(path: str) -> str:
    return f"contents of {path}"


@tool(risk="execute")
def shell(command: str, lines: list[str] | None = None) -> str:
    return f"ran {command}"


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(id="1", name=name, args=args)


def test_by_default_reading_is_allowed_and_all_else_is_asked_about() -> None:
    assert decide(DEFAULT_RULES, read_file, call("read_file", path="a")) == "allow"
    for risk in ("write", "execute", "network", "spend"):
        risky = tool(lambda: None, name="risky", risk=risk)
        assert decide(DEFAULT_RULES, risky, call("risky")) == "ask"


def test_where_no_rule_fits_it_is_asked() -> None:
    assert decide((), shell, call("shell", command="ls")) == "ask"
    assert decide((Rule(verdict="allow", tool="read_*"),), shell, call("shell")) == "ask"


def test_the_last_rule_that_fits_decides() -> None:
    rules = (
        *DEFAULT_RULES,
        Rule(verdict="allow", tool="shell", args={"command": "git *"}),
        Rule(verdict="deny", tool="shell", args={"command": "*--force*"}),
        Rule(verdict="deny", tool="read_*", args={"path": "/etc/*"}),
    )
    assert decide(rules, shell, call("shell", command="make")) == "ask"
    assert decide(rules, shell, call("shell", command="git log")) == "allow"
    assert decide(rules, shell, call("shell", command="git push --force")) == "deny"
    assert decide(rules, read_file, call("read_file", path="/etc/passwd")) == "deny"
    assert decide(rules, read_file, call("read_file", path="notes")) == "allow"


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule(verdict="deny"), True),
        (Rule(verdict="deny", tool="sh*"), True),
        (Rule(verdict="deny", tool="SH*"), False),
        (Rule(verdict="deny", tool="read"), False),
        (Rule(verdict="deny", risk="execute"), True),
        (Rule(verdict="deny", risk="spend"), False),
        (Rule(verdict="deny", args={"command": "rm*"}), True),
        (Rule(verdict="deny", args={"command": "*\n*"}), True),
        (Rule(verdict="deny", args={"command": "rm"}), False),
        (Rule(verdict="deny", args={"lines": '*"b"*'}), True),
        (Rule(verdict="deny", args={"count": "3"}), True),
        (Rule(verdict="deny", args={"absent": "*"}), False),
        (Rule(verdict="deny", tool="shell", risk="execute", args={"command": "*"}), True),
        (Rule(verdict="deny", tool="shell", risk="read", args={"command": "*"}), False),
    ],
)
def test_a_rule_fits_when_all_that_it_says_fits(rule: Rule, fits: bool) -> None:
    asked = call("shell", command="rm -rf\n.", lines=["a", "b"], count=3)
    assert rule.fits(shell, asked) is fits


def test_a_misspelt_rule_is_refused() -> None:
    with pytest.raises(SettingsError, match="no verdict 'forbid'") as caught:
        Rule(verdict="forbid")  # type: ignore[arg-type]
    assert caught.value.hint == "One of allow, ask, deny."
    with pytest.raises(SettingsError, match="no risk 'reed'") as caught:
        Rule(verdict="deny", risk="reed")  # type: ignore[arg-type]
    assert caught.value.hint == "One of read, write, execute, network, spend."


async def test_a_policed_toolbox_allows_asks_and_denies() -> None:
    asked: list[str] = []

    async def ask(call: ToolCall, tool: Tool) -> bool:
        asked.append(call.args["command"])
        return call.args["command"] == "make"

    rules = (*DEFAULT_RULES, Rule(verdict="deny", args={"path": "/*"}))
    box = Policed(ToolSet(read_file, shell), rules, ask)
    assert [one.spec.name for one in box.tools] == ["read_file", "shell"]
    assert (await box.use(call("read_file", path="a"))).content == "contents of a"
    assert asked == []
    assert (await box.use(call("shell", command="make"))).content == "ran make"
    with pytest.raises(ToolDenied, match="not approved"):
        await box.use(call("shell", command="rm"))
    assert asked == ["make", "rm"]
    with pytest.raises(ToolDenied, match="denied by a rule") as caught:
        await box.use(call("read_file", path="/etc"))
    assert caught.value.hint
    with pytest.raises(UnknownTool):
        await box.use(call("other"))
