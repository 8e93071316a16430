"""Frozen: a record that does not change, whose nested dicts are such records, too."""

from typing import TYPE_CHECKING, Any

from retinue import messages as core
from retinue.dialects.miniagents.promising.promising import PromisingContext, innermost


class Keyed(core.Record):
    """What a record has in this dialect besides what every record has."""

    @staticmethod
    def _mapping(values: dict[str, Any]) -> "Frozen":
        return Frozen(**values)

    @property
    def class_(self) -> str:
        """The name of its class; part of its content."""
        return type(self).__name__

    @property
    def hash_key(self) -> str:
        """The hash of class and content: 40 hex digits, or 64 with `longer_hash_keys`."""
        return hash_key(self)


class Frozen(Keyed, core.Frozen, frozen=True):
    """A pydantic model that does not change, of declared fields and any others."""

    if TYPE_CHECKING:

        def __init__(self, /, **values: Any) -> None: ...


def hash_key(record: core.Record) -> str:
    """The hash key of any record, be it of this dialect or not."""
    context = innermost(PromisingContext)
    return record.hash if context is not None and context.longer_hash_keys else record.hash[:40]


__all__ = ["Frozen", "Keyed", "hash_key"]
