"""Trust: nothing of a project counts before its person says so, nor after it has changed."""

import json
import os
from pathlib import Path

import pytest

from retinue.errors import SettingsError
from retinue.settings import Settings, Trusted, find_project, load, read_project, trust_file


def test_what_is_not_trusted_is_not_even_parsed(home: Path, project: Path) -> None:
    (project / "retinue.toml").write_text("broken [")
    (project / ".env").write_text("OPENAI_API_KEY=sk-of-somebody-else")
    settings = here(home, project)
    assert settings == Settings()
    assert [(s.path.name, s.state) for s in settings.sources if s.layer == "project"] == [
        ("retinue.toml", "unknown"),
        (".env", "unknown"),
    ]


def test_what_is_trusted_counts_also_from_a_folder_below(home: Path, project: Path) -> None:
    trust(home, project)
    below = project / "a/b"
    below.mkdir(parents=True)
    assert here(home, below).name == "Ada"
    assert [s.state for s in here(home, below).sources if s.layer == "project"] == ["read"]


@pytest.mark.parametrize(
    "change", ["retinue.toml", ".env", "agents/x.yaml", "personas/a.toml", "tools/y.py"]
)
def test_a_change_ends_the_trust(home: Path, project: Path, change: str) -> None:
    for folder in ("agents", "personas", "tools"):
        (project / folder).mkdir()
    trust(home, project)
    with (project / change).open("a") as file:
        file.write("# more\n")
    settings = here(home, project)
    assert settings.name == Settings().name
    assert "changed" in [source.state for source in settings.sources]
    assert trusts(home).changes(read_project(project)) == [change]
    trust(home, project)
    assert here(home, project).name == "Ada"


def test_a_file_that_goes_is_a_change(home: Path, project: Path) -> None:
    (project / "tools").mkdir()
    (project / "tools/y.py").write_text("")
    trust(home, project)
    (project / "tools/y.py").unlink()
    assert trusts(home).state(read_project(project)) == "changed"


def test_what_cannot_redirect_is_no_matter(home: Path, project: Path) -> None:
    trust(home, project)
    (project / "notes.md").write_text("anything")
    assert here(home, project).name == "Ada"


def test_a_dotenv_counts_only_when_trusted_and_below_the_environment(
    home: Path, project: Path
) -> None:
    (project / ".env").write_text("TEMPERATURE=0.5\nMAX_TOKENS=7\n")
    assert here(home, project).temperature is None
    trust(home, project)
    settings = here(home, project, TEMPERATURE="1")
    assert (settings.temperature, settings.answer_tokens) == (1.0, 7)


def test_a_reference_may_point_into_a_trusted_dotenv(home: Path, project: Path) -> None:
    (project / "retinue.toml").write_text('openai_api_key = "env:LAB_KEY"')
    (project / ".env").write_text("LAB_KEY=lab-0123456789abcdef")
    trust(home, project)
    key = here(home, project).openai_api_key
    assert key is not None
    assert key.reveal() == "lab-0123456789abcdef"


def test_a_folder_with_only_a_dotenv_can_be_trusted(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / ".env").write_text("RETINUE_NAME=Ada")
    assert here(home, folder).sources[0].layer == "user"
    trust(home, folder)
    assert here(home, folder).name == "Ada"


def test_trust_goes_with_the_real_place(home: Path, project: Path, tmp_path: Path) -> None:
    trust(home, project)
    (tmp_path / "link").symlink_to(project)
    assert here(home, tmp_path / "link").name == "Ada"
    project.rename(tmp_path / "moved")
    assert here(home, tmp_path / "moved").name == Settings().name


def test_trust_can_be_taken_back(home: Path, project: Path) -> None:
    trust(home, project)
    assert list(trusts(home)) == [project]
    assert trusts(home).remove(project)
    assert not trusts(home).remove(project)
    assert here(home, project).name == Settings().name


def test_the_list_is_for_its_owner_alone(home: Path, project: Path) -> None:
    trust(home, project)
    path = trust_file({"HOME": str(home)})
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["trusted.json"]


def test_the_list_lies_in_the_xdg_place(tmp_path: Path) -> None:
    assert trust_file({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "retinue/trusted.json"


@pytest.mark.parametrize(
    "stored",
    ["", "[]", "{", '{"v": 2, "folders": {}}', '{"v": 1, "folders": {"/x": 1}}', '{"v": 1}'],
)
def test_a_list_that_is_broken_is_said_and_kept(home: Path, project: Path, stored: str) -> None:
    path = home / ".local/share/retinue/trusted.json"
    path.parent.mkdir(parents=True)
    path.write_text(stored)
    with pytest.raises(SettingsError, match=r"trusted\.json cannot be read") as caught:
        here(home, project)
    assert "retinue trust" in (caught.value.hint or "")
    assert path.read_text() == stored


def test_a_list_that_cannot_be_stored_is_said(home: Path, project: Path) -> None:
    (home / ".local").write_text("a file where a folder must be")
    with pytest.raises(SettingsError, match=r"trusted\.json cannot be (read|written)"):
        trust(home, project)


def test_without_a_home_nothing_can_be_trusted(project: Path) -> None:
    with pytest.raises(SettingsError, match="no home"):
        Trusted(None).add(read_project(project))


def test_a_failed_store_leaves_nothing_behind(home: Path, project: Path) -> None:
    path = home / ".local/share/retinue/trusted.json"
    path.parent.mkdir(parents=True)
    trusted = Trusted(path)
    path.mkdir()  # nothing can be put in its place
    with pytest.raises(SettingsError, match="cannot be written"):
        trusted.add(read_project(project))
    assert list(path.parent.iterdir()) == [path]


def test_only_plain_files_are_looked_at(project: Path) -> None:
    os.mkfifo(project / ".env")  # reading it would wait for ever
    (project / "agents").mkdir()
    (project / "agents/deep").mkdir()
    (project / "agents/deep/one.yaml").write_text("x")
    assert list(read_project(project).files) == ["retinue.toml", "agents/deep/one.yaml"]


def test_a_place_that_may_not_be_looked_at_is_no_project(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert find_project(tmp_path, trusts(home)) is None


def test_the_nearest_project_counts(home: Path, project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "retinue.toml").write_text("")
    found = find_project(inner, trusts(home))
    assert found is not None
    assert found.folder == inner


def test_what_is_stored_can_be_read_by_others(home: Path, project: Path) -> None:
    trust(home, project)
    stored = json.loads((home / ".local/share/retinue/trusted.json").read_text())
    assert stored["v"] == 1
    assert list(stored["folders"][str(project)]) == ["retinue.toml"]


def here(home: Path, folder: Path, **environ: str) -> Settings:
    return load(flags={}, environ={"HOME": str(home), **environ}, folder=folder)


def trusts(home: Path) -> Trusted:
    return Trusted(trust_file({"HOME": str(home)}))


def trust(home: Path, project: Path) -> None:
    trusts(home).add(read_project(project))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    (folder / "retinue.toml").write_text('name = "Ada"')
    return folder
