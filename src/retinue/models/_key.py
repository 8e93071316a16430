"""ApiKey: a key as models hold it."""

from typing import Any, NoReturn, Self, SupportsIndex


class ApiKey(str):
    """A key: a text like any other, but its repr does not show it, and it is not pickled.

    So it is in no repr of what holds it, and in no traceback that shows the locals of its frames.
    """

    __slots__ = ()

    @classmethod
    def of(cls, text: str | None) -> Self | None:
        """The key that this text is; None where there is none."""
        return cls(text) if text else None

    def __repr__(self) -> str:
        return "'…'"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A key is not pickled: pass the name of the model, and find it there")
