"""open_store: what a name stands for, and that no more is loaded than is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from retinue.errors import MissingExtra, StoreFailed
from retinue.storage import _open, open_store


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "SQLite:///{}"])
async def test_a_file_is_sqlite(tmp_path: Path, form: str) -> None:
    path = tmp_path / "r.db"
    store = await open_store(form.format(path))
    await store.close()
    assert store.name == str(path)
    store = await open_store(path)
    await store.close()
    assert store.name == str(path)


async def test_a_path_may_begin_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for where in ("r.db", "sqlite:///r.db", Path("r.db")):
        store = await open_store(where)
        await store.close()
        assert store.name == str(tmp_path / "r.db")
    store = await open_store("~/r.db")
    await store.close()
    assert store.name == str(tmp_path / "home" / "r.db")


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"XDG_DATA_HOME": "{}/data", "HOME": "{}"}, "data/retinue/retinue.db"),
        ({"XDG_DATA_HOME": "data", "HOME": "{}"}, ".local/share/retinue/retinue.db"),
        ({"USERPROFILE": "{}"}, ".local/share/retinue/retinue.db"),
    ],
)
async def test_without_a_name_it_is_the_persons_own(
    tmp_path: Path, environ: dict[str, str], path: str
) -> None:
    values = {name: value.format(tmp_path) for name, value in environ.items()}
    store = await open_store(environ=values)
    await store.close()
    assert store.name == str(tmp_path / path)


async def test_without_a_home_there_is_none_of_ones_own() -> None:
    with pytest.raises(StoreFailed) as caught:
        await open_store(environ={})
    assert "HOME" in (caught.value.hint or "")


async def test_memory_has_no_file() -> None:
    store = await open_store("memory:")
    assert store.name == "memory"
    await store.close()


async def test_postgres_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("psycopg")

    monkeypatch.setattr(_open, "_loaded", missing)
    with pytest.raises(MissingExtra) as caught:
        await open_store("postgresql://ann@localhost/retinue")
    assert caught.value.hint == "pip install 'retinue[postgres]'"


async def test_an_unknown_scheme_is_an_error_without_what_follows() -> None:
    with pytest.raises(StoreFailed, match="'mysql'") as caught:
        await open_store("mysql://ann:password@localhost/retinue")
    assert "password" not in str(caught.value)
    assert caught.value.hint


def test_the_contract_is_read_without_a_database() -> None:
    code = (
        "import sys; before = set(sys.modules); import retinue.storage;"
        " print('sqlite3' in set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
