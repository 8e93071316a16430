"""A tool that looks the same thing up once."""

from retinue import assistant, run
from retinue.messages import ToolCall
from retinue.testing import Scripted
from retinue.tools import Cached, Results, tool

looked_up: list[str] = []


@tool(effect="none", risk="network")
async def population(city: str) -> int:
    """How many people live in a city."""
    looked_up.append(city)
    return 206_035


async def main() -> list[str]:
    results = Results(max_age=600)
    asks = ToolCall(id="1", name="population", args={"city": "Turku"})
    for _ in range(2):
        model = Scripted(asks, "206,035 people live in Turku.")
        tools = [Cached(population, results, owner="ada")]
        await assistant("host", model=model, tools=tools).inquire("How many live in Turku?")
    return looked_up


if __name__ == "__main__":
    print(run(main))
