"""Reflow: what a terminal does with our picture when it becomes narrower, and how we undo that."""

from collections.abc import Mapping
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.layout.screen import Screen as Picture


class Reflowing(Application[None]):
    """Wipes out its picture also after the terminal has broken the rows of it anew.

    prompt_toolkit goes up as many rows as it has drawn. Where a row was broken in two these are too
    few, and the top of the picture would stay there for ever.
    """

    reflows = True
    """Whether this terminal does so at all."""

    def _on_resize(self) -> None:
        picture, size = self.renderer.last_rendered_screen, self.output.get_size()
        if self.reflows and picture is not None:
            cursor = picture.get_cursor_position(self.layout.current_window)
            above = [_length(picture, row) for row in range(cursor.y)]
            more = sum([(length - 1) // size.columns for length in above if length])
            self.output.cursor_up(more + cursor.x // size.columns)
        super()._on_resize()


def does_reflow(environ: Mapping[str, str]) -> bool:
    """Whether the terminal breaks long rows anew when it becomes narrower; all but old ones do."""
    term = environ.get("TERM", "")
    return "XTERM_VERSION" not in environ and not term.startswith(("linux", "rxvt", "vt"))


def _length(picture: Picture, row: int) -> int:
    """The columns of a row that something stands in."""
    cells: Mapping[int, Any] = picture.data_buffer[row]
    return max([column + 1 for column, cell in cells.items() if cell.char.strip()], default=0)
