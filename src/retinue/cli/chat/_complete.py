"""Complete: what a line may become, in a menu below it."""

from collections.abc import AsyncGenerator, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from retinue.telemetry.terminal import one_line

from ._commands import completions
from ._session import Session


class Complete(Completer):
    """Completes commands, and what may follow them.

    Args:
        session: What they are about.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """None that could be had without waiting."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion]:
        for text, replaced, help in await completions(document.text_before_cursor, self._session):
            yield Completion(
                text, start_position=-replaced, display=one_line(text, width=60), display_meta=help
            )
