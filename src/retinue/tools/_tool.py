"""`@tool`: from a function with type hints and a docstring to a Tool."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, get_args, overload

from retinue.errors import RetinueError, ToolError, ToolFailed
from retinue.messages import ToolCall, ToolResult, ToolSpec, freeze, new_id
from retinue.steps import Effect

from . import Risk
from ._answer import as_result
from ._caller import caller
from ._parameters import Parameters
from ._patience import persistently, within

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_MOST_LETTERS = 64  # of a name; what every provider takes
_MOST_OF_AN_ERROR = 2_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool may know beside its arguments; no model sees the parameter that gets it.

    Args:
        call: As the model made it.
        agent: Who calls, where that is known.
        key: For an `idempotent` tool in a durable run, what the far side tells a repetition by.
    """

    call: ToolCall
    agent: str | None
    key: str | None


class FunctionTool[**P, R]:
    """A function as a Tool. It can still be called as the function it is; see `tool`.

    In a class it is a method: the tool of an object is `object.name`, and acts on that object.
    """

    __name__: str
    __wrapped__: Callable[P, R]

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        effect: Effect = "once",
        risk: Risk = "execute",
        timeout: float | None = 30.0,
        retries: int = 0,
        blocking: bool = False,
        max_chars: int = 100_000,
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        self._description = description
        self._unbound = self
        self._parameters: Parameters | None = None
        self._spec: ToolSpec | None = None
        self._method_of: str | None = None
        self.name = name or _name_of(function)
        self.effect: Effect = effect
        self.risk: Risk = risk
        self.timeout = timeout
        self.retries = retries
        self.blocking = blocking
        self.max_chars = max_chars
        self._check()

    @property
    def spec(self) -> ToolSpec:
        """What a model is told; made when it is first asked for.

        Raises:
            ToolError: The type hints cannot be read, or a model could not fill them.
        """
        parameters = self._known()
        shared = self._unbound
        if shared._spec is None:
            shared._spec = ToolSpec(
                name=self.name,
                description=self._description or parameters.description,
                parameters=freeze(parameters.schema),
            )
        return shared._spec

    @property
    def description(self) -> str:
        """What it is good for, in the words of its docstring."""
        return self.spec.description

    async def use(self, call: ToolCall) -> ToolResult:
        """Call the function with the arguments of `call`.

        Raises:
            BadArguments: They do not fit; each is named with what was expected.
            ToolTimeout: It took too long. A thread (`blocking`) cannot be stopped and goes on.
            ToolFailed: The function raised. Only `none` and `idempotent` tools are tried again.
            ToolError: Any that the function raises itself, as it is.
        """
        if self.retries:
            value = await persistently(self.retries, lambda: self._attempt(call))
        else:
            value = await self._attempt(call)
        try:
            return as_result(call, self.name, value, most=self.max_chars)
        except Exception as error:
            raise ToolFailed(
                f"{self.name} answered something that cannot be written: {error}",
                hint="It has been done all the same. Have it return text, plain values or parts.",
            ) from error

    async def execute(self, params: Mapping[str, Any]) -> ToolResult:
        """Use it directly, with a call made up for the purpose."""
        return await self.use(ToolCall(id=new_id(), name=self.name, args=params))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        function = self._function
        if hasattr(function, "__get__") and not isinstance(function, staticmethod | classmethod):
            self._method_of = f"{owner.__name__}(...).{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> "FunctionTool[P, R]": ...
    @overload
    def __get__[S, **Q](
        self: "FunctionTool[Concatenate[S, Q], R]", instance: S, owner: type | None = None
    ) -> "FunctionTool[Q, R]": ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> "FunctionTool[..., R]": ...
    def __get__(self, instance: Any, owner: type | None = None) -> "FunctionTool[..., R]":
        bind = getattr(self._function, "__get__", None)
        function = bind(instance, owner) if bind is not None else self._function
        if function is self._function:
            return self
        bound = object.__new__(type(self))
        vars(bound).update(vars(self))
        bound._function = bound.__wrapped__ = function
        bound._method_of = None
        return bound

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    async def _attempt(self, call: ToolCall) -> Any:
        parameters = self._known()
        values = parameters.read(call.args)
        if parameters.context is not None:
            by = caller.get()
            key = by.key if self.effect == "idempotent" else None
            values[parameters.context] = ToolContext(call=call, agent=by.agent, key=key)
        leading = parameters.positional(values)
        function: Callable[..., Any] = self._function
        try:
            if self.blocking:
                value = asyncio.to_thread(function, *leading, **values)
            else:
                value = function(*leading, **values)
                if not hasattr(value, "__await__"):
                    return value  # it held the loop until it was done: there is nothing to time
            return await within(self.timeout, self.name, _settled(value))
        except ToolError:
            raise
        except Exception as error:
            raise self._failed(f"{type(error).__name__}: {error}", error) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody stopped us: something the tool waited for was cancelled.
            raise self._failed("what it waited for was cancelled", error) from error

    def _known(self) -> Parameters:
        if self._method_of is not None:
            raise ToolError(
                f"{self.name} is a method, and was taken from its class",
                hint=f"Take it from an object: {self._method_of}",
            )
        shared = self._unbound  # the same for every object
        if shared._parameters is None:
            shared._parameters = Parameters(self.name, self._function, ToolContext)
        return shared._parameters

    def _failed(self, what: str, error: BaseException) -> ToolFailed:
        if len(what) > _MOST_OF_AN_ERROR:
            what = f"{what[:_MOST_OF_AN_ERROR]}..."
        told = error.hint if isinstance(error, RetinueError) else None
        hint = told or "Change the arguments, or do without this tool."
        return ToolFailed(f"{self.name} failed: {what}", hint=hint)

    def _check(self) -> None:
        """Refuse what could only go wrong later."""
        if len(self.name) > _MOST_LETTERS or not _LETTERS.issuperset(self.name):
            raise ToolError(
                f"A tool cannot be called {self.name!r}",
                hint=f"Name it with up to {_MOST_LETTERS} letters, digits, _ and -: "
                "@tool(name='...')",
            )
        for what, value, known in (
            ("effect", self.effect, get_args(Effect.__value__)),
            ("risk", self.risk, get_args(Risk.__value__)),
        ):
            if value not in known:
                raise ToolError(
                    f"{self.name}: there is no {what} {value!r}", hint=f"One of {', '.join(known)}"
                )
        if self.retries and self.effect == "once":
            raise ToolError(
                f"{self.name} must act once, so it cannot be tried again",
                hint="Declare effect='none' or effect='idempotent' where trying again does no "
                "harm, or leave out retries",
            )


@overload
def tool[**P, R](function: Callable[P, R], /) -> FunctionTool[P, R]: ...
@overload
def tool[**P, R](
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect = "once",
    risk: Risk = "execute",
    timeout: float | None = 30.0,
    retries: int = 0,
    blocking: bool = False,
    max_chars: int = 100_000,
) -> FunctionTool[P, R]: ...
@overload
def tool[**P, R](
    *,
    name: str | None = None,
    description: str | None = None,
    effect: Effect = "once",
    risk: Risk = "execute",
    timeout: float | None = 30.0,
    retries: int = 0,
    blocking: bool = False,
    max_chars: int = 100_000,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a Tool of a function, method or callable object, sync or async.

    A model is told its name, its docstring, and a schema made from its type hints; words on a
    parameter come from the docstring (Google, NumPy or reST) or from `Annotated[int, "..."]`. A
    parameter of type `ToolContext` is filled in, and no model sees it.

    Args:
        function: As `@tool`, `@tool(...)` or `tool(function, ...)`. Above @staticmethod and
            @classmethod. A tool gives a new one, with the options said here.
        name: Default: the function's own.
        description: Default: its docstring, without the sections on arguments, result and errors.
        effect: What doing it twice does: "none", "idempotent", or harm ("once").
        risk: The worst it may do; what policies go by.
        timeout: Seconds for each try; None is without limit.
        retries: How often it is tried again when it fails or is too slow; not with "once".
        blocking: Runs it in a thread. Without, a sync function is called in the event loop, which
            is 60 microseconds quicker: right for all that does not wait for anything.
        max_chars: Of its answer; the rest is left out, and the model is told.

    Raises:
        ToolError: The name or an option is not possible.
    """
    if function is None:
        return functools.partial(FunctionTool, **options)
    return FunctionTool(function, **options)


def _name_of(function: Any) -> str:
    match function:
        case FunctionTool():
            return function.name
        case functools.partial():
            return _name_of(function.func)
        case _:
            return getattr(function, "__name__", None) or type(function).__name__


async def _settled(value: Any) -> Any:
    while hasattr(value, "__await__"):
        value = await value
    return value
