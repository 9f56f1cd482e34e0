"""The chapter on numbers tells the truth: its tables are those of the catalogue, its examples show
what a warehouse shows, and what it says of sums is true of the events.

`UPDATE_DOCS=1` writes the chapter anew instead.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from datetime import date
from typing import cast

import pytest

from databuddy_source.demo import DemoServer, Generation, queries
from databuddy_source.model.query_types import Kind, load_catalog
from databuddy_source.tables.hints import MEANINGS
from docs.numbers_tables import PAGE, SUMMABLE, markdown, with_tables
from tests.stories.conftest import UNDECIDED, Make, Warehouse, days_between, truth

Serve = Callable[..., DemoServer]

TODAY = date(2026, 11, 6)

_BLOCK = re.compile(
    r"(?P<server><!-- server of (?P<generation>\d+) -->\n)?"
    r"```(?P<language>toml|sql)\n(?P<code>.*?)```\n(\n(\|[^\n]*\n)+)?",
    re.DOTALL,
)


def test_the_tables_of_the_chapter_are_those_of_the_catalogue() -> None:
    page = _expect(with_tables(_page()))
    assert page == _page(), "stale: UPDATE_DOCS=1"
    for query_type in load_catalog():
        fills_a_table = bool(query_type.columns) and not query_type.why_not_loadable
        assert (f"| `{query_type.name}` |" in page) is fills_a_table


def test_each_column_of_numbers_is_somewhere_in_the_chapter_as_its_comment_says() -> None:
    kinds = [kind for kinds in SUMMABLE.values() for kind in kinds]
    assert sorted(kinds) == sorted(MEANINGS)
    for sums, of_sums in SUMMABLE.items():
        for meaning in (MEANINGS[kind] for kind in of_sums):
            assert ("ay be added up" in meaning) is (sums != "never")
            assert ("must not be added up" in meaning) is (sums != "over rows and windows")


def test_the_examples_of_the_chapter_show_what_a_warehouse_shows(
    serve: Serve, warehouse: Make
) -> None:
    made: Warehouse | None = None

    def run(block: re.Match[str]) -> str:
        nonlocal made
        if block["language"] == "toml":
            generation = cast(Generation, block["generation"] or "2026-04")
            made = warehouse(serve(generation, today=TODAY, days=16))
            made.sync(**tomllib.loads(block["code"])["sources"]["databuddy"])
            return block[0]
        assert made is not None, "an example before its configuration"
        code = block["code"]
        return f"```sql\n{code}```\n\n{_result(made, code)}\n"

    examples = _page().count("```") // 2
    page, found = _BLOCK.subn(run, _page())
    assert found == examples > 10
    assert _expect(page) == _page(), "stale: UPDATE_DOCS=1"


@pytest.mark.parametrize("generation", ["2026-04", "2025"])
def test_what_may_be_added_up_over_windows_makes_the_longer_window(
    generation: Generation, serve: Serve
) -> None:
    """Each numeric column of each type that the demo knows, over the rows of a whole week."""
    server = serve(generation, today=TODAY, days=16)
    types = [
        query_type.on(server_generation)
        for query_type in load_catalog()
        for server_generation in query_type.generations
        if server_generation == generation and query_type.columns
        if query_type.name in queries(generation) and not query_type.why_not_loadable
    ]
    reports = [each.name for each in types]
    shop, monday = server.websites[0].id, date(2026, 10, 26)
    of_week = truth(server, reports, shop, monday, grain="week", whole=reports)
    of_days = [
        truth(server, reports, shop, day, whole=reports)
        for day in days_between(monday, monday.replace(month=11, day=1))
    ]
    added, not_added = set(), set()
    for each in types:
        left_out = {"date", *UNDECIDED[generation].get(each.name, ())}
        names = [name for name in each.columns if name not in left_out]
        week = _totals(names, of_week[each.name])
        days = [_totals(names, rows[each.name]) for rows in of_days]
        for name, total in week.items():
            column = each.name, name, each.columns[name]
            same = total == pytest.approx(sum(day.get(name, 0) for day in days))
            (added if same else not_added).add(column)
    over_windows = {Kind.COUNT, Kind.AMOUNT, Kind.COUNT_OVER_WINDOWS}
    assert {column for column in not_added if column[2] in over_windows} == set()
    assert {column for column in added if column[2] is Kind.COUNT_OVER_ROWS} == set()
    assert sum(column[2] in over_windows for column in added) > 25


def _totals(names: list[str], rows: list[tuple[str, ...]]) -> dict[str, float]:
    """The sum of each column of numbers over all rows."""
    totals: dict[str, float] = {}
    for row in rows:
        for name, text in zip(names, row, strict=True):
            if re.fullmatch(r"-?\d+\.\d+", text):
                totals[name] = totals.get(name, 0) + float(text)
    return totals


def _page() -> str:
    return PAGE.read_text(encoding="utf-8")


def _expect(page: str) -> str:
    """The page as it has to be; written, when that is wanted."""
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    return page


def _result(made: Warehouse, sql: str) -> str:
    with made.pipeline.sql_client() as client, client.execute_query(sql) as cursor:
        return markdown([column[0] for column in cursor.description], cursor.fetchall())
