"""find_model: from a name to a model. Each provider is loaded only when it is chosen.

A factory gets what stands after the colon, and the options it declares by name; it puts the guard
(`Guarded`) around a model that may go silent or break off.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Collection
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from retinue.errors import ModelRejected, UnknownModel
from retinue.telemetry import event

from ._addresses import base_url_of
from ._key import ApiKey
from ._names import today, whole
from ._providers import PROVIDERS

if TYPE_CHECKING:
    from retinue.models import Model


def find_model(
    name: str | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    **options: Any,
) -> "Model":
    """The model of that name, ready to be asked.

    Without a name it is the one that `retinue.models.auto` finds: of the first vendor to whom there
    is a key, else one of a server on this machine, else the demo.

    Args:
        name: "provider:name"; "demo" needs no more, and "gpt-...", "claude-...", "gemini-..." say
            whose they are. Models that their vendor has shut down stand for their successors, and a
            warning in the log says for which; not so at an address of your own.
        base_url, api_key: Where a provider is reached, and the key to it. Where they are not given,
            the variables count that are customary with it (OPENAI_BASE_URL, OPENAI_API_KEY,
            OLLAMA_HOST, OLLAMA_API_KEY); but a key in a variable is shown at no `base_url` that is
            given: its own comes with it, or none. Models that need neither take no notice of them.
            Without a name, `base_url` is where to look for Ollama, and `api_key` that of OpenAI.
        options: Of the provider, by its own names.

    Raises:
        UnknownModel: No such provider, model, file or option; the hint says what there is.
        ModelUnauthorized: It needs a key, and there is none.
        ModelRejected: The address is none.
    """
    api_key = ApiKey.of(api_key)
    if name is None:
        keys = ["openai"] if api_key else [each for each in PROVIDERS if _key_of(each)]
        name, base_url = _automatic(keys, base_url)
    full = whole(name)
    provider, _, rest = full.partition(":")
    if provider not in PROVIDERS:
        raise _unknown(name)
    base_url, api_key = _way(provider, base_url, api_key)
    if base_url is None and full != (now := today(full)):
        event(logging.WARNING, "model has another name now", asked=name, now=now)
        rest = now.partition(":")[2]
    given = {"base_url": base_url, "api_key": api_key}
    return _made(provider, rest, given, options)


def provider_of(name: str) -> str:
    """Who `find_model` would ask for a model of that name: "openai" for "gpt-4"; perhaps nobody."""
    return whole(name).partition(":")[0]


def is_customary(provider: str, address: str, *, own: str) -> bool:
    """Whether what the environment says for a provider is meant for this address.

    It is for the provider's own address, and for that in the variable beside it, and for no other.

    Args:
        provider: "anthropic", say.
        address: Where a model is asked.
        own: The provider's.
    """
    written = _address_of(provider)
    try:
        return address == own or (written is not None and _bare(written) == _bare(address))
    except ModelRejected:  # what stands in the variable is no address
        return False


async def list_models(
    provider: str, *, base_url: str | None = None, api_key: str | None = None
) -> tuple[str, ...]:
    """The models a provider offers now, as `find_model` would find them; none where it has no list.

    Args:
        provider: "openai", "ollama", "compatible", ...
        base_url, api_key: As of `find_model`.

    Raises:
        UnknownModel: No such provider.
        ModelError: It cannot be reached, or refuses.
    """
    api_key = ApiKey.of(api_key)
    if provider not in PROVIDERS:
        raise _unknown(provider)
    offered = PROVIDERS[provider].offered
    if offered is None:
        return ()
    ask = cast("Callable[..., Awaitable[tuple[str, ...]]]", _load(offered))
    base_url, api_key = _way(provider, base_url, api_key)
    names = await ask(provider, base_url=base_url, api_key=api_key)
    return tuple([f"{provider}:{name}" for name in names])


class _Factory(Protocol):
    __kwdefaults__: dict[str, Any] | None

    def __call__(self, name: str, /, **options: Any) -> "Model": ...


class _Automatic(Protocol):
    def __call__(self, *, keys: Collection[str], ollama: str | None) -> tuple[str, str | None]: ...


def _made(
    provider: str, rest: str, given: dict[str, str | None], options: dict[str, Any]
) -> "Model":
    factory = cast(_Factory, _load(PROVIDERS[provider].factory))
    declared = factory.__kwdefaults__ or {}
    if unknown := options.keys() - declared.keys():
        known = ", ".join(sorted(declared.keys() - given.keys())) or "none"
        raise UnknownModel(
            f"Models of {provider!r} have no option {min(unknown)!r}",
            hint=f"Leave it out. Known options: {known}.",
        )
    return factory(rest, **{k: v for k, v in given.items() if k in declared}, **options)


def _automatic(keys: Collection[str], ollama: str | None) -> tuple[str, str | None]:
    """The model of somebody who has named none, and where it answers, if no variable says that."""
    look = cast("_Automatic", _load("auto:automatic"))
    name, found = look(keys=keys, ollama=ollama or _address_of("ollama"))
    return name, None if name.startswith("ollama:") and not ollama else found


def _way(
    provider: str, base_url: str | None, api_key: ApiKey | None
) -> tuple[str | None, ApiKey | None]:
    """The address and the key, where they are not given by the provider's variables.

    A key in a variable belongs to its vendor, or to the address in the variable beside it, and is
    shown nowhere else.
    """
    if base_url:
        return base_url, api_key
    return _address_of(provider), api_key or _key_of(provider)


def _key_of(provider: str) -> ApiKey | None:
    """What stands in the variables where people keep a key of this provider."""
    found = [key for name in PROVIDERS[provider].keys if (key := os.environ.get(name))]
    return ApiKey(found[0]) if found else None


def _address_of(provider: str) -> str | None:
    """What stands in the variable where people keep its address."""
    variable = PROVIDERS[provider].address
    return (os.environ.get(variable) or None) if variable else None


def _bare(written: str) -> str:
    """The address without the version of the API."""
    return base_url_of(written).removesuffix("/v1")


def _unknown(name: str) -> UnknownModel:
    provider, colon, _ = name.partition(":")
    near = get_close_matches(provider, PROVIDERS, n=1)
    if near:
        maybe = f"Did you mean {near[0]!r}? "
    elif colon:
        maybe = f"If it is one of Ollama's: 'ollama:{name}'. "
    else:
        maybe = ""
    known = ", ".join(provider.form for provider in PROVIDERS.values())
    return UnknownModel(
        f"No model {name!r}",
        hint=f"{maybe}A model is named provider:name. There is now: {known}.",
    )


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)
