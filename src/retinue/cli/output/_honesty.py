"""Honesty: what must be known about a model."""

from importlib import import_module


def honesty(model: str) -> dict[str, str]:
    """A `note` that it is no language model, for the one that comes along; it is loaded by then."""
    if model != "demo":
        return {}
    return {"note": import_module("retinue.models.demo").INTRODUCTION}
