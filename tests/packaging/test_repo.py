"""What is committed says nothing of the machines and mirrors it came from."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com"
PLACES = r"(?<![\w.~*}/-])/(?:root|work|home/\w+|Users/\w+)/\w|/tmp/\w"


def test_no_registry_is_named(committed: dict[Path, str]) -> None:
    assert list(found(HOSTS, committed)) == []


def test_no_place_on_a_machine_is_named(committed: dict[Path, str]) -> None:
    assert list(found(PLACES, committed)) == []


def test_uv_lock_stays_at_home(committed: dict[Path, str]) -> None:
    assert ROOT / "uv.lock" not in committed


def test_changelog_fragments_say_what_they_are(committed: dict[Path, str]) -> None:
    fragments = {file.name for file in committed if file.parent == ROOT / "changelog.d"}
    name = re.compile(r"[a-z0-9-]+\.(added|changed|fixed)\.md|README\.md")
    assert [fragment for fragment in fragments if not name.fullmatch(fragment)] == []


def found(pattern: str, files: dict[Path, str]) -> Iterator[str]:
    for file, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                yield f"{file}:{number}: {line.strip()}"


@pytest.fixture(scope="module")
def committed() -> dict[Path, str]:
    """Every text file that git knows, but this one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.check_output(listing, cwd=ROOT, text=True).split("\0")
    files = {ROOT / name for name in names if name} - {Path(__file__)}
    return {file: file.read_text(errors="replace") for file in files if file.is_file()}
