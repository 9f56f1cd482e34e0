"""The page of `dashboard` of warehouses that lack something, or have values that nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import time_machine
from bs4 import BeautifulSoup, Tag

from databuddy_source import Overview, Settings, databuddy_source, load, overview
from databuddy_source.cli.page.html import page
from databuddy_source.demo import DemoServer
from databuddy_source.errors import BadSetting, NothingLoaded

TODAY = date(2026, 3, 20)
START = TODAY - timedelta(days=30)
REPORTS = ["summary_metrics", "summary_metrics_weekly", "revenue_overview", "vitals_time_series"]
DAYS = 20
LATER = TODAY - timedelta(days=10)
"""The first day of a website that began later than the others."""
NEWEST_WEEK = date(2026, 3, 9)
"""The first day of the newest week that is over."""


@dataclass
class Warehouse:
    """A DuckDB file of three websites.

    The first has all reports, the second no pages, and of the third nothing was synced before
    `LATER`.
    """

    pipeline: dlt.Pipeline
    file: Path
    server: DemoServer

    @property
    def ids(self) -> list[str]:
        return [website.id for website in self.server.websites[:3]]

    def do(self, *statements: str) -> None:
        with duckdb.connect(str(self.file)) as connection:
            connection.execute("USE databuddy")
            for statement in statements:
                connection.execute(statement)

    def look(self, websites: list[str] | None = None, **options: Any) -> Overview:
        settings = Settings.of(
            api_key=self.server.api_key,
            websites=self.ids[:2] if websites is None else websites,
            query_types=REPORTS,
            reports=[{"query_type": "top_pages", "websites": self.ids[:1]}],
            start_date=START,
        )
        with time_machine.travel(self.server.now, tick=True):
            return overview(self.pipeline, settings, days=DAYS, **options)

    def seen(self, websites: list[str] | None = None) -> BeautifulSoup:
        return BeautifulSoup(page(self.look(websites), self.server.now), "html.parser")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("odd")
    with DemoServer(today=TODAY, days=60) as server:
        file = folder / "odd.duckdb"
        pipeline = dlt.pipeline(
            "odd",
            destination=dlt.destinations.duckdb(str(file)),
            dataset_name="databuddy",
            pipelines_dir=str(folder / "state"),
        )
        made = Warehouse(pipeline, file, server)
        given: dict[str, Any] = {
            "api_key": server.api_key,
            "base_url": server.url,
            "requests_per_minute": 6000,
        }
        with time_machine.travel(server.now, tick=True):
            for website, begin, more in (
                (0, START, ["top_pages"]),
                (1, START, []),
                (2, LATER, []),
            ):
                own = {"websites": [made.ids[website]], "query_types": [*REPORTS, *more]}
                load(pipeline, databuddy_source(**given, **own, start_date=begin))
        yield made


@pytest.fixture
def warehouse(kept: Warehouse) -> Iterator[Warehouse]:
    before = kept.file.read_bytes()
    yield kept
    kept.file.write_bytes(before)


def site(seen: BeautifulSoup, name: str) -> Tag:
    return next(each for each in seen.select("section.site") if name in each.h2.text)


def card(of: Tag, title: str) -> Tag:
    return of.find("h3", string=title).parent


def rows(of: Tag) -> list[list[str]]:
    return [
        [cell.get_text(" ", strip=True) for cell in row(["th", "td"])]
        for row in of.select("tbody tr")
    ]


def figure(of: Tag, title: str) -> str:
    text: str = of.find("h3", string=title).find_parent("figure").get_text(" ", strip=True)
    return text


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("UPDATE vitals_time_series SET samples = NULL", "?"),
        ("ALTER TABLE vitals_time_series DROP COLUMN samples", "?"),
        ("ALTER TABLE vitals_time_series ALTER samples TYPE VARCHAR USING '1k+'", "?"),
        ("ALTER TABLE vitals_time_series ALTER samples TYPE DOUBLE USING 'inf'::DOUBLE", "?"),
        ("UPDATE vitals_time_series SET samples = 5", "5 few samples"),
    ],
)
def test_samples_that_are_no_number_are_not_known(
    warehouse: Warehouse, statement: str, shown: str
) -> None:
    warehouse.do(statement)
    vitals = rows(card(site(warehouse.seen(), "shop"), "Web vitals"))
    assert vitals
    assert {row[-1] for row in vitals} == {shown}


@pytest.mark.parametrize("value", ["NULL", "'nan'::DOUBLE", "'-inf'::DOUBLE"])
def test_a_percentile_that_is_no_number_is_not_known(warehouse: Warehouse, value: str) -> None:
    warehouse.do(f"UPDATE vitals_time_series SET p75 = {value}")
    assert {row[1] for row in rows(card(site(warehouse.seen(), "shop"), "Web vitals"))} == {"?"}


@pytest.mark.parametrize("value", ["'nan'::DOUBLE", "'inf'::DOUBLE", "1e308"])
def test_amounts_without_end_are_not_known(warehouse: Warehouse, value: str) -> None:
    warehouse.do(f"UPDATE revenue_overview SET total_revenue = {value}")
    both = site(warehouse.seen(), "All websites").select_one("details table")
    revenue = [each.text for each in both.select("thead th")].index("Revenue")
    assert {row[revenue] for row in rows(both)} == {"?"}


def test_amounts_have_a_currency_at_the_axis(warehouse: Warehouse) -> None:
    told = "the currency of the payments"
    assert told in figure(site(warehouse.seen(), "shop"), "Revenue")
    warehouse.do(
        "CREATE TABLE odd AS SELECT *, 'EUR' AS currency FROM daily_summary",
        "CREATE OR REPLACE VIEW daily_summary AS SELECT * FROM odd",
    )
    revenue = figure(site(warehouse.seen(), "shop"), "Revenue")
    assert "EUR" in revenue
    assert told not in revenue


def test_vitals_have_their_own_units(warehouse: Warehouse) -> None:
    units = {row[0]: row[2] for row in rows(card(site(warehouse.seen(), "shop"), "Web vitals"))}
    assert units["LCP"] == "milliseconds"
    assert units["CLS"] == ""
    assert units["FPS"] == "frames a second"


def test_a_report_of_one_website_is_ranked_and_the_others_are_named(warehouse: Warehouse) -> None:
    seen = warehouse.seen()
    both, shop = (card(site(seen, name), "Pages") for name in ("All websites", "shop"))
    assert rows(both) == rows(shop) != []
    assert "Nothing of top_pages is loaded for blog.example.com." in both.get_text()
    assert "Nothing of top_pages is loaded for these days." not in both.get_text()
    assert "Nothing of top_pages" not in shop.get_text()


def test_a_website_that_was_never_synced_takes_no_ranking_away(warehouse: Warehouse) -> None:
    shop, new = warehouse.ids[0], "never-synced"
    found = warehouse.look([shop, new]).sites
    ranked = {each.of.report: each for each in found[0].rankings}["top_pages"]
    assert (
        ranked.rows
        == found[1 + [each.website_id for each in found[1:]].index(shop)].rankings[0].rows
    )
    assert ranked.is_compared
    assert ranked.extent.without == [new]


@pytest.mark.parametrize(("third", "unknown"), [("quiet", DAYS - 11), ("never-synced", DAYS)])
def test_a_sum_that_lacks_a_website_is_not_known_in_chart_and_table(
    warehouse: Warehouse, third: str, unknown: int
) -> None:
    third = warehouse.ids[2] if third == "quiet" else third
    both = site(warehouse.seen([warehouse.ids[0], third]), "All websites")
    days = rows(both.select_one("details table"))
    assert len(days) == DAYS
    missing = [row for row in days if row[-1] == "missing"]
    assert [row[1] for row in missing] == ["?"] * unknown
    assert [row for row in days if "?" in row[1]] == missing
    assert f"Missing, never asked for: {unknown} days" in figure(both, "Page views")


def test_views_that_are_gone_are_named_and_not_their_tables(warehouse: Warehouse) -> None:
    warehouse.do("DROP VIEW daily_summary")
    seen = warehouse.seen()
    lost = "daily_summary, weekly_summary"
    assert f"The warehouse lacks the views {lost}," in seen.header.get_text()
    assert "The next sync makes them." in seen.header.get_text()
    shop = site(seen, "shop")
    assert "Nothing of summary_metrics is loaded" not in shop.get_text()
    assert "The warehouse lacks the view daily_summary, which this is made of." in shop.get_text()
    assert "lacks the view weekly_summary" in card(shop, "Weeks").get_text()
    assert "Load summary_metrics by week" not in card(shop, "Weeks").get_text()
    # and of months nothing is loaded
    assert "Load summary_metrics by week and by month" in card(shop, "Months").get_text()


def test_a_column_that_a_view_lacks_is_told(warehouse: Warehouse) -> None:
    assert "has no column" not in warehouse.seen().get_text()
    warehouse.do(
        "DROP VIEW weekly_summary",
        "CREATE TABLE odd AS SELECT * EXCLUDE (revenue) FROM daily_summary",
        "CREATE OR REPLACE VIEW daily_summary AS SELECT * FROM odd",
    )
    seen = warehouse.seen()
    assert "The view daily_summary has no column revenue." in site(seen, "shop").get_text()
    assert "Nothing of revenue_overview is loaded" not in seen.get_text()


def test_the_next_sync_makes_them(warehouse: Warehouse) -> None:
    warehouse.do("DROP VIEW cell_states")
    with pytest.raises(NothingLoaded, match="no view cell_states") as e:
        warehouse.look()
    assert "Sync once more" in str(e.value)
    with time_machine.travel(warehouse.server.now, tick=True):
        own = {"websites": warehouse.ids[:1], "query_types": REPORTS, "start_date": START}
        key, url = warehouse.server.api_key, warehouse.server.url
        load(warehouse.pipeline, databuddy_source(api_key=key, base_url=url, **own))
    assert warehouse.look().lost == []


def test_a_warehouse_without_days_says_what_to_sync(warehouse: Warehouse) -> None:
    warehouse.do("DELETE FROM coverage WHERE grain = 'day'")
    with pytest.raises(NothingLoaded, match="nothing by day"):
        warehouse.look()


def test_a_newer_week_that_failed_is_told_beside_the_older_one(warehouse: Warehouse) -> None:
    assert "newer week" not in warehouse.seen().get_text().lower()
    warehouse.do(
        f"UPDATE coverage SET status = 'failed' WHERE report = 'summary_metrics_weekly' "
        f"AND date = DATE '{NEWEST_WEEK}'"
    )
    shop = site(warehouse.seen(), "shop")
    assert f"week of {NEWEST_WEEK - timedelta(days=7)}" in shop.select_one(".tiles").get_text()
    assert f"A newer week is over, and not known: {NEWEST_WEEK} (failed)." in shop.get_text()
    warehouse.do(
        f"DELETE FROM coverage WHERE report = 'summary_metrics_weekly' "
        f"AND date >= DATE '{NEWEST_WEEK}'"
    )
    shop = site(warehouse.seen(), "shop")
    assert f"A newer week is over, and not known: {NEWEST_WEEK} (missing)." in shop.get_text()


@pytest.mark.parametrize("name", ["%", "never-synced", "shop"])
def test_a_website_that_is_not_there_is_refused_where_it_was_asked_for(
    warehouse: Warehouse, name: str
) -> None:
    with pytest.raises(BadSetting) as e:
        warehouse.look([warehouse.ids[0], name], only_known=True)
    assert f"'{name}' is no website that was synced" in str(e.value)
    assert "blog.example.com" in str(e.value)
    assert warehouse.look(warehouse.ids[:1], only_known=True).sites
