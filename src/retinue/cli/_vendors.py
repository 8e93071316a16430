"""Vendors: who offers models by a package of their own, and when they can be asked for a list."""

from contextlib import suppress
from importlib import import_module
from typing import Final

from retinue.app import Way, keys_in
from retinue.models import PROVIDERS, provider_of
from retinue.models.auto import passed_over
from retinue.settings import Settings

VENDORS: Final = {name: each for name, each in PROVIDERS.items() if each.package}
"""By the name of the provider."""


def has_list(way: Way) -> bool:
    """Whether those who are asked there tell which models they have."""
    provider = PROVIDERS.get(provider_of(way.name))
    # Vertex AI lists models in another way, and not by name.
    return provider is not None and bool(provider.offered) and not way.options.get("vertexai")


def keys_without_package(settings: Settings) -> dict[str, str]:
    """The vendors whose model would answer now but for a package, with the command that brings
    it.
    """
    return passed_over(keys_in(settings)) if settings.model == "auto" else {}


def load_package(provider: str) -> None:
    """Load what the provider needs, if it is here; that may take more than a second, for which no
    server is to be blamed.
    """
    if provider in VENDORS:
        with suppress(ImportError):
            import_module(VENDORS[provider].package)
