"""value: a frozen, slotted, keyword-only dataclass that is made faster, and whose class is, too.

The `__init__` that dataclasses write for a frozen class looks every field up by name; this one goes
through the slots. Parts and chunks are made for every token, so it shows. And what dataclasses
compile for each class that is compared and printed takes most of the time of an import: here that
is three functions which are there already.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value[T](cls: type[T]) -> type[T]:
    """Make a dataclass of the class: `frozen=True, slots=True, kw_only=True`."""
    made = dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)(cls)
    made.__init__ = _init_of(made)
    own: dict[str, Any] = {"__repr__": _repr_of(made), "__eq__": _eq_of(made)}
    for name, method in own.items():
        if name not in made.__dict__:
            _set(made, name, method)
    if made.__dict__.get("__hash__") is None:  # as Python leaves it where `__eq__` is defined
        _set(made, "__hash__", _hash_of(made))
    return made


def _set(cls: type[Any], name: str, method: Any) -> None:
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    setattr(cls, name, method)


def _repr_of(cls: type[Any]) -> Callable[[Any], str]:
    names = [one.name for one in fields(cls) if one.repr]

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _eq_of(cls: type[Any]) -> Callable[[Any, object], bool]:
    content = _content_of([one.name for one in fields(cls) if one.compare])

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return content(self) == content(other)

    return __eq__


def _hash_of(cls: type[Any]) -> Callable[[Any], int]:
    content = _content_of(
        [one.name for one in fields(cls) if (one.compare if one.hash is None else one.hash)]
    )

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(content(self))

    return __hash__


def _content_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    match names:
        case []:
            return lambda _: ()
        case [name]:
            return lambda self: (getattr(self, name),)
        case _:
            return attrgetter(*names)


def _init_of(cls: type[Any]) -> Callable[..., None]:
    space: dict[str, Any] = {"_MISSING": MISSING}
    arguments: list[str] = []
    lines: list[str] = []
    for one in fields(cls):
        name = one.name
        space[f"_set_{name}"] = cls.__dict__[name].__set__
        given = name
        if one.default is not MISSING:
            space[f"_default_{name}"] = one.default
            arguments.append(f"{name}=_default_{name}")
        elif one.default_factory is not MISSING:
            space[f"_make_{name}"] = one.default_factory
            arguments.append(f"{name}=_MISSING")
            given = f"_make_{name}() if {name} is _MISSING else {name}"
        else:
            arguments.append(name)
        lines.append(f" _set_{name}(self, {given})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    keywords = f", *, {', '.join(arguments)}" if arguments else ""
    source = f"def __init__(self{keywords}):\n" + ("\n".join(lines) or " pass")
    exec(source, space)
    init = space["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {one.name: one.type for one in fields(cls)} | {"return": None}
    return init
