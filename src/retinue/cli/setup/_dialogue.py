"""Dialogue: questions to a person at a terminal, asked until the answer is one."""

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

from retinue.cli._screen import Screen
from retinue.errors import RetinueError, SettingsError
from retinue.telemetry.terminal import one_line, redacted


class Dialogue:
    """Asks on standard output, reads from standard input.

    Every question raises EOFError at the end of input, and KeyboardInterrupt on Ctrl-C.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def say(self, text: str = "", *styles: str) -> None:
        """A paragraph, without any secret that the screen knows."""
        shown = redacted(text, self._screen.secrets.items())
        self._screen.write(f"{self._screen.look.paint(shown, *styles)}\n")

    def complain(self, error: RetinueError, before: str = "") -> None:
        """What went wrong, in one line, and what to do about it."""
        what = one_line(f"{before}{error}").rstrip(".")
        self.say(f"  {what}. {one_line(error.hint or '')}".rstrip(), "red")

    def hide(self, secret: str, shown: str) -> None:
        """From now on `shown` is what can be seen of the secret."""
        self._screen.secrets = {**self._screen.secrets, secret: shown}

    def line[T](
        self, question: str, read: Callable[[str], T], *, default: str = "", expects: str
    ) -> T:
        """A line that `read` accepts.

        Args:
            read: Raises ValueError for what is no answer.
            default: What Enter stands for; shown in brackets.
            expects: What an answer is, in words that go after "I need".
        """
        shown = f"{question} [{one_line(default)}]" if default else question
        return self._read(shown, lambda text: read(text or default), expects)

    def number(self, items: Sequence[str], *, default: int = 0) -> int:
        """Which of the items, counted from 0."""
        width = len(str(len(items)))
        for position, item in enumerate(items, 1):
            self.say(f"  {position:>{width}}  {one_line(item, width=90)}")

        def read(text: str) -> int:
            if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= len(items)):
                raise ValueError
            return int(text) - 1

        expects = f"a number from 1 to {len(items)}"
        return self.line("Number", read, default=str(default + 1), expects=expects)

    def letter(self, question: str, letters: str) -> str:
        """One of the letters; Enter is the first."""

        def read(text: str) -> str:
            letter = text[:1].lower() or letters[0]
            if letter not in letters:
                raise ValueError
            return letter

        return self._read(question, read, f"one of {', '.join(letters)}")

    def hidden(self, question: str) -> str:
        """A line that is not seen while it is typed: a key.

        Raises:
            SettingsError: This terminal cannot hide it.
        """
        getpass = import_module("getpass")
        while True:
            try:
                with warnings.catch_warnings(action="error", category=getpass.GetPassWarning):
                    key: str = getpass.getpass(f"{question} (it is not shown): ").strip()
            except getpass.GetPassWarning as error:
                raise SettingsError(
                    "This terminal cannot hide what is typed",
                    hint="Put the key into a variable, and name that.",
                ) from error
            if key and key.isascii() and key.isprintable() and " " not in key:
                return key
            self.say("  I need a key: one word of plain letters, digits and signs.", "yellow")

    def _read[T](self, question: str, read: Callable[[str], T], expects: str) -> T:
        end = "" if question.endswith("?") else ":"
        while True:
            self._screen.write(f"{self._screen.look.paint(f'{question}{end}', 'bold')} ")
            self._screen.flush()
            try:
                return read(_typed())
            except ValueError:  # also what is no UTF-8
                self.say(f"  I need {expects}.", "yellow")


def _typed() -> str:
    typed = sys.stdin.readline()
    if not typed:
        raise EOFError
    if not typed.strip().isprintable():
        raise ValueError
    return typed.strip()
