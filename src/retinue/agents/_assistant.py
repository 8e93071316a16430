"""assistant: a model with tools. The loop between the two is written here, once."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from retinue.errors import (
    BadAnswer,
    BadArguments,
    BudgetExceeded,
    ContextFull,
    StreamIncomplete,
    ToolDenied,
    ToolError,
)
from retinue.messages import (
    FrozenDict,
    Message,
    MessagePromise,
    Messages,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from retinue.models import ChatRequest, Model, Stop, find_model
from retinue.promise import StreamAppender
from retinue.steps import emit, place, recorder, step
from retinue.tools import Caller, Toolbox, as_toolbox, caller

from ._agent import Agent
from ._form import Form, Unfit, form_of
from ._turn import Turn

type StopReason = Literal[
    "done", "max_steps", "max_tokens", "no_progress", "refused", "context_full", "budget"
]
"""Why a turn ended; `message.stop_reason` of its last message."""

_MENDED: Final = 2
"""So many times an answer that does not have its form is asked for again."""

_SAME: Final = 3
"""So many rounds of the same calls with the same results are no progress."""

_STOPS: Final[dict[str, StopReason]] = {
    "end": "done",
    "stop_sequence": "done",
    "max_tokens": "max_tokens",
    "refused": "refused",
    "context_full": "context_full",
}

_GOES_ON: Final = ("pause", "unreadable", "unfit")
"""Stops after which the model is asked again, though it asked for no tool."""


def assistant(
    name: str,
    *,
    model: Model | str,
    system: str | None = None,
    tools: Toolbox | Iterable[Any] = (),
    max_steps: int = 20,
    max_tokens: int | None = None,
    temperature: float | None = None,
    output: Any = None,
    description: str | None = None,
    **options: Any,
) -> Agent:
    """An agent that answers with a model, and uses tools until it has an answer.

    Its replies are all messages of the loop, as they come: what the model says and asks for, what
    the tools answer, and at the end the answer, with `stop_reason` in its metadata. An inquiry may
    say otherwise for itself: `inquire(..., model=..., system=..., max_tokens=..., temperature=...,
    output=...)`; what else it passes goes to the provider.

    Args:
        name: How others call it; its own messages bear this name.
        model: A model, or a name for `find_model`.
        system: Its instructions.
        tools: A toolbox, or tools and functions. A denied call ends the turn with ToolDenied; any
            other error of a tool goes back to the model.
        max_steps: How many times the model may be called in one turn.
        max_tokens, temperature: Of each answer; the provider's default where left out.
        output: What the answer has to be: a pydantic model, or a JSON schema. The model is held to
            it where its server can do that; in any case the answer is checked, and asked for again
            if it does not fit. Its text is JSON then, and `message.output` the value.
        description: What it is good for.
        options: Go to the provider by its own names.
    """
    loop = _Loop(
        model=_found(model),
        toolbox=as_toolbox(tools),
        system=system,
        max_steps=max_steps,
        max_tokens=max_tokens,
        temperature=temperature,
        form=form_of(output),
        options=FrozenDict(options),
    )
    return Agent(loop, name=name, description=description if description is not None else system)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loop:
    """The model-tool loop; one object for all turns of an assistant."""

    model: Model
    toolbox: Toolbox
    system: str | None
    max_steps: int
    max_tokens: int | None
    temperature: float | None
    form: Form | None
    options: FrozenDict
    specs: tuple[ToolSpec, ...] = ()

    def __post_init__(self) -> None:
        specs = tuple([tool.spec for tool in self.toolbox.tools])
        object.__setattr__(self, "specs", specs)

    async def __call__(self, turn: Turn, **options: Any) -> None:
        if "model" in options:
            await replace(self, model=_found(options.pop("model")))(turn, **options)
            return
        said = await turn.messages
        if self.specs:
            caller.set(Caller(agent=turn.agent.name))
        system = options.pop("system", self.system)
        max_tokens = options.pop("max_tokens", self.max_tokens)
        temperature = options.pop("temperature", self.temperature)
        form = form_of(options.pop("output")) if "output" in options else self.form
        unfit = 0
        others = FrozenDict({**self.options, **options}) if options else self.options
        before: _Round | None = None
        same = 1
        for steps_left in range(self.max_steps - 1, -1, -1):
            request = ChatRequest(
                messages=said,
                system=system,
                agent=turn.agent.name,
                tools=self.specs,
                tool_choice="none" if unfit else "auto",  # it has what it needs, but for the form
                output=None if form is None else form.schema,
                max_tokens=max_tokens,
                temperature=temperature,
                options=others,
            )
            answer = await self._ask_model(turn, request, form)
            calls = answer.tool_calls
            if getattr(answer, "stop", None) == "unfit":
                unfit += 1
                if unfit > _MENDED:
                    raise BadAnswer(
                        f"{self.model.name!r} does not give the answer its form: {answer.unfit}",
                        hint="Make the form simpler, say more about it, or choose another model.",
                    )
            if not calls and getattr(answer, "stop", None) not in _GOES_ON:
                return
            if steps_left == 0:
                turn.reply(*_out_of_steps(turn.agent.name, calls, self.max_steps))
                return
            if not calls:
                said += ((answer,) if answer.parts else ()) + _remark(answer)
                continue
            if len(calls) == 1:
                results = (await self._result(calls[0]),)
            else:
                results = await self._results(turn, calls, steps_left)
            message = Message(parts=results, role="tool", agent=turn.agent.name)
            turn.reply(message)
            said += (answer, message, *_remark(answer))
            same = same + 1 if before is not None and _equal(before, (calls, results)) else 1
            before = (calls, results)
            if same == _SAME:
                why = "the same calls gave the same results again"
                turn.reply(_stopped(turn.agent.name, "no_progress", why))
                return

    async def _ask_model(self, turn: Turn, request: ChatRequest, form: Form | None) -> Message:
        """One model call: handed on to the readers while it comes, recorded when it is whole."""
        writing: StreamAppender[Any] = StreamAppender(capture_errors=True)
        name = self.model.name
        promise = MessagePromise(writing, agent=turn.agent.name, source=f"model:{name}", model=name)
        turn.reply(promise)
        if recorder.get() is None:
            await self._stream(request, form, writing, promise)
            return await promise

        async def work(_: str | None) -> Message:
            await self._stream(request, form, writing, promise)
            return await promise

        try:
            answer = await step("model_call", work, args=_recorded(request))
        except BaseException:
            if not writing.was_open:  # nobody was asked: it had failed before, or is not to be done
                with writing:
                    raise
            raise
        if not writing.was_open:  # it was recorded before: say it again as it was
            with writing:
                for part in answer.parts:
                    writing.append(part)
                promise.note(**answer.metadata)
        told = {name: answer.metadata.get(name) for name in ("model", "usage", "cost", "stop")}
        emit("model_answered", **told)
        return answer

    async def _stream(
        self,
        request: ChatRequest,
        form: Form | None,
        writing: StreamAppender[Any],
        promise: MessagePromise,
    ) -> None:
        asked_for_tools = False
        stop: Stop | None = None
        with writing:
            push = writing.log.push
            try:
                async with self.model.chat(request) as chunks:
                    async for chunk in chunks:
                        if chunk.text:
                            push(chunk.text)
                        if chunk.thinking or chunk.signature:
                            push(Thinking(text=chunk.thinking or "", signature=chunk.signature))
                        if chunk.block is not None:
                            push(chunk.block)
                        if chunk.tool_call is not None:
                            asked_for_tools = True
                            push(chunk.tool_call)
                        if chunk.model is not None:
                            promise.note(model=chunk.model)
                            promise.note_source(f"model:{chunk.model}")
                        if chunk.usage is not None:
                            promise.note(usage=chunk.usage.counted())
                        if chunk.cost is not None:
                            promise.note(cost=chunk.cost)
                        if chunk.stop is not None:
                            stop = chunk.stop
            except ContextFull as error:
                if promise.text_so_far:
                    raise
                push(f"{error}")
                stop = "context_full"
            except BudgetExceeded as error:  # raised before anything is asked
                push(f"I stopped. {error}.")
                promise.note(stop_reason="budget")
                return
            except BadArguments as error:
                # A call nobody can read is the model's to mend: it is told, and asked again.
                promise.note(stop="unreadable", unreadable=_words(error))
                return
            if stop is None:
                raise StreamIncomplete(
                    f"The answer of {self.model.name} broke off; it is not whole",
                    hint="Ask again.",
                )
            reason = _STOPS.get(stop)
            if asked_for_tools or reason is None:
                promise.note(stop=stop)
            elif form is None or reason != "done":
                promise.note(stop=stop, stop_reason=reason)
            else:
                _note_output(promise, form, stop)

    async def _results(
        self, turn: Turn, calls: tuple[ToolCall, ...], steps_left: int
    ) -> tuple[ToolResult, ...]:
        """All calls of one answer, side by side; results in the order of the calls."""

        async def beside(number: int, call: ToolCall) -> ToolResult:
            # Another answer may have the same calls, even with the same ids.
            place.set(f"{steps_left}.{number}.")
            return await self._result(call)

        # The first denial is raised at once; the turn then stops what runs beside it.
        tasks = [turn.start(beside(number, call)) for number, call in enumerate(calls)]
        return tuple(await asyncio.gather(*tasks))

    async def _result(self, call: ToolCall) -> ToolResult:
        """What the tool answers. An error is an answer, too; a denial is not the model's matter."""
        listening = recorder.get()
        if listening is not None:
            listening.emit("tool_asked", call=call)
        try:
            result = await self.toolbox.use(call)
        except ToolDenied:
            raise
        except ToolError as error:
            result = ToolResult(
                call_id=call.id,
                name=call.name,
                content=_words(error),
                error=True,
                source=f"tool:{call.name}",
            )
        if listening is not None:
            listening.emit("tool_answered", result=result)
        return result


def _found(model: Model | str) -> Model:
    return find_model(model) if isinstance(model, str) else model


def _note_output(promise: MessagePromise, form: Form, stop: Stop) -> None:
    """Note the value of the answer, or what is wrong with it."""
    try:
        value = form.read(promise.text_so_far)
    except Unfit as error:
        promise.note(stop="unfit", unfit=str(error))
    else:
        promise.note(stop=stop, stop_reason="done", output=value)


def _recorded(request: ChatRequest) -> tuple[Any, ...]:
    """What tells model calls apart; the conversation by its chained hash."""
    said = request.messages
    return (
        said.hash if isinstance(said, Messages) else Messages(said).hash,
        request.system,
        request.agent,
        request.tools,
        request.tool_choice,
        request.output,
        request.max_tokens,
        request.temperature,
        request.options,
    )


def _out_of_steps(agent: str, calls: tuple[ToolCall, ...], steps: int) -> tuple[Message, ...]:
    """Calls that will not be made are answered, so that the conversation can go on later."""
    last = _stopped(agent, "max_steps", f"the limit of {steps} steps")
    if not calls:
        return (last,)
    results = [
        ToolResult(call_id=c.id, name=c.name, content="Not done: out of steps.", error=True)
        for c in calls
    ]
    return Message(parts=results, role="tool", agent=agent), last


def _remark(answer: Message) -> tuple[Message, ...]:
    """What a model is told of an answer that could not be read, or does not have its form."""
    if (why := getattr(answer, "unreadable", None)) is not None:
        return (Message(f"A tool call of yours could not be read: {why}", role="user"),)
    if (why := getattr(answer, "unfit", None)) is not None:
        words = f"This does not have the form that is wanted: {why}. Answer with the JSON alone."
        return (Message(words, role="user"),)
    return ()


def _words(error: ToolError) -> str:
    return f"{error}\n{error.hint}" if error.hint else str(error)


def _stopped(agent: str, reason: StopReason, why: str) -> Message:
    return Message(f"I stopped: {why}.", role="assistant", agent=agent, stop_reason=reason)


type _Round = tuple[tuple[ToolCall, ...], tuple[ToolResult, ...]]


def _equal(one: _Round, other: _Round) -> bool:
    """Whether the same was asked and the same was answered; ids aside."""
    if len(one[0]) != len(other[0]):
        return False
    for a, b, c, d in zip(one[0], other[0], one[1], other[1], strict=True):
        if a.args != b.args or a.name != b.name or c.content != d.content:
            return False
    return True
