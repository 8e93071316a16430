"""A conversation that is held over MockLLM: what each vendor is told is compared with the table."""

import copy
import re
from collections.abc import Iterable
from typing import Any

from retinue.errors import ModelRejected
from retinue.messages import Block, Message, Part, Text, Thinking, ToolCall, ToolResult
from retinue.models import ChatChunk, ChatRequest, Model, find_model
from retinue.testing.mock_llm import (
    Answer,
    Anthropic,
    Chat,
    Gemini,
    MockLLM,
    Ollama,
    Request,
    Responses,
    Wire,
)

from ._kept import Made, Refused, promised
from ._talks import TOOLS, Remembered, Round, Said, Step, Turned
from ._wire_readers import Entry, read

NAMES = {
    "anthropic": "claude-sonnet-5-5",
    "openai": "gpt-6-sol",
    "gemini": "gemini-4-argon",
    "compatible": "qwen3",
    "ollama": "llama3",
}


def models_at(url: str) -> dict[str, Model]:
    """A model of each vendor."""
    above = {"openai": f"{url}/v1", "compatible": f"{url}/v1"}
    return {
        vendor: find_model(f"{vendor}:{name}", base_url=above.get(vendor, url), api_key="key-1")
        for vendor, name in NAMES.items()
    }


class Tapped:
    """The wires of the vendors, and what each of them wrote since it was last asked for."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.wires: list[Wire] = [Chat(), Responses(), Anthropic(), Gemini(), Ollama()]
        for wire in self.wires:
            self._tap(wire)

    def _tap(self, wire: Any) -> None:
        frame = wire.frame

        def tapped(data: Any) -> bytes:
            self.events.append(copy.deepcopy(data))
            return frame(data)

        wire.frame = tapped

    def returned(self, vendor: str) -> list[Any]:
        """What the vendor wants back of its answer, as it wrote it."""
        events, self.events = self.events, []
        match vendor:
            case "anthropic":
                return list(_signed_thoughts(events))
            case "openai":
                done = "response.output_item.done"
                return [event["item"] for event in events if event["type"] == done]
            case "gemini":
                parts = [p for e in events for p in e["candidates"][0]["content"]["parts"]]
                return [part for part in parts if "thoughtSignature" in part]
            case _:
                return []


def _signed_thoughts(events: Iterable[Any]) -> Iterable[Any]:
    thought = ""
    for event in events:
        match event:
            case {"type": "content_block_start"}:
                thought = ""
            case {"delta": {"type": "thinking_delta", "thinking": words}}:
                thought += words
            case {"delta": {"type": "signature_delta", "signature": signature}}:
                yield {"type": "thinking", "thinking": thought, "signature": signature}
            case _:
                pass


class Talk:
    """One conversation, and what each vendor should know of it.

    Args:
        mock: Stands in for the vendors.
        tapped: Its wires.
        models: One of each vendor, at the mock.
        system: The instructions of all agents.
    """

    def __init__(
        self, mock: MockLLM, tapped: Tapped, models: dict[str, Model], system: str | None
    ) -> None:
        self._mock = mock
        self._tapped = tapped
        self._models = models
        self._system = system
        self._thoughts: dict[int, tuple[str, Message]] = {}
        self._count = 0
        self.messages: list[Message] = []
        self.made: dict[str, Made] = {}

    async def hold(self, steps: Iterable[Step]) -> None:
        """Hold it, and check each request."""
        for step in steps:
            match step:
                case Said(message=message):
                    self.messages.append(message)
                case Remembered():
                    message = Message(
                        parts=step.parts, role="assistant", agent=step.agent, **_by(step.vendor)
                    )
                    self.made[message.id] = Made(step.vendor, step.blocks)
                    self.messages.append(message)
                case Turned():
                    for round in step.rounds:
                        if not await self._round(step, round):
                            break

    async def _round(self, turn: Turned, round: Round) -> bool:
        """One answer and its results; False: the vendor cannot be shown this conversation."""
        lines = [self._numbered(line) for line in round.lines]
        self._mock.script(NAMES[turn.vendor], Answer(lines))
        before = len(self._mock.requests)
        try:
            answer = await self._ask(turn)
        except ModelRejected:
            if len(self._mock.requests) > before:  # by the vendor, and not before anything is sent
                raise
            self._expect_refusal(turn)
            return False
        (request,) = self._mock.requests[before:]
        self._check(turn, request)
        _check_answer(lines, answer)
        self.made[answer.id] = Made(turn.vendor, self._tapped.returned(turn.vendor))
        for part in answer.parts:
            if isinstance(part, Thinking):
                for n in thoughts_in(part.text):
                    self._thoughts[n] = (turn.vendor, answer)
        self.messages.append(answer)
        self._answer(turn.agent, answer, round)
        return True

    def _answer(self, agent: str, answer: Message, round: Round) -> None:
        results = [
            ToolResult(call_id=call.id, name=call.name, content=found[0], error=found[1])
            for call, found in zip(answer.tool_calls, round.answers, strict=False)
            if found is not None
        ]
        if results:
            self.messages.append(Message(parts=reversed(results), role="tool", agent=agent))

    async def _ask(self, turn: Turned) -> Message:
        request = ChatRequest(
            messages=tuple(self.messages), system=self._system, agent=turn.agent, tools=TOOLS
        )
        async with self._models[turn.vendor].chat(request) as chunks:
            parts = parts_of([chunk async for chunk in chunks])
        return Message(parts=parts, role="assistant", agent=turn.agent, **_by(turn.vendor))

    def _expect_refusal(self, turn: Turned) -> None:
        try:
            promised(turn.vendor, turn.agent, self._system, self.messages, self.made)
        except Refused:
            return
        raise AssertionError(f"{turn.vendor} should have been told, and was not")

    def _check(self, turn: Turned, request: Request) -> None:
        assert request.status == 200
        told = read(turn.vendor, request.body)
        promise = promised(turn.vendor, turn.agent, self._system, self.messages, self.made)
        assert told.system == promise.system
        assert _worded(turn.vendor, told.said) == _worded(turn.vendor, promise.said)
        assert told.returned == promise.returned
        self._check_secrets(turn, request)

    def _check_secrets(self, turn: Turned, request: Request) -> None:
        """No other vendor's signatures and blocks, and no thoughts but those of the table."""
        whole = str(request.body)
        for made in self.made.values():
            if made.vendor != turn.vendor:
                for secret in secrets_in(made.returned):
                    assert secret not in whole
        shown = {
            n
            for n, (vendor, message) in self._thoughts.items()
            if vendor == turn.vendor and message.agent == turn.agent
            if vendor in ("anthropic", "openai") or (vendor == "ollama" and message.tool_calls)
        }
        assert thoughts_in(whole) == shown

    def _numbered(self, line: Any) -> Any:
        """Thoughts and calls get a number, by which they are known everywhere."""
        self._count += 1
        match line:
            case Thinking(text=text):
                return Thinking(text=f"thought-{self._count}! {text}")
            case ToolCall(name=name, args=args):
                return ToolCall(id=f"call_{self._count}", name=name, args=args)
            case _:
                return line


def thoughts_in(text: str) -> set[int]:
    """The numbers of the thoughts that somebody could read there."""
    return {int(n) for n in re.findall(r"thought-(\d+)!", text)}


def secrets_in(value: Any) -> Iterable[str]:
    """Signatures and what else nobody but its vendor should see."""
    match value:
        case {"signature": str(text)} | {"thoughtSignature": str(text)}:
            yield text
        case {"encrypted_content": str(text)}:
            yield text
        case dict():
            for inner in value.values():
                yield from secrets_in(inner)
        case list():
            for inner in value:
                yield from secrets_in(inner)
        case str() if "sealed-" in value:
            yield value
        case _:
            pass


def _by(vendor: str) -> dict[str, str]:
    return {"model": f"{vendor}:{NAMES[vendor]}"}


def _worded(vendor: str, said: list[Entry]) -> list[Entry]:
    """Between the messages of an answer of OpenAI's we put a blank line; OpenAI does not see it."""
    if vendor != "openai":
        return said
    return [
        (*entry[:2], entry[2].replace("\n\n", "")) if entry[:2] == ("agent", "text") else entry
        for entry in said
    ]


def _check_answer(lines: list[Any], answer: Message) -> None:
    """What the vendor said is what we have: words, thoughts and calls."""
    said = "".join([line for line in lines if isinstance(line, str)])
    assert answer.text.replace("\n\n", "") == said.replace("\n\n", "")
    thoughts = "".join([line.text for line in lines if isinstance(line, Thinking)])
    ours = "".join([part.text for part in answer.parts if isinstance(part, Thinking)])
    assert ours == thoughts
    calls = [line for line in lines if isinstance(line, ToolCall)]
    assert list(answer.tool_calls) == calls


def parts_of(chunks: Iterable[ChatChunk]) -> list[Part]:
    """As an assistant keeps them: words in one part, as long as nothing comes between."""
    parts: list[Part] = []
    for chunk in chunks:
        match chunk, parts[-1:]:
            case ChatChunk(text=str(words)), [Text(text=before)]:
                parts[-1] = Text(text=before + words)
            case ChatChunk(text=str(words)), _:
                parts.append(Text(text=words))
            case ChatChunk(thinking=str() | None as words, signature=signature), [
                Thinking(text=before, signature=None)
            ] if words or signature:
                parts[-1] = Thinking(text=before + (words or ""), signature=signature)
            case ChatChunk(thinking=str() | None as words, signature=signature), _ if (
                words or signature
            ):
                parts.append(Thinking(text=words or "", signature=signature))
            case ChatChunk(tool_call=ToolCall() as call), _:
                parts.append(call)
            case ChatChunk(block=Block() as block), _:
                parts.append(block)
            case _:
                pass
    return parts
