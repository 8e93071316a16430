"""find_model: from a name to a model. Each provider is loaded only when it is chosen.

A factory gets what stands after the colon, and the options it declares by name; it puts the guard
(`Guarded`) around a model that may go silent or break off.
"""

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from retinue.errors import UnknownModel

if TYPE_CHECKING:
    from retinue.models import Model

_PROVIDERS: Final = {
    "demo": ("demo:find", "demo"),
    "scripted": ("scripted:find", "scripted:FILE.json"),
    "replay": ("replay:find", "replay:FILE.jsonl"),
}
"""Who offers models: where its factory is, and how its models are named."""


def find_model(
    name: str, *, base_url: str | None = None, api_key: str | None = None, **options: Any
) -> "Model":
    """The model of that name, ready to be asked.

    Args:
        name: "provider:name"; "demo" needs no more.
        base_url, api_key: Where a provider is reached, and the key to it; models that need neither
            take no notice of them.
        options: Of the provider, by its own names.

    Raises:
        UnknownModel: No such provider, model, file or option; the hint says what there is.
    """
    provider, _, rest = name.partition(":")
    if provider not in _PROVIDERS:
        near = get_close_matches(provider, _PROVIDERS, n=1)
        maybe = f"Did you mean {near[0]!r}? " if near else ""
        known = ", ".join(form for _, form in _PROVIDERS.values())
        raise UnknownModel(
            f"No model {name!r}",
            hint=f"{maybe}A model is named provider:name. There is now: {known}.",
        )
    factory = cast(_Factory, _load(_PROVIDERS[provider][0]))
    declared = factory.__kwdefaults__ or {}
    given = {"base_url": base_url, "api_key": api_key}
    if unknown := options.keys() - declared.keys():
        known = ", ".join(sorted(declared.keys() - given.keys())) or "none"
        raise UnknownModel(
            f"Models of {provider!r} have no option {min(unknown)!r}",
            hint=f"Leave it out. Known options: {known}.",
        )
    return factory(rest, **{k: v for k, v in given.items() if k in declared}, **options)


class _Factory(Protocol):
    __kwdefaults__: dict[str, Any] | None

    def __call__(self, name: str, /, **options: Any) -> "Model": ...


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)
