"""A run that stops before the call that could cost more than is left."""

from decimal import Decimal

from retinue import assistant, run
from retinue.models import Usage
from retinue.models.budget import Budgeted, Purse
from retinue.models.prices import Cost
from retinue.testing import Reply, Scripted


def price(name: str, usage: Usage) -> Cost:
    """In place of the table of prices: 2 and 10 dollars for a million tokens."""
    return Cost(dollars=Decimal(2 * usage.input + 10 * usage.output) / 1_000_000, table="mine")


async def main() -> tuple[str, str, Decimal]:
    model = Scripted(Reply("A first chapter.", usage=Usage(input=20, output=900)), "A second one.")
    purse = Purse(cost=Decimal("0.0092"))
    writer = assistant("writer", model=Budgeted(model, purse, pricing=price))
    await writer.inquire("Write a chapter.")
    [last] = await writer.inquire("Write another one.")
    return last.stop_reason, last.text, purse.spent.dollars


if __name__ == "__main__":
    print(*run(main), sep="\n")
