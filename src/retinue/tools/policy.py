"""Policy: which calls are allowed, which are denied, and which are asked about.

Rules read from the general to the particular: the last one that fits decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, assert_never, get_args

from retinue.errors import SettingsError, ToolDenied
from retinue.messages import FrozenDict, ToolCall, ToolResult

from . import Risk, Tool
from ._approved import Approved, Ask
from ._json import as_json
from ._toolbox import Tools, as_toolbox, find_in

type Verdict = Literal["allow", "ask", "deny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A verdict on the calls that fit all of what is given here.

    Patterns are those of a shell (`*`, `?`, `[abc]`); case counts, and `*` takes anything, line
    ends and slashes too. They see an argument as the model wrote it (as JSON, if it is no text):
    a rule for `{"command": "git *"}` fits "git log; rm -rf ." as well.

    Args:
        verdict: "allow", "ask" or "deny".
        tool: A pattern for the tool's name.
        risk: The tool's risk; None is any.
        args: Patterns by argument; a call without one of them does not fit.

    Raises:
        SettingsError: There is no such verdict or risk.
    """

    verdict: Verdict
    tool: str = "*"
    risk: Risk | None = None
    args: Mapping[str, str] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        for what, value, known in (
            ("verdict", self.verdict, get_args(Verdict.__value__)),
            ("risk", self.risk, (None, *get_args(Risk.__value__))),
        ):
            if value not in known:
                names = ", ".join(filter(None, known))
                raise SettingsError(f"There is no {what} {value!r}", hint=f"One of {names}.")

    def fits(self, tool: Tool, call: ToolCall) -> bool:
        """Whether this rule speaks of that call."""
        return (
            self.risk in (None, tool.risk)
            and fnmatchcase(call.name, self.tool)
            and all(
                name in call.args and fnmatchcase(_text(call.args[name]), pattern)
                for name, pattern in self.args.items()
            )
        )


DEFAULT_RULES = (Rule(verdict="ask"), Rule(verdict="allow", risk="read"))
"""Reading is allowed, all else is asked about. Add your own after these."""


def decide(rules: Sequence[Rule], tool: Tool, call: ToolCall) -> Verdict:
    """What the last rule that fits says; "ask" where none does."""
    for rule in reversed(rules):
        if rule.fits(tool, call):
            return rule.verdict
    return "ask"


class Policed:
    """Holds every call to the rules; where they say "ask", `ask` is asked."""

    def __init__(self, inner: Tools, rules: Sequence[Rule], ask: Ask) -> None:
        self._inner = as_toolbox(inner)
        self._approved = Approved(self._inner, ask)
        self._rules = tuple(rules)

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._inner.tools

    async def use(self, call: ToolCall) -> ToolResult:
        verdict = decide(self._rules, find_in(self._inner, call.name), call)
        match verdict:
            case "allow":
                return await self._inner.use(call)
            case "ask":
                return await self._approved.use(call)
            case "deny":
                raise ToolDenied(
                    f"{call.name!r} is denied by a rule",
                    hint="Do without it; whoever set the rule can change it.",
                )
            case _:
                assert_never(verdict)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)
