"""Status: what a server refuses, in our words. No socket, no clock."""

import email.utils
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import (
    ContextFull,
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnauthorized,
    ModelUnreachable,
    UnknownModel,
)

from ._server import Server


def error_of(
    server: Server, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> ModelError:
    """The error that a response is which is no answer.

    Args:
        server: Who was asked.
        status: Of HTTP.
        body: What came with it: JSON with an `error`, another JSON, a page, nothing.
        headers: For Retry-After (seconds or a date) and Location.
    """
    text = body.decode(errors="replace").strip()
    words, codes = _said(_parsed(text, "" if text.startswith("<") else text))
    return _error(server, status, words, codes, headers or {})


def refused(server: Server, error: Any) -> ModelError:
    """The error that a server puts where an answer should be, or go on; `error` as it came."""
    words, codes = _said(error)
    status = 500
    for code in codes:
        status = int(code) if re.fullmatch("[45][0-9][0-9]", code) else _STATUS.get(code, 500)
        if status != 500:
            break
    return _error(server, status, words, codes, {})


def no_stream(server: Server, kind: str, body: bytes) -> ModelError:
    """The error that a document is, or a page, where a stream should be.

    Args:
        kind: Its content type.
    """
    match _parsed(body.decode(errors="replace")):
        case {"error": error} if error:
            return refused(server, error)
        case _:
            return ModelRejected(
                f"{server.name!r} did not stream: its server sent {_cut(server.hide(kind))}",
                hint=server.unreachable,
            )


def _error(
    server: Server, status: int, said: str, codes: Sequence[str], headers: Mapping[str, str]
) -> ModelError:
    words = _cut(server.hide(said or f"HTTP {status}"))
    about = f"{said} {' '.join(codes)}"
    name = f"{server.name!r}"
    match status:
        case 401:
            return ModelUnauthorized(
                f"{name} does not accept the key: {words}", hint=server.unauthorized
            )
        case 403:
            return ModelUnauthorized(f"{name} does not allow it: {words}", hint=server.unauthorized)
        case 402:
            return ModelRejected(f"{name} wants to be paid: {words}", hint=_PAY)
        case 429 if not _NO_MONEY.isdisjoint(codes):
            return ModelRejected(f"{name} wants to be paid: {words}", hint=_PAY)
        case 429 | 529:
            return ModelOverloaded(
                f"{name} has too much to do: {words}", hint=_WAIT, retry_after=_retry_after(headers)
            )
        case _ if status == 413 or _FULL.search(about):
            return ContextFull(f"This is more than {name} can read: {words}", hint=server.full)
        case 400 | 404 if _NO_MODEL.search(about):
            return UnknownModel(f"{name} is not there: {words}", hint=server.unknown)
        case 404 | 405:
            return ModelRejected(
                f"{name} has nothing at this address: {words}", hint=server.unreachable
            )
        case 503:
            return ModelOverloaded(
                f"{name} is not ready: {words}", hint=_WAIT, retry_after=_retry_after(headers)
            )
        case 408:
            return ModelUnreachable(f"{name} waited too long for the request: {words}", hint=_AGAIN)
        case _ if status >= 500 and not _UNREADABLE.search(about):
            return ModelUnreachable(
                f"{name} failed: {words}", hint=_AGAIN, retry_after=_retry_after(headers)
            )
        case _ if status < 300:
            return ModelRejected(f"{name} gave no answer: {words}", hint=server.unreachable)
        case _ if status < 400:
            place = _cut(server.hide(headers.get("Location", "another address")))
            return ModelRejected(
                f"{name} is elsewhere: {place}",
                hint="Keys do not follow redirections. If you trust it, make it the base_url.",
            )
        case _:
            return ModelRejected(f"{name} refused the request: {words}", hint=_CHANGE)


def _said(found: Any) -> tuple[str, tuple[str, ...]]:
    """A server's words about an error, and the codes beside them."""
    match found:
        case {"error": dict() | str()}:
            return _said(cast("dict[str, Any]", found)["error"])
        case str() if found.startswith("{"):  # so Ollama hands on what it has heard itself
            inner = _parsed(found)
            return (found, ()) if inner is None else _said(inner)
        case str():
            return found, ()
        case dict():
            error = cast("dict[str, Any]", found)
        case _:
            return _text(found), ()
    words = _text(error.get("message") or error.get("detail") or error or "")
    match error:
        case {"metadata": {"raw": str(raw)}}:  # so OpenRouter does
            words = f"{words}: {_said(raw)[0]}"
        case _:
            pass
    codes = [error.get(name) for name in ("code", "status", "type")]
    return words, tuple([str(code) for code in codes if isinstance(code, str | int)])


def _parsed(text: str, otherwise: Any = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        return "…"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds. Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"""
    for name, unit in (("retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        written = headers.get(name)
        if written is None:
            continue
        try:
            seconds = float(written) / unit
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(written).timestamp() - time.time()
            except (ValueError, OverflowError):
                continue
        if seconds == seconds:  # "nan" is a number to float()
            return max(seconds, 0.0)
    return None


_FULL: Final = re.compile(
    r"context[_ ](length|size|window)|maximum context|too many tokens|prompt is too long"
    r"|exceeds? the (available|model'?s?) context|exceeds the maximum number of tokens"
    r"|maximum (prompt|model) length|exceed context limit",
    re.IGNORECASE,
)
"""What servers say of a conversation that is too long: OpenAI, llama-server and Ollama, vLLM,
Gemini, xAI, Anthropic and those who do as they do."""
_NO_MODEL: Final = re.compile(
    r"model_not_found|model.{0,200}(not found|does not exist|not_found)|no such model"
    r"|not a valid model",
    re.IGNORECASE | re.DOTALL,
)
_UNREADABLE: Final = re.compile(r"(image|audio|file|video) input is not supported")
"""llama-server calls this a fault of its own (500), but it will not get better."""
_NO_MONEY: Final = {"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"}
_MOST: Final = 400  # letters of a server's own words
_STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "exceed_context_size_error": 400,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "unavailable_error": 503,
    "overloaded_error": 529,
}
"""Of the codes and types that vendors give where there is no status any more."""
_WAIT: Final = "Wait a moment and ask again, or choose another --model."
_CHANGE: Final = "Change what it complains about; asking the same again will not help."
_AGAIN: Final = "Ask again in a moment."
_PAY: Final = "Look at your account there, or choose another --model."
