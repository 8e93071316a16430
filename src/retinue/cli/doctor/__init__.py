"""Doctor: looks whether everything works, and says what to do where it does not.

Everything is looked at side by side, each for two seconds at most, and shown in the order in which
a person would look.
"""

import asyncio
import json
import os
import shutil
import textwrap
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from importlib import import_module
from typing import Final

from retinue.app import Way, way_to
from retinue.cli._exits import DONE, FAILED
from retinue.cli._grammar import Doctor
from retinue.cli._screen import Screen
from retinue.errors import RetinueError
from retinue.models import LLAMA_SERVER
from retinue.promise import run as run_loop
from retinue.settings import Settings, config_file, current_folder, load, trust_file
from retinue.telemetry.terminal import Look, one_line, redacted

from ._finding import PATIENCE, Finding, aside
from ._folders import folder
from ._here import installed, terminal
from ._models import model, server
from ._settings import found_in

_SIGNS: Final = {
    "fine": ("🟢", "fine", "green"),
    "note": ("⚪", "note", "dim"),
    "warning": ("🟡", "warning", "yellow"),
    "wrong": ("🔴", "wrong", "red"),
}
"""Each state as a sign, as a word, in a colour."""


def run(line: Doctor, screen: Screen) -> int:
    """Look at everything and tell; the exit code, which is 1 if something is wrong."""
    with suppress(ImportError):  # it takes its time, for which no server is to be blamed
        import_module("aiohttp")
    findings = run_loop(lambda: _looked(line, screen))
    findings = [_shown(finding, screen.secrets) for finding in findings]
    screen.write(_as_json(findings) if line.json else _as_text(findings, screen))
    return FAILED if _wrong(findings) else DONE


async def _looked(line: Doctor, screen: Screen) -> list[Finding]:
    config, data = config_file(os.environ), trust_file(os.environ)
    found = await asyncio.gather(
        _sure("retinue", aside(installed)),
        _chosen(line.flags, screen),
        _sure("terminal", aside(lambda: terminal(screen, os.environ))),
        _sure("config folder", folder("config folder", config, "XDG_CONFIG_HOME")),
        _sure("data folder", folder("data folder", data, "XDG_DATA_HOME")),
    )
    return [finding for some in found for finding in some]


async def _chosen(flags: Mapping[str, str], screen: Screen) -> list[Finding]:
    """The settings, and the models that they mean."""
    settings = Settings()  # unless better is known
    try:
        settings = await aside(partial(_read, flags, screen))
        first = found_in(settings, screen.program)
        answering = model(settings, screen.program)
    except (RetinueError, TimeoutError) as error:
        first = [_failed("settings", error)]
        answering = _unknown()
    found = await asyncio.gather(
        _sure("model", answering),
        _sure("Ollama", server("Ollama", way_to(settings, "ollama:"))),
        _sure("llama-server", server("llama-server", Way("compatible:", LLAMA_SERVER))),
    )
    return [*first, *[finding for some in found for finding in some]]


def _read(flags: Mapping[str, str], screen: Screen) -> Settings:
    settings = load(flags=flags, environ=os.environ, folder=current_folder())
    screen.secrets = settings.secrets()
    return settings


async def _unknown() -> list[Finding]:
    words = "not known, because the settings are broken"
    return [Finding(about="model", state="note", words=words)]


async def _sure(about: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    """What was found; that it could not be looked at is a finding, too."""
    try:
        return await look
    except (RetinueError, TimeoutError, ImportError) as error:
        return [_failed(about, error)]


def _failed(about: str, error: Exception) -> Finding:
    match error:
        case TimeoutError():
            words = f"cannot be looked at: it takes more than {PATIENCE:g} s"
            fix = "Perhaps a disk does not answer, or a pipe stands where a file should be."
        case RetinueError(hint=str(fix)):
            words = str(error)
        case _:
            words, fix = str(error), "Install retinue again."
    return Finding(about=about, state="wrong", words=words, fix=fix)


def _as_text(findings: Sequence[Finding], screen: Screen) -> str:
    about = max(len(finding.about) for finding in findings)
    columns = shutil.get_terminal_size().columns if screen.look.live else 10_000
    lines = [line for one in findings for line in _lines(one, screen.look, about, columns)]
    wrong = _wrong(findings)
    end = f"{wrong} to mend." if wrong else "Nothing is wrong."
    return "\n".join([*lines, "", end, ""])


def _lines(finding: Finding, look: Look, about: int, columns: int) -> Iterator[str]:
    """The words beside the sign, and below them what to do."""
    emoji, word, colour = _SIGNS[finding.state]
    sign = look.sign(emoji, look.paint(f"{word:7}", colour))
    left = about + (5 if look.emoji else 10)
    for number, line in enumerate(_wrapped(finding.words, columns - left)):
        yield f"{' ' * left}{line}" if number else f"{sign} {finding.about:{about}}  {line}"
    if finding.fix:
        for line in _wrapped(f"{look.sign('→', '->')} {finding.fix}", columns - left):
            yield f"{' ' * left}{look.paint(line, colour)}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)


def _as_json(findings: Sequence[Finding]) -> str:
    said = {
        "v": 1,
        "fine": not _wrong(findings),
        "findings": [asdict(finding) for finding in findings],
    }
    return f"{json.dumps(said, ensure_ascii=False, indent=2)}\n"


def _wrong(findings: Sequence[Finding]) -> int:
    return sum(finding.state == "wrong" for finding in findings)


def _shown(finding: Finding, secrets: Mapping[str, str]) -> Finding:
    """The finding on one line, as anybody may see it."""

    def shown(text: str) -> str:
        return one_line(redacted(text, secrets.items()))

    fix = shown(finding.fix) if finding.fix else None
    return replace(finding, words=shown(finding.words), fix=fix)
