"""app: turns settings into wired objects. Choices are made here, once, and nowhere below."""

from dataclasses import dataclass

from retinue.agents import Agent, assistant
from retinue.errors import ToolDenied, UnknownModel
from retinue.messages import ToolCall
from retinue.models import Model, find_model, provider_of
from retinue.settings import Secret, Settings
from retinue.tools import (
    DEFAULT_RULES,
    Ask,
    Policed,
    Tool,
    Toolbox,
    as_toolbox,
    ask_on_console,
    find_tools,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What a door opens to.

    Args:
        host: The agent that is asked first.
        model: The one it answers with.
    """

    host: Agent
    model: Model


def build(settings: Settings, *, ask: Ask = ask_on_console) -> App:
    """Wire everything that these settings choose; nothing is started.

    Args:
        settings: What was chosen.
        ask: How a person is asked whether a tool may be used, where somebody may be asked.

    Raises:
        UnknownModel, UnknownTool: What was chosen is not there.
        SettingsError: A key that is needed cannot be read.
    """
    model = _model(settings)
    host = assistant(
        settings.name,
        model=model,
        system=settings.prompt,
        tools=_tools(settings, ask),
        max_steps=settings.max_steps,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
    )
    return App(host=host, model=model)


def _model(settings: Settings) -> Model:
    endpoint = settings.models.get(settings.model)
    try:
        if settings.model == "auto":
            key = _revealed(settings.openai_api_key)
            return find_model(base_url=settings.ollama_url, api_key=key)
        if endpoint is None:
            return find_model(settings.model, **_customary(settings))
        name = endpoint.model if ":" in endpoint.model else f"compatible:{endpoint.model}"
        return find_model(name, base_url=endpoint.base_url, api_key=_revealed(endpoint.api_key))
    except UnknownModel as error:
        where = settings.origin("model")
        hint = f"{error.hint or ''} Without a key: --model demo".strip()
        raise UnknownModel(f"{error} (chosen by {where})", hint=hint) from error


def _customary(settings: Settings) -> dict[str, str | None]:
    """The key or the address that the settings have for the provider of the model, and no other."""
    match provider_of(settings.model):
        case "openai":
            return {"api_key": _revealed(settings.openai_api_key)}
        case "ollama":
            return {"base_url": settings.ollama_url}
        case _:
            return {}


def _tools(settings: Settings, ask: Ask) -> Toolbox:
    tools = as_toolbox(find_tools(settings.tools))
    return Policed(tools, DEFAULT_RULES, ask if settings.human_in_loop else _ask_nobody)


async def _ask_nobody(call: ToolCall, _: Tool) -> bool:
    raise ToolDenied(
        f"{call.name!r} needs approval, and nobody may be asked",
        hint="Set RETINUE_HUMAN_IN_LOOP=true, and ask in a terminal.",
    )


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None
