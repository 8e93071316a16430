"""Providers: who offers models, what they need beside retinue itself, and where people keep what
they want to see.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, NamedTuple


class Provider(NamedTuple):
    """Who offers models.

    Args:
        form: How they are named.
        factory: Where it makes them.
        offered: Where it lists them; None: it has no list.
        keys: The variables in which it is customary to keep a key of theirs, the strongest first,
            and last the one to be recommended.
        address: The one for their address.
        package: What is imported to ask them; "" where that is nobody else's.
        extra: Of retinue, with which it comes.
        is_needed: Whether they cannot be asked without it.
        usual: The model of theirs that somebody gets who names none.
    """

    form: str
    factory: str
    offered: str | None = None
    keys: tuple[str, ...] = ()
    address: str | None = None
    package: str = ""
    extra: str = ""
    is_needed: bool = True
    usual: str | None = None

    def key_wanted(self, *, elsewhere: bool) -> str:
        """What to do where a key is missing, or refused.

        Args:
            elsewhere: At an address that is not their own.
        """
        if not self.keys:
            return "Set api_key in that endpoint."
        if elsewhere:
            return f"Set api_key in that endpoint, or {self.keys[-1]} beside {self.address}."
        return f"Set {self.keys[-1]}, or api_key of the endpoint; `retinue setup` asks for it."

    @property
    def is_installed(self) -> bool:
        """Whether all that they need is here; nothing is loaded for that."""
        above = self.package.rpartition(".")[0]
        there = not (above and find_spec(above) is None)
        return not self.package or (there and find_spec(self.package) is not None)

    @property
    def missing(self) -> str | None:
        """The command that brings what they cannot be asked without; None where all is here."""
        if not self.is_needed or self.is_installed:
            return None
        return f"pip install 'retinue[{self.extra}]'"


PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {
        "anthropic": Provider(
            "anthropic:NAME",
            "anthropic:find",
            "anthropic:offered",
            keys=("ANTHROPIC_API_KEY",),
            address="ANTHROPIC_BASE_URL",
            package="anthropic",
            extra="anthropic",
            usual="anthropic:claude-sonnet-5-5",
        ),
        "claude_agent": Provider(
            "claude_agent:NAME",
            "claude_agent:find",
            keys=("ANTHROPIC_API_KEY",),
            address="ANTHROPIC_BASE_URL",
            package="claude_agent_sdk",
            extra="claude",
            usual="claude_agent:claude-sonnet-5-5",
        ),
        "openai": Provider(
            "openai:NAME",
            "openai:find",
            "openai:offered",
            keys=("OPENAI_API_KEY",),
            address="OPENAI_BASE_URL",
            package="openai",
            extra="openai",
            is_needed=False,
            usual="openai:gpt-6.1-sol",
        ),
        # Where both keys are set, the vendor's own package takes GOOGLE_API_KEY:
        # get_env_api_key in google/genai/_api_client.py.
        "gemini": Provider(
            "gemini:NAME",
            "gemini:find",
            "gemini:offered",
            keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            address="GOOGLE_GEMINI_BASE_URL",
            package="google.genai",
            extra="gemini",
            usual="gemini:gemini-4-argon",
        ),
        "ollama": Provider(
            "ollama:NAME",
            "ollama:find",
            "ollama:offered",
            keys=("OLLAMA_API_KEY",),
            address="OLLAMA_HOST",
        ),
        "compatible": Provider("compatible:NAME", "compatible:find", "compatible:offered"),
        "demo": Provider("demo", "demo:find"),
        "scripted": Provider("scripted:FILE.json", "scripted:find"),
        "replay": Provider("replay:FILE.jsonl", "replay:find"),
    }
)
"""By what stands before the colon of a name."""
