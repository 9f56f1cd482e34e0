"""The views are those that the tables allow, and no number is of what cannot be added up or
compared: tried on hand-made tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest

from databuddy_source.coverage.views import CELL_STATES, DAILY, MONTHLY, WEEKLY
from databuddy_source.warehouse.view_texts import view_texts

OURS = {
    "coverage": ["website_id", "report"],
    "_dlt_loads": ["load_id"],
    "websites": ["id", "domain"],
    "summary_metrics": ["pageviews", "unique_visitors", "sessions", "bounce_rate"],
}


@pytest.mark.parametrize(
    ("without", "more", "views"),
    [
        ([], {}, [CELL_STATES, DAILY]),
        (["summary_metrics"], {}, [CELL_STATES]),
        (["websites"], {}, [CELL_STATES]),
        (["coverage"], {}, []),
        ([], {"summary_metrics_weekly": OURS["summary_metrics"]}, [CELL_STATES, DAILY, WEEKLY]),
        ([], {"summary_metrics_monthly": OURS["summary_metrics"]}, [CELL_STATES, DAILY, MONTHLY]),
        (["websites"], {"summary_metrics_weekly": OURS["summary_metrics"]}, [CELL_STATES]),
        (
            ["summary_metrics"],
            {"summary_metrics_weekly": OURS["summary_metrics"]},
            [CELL_STATES, WEEKLY],
        ),
    ],
)
def test_a_view_is_made_where_its_tables_are(
    without: list[str], more: dict[str, list[str]], views: list[str]
) -> None:
    tables = {name: own for name, own in OURS.items() if name not in without} | more
    assert list(view_texts(tables)) == views


def test_a_column_that_a_table_lacks_is_in_no_view() -> None:
    text = view_texts(OURS)[DAILY]
    assert "bounce_rate" in text
    assert "session_duration" not in text
    assert "events" not in text
    more = {"error_summary": ["total_errors"], "revenue_overview": ["total_revenue", "currency"]}
    text = view_texts(OURS | more)[DAILY]
    assert "AS errors" in text
    assert "AS refunds" not in text


MONDAY = date(2026, 3, 2)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
SHOP = "shop"
TABLES = {
    "summary_metrics": "pageviews INT, sessions INT, bounce_rate DOUBLE",
    "summary_metrics_weekly": "pageviews INT, sessions INT, bounce_rate DOUBLE",
    "custom_events": "name TEXT, total_events INT",
    "error_summary": "total_errors INT",
    "revenue_overview": "total_revenue DOUBLE, refund_amount DOUBLE, currency TEXT",
}


class Dataset:
    """Tables of one website, whose days and weeks are all final unless something else is said."""

    def __init__(self, *tables: str) -> None:
        self.sql = duckdb.connect()
        self.tables = [*tables]
        self.sql.execute(
            "CREATE TABLE coverage (website_id TEXT, report TEXT, grain TEXT, date DATE, "
            "window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, reason TEXT, status TEXT, "
            "checked_at TIMESTAMPTZ, fetched_at TIMESTAMPTZ, final BOOL, generation TEXT, "
            "_dlt_load_id TEXT); CREATE TABLE _dlt_loads (load_id TEXT, status INT); "
            "INSERT INTO _dlt_loads VALUES ('1', 0); CREATE TABLE websites (id TEXT, domain TEXT); "
            f"INSERT INTO websites VALUES ('{SHOP}', 'shop.example.com')"
        )
        for table in tables:
            self.sql.execute(f"CREATE TABLE {table} (website_id TEXT, date DATE, {TABLES[table]})")

    def add(
        self,
        report: str,
        first: date,
        *rows: Any,
        days: int = 1,
        generation: str | None = "2026-10",
        is_over: bool = True,
        status: str = "complete",
        final: bool | None = None,
    ) -> None:
        """A cell with its rows, for each of so many days. One that is not complete was asked for
        again since, when it was over, and has the rows of before."""
        is_week = report.endswith("weekly")
        for day in (first + n * DAY for n in range(days)):
            end = datetime.combine(day + (WEEK if is_week else DAY), time())
            asked = end + 4 * WEEK if is_over else end - timedelta(hours=1)
            grain = "week" if is_week else "day"
            again = asked if status == "complete" else end + 5 * WEEK
            cell = [SHOP, report, grain, day, day, end, None, status]
            cell += [again, asked, is_over if final is None else final, generation, "1"]
            self._insert("coverage", cell)
            for row in rows:
                self._insert(report, [SHOP, day, *row])

    def _insert(self, table: str, row: list[Any]) -> None:
        self.sql.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def of(self, view: str, *columns: str) -> list[tuple[Any, ...]]:
        """What the view says of each window."""
        described = "SELECT table_name, column_name FROM information_schema.columns"
        there: dict[str, list[str]] = {}
        for table, column in self.sql.execute(described).fetchall():
            there.setdefault(table, []).append(column)
        for name, text in view_texts(there).items():
            self.sql.execute(f"CREATE OR REPLACE VIEW {name} AS {text}")
        asked = f"SELECT {', '.join(columns)} FROM {view} ORDER BY date"
        return self.sql.execute(asked).fetchall()


@pytest.fixture
def weeks() -> Iterator[Dataset]:
    """Two weeks with their days; what stands beside is for each test to add."""
    made = Dataset(*TABLES)
    made.add("summary_metrics", MONDAY, [100, 50, 40.0], days=14)
    for week in (MONDAY, MONDAY + WEEK):
        made.add("summary_metrics_weekly", week, [700, 300, 40.0])
    yield made
    made.sql.close()


def test_weeks_need_no_days() -> None:
    made = Dataset("summary_metrics_weekly", "error_summary")
    made.add("summary_metrics_weekly", MONDAY, [700, 300, 40.0])
    made.add("summary_metrics_weekly", MONDAY + WEEK, [800, 300, 40.0])
    assert made.of(WEEKLY, "pageviews", "pageviews_before") == [(700, None), (800, 700)]


def test_a_part_of_a_day_is_in_no_sum_of_a_week_that_is_over(weeks: Dataset) -> None:
    sunday = MONDAY + 6 * DAY
    weeks.add("error_summary", MONDAY, [5], days=6)
    weeks.add("error_summary", sunday, [2], is_over=False)
    weeks.add("error_summary", MONDAY + WEEK, [5], days=7)
    assert weeks.of(WEEKLY, "errors", "errors_before") == [(None, None), (35, None)]
    assert weeks.of(DAILY, "errors")[6] == (2,)
    assert weeks.of(CELL_STATES, "state")[0] == ("final",)


def test_a_week_that_runs_has_what_is_known_of_it(weeks: Dataset) -> None:
    weeks.add("error_summary", MONDAY, [5], days=14)
    monday = MONDAY + 2 * WEEK
    weeks.add("summary_metrics_weekly", monday, [100, 50, 40.0], is_over=False)
    for report, row in (("summary_metrics", [100, 50, 40.0]), ("error_summary", [5])):
        weeks.add(report, monday, row)
        weeks.add(report, monday + DAY, row, is_over=False)
    last = weeks.of(WEEKLY, "state", "errors", "errors_before")[-1]
    assert last == ("running", 10, None)


ALONE = [[10.0, -1.0, "USD"]]
UNKNOWN = [[10.0, -1.0, None]]
SEVERAL = [[10.0, -1.0, "USD"], [5.0, 0.0, "EUR"]]
NONE: list[list[Any]] = []
ZEROS = [[0.0, 0.0, None]]
"""Servers before October 2026 have a row for a day without payments."""


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        (ALONE, (10, -1, "USD")),
        (UNKNOWN, (10, -1, None)),
        (SEVERAL, (None, None, None)),
        (ALONE + UNKNOWN, (None, None, None)),
        (NONE, (0, 0, None)),
        (ALONE + ZEROS, (10, -1, "USD")),
    ],
)
def test_amounts_are_of_one_currency(
    weeks: Dataset, rows: list[list[Any]], day: tuple[Any, ...]
) -> None:
    weeks.add("revenue_overview", MONDAY, *rows)
    assert weeks.of(DAILY, "revenue", "refunds", "currency")[0] == day


@pytest.mark.parametrize(
    ("rest", "week"),
    [
        (ALONE, (70, -7, "USD")),
        (NONE, (30, -3, "USD")),
        (ZEROS, (30, -3, "USD")),
        (UNKNOWN, (None, None, None)),
        (SEVERAL, (None, None, None)),
        ([[10.0, -1.0, "EUR"]], (None, None, None)),
    ],
)
def test_a_week_has_one_currency_or_no_amount(
    weeks: Dataset, rest: list[list[Any]], week: tuple[Any, ...]
) -> None:
    weeks.add("revenue_overview", MONDAY, *ALONE, days=3)
    weeks.add("revenue_overview", MONDAY + 3 * DAY, *rest, days=4)
    weeks.add("revenue_overview", MONDAY + WEEK, *ALONE, days=7)
    first, second = weeks.of(WEEKLY, "revenue", "refunds", "currency", "revenue_before")
    assert first[:3] == week
    assert second == (70, -7, "USD", week[0])


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (ALONE, ALONE, (70, "USD", 70)),
        (ALONE, NONE, (0, "USD", 70)),  # a fall to nothing is seen
        (NONE, ALONE, (70, "USD", 0)),
        (NONE, NONE, (0, None, 0)),
        (UNKNOWN, NONE, (0, None, 70)),
        (UNKNOWN, UNKNOWN, (70, None, 70)),  # as on a server that knows no currencies
        (UNKNOWN, ALONE, (70, "USD", None)),
        (ALONE, UNKNOWN, (70, None, None)),
        (ALONE, [[5.0, 0.0, "EUR"]], (35, "EUR", None)),
        (ALONE, SEVERAL, (None, None, None)),
    ],
)
def test_weeks_are_compared_in_one_currency(
    weeks: Dataset, before: list[list[Any]], now: list[list[Any]], shown: tuple[Any, ...]
) -> None:
    weeks.add("revenue_overview", MONDAY, *before, days=7)
    weeks.add("revenue_overview", MONDAY + WEEK, *now, days=7)
    assert weeks.of(WEEKLY, "revenue", "currency", "revenue_before")[1] == shown


@pytest.mark.parametrize(
    ("before", "now", "rate", "events"),
    [
        ("2026-06", "2026-10", 30.0, 14),
        ("2026-04", "2026-10", 30.0, 14),
        (None, None, 30.0, 14),
        ("2025", "2025", 30.0, 14),
        ("2025", "2026-04", None, None),
        ("2025", "2026-10", None, None),
        ("2026-10", "2025", None, None),
        (None, "2026-10", None, None),  # nobody knows what it was then
    ],
)
def test_what_means_something_else_is_not_compared(
    before: str | None, now: str, rate: float | None, events: int | None
) -> None:
    made = Dataset(*TABLES)
    for first, generation in ((MONDAY, before), (MONDAY + WEEK, now)):
        made.add("summary_metrics_weekly", first, [700, 300, 30.0], generation=generation)
        made.add("summary_metrics", first, [100, 50, 30.0], days=7, generation=generation)
        made.add("custom_events", first, ["buy", 2], days=7, generation=generation)
    columns = ("pageviews_before", "bounce_rate_before", "events_before")
    assert made.of(WEEKLY, *columns)[1] == (700, rate, events)


def test_what_means_something_else_is_not_added_up(weeks: Dataset) -> None:
    weeks.add("custom_events", MONDAY, ["buy", 2], days=3, generation="2025")
    weeks.add("custom_events", MONDAY + 3 * DAY, ["buy", 1], days=4, generation="2026-04")
    weeks.add("custom_events", MONDAY + WEEK, ["buy", 1], days=7)
    assert weeks.of(WEEKLY, "events", "events_before") == [(None, None), (7, None)]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"status": "suspect", "is_over": False}, (None, None, None)),
        ({"status": "suspect"}, (30, 20, 40.0)),
        ({"status": "suspect", "final": False}, (30, 20, 40.0)),
        # said the same again once it was over, which made it final
        ({"status": "suspect", "is_over": False, "final": True}, (30, 20, 40.0)),
        ({"status": "truncated", "is_over": False}, (30, 20, 40.0)),
        ({"status": "failed", "is_over": False}, (None, None, None)),
        ({"status": "failed"}, (None, None, None)),
        ({"is_over": False}, (30, 20, 40.0)),
    ],
)
def test_a_part_of_a_window_is_no_number_of_one_that_is_not_believed(
    told: dict[str, Any], shown: tuple[float | None, ...]
) -> None:
    made = Dataset("summary_metrics", "summary_metrics_weekly")
    made.add("summary_metrics", MONDAY, [30, 20, 40.0], **told)
    made.add("summary_metrics_weekly", MONDAY, [30, 20, 40.0], **told)
    for view in (DAILY, WEEKLY):
        assert made.of(view, "pageviews", "sessions", "bounce_rate") == [shown]


def test_a_cell_says_whether_its_rows_are_of_a_part_of_it() -> None:
    made = Dataset("summary_metrics")
    made.add("summary_metrics", MONDAY, [30, 20, 40.0])
    made.add("summary_metrics", MONDAY + DAY, [30, 20, 40.0], is_over=False)
    made.add("summary_metrics", MONDAY + 3 * DAY, status="suspect", is_over=False)
    made.add("summary_metrics", MONDAY + 4 * DAY, status="failed")
    cells = made.of(CELL_STATES, "state", "is_partial")
    assert cells == [
        ("final", False),
        ("running", True),
        ("missing", False),
        ("suspect", True),
        ("failed", False),
    ]
