"""An old run is executed again: as it was, and with another model in one of its turns."""

import tempfile
from pathlib import Path

from retinue import Retinue, Turn, agent, assistant, run
from retinue.runs import rehearse
from retinue.testing import Scripted

poet = assistant("poet", model=Scripted("Rain on the roof."))
critic = assistant("critic", model=Scripted("Well said.", "Too loud."))


@agent
async def editor(turn: Turn) -> None:
    poem = poet.inquire(turn.messages)
    turn.reply(poem, critic.inquire(poem))


async def main() -> tuple[bool, str, tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        async with await Retinue.open(Path(folder) / "retinue.db", agents=[editor]) as retinue:
            first = await retinue.start("editor", "A poem about rain")
            await first.replies()
            old = await first.record()
            same = await rehearse(retinue.store, old, editor)
            changes = {"model": Scripted("THUNDER!")}
            other = await rehearse(retinue.store, old, editor, since="poet", changes=changes)
            return same.is_same, " ".join([m.text for m in other.replies]), other.turns


if __name__ == "__main__":
    print(*run(main), sep="\n")
