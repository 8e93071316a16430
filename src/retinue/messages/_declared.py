"""Records with declared fields, checked by pydantic. Loaded when somebody declares one.

Importing pydantic costs more than everything else Retinue imports, so a program that only talks in
plain messages does not pay for it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from ._frozen import Record, freeze, set_once
from ._message import Message, MessageType, check_parts
from ._parts import Part


class Frozen(Record, BaseModel, frozen=True, extra="allow", defer_build=True):
    """A pydantic model that does not change, with declared fields and any others.

    Dicts in it become `FrozenDict`, lists become tuples. `set` and foreign mutable objects are
    refused with `MessageError`.
    """

    def __init__(self, **values: Any) -> None:
        self._fill(values)

    def _fill(self, values: dict[str, Any]) -> None:
        """Let pydantic check what is declared, then freeze everything."""
        declared = type(self).__pydantic_fields__
        mapping = type(self)._mapping
        extra = {k: freeze(v, mapping) for k, v in values.items() if k not in declared}
        BaseModel.__init__(self, **{k: v for k, v in values.items() if k in declared})
        own = self.__dict__
        for name in declared:
            own[name] = freeze(own[name], mapping)
        set_once(self, "__pydantic_extra__", extra)

    def content(self) -> dict[str, Any]:
        fields = {name: self.__dict__[name] for name in type(self).__pydantic_fields__}
        return {**fields, **(self.__pydantic_extra__ or {})}

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        return iter(self.content().items())

    __eq__ = Record.__eq__
    __hash__ = Record.__hash__


class _DeclaredType(MessageType, type(BaseModel)):
    """The class of message classes that are pydantic models, too."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        return type(BaseModel).__new__(mcs, name, bases, namespace, **options)


class DeclaredMessage(Message, Frozen, metaclass=_DeclaredType):
    """What a subclass of Message with fields of its own is made of; see `MessageType`."""

    role: str = "user"
    parts: tuple[Any, ...] = ()
    agent: str | None = None

    def __init__(
        self,
        *content: str | Part,
        text: str | None = None,
        role: str | None = None,
        parts: Iterable[Part] = (),
        agent: str | None = None,
        id: str | None = None,
        **values: Any,
    ) -> None:
        if role is not None:
            values["role"] = role
        values["parts"] = check_parts(content if text is None else (*content, text), parts)
        self._fill({**values, "agent": agent})
        set_once(self, "_promise", None)
        if id is not None:
            set_once(self, "_id", id)

    content = Frozen.content
