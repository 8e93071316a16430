"""find_model: from a name to a model. Each provider is loaded only when it is chosen."""

from typing import Any


def find_model(
    name: str, *, base_url: str | None = None, api_key: str | None = None, **options: Any
) -> Any:
    raise NotImplementedError
