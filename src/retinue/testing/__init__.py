"""For tests of agents, ours and yours: models that say what you tell them, a journal in memory, a
server that stands in for vendors of models, and the kits that every model, and every store, has to
pass.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retinue.models.replay import Recorded, Replay
from retinue.models.scripted import Reply, Scripted

from ._journal import MemoryJournal, TurnRecord

if TYPE_CHECKING:
    from ._check_model import ModelCheckFailed, Opening, Report, check_model
    from ._check_store import Place, StoreCheckFailed, StoreReport, check_store
    from .mock_llm import MockLLM

_LATER = {
    "MockLLM": "mock_llm",
    "ModelCheckFailed": "_check_model",
    "Opening": "_check_model",
    "Place": "_check_store",
    "Report": "_check_model",
    "StoreCheckFailed": "_check_store",
    "StoreReport": "_check_store",
    "check_model": "_check_model",
    "check_store": "_check_store",
}
"""What not every test needs, and is loaded when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


__all__ = [
    "MemoryJournal",
    "MockLLM",
    "ModelCheckFailed",
    "Opening",
    "Place",
    "Recorded",
    "Replay",
    "Reply",
    "Report",
    "Scripted",
    "StoreCheckFailed",
    "StoreReport",
    "TurnRecord",
    "check_model",
    "check_store",
]
