"""The doctor: what it finds, what it advises, and that nothing holds it up."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

from retinue import __version__
from retinue.cli import main
from retinue.models import auto

type Answers = Mapping[str, tuple[int, object]]
type Serve = Callable[[Answers], Peer]
type Retinue = Callable[..., Any]

NOWHERE = "http://127.0.0.1:9"
"""The port of a service that nobody runs any more, and only root could."""
KEY = "sk-0123456789abcdef"
OTHERS = ("ANTHROPIC_", "GEMINI_", "GOOGLE_", "OLLAMA_", "OPENAI_")
"""How variables of vendors begin."""
OLLAMA: Answers = {
    "/api/ps": (200, {"models": []}),
    "/api/tags": (200, {"models": [{"name": "qwen3:latest"}, {"name": "llama3.2:1b"}]}),
}
COMPATIBLE: Answers = {"/v1/models": (200, {"data": [{"id": name} for name in "abcde"]})}


@dataclass(frozen=True)
class Peer:
    """A server, and the keys that it was shown."""

    url: str
    keys: list[str | None]


@dataclass(frozen=True)
class Report:
    """What the doctor said, as JSON."""

    code: int
    text: str

    def __getitem__(self, about: str) -> tuple[str, str, str | None]:
        """State, words and fix of the one finding about this."""
        (found,) = [each for each in self.findings if each["about"] == about]
        return found["state"], found["words"], found["fix"]

    @property
    def findings(self) -> list[dict[str, Any]]:
        return json.loads(self.text)["findings"]


class Examine(Protocol):
    def __call__(self, *arguments: str, **environ: str) -> Report: ...


class TestModel:
    """The model that would answer."""

    def test_one_that_is_there_is_fine(self, examine: Examine, serve: Serve) -> None:
        peer = serve(OLLAMA)
        report = examine("-m", "ollama:llama3.2:1b", OLLAMA_HOST=peer.url)
        assert report["model"] == ("fine", "ollama:llama3.2:1b, chosen by --model", None)
        assert report.code == 0

    def test_the_newest_may_be_left_unsaid(self, examine: Examine, serve: Serve) -> None:
        report = examine("-m", "ollama:qwen3", OLLAMA_HOST=serve(OLLAMA).url)
        assert report["model"][0] == "fine"

    def test_one_that_is_not_installed_can_be(self, examine: Examine, serve: Serve) -> None:
        report = examine("-m", "ollama:gemma4", OLLAMA_HOST=serve(OLLAMA).url)
        words = "ollama:gemma4, chosen by --model, is not there; there is qwen3:latest, llama3.2:1b"
        assert report["model"] == ("wrong", words, "ollama pull gemma4")
        assert report.code == 1

    def test_without_a_choice_it_says_so(self, examine: Examine, serve: Serve) -> None:
        report = examine(OLLAMA_HOST=serve(OLLAMA).url)
        assert report["model"][1] == "ollama:qwen3:latest, taken because none was chosen"
        report = examine(OLLAMA_HOST=NOWHERE)
        words = "demo, taken because none was chosen, is no language model"
        assert report["model"] == ("warning", words, "retinue setup")
        assert report.code == 0

    def test_a_short_name_is_told_with_what_it_stands_for(
        self, examine: Examine, serve: Serve
    ) -> None:
        peer = serve({"/v1/models": (200, {"data": [{"id": "gpt-6-sol"}]})})
        report = examine(DEFAULT_MODEL="gpt-6-sol", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=peer.url)
        words = "openai:gpt-6-sol, meant by 'gpt-6-sol' in DEFAULT_MODEL"
        assert report["model"] == ("fine", words, None)
        assert report["key"] == ("fine", "sk-…cdef, from env:OPENAI_API_KEY", None)
        assert peer.keys == [f"Bearer {KEY}"]

    def test_each_vendor_is_shown_its_own_key(self, examine: Examine, serve: Serve) -> None:
        pytest.importorskip("anthropic")
        peer = serve({"/v1/models?limit=1000": (200, {"data": [{"id": "claude-of-ours"}]})})
        environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": peer.url}
        report = examine("-m", "anthropic:claude-of-ours", OPENAI_API_KEY="sk-other", **environ)
        words = "anthropic:claude-of-ours, chosen by --model"
        assert report["model"] == ("fine", words, None)
        assert report["key"] == ("fine", "sk-…cdef, from env:ANTHROPIC_API_KEY", None)

    def test_a_llama_server_that_was_found_is_looked_at(
        self, examine: Examine, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        peer = serve(COMPATIBLE)
        assert auto.automatic.__kwdefaults__
        monkeypatch.setitem(auto.automatic.__kwdefaults__, "llama_server", f"{peer.url}/v1")
        monkeypatch.setattr("retinue.cli.doctor._models.LLAMA_SERVER", f"{peer.url}/v1")
        words = "compatible:a, taken because none was chosen"
        assert examine()["model"] == ("fine", words, None)

    def test_an_endpoint_that_lists_it_not_is_doubtful(
        self, examine: Examine, serve: Serve, config: Path
    ) -> None:
        peer = serve(COMPATIBLE)
        config.write_text(f'model = "lab"\n[models.lab]\nbase_url = "{peer.url}"\nmodel = "z"\n')
        report = examine()
        state, words, fix = report["model"]
        assert (state, report.code) == ("warning", 0)
        assert words == (
            f"compatible:z, meant by 'lab' in {config}, is not there; there is a, b, c, 2 more"
        )
        assert fix == "If it does not answer either, choose another: retinue setup"

    def test_what_needs_no_server_is_fine(
        self, examine: Examine, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(home)
        (home / "s.json").write_text("[]")
        assert examine("-m", "scripted:s.json")["model"][0] == "fine"

    def test_a_server_that_is_not_there_is_wrong(self, examine: Examine) -> None:
        state, words, fix = examine("-m", "ollama:qwen3", OLLAMA_HOST=NOWHERE)["model"]
        assert state == "wrong"
        assert words.startswith("ollama:qwen3, chosen by --model: ")
        assert "cannot be reached" in words
        assert "ollama serve" in (fix or "")

    def test_a_key_that_is_refused_is_not_shown(
        self, examine: Examine, serve: Serve, config: Path
    ) -> None:
        peer = serve({"/v1/models": (401, {"error": {"message": f"Incorrect key: {KEY}"}})})
        config.write_text(
            f'model = "lab"\n[models.lab]\nbase_url = "{peer.url}"\nmodel = "a"\n'
            'api_key = "env:LAB_KEY"\n'
        )
        report = examine(LAB_KEY=KEY)
        state, words, fix = report["model"]
        assert state == "wrong"
        assert "does not accept the key" in words
        assert fix
        assert report["key"] == ("fine", "sk-…cdef, from env:LAB_KEY", None)
        assert peer.keys == [f"Bearer {KEY}"]
        assert KEY not in report.text

    def test_a_key_that_is_missing_is_wrong(self, examine: Examine) -> None:
        state, words, fix = examine("-m", "openai:gpt-6.1-sol")["model"]
        assert (state, words) == ("wrong", "'openai:gpt-6.1-sol' needs a key")
        assert "OPENAI_API_KEY" in (fix or "")

    @pytest.mark.parametrize(
        ("line", "about", "words"),
        [
            (["-m", "nonsense"], "model", "No model 'nonsense'"),
            (["-m", "demo", "--tools", "clok"], "tools", "clok"),
        ],
    )
    def test_what_there_is_not_is_wrong(
        self, examine: Examine, line: list[str], about: str, words: str
    ) -> None:
        report = examine(*line)
        assert report[about][0] == "wrong"
        assert words in report[about][1]
        assert report[about][2]
        assert report.code == 1

    def test_a_silent_server_holds_nobody(
        self, examine: Examine, serve: Serve, impatient: None
    ) -> None:
        began = time.monotonic()
        report = examine("-m", "ollama:qwen3", OLLAMA_HOST=serve({}).url)
        assert time.monotonic() - began < 20
        state, words, _ = report["model"]
        assert state == "wrong"
        assert words == "ollama:qwen3, chosen by --model, does not answer within 0.3 s"
        assert "says nothing" in report["Ollama"][1]


class TestServers:
    """What else is on this machine; nothing of it has to be."""

    def test_those_that_run_are_shown_with_their_models(
        self, examine: Examine, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ollama, llama = serve(OLLAMA), serve(COMPATIBLE)
        monkeypatch.setattr("retinue.cli.doctor.LLAMA_SERVER", f"{llama.url}/v1")
        report = examine("-m", "demo", OLLAMA_HOST=ollama.url)
        assert report["Ollama"] == ("fine", f"qwen3:latest, llama3.2:1b at {ollama.url}", None)
        assert report["llama-server"] == ("fine", f"a, b, c, 2 more at {llama.url}/v1", None)

    @pytest.mark.parametrize(
        ("answers", "words"),
        [
            ({"/api/ps": (200, {}), "/api/tags": (200, {})}, "no model at"),
            ({"/api/ps": (404, "not here")}, "something else answers at"),
        ],
    )
    def test_others_are_a_note(
        self, examine: Examine, serve: Serve, answers: Answers, words: str
    ) -> None:
        url = serve(answers).url
        assert examine("-m", "demo", OLLAMA_HOST=url)["Ollama"] == ("note", f"{words} {url}", None)

    def test_none_is_a_note(self, examine: Examine) -> None:
        report = examine("-m", "demo")
        assert report["Ollama"] == ("note", f"none at {NOWHERE}", None)
        assert report["llama-server"] == ("note", f"none at {NOWHERE}/v1", None)


class TestSettings:
    def test_files_that_count_are_named(self, examine: Examine, config: Path) -> None:
        config.write_text('model = "demo"\n')
        assert examine()["settings"] == ("fine", str(config), None)
        config.unlink()
        words = f"{config} is not there, so the defaults count"
        assert examine()["settings"] == ("note", words, None)

    def test_a_broken_file_is_one_line_and_the_rest_is_looked_at(
        self, examine: Examine, config: Path
    ) -> None:
        config.write_text("model = \n")
        report = examine()
        state, words, fix = report["settings"]
        assert (state, report.code) == ("wrong", 1)
        assert words.startswith(f"{config}:1:9: Invalid value")
        assert fix
        assert report["model"] == ("note", "not known, because the settings are broken", None)
        assert report["Ollama"][0] == "note"
        assert report["config folder"][0] == "fine"

    def test_a_project_that_is_not_trusted_is_told_what_to_do(
        self, examine: Examine, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (home / "work").mkdir()
        monkeypatch.chdir(home / "work")
        project = home / "work" / "retinue.toml"
        project.write_text('name = "Ada"\n')
        assert self.of(project, examine("-m", "demo")) == {
            "about": "settings",
            "state": "warning",
            "words": f"{project} is not trusted, so it is not read",
            "fix": "Look at it, then: retinue trust",
        }
        assert main(["trust"]) == 0
        assert self.of(project, examine("-m", "demo"))["state"] == "fine"
        project.write_text('name = "Eve"\n')
        words = self.of(project, examine("-m", "demo"))["words"]
        assert words == f"{project} has changed, so it is not read"

    def test_a_misspelt_variable_is_told(self, examine: Examine) -> None:
        findings = examine("-m", "demo", RETINUE_MODLE="x").findings
        assert "RETINUE_MODLE is no variable of mine" in [each["words"] for each in findings]

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX has them")
    def test_a_pipe_in_place_of_a_file_holds_nobody(
        self, examine: Examine, config: Path, impatient: None
    ) -> None:
        os.mkfifo(config)
        report = examine()
        words = "cannot be looked at: it takes more than 0.3 s"
        fix = "Perhaps a disk does not answer, or a pipe stands where a file should be."
        assert report["settings"] == ("wrong", words, fix)
        assert report.code == 1

    @staticmethod
    def of(path: Path, report: Report) -> dict[str, Any]:
        (found,) = [each for each in report.findings if each["words"].startswith(str(path))]
        return found


class TestFolders:
    def test_what_is_not_there_is_made_later(self, examine: Examine, home: Path) -> None:
        report = examine("-m", "demo")
        state, words, _ = report["data folder"]
        assert state == "fine"
        assert words.startswith(f"{home}/.local/share/retinue is made when it is needed; ")
        assert not (home / ".local").exists()

    def test_who_else_can_read_it_is_told(self, examine: Examine, config: Path) -> None:
        state, words, _ = examine("-m", "demo")["config folder"]
        assert state == "fine"
        assert words.startswith(f"{config.parent} (0700); ")
        config.parent.chmod(0o755)
        words = f"{config.parent} is open to others (0755)"
        report = examine("-m", "demo")
        assert report["config folder"] == ("warning", words, f"chmod 700 {config.parent}")

    def test_a_file_in_its_place_is_wrong(self, examine: Examine, home: Path) -> None:
        (home / "data").mkdir()
        (home / "data" / "retinue").touch()
        state, words, fix = examine("-m", "demo", XDG_DATA_HOME=f"{home}/data")["data folder"]
        assert (state, words) == (
            "wrong",
            f"{home}/data/retinue cannot be written: Not a directory",
        )
        assert "XDG_DATA_HOME" in (fix or "")

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="Linux has it")
    def test_what_cannot_be_written_is_wrong(self, examine: Examine) -> None:
        state, words, _ = examine("-m", "demo", XDG_CONFIG_HOME="/proc")["config folder"]
        assert state == "wrong"
        assert words.startswith("/proc/retinue cannot be written: ")

    def test_without_a_home_there_is_no_place(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("HOME")
        report = examine("-m", "demo")
        expected = ("wrong", "there is no home for it", "Set HOME, or XDG_DATA_HOME.")
        assert report["data folder"] == expected
        assert report.code == 1

    def test_a_disk_that_does_not_answer_holds_nobody(
        self, examine: Examine, impatient: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answered = threading.Event()

        def wait(**_: object) -> object:
            answered.wait(60)
            raise OSError("too late")

        monkeypatch.setattr("retinue.cli.doctor._folders.tempfile.TemporaryFile", wait)
        report = examine("-m", "demo")
        answered.set()
        words = "cannot be looked at: it takes more than 0.3 s"
        assert report["data folder"][:2] == ("wrong", words)

    @pytest.mark.parametrize(
        ("free", "state", "words"),
        [(500_000_000, "warning", "only 500 MB are free"), (9_000_000, "wrong", "only 9 MB")],
    )
    def test_a_full_disk_is_told(
        self,
        examine: Examine,
        monkeypatch: pytest.MonkeyPatch,
        free: int,
        state: str,
        words: str,
    ) -> None:
        def disk_usage(_: Path) -> object:
            return SimpleNamespace(free=free)

        monkeypatch.setattr("retinue.cli.doctor._folders.shutil.disk_usage", disk_usage)
        found = examine("-m", "demo")["data folder"]
        assert found[0] == state
        assert words in found[1]
        assert found[2] == "Make room on that disk."


class TestInstalled:
    @pytest.mark.parametrize(
        ("written", "origin"),
        [
            ('{"url": "file:///src", "dir_info": {"editable": true}}', "editable in /src"),
            ('{"url": "file:///src", "dir_info": {}}', "installed from /src"),
            ('{"url": "https://x/y.whl", "archive_info": {}}', "installed from https://x/y.whl"),
            (None, "installed from a package index"),
        ],
    )
    def test_it_is_told_where_it_is_from(
        self,
        examine: Examine,
        monkeypatch: pytest.MonkeyPatch,
        written: str | None,
        origin: str,
    ) -> None:
        def distribution(_: str) -> object:
            return SimpleNamespace(read_text=lambda _: written, requires=["pydantic>=2", "none"])

        monkeypatch.setattr("retinue.cli.doctor._here.distribution", distribution)
        report = examine("-m", "demo")
        assert report["retinue"] == ("fine", f"{__version__}, {origin}", None)
        assert report["packages"][:2] == ("wrong", "missing: none")

    def test_it_may_run_without_being_installed(
        self, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def distribution(name: str) -> object:
            raise PackageNotFoundError(name)

        monkeypatch.setattr("retinue.cli.doctor._here.distribution", distribution)
        assert "not installed, but run from /" in examine("-m", "demo")["retinue"][1]

    def test_without_a_package_the_rest_is_looked_at(
        self, environ: Mapping[str, str], home: Path, serve: Serve
    ) -> None:
        program = (
            "import sys; sys.modules['aiohttp'] = None; from retinue.cli import main; "
            "sys.exit(main(['doctor', '--json', '-m', 'ollama:qwen3']))"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], env={**environ, "OLLAMA_HOST": serve(OLLAMA).url},
            cwd=home, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        report = Report(said.returncode, said.stdout)
        assert (report.code, said.stderr) == (1, "")
        assert report["model"][0] == "wrong"
        assert "aiohttp" in report["model"][1]
        assert report["data folder"][0] == "fine"

    def test_versions_are_told(self, examine: Examine) -> None:
        report = examine("-m", "demo")
        assert report["python"][1].startswith(f"{sys.version_info.major}.")
        state, words, _ = report["packages"]
        assert state == "fine"
        assert "aiohttp 3." in words
        assert "keyring" not in words  # nobody needs it


class TestShown:
    """As text, for a person or a log."""

    def test_each_line_has_a_word_for_its_state(self, retinue: Retinue, home: Path) -> None:
        said = retinue("doctor", "-m", "demo")
        assert (said.code, said.err) == (0, "")
        lines = said.out.splitlines()
        assert f"fine    retinue        {__version__}, " in lines[0]
        assert "warning model          demo, chosen by --model, is no language model" in lines
        assert "                       -> retinue setup" in lines
        assert "note    terminal       none, so answers are plain text" in lines
        assert lines[-2:] == ["", "Nothing is wrong."]

    def test_what_is_wrong_makes_the_exit_code(self, retinue: Retinue) -> None:
        said = retinue("doctor", "-m", "nonsense")
        assert (said.code, said.err) == (1, "")
        assert "wrong   model          No model 'nonsense'" in said.out
        assert said.out.endswith("\n1 to mend.\n")

    def test_json_is_one_object(self, retinue: Retinue) -> None:
        said = retinue("doctor", "--json", "-m", "demo")
        found = json.loads(said.out)
        assert (said.code, said.err, found["v"], found["fine"]) == (0, "", 1, True)
        assert {*found["findings"][0]} == {"about", "state", "words", "fix"}

    @pytest.mark.parametrize(
        ("more", "columns", "sign", "words", "fix"),
        [
            ({}, 100, "🟢 ", "100 by 40, colour, UTF-8, TERM=xterm-256color", ""),
            ({"NO_COLOR": "1"}, 100, "🟢 ", "100 by 40, no colour, UTF-8, TERM=xterm-256", ""),
            ({"TERM": "dumb"}, 100, "warning ", "no colour, UTF-8, TERM=dumb", "-> So it can only"),
            ({"TERM": ""}, 100, "🟡 ", "TERM=", "export TERM=xterm-256color"),
            ({"PYTHONIOENCODING": "latin-1"}, 100, "warning", "8859-1", "export LANG=C.UTF-8"),
            ({}, 30, "🟡 ", "30 by 40", "Make it 40 columns wide or more."),
        ],
    )
    def test_a_terminal_is_judged(
        self,
        home: Path,
        environ: Mapping[str, str],
        more: Mapping[str, str],
        columns: int,
        sign: str,
        words: str,
        fix: str,
    ) -> None:
        pexpect = pytest.importorskip("pexpect")
        terminal = pexpect.spawn(
            sys.executable, ["-m", "retinue", "doctor", "-m", "demo"],
            env={**environ, **more}, cwd=os.fspath(home),
            timeout=30, dimensions=(40, columns),
        )  # fmt: skip
        terminal.expect(pexpect.EOF)
        terminal.close()
        seen = terminal.before.decode(errors="replace")
        (line,) = [line for line in seen.splitlines() if " terminal " in line]
        assert sign in line
        assert words in line
        assert fix in " ".join(re.sub(r"\x1b\[[0-9;]*m", "", seen).split())
        assert terminal.exitstatus == 0


@pytest.fixture
def examine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> Examine:
    """Runs `retinue doctor --json` at home, with a patience that a busy machine cannot exhaust."""
    for name in [*os.environ]:
        if name.startswith((*OTHERS, "RETINUE_", "XDG_", "DEFAULT_", "AUTOGEN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    monkeypatch.setattr("retinue.cli.doctor.LLAMA_SERVER", f"{NOWHERE}/v1")
    assert auto.automatic.__kwdefaults__
    monkeypatch.setitem(auto.automatic.__kwdefaults__, "llama_server", NOWHERE)
    monkeypatch.setattr(auto, "PATIENCE", 20.0)
    be_patient(monkeypatch, 20.0)

    def examine(*arguments: str, **environ: str) -> Report:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        code = main(["doctor", "--json", *arguments])
        said = capsys.readouterr()
        assert said.err == ""
        return Report(code, said.out[said.out.index("{") :])

    return examine


@pytest.fixture
def impatient(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch, 0.3)


def be_patient(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for room in ("", "._finding", "._models"):
        monkeypatch.setattr(f"retinue.cli.doctor{room}.PATIENCE", seconds)


@pytest.fixture
def config(home: Path) -> Path:
    """Where the settings of the person are; their folder is there."""
    folder = home / ".config" / "retinue"
    folder.mkdir(parents=True, mode=0o700)
    return folder / "config.toml"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that give these answers, and say nothing to other questions."""
    servers: list[ThreadingHTTPServer] = []
    over = threading.Event()

    def serve(answers: Answers) -> Peer:
        keys: list[str | None] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path not in answers:
                    over.wait(60)
                    return
                keys.append(self.headers["Authorization"])
                status, body = answers[self.path]
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *_: Any) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return Peer(f"http://127.0.0.1:{server.server_port}", keys)

    yield serve
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()
