"""`retinue mock-llm` from outside: a process, a socket, signals."""

import http.client
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 30.0


class Server:
    """A server that runs; what it said first, and where it is."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.process = process
        self.line = process.stdout.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.line)
        assert found is not None, self.line
        self.url, self.port = found[0], int(found[1])

    def ask(self, text: str, *, path: str = "/api/chat", model: str = "mock") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        said = [{"role": "user", "content": text}]
        body = {"model": model, "stream": False, "messages": said}
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        found = json.loads(response.read())
        connection.close()
        return response.status, found

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; the exit code, and what was said beside."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        assert out == b""
        return self.process.returncode, err.decode()


@pytest.fixture
def serve(start):
    @contextmanager
    def serve(*arguments: str) -> Iterator[Server]:
        with start("mock-llm", "--port", "0", *arguments) as process:
            try:
                yield Server(process)
            finally:
                process.kill()

    return serve


def test_it_says_where_it_is_and_what_was_asked(serve) -> None:
    with serve() as server:
        assert server.line == (
            f"Serving Ollama, Anthropic and Gemini at {server.url}, OpenAI at {server.url}/v1. "
            f"To talk with it: OLLAMA_HOST={server.url} retinue -m ollama:mock\n"
        )
        status, said = server.ask("Hello there")
        assert (status, said["message"]["content"]) == (200, "Hello there")
        assert server.ask("Hi", path="/nothing")[0] == 404
        code, err = server.end(signal.SIGINT)
    assert code == 130
    assert re.fullmatch(r"200 POST /api/chat mock \d+\.\d s\n404 POST /nothing \d+\.\d s\n", err)


def test_it_can_be_talked_with_as_it_says(serve, retinue) -> None:
    with serve("--pace", "0") as server:
        address = re.search(r"OLLAMA_HOST=(\S+) retinue (-m) (\S+)", server.line)
        assert address is not None
        answer = retinue(*address.groups()[1:], "-p", "Say this", OLLAMA_HOST=address[1])
        assert (answer.code, answer.out.strip()) == (0, "Say this")
        answer = retinue(
            "-m",
            "openai:mock",
            "-p",
            "Say that",
            OPENAI_BASE_URL=f"{server.url}/v1",
            OPENAI_API_KEY="sk-0123456789",
        )
        assert (answer.code, answer.out.strip()) == (0, "Say that")


def test_sigterm_ends_it_quietly(serve) -> None:
    with serve() as server:
        assert server.end(signal.SIGTERM) == (143, "")


def test_a_client_that_leaves_is_logged(serve) -> None:
    with serve("--pace", "0.05") as server:
        body = {"model": "m", "messages": [{"role": "user", "content": "2000 words"}]}
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("POST", "/api/chat", json.dumps(body))
        assert json.loads(connection.getresponse().readline())["message"]["content"] == "# "
        connection.close()
        assert server.process.stderr is not None
        line = server.process.stderr.readline().decode()
    assert re.fullmatch(r"left POST /api/chat m \d+\.\d s\n", line)


def test_a_script_is_served(serve, home: Path) -> None:
    script = {"tiny": ["Hi.", {"status": 429}, {"no_answer": 0}], "*": ["Any."]}
    (home / "script.json").write_text(json.dumps(script))
    with serve("script.json") as server:
        assert "-m ollama:tiny" in server.line
        assert server.ask("?", model="tiny")[1]["message"]["content"] == "Hi."
        assert server.ask("?", model="tiny")[0] == 429
        with pytest.raises(http.client.RemoteDisconnected):
            server.ask("?", model="tiny")
        assert server.ask("?", model="other")[1]["message"]["content"] == "Any."
        _, err = server.end(signal.SIGINT)
    assert [line.split()[0] for line in err.splitlines()] == ["200", "429", "cut", "200"]


def test_a_script_that_is_none(retinue, home: Path) -> None:
    (home / "script.json").write_text('["Hi", {"silence": "long"}]')
    said = retinue("mock-llm", "script.json")
    assert (said.code, said.out) == (2, "")
    complaint = "'script.json' cannot be used as a script: [1].silence must be a number, 0 or more."
    assert said.err.startswith(f"retinue: {complaint} ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--host", "host.invalid"], 1, "Nothing can listen at port 8900 of host.invalid: "),
        (["--host", "192.0.2.1"], 1, "Nothing can listen at port 8900 of 192.0.2.1: Cannot assign"),
        (["--pace", "quick"], 2, "--pace: 'quick' is no number of seconds"),
        (["--pace", "-1"], 2, "--pace"),
    ],
)
def test_where_nothing_can_listen(retinue, arguments, code, complaint) -> None:
    said = retinue("mock-llm", *arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(f"retinue: {complaint}")
    assert said.err.count("\n") == 1


def test_a_port_in_use_is_one_clear_line(retinue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = retinue("mock-llm", "--port", str(port))
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"retinue: Something listens at port {port} of 127.0.0.1 already. "
        "Stop it, or choose another port; --port 0 takes any that is free.\n"
    )


def test_a_port_that_is_not_ours_to_have(monkeypatch, capsys) -> None:
    """In this process, as the tests may run as somebody who may have any port."""
    import errno

    from retinue.cli import main
    from retinue.testing.mock_llm import MockLLM

    async def refused(mock: MockLLM) -> MockLLM:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(MockLLM, "__aenter__", refused)
    assert main(["mock-llm", "--port", "80"]) == 1
    assert "You may not listen at port 80 of 127.0.0.1. Choose a --port from 1024 up." in (
        capsys.readouterr().err
    )
