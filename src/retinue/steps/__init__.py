"""The seam through which lower rooms touch durability without knowing it: ports only.

Every inquiry, model call and tool call passes through the functions here. When nobody listens they
do nothing but run the work: no address is computed, nothing is recorded. A `Recorder` in the one
ContextVar changes that; the room `runs` implements it, `retinue.testing` has one in memory.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Literal, Protocol

type Effect = Literal["none", "idempotent", "once"]
"""What doing a thing twice does: nothing, nothing more when the key is the same, harm."""


type Work[T] = Callable[[str | None], Awaitable[T]]
"""The work of a step; it is told the address of the step, where there is one."""


class Settle(Protocol):
    """Says how much was spent of what was set aside; what is not named was not."""

    def __call__(self, **amounts: float) -> None: ...


class Recorder(Protocol):
    """What listens to one turn. The recorder of a turn is current in the turn's own context."""

    @property
    def address(self) -> str:
        """Where this turn stands: parent's address, agent, digest of what was passed, which one."""
        ...

    def inquiry(self, agent: str, passed: Callable[[], str], key: str | None) -> "Recorder":
        """The recorder of a turn that is asked for now, inside the call; nothing waits.

        Args:
            agent: The name of the agent that is asked.
            passed: Gives the digest of everything that was passed; called only if it is needed.
            key: What the caller named this inquiry, where it did.

        Raises:
            AmbiguousAddress: Another task of this turn asked the same without a key.
        """
        ...

    def identity(self, message: Any) -> str | None:
        """Which message of which turn this promise is; None, where no turn said it."""
        ...

    async def perform(self, turn: Any, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of the turn; or, if it was finished before, let it say that again."""
        ...

    def said(self, message: Any, *, copied: bool) -> Any:
        """The turn replies with this promise of a message, or failure; what its readers get.

        Args:
            message: What comes next in its replies.
            copied: It came along in a sequence, unread.
        """
        ...

    def heard(self, what: Any) -> None:
        """Code of the turn read this promise of a message, or a sequence of them to its end."""
        ...

    def ended(self, replies: Any, outcome: BaseException | None) -> None:
        """The agent's function is over. What it replied from others may still be on its way.

        Args:
            replies: All that it said.
            outcome: The error that it ended with. `asyncio.CancelledError`: nobody in the program
                wanted it to end, the process is going down.
        """
        ...

    def settled(self) -> None:
        """And so is everything that was started in the turn."""
        ...

    async def step[T](self, name: str, work: Work[T], *, args: Any, effect: Effect) -> T:
        """Do `work`, or give what it gave, or raise what it raised, when it was done before.

        Args:
            name: What kind of step it is.
            work: Does it; called with the address of the step, by which the far side can tell a
                repetition.
            args: Tell equal steps from different ones.
            effect: What doing it twice does.
        """
        ...

    async def ask(self, question: Any) -> Any:
        """Put a question to a human and wait for the answer."""
        ...

    async def reserve(self, amounts: dict[str, float]) -> "Settle":
        """Set tokens, money, turns aside before they are spent, or raise BudgetExceeded."""
        ...

    def emit(self, kind: str, **fields: Any) -> None:
        """Something happened that readers of the log want to know."""
        ...

    async def load(self) -> Any:
        """What this agent saved last in this conversation, a JSON value; None at first."""
        ...

    def save(self, value: Any) -> None:
        """Keep a JSON value for its next turn; it counts once this turn is over."""
        ...


recorder: ContextVar[Recorder | None] = ContextVar("retinue.recorder", default=None)

place: ContextVar[str] = ContextVar("retinue.place", default="")
"""Names the task, among several that a turn has at once; what is done in it is told apart by it."""


async def step[T](
    name: str,
    work: Work[T],
    *,
    args: Any = None,
    effect: Effect = "none",
) -> T:
    """Do what must not be done again after a crash: a model call, a tool call, the time."""
    listening = recorder.get()
    if listening is None:
        return await work(None)
    return await listening.step(name, work, args=args, effect=effect)


async def ask(question: Any, otherwise: Callable[[], Awaitable[Any]]) -> Any:
    """Ask a human through whoever records this turn; without one, do it `otherwise`."""
    listening = recorder.get()
    if listening is None:
        return await otherwise()
    return await listening.ask(question)


async def reserve(**amounts: float) -> Settle:
    """Set something aside before it is spent: "usd", "tokens", "turns".

    Returns what must be called once it is known how much was: the rest comes back.

    Raises:
        BudgetExceeded: More than is left; nothing is set aside.
    """
    listening = recorder.get()
    if listening is None:
        return _nothing_aside
    return await listening.reserve(amounts)


def emit(kind: str, **fields: Any) -> None:
    """Say that something happened, to whoever listens."""
    listening = recorder.get()
    if listening is not None:
        listening.emit(kind, **fields)


def _nothing_aside(**amounts: float) -> None:
    """There is no budget."""
