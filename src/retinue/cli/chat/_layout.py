"""Layout: where on the screen things are, and in which style."""

from collections.abc import Callable
from typing import Final

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.processors import HighlightIncrementalSearchProcessor
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

_MENU: Final = 8
"""Rows of the menu, at most."""

STYLE: Final = Style.from_dict(
    {
        "mark": "ansicyan bold",
        "completion-menu": "bg:default fg:default",
        "completion-menu.completion": "fg:ansicyan",
        "completion-menu.completion.current": "fg:ansicyan bg:default reverse",
        "completion-menu.meta.completion": "bg:default fg:default dim",
        "completion-menu.meta.completion.current": "bg:default fg:default nodim",
        "scrollbar.background": "bg:default",
        "scrollbar.button": "bg:ansibrightblack",
        "incsearch.current": "reverse",
        "search-toolbar": "nobold dim",
    }
)


def layout_of(
    buffer: Buffer, above: Callable[[], list[str]], *, mark: str, rows: Callable[[], int]
) -> Layout:
    """What is not finished yet; the line that is typed; a menu below it; what is searched for.

    Args:
        buffer: The line.
        above: The lines above it.
        mark: What stands before it.
        rows: Of the terminal; the line takes half of them at most.
    """

    def line_prefix(line: int, wrapped: int) -> StyleAndTextTuples:
        return [("", "  ")] if line or wrapped else [("class:mark", mark)]

    def height() -> Dimension:
        menu = buffer.complete_state
        most = max(rows() // 2, 1)
        needed = 1 + min(len(menu.completions), _MENU) if menu else 1
        return Dimension(min=min(needed, most), max=most)

    search = SearchToolbar(
        backward_search_prompt="search: ", forward_search_prompt="search: ", ignore_case=True
    )
    typed = Window(
        BufferControl(
            buffer,
            input_processors=[HighlightIncrementalSearchProcessor()],
            search_buffer_control=search.control,
            preview_search=True,
        ),
        height=height,
        get_line_prefix=line_prefix,
        wrap_lines=True,
        dont_extend_height=True,
    )
    unfinished = Window(
        FormattedTextControl(lambda: ANSI("\n".join(above()))), dont_extend_height=True
    )
    return Layout(
        HSplit(
            [
                ConditionalContainer(unfinished, Condition(lambda: bool(above()))),
                FloatContainer(
                    typed,
                    [
                        Float(
                            CompletionsMenu(max_height=_MENU, scroll_offset=1),
                            xcursor=True,
                            ycursor=True,
                        )
                    ],
                ),
                search,
            ]
        ),
        typed,
    )
