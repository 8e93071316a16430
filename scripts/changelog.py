# /// script
# requires-python = ">=3.12"
# ///
"""Gather changelog.d into CHANGELOG.md, as the version in pyproject.toml.

At a release: `uv run scripts/changelog.py`.
"""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = ("added", "changed", "fixed")
HERE = "<!-- the next release goes here -->\n"


def main() -> None:
    """Write the release and remove its fragments."""
    changelog = ROOT / "CHANGELOG.md"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = changelog.read_text()
    if HERE not in text or f"## [{version}]" in text:
        raise SystemExit(f"CHANGELOG.md has {version} already, or not the line {HERE}")
    release = f"## [{version}] - {datetime.now(UTC):%Y-%m-%d}\n"
    told: list[Path] = []
    for kind in KINDS:
        if fragments := sorted((ROOT / "changelog.d").glob(f"*.{kind}.md")):
            release += f"\n### {kind.title()}\n\n" + "".join(map(entry, fragments))
            told += fragments
    changelog.write_text(text.replace(HERE, f"{HERE}\n{release}"))
    for fragment in told:
        fragment.unlink()


def entry(fragment: Path) -> str:
    """A fragment as a list item."""
    return "- " + fragment.read_text().strip().replace("\n", "\n  ") + "\n"


if __name__ == "__main__":
    main()
