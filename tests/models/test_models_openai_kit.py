"""The kit for adapters, over the wire of Responses: through the vendor's client, and without it."""

import pytest

from retinue.models import Model, find_model
from retinue.testing import Opening, check_model


def opened(at: Opening) -> Model:
    return find_model(
        f"openai:{at.model}",
        base_url=f"{at.url}/v1",
        api_key=at.api_key,
        api="responses",
        **at.limits,
    )


async def test_it_keeps_the_contract_through_the_vendors_client() -> None:
    pytest.importorskip("openai", reason="needs the extra: uv sync --group vendors")
    await check_model(opened, wire="responses", without={"audio"})


async def test_it_keeps_the_contract_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinue.models.openai._carrier", lambda: None)
    await check_model(opened, wire="responses", without={"audio"})
