"""What a model has of its own, beneath everything that is wrapped around it."""

from typing import Any


def within(model: Any, attribute: str) -> Any:
    """What the model, or the nearest one that it is wrapped around, has by that name; else None."""
    while model is not None:
        found = getattr(model, attribute, None)
        if found is not None:
            return found
        model = getattr(model, "inner", None)
    return None
