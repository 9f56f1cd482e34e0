"""Runs requests side by side: cells in, one result for each out.

Resources first say which cells they want, all of them before the first request leaves; then each
awaits its own. So cells of all resources of a website travel together, in full packs. The fetcher
belongs to the event loop of one run, and ends with it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Final

from databuddy_source.api.client import Client
from databuddy_source.api.models import QueryBody
from databuddy_source.api.requests import Request, query_request
from databuddy_source.api.server import Server
from databuddy_source.fetch.bodies import bodies_of
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack, Question, questions_of
from databuddy_source.fetch.queue import Queue, Route, route_of
from databuddy_source.fetch.sending import Sending
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result

ROWS_AHEAD = 250_000
"""Rows that may wait to be taken or be under way, about 120 MB. Beyond, requests leave one by one,
and only while somebody waits for a cell: so however much a run fetches, it holds no more, and
never stands still."""

_OPEN: Final[set[Fetcher]] = set()
"""Those whose loop goes on."""


class Fetcher:
    """Fetches cells.

    Args:
        connect: makes the client; called once, in the event loop.
        server: what the server can do.
        pace: how large packs may be, and how many may be under way.
        count: told what is counted ("Cells", "Rows"), how many more are done and how many more
            there are to do. Called from any thread.
        among: fetchers of the run, which share the rows that may be ahead.
        broken: why nothing can be had, where that is known; then all cells fail and none is sent.

    Attributes:
        has_answers: whether the server has answered for any cell.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        server: Server,
        pace: Pace,
        count: Callable[[str, int, int], None] = lambda what, done, wanted: None,
        among: int = 1,
        broken: str = "",
    ) -> None:
        self._count = count
        self._among = among
        self.has_answers = False
        self._connect = connect
        self._server = server
        self._pace = pace
        self._queue = Queue(pace)
        self._settling = Settling(takes_offsets=server.generation.takes_offsets, now=server.now)
        self._sending = Sending(server.generation, pace, self._queue, self._settling, broken)
        self._results: dict[Cell, asyncio.Future[Result]] = {}
        self._mistake: BaseException | None = None
        self._flying: dict[asyncio.Task[None], Route] = {}
        self._awaited: Counter[str] = Counter()
        self._rows_ahead = 0
        self._rows_of_pack = 0
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept_open: AsyncGenerator[None] | None = None
        self._lock = threading.Lock()

    def want(self, cells: Sequence[Cell], *, cautious: bool = False, proven: bool = False) -> None:
        """Line up cells of one website and report. Called from any thread.

        Args:
            cells: each will have a result.
            cautious: the type failed before, so ask for a few cells first.
            proven: the type has answered for this website before, so it may travel with others
                though it belongs to a part of the server that may be closed.
        """
        if not cells:
            return
        questions = self._questions(cells, proven=proven)
        with self._lock:
            now_asked = self._settling.begin(questions, cautious=cautious)
        self._queue.add(now_asked)
        self._count("Cells", 0, len(cells))
        if self._loop:
            self._loop.call_soon_threadsafe(self._pump)

    def rooms(self, requests: int) -> dict[Route, int]:
        """How many more questions fit into the requests that wait to leave, by route.

        Args:
            requests: that each website may have more, on its longest route.
        """
        return self._queue.rooms(requests)

    def give(self, result: Result) -> None:
        """What came of a cell that needs no question. Called in the event loop.

        Args:
            result: with its rows.
        """
        self._future(result.cell).set_result(result)
        self._rows_ahead += len(result.rows)

    def preview(self, cells: Sequence[Cell]) -> tuple[Sequence[QueryBody], Request]:
        """The request in which cells of one website and report would leave, were they alone; the
        first one, where they need several."""
        questions = self._questions(cells)
        zone = questions[0].timezone
        pack = Pack(tuple(each for each in questions if each.timezone == zone))
        bodies = bodies_of(pack, self._server.generation)
        return bodies, query_request(pack.website_id, bodies, zone)

    def _questions(self, cells: Sequence[Cell], *, proven: bool = False) -> list[Question]:
        name, server = cells[0].report.query_type.name, self._server
        spelling = server.spelling(name) or name
        return questions_of(cells, spelling, server.generation.max_limit, proven=proven)

    async def result(self, cell: Cell) -> Result:
        """Wait for a cell that was wanted. May be awaited more than once."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._client = self._connect()
            self._kept_open = self._until_the_loop_ends()
            await anext(self._kept_open)
            self._pump()
        future = self._future(cell)
        if future.done():
            return future.result()
        self._awaited[cell.website_id] += 1
        if self._is_full:
            self._pump()
        try:
            return await future
        finally:
            self._awaited[cell.website_id] -= 1

    def drop_rows(self, results: Iterable[Result]) -> None:
        """Forget the rows of results that have gone on, but not what came of the cells."""
        was_full = self._is_full
        for result in results:
            self._rows_ahead -= len(self._results[result.cell].result().rows)
            light = asyncio.get_running_loop().create_future()
            light.set_result(result.without_rows())
            self._results[result.cell] = light
        if was_full:
            self._pump()

    async def close(self) -> None:
        """End what is under way and the connections. Results that were not awaited are lost."""
        client, self._client = self._client, None
        self._queue.clear()
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        if client:
            await client.__aexit__(None, None, None)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None]:
        """Closes the fetcher where its loop closes the asynchronous generators that it has seen,
        as dlt's does at the end of an extraction, also of one that failed. Those of the resources
        may not wait for that: cancelled, they would still run when the loop closes them, which
        asyncio complains of. Until then somebody has to know of it: a loop does not wait for what
        it closes because it was forgotten."""
        _OPEN.add(self)
        try:
            yield
        finally:
            _OPEN.discard(self)
            await self.close()

    def _future(self, cell: Cell) -> asyncio.Future[Result]:
        if cell not in self._results:
            self._results[cell] = asyncio.get_running_loop().create_future()
            if self._mistake:
                self._results[cell].set_exception(self._mistake)
        return self._results[cell]

    # -- sending

    def _pump(self) -> None:
        """Send packs while there are questions and room."""
        while not self._mistake and len(self._flying) < self._room():
            pack = self._queue.next_pack(self._flying.values(), self._awaited)
            if pack is None:
                return
            task = asyncio.get_running_loop().create_task(self._send(pack))
            self._flying[task] = route_of(pack)
            task.add_done_callback(self._landed)

    @property
    def _is_full(self) -> bool:
        under_way = len(self._flying) * self._rows_of_pack
        return self._rows_ahead + under_way >= ROWS_AHEAD // self._among

    def _room(self) -> int:
        """How many requests may be under way."""
        return self._pace.in_flight if not self._is_full else int(any(self._awaited.values()))

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flying[task]
        if task.cancelled():
            return
        if error := task.exception():  # a mistake in this code: nobody shall wait for ever
            self._mistake = error
            for future in self._results.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # asyncio complains of those that nobody looks at
            return
        self._pump()

    async def _send(self, pack: Pack) -> None:
        pack = self._sending.without_the_hopeless(pack)
        if pack.questions:
            assert self._client is not None
            await self._sending.send(self._client, pack)
        self._hand_on()

    def _hand_on(self) -> None:
        """Give results to those who await them, and line up the questions that followed."""
        results, self._settling.results = self._settling.results, []
        questions, self._settling.questions = self._settling.questions, []
        self._queue.add_first(questions)
        self._rows_of_pack = sum(len(result.rows) for result in results)
        self.has_answers |= any(result.status.brings_rows for result in results)
        self._count("Cells", len(results), 0)
        self._count("Rows", self._rows_of_pack, 0)
        for result in results:
            future = self._future(result.cell)
            if not future.done():
                future.set_result(result)
                self._rows_ahead += len(result.rows)
