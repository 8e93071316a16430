"""find_model: from a name to a model. Each provider is loaded only when it is chosen.

A factory gets what stands after the colon, and the options it declares by name; it puts the guard
(`Guarded`) around a model that may go silent or break off.
"""

import logging
import os
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

from retinue.errors import UnknownModel
from retinue.telemetry import event

from ._names import today, whole

if TYPE_CHECKING:
    from retinue.models import Model


class _Provider(NamedTuple):
    """Who offers models.

    Args:
        factory: Where it makes them.
        form: How they are named.
        offered: Where it lists them.
        key, address: The variables in which it is customary to keep these.
    """

    factory: str
    form: str
    offered: str | None = None
    key: str | None = None
    address: str | None = None


_PROVIDERS: Final = {
    "anthropic": _Provider(
        "anthropic:find",
        "anthropic:NAME",
        "anthropic:offered",
        key="ANTHROPIC_API_KEY",
        address="ANTHROPIC_BASE_URL",
    ),
    "claude_agent": _Provider(
        "claude_agent:find",
        "claude_agent:NAME",
        key="ANTHROPIC_API_KEY",
        address="ANTHROPIC_BASE_URL",
    ),
    "openai": _Provider(
        "openai:find",
        "openai:NAME",
        "openai:offered",
        key="OPENAI_API_KEY",
        address="OPENAI_BASE_URL",
    ),
    "gemini": _Provider(
        "gemini:find",
        "gemini:NAME",
        "gemini:offered",
        key="GEMINI_API_KEY",
        address="GOOGLE_GEMINI_BASE_URL",
    ),
    "ollama": _Provider(
        "ollama:find",
        "ollama:NAME",
        "ollama:offered",
        key="OLLAMA_API_KEY",
        address="OLLAMA_HOST",
    ),
    "compatible": _Provider("compatible:find", "compatible:NAME", "compatible:offered"),
    "demo": _Provider("demo:find", "demo"),
    "scripted": _Provider("scripted:find", "scripted:FILE.json"),
    "replay": _Provider("replay:find", "replay:FILE.jsonl"),
}


PROVIDERS: Final = tuple(_PROVIDERS)
"""What may stand before the colon of a name."""


def find_model(
    name: str | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    **options: Any,
) -> "Model":
    """The model of that name, ready to be asked.

    Without a name: OpenAI's where there is a key, else the model that Ollama has loaded, else that
    of a llama-server on port 8080, else the demo. The two servers are asked for 0.2 s at most.

    Args:
        name: "provider:name"; "demo" needs no more, and "gpt-...", "claude-...", "gemini-..." say
            whose they are. Models that their vendor has shut down stand for their successors, and a
            warning in the log says for which; not so at an address of your own.
        base_url, api_key: Where a provider is reached, and the key to it. Where they are not given,
            the variable counts that is customary with it (OPENAI_BASE_URL, OPENAI_API_KEY,
            OLLAMA_HOST, OLLAMA_API_KEY). Models that need neither take no notice of them. Without a
            name, `base_url` is where to look for Ollama, and `api_key` that of OpenAI.
        options: Of the provider, by its own names.

    Raises:
        UnknownModel: No such provider, model, file or option; the hint says what there is.
        ModelUnauthorized: It needs a key, and there is none.
        ModelRejected: The address is none.
    """
    if name is None:
        has_key = bool(api_key or _customary("openai", "key"))
        look = cast("_Automatic", _load("_auto:automatic"))
        name, base_url = look(has_key=has_key, ollama=base_url or _customary("ollama", "address"))
    full = whole(name)
    provider, _, rest = full.partition(":")
    if provider not in _PROVIDERS:
        raise _unknown(name)
    base_url = base_url or _customary(provider, "address")
    if base_url is None and full != (now := today(full)):
        event(logging.WARNING, "model has another name now", asked=name, now=now)
        rest = now.partition(":")[2]
    given = {"base_url": base_url, "api_key": api_key or _customary(provider, "key")}
    return _made(provider, rest, given, options)


def provider_of(name: str) -> str:
    """Who `find_model` would ask for a model of that name: "openai" for "gpt-4"; perhaps nobody."""
    return whole(name).partition(":")[0]


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
    if provider not in _PROVIDERS:
        raise _unknown(provider)
    offered = _PROVIDERS[provider].offered
    if offered is None:
        return ()
    ask = cast("Callable[..., Awaitable[tuple[str, ...]]]", _load(offered))
    names = await ask(
        provider,
        base_url=base_url or _customary(provider, "address"),
        api_key=api_key or _customary(provider, "key"),
    )
    return tuple([f"{provider}:{name}" for name in names])


class _Factory(Protocol):
    __kwdefaults__: dict[str, Any] | None

    def __call__(self, name: str, /, **options: Any) -> "Model": ...


class _Automatic(Protocol):
    def __call__(self, *, has_key: bool, ollama: str | None) -> tuple[str, str | None]: ...


def _made(
    provider: str, rest: str, given: dict[str, str | None], options: dict[str, Any]
) -> "Model":
    factory = cast(_Factory, _load(_PROVIDERS[provider].factory))
    declared = factory.__kwdefaults__ or {}
    if unknown := options.keys() - declared.keys():
        known = ", ".join(sorted(declared.keys() - given.keys())) or "none"
        raise UnknownModel(
            f"Models of {provider!r} have no option {min(unknown)!r}",
            hint=f"Leave it out. Known options: {known}.",
        )
    return factory(rest, **{k: v for k, v in given.items() if k in declared}, **options)


def _customary(provider: str, what: str) -> str | None:
    """What stands in the variable where people keep the key or the address of this provider."""
    variable = getattr(_PROVIDERS[provider], what)
    return (os.environ.get(variable) or None) if variable else None


def _unknown(name: str) -> UnknownModel:
    provider, colon, _ = name.partition(":")
    near = get_close_matches(provider, _PROVIDERS, n=1)
    if near:
        maybe = f"Did you mean {near[0]!r}? "
    elif colon:
        maybe = f"If it is one of Ollama's: 'ollama:{name}'. "
    else:
        maybe = ""
    known = ", ".join(provider.form for provider in _PROVIDERS.values())
    return UnknownModel(
        f"No model {name!r}",
        hint=f"{maybe}A model is named provider:name. There is now: {known}.",
    )


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)
