"""`setup`: a person at a terminal of their own, a server on this machine, and no key in sight."""

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect")

type Retinue = Callable[..., Any]
type Sit = Callable[..., "Person"]

PATIENCE = 30
KEY = "sk-0123456789-abcdefghij"


class Server:
    """Speaks as much Chat Completions and Ollama as setup needs; its errors repeat the key."""

    def __init__(self) -> None:
        self.models = ["qwen3", "llama3.2:3b"]
        self.key: str | None = None
        self.answer = "Hi there!"
        self.asked = threading.Event()
        self.ready = threading.Event()
        self.ready.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.allowed():
                    self.say(server.listed(self.path), "application/json")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.set()
                server.ready.wait(PATIENCE)
                if not self.allowed():
                    return
                if asked["model"] not in server.models:
                    error = {"error": {"message": f"no model {asked['model']}"}}
                    self.say(json.dumps(error), "application/json", status=404)
                elif self.path.endswith("/api/chat"):
                    line = {"message": {"role": "assistant", "content": server.answer}}
                    end = {"message": {"content": ""}, "done": True, "done_reason": "stop"}
                    self.say(f"{json.dumps(line)}\n{json.dumps(end)}\n", "application/x-ndjson")
                else:
                    piece = {"choices": [{"index": 0, "delta": {"content": server.answer}}]}
                    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                    frames = [json.dumps(piece), json.dumps(end), "[DONE]"]
                    told = "".join([f"data: {frame}\n\n" for frame in frames])
                    self.say(told, "text/event-stream")

            def allowed(self) -> bool:
                said = self.headers.get("Authorization", "")
                if server.key is None or said == f"Bearer {server.key}":
                    return True
                error = {"error": {"message": f"wrong key: {said}"}}
                self.say(json.dumps(error), "application/json", status=401)
                return False

            def say(self, text: str, kind: str, *, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.place = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"http://{self.place}/v1"

    def listed(self, path: str) -> str:
        if path.startswith("/v1"):
            return json.dumps({"data": [{"id": name} for name in self.models]})
        names = self.models if path == "/api/tags" else []
        return json.dumps({"models": [{"name": name} for name in names]})

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ready.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class Person:
    """Sits at a terminal, reads every question, and answers it."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._seen = io.StringIO()
        terminal.logfile_read = self._seen

    @property
    def seen(self) -> str:
        """All that was ever on the terminal."""
        return self._seen.getvalue()

    def answers(self, question: str, answer: str = "") -> None:
        self.hears(question)
        self._terminal.sendline(answer)

    def hears(self, question: str) -> str:
        """What came before the question."""
        self._terminal.expect_exact(question)
        return self._terminal.before

    def chooses(self, label: str) -> None:
        self._terminal.expect(r"Number \[\d+\]: ")
        items = [line.split(None, 1) for line in self._terminal.before.splitlines()]
        numbers = [item[0] for item in items if len(item) == 2 and item[1].startswith(label)]
        assert numbers, f"{label!r} is not offered: {items}"
        self._terminal.sendline(numbers[-1])

    def is_nobody_special(self) -> None:
        for question in ("What is it called?", "In which tone", "In which language?"):
            self.answers(question)

    def presses(self, key: str) -> None:
        """Ctrl and this key, once `retinue` waits for one: before that Python may miss a signal
        until the next key is pressed.
        """
        stat = Path(f"/proc/{self._terminal.pid}/stat")
        until = time.monotonic() + PATIENCE
        while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < until
            time.sleep(0.01)
        self._terminal.sendcontrol(key)

    def leaves(self) -> int:
        """The exit code, as a shell would say it."""
        self._terminal.expect(pexpect.EOF)
        self.sees_what_is_typed = self._terminal.getecho()
        self._terminal.wait()  # `close` would kill what takes its time to end
        self._terminal.close()
        # An interrupt during a lazy import is remembered by Python although it was caught.
        killed_by = self._terminal.signalstatus
        return self._terminal.exitstatus if killed_by is None else 128 + killed_by


def test_another_server_with_a_key_that_is_typed(
    sit: Sit, server: Server, config: Path, retinue: Retinue
) -> None:
    server.key = KEY
    person = sit()
    person.chooses("Another server")
    person.answers("Where does it answer?", server.url)
    person.answers("What do you call it?", "lab")
    person.chooses("I type it now; it is kept in a file")
    person.answers("The key (it is not shown): ", KEY)
    person.chooses("llama3.2:3b")
    person.hears("It says: Hi there!")
    person.is_nobody_special()
    assert "The key goes to" in person.hears("Write it?")
    person.answers("")
    assert person.leaves() == 0
    file = config.parent / "keys/lab"
    assert config.read_text() == (
        'model = "lab"\n\n'
        f'[models.lab]\nbase_url = "{server.url}"\nmodel = "compatible:llama3.2:3b"\n'
        f'api_key = "file:{file}"\n'
    )
    assert file.read_text() == f"{KEY}\n"
    assert [mode(config), mode(file), mode(config.parent), mode(file.parent)] == [
        0o600,
        0o600,
        0o700,
        0o700,
    ]
    assert KEY not in person.seen
    said = retinue("-p", "hi", "-vv")
    assert (said.code, said.out) == (0, "Hi there!\n")
    assert KEY not in said.err


def test_a_wrong_key_is_one_line_without_it_and_can_be_given_again(
    sit: Sit, server: Server, config: Path
) -> None:
    server.key = KEY
    person = sit(OPENAI_BASE_URL=server.url, LAB_KEY=KEY)
    person.chooses("OpenAI")
    person.chooses("I type it now; it is kept in a file")
    person.answers("The key (it is not shown): ", "sk-of-somebody-else")
    person.answers("Which model? [", "qwen3")
    person.hears("Asking it to say hi ...")
    trouble = person.hears("[T]ry again").strip().splitlines()
    assert len(trouble) == 1
    assert "openai:qwen3" in trouble[0]
    person.answers("", "c")
    person.chooses("OpenAI")
    person.chooses("In an environment variable")
    person.answers("Which one? [OPENAI_API_KEY]", "LAB_KEY")
    person.answers("Which model? [", "qwen3")
    person.hears("It says: Hi there!")
    person.is_nobody_special()
    person.answers("Write it?", "y")
    assert person.leaves() == 0
    assert config.read_text() == 'model = "openai:qwen3"\nopenai_api_key = "env:LAB_KEY"\n'
    assert not (config.parent / "keys").exists()
    assert "somebody-else" not in person.seen
    assert KEY not in person.seen


def test_ollama_is_found_and_is_what_enter_takes(sit: Sit, server: Server, config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("# Mine.\nmax_steps = 7 # enough\n")
    person = sit(OLLAMA_HOST=server.place)
    assert "1  Ollama: qwen3, llama3.2:3b" in person.hears("Number [1]:")
    person.answers("", "")
    person.chooses("llama3.2:3b")
    person.hears("It says: Hi there!")
    person.answers("What is it called?", "Ada")
    person.answers("In which tone does it speak?", "")
    person.answers("In which language?", "Finnish")
    person.answers("Write it?", "")
    assert person.leaves() == 0
    assert config.read_text() == (
        "# Mine.\nmax_steps = 7 # enough\n"
        'model = "ollama:llama3.2:3b"\n\n'
        '[persona]\nname = "Ada"\nlanguage = "Finnish"\n'
    )
    again = sit(OLLAMA_HOST=server.place)
    before = config.read_text()
    again.answers("Number [1]:", "")
    again.answers("What is it called? [Ada]", "")
    again.answers("In which tone does it speak?", "")
    again.answers("In which language? [Finnish]", "")
    again.answers("Write it?", "")
    assert again.leaves() == 0
    assert config.read_text() == before


@pytest.mark.parametrize(
    ("key", "questions"), [("c", 0), ("d", 1), ("c", 2), ("c", 4), ("d", 4), ("d", 5), ("c", 7)]
)
def test_whoever_leaves_has_written_nothing(
    sit: Sit, server: Server, config: Path, key: str, questions: int
) -> None:
    person = sit()
    story: list[tuple[str, Callable[[], None]]] = [
        ("answer?", lambda: person.chooses("Another server")),
        ("Where does it answer?", lambda: person.answers("]", server.url)),
        ("What do you call it?", lambda: person.answers("]", "lab")),
        ("Where is the key to it?", lambda: person.chooses("I type it now; it is kept in a file")),
        ("The key (it is not shown): ", lambda: person.answers("", KEY)),
        ("Which of its models?", lambda: person.chooses("qwen3")),
        ("What is it called?", lambda: person.answers("", "Ada")),
        ("In which tone does it speak?", lambda: None),
    ]
    for question, answer in story[:questions]:
        person.hears(question)
        answer()
    person.hears(story[questions][0])
    person.presses(key)
    assert person.leaves() == 130
    assert person.sees_what_is_typed
    assert person.seen.endswith("Nothing was written.\r\n")
    assert "Traceback" not in person.seen
    assert KEY not in person.seen
    assert not config.parent.exists()


def test_a_trial_that_takes_too_long_can_be_left(sit: Sit, server: Server, config: Path) -> None:
    server.ready.clear()
    person = sit(OLLAMA_HOST=server.place)
    person.chooses("Ollama")
    person.chooses("qwen3")
    person.hears("Asking it to say hi ...")
    assert server.asked.wait(PATIENCE)
    person.presses("c")
    assert person.leaves() == 130
    assert "Traceback" not in person.seen
    assert not config.parent.exists()


def test_a_model_that_does_not_answer_may_be_left_or_kept(sit: Sit, config: Path) -> None:
    for letter, code in (("l", 1), ("k", 0)):
        person = sit(OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_API_KEY=KEY)
        person.chooses("OpenAI (there is a key in OPENAI_API_KEY)")
        person.chooses("The one that is used now: env:OPENAI_API_KEY")
        person.answers("Which model?", "")
        person.answers("[T]ry again, [c]hoose another, [k]eep it all the same, [l]eave:", letter)
        if letter == "k":
            person.is_nobody_special()
            person.answers("Write it?", "")
        assert person.leaves() == code
        assert config.exists() is (code == 0)
        assert KEY not in person.seen
    assert 'openai_api_key = "env:OPENAI_API_KEY"' in config.read_text()


def test_what_wins_over_the_choice_is_said(sit: Sit, config: Path) -> None:
    person = sit(DEFAULT_MODEL="gpt-4")
    person.chooses("The demo")
    person.is_nobody_special()
    person.answers("Write it?", "")
    assert person.leaves() == 0
    assert "DEFAULT_MODEL is set, and for model it wins over what you chose here" in person.seen
    assert config.read_text() == 'model = "demo"\n'


def test_somebody_may_say_no_in_the_end(sit: Sit, config: Path) -> None:
    person = sit()
    person.chooses("The demo")
    person.is_nobody_special()
    person.answers("Write it?", "n")
    assert person.leaves() == 1
    assert "Nothing was written." in person.seen
    assert not config.parent.exists()


def test_a_key_goes_to_the_keyring_where_there_is_one(
    sit: Sit, server: Server, config: Path, home: Path, retinue: Retinue
) -> None:
    (home / "packages").mkdir()
    (home / "packages/keyring.py").write_text(KEYRING)
    server.key = KEY
    person = sit(PYTHONPATH=str(home / "packages"))
    person.chooses("Another server")
    person.answers("Where does it answer?", server.url)
    person.answers("What do you call it?", "lab")
    person.chooses("I type it now; it is kept in the keyring")
    person.answers("The key (it is not shown): ", KEY)
    person.chooses("qwen3")
    person.is_nobody_special()
    assert "The key goes to the keyring, as retinue/lab." in person.hears("Write it?")
    person.answers("", "")
    assert person.leaves() == 0
    assert KEY not in person.seen
    assert 'api_key = "keyring:retinue/lab"' in config.read_text()
    assert not (config.parent / "keys").exists()
    assert retinue("-p", "hi", PYTHONPATH=str(home / "packages")).out == "Hi there!\n"
    said = retinue("-p", "hi")  # there is another keyring, or none
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_broken_settings_are_one_clear_line(sit: Sit, config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("model = \n")
    person = sit()
    assert person.leaves() == 2
    assert person.seen.startswith(f"retinue: {config}:1:9: Invalid value.")
    assert person.seen.count("\n") == 1
    assert config.read_text() == "model = \n"


def test_without_a_terminal_it_says_what_to_write(retinue: Retinue, config: Path) -> None:
    said = retinue("setup", stdin="1\n")
    assert (said.code, said.out) == (2, "")
    assert f"Write {config} yourself: model = " in said.err
    assert said.err.count("\n") == 1


def test_without_a_home_there_is_no_place(retinue: Retinue) -> None:
    said = retinue("setup", HOME="")
    assert said.code == 2
    assert "There is no home to keep settings in" in said.err


KEYRING = """
import json, pathlib
priority = 5
place = pathlib.Path(__file__).with_name("kept.json")

def get_keyring():
    import sys
    return sys.modules[__name__]

def get_password(service, name):
    return json.loads(place.read_text())[f"{service}/{name}"]

def set_password(service, name, key):
    place.write_text(json.dumps({f"{service}/{name}": key}))
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def config(home: Path) -> Path:
    return home / ".config/retinue/config.toml"


@pytest.fixture
def sit(home: Path, environ: Mapping[str, str]) -> Sit:
    """Sits down at a terminal and calls `retinue setup`; the environment as keywords."""

    def sit(**more: str) -> Person:
        return Person(
            pexpect.spawn(
                sys.executable,
                ["-m", "retinue", "setup"],
                env={**environ, "OLLAMA_HOST": "127.0.0.1:1", "NO_COLOR": "1", **more},
                cwd=os.fspath(home),
                encoding="utf-8",
                timeout=PATIENCE,
                dimensions=(50, 120),
            )
        )

    return sit
