"""Every Python block of the MiniAgents document runs as printed; only `miniagents` is imported from
`retinue.dialects`. Where a block uses a name it does not make, it gets it from an earlier block, or
from what the document implies."""

import ast
import asyncio
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from retinue.dialects import miniagents
from retinue.dialects.miniagents.ext.llm import llm_common
from retinue.models import ChatRequest
from retinue.models.scripted import Scripted

BLOCKS = re.findall(
    r"^```python\n(.*?)^```",
    Path(__file__).with_name("spec_004.txt").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
HELLO = "Hello, how can I assist you?"


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """One block, and what the document says of it.

    Args:
        name: What it shows.
        prints: All that it writes.
        after: The block whose names it uses.
        typed: What the person at the console types, to the end of the input.
        answers: What the language model says, turn by turn.
        asks: The model it asks.
        raises: How it ends, where it does not return.
        unfinished: Whether its last body is only a comment, as printed.
    """

    name: str
    prints: str = ""
    after: int | None = None
    typed: str = ""
    answers: tuple[str, ...] = ()
    asks: str | None = None
    raises: type[BaseException] | None = None
    unfinished: bool = False
    holds: Callable[["World"], bool] = field(default=lambda world: True)


@dataclass
class World:
    """What a block met and left behind."""

    names: dict[str, Any]
    models: list[str] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    folder: Path = Path()


def settings_reach_the_model(world: World) -> bool:
    (request,) = world.requests
    said = [(message.role, message.text) for message in request.messages]
    assert said == [("user", "Hello, how are you?")]
    assert request.system == "You are a helpful assistant."
    return (request.max_tokens, request.temperature) == (50, 0.7)


def the_whole_dialog_reaches_the_model(world: World) -> bool:
    said = [[message.text for message in request.messages] for request in world.requests]
    return said == [["Hi"], ["Hi", "Hello!", "Bye"]]


def the_history_is_kept(world: World) -> bool:
    kept = (world.folder / "CHAT.md").read_text("utf-8")
    return kept.index("Hi") < kept.index("Hello!")


SNIPPETS = (
    Snippet(name="a first agent"),
    Snippet(name="asking it", after=0, prints="You said: Hello!\n"),
    Snippet(name="an agent asks another", prints="Agent 2 received: Hello from Agent 1!\n"),
    Snippet(name="a program", prints="Agent is running\n"),
    Snippet(name="define an agent"),
    Snippet(name="run an agent", after=4, prints="Hello, I am an agent!\n"),
    Snippet(
        name="a language model",
        answers=("Fine, thanks!",),
        asks="openai:gpt-3.5-turbo",
        prints="Fine, thanks!\n",
        holds=settings_reach_the_model,
    ),
    Snippet(
        name="a dialog at the console",
        typed="Hi\nBye\n",
        answers=("Hello!", "See you!"),
        asks="openai:gpt-3.5-turbo",
        prints="USER: \nHello!\n\nUSER: \nSee you!\n\nUSER: ",
        holds=the_whole_dialog_reaches_the_model,
    ),
    Snippet(
        name="a dialog with a history",
        typed="Hi\n",
        answers=("Hello!",),
        asks="openai:gpt-4o-2024-05-13",
        prints="\nUSER: \nHello!\n\nUSER: ",
        holds=the_history_is_kept,
    ),
    Snippet(name="OpenAI from outside", answers=("Hi!",), asks="openai:gpt-4o"),
    Snippet(name="Anthropic from outside", answers=("Hi!",), asks="anthropic:claude-sonnet-5-5"),
    Snippet(
        name="token by token",
        answers=("I am fine.",),
        asks="openai:gpt-4o-2024-05-13",
        prints="I am fine.\n",
        holds=lambda world: (
            (world.requests[0].max_tokens, world.requests[0].temperature) == (1000, 0.0)
        ),
    ),
    Snippet(
        name="a chain with AWAIT",
        typed="Hi\nBye\n",
        prints=f"USER: Hi\n{HELLO}\nUSER: Bye\n{HELLO}\nUSER: ",
        raises=EOFError,
    ),
    Snippet(name="agents side by side", prints="Agent 1 is running\nAgent 2 is running\n"),
    Snippet(name="a message with a field", prints="Hello\nCustom Value\n"),
    Snippet(
        name="messages by role",
        holds=lambda world: (
            [world.names[f"{role}_message"].role for role in ("user", "system", "assistant")]
            == ["user", "system", "assistant"]
        ),
    ),
    Snippet(name="joining", prints="Hello\n\nworld\n"),
    Snippet(name="splitting", prints="Hello\n\nworld\n"),
    Snippet(name="joining with a space", prints="Hello World\n"),
    Snippet(name="the context", unfinished=True),
    Snippet(name="the decorator", unfinished=True),
)


def test_every_block_of_the_document_is_here() -> None:
    assert len(BLOCKS) == len(SNIPPETS) == 21


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """What the document takes for granted: its package, an .env loader, a folder, asyncio."""
    dotenv = ModuleType("dotenv")
    vars(dotenv)["load_dotenv"] = lambda: True
    monkeypatch.setitem(sys.modules, "dotenv", dotenv)
    monkeypatch.chdir(tmp_path)
    names = {
        "__name__": "__main__",
        "asyncio": asyncio,
        "miniagents": miniagents,
        "mini_agents": miniagents.MiniAgents(),
        "MiniAgents": miniagents.MiniAgents,
    }
    return World(names=names, folder=tmp_path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("number", range(21), ids=[snippet.name for snippet in SNIPPETS])
def test_a_block_does_what_the_document_says(
    number: int,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    snippet = SNIPPETS[number]
    model = Scripted(*snippet.answers)
    model.requests = world.requests
    monkeypatch.setattr(llm_common, "find_model", lambda name: world.models.append(name) or model)
    monkeypatch.setattr(sys, "stdin", io.StringIO(snippet.typed))
    if snippet.after is not None:
        execute(BLOCKS[snippet.after], world.names)

    if snippet.raises is None:
        execute(BLOCKS[number], world.names, unfinished=snippet.unfinished)
    else:
        with pytest.raises(snippet.raises):
            execute(BLOCKS[number], world.names)

    assert capsys.readouterr().out == snippet.prints
    assert set(world.models) == ({snippet.asks} if snippet.asks else set())
    assert len(world.requests) == len(snippet.answers)
    assert snippet.holds(world)


class Interrupted(io.StringIO):
    """A console at which somebody presses Ctrl-C instead of writing a line."""

    def readline(self, size: int | None = -1, /) -> str:
        raise KeyboardInterrupt


@pytest.mark.timeout(20)
def test_the_dialog_with_a_history_ends_quietly_by_ctrl_c(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Interrupted())
    number = [snippet.name for snippet in SNIPPETS].index("a dialog with a history")
    execute(BLOCKS[number], world.names)
    assert capsys.readouterr().out == "\nUSER: \n"


def execute(block: str, names: dict[str, Any], *, unfinished: bool = False) -> None:
    """Run a block; `async with` at its top level runs as in an asyncio REPL."""
    source = re.sub(r"^from miniagents\b", "from retinue.dialects.miniagents", block, flags=re.M)
    if unfinished:
        source += "    pass\n"
    code = compile(source, "spec_004.txt", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waiting = eval(code, names)
    if waiting is not None:
        asyncio.run(waiting)
