"""How errors travel: raised at the reader, in their place, or turned into messages."""

from retinue import Scope, Turn, agent, run


@agent
async def shaky(turn: Turn) -> None:
    turn.reply("This much I know.")
    raise ValueError("and here I stumbled")


@agent
async def careful(turn: Turn) -> None:
    try:
        await shaky.inquire()  # asking never raises; reading does
    except ValueError as error:
        turn.reply(f"Caught: {error}.")


async def main() -> list[str]:
    said = [str(await careful.inquire())]
    async with Scope(errors_as_messages=True):
        said += [str(message) for message in await shaky.inquire()]
    return said


if __name__ == "__main__":
    print(run(main))
