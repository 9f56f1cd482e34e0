"""Reports as users configure them: names, grains, filters, and what is said of wrong ones."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.models import Filter, TypeConfig, TypeMeta
from databuddy_source.config.reports import (
    LONGEST_NAME,
    ReportSetting,
    split_name,
)
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.views import NEEDS as VIEWS
from databuddy_source.errors import BadConfiguration, BadSetting, WrongReport
from databuddy_source.fetch.bodies import filter_of
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import Shape, Subject, load_catalog
from databuddy_source.model.reports import Condition
from databuddy_source.model.windows import Grain

G2025, G2026 = Generation.G2025, Generation.G2026_04
ANY_FILTER = TypeConfig(allowedFilters=["country", "path"])
GERMANS = {"field": "country", "op": "eq", "value": "DE"}
WEEKLY = {"query_type": "top_pages", "grain": "week"}


def setting(**given: Any) -> ReportSetting:
    return ReportSetting.model_validate({"query_type": "top_pages", **given})


def filtered(**condition: Any) -> ReportSetting:
    return setting(name="germans", filters=[{**GERMANS, **condition}])


def chosen(**given: Any) -> list[ReportSetting]:
    return Settings.of(**given).chosen_reports()


def refusal(**given: Any) -> str:
    with pytest.raises(BadSetting) as caught:
        Settings.of(**given)
    return str(caught.value)


# -- what is chosen

REPORTS: list[dict[str, Any]] = [
    {"query_type": "pages", "grain": "week", "websites": ["shop"]},
    {"name": "german_pages", "query_type": "top_pages", "filters": [GERMANS]},
]


def test_reports_come_as_a_list_and_as_json_text_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCES__DATABUDDY__REPORTS", json.dumps(REPORTS))
    settings = configured()
    assert settings == Settings.of(reports=REPORTS)
    weekly, germans = settings.reports
    assert (weekly.name, weekly.query_type, weekly.grain) == (
        "top_pages_weekly",
        "top_pages",
        Grain.WEEK,
    )
    assert (weekly.websites, weekly.filters, weekly.named) == (("shop",), (), True)
    assert (germans.name, germans.grain, germans.websites) == ("german_pages", Grain.DAY, ())
    assert germans.filters == (Condition(field="country", op="eq", value="DE"),)


@pytest.mark.parametrize(
    ("name", "query_type", "grain", "table"),
    [
        ("pages", "top_pages", Grain.DAY, "top_pages"),
        ("pages_weekly", "top_pages", Grain.WEEK, "top_pages_weekly"),
        ("top_pages_monthly", "top_pages", Grain.MONTH, "top_pages_monthly"),
        ("summary_hourly", "summary_metrics", Grain.HOUR, "summary_metrics_hourly"),
        (" geo_weekly ", "country", Grain.WEEK, "country_weekly"),
        # the server may know it, and then it is a type of this name
        ("brand_new_weekly", "brand_new_weekly", Grain.DAY, "brand_new_weekly"),
    ],
)
def test_a_name_among_the_query_types_may_say_the_grain(
    name: str, query_type: str, grain: Grain, table: str
) -> None:
    (report,) = chosen(query_types=[name])
    assert (report.query_type, report.grain, report.name) == (query_type, grain, table)
    (same,) = chosen(query_types=[], reports=[{"query_type": name}])
    assert same == report


@given(st.sampled_from(list(load_catalog())), st.sampled_from(Grain), st.data())
def test_a_derived_name_stands_for_the_same_report(
    query_type: Any, grain: Grain, data: st.DataObject
) -> None:
    alias = data.draw(st.sampled_from([query_type.name, *query_type.aliases]))
    assert split_name(alias + grain.suffix) == (query_type.name, grain)


def test_a_report_with_a_name_stands_beside_the_query_types() -> None:
    found = chosen(query_types=["country", "pages_weekly"], reports=REPORTS)
    assert [each.name for each in found] == ["country", "top_pages_weekly", "german_pages"]
    assert found[1].websites == ("shop",), "what is spelled out wins"


def test_only_what_a_user_chose_by_name_is_named() -> None:
    assert {each.named for each in chosen(query_types="default")} == {False}
    found = chosen(query_types=["default", "pages"], reports=[{"query_type": "geo"}])
    assert {each.name for each in found if each.named} == {"top_pages", "country"}
    assert [each.name for each in found].count("top_pages") == 1
    for name in ("german_pages", None):
        report = setting(name=name, websites=["shop"]).on(G2026, ANY_FILTER)
        assert report.named
    assert not setting(named=False).on(G2026, ANY_FILTER).named


# -- refusals before a server is known


@pytest.mark.parametrize(
    ("report", "place", "reason"),
    [
        ("top_pages", "reports[0]", 'needs a query_type, such as query_type = "top_pages"'),
        ({}, "reports[0]", 'needs a query_type, such as query_type = "top_pages"'),
        ({"query_type": 5}, "reports[0]", 'needs a query_type, such as query_type = "top_pages"'),
        (
            {"query_type": "active_stats"},
            "reports[0]",
            "'active_stats' cannot be loaded: it is about now and ignores the window, so a day "
            "can never be loaded",
        ),
        (
            {"query_type": "error_trends_hourly"},
            "reports[0]",
            "'error_trends' cannot be loaded by hour: it knows days only",
        ),
        (
            {"query_type": "retention_cohorts", "grain": "hour"},
            "reports[0]",
            "'retention_cohorts' cannot be loaded by hour: it looks back over 42 days",
        ),
        (
            {"query_type": "events_by_date", "grain": "week"},
            "reports[0]",
            "'events_by_date' cannot be loaded by week: it has a row for each day, and days do "
            "not add up to a longer window",
        ),
        (
            {"query_type": "top_pages", "grain": "year"},
            "reports[0].grain",
            "Input should be 'hour', 'day', 'week' or 'month'",
        ),
        (
            {"query_type": "top_pages", "filters": [GERMANS]},
            "reports[0]",
            "a report with filters needs a name of its own",
        ),
        (
            {**WEEKLY, "name": "top_pages_weekly", "filters": [GERMANS]},
            "reports[0]",
            "a report with filters needs a name of its own",
        ),
        ({**WEEKLY, "name": 5}, "reports[0].name", "Input should be a valid string"),
        (
            {**WEEKLY, "websites": 5},
            "reports[0].websites",
            'must be a list of names, such as ["one", "two"]',
        ),
        ({**WEEKLY, "filters": GERMANS}, "reports[0].filters", "must be a list"),
        (
            {**WEEKLY, "name": "x", "filters": [{**GERMANS, "op": "is"}]},
            "reports[0].filters[0].op",
            "must be one of eq, ne, in, not_in, contains, not_contains, starts_with, gt, lt",
        ),
        *(
            (
                {**WEEKLY, "name": "x", "filters": [GERMANS, {**GERMANS, "value": value}]},
                "reports[0].filters[1].value",
                "must be text, a number, or a list of them",
            )
            for value in (None, {"a": 1}, [None], [["DE"]])
        ),
        (
            {**WEEKLY, "name": "x", "filters": [{"op": "eq", "value": "DE"}]},
            "reports[0].filters[0].field",
            "Field required",
        ),
    ],
)
@pytest.mark.parametrize("as_text", [False, True], ids=["list", "text"])
def test_a_wrong_report_is_refused_with_its_place_and_one_sentence(
    report: Any, place: str, reason: str, as_text: bool
) -> None:
    value: Any = {"reports": [report]}
    for step in re.findall(r"\w+", place):
        value = value.get(step) if isinstance(value, dict) else value[int(step)]
    given = json.dumps([report]) if as_text else [report]
    expected = f"sources.databuddy.{place} = {value!r} is wrong: {reason}."
    assert refusal(reports=given) == expected


@pytest.mark.parametrize("as_text", [False, True], ids=["list", "text"])
@pytest.mark.parametrize(
    ("report", "place"),
    [
        ({**WEEKLY, "columns": []}, "reports[0].columns"),
        (
            {**WEEKLY, "name": "x", "filters": [{**GERMANS, "operator": "eq"}]},
            "reports[0].filters[0].operator",
        ),
    ],
)
def test_what_is_no_setting_of_a_report_is_told(
    report: dict[str, Any], place: str, as_text: bool
) -> None:
    given = json.dumps([report]) if as_text else [report]
    assert refusal(reports=given) == f"sources.databuddy.{place} is not a setting."


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("top_pages", "looks like a JSON list but is not one"),
        ('{"query_type": "top_pages"}', "must be a list"),
        ({"query_type": "top_pages"}, "must be a list"),
    ],
)
def test_reports_are_a_list(given: Any, reason: str) -> None:
    assert refusal(reports=given) == f"sources.databuddy.reports = {given!r} is wrong: {reason}."


def test_a_name_among_the_query_types_is_refused_for_the_same_reasons() -> None:
    assert refusal(query_types=["pages", "error_trends_hourly"]).endswith(
        "is wrong: 'error_trends' cannot be loaded by hour: it knows days only."
    )


@given(st.from_regex(r"\A[a-z][a-z0-9]*(_[a-z0-9]+){0,3}\Z"))
def test_names_of_small_letters_digits_and_single_underscores_are_taken(name: str) -> None:
    free = name not in {"websites", "query_types", "coverage"}
    if len(name) <= LONGEST_NAME and free and not load_catalog().get(split_name(name)[0]).known:
        assert setting(name=name, filters=[GERMANS]).name == name


@pytest.mark.parametrize(
    "name",
    ["Big", "a__b", "_a", "a_", "1a", "a b", "a-b", "größe", "x\n", "a" * (LONGEST_NAME + 1)],
)
def test_other_names_are_refused(name: str) -> None:
    assert refusal(reports=[{**WEEKLY, "name": name}]).endswith(
        f"is wrong: the name {name!r} must be small letters, digits and single underscores, "
        "a letter first, 50 at most."
    )


@pytest.mark.parametrize(
    "name",
    [
        *("websites", "query_types", "coverage", "restatements", *VIEWS),
        *("top_pages", "pages", "pages_weekly", "top_pages_hourly", "country_monthly"),
    ],
)
def test_the_name_of_another_table_is_refused(name: str) -> None:
    assert refusal(reports=[{**WEEKLY, "name": name}]).endswith(
        f"is wrong: the name {name!r} is another table's."
    )


@pytest.mark.parametrize(
    ("reports", "name"),
    [
        ([{**WEEKLY, "name": "x"}, {"query_type": "country", "name": "x"}], "x"),
        ([WEEKLY, {"query_type": "pages_weekly"}], "top_pages_weekly"),
    ],
)
def test_two_reports_of_one_name_are_refused(reports: list[dict[str, Any]], name: str) -> None:
    expected = f"sources.databuddy.reports has two reports called {name!r}."
    assert refusal(reports=reports) == expected


def test_each_type_has_the_grains_that_the_api_has_for_it() -> None:
    for query_type in load_catalog():
        loadable = query_type.scope is Subject.WEBSITE and query_type.shape is not Shape.SNAPSHOT
        series = query_type.shape is Shape.TIME_SERIES
        expected = {
            Grain.HOUR: query_type.hours if series else not query_type.trailing_days,
            Grain.DAY: True,
            Grain.WEEK: not series,
            Grain.MONTH: not series,
        }
        for grain, has in expected.items():
            given = [{"query_type": query_type.name, "grain": grain.value}]
            if loadable and has:
                assert Settings.of(reports=given)
            else:
                assert "cannot be loaded" in refusal(reports=given)


# -- on a server

OPERATORS = [
    # as configured, in 2025, in 2026
    ("eq", "eq", "eq"),
    ("ne", "ne", "ne"),
    ("in", "in", "in"),
    ("not_in", "notIn", "not_in"),
    ("notIn", "notIn", "not_in"),
    ("contains", "like", "contains"),
    ("like", "like", "contains"),
    ("not_contains", None, "not_contains"),
    ("starts_with", None, "starts_with"),
    ("gt", "gt", None),
    ("lt", "lt", None),
]


@pytest.mark.parametrize(
    ("op", "generation", "spelled"),
    [(op, G2025, old) for op, old, _ in OPERATORS] + [(op, G2026, new) for op, _, new in OPERATORS],
)
def test_operators_are_sent_as_the_generation_spells_them(
    op: str, generation: Generation, spelled: str | None
) -> None:
    chosen = filtered(op=op)
    if spelled is None:
        with pytest.raises(WrongReport) as caught:
            chosen.on(generation, ANY_FILTER)
        assert str(caught.value) == (
            f"The report germans uses the operator {op!r}, which servers of {generation} do not "
            "have. Change it in sources.databuddy.reports, or leave it out."
        )
        return
    (condition,) = chosen.on(generation, ANY_FILTER).filters
    assert filter_of(condition, generation) == Filter(field="country", op=spelled, value="DE")


def test_both_spellings_of_an_operator_are_one_report() -> None:
    one, other = (filtered(op=op).on(G2026, ANY_FILTER) for op in ("like", "contains"))
    assert one == other
    assert one.filters_text == other.filters_text


@pytest.mark.parametrize("value", ["DE", 5, 1.5, True, ["DE", "AT"], [1, 2]])
def test_values_are_sent_as_they_were_configured(value: Any) -> None:
    (condition,) = filtered(op="in", value=value).on(G2026, ANY_FILTER).filters
    sent = filter_of(condition, G2026).model_dump()["value"]
    assert sent == value
    assert type(sent) is type(value)


@pytest.mark.parametrize(
    ("allowed", "todo"),
    [
        (["path", "browser_name"], "It allows: browser_name, path."),
        ([], "It allows: no filters."),
    ],
)
def test_a_field_that_the_server_does_not_allow_is_refused(allowed: list[str], todo: str) -> None:
    with pytest.raises(WrongReport) as caught:
        filtered().on(G2026, TypeConfig(allowedFilters=allowed))
    assert isinstance(caught.value, BadConfiguration)
    assert str(caught.value) == (
        "The report germans filters on 'country', which top_pages does not allow. " + todo
    )


def test_a_field_is_believed_where_the_server_allows_it() -> None:
    assert len(filtered().on(G2026, ANY_FILTER).filters) == 1


def test_a_type_that_nobody_described_stands_behind_the_gate_of_its_category() -> None:
    def gate(query_type: str, category: str) -> str:
        config = TypeConfig(meta=TypeMeta(category=category))
        return setting(query_type=query_type).on(G2026, config).query_type.gate

    assert gate("errors_of_2027", "Errors") == "errors"
    assert gate("pages_of_2027", "Pages") == ""
    assert gate("top_pages", "Errors") == "", "the catalogue knows it better"


def test_filters_are_refused_where_the_server_does_not_tell_which_ones_it_allows() -> None:
    with pytest.raises(WrongReport) as caught:
        filtered().on(G2026, TypeConfig())
    assert str(caught.value) == (
        "The report germans has filters, and this server does not tell which ones top_pages "
        "allows: it may drop them without a word. Leave the filters out, or update the server."
    )
    assert not setting().on(G2026, TypeConfig()).filters


@pytest.mark.parametrize("query_type", ["top_pages", "summary_metrics", "recent_errors"])
def test_hours_need_a_server_that_takes_instants(query_type: str) -> None:
    hourly = setting(query_type=query_type, grain="hour")
    assert hourly.on(G2026, ANY_FILTER).grain is Grain.HOUR
    with pytest.raises(WrongReport) as caught:
        hourly.on(G2025, ANY_FILTER)
    assert str(caught.value) == (
        f"The report {query_type}_hourly cannot be loaded by hour: this server knows whole days "
        "only. Change it in sources.databuddy.reports, or leave it out."
    )
    for grain in ("day", "week", "month"):
        assert setting(query_type=query_type, grain=grain).on(G2025, ANY_FILTER)


def test_a_series_of_hours_needs_no_instants() -> None:
    hourly = setting(query_type="events_by_date", grain="hour")
    assert hourly.on(G2025, ANY_FILTER).grain is Grain.HOUR


def test_a_report_is_what_was_configured_as_the_generation_behaves() -> None:
    report = setting(name="mine", query_type="entry_pages", grain="month", filters=[GERMANS]).on(
        G2025, ANY_FILTER
    )
    assert (report.name, report.grain, len(report.filters)) == ("mine", Grain.MONTH, 1)
    assert report.query_type == load_catalog().get("entry_pages").on(G2025)
    assert report.query_type.end_is_midnight
    assert json.loads(report.filters_text or "") == [GERMANS]
    assert setting().on(G2026, ANY_FILTER).filters_text is None
