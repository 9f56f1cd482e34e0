"""A fetcher for each key: one that is rejected, or waits for its budget, keeps no other waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from databuddy_source.api.models import QueryBody
from databuddy_source.api.requests import Request
from databuddy_source.fetch.fetcher import Fetcher
from databuddy_source.fetch.queue import Route
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result


class Fetchers:
    """Fetches cells, each with the key of its website.

    Args:
        fetchers: by any names.
        name_of: the name of the one that fetches a website, by the website's id.
    """

    def __init__(self, fetchers: Mapping[str, Fetcher], name_of: Callable[[str], str]) -> None:
        self._fetchers = fetchers
        self._name_of = name_of

    def _of(self, cell: Cell) -> Fetcher:
        return self._fetchers[self._name_of(cell.website_id)]

    def want(self, cells: Sequence[Cell], *, cautious: bool = False, proven: bool = False) -> None:
        """Line up cells of one website and report, see `Fetcher.want`."""
        if cells:
            self._of(cells[0]).want(cells, cautious=cautious, proven=proven)

    def rooms(self, requests: int) -> dict[Route, int]:
        """How many more questions fit, see `Fetcher.rooms`."""
        found: dict[Route, int] = {}
        for fetcher in self._fetchers.values():
            found |= fetcher.rooms(requests)
        return found

    def give(self, result: Result) -> None:
        """Take a result that is known already, see `Fetcher.give`."""
        self._of(result.cell).give(result)

    def preview(self, cells: Sequence[Cell]) -> tuple[Sequence[QueryBody], Request]:
        """What would be sent for cells of one website and report, see `Fetcher.preview`."""
        return self._of(cells[0]).preview(cells)

    async def result(self, cell: Cell) -> Result:
        """The result of a cell that is wanted, see `Fetcher.result`."""
        return await self._of(cell).result(cell)

    def drop_rows(self, results: Iterable[Result]) -> None:
        """Forget rows that somebody has taken, see `Fetcher.drop_rows`."""
        for result in results:
            self._of(result.cell).drop_rows([result])

    @property
    def has_answers(self) -> bool:
        """Whether a server has answered for any cell."""
        return any(fetcher.has_answers for fetcher in self._fetchers.values())

    async def close(self) -> None:
        """Close all connections."""
        for fetcher in self._fetchers.values():
            await fetcher.close()
