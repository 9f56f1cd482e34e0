"""Cells in, one result for each out, with as few requests as possible and whatever goes wrong."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import AsyncIterator
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.models import ParameterResult
from databuddy_source.api.retry import DIVISIBLE, UNHEARD
from databuddy_source.errors import (
    DatabuddyError,
    KeyRejected,
    NotTheApi,
    RateLimited,
    RequestRefused,
    ServerFailed,
    ServiceUnavailable,
    TimedOut,
    Unreachable,
    WebsiteNotAccessible,
)
from databuddy_source.fetch.pace import MOST_IN_FLIGHT
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result, Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from tests.campaign import examples
from tests.cells import DAY, a_report, cells_of
from tests.fetch.fake_client import (
    BREAKDOWNS,
    PACK_SIZE,
    Answer,
    FakeClient,
    Question,
    a_fetcher,
    a_row_a_day,
    fetch,
    month,
    named_month,
    of,
    statuses,
    two_rows,
)
from tests.timeless import in_simulated_time

# -- requests


@given(
    resources=st.lists(
        st.tuples(st.sampled_from(BREAKDOWNS[:20]), st.sampled_from("ab"), st.integers(0, 40)),
        unique_by=lambda each: each[:2],
        min_size=1,
        max_size=12,
    )
)
def test_each_cell_travels_once_in_packs_as_full_as_can_be(
    resources: list[tuple[str, str, int]],
) -> None:
    client = FakeClient()
    wanted = [month(name, days, website) for name, website, days in resources]
    results = fetch(client, *wanted)
    cells = [cell for each in wanted for cell in each]
    asked = [(q.website, q.name, q.start) for q in client.questions]
    assert sorted(asked) == sorted((c.website_id, c.report.name, c.window.date) for c in cells)
    assert all(len(request) <= PACK_SIZE for request in client.requests)
    assert all(len({q.website for q in request}) == 1 for request in client.requests)
    by_website = Counter(cell.website_id for cell in cells)
    assert len(client.requests) == sum(ceil(many / PACK_SIZE) for many in by_website.values())
    for cell, result in results.items():
        answered = f"{cell.website_id} {cell.report.name} {cell.window}"
        assert (result.status, len(result.rows)) == (Status.COMPLETE, 2)
        assert {row["name"] for row in result.rows} == {f"{answered} {n}" for n in (1, 2)}


def test_cells_of_many_resources_share_requests() -> None:
    client = FakeClient()
    fetch(client, *(month(name, 15) for name in BREAKDOWNS[:36]))
    assert [len(request) for request in client.requests] == [100, 100, 100, 100, 100, 40]


def test_a_series_is_asked_for_its_range_and_answers_each_day() -> None:
    client = FakeClient(answer=a_row_a_day)
    cells = month("events_by_date")
    results = fetch(client, cells)
    assert len(client.questions) == 1
    for result in of(results, cells):
        assert [row["date"] for row in result.rows] == [str(result.cell.window)]


def test_no_more_requests_than_agreed_are_under_way() -> None:
    client = FakeClient()
    fetch(client, *(month(name, 30, website) for name in BREAKDOWNS[:30] for website in "abc"))
    assert client.most_at_once == MOST_IN_FLIGHT


def test_next_pages_join_the_questions_that_wait() -> None:
    full = 10_000

    def busy_first_days(question: Question) -> Answer:
        busy = question.start < DAY + 3 * ONE_DAY
        rows = full if busy and question.page == 1 else 3
        return [{"name": f"{question.page}-{n}", "pageviews": 1} for n in range(rows)]

    client = FakeClient(answer=busy_first_days)
    cells = [month(name, 30) for name in ("top_pages", "entry_pages", "exit_pages", "language")]
    results = fetch(client, *cells)
    assert statuses(results.values()) == {Status.COMPLETE: 120}
    assert len(results[cells[0][0]].rows) == full + 3
    # 120 questions and 12 second pages: those of the first pack travel with the rest
    assert [len(request) for request in client.requests] == [100, 32]


@pytest.mark.parametrize(
    ("generation", "limit"), [(Generation.G2026_04, 10_000), (Generation.G2025, 1_000)]
)
def test_each_generation_gets_its_limit(generation: Generation, limit: int) -> None:
    async def run() -> FakeClient:
        client = FakeClient()
        fetcher = a_fetcher(client, generation)
        fetcher.want(month(days=1))
        await fetcher.result(month(days=1)[0])
        await fetcher.close()
        return client

    client = in_simulated_time(run())
    assert {question.limit for question in client.questions} == {limit}
    assert client.closed


def test_only_series_that_follow_a_time_zone_take_a_request_of_their_own_in_it() -> None:
    def lot(name: str, zone: str) -> list[Cell]:
        return cells_of(a_report(name), DAY, DAY + 6 * ONE_DAY, zone=zone)

    client = FakeClient(answer=lambda q: two_rows(q) if q.name == "top_pages" else a_row_a_day(q))
    local = [lot("top_pages", "Asia/Kolkata"), lot("events_by_date", "Asia/Kolkata")]
    results = fetch(client, *local, lot("web_vitals_time_series", "UTC"))
    assert statuses(results.values()) == {Status.COMPLETE: 21}
    sent = {
        timezone: sorted({question.name for question in request})
        for timezone, request in zip(client.timezones, client.requests, strict=True)
    }
    assert sent == {
        "UTC": ["top_pages", "web_vitals_time_series"],
        "Asia/Kolkata": ["events_by_date"],
    }
    (series,) = [question for question in client.questions if question.name == "events_by_date"]
    assert (series.start, series.end) == (DAY - 2 * ONE_DAY, DAY + 8 * ONE_DAY)


def test_a_pack_that_can_be_divided_is_not_tried_for_long() -> None:
    client = FakeClient()
    fetch(client, month(days=5), month("country", 1, "blog"))
    patience = {
        len(request): each for request, each in zip(client.requests, client.patience, strict=True)
    }
    assert patience == {5: DIVISIBLE, 1: UNHEARD}


def test_results_may_be_awaited_twice_and_before_others_are_wanted() -> None:
    async def run() -> tuple[Result, Result, Result]:
        client = FakeClient()
        fetcher = a_fetcher(client)
        first, later = month(days=1)[0], month("country", 1)[0]
        fetcher.want([first])
        one = await fetcher.result(first)
        fetcher.want([later])
        three = await fetcher.result(later)
        two = await fetcher.result(first)
        assert len(client.requests) == 2
        await fetcher.close()
        return one, two, three

    one, two, three = in_simulated_time(run())
    assert one is two
    assert three.status is Status.COMPLETE


# -- answers


def test_missing_answers_fail_alone() -> None:
    cells = month(days=10)
    client = FakeClient(lambda q: None if q.start == DAY else two_rows(q))
    results = fetch(client, cells)
    assert statuses(results.values()) == {Status.COMPLETE: 9, Status.FAILED: 1}
    assert results[cells[0]].reason == "the server left the question out of its answer"


@pytest.mark.parametrize("odd", [None, "rows", {"name": "/"}, ["row"], [{"name": "/"}, 3]])
def test_rows_that_are_not_objects_fail_alone(odd: object) -> None:
    cells = month(days=10)
    client = FakeClient()
    client._result = (  # type: ignore[method-assign]
        lambda id_, found: ParameterResult.model_construct(
            parameter=id_, data=odd if found == "odd" else found
        )
    )
    client.answer = lambda q: "odd" if q.start == DAY else two_rows(q)
    results = fetch(client, cells)
    assert statuses(results.values()) == {Status.COMPLETE: 9, Status.FAILED: 1}
    assert results[cells[0]].reason == "the server's rows are not a list of objects"


def test_a_day_that_was_not_asked_for_fails_its_cell_alone() -> None:
    wrong = DAY + 4 * ONE_DAY

    def answer(question: Question) -> Answer:
        rows: list[Row] = [{"date": day.isoformat()} for day in question.days]
        return [*rows, {"date": "1970-01-01"}] if wrong in question.days[:-1] else rows

    cells = month("vitals_time_series", 16)
    results = fetch(FakeClient(answer), cells)
    assert statuses(results.values()) == {Status.COMPLETE: 15, Status.FAILED: 1}
    assert results[cells[4]].reason == "the answer has days outside of the window"


def test_a_series_without_rows_is_empty_on_each_day() -> None:
    results = fetch(FakeClient(lambda q: []), month("events_by_date", 5))
    assert statuses(results.values()) == {Status.COMPLETE: 5}
    assert all(result.silent and not result.rows for result in results.values())


def test_a_series_without_dates_is_asked_day_by_day() -> None:
    client = FakeClient(lambda q: [{"pageviews": len(q.days)}])
    results = fetch(client, month("vitals_time_series", 4))
    assert statuses(results.values()) == {Status.COMPLETE: 4}
    assert all(result.rows == ({"pageviews": 2},) for result in results.values())


def test_a_trailing_window_keeps_the_day_it_is_about() -> None:
    client = FakeClient(a_row_a_day)
    cells = month("retention_rate", 3)
    results = fetch(client, cells)
    assert [len(question.days) for question in client.questions] == [30, 30, 30]
    assert [[row["date"] for row in results[cell].rows] for cell in cells] == [
        [str(cell.window)] for cell in cells
    ]


def test_a_range_that_is_cut_off_is_asked_in_halves_until_it_fits() -> None:
    limit = 10_000

    def many(question: Question) -> Answer:
        days = question.days[:-1]  # the last one is beyond the range
        rows: list[Row] = [
            {"date": day.isoformat(), "event_name": str(n)} for day in days for n in range(4_000)
        ]
        return rows[:limit]

    cells = month("custom_events_trends_by_event", 8)
    results = fetch(FakeClient(many), cells)
    assert statuses(results.values()) == {Status.COMPLETE: 8}
    assert {len(result.rows) for result in results.values()} == {4_000}


def test_a_single_day_that_is_cut_off_is_truncated_and_says_why() -> None:
    client = FakeClient(lambda q: [{"name": f"{n}", "pageviews": 1} for n in range(10_000)])
    (result,) = fetch(client, month(days=1)).values()
    assert (result.status, len(result.rows)) == (Status.TRUNCATED, 10_000)
    assert result.reason == "the server repeats its pages"
    assert len(client.requests) == 2


def test_overlapping_pages_say_how_many_rows_there_should_be() -> None:
    def overlapping(question: Question) -> Answer:
        first = 0 if question.page == 1 else 9_990
        rows = 10_000 if question.page == 1 else 20
        return [{"name": f"{n}", "pageviews": 1} for n in range(first, first + rows)]

    (result,) = fetch(FakeClient(overlapping), month(days=1)).values()
    assert (result.status, result.reason) == (
        Status.TRUNCATED,
        "pages overlap, whatever their size",
    )
    assert (len(result.rows), result.rows_expected) == (10_010, 10_020)


# -- failures


@examples(50)
@given(failing=st.sets(st.integers(0, 119), max_size=12), whole=st.booleans())
def test_one_failing_cell_never_costs_another(failing: set[int], whole: bool) -> None:
    cells = [cell for name in BREAKDOWNS[:4] for cell in month(name, 30)]
    bad = {(cells[n].report.name, cells[n].window.date) for n in failing}

    def is_bad(question: Question) -> bool:
        return (question.name, question.start) in bad

    def refuse(questions: list[Question]) -> None:
        if any(map(is_bad, questions)):
            raise RequestRefused("The server refuses the request (HTTP 400)")

    client = (
        FakeClient(refuse=refuse)
        if whole
        else FakeClient(lambda q: "no such column" if is_bad(q) else two_rows(q))
    )
    results = fetch(client, *(month(name, 30) for name in BREAKDOWNS[:4]))
    by_type = Counter(name for name, _ in bad)
    for number, cell in enumerate(cells):
        result = results[cell]
        if number in failing:
            assert not result.status.brings_rows
            assert result.reason
        elif by_type[cell.report.name] < 3:
            assert result.status is Status.COMPLETE
        else:  # three windows may be enough to give a type up
            assert result.status in {Status.COMPLETE, Status.UNAVAILABLE}


def test_a_type_with_good_answers_among_the_bad_ones_is_not_given_up() -> None:
    bad = {DAY, DAY + ONE_DAY, DAY + 2 * ONE_DAY, DAY + 3 * ONE_DAY}
    client = FakeClient(lambda q: "no such column" if q.start in bad else two_rows(q))
    results = fetch(client, month(days=250))
    assert statuses(results.values()) == {Status.FAILED: 4, Status.COMPLETE: 246}


@pytest.mark.parametrize("error", [RequestRefused, ServerFailed, TimedOut, NotTheApi])
def test_a_failing_pack_is_halved_down_to_the_cell_at_fault(error: type[DatabuddyError]) -> None:
    cells = month(days=64)
    at_fault = cells[37]

    def refuse(questions: list[Question]) -> None:
        if any(question.start == at_fault.window.date for question in questions):
            raise error("It fails")

    client = FakeClient(refuse=refuse)
    results = fetch(client, cells)
    assert statuses(results.values()) == {Status.COMPLETE: 63, Status.FAILED: 1}
    # 64, then two of each of 32, 16, 8, 4, 2, 1, and what has answered, to tell who fails
    assert len(client.requests) == 13 + (error is ServerFailed)
    assert "It fails" in results[at_fault].reason
    assert f"website shop, report top_pages, window {at_fault.window}" in results[at_fault].reason


def test_a_type_that_fails_in_three_windows_is_given_up() -> None:
    def answer(question: Question) -> Answer:
        return "no such column" if question.name == "country" else two_rows(question)

    results = fetch(FakeClient(answer), month("country"), month("top_pages"))
    assert statuses(of(results, month("country"))) == {Status.UNAVAILABLE: 30}
    assert statuses(of(results, month("top_pages"))) == {Status.COMPLETE: 30}


def test_a_type_that_was_named_is_failed_and_not_unavailable() -> None:
    results = fetch(FakeClient(lambda q: "no such column"), named_month("country", 30))
    assert statuses(results.values()) == {Status.FAILED: 30}
    assert {result.reason for result in results.values()} == {"no such column"}


def test_a_type_that_was_given_up_costs_no_more_requests() -> None:
    client = FakeClient(lambda q: "no such column")
    cells = month("country", 1000)
    results = fetch(client, cells)
    assert statuses(results.values()) == {Status.UNAVAILABLE: 1000}
    assert len(client.requests) <= MOST_IN_FLIGHT
    assert results[cells[-1]].reason == "no such column"


def test_a_type_that_breaks_whole_requests_costs_no_other_type() -> None:
    def refuse(questions: list[Question]) -> None:
        if any(question.name == "country" for question in questions):
            raise ServerFailed("The server failed (HTTP 500)")

    client = FakeClient(refuse=refuse)
    names = ["top_pages", "country", "language"]
    results = fetch(client, *(month(name) for name in names))
    assert statuses(of(results, month("country"))) == {Status.UNAVAILABLE: 30}
    for name in ("top_pages", "language"):
        assert statuses(of(results, month(name))) == {Status.COMPLETE: 30}


def test_a_cautious_type_asks_for_three_windows_first() -> None:
    client = FakeClient(lambda q: "no such column")
    results = fetch(client, month("country"), cautious=True)
    assert statuses(results.values()) == {Status.UNAVAILABLE: 30}
    assert [len(request) for request in client.requests] == [3, 3], "each is asked again once"


def test_a_type_that_always_failed_is_cautious_by_itself() -> None:
    client = FakeClient(lambda q: "no such column")
    fetch(client, month("page_performance"))
    assert [len(request) for request in client.requests] == [3, 3], "each is asked again once"


def test_a_cautious_type_that_works_again_is_asked_for_the_rest() -> None:
    client = FakeClient()
    results = fetch(client, month("country"), cautious=True)
    assert statuses(results.values()) == {Status.COMPLETE: 30}
    assert [len(request) for request in client.requests] == [3, 27]


def test_a_cautious_type_that_fails_in_different_ways_is_asked_for_the_rest() -> None:
    reasons = {DAY: "out of memory", DAY + ONE_DAY: "no such column", DAY + 2 * ONE_DAY: "too long"}
    client = FakeClient(lambda q: reasons.get(q.start) or two_rows(q))
    results = fetch(client, month("country"), cautious=True)
    assert statuses(results.values()) == {Status.COMPLETE: 27, Status.FAILED: 3}


def test_a_website_that_is_not_accessible_fails_alone_with_one_request() -> None:
    def refuse(questions: list[Question]) -> None:
        if questions[0].website == "gone":
            raise WebsiteNotAccessible("The website does not exist or the key may not see it")

    client = FakeClient(refuse=refuse)
    lost = [month(name, 30, "gone") for name in BREAKDOWNS[:3]]
    results = fetch(client, *lost, month("top_pages", 30, "shop"))
    assert statuses(of(results, month("top_pages"))) == {Status.COMPLETE: 30}
    assert statuses(of(results, [c for each in lost for c in each])) == {Status.FAILED: 90}
    assert [request[0].website for request in client.requests].count("gone") == 1


def test_a_cautious_type_of_a_website_that_is_gone_is_not_waited_for() -> None:
    def refuse(questions: list[Question]) -> None:
        raise WebsiteNotAccessible("The website does not exist or the key may not see it")

    client = FakeClient(refuse=refuse)
    results = fetch(client, month("country"), cautious=True)
    assert statuses(results.values()) == {Status.FAILED: 30}
    assert len(client.requests) == 1


@pytest.mark.parametrize("error", [KeyRejected, Unreachable, RateLimited, ServiceUnavailable])
def test_what_stops_everything_fails_the_rest_without_more_requests(
    error: type[DatabuddyError],
) -> None:
    stops_at = 3
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if len(client.requests) >= stops_at:
            raise error("It is over")

    client.refuse = refuse
    results = fetch(client, *(month(name, 100) for name in BREAKDOWNS[:20]))
    assert len(client.requests) <= stops_at + 2 * MOST_IN_FLIGHT
    found = statuses(results.values())
    assert found[Status.FAILED] + found[Status.COMPLETE] == 2000
    assert found[Status.FAILED] >= 1000
    assert all("It is over" in r.reason for r in results.values() if not r.status.brings_rows)


def test_a_server_that_only_fails_is_left_soon() -> None:
    def refuse(questions: list[Question]) -> None:
        raise ServerFailed("The server failed (HTTP 500)")

    client = FakeClient(refuse=refuse)
    results = fetch(client, *(month(name, 30) for name in BREAKDOWNS[:20]))
    assert not any(result.status.brings_rows for result in results.values())
    assert Status.FAILED in statuses(results.values())
    assert len(client.requests) <= 60


# -- mistakes


class Mistake(Exception):
    """What only a programming error raises."""


def make_a_mistake(question: Question) -> Answer:
    raise Mistake("a mistake")


def test_a_mistake_in_the_code_reaches_who_waits() -> None:
    with pytest.raises(Mistake):
        fetch(FakeClient(make_a_mistake), month(days=3), month("country", 3))


def test_a_mistake_in_the_code_reaches_who_asks_later() -> None:
    async def run() -> None:
        client = FakeClient(make_a_mistake)
        fetcher = a_fetcher(client)
        one, two = month(days=2)
        fetcher.want([one, two])
        for cell in (one, two, one):
            with pytest.raises(Mistake):
                await fetcher.result(cell)
        assert len(client.requests) == 1
        await fetcher.close()

    in_simulated_time(run())


def test_closing_ends_what_is_under_way() -> None:
    async def run() -> FakeClient:
        client = FakeClient()
        fetcher = a_fetcher(client)
        cells = month(days=1000)
        fetcher.want(cells)
        waiting = asyncio.ensure_future(fetcher.result(cells[-1]))
        await asyncio.sleep(0)
        await fetcher.close()
        waiting.cancel()
        asked = len(client.requests)
        await asyncio.sleep(0)
        assert len(client.requests) == asked <= MOST_IN_FLIGHT
        return client

    assert in_simulated_time(run()).closed


def test_nothing_is_asked_any_more_once_it_is_closed() -> None:
    async def run() -> None:
        client = FakeClient()
        fetcher = a_fetcher(client)
        cells = month(days=1000)
        fetcher.want(cells)
        await fetcher.result(cells[0])
        await fetcher.close()
        asked = len(client.requests)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(client.requests) == asked < 1000 / PACK_SIZE

    in_simulated_time(run())


def test_nothing_is_asked_for_nothing() -> None:
    client = FakeClient()
    fetcher = a_fetcher(client)
    fetcher.want([])
    in_simulated_time(fetcher.close())
    assert client.requests == []


def test_it_ends_with_its_loop_in_silence_whoever_still_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = FakeClient()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    fetcher = a_fetcher(client)
    cells = month(days=1000)
    fetcher.want(cells)

    async def results() -> AsyncIterator[Result]:
        for cell in cells:
            yield await fetcher.result(cell)

    async def first(waiting: AsyncIterator[Result]) -> Result:
        return await anext(waiting)

    # as dlt ends an extraction: it cancels who waits, and then closes what the loop has seen
    both = [results(), results()]
    asked = [asyncio.run_coroutine_threadsafe(first(each), loop) for each in both]
    for each in asked:
        each.cancel()
    asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert client.closed
    assert caplog.messages == []


def test_it_ends_with_its_loop_though_nobody_remembers_it() -> None:
    """The last result is there, and memory is cleaned up right before the loop ends."""
    client = FakeClient()

    async def run() -> None:
        fetcher = a_fetcher(client)
        (cell,) = month(days=1)
        fetcher.want([cell])
        await fetcher.result(cell)

    async def run_and_end() -> None:
        await asyncio.create_task(run())
        gc.collect()
        await asyncio.get_running_loop().shutdown_asyncgens()
        assert client.closed

    in_simulated_time(run_and_end())


# -- memory


def test_rows_that_nobody_takes_stop_the_next_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databuddy_source.fetch.fetcher.ROWS_AHEAD", 3 * PACK_SIZE)

    async def run() -> None:
        client = FakeClient()
        fetcher = a_fetcher(client)
        cells = month(days=20 * PACK_SIZE)
        fetcher.want(cells)
        for number, cell in enumerate(cells):
            result = await fetcher.result(cell)
            for _ in range(5):
                await asyncio.sleep(0)
            assert len(result.rows) == 2
            fetcher.drop_rows([result])
            ahead = PACK_SIZE * len(client.requests) - number
            assert ahead <= PACK_SIZE * (2 + MOST_IN_FLIGHT), (
                "two packs wait, the others were under way"
            )
        assert len(client.requests) == 20
        await fetcher.close()

    in_simulated_time(run())


@pytest.mark.parametrize("generation", list(Generation))
def test_who_waits_gets_a_result_though_nobody_takes_the_others(
    monkeypatch: pytest.MonkeyPatch, generation: Generation
) -> None:
    monkeypatch.setattr("databuddy_source.fetch.fetcher.ROWS_AHEAD", 1)

    async def run() -> FakeClient:
        client = FakeClient()
        fetcher = a_fetcher(client, generation)
        websites = [month(days=3 * PACK_SIZE, website=website) for website in "abcdef"]
        for cells in websites:
            fetcher.want(cells)
        assert (await fetcher.result(websites[0][-1])).rows
        await fetcher.close()
        return client

    client = in_simulated_time(run())
    others = {question.website for question in client.questions} - {"a"}
    assert len(others) <= MOST_IN_FLIGHT, "what is waited for goes first"


def test_what_is_wanted_and_done_is_counted() -> None:
    counted: dict[str, tuple[int, int]] = {}

    def count(what: str, done: int, wanted: int) -> None:
        before = counted.get(what, (0, 0))
        counted[what] = before[0] + done, before[1] + wanted

    async def run() -> None:
        fetcher = a_fetcher(FakeClient(), count=count)
        fetcher.want(month(days=3))
        assert counted == {"Cells": (0, 3)}
        for cell in month(days=3):
            await fetcher.result(cell)
        await fetcher.close()

    in_simulated_time(run())
    assert counted == {"Cells": (3, 3), "Rows": (6, 0)}


def test_totals_that_are_there_twice_are_loaded_once_and_told() -> None:
    twice = [{"total_revenue": 5, "currency": "USD"}] * 2 + [{"total_revenue": 5}]
    client = FakeClient(lambda question: [dict(row) for row in twice])
    (result,) = fetch(client, month("revenue_overview", days=1)).values()
    assert list(result.rows) == twice[1:]
    assert (result.status, result.rows_expected) == (Status.TRUNCATED, 2)
    assert result.reason == "1 of 3 rows repeat another one"


def test_totals_of_two_currencies_are_whole() -> None:
    rows = [{"total_revenue": 5, "currency": each} for each in ("USD", "EUR")]
    client = FakeClient(lambda question: [dict(row) for row in rows])
    (result,) = fetch(client, month("revenue_overview", days=1)).values()
    assert (result.status, list(result.rows)) == (Status.COMPLETE, rows)


def test_rows_that_have_the_key_of_others_are_told_and_counted_once() -> None:
    client = FakeClient(lambda question: [{"name": "/", "pageviews": n} for n in (1, 2, 3)])
    (result,) = fetch(client, month(days=1)).values()
    assert (result.status, len(result.rows), result.rows_expected) == (Status.TRUNCATED, 3, 1)
    assert result.reason == "2 of 3 rows have the key of another one (name)"
