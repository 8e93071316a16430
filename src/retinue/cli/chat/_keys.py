"""Keys: what the keys do that do more than to edit the line."""

from typing import Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from ._approval import Answer


class Typist(Protocol):
    """Who heeds them."""

    @property
    def buffer(self) -> Buffer:
        """The line."""
        ...

    @property
    def may_answer(self) -> bool:
        """Whether a key is an answer now."""
        ...

    @property
    def waits(self) -> bool:
        """Whether a line was sent that nobody has taken yet."""
        ...

    def answer(self, answer: Answer) -> None:
        """The answer to the question."""
        ...

    def interrupt(self) -> None:
        """Stop what goes on; or clear the line; or say how to leave."""
        ...

    def quit(self) -> None:
        """Stop what goes on, and leave; the second time, at once."""
        ...

    def take_back(self) -> None:
        """The line that was sent last is to be edited again."""
        ...


def keys_of(typist: Typist) -> KeyBindings:
    """The keys."""
    keys = KeyBindings()
    buffer = typist.buffer
    typing = has_focus(buffer)
    answering = Condition(lambda: typist.may_answer)
    empty = typing & Condition(lambda: not buffer.text)

    def answers(answer: Answer, *letters: str) -> None:
        for letter in letters:

            @keys.add(letter, filter=answering, eager=True)
            def _(_: KeyPressEvent) -> None:
                typist.answer(answer)

    answers("yes", "y", "Y")
    answers("no", "n", "N", "enter")
    answers("always", "a", "A")

    @keys.add("enter", filter=typing & ~answering)
    def _(_: KeyPressEvent) -> None:
        buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _(_: KeyPressEvent) -> None:
        buffer.insert_text("\n")

    @keys.add("up", filter=empty & Condition(lambda: typist.waits))
    def _(_: KeyPressEvent) -> None:
        typist.take_back()

    @keys.add("c-c", filter=typing)
    @keys.add("<sigint>")
    def _(_: KeyPressEvent) -> None:
        typist.interrupt()

    @keys.add("c-d", filter=empty)
    def _(_: KeyPressEvent) -> None:
        typist.quit()

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys
