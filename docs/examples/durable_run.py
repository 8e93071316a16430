"""A run goes on where another process left it, and what it had done is not done again."""

import asyncio
import tempfile
from pathlib import Path

from retinue import Retinue, Turn, agent, run

drawn: list[int] = []
power_fails = asyncio.Event()
power_is_back = asyncio.Event()


async def draw() -> int:
    drawn.append(7)
    return 7


@agent
async def lottery(turn: Turn) -> None:
    number = await turn.step("draw", draw)
    power_fails.set()
    await power_is_back.wait()
    turn.reply(f"The number is {number}. It was drawn {len(drawn)} time(s).")


async def main() -> str:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "retinue.db"
        async with await Retinue.open(store, agents=[lottery]) as retinue:
            ordered = await retinue.start("lottery", "Draw a number")
            await power_fails.wait()
        power_is_back.set()
        async with await Retinue.open(store, agents=[lottery]) as retinue:
            taken_up = await retinue.run(ordered.id)
            return str(await taken_up.replies())


if __name__ == "__main__":
    print(run(main))
