"""Status: what a server refuses, in our words. No socket, no clock."""

import email.utils
import json
import re
import time
from collections.abc import Mapping
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

_FULL: Final = re.compile(
    r"context[_ ](length|size|window)|maximum context|too many tokens|prompt is too long"
    r"|exceeds? the (available|model'?s?) context",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(
    r"model_not_found|model.{0,200}(not found|does not exist|not_found)|no such model",
    re.IGNORECASE | re.DOTALL,
)
_UNREADABLE: Final = re.compile(r"(image|audio|file|video) input is not supported")
_NO_MONEY: Final = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")
_MOST: Final = 400  # letters of a server's own words


def error_of(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    model: str,
    key: str | None = None,
    hint: str | None = None,
) -> ModelError:
    """The error that a response of this status is.

    Args:
        status: Of HTTP; 300 and up.
        body: What came with it: JSON with an `error`, another JSON, a page, nothing.
        headers: For Retry-After (seconds or a date) and Location.
        model: Who was asked.
        key: What was sent along; some servers repeat it, we do not.
        hint: What to do about an address or key that is refused.
    """
    words, codes = _said(body)
    words = redacted(words or f"HTTP {status}", key)
    about = f"{words} {' '.join(codes)}"
    name = f"{model!r}"
    match status:
        case 401 | 403:
            return ModelUnauthorized(f"{name} does not accept the key: {words}", hint=hint)
        case _ if _FULL.search(about) or status == 413:
            return ContextFull(
                f"This is more than {name} can read: {words}",
                hint="Pass less, begin a new conversation, or choose a model with a larger window.",
            )
        case 402:
            return ModelRejected(f"{name} wants to be paid: {words}", hint=_PAY)
        case 429 if any(code in _NO_MONEY for code in codes):
            return ModelRejected(f"{name} wants to be paid: {words}", hint=_PAY)
        case 404 if _NO_MODEL.search(about):
            return UnknownModel(
                f"{name} is not there: {words}", hint="Choose another --model, or install it there."
            )
        case 404 | 405:
            return ModelRejected(f"{name} has nothing at this address: {words}", hint=hint)
        case 429 | 503 | 529:
            return ModelOverloaded(
                f"{name} has too much to do: {words}",
                hint="Wait a moment and ask again, or choose another --model.",
                retry_after=_retry_after(headers),
            )
        case _ if _UNREADABLE.search(about):  # llama-server calls this a fault of its own
            return ModelRejected(f"{name} refused the request: {words}", hint=_CHANGE)
        case 408:
            return ModelUnreachable(f"{name} waited too long for the request: {words}", hint=_AGAIN)
        case _ if status >= 500:
            return ModelUnreachable(
                f"{name} failed: {words}", hint=_AGAIN, retry_after=_retry_after(headers)
            )
        case _ if status < 400:
            place = redacted(headers.get("Location", "another address"), key)
            return ModelRejected(
                f"{name} is elsewhere: {place}",
                hint="Keys do not follow redirections. If you trust it, make it the base_url.",
            )
        case _:
            return ModelRejected(f"{name} refused the request: {words}", hint=_CHANGE)


def refused(error: Any, *, model: str, key: str | None = None) -> ModelError:
    """The error that a server puts into a stream it had begun; `error` as it came."""
    fields = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    code = str(fields.get("code") or fields.get("status") or "")
    status = int(code) if code.isdecimal() else _STATUS.get(str(fields.get("type")), 500)
    body = json.dumps({"error": error}).encode()
    return error_of(status if status >= 400 else 500, body, {}, model=model, key=key)


def redacted(words: str, key: str | None) -> str:
    """The words without the key, however the server came to repeat it."""
    return words.replace(key, "…") if key else words


def _said(body: bytes) -> tuple[str, tuple[str, ...]]:
    """The server's words about an error, and the codes beside them."""
    text = body.decode(errors="replace").strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ("" if text.startswith("<") else _cut(text)), ()
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    inner = fields.get("error", fields)
    if not isinstance(inner, dict):
        return _cut(str(inner)), ()
    error = cast("dict[str, Any]", inner)
    words = error.get("message") or error.get("detail") or error.get("error") or ""
    codes = [str(error[name]) for name in ("code", "type") if error.get(name)]
    return _cut(words if isinstance(words, str) else json.dumps(words)), tuple(codes)


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
            except ValueError:
                continue
        if seconds == seconds:  # "nan" is a number to float()
            return max(seconds, 0.0)
    return None


_STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "exceed_context_size_error": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "unavailable_error": 503,
    "overloaded_error": 529,
}
"""Of the types that vendors give where there is no status any more."""
_CHANGE: Final = "Change what it complains about; asking the same again will not help."
_AGAIN: Final = "Ask again in a moment."
_PAY: Final = "Look at your account there, or choose another --model."
