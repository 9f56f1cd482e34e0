"""A table holds one kind of rows, and a run says what means something else from it on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from databuddy_source.coverage.parts import Definition, Part
from databuddy_source.errors import OtherDays, OtherReport
from databuddy_source.extract.definitions import refuse_a_mixture, tell_redefinitions
from databuddy_source.model.generations import Generation
from tests.cells import DAY, a_report, cells_of

CELLS = cells_of(a_report())
SAME = Definition.of(CELLS[0])


def held(
    report: str, *definitions: Definition, generation: Generation | None = Generation.G2026_04
) -> list[Part]:
    """A table that has days of these definitions."""
    return [Part(report, each, generation, DAY, DAY, "1", True) for each in definitions]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        held("top_pages", SAME),
        held("country", replace(SAME, grain="month"), replace(SAME, time_zone="Asia/Tokyo")),
    ],
    ids=["an empty warehouse", "the same", "other tables"],
)
def test_rows_go_into_a_table_of_their_own_kind(parts: list[Part]) -> None:
    refuse_a_mixture(CELLS, parts)


def test_days_of_another_zone_are_refused_with_both_zones() -> None:
    parts = held("top_pages", SAME, replace(SAME, time_zone="Asia/Tokyo"))
    with pytest.raises(OtherDays, match=r"top_pages holds days of Asia/Tokyo, and this run .* UTC"):
        refuse_a_mixture(CELLS, parts)


def test_another_name_of_the_zone_is_no_other_zone() -> None:
    kyiv = cells_of(a_report(), zone="Europe/Kyiv")
    refuse_a_mixture(
        kyiv, held("top_pages", replace(Definition.of(kyiv[0]), time_zone="Europe/Kiev"))
    )


def test_another_report_is_refused_beside_another_name_of_the_zone() -> None:
    kyiv = cells_of(a_report(), zone="Europe/Kyiv")
    renamed = replace(Definition.of(kyiv[0]), time_zone="Europe/Kiev")
    with pytest.raises(OtherReport):
        refuse_a_mixture(kyiv, held("top_pages", renamed, replace(renamed, grain="month")))


TOKYO = cells_of(a_report(), zone="Asia/Tokyo")


def test_days_that_an_older_server_could_not_cut_otherwise_are_no_change_of_the_user() -> None:
    parts = held("top_pages", SAME, generation=Generation.G2025)
    with pytest.raises(OtherDays, match="a server of 2025 knows no others") as e:
        refuse_a_mixture(TOKYO, parts)
    assert "This one is newer, and would cut them in Asia/Tokyo" in str(e.value)
    assert 'Go on with sources.databuddy.timezone = "UTC", load all days anew with' in str(e.value)


@pytest.mark.parametrize("generation", [Generation.G2026_04, None])
def test_days_that_were_chosen_in_utc_go_on_when_the_zone_is_set_back(
    generation: Generation | None,
) -> None:
    parts = held("top_pages", SAME, generation=Generation.G2025)
    parts += held("top_pages", SAME, generation=generation)
    with pytest.raises(OtherDays, match=r"this run would cut them in Asia/Tokyo.*Set sources") as e:
        refuse_a_mixture(TOKYO, parts)
    assert "newer" not in str(e.value)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(SAME, grain="month"), "top_pages by month in UTC"),
        (replace(SAME, query_type="country"), "country by day in UTC"),
        (replace(SAME, filters="[1]"), r"top_pages by day in UTC where \[1\]"),
        (replace(SAME, week_start=6), "from Sunday on"),
        (replace(SAME, grain="month", time_zone="Asia/Tokyo"), "by month in Asia/Tokyo"),
    ],
)
def test_another_report_is_refused_in_words(other: Definition, words: str) -> None:
    with pytest.raises(OtherReport, match=words):
        refuse_a_mixture(CELLS, held("top_pages", other))


# -- what means something else


def test_reports_that_mean_something_else_from_this_run_on_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = ["outbound_links", "device_types", "top_pages", "country"]
    cells = [cell for name in reports for cell in cells_of(a_report(name))]
    parts = [
        *held("top_pages", Definition.of(cells[2])),
        *held("outbound_links", Definition.of(cells[0])),
        *held("entry_pages", Definition.of(cells_of(a_report("entry_pages"))[0])),
    ]
    tell_redefinitions(cells, parts, Generation.G2026_06)
    (told,) = caplog.messages
    assert told.startswith(
        "This server is of June 2026, and the warehouse has days of April 2026. "
        "These reports mean something else from now on: outbound_links"
    )
    assert told.endswith("`status` says what changed, and how to load them anew.")
    assert "outbound_links, top_pages. " in told
    assert "entry_pages" not in told, "it is not asked for"
    caplog.clear()
    told_already = [
        Part(each.report, each.definition, Generation.G2026_06, DAY, DAY, "2", True)
        for each in parts
    ]
    tell_redefinitions(cells, [*parts, *told_already], Generation.G2026_06)
    tell_redefinitions(cells, parts, Generation.G2026_04)
    tell_redefinitions(cells, [], Generation.G2026_06)
    assert caplog.messages == []


def test_columns_that_come_and_go_are_told_beside_their_report(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells = cells_of(a_report("profile_list"))
    own = Definition.of(cells[0])
    parts = held("profile_list", own) + held("profile_list", own, generation=Generation.G2025)
    tell_redefinitions(cells, parts, Generation.G2026_06)
    (told,) = caplog.messages
    assert "the warehouse has days of 2025 and April 2026" in told
    assert "profile_list (new column" in told
