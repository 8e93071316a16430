"""The doors that pydantic's models have, on messages: a message can be a model without being one.

They load pydantic when somebody comes in by them; construction and import do not know it.
"""

from importlib import import_module
from typing import Any, Self

from ._frozen import Record


class Doors(Record):
    """What pydantic offers of its models, and what makes a record a field of somebody's model."""

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """A message from its dict form (`retinue.messages.codecs`) or the constructor's words.

        Args:
            obj: A dict, or a message of this class.
            options: As pydantic has them: strict, context, ...

        Raises:
            pydantic.ValidationError: It is neither, or a field is missing or wrong.
        """
        return _pydantic().adapter(cls).validate_python(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes, **options: Any) -> Self:
        """The same from JSON text.

        Raises:
            pydantic.ValidationError: It is no JSON, or not that of such a message.
        """
        return _pydantic().adapter(cls).validate_json(json_data, **options)

    @classmethod
    def model_json_schema(cls, **options: Any) -> dict[str, Any]:
        """The JSON schema of the dict form."""
        return _pydantic().adapter(cls).json_schema(**options)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The dict form (`retinue.messages.codecs`): JSON values in every mode.

        Args:
            options: As pydantic has them: mode, include and exclude (by name), ...
        """
        return _pydantic().adapter(type(self)).dump_python(self, **options)

    def model_dump_json(self, **options: Any) -> str:
        """The dict form as JSON text."""
        return _pydantic().adapter(type(self)).dump_json(self, **options).decode()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return _pydantic().schema(cls, source, handler)


def declares(namespace: dict[str, Any]) -> bool:
    """Whether a class body has fields, validators, or anything else that is pydantic's business."""
    if "__annotate_func__" in namespace or "__annotate__" in namespace:
        return True  # from Python 3.14 on annotations are not looked at before somebody needs them
    for name, kind in namespace.get("__annotations__", {}).items():
        words = kind if isinstance(kind, str) else repr(kind)
        if "ClassVar" not in words and not name.startswith("__"):
            return True
    return any(
        name == "model_config" or type(value).__module__.startswith("pydantic")
        for name, value in namespace.items()
    )


def _pydantic() -> Any:
    return import_module("._declared", __package__)
