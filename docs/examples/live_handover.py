"""Live hand-over: one agent reads another's words while they are being written."""

import asyncio

from retinue import MessagePromise, StreamAppender, Turn, agent, run


@agent
async def writer(turn: Turn) -> None:
    with StreamAppender[str]() as pen:
        turn.reply(MessagePromise(pen))  # handed on before there is a word of it
        for word in ("rain ", "on ", "the ", "roof"):
            pen.append(word)
            await asyncio.sleep(0)  # a model would take its time here


@agent
async def shouter(turn: Turn) -> None:
    async for message in turn.messages:
        with StreamAppender[str]() as pen:
            turn.reply(MessagePromise(pen))
            async for word in message:  # each word, as soon as the writer has it
                pen.append(word.upper())


async def main() -> str:
    draft = writer.inquire("Write about rain.")  # already running
    loud = shouter.inquire(draft)  # asked before the draft is done
    async for message in loud:
        async for word in message:
            print(word, end="", flush=True)
    print()
    return str(await loud)


if __name__ == "__main__":
    run(main)
