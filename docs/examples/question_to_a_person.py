"""A run waits for a person, also while no process executes it; then it goes on."""

import tempfile
from pathlib import Path

from retinue import Retinue, Turn, agent, run
from retinue.messages.events import InterruptAsked
from retinue.steps import ask

QUESTION = {
    "text": "Which city is it for?",
    "schema": {"type": "string", "enum": ["Turku", "Oslo"]},
}


async def turku() -> str:
    """What is answered where no run is around, so that nobody can be asked."""
    return "Turku"


@agent
async def courier(turn: Turn) -> None:
    city = await ask(QUESTION, turku)
    turn.reply(f"It goes to {city}.")


async def main() -> str:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "retinue.db"
        async with await Retinue.open(store, agents=[courier]) as retinue:
            sent = await retinue.start("courier", "Send the parcel", background=True)
            async with sent.events() as events:
                async for event in events:
                    if isinstance(event, InterruptAsked):
                        break
        async with await Retinue.visit(store) as retinue:  # nothing is executed here
            [question] = (await retinue.runs.inbox()).items
            await retinue.runs.answer(question.id, "Oslo")
        async with await Retinue.open(store, agents=[courier]) as retinue:
            return str(await (await retinue.run(sent.id)).replies())


if __name__ == "__main__":
    print(run(main))
