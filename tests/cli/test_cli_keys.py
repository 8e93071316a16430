"""Keys on the command line: in no output, log or file, also where a server repeats them."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

KEEPS = True

KEY = "sk-nobodys-Q7w2xZ9mK4tB8vLr-0123456789"
PIECE = "Q7w2xZ9m"
VENDORS = {
    "anthropic:m": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "", "anthropic", "json"),
    "openai:gpt-6-sol": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1", "retinue", "stream-json"),
    "gemini:m": ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "", "google.genai", "text"),
    "ollama:m": ("OLLAMA_API_KEY", "OLLAMA_HOST", "", "retinue", "json"),
    "lab": ("LAB_KEY", "LAB_URL", "/v1", "retinue", "text"),
}
"""Of models: the variables of their key and address, the path, the package, a form of output."""


@dataclass
class Echo:
    """A server that refuses everything, and repeats the key it was shown."""

    url: str
    shown: list[str] = field(default_factory=list)


@pytest.fixture
def echo() -> Iterator[Echo]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._refuse()

        def do_POST(self) -> None:
            self._refuse()

        def _refuse(self) -> None:
            key = self.headers.get("Authorization") or self.headers.get("x-goog-api-key") or ""
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            echo.shown.append(key)
            body = json.dumps({"error": {"message": f"{key} is no key", "code": 401}}).encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        echo = Echo(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield echo
        server.shutdown()
        thread.join(5)


def way_to(model: str, echo: Echo, home: Path) -> dict[str, str]:
    """The variables that lead to the echo with the key."""
    key, address, path, package, _ = VENDORS[model]
    pytest.importorskip(package, reason="needs the extra: uv sync --group vendors")
    if model == "lab":
        place = home / ".config" / "retinue"
        place.mkdir(parents=True)
        table = f'[models.lab]\nbase_url = "{echo.url}/v1"\nmodel = "m"\napi_key = "env:LAB_KEY"\n'
        (place / "config.toml").write_text(table)
    return {key: KEY, address: f"{echo.url}{path}"}


def written(home: Path) -> str:
    """All that lies at home."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return "\n".join([file.read_bytes().decode("latin-1") for file in files])


@pytest.mark.parametrize("model", VENDORS)
@pytest.mark.parametrize("log", ["text", "json"])
def test_no_output_or_log_or_file_shows_the_key(
    model: str, log: str, retinue: Any, echo: Echo, home: Path
) -> None:
    said = retinue(
        *("-p", "hi", "-m", model, "-vv", "-o", VENDORS[model][-1], "--history", "talk.md"),
        RETINUE_DEBUG="1",
        RETINUE_LOG=log,
        PYTHONASYNCIODEBUG="1",
        **way_to(model, echo, home),
    )
    assert said.code == 1
    assert any(KEY in shown for shown in echo.shown)
    assert "is no key" in said.out + said.err
    assert PIECE not in said.out + said.err + written(home)


@pytest.mark.parametrize("command", ["doctor", "config", "models"])
def test_no_report_shows_the_key(command: str, retinue: Any, echo: Echo, home: Path) -> None:
    said = retinue(command, "-m", "lab", "-vv", RETINUE_DEBUG="1", **way_to("lab", echo, home))
    assert "…6789" in said.out
    assert PIECE not in said.out + said.err + written(home)


def test_what_a_model_says_is_found_by_this_search(retinue: Any, script: Any, home: Path) -> None:
    model = script(f"The key is {KEY}.")
    said = retinue("-p", "hi", "-m", model, "--history", "talk.md")
    (home / "script.json").unlink()
    assert PIECE in said.out
    assert PIECE in written(home)
