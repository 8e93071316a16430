"""Keys: shown to the server they are for, and in no other place, whatever goes wrong."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from retinue.app import build
from retinue.errors import ModelError, ModelRejected, ModelUnauthorized, UnknownModel
from retinue.models import Model, list_models
from retinue.models.budget import Budgeted, Purse
from retinue.models.cached import Answers, Cached
from retinue.models.fallback import Fallback
from retinue.models.fitted import Fitted
from retinue.models.rate import Rate, Rated
from retinue.models.replay import Recorded
from retinue.settings import load
from retinue.testing import MockLLM

from ._adapters import ADAPTERS, Adapter
from ._places import KEY, leaks, listening, places_of, shown, told
from ._raw import CHUNKED, Asked, Connection, Serve, chunk, response, serving


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    adapter = ADAPTERS[request.param]
    pytest.importorskip(adapter.package, reason="needs the extra: uv sync --group vendors")
    return adapter


# -- faults: servers that repeat the key


def says(data: bytes, *, close: bool = True) -> Serve:
    async def serve(connection: Connection, asked: Asked) -> None:
        assert KEY in asked.head
        await connection.say(data)
        if close:
            connection.writer.close()

    return serve


def refuses(status: str, kind: str = "application/json", **headers: str) -> Serve:
    words = f"Incorrect API key provided: {KEY}. You can find yours."
    body = f'{{"error":{{"message":"{words}","code":"x","status":"{KEY}"}}}}'
    return says(response(body.encode(), status, kind, headers), close=False)


ECHO = f'{{"error":{{"message":"The key {KEY} is none","code":"{KEY}"}}}}'
EVENT = f"data: {ECHO}\n\n".encode()
BROKEN = f'data: {{"key":"{KEY}","choices":\n\n'.encode()
LINES = "application/x-ndjson"
FAULTS: dict[str, Serve] = {
    **{f"HTTP {status}": refuses(f"{status} No") for status in (400, 401, 402, 403, 404, 408)},
    **{f"HTTP {status}": refuses(f"{status} No") for status in (413, 422, 429, 500, 503, 529)},
    "a page": refuses("500 Oh", "text/html"),
    "elsewhere": refuses("302 Found", Location=f"/?key={KEY}"),
    "no stream": refuses("200 OK"),
    "a page that is no stream": refuses("200 OK", "text/html"),
    "an error in the stream": says(response(EVENT), close=False),
    "an error in lines": says(response(f"{ECHO}\n".encode(), kind=LINES), close=False),
    "a broken frame": says(response(BROKEN), close=False),
    "a broken line": says(response(BROKEN, kind=LINES), close=False),
    "another frame": says(response(f'data: ["{KEY}"]\n\n'.encode()), close=False),
    "half an answer": says(CHUNKED + chunk(BROKEN[:-9])),
    "half an error": says(response(ECHO.encode(), "401 No")[:-3]),
    "no HTTP": says(f"{KEY}\r\n\r\n".encode()),
    "much that is no HTTP": says(b"x" * (190 - len(KEY) // 2) + f"{KEY}\r\n\r\n".encode()),
    "nothing": says(b""),
    "silence": says(b"", close=False),
    "silence after the head": says(CHUNKED, close=False),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_of_a_server_brings_the_key_to_light(adapter: Adapter, fault: str) -> None:
    first = 0.2 if fault.startswith("silence") else 5.0
    async with serving(FAULTS[fault]) as server:
        places = await places_of(adapter.at(server.url, first_timeout=first, idle_timeout=first))
        assert server.asked
    assert "retinue.errors" in places["error"]
    assert leaks(places) == []


async def test_nobody_who_answers_brings_the_key_to_light(
    adapter: Adapter, unused_tcp_port: int
) -> None:
    for url in (f"http://127.0.0.1:{unused_tcp_port}", "http://nobody.invalid"):
        places = await places_of(adapter.at(url))
        assert "ModelUnreachable" in places["error"]
        assert leaks(places) == []


async def test_a_failure_of_tls_does_not_bring_the_key_to_light(adapter: Adapter) -> None:
    async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        places = await places_of(adapter.at(f"https://127.0.0.1:{port}"))
    assert "ModelUnreachable" in places["error"]
    assert leaks(places) == []


@pytest.mark.parametrize("said", [b"", CHUNKED], ids=["before the head", "after it"])
async def test_a_reader_who_stops_waiting_does_not_bring_the_key_to_light(
    adapter: Adapter, said: bytes
) -> None:
    async with serving(says(said, close=False)) as server:
        places = await places_of(adapter.at(server.url), limit=0.2)
    assert "CancelledError" in places["error"]
    assert leaks(places) == []


async def test_an_answer_does_not_bring_the_key_to_light(adapter: Adapter) -> None:
    async with MockLLM() as mock:
        places = await places_of(adapter.at(mock.url))
    assert leaks(places) == []


async def test_a_key_that_can_be_none_is_not_repeated(adapter: Adapter) -> None:
    for key in (f"{KEY}\n", f"{KEY} {KEY}", f"{KEY}ä"):
        places = await places_of(adapter.at("http://127.0.0.1:9", key))
        assert "ModelUnauthorized" in places["error"]
        assert leaks(places) == []


async def test_a_list_of_models_does_not_bring_the_key_to_light(adapter: Adapter) -> None:
    async with serving(refuses("401 No")) as server, listening() as places:
        error = await _listed(adapter, server.url)
    assert isinstance(error, ModelUnauthorized)
    assert leaks({**places, "error": told(error)}) == []


async def _listed(adapter: Adapter, url: str) -> ModelError | None:
    try:
        await list_models(
            adapter.name.partition(":")[0], base_url=f"{url}{adapter.path}", api_key=KEY
        )
    except ModelError as error:
        return error
    return None


# -- what stands around a model


WRAPPERS: dict[str, Callable[[Model, Path], Model]] = {
    "fallback": lambda model, _: Fallback(model, model),
    "rated": lambda model, _: Rated(model, Rate(requests=100)),
    "budgeted": lambda model, _: Budgeted(model, Purse(tokens=100_000)),
    "fitted": lambda model, _: Fitted(model, window=8_000, summary=model),
    "recorded": lambda model, place: Recorded(model, place / "tape.jsonl"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("status", [401, 503, 200])
async def test_no_wrapper_brings_the_key_to_light(
    wrapper: str, status: int, tmp_path: Path
) -> None:
    async with serving(refuses(f"{status} No")) as server:
        model = WRAPPERS[wrapper](ADAPTERS["compatible"].at(server.url, retries=1), tmp_path)
        places = await places_of(model)
    for file in tmp_path.iterdir():
        places[file.name] = file.read_text()
    assert ("tape.jsonl" in places) == (wrapper == "recorded")
    assert leaks(places) == []


async def test_what_a_cache_keeps_does_not_bring_the_key_to_light() -> None:
    answers = Answers()
    async with MockLLM() as mock:
        model = Cached(ADAPTERS["compatible"].at(mock.url), answers, owner="ada")
        places = await places_of(model)
    assert len(answers) == 2
    assert leaks({**places, "cache": f"{vars(answers)}"}) == []


@pytest.mark.parametrize("base_url", ["ftp://lab", "http://lab:port"])
def test_a_wrong_address_does_not_bring_the_key_to_light(adapter: Adapter, base_url: str) -> None:
    with pytest.raises(ModelRejected) as caught:
        adapter.at(base_url)
    assert leaks({"frames": _below_find_model(caught.value)}) == []


def test_a_wrong_option_does_not_bring_the_key_to_light(adapter: Adapter) -> None:
    with pytest.raises(UnknownModel) as caught:
        adapter.at("http://lab", nothing=1)
    assert leaks({"frames": _below_find_model(caught.value)}) == []


def _below_find_model(error: ModelError) -> str:
    """What the error tells of where it was raised; who calls `find_model` has the key anyway."""
    return told(error).partition(" in find_model\n")[2]


async def test_settings_and_what_is_built_of_them_do_not_bring_the_key_to_light() -> None:
    names = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    settings = load(flags={"model": "gpt-6-sol"}, environ=dict.fromkeys(names, KEY), folder=None)
    app = build(settings)
    assert leaks({"settings": shown(settings), "app": shown(app), "host": shown(app.host())}) == []
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.reveal() == KEY
