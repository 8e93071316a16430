"""What a conversation asks for: the question, the text that came along, and what is known."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from retinue.messages import File, Message, Text, ToolResult
from retinue.models import ChatRequest
from retinue.models.view import shown

from ._lexicon import sentences


class Saying(NamedTuple):
    """A sentence from before, and who said it."""

    who: str
    text: str


class Asked(NamedTuple):
    """A request as the demo model understands it."""

    question: str
    context: str
    """A text to be worked on: a file, a quotation, what other agents said."""
    memory: tuple[Saying, ...]
    """What was told before, oldest first."""
    results: tuple[ToolResult, ...]
    """What the tools answered to this question."""
    calls: int
    """So many calls were made in this conversation."""
    is_first: bool
    """Whether nothing was answered in this conversation yet."""
    size: int
    """Of everything, in words."""


def understood(request: ChatRequest) -> Asked:
    """The question is what was said since the last answer; what goes before is memory."""
    messages = shown(request.messages, request.agent)
    end = len(messages)
    while end and messages[end - 1].role != "user":
        end -= 1
    start = end
    while start and messages[start - 1].role == "user":
        start -= 1
    question, context = _parted(messages[start:end])
    told = [
        Saying("The instructions say", line)
        for line in sentences(request.system or "")
        if not re.search(r"(?i)\byou", line)  # what to do is no knowledge
    ]
    for message in messages[:start]:
        told += _told(message)
    said = [message for message in messages if message.role == "assistant"]
    return Asked(
        question=question,
        context=context,
        memory=tuple(told),
        results=tuple([result for m in messages[end:] for result in m.tool_results]),
        calls=sum(len(message.tool_calls) for message in said),
        is_first=not any(message.text.strip() for message in said),
        size=sum(map(_size, messages)) + len((request.system or "").split()),
    )


def _told(message: Message) -> Iterable[Saying]:
    match message.role:
        case "tool":
            for result in message.tool_results:
                yield from (Saying(f"{result.name} said", line) for line in sentences(result.text))
        case "assistant":
            return  # what it says is made of what others said
        case _:
            who = "You said" if message.agent is None else f"{message.agent} said"
            text = message.text.removeprefix(f"{message.agent}: ")
            for line in sentences(text):
                if not line.endswith("?"):
                    yield Saying(who, line)


def _parted(messages: list[Message]) -> tuple[str, str]:
    """The question and the text it is about."""
    own = [message for message in messages if message.agent is None]
    if not own:  # a talk of agents: the last one asks
        own = [message.replaced(text=_unnamed(message)) for message in messages[-1:]]
        others = messages[:-1]
    else:
        others = [message for message in messages if message.agent is not None]
    attached = [_unnamed(message) for message in others]
    attached += [_content(part) for m in messages for part in m.parts if isinstance(part, File)]
    spoken = "\n\n".join(
        [part.text for message in own for part in message.parts if isinstance(part, Text)]
    )
    spoken, quoted = _unquoted(spoken)
    question, rest = _question(spoken.strip())
    return question, "\n\n".join([text for text in (*quoted, rest, *attached) if text.strip()])


def _unquoted(text: str) -> tuple[str, list[str]]:
    """A text without what stands in it between ``` or <tags>, and that."""
    left: list[str] = []
    quoted: list[str] = []
    absent: set[str] = set()
    at = 0
    for found in re.finditer(_OPENING, text):
        mark = f"</{found['tag']}>" if found["tag"] else "```"
        if found.start() < at or mark in absent or len(absent) > _PATIENCE:
            continue
        end = text.find(mark, found.end())
        if end < 0:
            absent.add(mark)  # a long text may open it on every line
            continue
        left.append(text[at : found.start()])
        quoted.append(text[found.end() : end])
        at = end + len(mark)
    return "\n\n".join([*left, text[at:]]), quoted


def _question(text: str) -> tuple[str, str]:
    """The paragraph that asks, if a long text stands beside it; else all is the question."""
    if len(text) <= _SHORT:
        return text, ""
    paragraphs = re.split(r"\n\s*\n", text)
    if len(paragraphs) == 1:
        paragraphs = text.splitlines()
    if len(paragraphs) == 1:
        paragraphs = sentences(text)
    ends = [paragraphs[0], paragraphs[-1]] if len(paragraphs) > 1 else []
    asking = [one for one in ends if len(one) <= _SHORT]
    asking.sort(key=lambda one: (not one.rstrip().endswith(("?", ":")), len(one)))
    if not asking:
        return "", text
    question = asking[0]
    first = question is paragraphs[0]
    return question.strip(), "\n\n".join(paragraphs[1:] if first else paragraphs[:-1])


def _unnamed(message: Message) -> str:
    return message.text.removeprefix(f"{message.agent}: ")


def _content(file: File) -> str:
    try:
        return (file.data or b"").decode()
    except UnicodeDecodeError:
        return ""


def _size(message: Message) -> int:
    return len(message.text.split()) + sum(len(r.text.split()) for r in message.tool_results)


_SHORT: Final = 400
"""Characters; what is shorter is a question as a whole."""
_PATIENCE: Final = 50
"""So many kinds of tags may be left open."""
_OPENING: Final = r"(?m)^(?:```.*\n|<(?P<tag>[a-zA-Z][\w-]{0,30})(?: [^<>\n]*)?>)"
