"""Form: what an answer has to be, where it has to be more than words."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from retinue.errors import AgentError
from retinue.messages import freeze
from retinue.models import complaint

_FENCED: Final = re.compile(r"\s*```\w*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
"""JSON as most models write it who were not held to it."""


class Unfit(Exception):
    """An answer is not what it has to be; the words are for the model."""


@dataclass(frozen=True, slots=True)
class Form:
    """A JSON schema, and what else an answer has to pass.

    Args:
        schema: What the model is told, and held to where its server can.
        check: Raises ValueError with the reason.
    """

    schema: Mapping[str, Any]
    check: Callable[[Any], Any]

    def read(self, text: str) -> Any:
        """The JSON value in an answer, unable to change.

        Raises:
            Unfit: It is none, or does not fit.
        """
        fenced = _FENCED.fullmatch(text)
        try:
            value = json.loads(fenced[1] if fenced else text)
        except (ValueError, RecursionError) as error:
            raise Unfit(f"it is no JSON: {error}") from error
        if wrong := complaint(value, self.schema):
            raise Unfit(wrong)
        try:
            self.check(value)
        except ValueError as error:
            raise Unfit(str(error)) from error
        return freeze(value)


def form_of(output: Any) -> Form | None:
    """The form that was asked for: a pydantic model, or a JSON schema; None for plain words.

    Raises:
        AgentError: It is neither.
    """
    match output:
        case None:
            return None
        case Mapping():
            return Form(cast("Mapping[str, Any]", freeze(output)), _nothing_more)
        case type() if hasattr(output, "model_json_schema"):
            model = cast("Any", output)
            return Form(freeze(model.model_json_schema()), model.model_validate)
        case _:
            raise AgentError(
                f"An answer cannot be given the form of {output!r}",
                hint="Pass a pydantic model (the class), or a JSON schema (a dict).",
            )


def _nothing_more(value: Any) -> Any:
    return value
