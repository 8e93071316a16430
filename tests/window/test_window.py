"""The one shop window: it shows exactly what is public, and costs nothing to walk past."""

import subprocess
import sys

import pytest

import retinue


def loaded_by(program: str) -> set[str]:
    """The modules a fresh Python has loaded after running `program`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


def test_the_window_shows_exactly_what_is_public() -> None:
    assert set(dir(retinue)) == {*retinue.__all__, "__version__"}


@pytest.mark.parametrize("name", retinue.__all__)
def test_everything_in_the_window_is_there_and_comes_from_a_room_of_ours(name: str) -> None:
    assert getattr(retinue, name) is getattr(retinue, name)


def test_what_is_not_in_the_window_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'assistent'"):
        _ = retinue.assistent  # type: ignore[attr-defined]


def test_looking_at_the_window_loads_no_room() -> None:
    modules = loaded_by("import retinue")
    assert not {m for m in modules if m.startswith("retinue.")}
    assert not modules & {"asyncio", "pydantic"}


def test_a_program_that_talks_in_plain_messages_loads_nothing_heavy() -> None:
    program = (
        "from retinue import assistant, run, tool\n"
        "from retinue.testing import Scripted\n"
        "@tool\n"
        "def add(a: int, b: int) -> int: return a + b\n"
        "print(run(assistant('a', model=Scripted('hi'), tools=[add]).inquire('hello')))"
    )
    assert not loaded_by(program) & {"pydantic", "httpx", "httpx2", "rich", "openai", "anthropic"}
