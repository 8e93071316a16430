"""Prose: the texts of several messages as one, ending in one line end, however they come."""


class Prose:
    """Turns pieces of text into what is to be written now.

    Line ends are held back until something follows them: at the end there is exactly one. Between
    two messages is a blank line.

    Args:
        said: Whether there is a message already, that ended in the middle of a line.
    """

    def __init__(self, *, said: bool = False) -> None:
        self._gap = "\n\n" if said else ""
        self._said = said
        self._in_line = said

    def start(self) -> None:
        """Another message begins."""
        if self._said:
            self._gap = "\n\n" if self._in_line else ""

    def add(self, text: str) -> str:
        """More text of this message; what to write of it now."""
        body = text.rstrip("\n")
        if not body:
            self._gap += text
            return ""
        written = self._gap + body
        self._gap = text[len(body) :]
        self._said = self._in_line = True
        return written

    def end(self) -> str:
        """What to write at the end, or before something else is shown on the same screen."""
        if not self._in_line:
            return ""
        self._in_line = False
        self._gap = ""
        return "\n"
