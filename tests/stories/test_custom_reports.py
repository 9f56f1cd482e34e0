"""Reports of one's own: filters, grains, names and websites."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from databuddy_source import databuddy_source
from databuddy_source.demo import DemoServer, Generation
from databuddy_source.errors import BadSetting, OtherReport, WrongReport
from tests.stories.conftest import TODAY, Make, Warehouse, days_between, truth

FIRST = TODAY - timedelta(days=2)
GERMAN = {
    "name": "german_pages",
    "query_type": "pages",
    "filters": [{"field": "country", "op": "eq", "value": "DE"}],
}


@pytest.mark.parametrize("generation", ["2026-04", "2025"])
def test_filters_hold_and_leave_the_unfiltered_table_alone(
    generation: Generation,
    serve: Callable[..., DemoServer],
    warehouse: Make,
) -> None:
    server = serve(generation)
    made = warehouse(server)
    shop = server.websites[0].id
    not_desktop = {
        "name": "touched_pages",
        "query_type": "top_pages",
        "filters": [
            # both spellings of an operator are understood by either server
            {"field": "device_type", "op": "notIn", "value": ["desktop"]},
            {"field": "browser_name", "op": "not_in", "value": ["Opera"]},
        ],
    }
    gaps = made.sync(
        query_types=["top_pages"], reports=[GERMAN, not_desktop], websites=[shop], since=FIRST
    )
    assert gaps == []
    conditions = {
        "top_pages": "true",
        "german_pages": "country = 'DE'",
        "touched_pages": "device_type <> 'desktop' AND browser_name <> 'Opera'",
    }
    for name, where in conditions.items():
        cells = made.cells(name)
        for day in days_between(FIRST, TODAY):
            expected = truth(server, ["top_pages"], shop, day, where=where)["top_pages"]
            assert cells[shop, day] == expected
            assert expected
    ((filters,),) = made.query("SELECT DISTINCT filters FROM coverage WHERE report='german_pages'")
    assert filters == '[{"field":"country","op":"eq","value":"DE"}]'


def test_a_report_has_its_own_websites(serve: Callable[..., DemoServer], warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    shop, blog = (website.id for website in server.websites[:2])
    own = {"query_type": "summary_metrics", "grain": "week", "websites": [blog]}
    made.sync(query_types=["top_pages"], reports=[own], websites=[shop], since=FIRST)
    assert made.query("SELECT DISTINCT website_id FROM top_pages") == [(shop,)]
    assert made.query("SELECT DISTINCT website_id FROM summary_metrics_weekly") == [(blog,)]


@pytest.mark.parametrize(
    ("report", "generation", "sentence"),
    [
        (
            {**GERMAN, "filters": [{"field": "shoe_size", "op": "eq", "value": 42}]},
            "2026-04",
            "The report german_pages filters on 'shoe_size', which top_pages does not allow. "
            "It allows: ",
        ),
        (
            {**GERMAN, "filters": [{"field": "country", "op": "gt", "value": "A"}]},
            "2026-04",
            "The report german_pages uses the operator 'gt', which servers of 2026-04 do not have.",
        ),
        (
            {"query_type": "top_pages", "grain": "hour"},
            "2025",
            "The report top_pages_hourly cannot be loaded by hour: this server knows whole days",
        ),
    ],
)
def test_what_the_server_cannot_give_is_refused_before_the_first_query(
    report: object,
    generation: Generation,
    sentence: str,
    serve: Callable[..., DemoServer],
    warehouse: Make,
) -> None:
    server = serve(generation)
    with pytest.raises(WrongReport) as caught:
        warehouse(server).sync(query_types=["country"], reports=[report])
    assert str(caught.value).startswith(sentence)
    assert not [request for request in server.log if request.path.endswith("/query")]


def test_a_report_of_a_type_without_hours_says_so_at_once() -> None:
    with pytest.raises(BadSetting, match="'sessions_time_series' cannot be loaded by hour: it kno"):
        databuddy_source(api_key="k", websites=["w"], query_types=["sessions_time_series_hourly"])


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            {"reports": [GERMAN]},
            {"reports": [{**GERMAN, "filters": [{"field": "country", "op": "eq", "value": "US"}]}]},
            "The table german_pages holds top_pages by day in UTC where",
        ),
        (
            {"reports": [GERMAN]},
            {"reports": [{**GERMAN, "grain": "week"}]},
            "The table german_pages holds top_pages by day in UTC where",
        ),
        (
            {"query_types": ["summary_metrics_weekly"]},
            {"query_types": ["summary_metrics_weekly"], "weeks": "sunday"},
            "The table summary_metrics_weekly holds summary_metrics by week in UTC from Monday on, "
            "and not summary_metrics by week in UTC from Sunday on.",
        ),
    ],
)
def test_two_definitions_never_mix_in_a_table(
    before: dict[str, object],
    after: dict[str, object],
    sentence: str,
    serve: Callable[..., DemoServer],
    warehouse: Make,
) -> None:
    made = warehouse(serve(), Warehouse.sync, **{"query_types": [], **before, "start_date": FIRST})
    held = made.tables()
    with pytest.raises(OtherReport) as caught:
        made.sync(**{"query_types": [], **after, "start_date": FIRST})
    assert str(caught.value).startswith(sentence)
    assert made.tables() == held
    # the same again is no mixture
    assert made.sync(**{"query_types": [], **before, "start_date": FIRST}) == []


def test_the_comment_of_a_series_in_utc_says_so(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    made = warehouse(serve())
    made.sync(
        query_types=["sessions_time_series", "events_by_date"], timezone="Asia/Kolkata", since=FIRST
    )
    tables = made.pipeline.default_schema.tables
    assert tables["sessions_time_series"]["columns"]["date"]["description"].startswith(
        "Day in UTC: the server cuts this series in UTC"
    )
    assert "Asia/Kolkata" in tables["events_by_date"]["columns"]["date"]["description"]
    assert "must not be added up" in tables["events_by_date"]["columns"]["visitors"]["description"]
