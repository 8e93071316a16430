"""The kit for adapters, around wrappers: they change nothing about what a model keeps to."""

from decimal import Decimal

import pytest

from retinue.models import Model, find_model
from retinue.models.budget import Budgeted, Purse
from retinue.models.cached import Answers, Cached
from retinue.models.fallback import Fallback
from retinue.testing import Opening, check_model


def compatible(at: Opening) -> Model:
    return find_model(
        f"compatible:{at.model}", base_url=f"{at.url}/v1", api_key=at.api_key, **at.limits
    )


def fallback(at: Opening) -> Model:
    return Fallback(compatible(at))


def cached(at: Opening) -> Model:
    return Cached(compatible(at), Answers(), owner="ada")


def budgeted(at: Opening) -> Model:
    return Budgeted(compatible(at), Purse(cost=Decimal(1), tokens=10**9))


@pytest.mark.parametrize("opener", [fallback, cached, budgeted])
async def test_a_wrapped_adapter_keeps_the_contract(opener) -> None:
    await check_model(opener, wire="chat")
