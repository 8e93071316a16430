"""The wheel alone in an empty environment: what it holds, what it offers, that it starts."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"retinue", f"retinue-{VERSION}.dist-info"}
    assert "retinue/py.typed" in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_it_offers_one_command(retinue: Distribution) -> None:
    assert {entry.name for entry in retinue.entry_points} == {"retinue"}


def test_it_carries_its_license(retinue: Distribution) -> None:
    assert retinue.metadata["License-Expression"] == "MIT"
    text = (ROOT / "LICENSE").read_text()
    assert retinue.read_text("licenses/LICENSE") == text


def test_it_starts_with_only_what_it_asks_for(command: Path, tmp_path: Path) -> None:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    said = subprocess.check_output([command, "--version"], env=clean, cwd=tmp_path, text=True)
    assert VERSION in said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it and nothing else."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home)
    uv("pip", "install", "--no-deps", "--python", home, wheel)
    return home


@pytest.fixture(scope="module")
def retinue(home: Path) -> Distribution:
    (site,) = home.rglob("site-packages")
    (retinue,) = distributions(path=[str(site)])
    return retinue


@pytest.fixture
def command(retinue: Distribution, home: Path) -> Path:
    """The `retinue` command, once the environment has what the metadata ask for."""
    bring(retinue.requires or (), Path(str(retinue.locate_file(""))))
    uv("pip", "check", "--python", home)
    (command,) = home.glob("*/retinue*")
    return command


def bring(requirements: Iterable[str], site: Path) -> None:
    """Copy what is required, and what that requires, from our own environment: no network."""
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = distribution(requirement.name)
        for file in found.files or ():
            if ".." not in file.parts and not (site / file).exists():
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(found.locate_file(file)), site / file)
        bring(found.requires or (), site)


def uv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", *arguments, "--offline"], check=True)
