"""What a function takes: as a model is told it, and as it is read from what the model sends."""

import functools
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Optional, get_args, get_origin, get_type_hints

from retinue.errors import BadArguments, ToolError

from ._docstring import read_docstring
from ._json import jsonable, shown
from ._kinds import Kind, Misfit, kind_of, schemas_of

_NONE = inspect.Parameter.empty
_TOLD = 10
"""How many problems of one call are told; the eleventh would teach a model nothing new."""


class Parameters:
    """The parameters of a function that a model may fill, and the words of its docstring.

    Args:
        name: What the tool is called, for errors.
        function: Any callable whose parameters have names.
        context: The class of a parameter that the model must not see.

    Raises:
        ToolError: The hints cannot be resolved, or JSON has nothing for one of them.
    """

    __slots__ = ("_defaults", "_kinds", "_leading", "_name", "context", "description", "schema")

    def __init__(self, name: str, function: Callable[..., Any], context: type) -> None:
        self._name = name
        source = _source(function)
        taken = self._signature(function)
        hints = self._hints(taken, source)
        of_context = [at for at, hint in hints.items() if context in (hint, *get_args(hint))]
        self.context = of_context[0] if of_context else None
        """The name of the parameter that gets the context, where there is one."""
        self._leading = [at for at, one in taken.items() if one.kind is one.POSITIONAL_ONLY]
        self._defaults = {at: one.default for at, one in taken.items() if one.default is not _NONE}
        self._kinds = {at: self._kind(at, hints[at]) for at in hints if at != self.context}
        doc = inspect.getdoc(source) or inspect.getdoc(function) or ""
        self.description, notes = read_docstring(doc, self._kinds)
        self.schema = self._schema(notes)
        """A JSON schema of type object."""

    def read(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function wants them, by name; defaults are left to it.

        Raises:
            BadArguments: Some are missing, unknown, or of the wrong kind; each is named.
        """
        found: dict[str, Any] = {}
        problems: list[str] = []
        kinds = self._kinds
        for name, value in args.items():
            if (kind := kinds.get(name)) is None:
                problems.append(f"{shown(name)} is unknown")
                continue
            try:
                found[name] = kind.read(value, True)
            except Misfit as misfit:
                problems += [f'"{name}{where}" {what}' for where, what in misfit.problems]
        if len(found) < len(kinds):
            problems += [
                f'"{name}" is missing ({kind.words})'
                for name, kind in kinds.items()
                if name not in args and name not in self._defaults
            ]
        if problems:
            raise self._bad(problems)
        return found

    def positional(self, found: dict[str, Any]) -> list[Any]:
        """Takes the arguments out of `found` that go by place, up to the last that was given."""
        given = [at for at, name in enumerate(self._leading, 1) if name in found]
        count = given[-1] if given else 0
        return [
            found.pop(name) if name in found else self._defaults[name]
            for name in self._leading[:count]
        ]

    def _signature(self, function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
        try:
            taken = inspect.signature(function).parameters
        except (ValueError, TypeError, NameError) as error:
            raise self._unreadable(error) from error
        for parameter in taken.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise ToolError(
                    f"{self._name}: a model cannot fill {parameter}",
                    hint="Give the tool named parameters; functools.wraps keeps those of a "
                    "decorated function.",
                )
        return taken

    def _hints(
        self, taken: Mapping[str, inspect.Parameter], source: Callable[..., Any]
    ) -> dict[str, Any]:
        """The hint of each parameter, resolved; that of the result is nobody's business here."""
        written = {
            name: Any if one.annotation is _NONE else one.annotation for name, one in taken.items()
        }
        space = types.SimpleNamespace(__annotations__=written)
        try:
            return get_type_hints(space, _globals(source), include_extras=True)
        except (NameError, TypeError, AttributeError, SyntaxError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> ToolError:
        return ToolError(
            f"{self._name}: its type hints cannot be read: {error}",
            hint="Each must be a type that can be found where the function is defined; names "
            "imported under TYPE_CHECKING, or local to another function, cannot.",
        )

    def _kind(self, name: str, hint: Any) -> Kind:
        if self._defaults.get(name, _NONE) is None and hint is not Any:
            hint = _or_none(hint)
        try:
            return kind_of(hint)
        except (TypeError, NameError) as error:
            raise self._unsuitable(f"JSON has nothing for the hint of {name!r}: {hint}") from error

    def _schema(self, notes: Mapping[str, str]) -> dict[str, Any]:
        try:
            schemas, shared = schemas_of(self._kinds)
        except TypeError as error:
            raise self._unsuitable(str(error)) from error
        properties: dict[str, Any] = {}
        for name, schema in schemas.items():
            properties[name] = {**schema}
            if name in notes:
                properties[name].setdefault("description", notes[name])
            if name in self._defaults:
                with suppress(ValueError, RecursionError):  # what JSON has not is not told
                    properties[name]["default"] = jsonable(self._defaults[name], _not_told)
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name not in self._defaults],
            "additionalProperties": False,
            **shared,
        }

    def _unsuitable(self, why: str) -> ToolError:
        return ToolError(
            f"{self._name}: {why}",
            hint="Use plain types, enums, dataclasses, TypedDict or pydantic models; bind anything "
            "else with functools.partial.",
        )

    def _bad(self, problems: list[str]) -> BadArguments:
        told = "; ".join(problems[:_TOLD])
        if len(problems) > _TOLD:
            told += f"; and {len(problems) - _TOLD} more"
        takes = ", ".join(map(self._told, self._kinds))
        return BadArguments(
            f"{self._name} was called wrongly: {told}", hint=f"It takes {self._name}({takes})"
        )

    def _told(self, name: str) -> str:
        """A parameter as in a signature: "days: integer = 3"."""
        default = f" = {shown(self._defaults[name])}" if name in self._defaults else ""
        return f"{name}: {self._kinds[name].words}{default}"


def _source(function: Any) -> Callable[..., Any]:
    """Where the code is that runs in the end."""
    function = inspect.unwrap(function)
    match function:
        case functools.partial():
            return _source(function.func)
        case types.FunctionType() | types.MethodType() | types.BuiltinFunctionType():
            return function
        case _:
            return type(function).__call__


def _or_none(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        return Annotated[Optional[inner], *notes]  # type: ignore[valid-type]  # noqa: UP045
    return Optional[hint]  # noqa: UP045 - `|` cannot do this for every hint


def _globals(source: Callable[..., Any]) -> dict[str, Any]:
    if (found := getattr(source, "__globals__", None)) is not None:
        return found
    return vars(sys.modules[source.__module__]) if source.__module__ else {}


def _not_told(value: Any) -> Any:
    raise ValueError
