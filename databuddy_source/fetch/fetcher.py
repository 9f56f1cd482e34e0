"""Runs requests side by side: cells in, one result for each out.

Resources first say which cells they want, all of them before the first request leaves; then each
awaits its own. So cells of all resources of a website travel together, in full packs. The fetcher
belongs to the event loop of one run.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from databuddy_source.api.client import Client
from databuddy_source.api.models import QueryBody
from databuddy_source.api.requests import Request, query_request
from databuddy_source.api.retry import DIVIDED, DIVISIBLE, SETTLED
from databuddy_source.api.server import Server
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    RateLimited,
    Retriable,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unreachable,
    WebsiteNotAccessible,
)
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Ask, Pack, asks_of, bodies_of
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result

logger = logging.getLogger(__name__)

ROWS_AHEAD = 250_000
"""Rows that may wait to be taken or be under way, about 120 MB. Beyond, requests leave one by one,
and only while somebody waits for a cell: so however much a run fetches, it holds no more, and
never stands still."""

FAILING_IN_A_ROW = 3
"""Reports whose single questions fail one after the other before the server counts as broken.
Questions of one report alone would show no more than that this report is."""


class Fetcher:
    """Fetches cells.

    Args:
        connect: makes the client; called once, in the event loop.
        server: what the server can do.
        timezone: IANA name; sent along, moves the buckets of a few series.
        pace: how large packs may be, and how many may be under way.
        count: told what is counted ("Cells", "Rows"), how many more are done and how many more
            there are to do. Called from any thread.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        server: Server,
        timezone: str,
        pace: Pace,
        count: Callable[[str, int, int], None] = lambda what, done, wanted: None,
    ) -> None:
        self._count = count
        self._connect = connect
        self._server = server
        self._timezone = server.generation.zone(timezone)
        self._pace = pace
        self._waiting: dict[str, deque[Ask]] = defaultdict(deque)
        self._divided: deque[Pack] = deque()
        self._settling = Settling(takes_offsets=server.generation.takes_offsets)
        self._results: dict[Cell, asyncio.Future[Result]] = {}
        self._closed_websites: dict[str, str] = {}
        self._broken = ""
        self._answered = False
        self._failing: set[Report] = set()
        self._mistake: BaseException | None = None
        self._flying: dict[asyncio.Task[None], str] = {}
        self._awaited: Counter[str] = Counter()
        self._rows_ahead = 0
        self._rows_of_pack = 0
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def want(self, cells: Sequence[Cell], *, cautious: bool = False) -> None:
        """Line up cells of one website and report. Called from any thread.

        Args:
            cells: each will have a result.
            cautious: the type failed before, so ask for a few cells first.
        """
        if not cells:
            return
        asks = self._asks(cells)
        with self._lock:
            now_asked = self._settling.begin(asks, cautious=cautious)
            self._waiting[cells[0].website_id].extend(now_asked)
        self._count("Cells", 0, len(cells))
        if self._loop:
            self._loop.call_soon_threadsafe(self._pump)

    def preview(self, cells: Sequence[Cell]) -> tuple[Sequence[QueryBody], Request]:
        """The request in which cells of one website and report would leave, were they alone."""
        bodies = self._bodies(Pack(tuple(self._asks(cells))))
        return bodies, query_request(cells[0].website_id, bodies, self._timezone)

    def _asks(self, cells: Sequence[Cell]) -> list[Ask]:
        name, server = cells[0].report.query_type.name, self._server
        return asks_of(cells, server.spelling(name) or name, server.generation.max_limit)

    def _bodies(self, pack: Pack) -> list[QueryBody]:
        return bodies_of(pack, self._server.generation)

    async def result(self, cell: Cell) -> Result:
        """Wait for a cell that was wanted. May be awaited more than once."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._client = self._connect()
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
        with self._lock:
            self._waiting.clear()
            self._divided.clear()
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        if client:
            await client.__aexit__(None, None, None)

    def close_from_outside(self) -> None:
        """`close`, from another thread than the event loop's, if that one still runs."""
        if self._client and self._loop and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self.close(), self._loop).result()

    def _future(self, cell: Cell) -> asyncio.Future[Result]:
        if cell not in self._results:
            self._results[cell] = asyncio.get_running_loop().create_future()
            if self._mistake:
                self._results[cell].set_exception(self._mistake)
        return self._results[cell]

    # -- sending

    def _pump(self) -> None:
        """Send packs while there are questions and room."""
        while (
            not self._mistake and len(self._flying) < self._room() and (pack := self._next_pack())
        ):
            task = asyncio.get_running_loop().create_task(self._send(pack))
            self._flying[task] = pack.website_id
            task.add_done_callback(self._landed)

    @property
    def _is_full(self) -> bool:
        under_way = len(self._flying) * self._rows_of_pack
        return self._rows_ahead + under_way >= ROWS_AHEAD

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

    def _next_pack(self) -> Pack | None:
        with self._lock:
            if self._divided:
                pack = self._divided.popleft()
                pack, rest = pack.parted(self._pace.fitting(pack.kinds))
                if rest.asks:
                    self._divided.appendleft(rest)
                return pack
            # first what is waited for, so that rows do not lie about, then the longest queue
            websites = sorted(
                self._waiting, key=lambda each: (self._awaited[each] > 0, len(self._waiting[each]))
            )
            for website_id in reversed(websites):
                waiting = self._waiting[website_id]
                size = self._pace.fitting(ask.kind for ask in waiting)
                # a pack that is not full waits for those under way: their next pages may join it
                is_full = size < len(waiting) or size == self._pace.pack_size
                if waiting and (is_full or website_id not in self._flying.values()):
                    return Pack(tuple(waiting.popleft() for _ in range(size)))
        return None

    async def _send(self, pack: Pack) -> None:
        pack = self._without_the_hopeless(pack)
        if pack.asks:
            await self._ask(pack)
        self._hand_on()

    async def _ask(self, pack: Pack) -> None:
        assert self._client is not None
        single = len(pack.asks) == 1
        traffic = Traffic()
        try:
            answers = await self._client.query(
                pack.website_id,
                self._bodies(pack),
                self._timezone,
                SETTLED if single else DIVIDED if pack.divided else DIVISIBLE,
                traffic,
            )
        except WebsiteNotAccessible as error:
            self._closed_websites[pack.website_id] = str(error)
            self._settling.outage(pack.asks, str(error))
        except (Unreachable, RateLimited, AccessDenied) as error:
            self._give_up(str(error), pack)
        except DatabuddyError as error:
            if isinstance(error, TimedOut | ServerFailed):
                self._pace.failed(pack.kinds, traffic.seconds)
            elif isinstance(error, TooLarge):
                self._pace.too_large(pack.kinds, traffic.size)
            if single:
                self._single_failed(pack.asks[0], error)
            else:
                self._divided.extendleft(reversed(pack.halves()))
        else:
            self._pace.answered(pack.kinds, traffic.seconds, traffic.size)
            self._failing.clear()
            self._answered = True
            taken = [(ask, answers.get(name)) for name, ask in pack.named().items()]
            # good ones first: a type that has answered is not given up
            for ask, answer in sorted(taken, key=lambda each: not (each[1] and each[1].success)):
                self._settling.take(ask, answer)

    def _without_the_hopeless(self, pack: Pack) -> Pack:
        """Fail at once what is known to fail, and keep the rest."""
        kept = []
        for ask in pack.asks:
            closed = self._broken or self._closed_websites.get(ask.website_id, "")
            if closed:
                self._settling.outage([ask], closed)
            elif not self._settling.is_moot(ask):
                kept.append(ask)
        return replace(pack, asks=tuple(kept))

    def _single_failed(self, ask: Ask, error: DatabuddyError) -> None:
        if isinstance(error, Retriable) or not self._answered:
            self._failing.add(ask.report)
        error.at(website=ask.website_id, report=ask.report.name, window=str(ask))
        if len(self._failing) >= FAILING_IN_A_ROW:
            self._give_up(str(error), Pack((ask,)))
        else:
            self._settling.fail_or_halve(ask, str(error))

    def _give_up(self, reason: str, pack: Pack) -> None:
        """The server is out of reach or refuses everything: ask nothing more in this run."""
        self._broken = reason
        self._settling.outage(pack.asks, reason)

    def _hand_on(self) -> None:
        """Give results to those who await them, and line up the questions that followed."""
        results, self._settling.results = self._settling.results, []
        questions, self._settling.questions = self._settling.questions, []
        with self._lock:
            for ask in reversed(questions):
                self._waiting[ask.website_id].appendleft(ask)
        self._rows_of_pack = sum(len(result.rows) for result in results)
        self._count("Cells", len(results), 0)
        self._count("Rows", self._rows_of_pack, 0)
        for result in results:
            future = self._future(result.cell)
            if not future.done():
                future.set_result(result)
                self._rows_ahead += len(result.rows)
