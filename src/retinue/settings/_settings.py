"""Settings: the table of everything that can be chosen, its names, kinds and defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Final, Literal

from retinue.errors import MissingExtra, SettingsError

from ._endpoint import Endpoint
from ._kinds import (
    ADDRESS,
    KEY,
    NAME,
    NAMES,
    OLLAMA,
    SECONDS,
    STORE,
    SWITCH,
    TEXT,
    Kind,
    number,
    one_of,
    whole,
)
from ._persona import PERSONA_FILE, Persona
from ._secret import Secret, mask, password_of

type Layer = Literal["flag", "environment", "project", "user", "default"]
"""Where a value may come from, the strongest first."""

type FileState = Literal["read", "absent", "unknown", "changed"]
"""Of a file of settings; a project's that is not trusted is unknown, or changed since it was."""


DOLLARS: Final = number(0, 1_000_000, " of dollars")
SANDBOX: Final = one_of("local", "docker", "off")
LEVEL: Final = one_of("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the layer, and the flag, variable or file in it."""

    layer: Layer
    where: str = ""

    def __str__(self) -> str:
        return self.where or self.layer


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked for."""

    layer: Layer
    path: Path
    state: FileState


class Written:
    """How a setting is written: its kind, and the variables that set it beside RETINUE_<NAME>."""

    def __init__(self, kind: Kind, *variables: str) -> None:
        self.kind = kind
        self.variables = variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was chosen. Made by `load`; in tests by hand.

    Each is set by RETINUE_<NAME>, by the variables beside it, and by its name in a TOML file.
    """

    model: Annotated[str, Written(NAME, "DEFAULT_MODEL")] = "auto"
    """As `find_model` would find it, or the name of one of `models`; "auto" takes what is there."""
    fallback: Annotated[tuple[str, ...], Written(NAMES)] = ()
    """Models that answer where it cannot, the first that can."""
    system: Annotated[str | None, Written(TEXT)] = None
    """Instructions; models are told `prompt`, which holds them."""
    name: Annotated[str, Written(NAME)] = "retinue"
    """What the assistant is called; a persona's name, unless one is set where it is, or nearer."""
    persona: Annotated[Persona | None, Written(PERSONA_FILE)] = None
    """Who the assistant is."""
    tools: Annotated[tuple[str, ...], Written(NAMES)] = ("clock", "calculator")
    temperature: Annotated[float | None, Written(number(0, 2), "TEMPERATURE")] = None
    answer_tokens: Annotated[int | None, Written(whole(1), "MAX_TOKENS")] = None
    """Of each answer of the model; the customary variable means these, too."""
    max_tokens: Annotated[int | None, Written(whole(1))] = None
    """Of one run, sent and received: of all that models are asked until a question is answered."""
    max_cost: Annotated[float | None, Written(DOLLARS)] = None
    """US dollars of one run, by estimate."""
    max_steps: Annotated[int, Written(whole(1))] = 20
    """How often the model may be called in one turn."""
    max_rounds: Annotated[int, Written(whole(1), "AUTOGEN_MAX_ROUNDS")] = 50
    """Of a discussion of several agents."""
    timeout: Annotated[float | None, Written(SECONDS, "AUTOGEN_TIMEOUT")] = None
    """Seconds for a whole answer."""
    code_execution: Annotated[str, Written(SANDBOX, "AUTOGEN_CODE_EXECUTION")] = "local"
    """Where code of agents runs; "local" is the sandbox on this machine."""
    human_in_loop: Annotated[bool, Written(SWITCH, "ENABLE_HUMAN_IN_LOOP")] = True
    """Whether somebody may be asked; without, what needs approval is denied."""
    ollama_url: Annotated[str, Written(OLLAMA, "OLLAMA_HOST")] = "http://127.0.0.1:11434"
    """Where Ollama answers."""
    anthropic_api_key: Annotated[Secret | None, Written(KEY, "ANTHROPIC_API_KEY")] = None
    gemini_api_key: Annotated[Secret | None, Written(KEY, "GOOGLE_API_KEY", "GEMINI_API_KEY")] = (
        None
    )
    """Of both variables the vendor's own package takes the first."""
    ollama_api_key: Annotated[Secret | None, Written(KEY, "OLLAMA_API_KEY")] = None
    """Shown at `ollama_url`, where somebody put a door before it."""
    openai_api_key: Annotated[Secret | None, Written(KEY, "OPENAI_API_KEY")] = None
    api_key_secret: Annotated[Secret | None, Written(KEY, "API_KEY_SECRET")] = None
    """What the server's own keys are made with."""
    store: Annotated[str | None, Written(STORE)] = None
    """Where conversations are kept: a file, "memory:" (nowhere) or "postgresql://..."; None is the
    person's own file."""
    redis_url: Annotated[Secret | None, Written(ADDRESS, "REDIS_URL")] = None
    postgres_url: Annotated[Secret | None, Written(ADDRESS, "POSTGRES_URL")] = None
    host: Annotated[str, Written(NAME, "APP_HOST")] = "127.0.0.1"
    """Where the server listens."""
    port: Annotated[int, Written(whole(0, 65535), "APP_PORT")] = 8000
    debug: Annotated[bool, Written(SWITCH, "APP_DEBUG")] = False
    """Debug lines in the log, and tracebacks."""
    log_level: Annotated[str, Written(LEVEL, "AUTOGEN_LOG_LEVEL", "LOG_LEVEL")] = "warning"
    log: Annotated[str, Written(one_of("auto", "text", "json"))] = "auto"
    """Log lines for a person or a machine; "auto" looks at who reads them."""
    metrics: Annotated[bool, Written(SWITCH, "METRICS_ENABLED")] = False

    models: Mapping[str, Endpoint] = field(default_factory=dict[str, Endpoint])
    """Endpoints by name."""
    origins: Mapping[str, Origin] = field(
        default_factory=dict[str, Origin], compare=False, repr=False
    )
    """Where each value came from; endpoints as "models.<name>"."""
    sources: tuple[Source, ...] = field(default=(), compare=False, repr=False)
    """The files that were looked for."""
    ignored: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """Variables that look like ours and are none of ours."""

    @property
    def prompt(self) -> str | None:
        """What every model is told above the conversation: who it is, then `system`."""
        persona = self.persona.prompt() if self.persona is not None else ""
        return "\n\n".join([part for part in (persona, self.system) if part]) or None

    def origin(self, name: str) -> Origin:
        """Where the value of `name` came from."""
        return self.origins.get(name, Origin("default"))

    def secrets(self) -> dict[str, str]:
        """Every secret that can be known, with the mask to show instead of it."""
        found: dict[str, str] = {}
        keys = [getattr(self, option.name) for option in OPTIONS]
        for key in (*keys, *[endpoint.api_key for endpoint in self.models.values()]):
            if isinstance(key, Secret):
                try:
                    value = key.reveal()
                except (SettingsError, MissingExtra):
                    continue
                found[value] = mask(value)
                if password := password_of(value):
                    found[password] = "…"
        return {value: shown for value, shown in found.items() if value != shown}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as it can be chosen: its name, its kind, and the variables, strongest first."""

    name: str
    kind: Kind
    variables: tuple[str, ...]


def _options() -> Iterator[Option]:
    for each in fields(Settings):
        match getattr(each.type, "__metadata__", ()):
            case (Written(kind=kind, variables=variables),):
                own = f"RETINUE_{each.name.upper()}"
                yield Option(each.name, kind, (own, *variables))
            case _:
                pass


OPTIONS: Final = tuple(_options())
"""The table above, as `load` goes through it."""
