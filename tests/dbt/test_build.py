"""`dbt build` runs at once, its numbers are the server's, and its tests find what is wrong, each
its own."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from databuddy_source import write_dbt_project
from databuddy_source.demo import DemoServer
from tests.dbt.conftest import FIRST, ON_DUCKDB, REPORTS, Project, kept, synced
from tests.stories.conftest import TODAY
from tests.warehouses.duckdb import DuckDb

DAY = TODAY - timedelta(days=5)


def test_each_column_in_the_warehouse_is_described(built: Project) -> None:
    described = {
        node["name"]: {name for name, column in node["columns"].items() if column["description"]}
        for node in built.artefact("manifest")["nodes"].values()
        if node["resource_type"] == "model"
    }
    for model, columns in described.items():
        found = built.rows(
            "SELECT column_name FROM information_schema.columns "
            f"WHERE table_schema = 'web_dbt' AND table_name = '{model}'"
        )
        assert {name for (name,) in found} == columns, model
    assert len(described) > 20


def test_days_have_no_gap_and_their_week(built: Project) -> None:
    days = built.rows(
        f"SELECT domain, date, week, month, state, is_final FROM {built.model('databuddy__days')}"
    )
    assert len({row[:2] for row in days}) == len(days) == 2 * 19
    for _, day, week, month, state, is_final in days:
        assert week == day - timedelta(days=day.weekday())
        assert month == day.replace(day=1)
        assert is_final == (state == "final")


@ON_DUCKDB
def test_weeks_can_begin_on_sunday(built: Project) -> None:
    days = built.shown("--select", "databuddy__days", "--vars", "{databuddy_weeks: sunday}")
    assert len(days) == 2 * 19
    for row in days:
        day, week = (date.fromisoformat(row[name][:10]) for name in ("date", "week"))
        assert week == day - timedelta(days=day.isoweekday() % 7)


def test_weeks_have_the_visitors_of_the_server(built: Project) -> None:
    weeks = dict(
        built.rows(
            f"SELECT date, SUM(visitors) FROM {built.model('databuddy__weeks')} GROUP BY date"
        )
    )
    told = dict(
        built.rows(
            f"SELECT date, SUM(unique_visitors) FROM {built.table('summary_metrics_weekly')} "
            "GROUP BY date"
        )
    )
    assert weeks == told
    days = built.rows(
        f"SELECT SUM(visitors) FROM {built.model('databuddy__days')} WHERE week = '{FIRST}'"
    )
    assert days[0][0] > weeks[FIRST]  # what the obvious sum would have been


def test_no_payment_is_lost_beside_the_sources(built: Project) -> None:
    ((there,),) = built.rows(f"SELECT SUM(revenue) FROM {built.model('databuddy__sources')}")
    ((told,),) = built.rows(f"SELECT SUM(revenue) FROM {built.table('revenue_by_utm_source')}")
    assert there == pytest.approx(told)
    ((there,),) = built.rows(f"SELECT SUM(pageviews) FROM {built.model('databuddy__sources')}")
    ((told,),) = built.rows(f"SELECT SUM(pageviews) FROM {built.table('utm_sources')}")
    assert there == told


def test_pages_have_the_load_times_that_were_measured(built: Project) -> None:
    ((there, rows),) = built.rows(
        "SELECT SUM(load_time_ms * timed_pageviews), COUNT(*) "
        f"FROM {built.model('databuddy__pages')}"
    )
    ((told,),) = built.rows(
        f"SELECT SUM(avg_load_time * pageviews) FROM {built.table('slow_pages')}"
    )
    assert there == pytest.approx(told)
    assert rows == built.rows(f"SELECT COUNT(*) FROM {built.table('top_pages')}")[0][0]


def test_health_counts_the_windows_of_each_report(built: Project) -> None:
    found = built.rows(
        "SELECT report, windows, final + may_grow + running, recorded_rows "
        f"FROM {built.model('databuddy__health')}"
    )
    assert len(found) == 2 * len(REPORTS)
    assert all(windows == known for _, windows, known, _ in found)
    counted = built.rows(f"SELECT COUNT(*) FROM {built.table('top_pages')}")[0][0]
    assert sum(rows for report, _, _, rows in found if report == "top_pages") == counted


def test_freshness_is_that_of_the_newest_finished_window(
    built: Project, server: DemoServer
) -> None:
    of_grains = ("top_pages", "top_pages_weekly", "summary_metrics_monthly")
    asked = [f"source:databuddy.{name}" for name in (*of_grains, "events_by_date_hourly")]
    built.dbt("source", "freshness", "--select", *asked)
    found = {
        each["unique_id"].rsplit(".", 1)[-1]: each for each in built.artefact("sources")["results"]
    }
    today = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    ends = {
        "top_pages": today,
        "top_pages_weekly": today - timedelta(days=TODAY.weekday()),
        "summary_metrics_monthly": today.replace(day=1),
        "events_by_date_hourly": server.now,
    }
    for report, end in ends.items():
        assert datetime.fromisoformat(found[report]["max_loaded_at"]) == end, report
    hours = {
        report: found[report]["criteria"]["warn_after"]["count"]
        * {"hour": 1, "day": 24}[found[report]["criteria"]["warn_after"]["period"]]
        for report in ends
    }
    assert hours["events_by_date_hourly"] < hours["top_pages"] < 72
    assert hours["top_pages_weekly"] > 7 * 24
    assert hours["summary_metrics_monthly"] > 31 * 24


@ON_DUCKDB
def test_it_is_a_package_of_another_project(built: Project, tmp_path: Path) -> None:
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {built.folder}\n")
    (tmp_path / "dbt_project.yml").write_text("name: mine\nprofile: databuddy\n")
    shutil.copy(built.folder / "profiles.yml", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.sql").write_text(
        "select website_id, visitors from {{ ref('databuddy__weeks') }}"
    )
    mine = replace(built, folder=tmp_path)
    assert mine.dbt("deps").returncode == 0
    ended = mine.results("--select", "+own")
    assert set(ended.values()) == {"success", "pass"}
    assert {"own", "stg_databuddy__weekly_summary", "databuddy__weeks"} <= ended.keys()


ROW = (
    "name = (SELECT MIN(name) FROM {table} WHERE date = '{day}' AND website_id = '{website}') "
    "AND date = '{day}' AND website_id = '{website}'"
)
CELL = "date = '{day}' AND website_id = '{website}'"

FAULTS = {
    "a row twice": (
        "top_pages",
        "INSERT INTO {table} SELECT * FROM {table} WHERE " + ROW,
        {
            "unique_in_partition_stg_databuddy__top_pages",
            "rows_as_recorded_stg_databuddy__top_pages",
        },
    ),
    "a row that somebody deleted": (
        "entry_pages",
        "DELETE FROM {table} WHERE " + ROW,
        {"rows_as_recorded_stg_databuddy__entry_pages"},
    ),
    "a day that somebody deleted": (
        "slow_pages",
        "DELETE FROM {table} WHERE " + CELL,
        {"cells_have_their_rows_stg_databuddy__slow_pages"},
    ),
    "an hour that somebody deleted": (
        "events_by_date_hourly",
        "DELETE FROM {table} WHERE hour = (SELECT MIN(hour) FROM {table} WHERE "
        + CELL
        + ") AND website_id = '{website}'",
        {"rows_as_recorded_stg_databuddy__events_by_date_hourly"},
    ),
    "a truncated cell": (
        "coverage",
        "UPDATE {table} SET status = 'truncated' WHERE report = 'utm_sources' AND " + CELL,
        {"no_cell_is_truncated"},
    ),
    "a suspect cell": (
        "coverage",
        "UPDATE {table} SET status = 'suspect' WHERE report = 'custom_events' AND " + CELL,
        {"no_cell_is_suspect"},
    ),
    "a cell that failed": (
        "coverage",
        "UPDATE {table} SET status = 'failed' WHERE report = 'error_summary' AND " + CELL,
        {"no_cell_is_failed"},
    ),
    "a status that nobody knows": (
        "coverage",
        "UPDATE {table} SET status = 'mended' WHERE report = 'revenue_by_utm_source' AND " + CELL,
        {
            "accepted_values_stg_databuddy__coverage_status",
            "accepted_values_stg_databuddy__cell_states_state",
        },
    ),
    "rows of a website that is not there": (
        "revenue_by_utm_source",
        "INSERT INTO {table} (website_id, date, name, revenue, _dlt_load_id) "
        "VALUES ('gone', '{day}', 'x', 1, 'none')",
        {"relationships_stg_databuddy__revenue_by_utm_source_website_id"},
    ),
}
"""By name, the table, what is done to it, and the tests that have to find it, alone. Each is of
another report and has other finders, so that none hides another one."""


def found(built: Project, server: DemoServer, faults: Collection[str]) -> Mapping[str, int]:
    """The tests that find something where all of these are wrong, and how much."""
    finders = {name for fault in faults for name in FAULTS[fault][2]}
    with kept(built, *{FAULTS[fault][0] for fault in faults}):
        for fault in faults:
            table, change, _ = FAULTS[fault]
            place, website = built.table(table), server.websites[0].id
            built.rows(change.format(table=place, website=website, day=DAY))
        built.results()
        results = built.artefact("run_results")["results"]
    wrong = {
        each["unique_id"].split(".")[2]: each["failures"]
        for each in results
        if each["status"] in {"fail", "warn", "error"}
    }
    return {
        next((each for each in finders if name.startswith(each)), name): many
        for name, many in wrong.items()
    }


def test_all_that_is_wrong_is_found_each_by_its_own_tests(
    built: Project, server: DemoServer
) -> None:
    own = [FAULTS[fault][2] for fault in FAULTS]
    assert found(built, server, FAULTS) == dict.fromkeys(set().union(*own), 1)
    assert len(set().union(*own)) == sum(map(len, own))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_alone_is_found_by_its_own_tests_only(
    built: Project, server: DemoServer, fault: str
) -> None:
    assert found(built, server, [fault]) == dict.fromkeys(FAULTS[fault][2], 1)


def test_numbers_of_windows_that_are_not_known_are_null(built: Project, server: DemoServer) -> None:
    """Of a day that was asked again, and failed, the older rows are still there."""
    website = server.websites[0].id
    marts = {"databuddy__pages": "top_pages", "databuddy__sources": "utm_sources"}
    with kept(built, "coverage"):
        built.rows(
            f"UPDATE {built.table('coverage')} SET status = 'failed' "
            f"WHERE report <> 'slow_pages' AND date = '{DAY}' AND website_id = '{website}'"
        )
        built.rows(
            f"UPDATE {built.table('coverage')} SET status = 'suspect' "
            f"WHERE report = 'slow_pages' AND date = '{DAY}' AND website_id = '{website}'"
        )
        rows = {
            mart: built.rows(
                f"SELECT state, pageviews, visitors, {more} FROM {built.compiled(mart)} "
                f"WHERE date = '{DAY}' AND website_id = '{website}'"
            )
            for mart, more in zip(marts, ("load_time_ms", "revenue"), strict=True)
        }
        others = {
            mart: built.rows(f"SELECT COUNT(pageviews) FROM {built.compiled(mart)}")
            for mart in marts
        }
    for mart, table in marts.items():
        assert set(rows[mart]) == {("failed", None, None, None)}
        assert others[mart] == built.rows(
            f"SELECT COUNT(*) FROM {built.table(table)} "
            f"WHERE date <> '{DAY}' OR website_id <> '{website}'"
        )


def test_weeks_and_months_need_no_days(server: DemoServer, tmp_path: Path, dbt: None) -> None:
    warehouse = DuckDb(tmp_path / "file.duckdb")
    reports = ["summary_metrics_weekly", "summary_metrics_monthly"]
    pipeline = synced(server, warehouse, tmp_path / "state", reports)
    made = write_dbt_project(pipeline, tmp_path / "dbt", warehouse.file)
    assert {"databuddy__weeks", "databuddy__months"} <= set(made.marts)
    project = Project(tmp_path / "dbt", warehouse, pipeline)
    assert set(project.results().values()) == {"success", "pass"}
    for mart, report in zip(("weeks", "months"), reports, strict=True):
        columns = "SELECT website_id, date, {} FROM {} ORDER BY website_id, date"
        own = columns.format("visitors", project.model(f"databuddy__{mart}"))
        told = columns.format("unique_visitors", project.table(report))
        assert project.rows(own) == project.rows(told)
    days = {
        day for (day,) in project.rows(f"SELECT * FROM {project.model('databuddy__time_spine')}")
    }
    first, last = TODAY.replace(day=1), TODAY.replace(day=31)
    assert days == {first + timedelta(days=number) for number in range((last - first).days + 1)}
    metric = "pageviews_of_summary_metrics_weekly"
    (answer,) = project.asked(([metric], ("metric_time__week",)))
    assert len(answer) == 3
    assert None not in {value for (value,) in answer.values()}


def test_macros_mean_the_same_on_each_warehouse(built: Project) -> None:
    """A currency that is not known is one of its own, and weeks begin where they are to."""
    currencies = {
        "('USD', 1), ('USD', 2)": 1,
        "(null, 1), (null, 2)": 1,
        "('USD', 1), (null, 2)": 2,
        "('USD', 1), (null, 0), (null, null)": 1,
        "('USD', 1), ('EUR', 2)": 2,
    }
    days = {FIRST + timedelta(days=number): number for number in range(-1, 7)}
    asked = [
        f"select {number} as asked, {{{{ currencies('currency', 'paid') }}}} as currencies, "
        "cast(null as integer) as iso, cast(null as integer) as sunday "
        f"from (values {rows}) as of_some (currency, paid)"
        for number, rows in enumerate(currencies)
    ]
    week_of = (
        "cast('{0}' as date) - ({{{{ adapter.dispatch('week_of', 'databuddy')"
        "(\"cast('{0}' as date)\", '{1}') }}}})"
    )
    asked += [
        f"select {100 + number} as asked, cast(null as integer) as currencies, "
        f"{week_of.format(day, 'iso')} as iso, {week_of.format(day, 'sunday')} as sunday"
        for day, number in days.items()
    ]
    rows = {row["asked"]: row for row in built.shown("--inline", " union all ".join(asked))}
    for number, many in enumerate(currencies.values()):
        assert rows[number]["currencies"] == many
    for day, number in days.items():
        assert rows[100 + number]["iso"] == day.weekday()
        assert rows[100 + number]["sunday"] == day.isoweekday() % 7
