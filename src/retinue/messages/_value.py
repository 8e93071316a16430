"""value: a frozen, slotted, keyword-only dataclass that is made twice as fast.

The `__init__` that dataclasses write for a frozen class looks every field up by name; this one goes
through the slots. Parts and chunks are made for every token, so it shows.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, dataclass_transform


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value[T](cls: type[T]) -> type[T]:
    """Make a dataclass of the class: `frozen=True, slots=True, kw_only=True`."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__init__ = _init_of(made)
    return made


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
    source = f"def __init__(self, *, {', '.join(arguments)}):\n" + "\n".join(lines)
    exec(source, space)
    init = space["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = dict(getattr(cls.__init__, "__annotations__", {}))
    return init
