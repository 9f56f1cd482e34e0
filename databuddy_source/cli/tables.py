"""Tables as people read them."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_WIDEST = 10_000
"""Columns of a terminal, of which there is none."""


class WholeWords(Table):
    """A table whose cells are broken between words and nowhere else: half a number is another
    number. Where the words need more room than a terminal has, it is wider than the terminal."""

    def __init__(self) -> None:
        super().__init__(box=None, pad_edge=False, header_style="bold")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for column in self.columns:
            texts = [_plain(cell) for cell in (column.header, *column.cells)]
            # those of a column that is not to be broken are one word each
            words = texts if column.no_wrap else [word for each in texts for word in each.split()]
            column.min_width = max(map(cell_len, words), default=0)
        needed = self.__rich_measure__(console, options.update(max_width=_WIDEST)).minimum
        width = max(options.max_width, needed)
        yield from super().__rich_console__(console, options.update(max_width=width))


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
