# /// script
# requires-python = ">=3.12"
# ///
"""Write the exact pins of pyproject.toml: `uv run scripts/lock.py`.

With `--check` nothing is written: exit 1 unless the pins are all that is needed, and no more.
The resolution is uv's own, for every platform at once, and happens beside the checkout.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PINS = re.compile(r'^constraint-dependencies = \[\n(    ".*",\n)*\]$', re.MULTILINE)


def main() -> int:
    """Pin anew, or check."""
    project = ROOT / "pyproject.toml"
    text = project.read_text()
    if len(PINS.findall(text)) != 1:
        raise SystemExit("pyproject.toml needs one `constraint-dependencies`, a pin on each line")
    if "--check" not in sys.argv[1:]:
        project.write_text(pinned(text, resolve(pinned(text, []))))
        return 0
    have, need = set(pins(text)), set(resolve(text))
    for pin in sorted(need - have):
        print(f"not pinned: {pin}")
    for pin in sorted(have - need):
        print(f"needed by nobody: {pin}")
    if have != need:
        print("Pins and dependencies differ; write them anew: just lock")
    return int(have != need)


def pins(text: str) -> list[str]:
    """What `text` (a pyproject.toml) pins."""
    return tomllib.loads(text)["tool"]["uv"]["constraint-dependencies"]


def pinned(text: str, lines: list[str]) -> str:
    """`text` with `lines` as its pins."""
    table = "".join(f'    "{line}",\n' for line in lines)
    return PINS.sub(f"constraint-dependencies = [\n{table}]", text)


def resolve(text: str) -> list[str]:
    """All that the workspace needs when its root says `text`, with environment markers."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "pyproject.toml").write_text(text)
        for member in tomllib.loads(text)["tool"]["uv"]["workspace"]["members"]:
            copy = Path(scratch, member, "pyproject.toml")
            copy.parent.mkdir(parents=True)
            copy.write_bytes((ROOT / member / "pyproject.toml").read_bytes())
        uv(scratch, "lock", "--python", sys.executable)
        everything = ("--all-packages", "--all-groups", "--all-extras", "--no-emit-workspace")
        plain = ("--no-hashes", "--no-annotate", "--no-header")
        return uv(scratch, "export", "--frozen", *everything, *plain).splitlines()


def uv(folder: str, *command: str) -> str:
    """Run uv in `folder`; its own words say what went wrong."""
    program = os.environ.get("UV", "uv")
    done = subprocess.run(
        [program, *command, "--quiet", "--directory", folder], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"`uv {command[0]}` failed")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
