"""The room's window: what it shows, and what looking through it costs."""

import subprocess
import sys
from types import ModuleType

import pytest

from retinue import messages


def test_the_window_shows_exactly_what_is_public() -> None:
    for name in messages.__all__:
        assert getattr(messages, name) is not None
    shown = {
        name
        for name, value in vars(messages).items()
        if name[0] != "_" and not isinstance(value, ModuleType)
    }
    assert shown - {"TYPE_CHECKING", "Any", "import_module"} == set(messages.__all__)
    assert sorted(messages.__all__, key=lambda name: (not name.isupper(), name)) == messages.__all__


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nope"):
        _ = messages.nope  # type: ignore[attr-defined]


def test_what_few_need_is_loaded_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # coverage is there already, when it watches
        "import retinue.messages as m\n"
        "loaded = set(sys.modules) - before\n"
        "heavy = {'pydantic', 'decimal', 'pathlib', 'uuid', 'zoneinfo', 'urllib', 'email'}\n"
        "ours = {f'retinue.messages.{n}' for n in ('text', 'history', 'codecs', 'events',\n"
        "    '_declared', '_cutter')}\n"
        "print(sorted(heavy & loaded), sorted(ours & loaded))\n"
        "m.join_messages, m.MemoryHistory, m.Frozen\n"
        "assert 'retinue.messages.text' in sys.modules\n"
        "assert 'retinue.messages.history' in sys.modules\n"
        "assert 'pydantic' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=30, capture_output=True, text=True
    )
    assert done.stdout == "[] []\n"
