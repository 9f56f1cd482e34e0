"""A client that answers as a test tells it, and a fetcher that asks it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import cast

from databuddy_source.api.client import Client
from databuddy_source.api.models import ParameterResult, QueryBody, Thrown, TypeConfig
from databuddy_source.api.retry import Patience
from databuddy_source.api.server import Server
from databuddy_source.api.traffic import LARGEST_ANSWER, Traffic
from databuddy_source.errors import DatabuddyError, ServerFailed, TimedOut, TooLarge
from databuddy_source.fetch.fetcher import Fetcher
from databuddy_source.fetch.pace import Pace
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result, Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from tests.cells import DAY, a_report, cells_of
from tests.timeless import in_simulated_time

BREAKDOWNS = [
    query_type.name
    for query_type in load_catalog()
    if query_type.key
    and not (query_type.ranged or query_type.fails or query_type.trailing_days)
    and not (query_type.gate or query_type.slows_packs)
]
PACK_SIZE = 100


@dataclass(frozen=True)
class Question:
    """One parameter as the fake server sees it."""

    website: str
    name: str
    start: date
    end: date
    page: int
    limit: int

    @property
    def days(self) -> list[date]:
        return [self.start + n * ONE_DAY for n in range((self.end - self.start).days + 1)]


Answer = list[Row] | str | None
"""Rows, the reason of a failure, or no answer at all."""


def two_rows(question: Question) -> Answer:
    """Rows that tell which question they answer."""
    answered = f"{question.website} {question.name} {question.start}"
    return [{"name": f"{answered} {n}", "n": n} for n in (1, 2)]


def a_row_a_day(question: Question) -> Answer:
    """What a series answers: a row for each day that was asked for."""
    return [{"date": day.isoformat(), "pageviews": 7} for day in question.days]


@dataclass
class FakeClient:
    """Answers as it is told and remembers what it was asked.

    Attributes:
        answer: what comes of one question.
        refuse: called with the questions of a request before they are answered; may raise.
        throws: which questions take their body with them in an array, and the request alone.
        arrays_throw: whether they take a whole array with them, too.
        work: seconds that the server's one core needs for a question. It takes one request after
            the other.
        stubborn: whether it goes on with a request whose client is gone.
        tells: the limit that it says it went by.
        size: bytes of the answer to a question; more than `LARGEST_ANSWER` at once are refused.
        requests: the questions of each request, in the order in which they came.
        timezones: of each request.
    """

    answer: Callable[[Question], Answer] = two_rows
    refuse: Callable[[list[Question]], None] = lambda questions: None
    throws: Callable[[Question], bool] = lambda question: False
    arrays_throw: bool = False
    work: Callable[[Question], float] = lambda question: 0.0
    stubborn: bool = True
    tells: int | None = None
    size: Callable[[Question], int] = lambda question: 100
    requests: list[list[Question]] = field(default_factory=list)
    patience: list[Patience] = field(default_factory=list)
    timezones: list[str] = field(default_factory=list)
    closed: bool = False
    at_once: int = 0
    most_at_once: int = 0
    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    _free_at: float = 0.0

    async def query(
        self,
        website_id: str,
        bodies: Sequence[QueryBody],
        timezone: str,
        patience: Patience,
        traffic: Traffic,
    ) -> dict[str, ParameterResult]:
        asked = {
            parameter.id: Question(
                website_id,
                parameter.name,
                date.fromisoformat(parameter.start_date[:10]),
                date.fromisoformat(parameter.end_date[:10]),
                body.page,
                body.limit,
            )
            for body in bodies
            for parameter in body.parameters
        }
        assert len(asked) == sum(len(body.parameters) for body in bodies), "ids differ"
        self.requests.append(list(asked.values()))
        self.patience.append(patience)
        self.timezones.append(timezone)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self._travel(list(asked.values()), patience, traffic)
        self.refuse(list(asked.values()))
        ids = [[parameter.id for parameter in body.parameters] for body in bodies]
        thrown = [
            id_ for own in ids if any(self.throws(asked[each]) for each in own) for id_ in own
        ]
        if thrown and (len(bodies) == 1 or self.arrays_throw):
            raise ServerFailed("The server failed (HTTP 500)", code="INTERNAL_SERVER_ERROR")
        answers: list[ParameterResult] = [Thrown(parameter=id_, error="It threw") for id_ in thrown]
        answers += [
            self._result(id_, found)
            for id_, question in asked.items()
            if id_ not in thrown and (found := self.answer(question)) is not None
        ]
        random.Random(len(self.requests)).shuffle(answers)
        if self.tells:
            answers = [each.within(self.tells) for each in answers]
        return {str(each.parameter): each for each in answers}

    async def _travel(
        self, questions: list[Question], patience: Patience, traffic: Traffic
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + sum(map(self.work, questions))
        traffic.seconds = min(self._free_at - now, patience.answer)
        if not self.stubborn:
            self._free_at = now + traffic.seconds
        traffic.size = sum(map(self.size, questions))
        self.seconds.append(traffic.seconds)
        self.sizes.append(traffic.size)
        await asyncio.sleep(traffic.seconds)  # let others go on, as a network does
        self.at_once -= 1
        if traffic.seconds >= patience.answer:
            raise TimedOut("No answer in time")
        if traffic.size > LARGEST_ANSWER:
            traffic.size = LARGEST_ANSWER
            raise TooLarge("The answer is too large")

    @staticmethod
    def _result(id_: str, found: list[Row] | str) -> ParameterResult:
        if isinstance(found, str):
            return ParameterResult(parameter=id_, success=False, error=found)
        return ParameterResult(parameter=id_, data=found)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed = True

    @property
    def questions(self) -> list[Question]:
        return [question for request in self.requests for question in request]


def a_fetcher(
    client: FakeClient,
    generation: Generation = Generation.G2026_04,
    pace: Pace | None = None,
    count: Callable[[str, int, int], None] = lambda what, done, wanted: None,
) -> Fetcher:
    types = {each.name: TypeConfig() for each in load_catalog()}
    server = Server(generation, types, {})
    return Fetcher(lambda: cast(Client, client), server, pace or Pace(PACK_SIZE), count)


async def fetched(
    client: FakeClient,
    *wanted: list[Cell],
    cautious: bool = False,
    proven: bool = False,
    pace: Pace | None = None,
    generation: Generation = Generation.G2026_04,
) -> dict[Cell, Result]:
    """The results of cells of several resources, which await theirs side by side."""

    async def all_of(fetcher: Fetcher, cells: list[Cell]) -> list[Result]:
        return [await fetcher.result(cell) for cell in cells]

    fetcher = a_fetcher(client, generation, pace)
    for cells in wanted:
        fetcher.want(cells, cautious=cautious, proven=proven)
    found = await asyncio.gather(*(all_of(fetcher, cells) for cells in wanted))
    await fetcher.close()
    return {result.cell: result for results in found for result in results}


def fetch(
    client: FakeClient,
    *wanted: list[Cell],
    cautious: bool = False,
    proven: bool = False,
    generation: Generation = Generation.G2026_04,
) -> dict[Cell, Result]:
    """The same, to its end, in simulated time."""
    return in_simulated_time(
        fetched(client, *wanted, cautious=cautious, proven=proven, generation=generation)
    )


def month(name: str = "top_pages", days: int = 30, website: str = "shop") -> list[Cell]:
    return cells_of(a_report(name), DAY, DAY + (days - 1) * ONE_DAY, website=website)


def named_month(name: str, days: int) -> list[Cell]:
    return cells_of(a_report(name, named=True), DAY, DAY + (days - 1) * ONE_DAY)


def statuses(results: Iterable[Result]) -> Counter[Status]:
    return Counter(result.status for result in results)


def of(results: dict[Cell, Result], cells: Iterable[Cell]) -> list[Result]:
    return [results[cell] for cell in cells]


def of_types(*names: str, days: int = 30, website: str = "shop") -> list[list[Cell]]:
    return [month(name, days, website) for name in names]


def every(lots: list[list[Cell]]) -> list[Cell]:
    return [cell for cells in lots for cell in cells]


def refusing(error: DatabuddyError | Callable[[], DatabuddyError], *names: str) -> FakeClient:
    """A server that refuses each request with one of these types, by one error or each time by
    another, as it comes."""

    def refuse(questions: list[Question]) -> None:
        if any(question.name in names for question in questions):
            raise error() if callable(error) else error

    return FakeClient(refuse=refuse)


def requests_with(client: FakeClient, *names: str) -> int:
    return sum(any(each.name in names for each in request) for request in client.requests)
