# /// script
# requires-python = ">=3.12"
# ///
"""Make the captures in docs/ anew: a real shell under tmux, answered by `retinue mock-llm`.

    uv run --no-project scripts/screenshots.py [--python PYTHON]

Needs tmux. Each capture stands below a line `<!-- screenshot: NAME -->` of its page.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "terminal.md", ROOT / "docs" / "shell.md")
PATIENCE = 30.0
"""Seconds that nothing here may take."""
COLUMNS, ROWS = 86, 28
MARK = "\u203a"
"""Of what a person says."""
SENTENCE = (
    "A lighthouse keeper writes down the weather every evening, the ships that passed, "
    "and what the light had to say to them. "
)
CALL = {"tool_call": {"id": "1", "name": "calculator", "args": {"expression": "365 * 24"}}}
WEEKDAY = {"tool_call": {"id": "2", "name": "clock", "args": {"timezone": "Europe/Helsinki"}}}
ERASE = {"tool_call": {"id": "3", "name": "erase", "args": {"path": "drafts/old.md"}}}
ANSWER = """\
A year of **365 days** has 8,760 hours.

| year | hours |
|---|---:|
| common | 8,760 |
| leap | 8,784 |

In Python:

```python
hours = 24 * (366 if calendar.isleap(year) else 365)
```
"""
LONG = "# The keeper's year\n\n" + "\n\n".join([SENTENCE * 4] * 24)
SCRIPT: dict[str, Any] = {
    "talk": [["Let me see.", CALL, WEEKDAY], ANSWER],
    "long": [{"lines": [LONG], "frame_delay": 0.02}, "It is *autumn* there now."],
    "again": [{"lines": [LONG], "frame_delay": 0.02}, "It is a **quiet** life."],
    "erase": [["I will erase that draft.", ERASE], "It is gone."],
}
PROGRAM = '''\
import sys
import retinue.app
from retinue.cli import main
from retinue.tools import find_tools, tool

@tool(risk="write")
def erase(path: str) -> str:
    """Erase a file."""
    return f"erased {path}"

retinue.app.find_tools = lambda names: [*find_tools(names), erase]
sys.argv[0] = "retinue"
sys.exit(main())
'''


def main() -> None:
    """Write the captures into the pages."""
    python = sys.argv[2] if sys.argv[1:2] == ["--python"] else str(ROOT / ".venv/bin/python")
    pages = {path: path.read_text() for path in PAGES}
    with tempfile.TemporaryDirectory() as folder, mock_llm(python, Path(folder)) as url:
        desk = Desk(python, Path(folder), url)
        for name, capture in captures(desk):
            block = re.compile(rf"(<!-- screenshot: {name} -->\n```text\n)(.*?)(```\n)", re.DOTALL)
            path = next((path for path, page in pages.items() if block.search(page)), None)
            if path is None:
                raise SystemExit(f"No page has a place for {name!r}")
            pages[path] = block.sub(
                lambda found, text=capture: found[1] + text + found[3], pages[path]
            )
            print(f"{name}:\n{capture}")
    for path, page in pages.items():
        path.write_text(page)


def captures(desk: "Desk") -> Iterator[tuple[str, str]]:
    """The captures by name, in an order that needs little time."""
    with desk.shell("talk") as shell:
        shell.says("how many hours has a year?", "isleap")
        yield "talk", shell.seen()
        shell.says("/help", "/quit")
        yield "help", shell.seen(last=f"{MARK} /help")
    with desk.shell("long") as shell:
        shell.type("tell me about a lighthouse keeper, in 2,000 words", "Enter")
        shell.sees("every evening")
        shell.type("which season is it there?", "Enter")
        shell.type("typed while it is being written")
        shell.sees(f"{MARK} typed while it is being written")
        shell.sees("say to them. A lighthouse")
        yield "meanwhile", shell.seen()
        shell.type("C-c")
        shell.sees("It is autumn")
        shell.type("C-c")
        shell.sees(f"\n{MARK}\n")
        yield "stopped", shell.seen(last="■ stopped", before=2)
    with desk.shell("again") as shell:
        shell.type("tell me about a lighthouse keeper, in 2,000 words", "Enter")
        shell.sees("the ships that passed")
        shell.type("C-c")
        shell.sees("stopped")
        shell.says("/retry", "It is a quiet life")
        yield "again", shell.seen()
    with desk.shell("erase") as shell:
        shell.type("erase my old draft, please", "Enter")
        shell.sees("[a]lways")
        yield "approval", shell.seen()


@dataclass(frozen=True)
class Desk:
    """Where shells are opened.

    Args:
        python: Has Retinue.
        folder: The home of who sits here.
        url: Of the models.
    """

    python: str
    folder: Path
    url: str

    @contextmanager
    def shell(self, model: str) -> "Generator[Shell]":
        """A shell that talks with this model."""
        (self.folder / "shell.py").write_text(PROGRAM)
        keep = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "OLLAMA_HOST": self.url,
            "TERM": "tmux-256color",
        }
        line = shlex.join([self.python, "shell.py", "chat", "-m", f"ollama:{model}"])
        variables = shlex.join([f"{name}={value}" for name, value in keep.items()])
        name = f"retinue-{os.getpid()}"
        run = f"cd {shlex.quote(str(self.folder))} && exec env -i {variables} {line}"
        tmux("new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(ROWS), run)
        try:
            shell = Shell(name)
            shell.sees(f"\n{MARK}\n")
            yield shell
        finally:
            tmux("kill-session", "-t", name)


@dataclass(frozen=True)
class Shell:
    """A shell in a session of tmux."""

    session: str

    def type(self, *keys: str) -> None:
        """Press these keys, as tmux calls them."""
        tmux("send-keys", "-t", self.session, *keys)

    def says(self, line: str, answer: str) -> None:
        """Say this, and wait until it is answered so."""
        self.type(line, "Enter")
        self.sees(answer)
        self.sees(f"\n{MARK}\n")

    def sees(self, words: str) -> None:
        """Wait for these words."""
        end = time.monotonic() + PATIENCE
        while words not in f"\n{self.page()}":
            if time.monotonic() > end:
                raise SystemExit(f"never seen: {words!r}, but:\n{self.page()}")
            time.sleep(0.02)

    def seen(self, *, last: str = "", before: int = 0) -> str:
        """The screen; from the last line on that has these words, or so many lines above it."""
        lines = self.page().rstrip("\n").split("\n")
        places = [at for at, line in enumerate(lines) if last and last in line]
        start = max(places[-1] - before, 0) if places else 0
        return "".join([f"{line.rstrip()}\n" for line in lines[start:]])

    def page(self) -> str:
        """What is on the screen."""
        return tmux("capture-pane", "-p", "-t", self.session)


@contextmanager
def mock_llm(python: str, folder: Path) -> Generator[str]:
    """The models of SCRIPT; where they are served."""
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    line = [python, "-m", "retinue", "mock-llm", str(folder / "script.json"), "--port", "0"]
    with ExitStack() as stack:
        server = stack.enter_context(
            subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )
        stack.callback(server.terminate)
        said = server.stdout.readline() if server.stdout is not None else ""
        found = re.search(r"http://\S+", said)
        if found is None:
            raise SystemExit(f"mock-llm did not begin: {said!r}")
        yield found[0]


def tmux(*arguments: str) -> str:
    """What tmux says to this; its server is our own, and reads nobody's settings."""
    line = ["tmux", "-L", "retinue-screenshots", "-f", "/dev/null", *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
