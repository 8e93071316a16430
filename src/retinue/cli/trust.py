"""Trust: let the files of a project count, or no more."""

import os
from pathlib import Path

from retinue.errors import UsageError
from retinue.settings import (
    Project,
    Trusted,
    current_folder,
    find_project,
    read_project,
    trust_file,
)

from ._exits import DONE
from ._grammar import Trust
from ._screen import Screen

_MARKS = {
    "trusted": "",
    "changed": "  (changed since, not read)",
    "gone": "  (there is no such folder any more)",
}


def run(line: Trust, screen: Screen) -> int:
    """Do what was said about trust; the exit code."""
    trusted = Trusted(trust_file(os.environ))
    match line.do:
        case "list":
            _show(trusted, screen)
        case "remove":
            _remove(_project(line.path, trusted).folder, trusted, screen)
        case _:
            _add(_project(line.path, trusted), trusted, screen)
    return DONE


def _add(project: Project, trusted: Trusted, screen: Screen) -> None:
    if not project.files:
        raise UsageError(
            f"There is nothing to trust in {project.folder}",
            hint="A project has a retinue.toml, a .env, agents/, personas/*.toml or tools/*.py.",
        )
    fresh = project.folder not in trusted
    news = trusted.changes(project)
    trusted.add(project)
    screen.write(f"Trusted, as it is now: {project.folder}\n")
    for name in sorted({*project.files, *news}):
        mark = "gone" if name not in project.files else "changed" if name in news else ""
        shown = "" if fresh or not mark else screen.look.paint(f"  ({mark})", "yellow")
        screen.write(f"  {name}{shown}\n")


def _remove(folder: Path, trusted: Trusted, screen: Screen) -> None:
    if not trusted.remove(folder):
        raise UsageError(f"{folder} is not trusted", hint=f"See: {screen.program} trust --list")
    screen.write(f"Trusted no more: {folder}\n")


def _show(trusted: Trusted, screen: Screen) -> None:
    for folder in trusted:
        state = trusted.state(read_project(folder)) if folder.is_dir() else "gone"
        screen.write(f"{folder}{screen.look.paint(_MARKS.get(state, ''), 'yellow')}\n")


def _project(path: str | None, trusted: Trusted) -> Project:
    """The project at this path; without one, that of the current folder."""
    if path is not None:
        named = Path(path)
        return read_project(named.parent if named.is_file() else named)
    folder = current_folder()
    if folder is None:
        raise UsageError("The current folder is gone", hint="Go to another one, or name a path.")
    return find_project(folder, trusted) or read_project(folder)
