"""An answer that is a value: checked, and asked for again where it does not fit."""

from pydantic import BaseModel

from retinue import assistant, run
from retinue.testing import Scripted


class City(BaseModel):
    name: str
    people: int


MODEL = Scripted("Turku has 206,035 people.", '{"name": "Turku", "people": 206035}')


async def main() -> City:
    clerk = assistant("clerk", model=MODEL, output=City)
    replies = await clerk.inquire("How many people live in Turku?")
    return City.model_validate(replies[-1].output)


if __name__ == "__main__":
    print(run(main))
