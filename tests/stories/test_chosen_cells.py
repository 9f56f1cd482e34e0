"""Any set of cells is loaded, a retry asks for what is lacking only, and a load answers cell by
cell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine

from databuddy_source import (
    Cells,
    Exit,
    Settings,
    exit_of,
    gaps,
    gaps_of_loads,
    known_cells,
    load_cells,
    loaded_cells,
    loaded_reports,
)
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import BadSetting
from databuddy_source.model.statuses import Mark, Status
from tests.stories.conftest import TODAY, Make, Warehouse, truth, without_nameless_sessions

REPORTS = ["top_pages", "country", "events_by_date", "summary_metrics_weekly"]


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


@pytest.fixture
def held(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve())


def settings_of(held: Warehouse) -> Settings:
    return Settings.of(api_key=held.server.api_key, base_url=held.server.url, query_types=REPORTS)


def loads_of(held: Warehouse, *cells: Cells, **more: Any) -> list[str]:
    with time_machine.travel(held.server.now, tick=True):
        return load_cells(held.pipeline, cells, settings_of(held), **more)


def asked(held: Warehouse, since: int = 0) -> list[tuple[str | None, str, str]]:
    """Website, query type and first day of each question; of requests from a number on."""
    return sorted(
        (arrival.website_id, question["name"], question["start_date"][:10])
        for arrival in held.server.log[since:]
        for question in arrival.asked
        if isinstance(question, dict)
    )


def some(held: Warehouse) -> list[Cells]:
    shop, blog = (website.id for website in held.server.websites[:2])
    return [
        Cells("top_pages", shop, day(9), day(8)),
        Cells("country", shop, day(5), day(5)),
        Cells("top_pages", blog, day(2), day(2)),
    ]


def test_exactly_the_chosen_cells_are_asked_for_those_of_a_website_together(
    held: Warehouse,
) -> None:
    shop, blog = (website.id for website in held.server.websites[:2])
    loads = loads_of(held, *some(held))
    chosen = {
        (shop, "top_pages", day(9)),
        (shop, "top_pages", day(8)),
        (shop, "country", day(5)),
        (blog, "top_pages", day(2)),
    }
    found = loaded_cells(held.pipeline, loads)
    assert {(each.website_id, each.report, each.window.date) for each in found} == chosen
    assert len(asked(held)) == len(chosen)
    packs = [each.parameters for each in held.server.log if each.path == "/v1/query"]
    assert sorted(packs) == [1, 3], "one request for each website"
    for website_id, report, at in chosen:
        rows = truth(held.server, [report], website_id, at)[report]
        assert held.cells(report)[website_id, at] == rows


def test_a_load_answers_cell_by_cell(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    held.server.faults.add(
        Fault(website_id=shop, query_type="country", times=None, parameter_error="no memory")
    )
    loads = loads_of(held, *some(held))
    by_report = {each.report: each for each in loaded_cells(held.pipeline, loads)}
    failed, well = by_report["country"], by_report["top_pages"]
    assert (failed.status, failed.rows, failed.changed) == (Status.FAILED, 0, False)
    assert "no memory" in failed.reason
    assert failed.is_gap
    assert (well.status, well.reason, well.changed, well.is_gap) == (
        Status.COMPLETE,
        "",
        True,
        False,
    )
    ((rows,),) = held.query(
        "SELECT COUNT(*) FROM top_pages WHERE website_id = ? AND date = ?",
        well.website_id,
        well.window.date,
    )
    assert well.rows == rows > 0
    assert all(each.seconds >= 0 for each in by_report.values())
    brought, lacking = loaded_reports(held.pipeline, loads), gaps_of_loads(held.pipeline, loads)
    assert exit_of(brought, lacking) is Exit.INCOMPLETE
    again = loads_of(held, *some(held), refetch=True)
    same = [each for each in loaded_cells(held.pipeline, again) if each.report == "top_pages"]
    assert all(each.changed for each in same), "refetch writes anew"
    newest = Cells("top_pages", held.server.websites[1].id, day(2), day(2))
    (told,) = loaded_cells(held.pipeline, loads_of(held, newest))
    assert (told.changed, told.status, told.rows > 0) == (False, Status.COMPLETE, True)


def test_where_each_cell_fails_the_load_has_failed(held: Warehouse) -> None:
    held.server.faults.add(Fault(times=None, parameter_error="no memory"))
    loads = loads_of(held, *some(held))
    brought, lacking = loaded_reports(held.pipeline, loads), gaps_of_loads(held.pipeline, loads)
    assert exit_of(brought, lacking) is Exit.FAILED


def test_another_try_asks_for_what_the_first_one_lacked(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    began = held.server.now - timedelta(seconds=30)
    held.server.faults.add(
        Fault(website_id=shop, query_type="country", times=3, parameter_error="no memory")
    )
    loads_of(held, *some(held), began=began)
    before = len(held.server.log)
    held.server.faults.clear()
    loads = loads_of(held, *some(held), began=began)
    assert asked(held, before) == [(shop, "country", day(5).isoformat())]
    assert exit_of(loaded_reports(held.pipeline, loads), []) is Exit.COMPLETE
    before = len(held.server.log)
    loads_of(held, *some(held))
    newest = [each for each in asked(held, before) if each[2] > day(4).isoformat()]
    assert asked(held, before) == newest, "another run asks for the days that are not final"
    assert newest


def test_what_is_lacking_is_told_and_may_be_loaded(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    held.server.faults.add(
        Fault(website_id=shop, query_type="top_pages", day=day(8), times=3, parameter_error="oh")
    )
    loads_of(held, *some(held))
    held.server.faults.clear()
    with time_machine.travel(held.server.now, tick=True):
        settings = settings_of(held).model_copy(update={"query_types": ("top_pages",)})
        found = [each for each in gaps(held.pipeline, settings) if each.mark is Mark.FAILED]
    (gap,) = found
    assert (gap.report, gap.website_id, gap.first, gap.last) == ("top_pages", shop, day(8), day(8))
    assert (gap.windows, "oh" in gap.reason) == (1, True)
    before = len(held.server.log)
    loads_of(held, *found, only_gaps=True)
    assert asked(held, before) == [(shop, "top_pages", day(8).isoformat())]
    assert loads_of(held, *found, only_gaps=True) == []


def test_what_is_known_of_a_cell_is_told_whichever_load_brought_it(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    wanted = [Cells("top_pages", shop, day(9), day(7)), Cells("top_pages", shop, day(1), day(1))]
    loads_of(held, wanted[0])
    with time_machine.travel(held.server.now, tick=True):
        wanted.append(Cells("top_pages", shop, day(13), day(13)))
        found = known_cells(held.pipeline, wanted, settings_of(held))
    assert [each.mark for each in found] == [*[Mark.COMPLETE] * 3, Mark.DUE, Mark.MISSING]
    assert [each.is_there for each in found] == [True, True, True, False, False]
    assert [each.is_final for each in found] == [True, True, True, False, False]
    assert all(each.rows for each in found[:3])


def test_a_week_is_meant_by_any_of_its_days(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    loads = loads_of(held, Cells("summary_metrics_weekly", shop, day(8), day(8)))
    (cell,) = loaded_cells(held.pipeline, loads)
    assert cell.window.date <= day(8) <= cell.window.last_date


def test_cells_of_no_chosen_report_are_refused(held: Warehouse) -> None:
    with pytest.raises(BadSetting, match="No report 'sessions' is chosen"):
        loads_of(held, Cells("sessions", "x", day(2), day(1)))
    with pytest.raises(BadSetting, match="wrong order"):
        loads_of(held, Cells("top_pages", "x", day(1), day(2)))
    assert loads_of(held) == []
    assert not held.server.log


def test_a_default_report_that_the_server_lacks_is_unavailable_and_no_gap(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    held = warehouse(serve(generation="2025"))
    server, shop = held.server, held.server.websites[0].id
    settings = Settings.of(api_key=server.api_key, base_url=server.url)
    cells = [Cells(name, shop, day(9), day(9)) for name in ("revenue_overview", "top_pages")]
    with time_machine.travel(server.now, tick=True):
        load_cells(held.pipeline, cells, settings)
        lacking, there = known_cells(held.pipeline, cells, settings)
    assert (lacking.mark, lacking.is_there) == (Mark.UNAVAILABLE, True)
    assert (there.mark, there.is_there) == (Mark.COMPLETE, True)


SERIES_AND_WEEKS: dict[str, Any] = {
    "query_types": ["events_by_date", "top_pages", "summary_metrics_weekly"]
}


def loads_of_a_day(made: Warehouse, newest_ago: int = 1, **more: Any) -> list[str]:
    """What an orchestrator loads each day: the newest days of daily reports."""
    newest = [
        Cells(report, website.id, day(newest_ago + 3), day(newest_ago))
        for report in ("events_by_date", "top_pages")
        for website in made.server.websites[:2]
    ]
    made.server.log.clear()
    made.server.now += timedelta(minutes=5)
    settings = settings_of(made).model_copy(
        update={"query_types": tuple(SERIES_AND_WEEKS["query_types"])}
    )
    with time_machine.travel(made.server.now, tick=True):
        return load_cells(made.pipeline, newest, settings, **more)


def requests_of(made: Warehouse) -> int:
    return len([each for each in made.server.log if each.path == "/v1/query"])


def test_history_that_changed_is_found_beside_chosen_cells(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    """In all reports, weeks, too, of which no cell was chosen."""
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **SERIES_AND_WEEKS)
    made.server.log.clear()
    made.sync(**SERIES_AND_WEEKS)
    usual = requests_of(made)
    for ago in (9, 11, 12):
        at = datetime.combine(day(ago), time(12))
        server.events.add(server.websites[0].id, at, received_at=server.now, path="/imported")
    of_history = "SELECT * EXCLUDE (_dlt_load_id) FROM top_pages WHERE date < ? ORDER BY ALL"
    before = made.query(of_history, day(4))
    loads_of_a_day(made)
    assert made.query(of_history, day(4)) == before, "these cells and no others"
    assert gaps_of_loads(made.pipeline, loads_of_a_day(made, scrub=True)) == []
    assert made.query("SELECT DISTINCT report, date FROM restatements ORDER BY ALL") == [
        *[("events_by_date", day(ago)) for ago in (12, 11, 9)],
        *[("summary_metrics_weekly", date) for date in weeks_around(day(12), day(9))],
        *[("top_pages", day(ago)) for ago in (12, 11, 9)],
    ]
    proofs = "SELECT website_id, report, date, proofs FROM coverage WHERE proofs IS NOT NULL"
    proved = made.query(f"{proofs} ORDER BY ALL")
    assert {report for _, report, _, _ in proved} == {"events_by_date"}
    loads_of_a_day(made)
    assert made.query(f"{proofs} ORDER BY ALL") == proved, "what was proved stays so"
    server.now += timedelta(minutes=5)
    made.sync(**SERIES_AND_WEEKS)
    other = warehouse(server)
    other.sync(**SERIES_AND_WEEKS)
    own, fresh = made.tables(), other.tables()
    own.pop("coverage"), fresh.pop("coverage")
    assert own == fresh
    loads_of_a_day(made, scrub=True)
    assert requests_of(made) <= usual
    loads_of_a_day(made, scrub=True, began=server.now)
    assert requests_of(made) == 0, "another try has nothing left to ask"


def test_what_was_proved_outlasts_a_newest_day_that_fails(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    """It is kept with that day, of which the warehouse has nothing yet when it is tried again."""
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **SERIES_AND_WEEKS)
    server.now += timedelta(days=2)
    began = server.now
    kept = "SELECT website_id, proofs FROM coverage WHERE date = ? AND proofs IS NOT NULL"
    for ago in (4, 2, 1):  # of the question for all, and of those that end with the newest day
        server.faults.add(
            Fault(query_type="events_by_date", day=day(ago), times=None, parameter_error="oh")
        )
    loads_of_a_day(made, -1, scrub=True, began=began)
    proved = made.query(f"{kept} AND status = 'failed' ORDER BY ALL", day(-1))
    assert len(proved) == 2
    server.faults.clear()
    loads_of_a_day(made, -1, scrub=True, began=began)
    assert made.query(f"{kept} ORDER BY ALL", day(-1)) == proved


def weeks_around(first: date, last: date) -> list[date]:
    """Mondays."""
    mondays = {each - timedelta(days=each.weekday()) for each in (first, last)}
    return sorted(mondays)
