"""An agent in ten lines."""

from retinue import Turn, agent, run


@agent
async def greeter(turn: Turn) -> None:
    async for message in turn.messages:
        turn.reply(f"Hello, {await message}!")


async def main() -> str:
    return str(await greeter.inquire("Ada"))


if __name__ == "__main__":
    print(run(main))
