"""The question which model to use: those on this machine, a vendor's, another server's, or none."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from retinue.errors import RetinueError
from retinue.models import LLAMA_SERVER
from retinue.settings import ENDPOINT, Endpoint, Secret, Settings

from ._around import Around, models_at
from ._choice import Choice
from ._dialogue import Dialogue
from ._key import ask_for_key
from ._vendor import A_MODEL, ask_for_vendors_model, vendors, word

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_TAKEN: Final = ("auto", "demo")
"""Names of models that no endpoint can have."""
_SHOWN: Final = 3
_MANY: Final = 20


def ask_for_model(dialogue: Dialogue, settings: Settings, around: Around) -> Choice:
    """Let the person choose among what there is; what they have now is the default."""
    ways = [*_ways(dialogue, settings, around)]
    while True:
        dialogue.say("\nWhich model should answer?", "bold")
        choice = ways[dialogue.number([label for label, _ in ways])][1]()
        if choice is not None:
            return choice


type _Way = tuple[str, Callable[[], Choice | None]]
"""What is offered, and what to ask then."""


def _ways(dialogue: Dialogue, settings: Settings, around: Around) -> Iterator[_Way]:
    if settings.origin("model").layer == "user":
        now = settings.model
        yield f"Leave it as it is: {now}", lambda: Choice(model=now)
    if names := around.ollama:
        yield f"Ollama: {_few(names)}", lambda: _ollama(dialogue, settings, names)
    if models := around.llama_server:
        yield f"llama-server: {_few(models)}", lambda: _llama_server(dialogue, models)
    for vendor, label in vendors():
        yield label, partial(ask_for_vendors_model, dialogue, settings, vendor)
    yield "Another server that speaks Chat Completions", lambda: _another(dialogue, settings)
    yield "The demo, which is no language model: to look around", lambda: Choice(model="demo")


def _ollama(dialogue: Dialogue, settings: Settings, models: Sequence[str]) -> Choice:
    return Choice(model=_one_of(dialogue, models, now=settings.model))


def _llama_server(dialogue: Dialogue, models: Sequence[str]) -> Choice:
    model = _bare(_one_of(dialogue, models))
    return Choice(model="llama-server", endpoint=Endpoint(base_url=LLAMA_SERVER, model=model))


def _another(dialogue: Dialogue, settings: Settings) -> Choice:
    now = settings.models.get(settings.model) or next(iter(settings.models.values()), None)
    address = dialogue.line(
        "Where does it answer?",
        _address,
        default=(now and now.base_url) or "http://127.0.0.1:8000/v1",
        expects=f"{ENDPOINT['base_url'].expects}, without a key in it",
    )
    names = {endpoint.base_url: name for name, endpoint in settings.models.items()}
    name = dialogue.line(
        "What do you call it?",
        _name,
        default=names.get(address) or _name_of(address),
        expects="a name of letters, digits, - and _ that is no model's own",
    )
    now = settings.models.get(name) or Endpoint(base_url=address, model="")
    # A key does not go to another machine because somebody pressed Enter.
    same = urlsplit(now.base_url or "").hostname == urlsplit(address).hostname
    variable = f"{name.upper().replace('-', '_')}_API_KEY"
    now_key = now.api_key if same else None
    key = ask_for_key(dialogue, name, variable=variable, now=now_key, without="It needs no key")
    model = _model_at(dialogue, address, key, now.model)
    chosen = Endpoint(base_url=address, model=model, api_key=key)
    if chosen.provider == now.provider:
        chosen = replace(chosen, options=now.options)
    return Choice(model=name, endpoint=chosen)


def _model_at(dialogue: Dialogue, address: str, key: Secret | None, now: str) -> str:
    """What to ask there for, as it goes into `[models.<name>]`."""
    try:
        models = models_at(address, key.reveal() if key is not None else None)
    except RetinueError as error:
        dialogue.complain(error, before="It does not say which models it has: ")
        models = ()
    if models:
        return _bare(_one_of(dialogue, models, now=f"compatible:{now.removeprefix('compatible:')}"))
    return _bare(f"compatible:{dialogue.line('Which model?', word, default=now, expects=A_MODEL)}")


def _one_of(dialogue: Dialogue, models: Sequence[str], now: str = "") -> str:
    """One of a server's models, by its whole name."""
    provider = models[0].partition(":")[0]
    names = [model.partition(":")[2] for model in models]
    default = models.index(now) if now in models else 0
    match len(names):
        case 1:
            return models[0]
        case count if count <= _MANY:
            dialogue.say("\nWhich of its models?", "bold")
            return models[dialogue.number(names, default=default)]
        case count:
            question = f"Which of its {count} models?"
            name = dialogue.line(question, word, default=names[default], expects=A_MODEL)
            return f"{provider}:{name}"


def _bare(model: str) -> str:
    """A name of a compatible model as an endpoint has it: a colon would end a provider's name."""
    name = model.removeprefix("compatible:")
    return f"compatible:{name}" if ":" in name else name


def _few(models: Sequence[str]) -> str:
    names = [model.partition(":")[2] for model in models]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or text in _TAKEN:
        raise ValueError
    return text


def _address(text: str) -> str:
    url: str = ENDPOINT["base_url"].of_value(text.rstrip("/").removesuffix("/chat/completions"))
    if not urlsplit(url).hostname:
        raise ValueError
    return url


def _name_of(address: str) -> str:
    """What somebody may call the server there: "openrouter" for https://openrouter.ai/api/v1."""
    labels = (urlsplit(address).hostname or "").split(".")
    name = labels[-2] if len(labels) > 1 else labels[0]
    return name if _NAME.fullmatch(name) else "local"
