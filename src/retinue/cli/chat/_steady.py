"""Steady: a screen that changes from one whole picture to the next, and never flickers."""

from typing import Final

from prompt_toolkit.output.vt100 import Vt100_Output

_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
"""Synchronized output; whoever does not know it takes no notice.

Source: https://github.com/contour-terminal/vt-extensions/blob/master/synchronized-output.md
"""


class Steady(Vt100_Output):
    """Sends a picture at once. A terminal that has gone is written to no more, and that is all."""

    _drawing = False
    _gone = False

    def begin(self) -> None:
        """What comes now is one picture."""
        if not self._drawing:
            self._drawing = True
            self.write_raw(_BEGIN)

    def finish(self) -> None:
        """The picture is whole."""
        if self._drawing:
            self._drawing = False
            self.write_raw(_END)
            self.flush()

    def flush(self) -> None:
        if self._drawing:
            return
        if self._gone:
            self._buffer.clear()
            return
        try:
            super().flush()
        except (OSError, ValueError):  # hung up; whoever reads from it ends the talk
            self._gone = True

    @property
    def responds_to_cpr(self) -> bool:
        """Never asked where the cursor is: an answer could come after we left, as if typed."""
        return False
