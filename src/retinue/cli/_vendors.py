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
        package: What is imported to ask them.
        extra: Of retinue, with which that comes.
        variable: Where it is customary to keep a key of theirs.
        is_needed: Whether they cannot be asked without the package.
        has_list: Whether they tell which models they have.
    """

    package: str
    extra: str
    variable: str
    is_needed: bool = True
    has_list: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether the package is here; it is not loaded for that."""
        above = self.package.rpartition(".")[0]
        return not (above and find_spec(above) is None) and find_spec(self.package) is not None


VENDORS: Final = {
    "anthropic": Vendor("anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    "claude_agent": Vendor("claude_agent_sdk", "claude", "ANTHROPIC_API_KEY", has_list=False),
    "openai": Vendor("openai", "openai", "OPENAI_API_KEY", is_needed=False),
    "gemini": Vendor("google.genai", "gemini", "GEMINI_API_KEY"),
}
"""By the name of the provider."""


def load_package(provider: str) -> None:
    """Load what the provider needs, if it is here; that may take more than a second, for which no
    server is to be blamed.
    """
    if provider in VENDORS:
        with suppress(ImportError):
            import_module(VENDORS[provider].package)
