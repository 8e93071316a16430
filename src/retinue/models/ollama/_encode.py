"""Encode: our request in the words of Ollama's /api/chat. Pure; tested with tables."""

from collections.abc import Iterable
from typing import Final

from retinue.errors import ModelRejected
from retinue.messages import Audio, File, Image, Message, Part, Text, Thinking, ToolCall
from retinue.models import ChatRequest
from retinue.models._wire import (
    Base64,
    Json,
    conversation,
    dumped,
    function_of,
    system_of,
    told,
)
from retinue.models.view import thinker_of

_BESIDE: Final = ("keep_alive", "logprobs", "shift", "think", "top_logprobs", "truncate")
"""Options that stand beside the others, not among them."""


def encode(request: ChatRequest, model: str, *, keep_alive: str | float | None = None) -> bytes:
    """The body of the request. A conversation that is too long is refused, not cut without a word.

    Raises:
        ModelRejected: Something cannot be said on this wire.
    """
    body: Json = {
        "model": model,
        "messages": [*system_of(request), *_messages(request)],
        "stream": True,
        # By default Ollama drops the oldest messages, and nobody is told. `shift`, which does the
        # same to an answer that grows too long, is left as it is: a model that was loaded for the
        # other way would be loaded anew (needsReload in server/sched.go of ollama/ollama).
        "truncate": False,
    }
    if request.tools and request.tool_choice != "none":
        if request.tool_choice != "auto":
            raise ModelRejected(
                f"Ollama cannot be told to use a tool ({request.tool_choice!r})",
                hint="Leave the choice to the model, or ask for structured output.",
            )
        body["tools"] = [function_of(tool) for tool in request.tools]
    elif request.output is not None:  # beside tools it would leave no room for a call
        body["format"] = request.output
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    options = _options(request)
    body |= {name: options.pop(name) for name in _BESIDE if name in options}
    if options:
        body["options"] = options
    return dumped(body)


def _options(request: ChatRequest) -> Json:
    """Source: https://docs.ollama.com/modelfile#valid-parameters-and-values"""
    known = {"num_predict": request.max_tokens, "temperature": request.temperature}
    return {**{k: v for k, v in known.items() if v is not None}, **request.options}


def _messages(request: ChatRequest) -> Iterable[Json]:
    for message in conversation(request):
        match message.role:
            case "assistant":
                yield _assistant(message)
            case "tool":
                yield from _results(message)
            case "system":
                yield {"role": "system", "content": message.text}
            case _:
                yield _user(message.parts)


def _assistant(message: Message) -> Json:
    said: Json = {"role": "assistant", "content": message.text}
    if calls := message.tool_calls:
        said["tool_calls"] = [_call(call) for call in calls]
        if thought := "".join(_thoughts(message)):
            said["thinking"] = thought  # why it called is not thought again
    return said


def _thoughts(message: Message) -> Iterable[str]:
    """What models of Ollama's thought; what is signed, or of another provider, is not theirs."""
    for part in message.parts:
        match part:
            case Thinking(signature=None) if thinker_of(part, message) in ("ollama", None):
                yield part.text
            case _:
                pass


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.args}}


def _results(message: Message) -> Iterable[Json]:
    """Results are text on this wire; pictures of theirs follow all of them, as the user's."""
    beside: list[Part] = []
    for result in message.tool_results:
        text, media = told(result)
        beside += media
        # Older servers know results by the name of the tool, and by their order.
        names = {"tool_name": result.name, "tool_call_id": result.call_id}
        yield {"role": "tool", **names, "content": text}
    if beside:
        yield _user(beside)


def _user(parts: Iterable[Part]) -> Json:
    texts: list[str] = []
    images: list[Base64] = []
    for part in parts:
        match part:
            case Text(text=text):
                texts.append(text)
            case Image(data=bytes(data)):
                images.append(Base64(data))
            case File(data=bytes(data), media_type=kind) if kind.startswith("text/"):
                texts.append(data.decode(errors="replace"))
            case Image() | Audio() | File():
                raise ModelRejected(
                    f"Ollama cannot be shown this {type(part).__name__.lower()}",
                    hint="It reads texts, and pictures that come with their data.",
                )
            case _:
                pass  # thoughts, calls and blocks are not the user's
    said: Json = {"role": "user", "content": "".join(texts)}
    return said | {"images": images} if images else said
