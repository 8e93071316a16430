"""The kit for adapters, over the wire of Responses: through the vendor's client, and without it."""

import pytest

from retinue.models import Model, find_model
from retinue.models.guard import Guarded
from retinue.models.openai import Responses
from retinue.testing import Opening, check_model

pytest.importorskip("openai", reason="needs the extra: uv sync --group vendors")


def through_the_vendors_client(at: Opening) -> Model:
    return find_model(
        f"openai:{at.model}",
        base_url=f"{at.url}/v1",
        api_key=at.api_key,
        api="responses",
        **at.limits,
    )


def over_plain_http(at: Opening) -> Model:
    """As where the extra is not installed."""
    model = Responses(model=at.model, base_url=f"{at.url}/v1", api_key=at.api_key)
    return Guarded(model, **at.limits)


@pytest.mark.parametrize("opener", [through_the_vendors_client, over_plain_http])
async def test_the_adapter_of_responses_keeps_the_contract(opener) -> None:
    await check_model(opener, wire="responses", without={"audio"})
