"""What the page of `dashboard` says and draws, without a warehouse."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.answers.sites import extent_of
from databuddy_source.cli.page import words
from databuddy_source.cli.page.charts import SHAPES, Dot, drawn, specification
from databuddy_source.cli.page.scale import FEW, HEADROOM, top_of

DAY = date(2026, 3, 1)


def dots(*values: float | None, **states: str) -> list[Dot]:
    """A day for each value, final but for those that are named by `on_<number>`."""
    return [
        Dot(DAY + timedelta(days=n), states.get(f"on_{n}", "final"), value, f"the {n}th")
        for n, value in enumerate(values)
    ]


def test_one_peak_does_not_flatten_a_chart() -> None:
    usual = [90.0, 100.0, 80.0, 95.0]
    assert top_of(usual) == 100
    assert top_of([*usual, 149]) == 149  # higher, and still to be drawn
    for factor in (1.6, 2.9, 3, 3.1, 300):
        assert top_of([*usual, factor * 100]) == 150
    assert top_of([*usual * 10, 30_000, 9_000]) == 150


def test_few_days_tell_of_no_peak() -> None:
    assert top_of([50, 1_000]) == 1_000


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [0.0, 0.0, 7.0], [0.0] * 9 + [7.0]])
def test_a_chart_of_zeros_has_a_height(values: list[float]) -> None:
    assert top_of(values) == max(values, default=0) or top_of(values) == 1


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=100))
def test_few_values_are_higher_than_a_chart_and_the_others_fill_it(values: list[float]) -> None:
    top, few = top_of(values), -(-len(values) // FEW)
    assert top > 0
    assert sum(value > top for value in values) <= few
    usual = sorted(values, reverse=True)[few:]
    if len(values) >= 5 and HEADROOM * usual[0] > 0:
        assert usual[0] * HEADROOM >= top


def test_a_peak_is_told_in_a_number() -> None:
    svg = drawn(dots(*[100.0] * 30, 30_000.0), narrow=True)
    assert "▲ 30,000" in svg


def test_of_neighbouring_peaks_the_highest_is_told_in_a_number() -> None:
    values = [*[100.0] * 30, 30_000.0, 40_000.0, 100.0, 20_000.0, *[100.0] * 30]
    assert re.findall(r"▲ [\d,]+", drawn(dots(*values), narrow=True)) == ["▲ 40,000", "▲ 20,000"]


def test_amounts_have_their_currency_at_the_axis() -> None:
    for narrow in (True, False):
        assert ">EUR</text>" in drawn(dots(5, 6), narrow=narrow, unit="EUR")
    odd = drawn(dots(5, 6), narrow=True, unit="<b>'\"]")
    assert ">&lt;b&gt;'\"]</text>" in odd


def test_each_state_has_a_shape_and_a_word() -> None:
    states = {f"on_{number}": state for number, state in enumerate(SHAPES)}
    svg = drawn(dots(5, 6, 7, 8, None, None, 9, **states), narrow=True)
    for state in SHAPES:
        assert f">{state}<" in svg
    assert len(set(SHAPES.values())) == len(SHAPES)
    assert SHAPES.keys() == words.OF_STATE.keys()


def test_what_is_not_known_breaks_the_line_and_a_running_day_is_dashed() -> None:
    svg = drawn(dots(5, 6, None, 7, 3, on_2="failed", on_4="running"), narrow=True)
    line, dashed = re.findall(r'<path d="([^"]*)"[^>]* stroke="var\(--line\)"', svg)
    assert line.count("M") == 2
    assert dashed.count("M") == 1
    assert len(re.findall("stroke-dasharray", svg)) == 1


def test_a_day_says_what_it_is_when_a_pointer_rests_on_it() -> None:
    named = [Dot(DAY, "final", 5, "<script>alert(1)</script>")]
    wide = drawn(named, narrow=False)
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>" in wide
    assert "<title>" not in drawn(named, narrow=True)
    for svg in (wide, drawn(named, narrow=True)):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<script|\bon\w+=|href", svg)


def test_a_chart_has_days_of_no_time_zone() -> None:
    x = specification(dots(1, 2), narrow=False)["layer"][0]["encoding"]["x"]
    assert x["scale"] == {"type": "utc"}


def test_days_that_follow_each_other_are_one_time() -> None:
    days = [DAY + timedelta(days=number) for number in (0, 1, 2, 5)]
    assert words.spans(days) == "2026-03-01 to 2026-03-03, 2026-03-06"
    far = [DAY + timedelta(days=2 * number) for number in range(6)]
    assert words.spans(far).endswith("2026-03-11 and 2 before")


def test_what_is_not_final_is_said_in_words() -> None:
    own = {DAY: "final", DAY + timedelta(days=1): "failed", DAY + timedelta(days=3): "running"}
    found = extent_of("top_pages", [own], DAY, DAY + timedelta(days=3))
    assert [sentence for _, sentence in words.states(found)] == [
        "Running, so a part of it only: 1 day (2026-03-04)",
        "Failed, no answer: 1 day (2026-03-02)",
        "Missing, never asked for: 1 day (2026-03-03)",
    ]


def test_a_change_is_told_only_where_there_is_one_to_tell() -> None:
    assert words.change(150, 100) == "+50 %"
    assert words.change(50, 100) == "-50 %"
    assert words.change(100.1, 100) == "0 %"
    assert words.change(5, 0) == words.change(5, None) == words.change(None, 5) == ""
    assert words.change(1e308, 1e-308) == ""


def test_numbers_are_what_the_tables_have() -> None:
    assert words.count(1234) == "1,234"
    assert words.count(12.345) == "12.35"
    assert words.count(None) == words.money(None) == "?"
    assert words.count(math.nan) == words.money(math.inf, "EUR") == "?"
    assert words.money(1234.5, "EUR") == "1,234.50 EUR"
    assert len(words.money(1, "E" * 2_000)) < 80


def test_many_websites_without_a_report_are_named_in_short() -> None:
    names = [f"{number}.example.com" for number in range(9)]
    found = extent_of("country", [{DAY: "final"}], DAY, DAY, names)
    assert words.without(found).endswith("2.example.com, 3.example.com and 5 more")
    assert words.without(extent_of("country", [{}], DAY, DAY, names)) == ""


def test_websites_that_are_gone_are_named_in_short() -> None:
    gone = {f"{number}.example.com": DAY for number in range(9)}
    said = words.gone(gone, of_all=True)
    assert "3.example.com (until 2026-03-01) and 5 more: after that day" in said
    assert words.gone({"a.example.com": DAY}, of_all=False).endswith(
        "did not see a.example.com (until 2026-03-01)"
    )
