"""Run: an agent that is named gets a task, here or in the background."""

from retinue.app import build
from retinue.app.retinue import Retinue
from retinue.messages import Message
from retinue.promise import run as run_loop
from retinue.storage import Order

from . import ask
from ._background import start_worker
from ._cast import check_name, version_of
from ._exits import DONE
from ._grammar import RunTask
from ._opening import open_settings
from ._question import question_of
from ._screen import Screen
from ._store import conversation_of, folder_here


def run(line: RunTask, screen: Screen) -> int:
    """Have it done, or have it begun; the exit code."""
    settings = open_settings(line.ask.flags, screen)
    check_name(line.agent, settings.name)
    if not line.background:
        return ask.run(line.ask, screen)
    build(settings)  # whatever is wrong with the settings is said here, and not in a log
    question = question_of(line.ask.question, screen, line.ask.files)

    async def order() -> str:
        async with await Retinue.visit(settings.store) as retinue:
            conversation = await _conversation(
                retinue, line.ask.conversation, question, screen.program
            )
            ordered = Order(
                conversation=conversation,
                agent=line.agent,
                version=version_of(line.ask.flags, folder=folder_here()),
                messages=(question,),
                background=True,
            )
            return (await retinue.runs.order(ordered)).id

    id = run_loop(order)
    start_worker(settings, line.ask.flags)
    screen.write(f"{id}\n")
    screen.remark(f"it is under way. To follow it: {screen.program} tasks follow {id}")
    return DONE


async def _conversation(
    retinue: Retinue, chosen: str | None, question: Message, program: str
) -> str:
    """The id of the one that is gone on with, or of a new one."""
    match chosen:
        case None:
            title = question.text[:80] or None
            return (await retinue.log.begin(title=title, folder=folder_here())).id
        case "":
            return (await retinue.last(folder_here())).id
        case prefix:
            return (await conversation_of(retinue, prefix, program)).id
