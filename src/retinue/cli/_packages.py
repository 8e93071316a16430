"""Packages: what the models of some vendors need beside retinue itself."""

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple


class Package(NamedTuple):
    """A package of a vendor.

    Args:
        name: What is imported.
        needed: Whether the models of the vendor cannot be asked without.
    """

    name: str
    needed: bool = True


PACKAGES: Final = {
    "anthropic": Package("anthropic"),
    "openai": Package("openai", needed=False),
    "gemini": Package("google.genai"),
}
"""By provider; each comes with the extra of that name."""


def is_installed(package: Package) -> bool:
    """Whether it is here; it is not loaded for that."""
    above, _, _ = package.name.rpartition(".")
    return (not above or find_spec(above) is not None) and find_spec(package.name) is not None


def load_package(provider: str) -> None:
    """Load what the provider needs, which may take more than a second; else it is done later."""
    if provider in PACKAGES:
        with suppress(ImportError):
            import_module(PACKAGES[provider].name)
