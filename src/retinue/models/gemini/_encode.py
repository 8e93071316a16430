"""Encode: our request in the words of generateContent. Pure; tested with tables.

Source: https://ai.google.dev/api/generate-content
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from retinue.errors import ModelRejected
from retinue.messages import Message
from retinue.models import ChatRequest
from retinue.models._wire import Json, dumped
from retinue.models.view import shown

from ._content import continuation_of, model_parts, results, signed, text_part, user_parts


def encode(request: ChatRequest, model: str) -> bytes:
    """The body of the request.

    Options are fields of generationConfig (`thinking_config`, `stop_sequences`, `seed`), or of the
    request itself (`safety_settings`, `cached_content`). One that is None takes a field out again;
    one that is a list or an object is added to ours, as in `tools=[{"google_search": {}}]`.

    Raises:
        ModelRejected: Something cannot be said to this model.
    """
    return dumped(_body(request, model))


def encode_count(request: ChatRequest, model: str, *, vertexai: bool = False) -> bytes:
    """The body that asks how many tokens the request is.

    Raises:
        ModelRejected: As of `encode`.
    """
    body = _body(request, model)
    if vertexai:
        return dumped({name: value for name, value in body.items() if name in _COUNTED})
    return dumped({"generateContentRequest": {"model": f"models/{model}", **body}})


def _body(request: ChatRequest, model: str) -> Json:
    seen = shown(request.messages, request.agent)
    system, contents = _conversation(request.system, seen)
    config: Json = {}
    if _THINKS.match(model):
        config["thinkingConfig"] = {"includeThoughts": True}
    if request.max_tokens is not None:
        config["maxOutputTokens"] = request.max_tokens
    if request.temperature is not None:
        config["temperature"] = request.temperature
    if request.output is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.output
    body: Json = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": [text_part(system)]}
    body |= _tools(request)
    if token := continuation_of(seen):
        body["continuationToken"] = token
    for name, value in request.options.items():
        name = _camel(name)
        fields = body if name in _TOP else config
        fields[name] = _joined(fields.get(name), value)
    config |= body.pop("generationConfig", None) or {}
    config = {name: value for name, value in config.items() if value is not None}
    if config:
        body["generationConfig"] = config
    return {name: value for name, value in body.items() if value is not None}


def _conversation(system: str | None, seen: Sequence[Message]) -> tuple[str, list[Json]]:
    """The instructions, and what was said after them, in turns.

    Neighbours of one role are one turn: a call must follow a turn of the user. Answers of tools
    stand alone, for they are counted.
    """
    standing = [system or ""]
    said: list[Json] = []
    answers: Json | None = None
    for message in seen:
        match message.role:
            case "assistant":
                _add(said, "model", model_parts(message.parts), None)
            case "tool":
                found, media = results(message, said[-1]["parts"])
                answers = {"role": "user", "parts": found}
                said.append(answers)
                _add(said, "user", media, answers)
            case "system" if not said:
                standing.append(message.text)
            case "system":  # there are no other instructions than those above
                words = f"<system>\n{message.text}\n</system>"
                _add(said, "user", [text_part(words)], answers)
            case _:
                _add(said, "user", user_parts(message.parts), answers)
    instructions = "\n\n".join([text for text in standing if text.strip()])
    if not said and not instructions:
        raise ModelRejected("The model was asked nothing", hint="Pass at least one message.")
    if not said or said[0]["role"] == "model":
        said.insert(0, {"role": "user", "parts": [text_part("Begin.")]})
    if said[-1]["role"] == "model" and not continuation_of(seen):
        said.append({"role": "user", "parts": [text_part("Go on.")]})
    return instructions, signed(said)


def _add(said: list[Json], role: str, parts: list[Json], answers: Json | None) -> None:
    """Say something; what one role says in a row is one turn, beside the answers of tools."""
    if not parts:
        return
    if said and said[-1]["role"] == role and said[-1] is not answers:
        said[-1]["parts"] += parts
    else:
        said.append({"role": role, "parts": parts})


def _tools(request: ChatRequest) -> Json:
    """What may be used, and what must be."""
    names = [tool.name for tool in request.tools]
    others = request.options.get("tools")
    choosing: Json = {}
    match request.tool_choice:
        case "auto":
            pass
        case "none":
            choosing = {"mode": "NONE"}
        case "required" if names or others:
            choosing = {"mode": "ANY"}
        case choice if choice in names:
            choosing = {"mode": "ANY", "allowedFunctionNames": [choice]}
        case choice:
            raise ModelRejected(
                f"The tool to be used, {choice!r}, is not offered",
                hint="Offer it among the tools of the request.",
            )
    found: Json = {}
    if names:
        declared = [
            {
                "name": tool.name,
                "description": tool.description,
                "parametersJsonSchema": {"type": "object", **tool.parameters},
            }
            for tool in request.tools
        ]
        found["tools"] = [{"functionDeclarations": declared}]
    if choosing and (names or others):
        found["toolConfig"] = {"functionCallingConfig": choosing}
    return found


def _joined(ours: Any, given: Any) -> Any:
    match ours, given:
        case list(), list() | tuple():
            return [*cast("list[Any]", ours), *cast("Iterable[Any]", given)]
        case dict(), Mapping():
            fields = cast("Mapping[str, Any]", given)
            return {**cast("Json", ours), **{_camel(name): fields[name] for name in fields}}
        case _:
            return given


def _camel(name: str) -> str:
    """The name of a field as the wire spells it; the vendor's package writes them with "_"."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


_THINKS: Final = re.compile(r"(.*/)?gemini-(2\.5|[3-9])(?!.*(image|tts|audio|live|embedding))")
"""Models that can show their thoughts; others refuse to be asked for them."""
_TOP: Final = frozenset(
    {
        "cachedContent",
        "continuationToken",
        "generationConfig",
        "labels",
        "modelArmorConfig",
        "safetySettings",
        "serviceTier",
        "store",
        "toolConfig",
        "tools",
    }
)
"""Fields that stand beside generationConfig, not in it."""
_COUNTED: Final = ("contents", "systemInstruction", "tools", "generationConfig")
