"""What AWAIT is for: without it a chain would ask faster than anybody can answer."""

from contextlib import suppress

from retinue import AWAIT, Turn, agent, chain_loop, run

lines = ["one", "two"]
heard: list[str] = []


@agent
async def user(turn: Turn) -> None:
    heard.extend([str(message) for message in await turn.messages])
    if not lines:
        raise EOFError
    turn.reply(lines.pop(0))


@agent
async def parrot(turn: Turn) -> None:
    turn.reply(turn.messages)


async def main() -> list[str]:
    with suppress(EOFError):
        await chain_loop([user, AWAIT, parrot])
    return heard


if __name__ == "__main__":
    print(run(main))
