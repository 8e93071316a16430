"""Offers: who may have models for us, and what they say when they are asked for their list."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from retinue.app import Way, way_to
from retinue.cli._vendors import VENDORS, has_list
from retinue.errors import RetinueError
from retinue.models import LLAMA_SERVER, PROVIDERS, list_models, provider_of
from retinue.settings import Settings

PATIENCE: Final = 2.0
"""Seconds for whoever is asked."""
_NEWEST: Final = ":latest"
"""What Ollama lets people leave out."""


class Place(NamedTuple):
    """Somebody who may have models.

    Args:
        name: How people know them; of an endpoint, its own.
        provider: Who is asked, in the words of `find_model`.
        way: How they are reached.
        model: The one that an endpoint stands for.
    """

    name: str
    provider: str
    way: Way
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What somebody has.

    Args:
        name, provider, base_url: As of the place; no address is the vendor's own.
        state: "fine": there are models; "note": none, and nobody expects them, or the one is not
            in the list; "wrong": none, and something was set up for it.
        words: Why there are none, or what else is to be known.
        fix: What to do about that.
        installed: Whether the package is here that they ask for, if they do.
        key: The key in its mask, and where it is; None where there is none.
        models: As --model takes them.
        now: Which of them answers, if one does.
    """

    name: str
    provider: str
    base_url: str | None = None
    state: Literal["fine", "note", "wrong"] = "note"
    words: str | None = None
    fix: str | None = None
    installed: bool = True
    key: str | None = None
    models: tuple[str, ...] = ()
    now: str | None = None

    def tamed(self, tame: Callable[[str], str]) -> "Offer":
        """The same, with everything that comes from elsewhere made harmless."""
        return replace(
            self,
            words=None if self.words is None else tame(self.words),
            fix=None if self.fix is None else tame(self.fix),
            models=tuple([tame(model) for model in self.models]),
            now=None if self.now is None else tame(self.now),
        )


def places(settings: Settings) -> Iterator[Place]:
    """Everybody who may have models, in the order in which they are shown."""
    for name in settings.models:
        way = way_to(settings, name)
        yield Place(name, provider_of(way.name), way, way.name)
    yield Place("ollama", "ollama", way_to(settings, "ollama:"))
    yield Place("llama-server", "compatible", Way("compatible:", LLAMA_SERVER))
    for vendor in VENDORS:
        yield Place(vendor, vendor, way_to(settings, f"{vendor}:"))
    yield Place("demo", "demo", Way("demo"), "demo")


def is_asked(place: Place) -> bool:
    """Whether there is any sense in asking them for their list."""
    if not has_list(place.way) or PROVIDERS[place.provider].missing:
        return False
    is_free = place.provider not in VENDORS or place.model is not None
    return is_free or place.way.api_key is not None


async def offer_of(place: Place, settings: Settings, now: str | None) -> Offer:
    """What they have; they are waited for `PATIENCE` seconds at most.

    Args:
        now: The model that answers.
    """
    way = place.way
    offer = Offer(
        name=place.name,
        provider=place.provider,
        base_url=way.base_url,
        installed=PROVIDERS[place.provider].is_installed,
        key=None if way.api_key is None else f"{way.api_key} ({way.api_key.reference})",
    )
    if not is_asked(place):
        return _unasked(place, offer, settings)
    is_expected = bool(place.model or way.api_key or provider_of(now or "") == place.provider)
    silent = replace(offer, state="wrong" if is_expected else "note")
    try:
        key = way.api_key.reveal() if way.api_key is not None else None
        async with asyncio.timeout(PATIENCE):
            names = await list_models(place.provider, base_url=way.base_url, api_key=key)
    except TimeoutError:
        return replace(silent, words=f"does not answer within {PATIENCE:g} s", fix="Try again.")
    except RetinueError as error:
        if not is_expected:
            return replace(silent, words="not there")
        return replace(silent, words=str(error), fix=error.hint)
    if place.model is not None:
        found = _of_endpoint(place, offer, settings)
        if place.model in names or f"{place.model}{_NEWEST}" in names:
            return found
        return replace(found, state="note", words=f"{place.model} is not in its list")
    mine = [name for name in names if now is not None and name in (now, f"{now}{_NEWEST}")]
    others = [name for name in names if name not in mine]
    if not names:
        return replace(silent, words="has no model")
    return replace(offer, state="fine", models=(*mine, *others), now=mine[0] if mine else None)


def _unasked(place: Place, offer: Offer, settings: Settings) -> Offer:
    vendor = PROVIDERS[offer.provider]
    if vendor.missing:
        wanted = bool(place.model or place.way.api_key)
        state = "wrong" if wanted else "note"
        return replace(offer, state=state, words="not installed", fix=vendor.missing)
    if place.model == "demo":
        return replace(offer, state="fine", words="no language model", models=("demo",))
    if not has_list(place.way):
        there = (
            _of_endpoint(place, offer, settings) if place.model else replace(offer, state="fine")
        )
        return replace(there, words="has no list of its models")
    return replace(offer, words="no key", fix=f"export {vendor.keys[-1]}=...")


def _of_endpoint(place: Place, offer: Offer, settings: Settings) -> Offer:
    now = place.name if settings.model == place.name else None
    return replace(offer, state="fine", models=(place.name,), now=now)
