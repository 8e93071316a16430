"""What a journal entry says, and its form: JSON of the values that messages are made of."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from retinue.messages import value
from retinue.messages.codecs import value_from_json, value_to_json
from retinue.messages.codecs.errors import error_from_dict, error_to_dict


@value
class Broken:
    """A message that has never become whole.

    Args:
        id, role, agent: As it was shown.
        text: What there was of it.
        error: Why.
    """

    id: str
    role: str
    agent: str | None
    text: str
    error: Exception


type Reply = str | Broken | Exception
"""The id of a message; one that broke; an error in the place of one."""


@value
class TurnRecord:
    """A turn that is over, or has at least said everything.

    Args:
        agent, parent: Who it was; the address of the turn that asked, "" for the root.
        replies: In visible order.
        error: What it ended with, if not well.
        reason: Why it ended.
        reads: The ids of the messages it read, and the hash of each.
        state: What the agent kept for its next turn.
    """

    agent: str
    parent: str
    replies: tuple[Reply, ...]
    error: Exception | None = None
    reason: str = "done"
    reads: Mapping[str, str] = field(default_factory=dict[str, str])
    state: Any = None

    def to_json(self) -> str:
        return value_to_json(
            {
                "agent": self.agent,
                "parent": self.parent,
                "replies": [_reply_to_data(reply) for reply in self.replies],
                "error": None if self.error is None else error_to_dict(self.error),
                "reason": self.reason,
                "reads": dict(self.reads),
                "state": self.state,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "TurnRecord":
        data: dict[str, Any] = dict(value_from_json(text))
        data["replies"] = tuple([_reply_from_data(reply) for reply in data["replies"]])
        if data["error"] is not None:
            data["error"] = error_from_dict(data["error"])
        return cls(**data)


@value
class StepRecord:
    """A step that was done, or is about to be: then it has neither result nor error.

    Args:
        name: What kind of step it is.
        args: What tells it from others, for a person who is asked about it.
        effect: What doing it twice does.
        result, error: How it came out.
        epoch: Of the run, when it was about to be done: an effect may be lost more than once.
    """

    name: str
    effect: str = "none"
    args: Any = None
    result: Any = None
    error: Exception | None = None
    epoch: int = 0

    def to_json(self) -> str:
        form: dict[str, Any] = {"name": self.name, "effect": self.effect}
        if self.epoch:
            form["epoch"] = self.epoch
        if self.args is not None:
            form["args"] = self.args
        if self.error is not None:
            form["error"] = error_to_dict(self.error)
        else:
            form["result"] = self.result
        return value_to_json(form)

    @classmethod
    def from_json(cls, text: str) -> "StepRecord":
        data: dict[str, Any] = dict(value_from_json(text))
        if "error" in data:
            data["error"] = error_from_dict(data["error"])
        return cls(**data)


def as_exception(error: BaseException) -> Exception:
    """The error as one that can be handled, and kept."""
    if isinstance(error, Exception):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _reply_to_data(reply: Reply) -> Any:
    match reply:
        case str():
            return reply
        case Broken():
            return {
                "id": reply.id,
                "role": reply.role,
                "agent": reply.agent,
                "text": reply.text,
                "error": error_to_dict(reply.error),
            }
        case Exception():
            return error_to_dict(reply)


def _reply_from_data(data: Any) -> Reply:
    if isinstance(data, str):
        return data
    if "id" in data:
        fields: dict[str, Any] = {**data, "error": error_from_dict(data["error"])}
        return Broken(**fields)
    return error_from_dict(data)
