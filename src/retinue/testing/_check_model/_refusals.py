"""Refusals: what a server says no with, in our words; and the key in none of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from retinue.errors import ContextFull, ModelError, ModelOverloaded, ModelRejected
from retinue.testing.mock_llm import ErrorEvent, Event, Refusal, Wire

from ._bench import KEY, Bench, Check, expect, named

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


def checks(wire: Wire) -> Sequence[Check]:
    return [
        *[
            Check(f"{one.status} {one.message[:30].strip()!r} is {kind.__name__}", _is(one, kind))
            for one, kind in wire.refusals
        ],
        Check("413 is ContextFull or ModelRejected", _is(_LARGE, ContextFull, ModelRejected)),
        *[
            Check(f"{one.status} is asked again", _asked_again(one))
            for one in (
                Refusal(429, retry_after=0.01),
                Refusal(500),
                Refusal(502, body=_PAGE),
                Refusal(503, retry_after=0.01),
                Refusal(504, body=b""),
            )
        ],
        named(what_is_refused_for_good_is_asked_once),
        named(retry_after_in_seconds_is_told),
        named(retry_after_as_a_date_is_told),
        named(the_key_is_in_no_error),
        named(the_key_is_not_in_what_the_model_shows_of_itself),
    ]


_LARGE = Refusal(413, "Request Entity Too Large")


def _is(refusal: Refusal, *kinds: type[ModelError]) -> Callable[[Bench], Awaitable[None]]:
    async def is_that(bench: Bench) -> None:
        bench.script(refusal)
        heard = await bench.hear_error(*kinds)
        told = _plain(refusal.message) in _plain(str(heard.error))
        expect(told, f"the server's own words, {refusal.message!r}", heard)

    return is_that


def _plain(words: str) -> str:
    return " ".join(words.split())


def _asked_again(refusal: Refusal) -> Callable[[Bench], Awaitable[None]]:
    async def is_asked_again(bench: Bench) -> None:
        bench.script(refusal, "Fine.")
        heard = await bench.hear_whole(retries=1)
        expect(heard.text == "Fine.", "the text 'Fine.'", heard)
        expect(len(bench.seen) == 2, "two requests", bench.seen)

    return is_asked_again


async def what_is_refused_for_good_is_asked_once(bench: Bench) -> None:
    for status in (400, 401, 404):
        before = len(bench.seen)
        bench.script(Refusal(status))
        await bench.hear_error(retries=2)
        count = len(bench.seen) - before
        expect(count == 1, f"one request after a {status}", f"{count} requests")


async def retry_after_in_seconds_is_told(bench: Bench) -> None:
    bench.script(Refusal(429, retry_after=7))
    heard = await bench.hear_error(ModelOverloaded)
    after = getattr(heard.error, "retry_after", None)
    expect(after == 7, "retry_after of 7 s", after)


async def retry_after_as_a_date_is_told(bench: Bench) -> None:
    bench.script(Refusal(429, retry_after=timedelta(seconds=600)))
    heard = await bench.hear_error(ModelOverloaded)
    after = getattr(heard.error, "retry_after", None)
    near = after is not None and 500 < after <= 601
    expect(near, "retry_after of about 600 s, as the date is so far away", after)


async def the_key_is_in_no_error(bench: Bench) -> None:
    words = f"Incorrect API key provided: {KEY}. You can find yours in your account."
    page = f"<html>{words}</html>".encode()
    for refusal in (Refusal(401, words), Refusal(400, words), Refusal(500, words, body=page)):
        bench.script(refusal)
        await bench.hear_error()
    for line in (ErrorEvent(words), Event(f'{{"key": "{KEY}", ')):
        bench.script(["One ", line])
        await bench.hear_error()


async def the_key_is_not_in_what_the_model_shows_of_itself(bench: Bench) -> None:
    model = await bench.model()
    shown = f"{model!r} {model} {model.name}"
    expect(KEY not in shown, "the model without its key", shown.replace(KEY, "<THE KEY>"))
    inner = getattr(model, "inner", None)
    shown = f"{inner!r} {inner}"
    expect(KEY not in shown, "the model without its key", shown.replace(KEY, "<THE KEY>"))
