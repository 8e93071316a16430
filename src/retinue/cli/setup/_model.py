"""The question which model to use: those on this machine, OpenAI's, another server's, or none."""

import os
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from retinue.cli._vendors import LLAMA_SERVER
from retinue.errors import RetinueError
from retinue.models import find_model
from retinue.settings import ENDPOINT, Endpoint, Secret, Settings

from ._around import Around, models_at
from ._choice import Choice
from ._dialogue import Dialogue
from ._key import ask_for_key

_OPENAI: Final = "OPENAI_API_KEY"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_TAKEN: Final = ("auto", "demo")
"""Names of models that no endpoint can have."""
_A_MODEL: Final = "the name of a model, as it is called there"
_SHOWN: Final = 3
_MANY: Final = 20


def ask_for_model(dialogue: Dialogue, settings: Settings, around: Around) -> Choice:
    """Let the person choose among what there is; what they have now is the default."""
    there = f" (there is a key in {_OPENAI})" if os.environ.get(_OPENAI) else ""
    ways: list[tuple[str, Callable[[], Choice]]] = [
        (f"OpenAI{there}", lambda: _openai(dialogue, settings)),
        ("Another server that speaks Chat Completions", lambda: _another(dialogue, settings)),
        ("The demo, which is no language model: to look around", lambda: Choice(model="demo")),
    ]
    if models := around.llama_server:
        ways.insert(0, (f"llama-server: {_few(models)}", lambda: _llama_server(dialogue, models)))
    if names := around.ollama:
        ways.insert(0, (f"Ollama: {_few(names)}", lambda: _ollama(dialogue, settings, names)))
    if settings.origin("model").layer == "user":
        now = settings.model
        ways.insert(0, (f"Leave it as it is: {now}", lambda: Choice(model=now)))
    dialogue.say("\nWhich model should answer?", "bold")
    return ways[dialogue.number([label for label, _ in ways])][1]()


def _ollama(dialogue: Dialogue, settings: Settings, models: Sequence[str]) -> Choice:
    return Choice(model=_one_of(dialogue, models, now=settings.model))


def _llama_server(dialogue: Dialogue, models: Sequence[str]) -> Choice:
    model = _bare(_one_of(dialogue, models))
    return Choice(model="llama-server", endpoint=Endpoint(base_url=LLAMA_SERVER, model=model))


def _openai(dialogue: Dialogue, settings: Settings) -> Choice:
    now = settings.openai_api_key
    key = ask_for_key(dialogue, "openai", variable=_OPENAI, now=now, needed=True)
    usual = find_model(api_key="any").name
    model = settings.model if settings.model.startswith("openai:") else usual
    name = dialogue.line("Which model?", _word, default=model.partition(":")[2], expects=_A_MODEL)
    return Choice(model=f"openai:{name.removeprefix('openai:')}", openai_api_key=key)


def _another(dialogue: Dialogue, settings: Settings) -> Choice:
    now = settings.models.get(settings.model) or next(iter(settings.models.values()), None)
    address = dialogue.line(
        "Where does it answer?",
        _address,
        default=now.base_url if now is not None else "http://127.0.0.1:8000/v1",
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
    same = urlsplit(now.base_url).hostname == urlsplit(address).hostname
    variable = f"{name.upper().replace('-', '_')}_API_KEY"
    now_key = now.api_key if same else None
    key = ask_for_key(dialogue, name, variable=variable, now=now_key, needed=False)
    model = _model_at(dialogue, address, key, now.model)
    return Choice(model=name, endpoint=Endpoint(base_url=address, model=model, api_key=key))


def _model_at(dialogue: Dialogue, address: str, key: Secret | None, now: str) -> str:
    """What to ask there for, as it goes into `[models.<name>]`."""
    try:
        models = models_at(address, key.reveal() if key is not None else None)
    except RetinueError as error:
        dialogue.complain(error, before="It does not say which models it has: ")
        models = ()
    if models:
        return _bare(_one_of(dialogue, models, now=f"compatible:{now.removeprefix('compatible:')}"))
    return _bare(
        f"compatible:{dialogue.line('Which model?', _word, default=now, expects=_A_MODEL)}"
    )


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
            name = dialogue.line(question, _word, default=names[default], expects=_A_MODEL)
            return f"{provider}:{name}"


def _bare(model: str) -> str:
    """A name of a compatible model as an endpoint has it: a colon would end a provider's name."""
    name = model.removeprefix("compatible:")
    return f"compatible:{name}" if ":" in name else name


def _few(models: Sequence[str]) -> str:
    names = [model.partition(":")[2] for model in models]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _word(text: str) -> str:
    if not text or any(letter.isspace() for letter in text):
        raise ValueError
    return text


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
