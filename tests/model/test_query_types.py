"""What the catalogue says of each query type, and how names are resolved."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from databuddy_source.model.generations import ABILITIES, Generation
from databuddy_source.model.query_types import Catalog, Kind, QueryType, Shape, load_catalog
from databuddy_source.model.windows import Grain


def names(text: str) -> list[str]:
    return text.split()


BOTH = names("""
active_stats browser_name browser_versions browsers browsers_grouped city country
custom_event_properties custom_events device_types entry_pages error_frequency error_summary
error_trends error_types errors_by_page events_by_date exit_pages interaction_summary language
load_time_performance operating_systems os_name os_versions outbound_domains outbound_links
page_performance page_scroll_performance page_time_analysis performance_by_browser
performance_by_country performance_by_os performance_by_region performance_time_series
profile_detail profile_list recent_errors region screen_resolution screen_resolutions
scroll_depth_distribution scroll_depth_summary session_duration_distribution session_events
session_flow session_list session_metrics sessions_by_browser sessions_by_device
sessions_time_series slow_pages summary_metrics timezone today_metrics top_pages top_referrers
traffic_sources utm_campaigns utm_content utm_mediums utm_sources utm_terms viewport_patterns
viewport_vs_resolution web_vitals_by_browser web_vitals_by_country web_vitals_by_os
web_vitals_by_page web_vitals_by_region web_vitals_time_series
""")
ONLY_2026 = names("""
custom_events_by_path custom_events_discovery custom_events_property_cardinality
custom_events_property_classification custom_events_property_distribution
custom_events_property_top_values custom_events_recent custom_events_summary custom_events_trends
custom_events_trends_by_event error_chart_data errors_by_type link_clicks_by_day
link_countries_by_day link_referrers_by_day link_top_browsers link_top_cities link_top_countries
link_top_devices link_top_referrers link_top_regions link_total_clicks
llm_cost_by_model_time_series llm_cost_by_provider_time_series llm_error_breakdown
llm_error_rate_time_series llm_finish_reason_breakdown llm_http_status_breakdown
llm_latency_by_model llm_latency_by_provider llm_latency_time_series llm_model_breakdown
llm_overview_kpis llm_provider_breakdown llm_recent_calls llm_recent_errors llm_slowest_calls
llm_time_series llm_tool_name_breakdown llm_tool_use_time_series llm_trace_summary
performance_overview profile_sessions realtime_cities realtime_countries realtime_feed
realtime_pages realtime_referrers realtime_sessions realtime_velocity recent_transactions
retention_cohorts retention_rate revenue_attribution_overview revenue_by_browser revenue_by_city
revenue_by_country revenue_by_device revenue_by_entry_page revenue_by_os revenue_by_product
revenue_by_provider revenue_by_referrer revenue_by_region revenue_by_utm_campaign
revenue_by_utm_medium revenue_by_utm_source revenue_overview revenue_time_series uptime_by_region
uptime_overview uptime_recent_checks uptime_response_time_trends uptime_ssl_status
uptime_status_breakdown uptime_time_series vitals_by_browser vitals_by_city vitals_by_country
vitals_by_page vitals_by_region vitals_overview vitals_time_series
""")
ONLY_2025 = names("""
connection_type profile_duration_distribution profile_metrics profiles_by_browser
profiles_by_device profiles_time_series returning_visitors
""")
UNTIL_APRIL = {
    *(name for name in ONLY_2026 if name.startswith(("llm_", "retention_"))),
    *(name for name in BOTH if name.startswith("performance_")),
    *("load_time_performance", "performance_overview", "slow_pages"),
}
UNTIL_JUNE = names("""
uptime_by_region uptime_overview uptime_ssl_status uptime_status_breakdown
""")
SINCE_JUNE = names("interesting_sessions session_pages web_vitals_by_device")
SINCE_OCTOBER = names("""
ai_agent_pages ai_content_formats ai_crawlers ai_product_visitors ai_products ai_visitor_outcomes
engagement_quality_by_page error_fingerprints form_abandonment_by_page frustration_by_page
mcp_calls_series mcp_summary profile_revenue revenue_by_ai_product traffic_segments
""")
WITH_FILTERS_OF_THEIR_OWN = names("""
error_customer_impact error_route_continuation_comparison identified_profile_retention
mcp_clients mcp_errors mcp_tools
""")
"""Of October; too little is known of them, so they load with the general behaviour."""
IN_APRIL = BOTH + ONLY_2026
IN_JUNE = [name for name in IN_APRIL if name not in UNTIL_APRIL] + SINCE_JUNE
LISTED = {
    Generation.G2025: BOTH + ONLY_2025,
    Generation.G2026_04: IN_APRIL,
    Generation.G2026_06: IN_JUNE,
    Generation.G2026_10: [name for name in IN_JUNE if name not in UNTIL_JUNE] + SINCE_OCTOBER,
}


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("generation", "count"),
    [
        (Generation.G2025, 77),
        (Generation.G2026_04, 153),
        (Generation.G2026_06, 127),
        (Generation.G2026_10, 138),
    ],
)
def test_all_types_of_a_generation_are_known(
    catalog: Catalog, generation: Generation, count: int
) -> None:
    of_generation = [each.name for each in catalog if generation in each.generations]
    assert sorted(of_generation) == sorted(LISTED[generation])
    assert len(set(of_generation)) == len(of_generation) == count


@pytest.mark.parametrize("name", [query_type.name for query_type in load_catalog()])
def test_what_is_said_of_a_type_fits_together(catalog: Catalog, name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name), "it is the name of a table"
    for query_type in (catalog.get(name).on(each) for each in catalog.get(name).generations):
        columns = query_type.columns
        series = query_type.shape is Shape.TIME_SERIES
        dates = [column for column, kind in columns.items() if kind is Kind.DATE]
        assert query_type.known
        assert columns or not query_type.default
        assert query_type.buckets in ({"timezone", "utc"} if series else {""})
        assert series or not query_type.hours
        # plain dates are days of UTC on some servers and of the zone on others
        followed = query_type.buckets == "timezone" and not query_type.why_not_loadable
        assert query_type.margin_days >= (2 if followed else 0)
        assert dates == (["date"] if series and columns else [])
        assert not set(query_type.key) & set(query_type.unstable)
        for named in ("key", "limit_counts", "limit_per", "unstable"):
            assert not columns or set(getattr(query_type, named)) <= columns.keys(), named


def test_a_generation_says_something_only_of_types_that_it_has(catalog: Catalog) -> None:
    assert [t.name for t in catalog if not set(t.differs) <= set(t.generations)] == []
    # and no type changes with the first servers that have it
    assert [t.name for t in catalog if not set(t.changes) <= set(t.generations[:-1])] == []
    assert [t.name for t in catalog if not t.redefined.keys() <= t.changes.keys()] == []
    # and what nobody can compare is there before and after
    lacking = [
        (t.name, column)
        for t in catalog
        for since, columns in t.redefined.items()
        for column in columns
        for each in (since, max(other for other in t.generations if other < since))
        if column not in t.on(each).columns
    ]
    assert lacking == []


def test_the_types_by_which_a_generation_is_told_are_known_or_named(catalog: Catalog) -> None:
    for generation in (Generation.G2026_06, Generation.G2026_10):
        marks = {name for name in ABILITIES[generation].marks if name.islower()}
        since = {each.name for each in catalog if each.since is generation}
        left_out = WITH_FILTERS_OF_THEIR_OWN if generation is max(Generation) else []
        assert marks == {*left_out}
        assert {catalog.generation_of({name}) for name in (*since, *left_out)} == {generation}


def test_a_name_or_alias_belongs_to_one_type(catalog: Catalog) -> None:
    names = [name for query_type in catalog for name in (query_type.name, *query_type.aliases)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("documented", "canonical"),
    [
        ("summary", "summary_metrics"),
        ("pages", "top_pages"),
        ("traffic", "traffic_sources"),
        ("devices", "device_types"),
        ("geo", "country"),
        ("countries", "country"),
        ("cities", "city"),
        ("errors", "error_types"),
        ("performance", "slow_pages"),
        ("sessions", "sessions_time_series"),
        ("profiles", "profile_list"),
        ("links", "outbound_links"),
        ("engagement", "page_scroll_performance"),
        ("browser_name", "browser_name"),
        ("os_name", "os_name"),
        ("device_types", "device_types"),
        ("custom_events", "custom_events"),
    ],
)
def test_documented_names_resolve(catalog: Catalog, documented: str, canonical: str) -> None:
    assert catalog.canonical(documented) == canonical
    assert catalog.get(documented).name == canonical


def test_the_default_selection_is_small_and_loads_without_surprises(catalog: Catalog) -> None:
    chosen = [catalog.get(name) for name in catalog.selection("default")]
    assert 20 <= len(chosen) <= 30
    assert {"summary_metrics", "events_by_date", "top_pages", "country"} <= {t.name for t in chosen}
    assert [t.name for t in chosen if t.personal or t.why_not_loadable or t.fails] == []


def test_all_leaves_out_what_cannot_be_loaded_and_what_is_personal(catalog: Catalog) -> None:
    chosen = set(catalog.selection("all"))
    left_out = {query_type.name for query_type in catalog} - chosen
    assert set(catalog.selection("default")) < chosen
    assert left_out == {t.name for t in catalog if t.personal or t.why_not_loadable}
    assert {"link_total_clicks", "uptime_overview", "llm_time_series", "today_metrics"} <= left_out


@pytest.mark.parametrize(
    "name",
    names("""custom_events_recent llm_recent_errors profile_detail profile_list profile_sessions
    realtime_feed realtime_sessions recent_errors recent_transactions returning_visitors
    session_events session_list"""),
)
def test_types_about_single_visitors_load_only_when_named(catalog: Catalog, name: str) -> None:
    assert catalog.get(name).personal
    assert name not in catalog.selection("all")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("top_pages", ""),
        ("session_list", ""),
        ("link_total_clicks", "it needs the id of a short link, which a website does not have"),
        ("uptime_overview", "it needs the id of an uptime monitor, which a website does not have"),
        ("llm_time_series", "it answers for the whole organisation, the same for each website"),
        ("profile_detail", "it needs a filter on one visitor"),
        ("active_stats", "it is about now and ignores the window, so a day can never be loaded"),
        ("nobody_knows_it", ""),
    ],
)
def test_it_says_why_a_type_cannot_be_loaded(catalog: Catalog, name: str, reason: str) -> None:
    assert catalog.get(name).why_not_loadable == reason


@pytest.mark.parametrize(
    ("name", "listed", "spelling"),
    [
        ("top_pages", ["top_pages", "country"], "top_pages"),
        ("top_pages", ["pages", "countries"], "pages"),
        ("top_pages", ["pages", "top_pages"], "top_pages"),
        ("country", ["geo"], "geo"),
        ("top_pages", ["country"], None),
        ("brand_new", ["brand_new"], "brand_new"),
        ("brand_new", [], None),
    ],
)
def test_a_name_is_spelled_as_the_server_spells_it(
    catalog: Catalog, name: str, listed: list[str], spelling: str | None
) -> None:
    assert catalog.spelled_for(name, listed) == spelling


@pytest.mark.parametrize(
    ("wrong", "listed", "best"),
    [
        ("top_page", ["top_pages", "country"], "top_pages"),
        ("contry", ["top_pages", "country"], "country"),
        ("sumary", ["summary_metrics"], "summary"),  # what the documentation calls it
        ("brand_now", ["brand_new"], "brand_new"),
    ],
)
def test_a_wrong_name_gets_suggestions_best_first(
    catalog: Catalog, wrong: str, listed: list[str], best: str
) -> None:
    found = catalog.suggestions(wrong, listed)
    assert found[0] == best
    assert len(found) <= 3


def test_three_names_are_suggested_where_many_look_alike(catalog: Catalog) -> None:
    listed = [f"revenue_by_{each}" for each in ("browser", "city", "os", "region", "device")]
    assert len(catalog.suggestions("revenue_by_x", listed)) == 3


def test_what_the_server_lacks_is_not_suggested(catalog: Catalog) -> None:
    assert catalog.suggestions("top_page", ["country"]) == []


def test_a_name_like_no_other_gets_no_suggestions(catalog: Catalog) -> None:
    assert catalog.suggestions("qqqqqqqq", ["top_pages"]) == []


def test_a_type_that_nobody_described_gets_the_general_behaviour(catalog: Catalog) -> None:
    general = catalog.get("brand_new")
    assert general == QueryType(name="brand_new", known=False)
    assert general.shape is Shape.BREAKDOWN
    assert (general.pages, general.limit, general.key, general.columns) == (True, True, (), {})
    assert not any((general.ranged, general.default, general.personal, general.merged))


@pytest.mark.parametrize(
    ("name", "attribute", "in_2026", "in_2025"),
    [
        ("entry_pages", "end_is_midnight", False, True),
        ("exit_pages", "end_is_midnight", False, True),
        ("page_time_analysis", "end_is_midnight", False, True),
        ("top_pages", "end_is_midnight", False, False),
        ("recent_errors", "pages", False, True),
        ("web_vitals_time_series", "limit", False, True),
        ("region", "merged", False, True),
        ("country", "merged", True, True),
        ("events_by_date", "buckets", "timezone", "utc"),
        ("top_referrers", "key", ("referrer",), ("domain",)),
    ],
)
def test_a_type_behaves_as_its_server_does(
    catalog: Catalog, name: str, attribute: str, in_2026: object, in_2025: object
) -> None:
    assert getattr(catalog.get(name).on(Generation.G2026_04), attribute) == in_2026
    assert getattr(catalog.get(name).on(Generation.G2025), attribute) == in_2025


def test_what_generations_changed_adds_up() -> None:
    october, june, old = Generation.G2026_10, Generation.G2026_06, Generation.G2025
    described = QueryType(
        name="x",
        margin_days=2,
        differs={
            old: {"merged": True},
            june: {"margin_days": 3, "key": ("name",)},
            october: {"margin_days": 4},
        },
    )
    assert described.on(old) == QueryType(name="x", margin_days=2, merged=True)
    assert described.on(Generation.G2026_04) == described
    assert described.on(june) == QueryType(name="x", margin_days=3, key=("name",))
    assert described.on(october) == QueryType(name="x", margin_days=4, key=("name",))


@pytest.mark.parametrize(
    ("name", "category", "gate"),
    [
        ("brand_new", "Errors", "errors"),
        ("brand_new", "Audience", ""),
        ("brand_new", None, ""),
        ("top_pages", "Errors", ""),  # what is described here is known better
        ("error_types", "Audience", "errors"),
    ],
)
def test_a_type_that_nobody_described_stands_behind_the_gate_of_its_category(
    catalog: Catalog, name: str, category: str | None, gate: str
) -> None:
    known = catalog.get(name)
    assert known.of_category(category) == known.model_copy(update={"gate": gate})


@pytest.mark.parametrize(
    ("name", "grain", "generation", "reason"),
    [
        ("top_pages", Grain.DAY, Generation.G2025, ""),
        ("retention_rate", Grain.DAY, None, ""),
        ("top_pages", Grain.HOUR, None, ""),
        ("top_pages", Grain.HOUR, Generation.G2026_04, ""),
        ("top_pages", Grain.HOUR, Generation.G2025, "this server knows whole days only"),
        ("top_pages", Grain.WEEK, Generation.G2025, ""),
        ("top_pages", Grain.MONTH, None, ""),
        ("events_by_date", Grain.HOUR, Generation.G2025, ""),
        ("error_trends", Grain.HOUR, None, "it knows days only"),
        *(
            (
                "events_by_date",
                grain,
                None,
                "it has a row for each day, and days do not add up to a longer window",
            )
            for grain in (Grain.WEEK, Grain.MONTH)
        ),
        ("interesting_sessions", Grain.HOUR, Generation.G2026_06, ""),
    ],
)
def test_it_says_why_there_are_no_windows_of_a_length(
    catalog: Catalog, name: str, grain: Grain, generation: Generation | None, reason: str
) -> None:
    assert catalog.get(name).why_not_by(grain, generation) == reason


@pytest.mark.parametrize("shape", [Shape.BREAKDOWN, Shape.SUMMARY])
def test_what_looks_back_has_no_hours(shape: Shape) -> None:
    looks_back = QueryType(name="x", shape=shape, trailing_days=7)
    assert looks_back.why_not_by(Grain.HOUR) == "it looks back over 7 days"
    assert [looks_back.why_not_by(grain) for grain in Grain if grain is not Grain.HOUR] == [""] * 3


@pytest.mark.parametrize(
    ("name", "column", "wrong_on"),
    [
        ("device_types", "pageviews", {Generation.G2025}),
        ("custom_events", "total_events", {Generation.G2025}),
        ("custom_events", "events_with_properties", {Generation.G2025}),
        ("custom_event_properties", "count", {Generation.G2025}),
        ("outbound_links", "total_clicks", {Generation.G2025, Generation.G2026_04}),
        ("outbound_domains", "total_clicks", set(Generation)),
    ],
)
def test_what_is_counted_several_times_is_no_count(
    catalog: Catalog, name: str, column: str, wrong_on: set[Generation]
) -> None:
    """Servers multiplied it by other events, or counted the first row of a group twice."""
    kinds = {each: catalog.get(name).on(each).columns[column] for each in Generation}
    assert {each for each, kind in kinds.items() if kind is Kind.WHOLE} == wrong_on


def test_a_profile_is_a_row_since_june(catalog: Catalog) -> None:
    (april, june, october) = (catalog.get("profile_list").on(each) for each in list(Generation)[1:])
    assert june == october
    assert (april.key, june.key) == (("session_id", "visitor_id"), ("visitor_id",))
    assert {"display_name", "email"} <= june.columns.keys() - april.columns.keys()
    assert {"events", "duration"} <= april.columns.keys() - june.columns.keys()


def test_amounts_have_a_row_for_each_currency_in_october(catalog: Catalog) -> None:
    of = {each.name: each.on(max(Generation)) for each in catalog if "revenue_" in each.name}
    split = {name for name, each in of.items() if "currency" in each.columns and each.known}
    assert split == set(of) - {"profile_revenue"}
    assert all("currency" in of[name].key for name in split)


def test_what_2025_does_not_change_stays(catalog: Catalog) -> None:
    here, there = (
        catalog.get("summary_metrics").on(each) for each in (Generation.G2025, Generation.G2026_04)
    )
    assert {"avg_session_duration"} == set(here.columns) - set(there.columns)
    assert {"median_session_duration"} == set(there.columns) - set(here.columns)
    assert (here.shape, here.aliases, here.default) == (there.shape, there.aliases, there.default)


@pytest.mark.parametrize(
    ("name", "ranged"),
    [("events_by_date", True), ("retention_rate", False), ("top_pages", False)],
)
def test_only_series_whose_days_are_independent_are_asked_in_ranges(
    catalog: Catalog, name: str, ranged: bool
) -> None:
    assert catalog.get(name).ranged is ranged


@pytest.mark.parametrize(
    "entry", [{"shape": "circle"}, {"colums": {}}, {"columns": {"name": "words"}}]
)
def test_a_mistake_in_the_file_is_not_passed_over(entry: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QueryType.model_validate({"name": "top_pages", **entry})


def test_all_types_about_errors_stand_behind_one_gate() -> None:
    gated = {each.name for each in load_catalog() if each.gate}
    about_errors = {
        each.name
        for each in load_catalog()
        if "error" in each.name and not each.name.startswith("llm_")
    }
    assert gated == about_errors
