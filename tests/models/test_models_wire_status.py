"""Status: each refusal becomes one of our errors, in the server's words and without the key."""

import email.utils
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import (
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    UnknownModel,
)
from retinue.models._wire import Server, refused
from retinue.models._wire.status import error_of, no_stream

KEY = "sk-0123456789abcdef"
SERVER = Server(
    name="compatible:m",
    base_url="http://lab/v1",
    api_key=KEY,
    unreachable="Look at the address.",
    unauthorized="Look at the key.",
)


def said(error: Any) -> bytes:
    return json.dumps(error).encode()


def of(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


REFUSALS: list[tuple[str, int, Any, type[ModelError], str]] = [
    # https://platform.openai.com/docs/guides/error-codes
    (
        "OpenAI: a wrong key",
        401,
        of(
            "Incorrect API key provided: sk-01**cdef.",
            type="invalid_request_error",
            code="invalid_api_key",
        ),
        ModelUnauthorized,
        "does not accept the key: Incorrect API key",
    ),
    (
        "OpenAI: from there it is not allowed",
        403,
        of("Country, region, or territory not supported", code="unsupported_country"),
        ModelUnauthorized,
        "does not allow it: Country",
    ),
    (
        "OpenAI: no money",
        429,
        of("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"),
        ModelRejected,
        "wants to be paid",
    ),
    (
        "OpenAI: too many requests",
        429,
        of("Rate limit reached for requests", type="requests", code="rate_limit_exceeded"),
        ModelOverloaded,
        "too much to do: Rate limit",
    ),
    ("OpenAI: overloaded", 503, of("The engine is currently overloaded"), ModelOverloaded, "ready"),
    (
        "OpenAI: its own fault",
        500,
        of("The server had an error while processing your request", type="server_error"),
        ModelUnreachable,
        "failed: The server had an error",
    ),
    (
        "OpenAI: no such model",
        404,
        of("The model `m` does not exist or you do not have access to it.", code="model_not_found"),
        UnknownModel,
        "is not there",
    ),
    (
        "OpenAI: too long",
        400,
        of("This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
        ContextFull,
        "more than 'compatible:m' can read",
    ),
    (
        "OpenAI: something in the request",
        400,
        of("Unsupported parameter: 'max_tokens'", type="invalid_request_error", param="max_tokens"),
        ModelRejected,
        "refused the request: Unsupported parameter",
    ),
    # https://openrouter.ai/docs/api-reference/errors
    ("OpenRouter: no money", 402, of("Insufficient credits", code=402), ModelRejected, "be paid"),
    (
        "OpenRouter: no such model",
        400,
        of("lab/m is not a valid model ID", code=400),
        UnknownModel,
        "is not there",
    ),
    (
        "OpenRouter hands on what it was told",
        400,
        of(
            "Provider returned error",
            code=400,
            metadata={"raw": '{"error":{"message":"prompt is too long: 2 > 1"}}'},
        ),
        ContextFull,
        "Provider returned error: prompt is too long",
    ),
    ("OpenRouter: nobody is there", 502, of("Bad gateway", code=502), ModelUnreachable, "failed"),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    (
        "vLLM: no such model",
        404,
        {"object": "error", "message": "The model `m` does not exist.", "code": 404},
        UnknownModel,
        "is not there",
    ),
    (
        "vLLM: too long",
        400,
        of("The decoder prompt (length 9) is longer than the maximum model length of 8."),
        ContextFull,
        "longer than",
    ),
    (
        "FastAPI, below many of them",
        422,
        {"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]},
        ModelRejected,
        "Field required",
    ),
    # llama-server, tools/server/README.md and as it answers
    (
        "llama-server: too long",
        400,
        of("request (9 tokens) exceeds the available context size (8 tokens), try increasing it"),
        ContextFull,
        "exceeds",
    ),
    (
        "llama-server: a picture for a model without eyes",
        500,
        of("image input is not supported - hint: you may need to provide the mmproj", code=500),
        ModelRejected,
        "image input is not supported",
    ),
    (
        "llama-server: loading",
        503,
        of("Loading model", type="unavailable_error", code=503),
        ModelOverloaded,
        "not ready: Loading model",
    ),
    (
        "llama-server: no such route",
        404,
        of("File Not Found", type="not_found_error", code=404),
        ModelRejected,
        "nothing at this address",
    ),
    # server/routes.go and llm/llama_server.go of ollama/ollama
    ("Ollama: no such model", 404, {"error": "model 'm' not found"}, UnknownModel, "not there"),
    (
        "Ollama: too long",
        400,
        {
            "error": '{"error":{"code":400,"message":"request (9019 tokens) exceeds the available '
            'context size (8192 tokens), try increasing it","type":"exceed_context_size_error"}}'
        },
        ContextFull,
        r"can read: request \(9019 tokens\) exceeds",
    ),
    (
        "Ollama before it was llama-server: too long",
        400,
        {"error": "the input length exceeds the context length"},
        ContextFull,
        "input length",
    ),
    (
        "Ollama: a model without tools",
        400,
        {"error": '"m" does not support tools'},
        ModelRejected,
        "does not support tools",
    ),
    (
        "Ollama: nobody is signed in to its cloud",
        401,
        {"error": "unauthorized", "signin_url": "https://ollama.com/connect"},
        ModelUnauthorized,
        "unauthorized",
    ),
    (
        "Ollama: too many wait",
        503,
        {"error": "server busy, please try again.  maximum pending requests exceeded"},
        ModelOverloaded,
        "server busy, please try again. maximum",
    ),
    (
        "Gemini: too long",
        400,
        of("The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        ContextFull,
        "input token count",
    ),
    (
        "xAI: too long",
        400,
        of("This model's maximum prompt length is 8 but the request contains 9 tokens."),
        ContextFull,
        "maximum prompt",
    ),
    # what stands between
    ("a proxy's page", 502, b"<html><h1>502 Bad Gateway</h1></html>", ModelUnreachable, "HTTP 502"),
    ("too large for a proxy", 413, b"<html>Too Large</html>", ContextFull, "HTTP 413"),
    ("too slow for a proxy", 408, b"", ModelUnreachable, "waited too long"),
    ("Cloudflare: overloaded", 529, b"", ModelOverloaded, "HTTP 529"),
    ("a text", 400, b"no\n\n  such   thing", ModelRejected, "no such thing"),
    ("another object", 400, {"reason": "because"}, ModelRejected, "because"),
    ("a list", 400, [1, 2], ModelRejected, r"\[1, 2\]"),
    ("null", 400, None, ModelRejected, "refused the request: null"),
    ("an error without words", 500, {"error": {}}, ModelUnreachable, "failed: HTTP 500"),
    ("an error that is null", 500, {"error": None}, ModelUnreachable, "failed"),
    ("no content", 204, b"", ModelRejected, "gave no answer: HTTP 204"),
    ("a method that is not allowed", 405, b"", ModelRejected, "nothing at this address"),
    ("a teapot", 418, b"", ModelRejected, "refused the request: HTTP 418"),
]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_a_refusal_says_what_the_server_said_and_what_to_do(
    status: int, body: Any, kind: type[ModelError], words: str
) -> None:
    error = error_of(SERVER, status, body if isinstance(body, bytes) else said(body))
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    assert error.hint
    assert "'compatible:m'" in str(error)


def test_a_limit_that_is_called_too_many_tokens_is_waited_for_and_not_taken_for_the_window() -> (
    None
):
    error = error_of(SERVER, 429, said(of("Too many tokens, please wait before trying again.")))
    assert type(error) is ModelOverloaded


HINTS = [(401, "Look at the key."), (403, "Look at the key."), (404, "Look at the address.")]


@pytest.mark.parametrize(("status", "hint"), HINTS)
def test_hints_about_keys_and_addresses_are_the_servers(status: int, hint: str) -> None:
    assert error_of(SERVER, status, b"").hint == hint


def test_a_redirection_is_refused_and_named() -> None:
    error = error_of(SERVER, 307, b"", {"Location": f"https://elsewhere/v1?key={KEY}"})
    assert type(error) is ModelRejected
    assert str(error) == "'compatible:m' is elsewhere: https://elsewhere/v1?key=…"
    assert "base_url" in (error.hint or "")
    assert "another address" in str(error_of(SERVER, 302, b""))


def in_seconds(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "20"}, 20.0, 20.0),
        ({"Retry-After": "1.5"}, 1.5, 1.5),
        ({"Retry-After": "-3"}, 0.0, 0.0),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5, 1.5),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0, 9.0),
        ({"Retry-After": in_seconds(36_000)}, 30_000.0, 36_000.0),
        ({"Retry-After": in_seconds(-36_000)}, 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_how_long_to_wait_is_told(
    status: int, headers: dict[str, str], least: float, most: float
) -> None:
    waits = error_of(SERVER, status, b"", headers).retry_after
    assert waits is not None
    assert least <= waits <= most


@pytest.mark.parametrize(
    "headers", [{}, {"Retry-After": "later"}, {"Retry-After": "nan"}, {"Retry-After": ""}]
)
def test_how_long_to_wait_may_be_unknown(headers: dict[str, str]) -> None:
    assert error_of(SERVER, 429, b"", headers).retry_after is None


@given(st.text())
def test_any_header_is_a_number_of_seconds_or_nothing(written: str) -> None:
    waits = error_of(SERVER, 429, b"", {"Retry-After": written}).retry_after
    assert waits is None or waits >= 0


ECHOES = [
    said(of(f"Incorrect API key provided: {KEY}")),
    said({"error": f"Bearer {KEY} {KEY}"}),
    said({"detail": [{"key": KEY}]}),
    f"who is {KEY}?".encode(),
    # cut in the middle of it, if it was cut first
    said(of("x" * 390 + KEY)),
]


@pytest.mark.parametrize("body", ECHOES)
@pytest.mark.parametrize("status", [204, 400, 401, 402, 404, 413, 429, 500, 503])
def test_no_error_repeats_the_key(status: int, body: bytes) -> None:
    error = error_of(SERVER, status, body)
    assert KEY[:10] not in f"{error!r} {error} {error.hint}"


def test_long_words_are_cut() -> None:
    assert len(str(error_of(SERVER, 400, b"x" * 100_000))) < 500


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # https://openrouter.ai/docs/api-reference/streaming
        ({"code": "server_error", "message": "Provider disconnected"}, ModelUnreachable),
        ({"code": 429, "message": "slow down"}, ModelOverloaded),
        ({"code": "429", "message": "slow down"}, ModelOverloaded),
        ({"code": 401, "message": "no"}, ModelUnauthorized),
        ({"message": "The server had an error", "type": "server_error"}, ModelUnreachable),
        ({"message": "no", "type": "invalid_request_error"}, ModelRejected),
        ({"message": "no", "type": "overloaded_error"}, ModelOverloaded),
        ({"message": "no", "type": "tokens", "code": "rate_limit_exceeded"}, ModelOverloaded),
        ({"message": "no", "code": "insufficient_quota"}, ModelRejected),
        # llama-server when two long answers share one context
        ({"code": 500, "message": "Context size has been exceeded.", "type": "x"}, ContextFull),
        # Ollama: a text, no code
        ("an error was encountered while running the model", ModelUnreachable),
        ("the input length exceeds the context length", ContextFull),
        ({"message": "what", "code": 200}, ModelUnreachable),
        (["what"], ModelUnreachable),
        (True, ModelUnreachable),
    ],
)
def test_an_error_inside_a_stream_has_a_kind_as_well(error: Any, kind: type[ModelError]) -> None:
    assert type(refused(SERVER, error)) is kind


@pytest.mark.parametrize(
    ("kind", "body", "wanted", "words"),
    [
        ("application/json", said(of("slow down", code=429)), ModelOverloaded, "slow down"),
        ("application/json", said({"error": "no"}), ModelUnreachable, "failed: no"),
        ("application/json", said({"choices": []}), ModelRejected, "sent application/json"),
        ("application/json", b"{", ModelRejected, "did not stream"),
        ("text/html; charset=utf-8", b"<html>", ModelRejected, "sent text/html"),
    ],
)
def test_what_comes_where_a_stream_should_be(
    kind: str, body: bytes, wanted: type[ModelError], words: str
) -> None:
    error = no_stream(SERVER, kind, body)
    assert type(error) is wanted
    assert words in str(error)
    assert error.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
        ["error", "message", "code", "type", "status", "metadata", "raw", "detail"]
    ) | st.text(), inner),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.integers(100, 999))
def test_any_json_is_one_of_our_errors(found: Any, status: int) -> None:
    for error in (error_of(SERVER, status, said(found)), refused(SERVER, found)):
        assert isinstance(error, ModelError)
        assert error.hint


@given(st.binary(), st.integers(100, 999))
def test_any_bytes_are_one_of_our_errors(body: bytes, status: int) -> None:
    assert isinstance(error_of(SERVER, status, body), ModelError)
    assert isinstance(no_stream(SERVER, "text/html", body), ModelError)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 50_000, b"[" * 900 + b"]" * 900])
def test_json_that_is_nested_too_deep_is_no_trouble(body: bytes) -> None:
    assert isinstance(error_of(SERVER, 500, body), ModelUnreachable)


def test_an_error_that_is_nested_too_deep_is_told_without_it() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert str(refused(SERVER, deep)) == "'compatible:m' failed: …"
