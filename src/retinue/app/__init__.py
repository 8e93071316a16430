"""app: turns settings into wired objects. Choices are made here, once, and nowhere below."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from retinue.agents import Agent, assistant
from retinue.errors import ToolDenied, UnknownModel
from retinue.messages import FrozenDict, ToolCall
from retinue.models import PROVIDERS, Model, Usage, find_model, provider_of
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

if TYPE_CHECKING:
    from retinue.models.budget import Purse
    from retinue.models.prices import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What a door opens to.

    Args:
        name: What the agent is called that is asked first.
        model: The one it answers with.
        others: Those that answer where it cannot.
        max_cost: US dollars that one run may cost, by estimate.
        max_tokens: What one run may send and receive.
        tools: What the agent may use.
        wire: Makes that agent around a model.
    """

    name: str
    model: Model
    others: tuple[Model, ...]
    max_cost: float | None
    max_tokens: int | None
    tools: Toolbox
    wire: Callable[[Model], Agent]

    def purse(self) -> "Purse | None":
        """What one run may spend; None where there is no limit."""
        if self.max_cost is None and self.max_tokens is None:
            return None
        decimal = import_module("decimal").Decimal
        cost = None if self.max_cost is None else decimal(str(self.max_cost))
        return import_module("retinue.models.budget").Purse(cost=cost, tokens=self.max_tokens)

    def host(self, purse: "Purse | None" = None) -> Agent:
        """The agent that is asked first, for one run.

        Args:
            purse: What the run may spend; by default a new one.

        Raises:
            SettingsError, MissingExtra: The purse is in money, and the price of a model is not
                known.
        """
        model, *others = self._paid(purse or self.purse())
        if others:
            model = import_module("retinue.models.fallback").Fallback(model, *others)
        return self.wire(model)

    def tool(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        return next((tool for tool in self.tools.tools if tool.spec.name == name), None)

    def cost(self, model: str, usage: Usage) -> "Cost | None":
        """What a call cost that the model of that name answered, by estimate; None: not known.

        Where somebody is paid, the first call of this loads the table of prices: half a second.
        """
        prices = import_module("retinue.models.prices")
        for each in (self.model, *self.others):
            if each.name == model:
                return prices.price_of(each, usage)
        return prices.cost_of(model, usage)

    def _paid(self, purse: "Purse | None") -> list[Model]:
        """All models, with one purse for them where there is a limit."""
        models = [self.model, *self.others]
        if purse is None:
            return models
        budgeted = import_module("retinue.models.budget").Budgeted
        paid = [budgeted(model, purse) for model in models]
        for model in paid:
            model.check_price()
        return paid


def build(settings: Settings, *, ask: Ask = ask_on_console) -> App:
    """Wire everything that these settings choose; nothing is started.

    Args:
        settings: What was chosen.
        ask: How a person is asked whether a tool may be used, where somebody may be asked.

    Raises:
        UnknownModel, UnknownTool: What was chosen is not there.
        SettingsError: A key that is needed cannot be read.
    """
    model = _chosen(settings, settings.model, by="model")
    others = [_chosen(settings, name, by="fallback") for name in settings.fallback]
    tools = _tools(settings, ask)
    wire = partial(_host, settings=settings, tools=tools)
    return App(
        name=settings.name,
        model=model,
        others=tuple(others),
        max_cost=settings.max_cost,
        max_tokens=settings.max_tokens,
        tools=tools,
        wire=wire,
    )


class Way(NamedTuple):
    """How a model is found: what `find_model` is given."""

    name: str
    base_url: str | None = None
    api_key: Secret | None = None
    options: Mapping[str, Any] = FrozenDict()


def way_to(settings: Settings, model: str) -> Way:
    """How the model of that name is found, which may be an endpoint of the settings, or "auto".

    The key and the address are those that the settings have for its provider, and no other's; an
    endpoint with an address of its own is shown no key but its own. For "auto" the servers on this
    machine are asked where there is no key; see `retinue.models.auto`.

    Raises:
        ModelRejected: For "auto", where Ollama should be is no address.
    """
    if model == "auto":
        auto = import_module("retinue.models.auto").automatic
        name, base_url = auto(keys=keys_in(settings), ollama=settings.ollama_url)
        return way_to(settings, name)._replace(base_url=base_url)
    endpoint = settings.models.get(model)
    if endpoint is not None:
        usual = way_to(settings, f"{endpoint.provider}:") if endpoint.base_url is None else Way("")
        return Way(
            endpoint.name,
            endpoint.base_url or usual.base_url,
            endpoint.api_key or usual.api_key,
            endpoint.options,
        )
    match provider_of(model):
        case "anthropic" | "claude_agent":
            return Way(model, None, settings.anthropic_api_key)
        case "gemini":
            return Way(model, None, settings.gemini_api_key)
        case "ollama":
            return Way(model, settings.ollama_url, settings.ollama_api_key)
        case "openai":
            return Way(model, None, settings.openai_api_key)
        case _:
            return Way(model)


def keys_in(settings: Settings) -> tuple[str, ...]:
    """The providers to whom the settings have a key."""
    return tuple([each for each in PROVIDERS if way_to(settings, f"{each}:").api_key is not None])


def model_of(settings: Settings, model: str) -> Model:
    """The model of that name, with the key and the address that the settings have for it.

    Raises:
        UnknownModel: There is none.
        SettingsError: A key that is needed cannot be read.
    """
    way = way_to(settings, model)
    return find_model(
        way.name,
        base_url=way.base_url,
        api_key=way.api_key.reveal() if way.api_key is not None else None,
        **way.options,
    )


def _chosen(settings: Settings, model: str, *, by: str) -> Model:
    try:
        return model_of(settings, model)
    except UnknownModel as error:
        hint = f"{error.hint or ''} Without a key: --model demo".strip()
        raise UnknownModel(f"{error} (chosen by {settings.origin(by)})", hint=hint) from error


def _host(model: Model, *, settings: Settings, tools: Toolbox) -> Agent:
    return assistant(
        settings.name,
        model=model,
        system=settings.prompt,
        tools=tools,
        max_steps=settings.max_steps,
        max_tokens=settings.answer_tokens,
        temperature=settings.temperature,
    )


def _tools(settings: Settings, ask: Ask) -> Toolbox:
    tools = as_toolbox(find_tools(settings.tools))
    return Policed(tools, DEFAULT_RULES, ask if settings.human_in_loop else _ask_nobody)


async def _ask_nobody(call: ToolCall, _: Tool) -> bool:
    raise ToolDenied(
        f"{call.name!r} needs approval, and nobody may be asked",
        hint="Set RETINUE_HUMAN_IN_LOOP=true, and ask in a terminal.",
    )
