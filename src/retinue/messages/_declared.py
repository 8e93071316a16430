"""What needs pydantic: records with declared fields, and the doors of messages. Loaded on demand.

Importing pydantic costs more than everything else Retinue imports, so a program that only talks in
plain messages does not pay for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Self, cast

from pydantic import BaseModel, SerializationInfo, TypeAdapter
from pydantic_core import core_schema

from ._frozen import Record, freeze, set_once
from ._message import Message, MessageType, check_name, check_parts, check_text
from ._parts import Part
from .codecs._dicts import message_of_dict, message_to_dict


class Frozen(Record, BaseModel, frozen=True, extra="allow", defer_build=True):
    """A pydantic model that does not change, with declared fields and any others.

    Dicts in it become `FrozenDict`, lists become tuples. `set` and foreign mutable objects are
    refused with `MessageError`.
    """

    def __init__(self, /, **values: Any) -> None:
        self._fill(values)

    def _fill(self, values: dict[str, Any]) -> None:
        """Let pydantic check what is declared, then freeze everything."""
        self.__pydantic_validator__.validate_python(_Fields(values), self_instance=self)
        mapping = type(self)._mapping
        own: dict[str, Any] = vars(self)
        for name in type(self).__pydantic_fields__:
            own[name] = freeze(own[name], mapping)
        others = self.__pydantic_extra__
        if others:
            others = {name: freeze(value, mapping) for name, value in others.items()}
            set_once(self, "__pydantic_extra__", others)

    def content(self) -> dict[str, Any]:
        """Fields and others, by name."""
        fields = {name: self.__dict__[name] for name in type(self).__pydantic_fields__}
        return {**fields, **(self.__pydantic_extra__ or {})}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A new record with some fields changed, checked like any other."""
        return type(self)(**{**self.content(), **update}) if update else self

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        return iter(self.content().items())

    __eq__ = Record.__eq__
    __hash__ = Record.__hash__


class _DeclaredType(MessageType, type(BaseModel)):
    """The class of message classes that are pydantic models, too."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        model_type: Any = type(BaseModel)
        return model_type.__new__(mcs, name, bases, namespace, **options)


class DeclaredMessage(Message, Frozen, metaclass=_DeclaredType):  # type: ignore[misc]
    """What a subclass of Message with fields of its own is made of; see `MessageType`."""

    role: str = "user"
    parts: tuple[Any, ...] = ()
    agent: str | None = None

    def __init__(
        self,
        /,
        *content: str | Part,
        text: str | None = None,
        role: str | None = None,
        parts: Iterable[Part] = (),
        agent: str | None = None,
        id: str | None = None,
        **values: Any,
    ) -> None:
        declared = type(self).__pydantic_fields__
        for name in values:
            if name not in declared:
                check_name(name)
        if text is not None:
            content = (*content, text)
        if content or parts:
            values["parts"] = check_parts(content, parts)
        if role is not None:
            values["role"] = role
        if agent is not None:
            values["agent"] = agent
        self._fill(values)
        set_once(self, "_promise", None)
        if id is not None:
            set_once(self, "_id", check_text("id", id))

    content = Frozen.content  # type: ignore[assignment]


class _Fields(dict[str, Any]):
    """What a constructor was given; it is checked, not decoded."""


@cache
def adapter(cls: type[Message]) -> TypeAdapter[Any]:
    """What pydantic's doors of this class lead to."""
    return TypeAdapter(cls)


def schema(
    cls: type[Message], source: Any, handler: Callable[[Any], core_schema.CoreSchema]
) -> core_schema.CoreSchema:
    """How pydantic reads and writes messages of this class, also as a field of another model."""
    inner = handler(source) if issubclass(cls, BaseModel) else _plain_schema(cls)

    def read(value: Any, inner: Callable[[Any], Any]) -> Any:
        if value.__class__ is _Fields or not isinstance(value, Mapping):
            return inner(value)
        return message_of_dict(cast("Mapping[str, Any]", value), cls)

    return core_schema.no_info_wrap_validator_function(
        read,
        inner,
        serialization=core_schema.plain_serializer_function_ser_schema(_write, info_arg=True),
    )


def _write(message: Message, info: SerializationInfo) -> dict[str, Any]:
    """The dict form; pydantic itself leaves nothing out of what a function gave."""
    wanted: Any = info.include
    unwanted: Any = info.exclude or ()
    return {
        name: value
        for name, value in message_to_dict(message).items()
        if (wanted is None or name in wanted) and name not in unwanted
    }


def _plain_schema(cls: type[Message]) -> core_schema.CoreSchema:
    """Instances alone are valid to pydantic itself; the rest is for its JSON schema."""
    words: dict[str, Any] = {"type": "string"}
    shape: dict[str, Any] = {
        "title": cls.__name__,
        "type": "object",
        "properties": {
            "id": words,
            "role": {**words, "default": cls._role},
            "agent": {"anyOf": [words, {"type": "null"}], "default": None},
            "parts": {
                "type": "array",
                "items": {"type": "object", "properties": {"type": words}, "required": ["type"]},
                "default": [],
            },
        },
        "additionalProperties": True,
    }

    def json_schema(*_: Any) -> dict[str, Any]:
        return shape

    return core_schema.is_instance_schema(cls, metadata={"pydantic_js_functions": [json_schema]})
