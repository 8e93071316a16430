"""An assistant with a tool; the demo model needs no key, and is no language model."""

from retinue import assistant, run, tool


@tool
def population(city: str) -> int:
    """How many people live in a city.

    Args:
        city: The name of the city.
    """
    return {"Turku": 206_035, "Tampere": 260_180}[city]


clerk = assistant(
    "clerk",
    model="demo",
    system="You answer from the register.",
    tools=[population],
)


async def main() -> str:
    replies = clerk.inquire('What is the population of the city "Turku"?')
    async for message in replies:
        async for token in message:
            print(token, end="", flush=True)
    print()
    return str(await replies)


if __name__ == "__main__":
    run(main)
