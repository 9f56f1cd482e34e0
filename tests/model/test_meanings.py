"""Each column of each type has a meaning, and the meanings fit what else is known of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from databuddy_source.model.generations import Generation
from databuddy_source.model.meanings import (
    UNITS,
    Unit,
    asked_instead,
    meaning_of,
    shared_names,
    vital_units,
)
from databuddy_source.model.query_types import Kind, QueryType, Shape, load_catalog
from databuddy_source.model.windows import Grain

NOT_IN_WINDOWS = {Kind.UNIQUE, Kind.NUMBER, Kind.COUNT_OVER_ROWS}


def every_column() -> Iterator[tuple[QueryType, str, Generation]]:
    for each in load_catalog():
        for generation in each.generations:
            query_type = each.on(generation)
            for column in query_type.columns:
                yield query_type, column, generation


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", text).lower()))


def test_each_column_of_each_type_has_a_meaning_that_says_more_than_its_name() -> None:
    found = 0
    for query_type, column, _ in every_column():
        meaning = meaning_of(query_type, column)
        assert meaning is not None
        assert meaning.label
        assert not meaning.says.endswith("."), (query_type.name, column)
        more = words(meaning.says) - words(column) - {"of", "the", "a", "row", "this"}
        assert len(more) >= 2, (query_type.name, column, meaning.says)
        found += 1
    assert found > 2000, "else it looked at too little"


def test_each_number_has_a_unit_and_each_share_what_it_is_of() -> None:
    for query_type, column, _ in every_column():
        meaning = meaning_of(query_type, column)
        assert meaning is not None
        kind = query_type.columns[column]
        is_number = kind.adds_up is not None or kind.counts
        is_status = query_type.name == "llm_http_status_breakdown"  # also as a name
        assert is_status or (meaning.unit is not None) == is_number, (query_type.name, column)
        is_share = meaning.unit in {Unit.PERCENT, Unit.SHARE}
        assert bool(meaning.of) or not is_share, (query_type.name, column)
        assert not meaning.of or is_share or meaning.unit is Unit.UNKNOWN, (query_type.name, column)
    assert set(UNITS) == set(Unit)


def test_what_an_average_is_weighted_with_is_a_count_beside_it() -> None:
    weighted = set()
    for query_type, column, _ in every_column():
        meaning = meaning_of(query_type, column)
        assert meaning is not None
        if meaning.weight:
            assert query_type.columns[meaning.weight] is Kind.COUNT
            assert query_type.columns[column] is Kind.NUMBER
            assert not column.startswith(("p50", "median"))
            weighted.add(f"{query_type.name}.{column}")
    assert "slow_pages.avg_load_time" in weighted
    # its page views are more than those whose load time is known
    assert "performance_time_series.avg_load_time" not in weighted


def test_what_must_not_be_summed_names_the_report_that_has_it() -> None:
    catalog = load_catalog()
    nowhere = set()
    for query_type, column, generation in every_column():
        if query_type.why_not_loadable or query_type.columns[column] not in NOT_IN_WINDOWS:
            continue
        instead = asked_instead(query_type, column, Grain.DAY)
        if not instead:
            nowhere.add((query_type.name, column))
        for each, suffix in zip(instead, ("_weekly", "_monthly"), strict=True) if instead else ():
            report, there = each.split(".")
            other = catalog.get(report.removesuffix(suffix))
            assert report.endswith(suffix)
            assert other.known
            assert not other.why_not_by(Grain.WEEK)
            assert generation in other.generations, (query_type.name, generation, each)
            assert there in other.on(generation).columns, (query_type.name, generation, each)
    logs = {each.name for each in catalog if each.shape is Shape.LOG}
    assert {each for each in nowhere if each[0] not in logs} == {
        ("events_by_date", "pages_per_session"),
        ("performance_time_series", "p50_load_time"),
        ("performance_time_series", "avg_ttfb"),
        ("load_time_performance", "p50_load_time"),
        ("web_vitals_time_series", "avg_fid"),
        ("web_vitals_time_series", "p50_fid"),
        *(
            ("performance_time_series", f"avg_{each}_time")
            for each in ("load", "dom_ready", "render")
        ),
        *(
            ("web_vitals_time_series", f"{which}_{each}")
            for which in ("avg", "p50")
            for each in ("fcp", "lcp", "cls", "inp")
        ),
        ("load_time_performance", "avg_load_time"),
        ("sessions_time_series", "avg_session_duration"),
        ("retention_rate", "new_users"),
        ("retention_rate", "returning_users"),
        ("retention_rate", "retention_rate"),
    }


@pytest.mark.parametrize(
    ("name", "column", "grain", "instead"),
    [
        ("summary_metrics", "pageviews", Grain.DAY, ()),
        (
            "summary_metrics",
            "unique_visitors",
            Grain.DAY,
            ("summary_metrics_weekly.unique_visitors", "summary_metrics_monthly.unique_visitors"),
        ),
        (
            "events_by_date",
            "visitors",
            Grain.HOUR,
            (
                "summary_metrics.unique_visitors",
                "summary_metrics_weekly.unique_visitors",
                "summary_metrics_monthly.unique_visitors",
            ),
        ),
        ("top_pages", "visitors", Grain.WEEK, ("top_pages_monthly.visitors",)),
        ("top_pages", "visitors", Grain.MONTH, ()),
        ("top_pages", "nothing", Grain.DAY, ()),
    ],
)
def test_only_longer_windows_are_named(
    name: str, column: str, grain: Grain, instead: tuple[str, ...]
) -> None:
    assert asked_instead(load_catalog().get(name), column, grain) == instead


def test_nothing_is_said_of_columns_that_no_type_has() -> None:
    used = set()
    for each in load_catalog():
        columns = {name for on in each.generations for name in each.on(on).columns}
        assert set(each.means) <= columns, each.name
        assert set(each.longer) <= columns, each.name
        for on in each.generations:
            for column in each.on(on).columns:
                said = each.on(on).means.get(column, column)
                used.add(said if isinstance(said, str) else said.get("like", column))
    assert shared_names() == used


def test_a_column_that_nobody_described_has_no_meaning() -> None:
    assert meaning_of(load_catalog().get("top_pages"), "nothing") is None
    assert meaning_of(QueryType(name="new"), "pageviews") is None


def test_what_surprises_is_said() -> None:
    catalog = load_catalog()
    refunds = meaning_of(catalog.get("revenue_overview"), "refund_amount")
    assert refunds is not None
    assert refunds.sign.startswith("Negative")
    share = meaning_of(catalog.get("utm_sources"), "percentage")
    assert share is not None
    assert "sum of `visitors` over all rows" in share.of
    entries = meaning_of(catalog.get("entry_pages"), "pageviews")
    assert entries is not None
    assert entries.label == "Sessions"


def test_each_web_vital_has_a_unit_of_its_own() -> None:
    for metric, unit in vital_units().items():
        if unit is not Unit.MILLISECONDS:
            assert f"of {metric} {UNITS[unit]}" in UNITS[Unit.VITAL]
    assert {"LCP", "CLS", "FPS"} <= vital_units().keys()
