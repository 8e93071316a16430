"""Vendors: what their models need beside retinue itself, and where people keep their keys; and
where a server of one's own usually answers.
"""

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple

LLAMA_SERVER: Final = "http://127.0.0.1:8080/v1"


class Vendor(NamedTuple):
    """Who offers models for money.

    Args:
        package: What is imported to ask them; it comes with the extra that is called as they are.
        variable: Where it is customary to keep a key of theirs.
        is_needed: Whether they cannot be asked without the package.
    """

    package: str
    variable: str
    is_needed: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether the package is here; it is not loaded for that."""
        above = self.package.rpartition(".")[0]
        return not (above and find_spec(above) is None) and find_spec(self.package) is not None


VENDORS: Final = {
    "anthropic": Vendor("anthropic", "ANTHROPIC_API_KEY"),
    "openai": Vendor("openai", "OPENAI_API_KEY", is_needed=False),
    "gemini": Vendor("google.genai", "GEMINI_API_KEY"),
}
"""By the name of the provider."""


def load_package(provider: str) -> None:
    """Load what the provider needs, if it is here; that may take more than a second, for which no
    server is to be blamed.
    """
    if provider in VENDORS:
        with suppress(ImportError):
            import_module(VENDORS[provider].package)
