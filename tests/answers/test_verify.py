"""Which cells are compared, and what counts as an answer. No server and no warehouse here:
no answer is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import dlt
import pytest

from databuddy_source.answers import verify as verifying
from databuddy_source.answers.verify import Checked, Outcome, verify
from databuddy_source.api.models import TypeConfig, Website
from databuddy_source.api.server import Server
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.queries import Recorded
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, tile
from tests.cells import DAY, a_result

SERVER = Server(
    Generation.G2026_04,
    {"top_pages": TypeConfig(), "country": TypeConfig()},
    {name: Website(id=name, domain=f"{name}.example.com") for name in ("shop", "blog")},
)

Compare = Callable[..., list[Checked]]


def held(report: str = "top_pages", website: str = "shop", days: int = 1) -> list[Recorded]:
    """Final cells of a report."""
    windows = tile(DAY, DAY + (days - 1) * ONE_DAY, "UTC")
    return [Recorded(website, report, report, None, each, True, "2026-04") for each in windows]


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Verifies cells that the warehouse has, when each answer has a status."""

    class Fetched:
        def __init__(self, *given: object) -> None:
            self.cells: list[Cell] = []

        def want(self, cells: Sequence[Cell]) -> None:
            self.cells += cells

        async def result(self, cell: Cell) -> Result:
            assert cell in self.cells
            return a_result(cell, status=status, reason="cut off")

        async def close(self) -> None:
            pass

    async def first_contact(client: object, *, listing: bool) -> Server:
        return SERVER if listing else replace(SERVER, websites={})

    def run(cells: Sequence[Recorded], answers: Status = Status.TRUNCATED, **given: Any) -> Any:
        nonlocal status
        status = answers
        monkeypatch.setattr(verifying, "recorded_cells", lambda *given: list(cells))
        schema = SimpleNamespace(get_table_columns=lambda table: {})
        pipeline = SimpleNamespace(sql_client=nullcontext, default_schema=schema)
        return list(verify(cast(dlt.Pipeline, pipeline), Settings.of(api_key="k"), **given))

    status = Status.TRUNCATED
    monkeypatch.setattr(verifying, "client_for", lambda settings: None)
    monkeypatch.setattr(verifying, "first_contact", first_contact)
    monkeypatch.setattr(verifying, "Fetcher", Fetched)
    return run


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.COMPLETE])
def test_an_answer_that_is_not_whole_is_none(compare: Compare, status: Status) -> None:
    (found,) = compare(held(), status)
    assert (found.outcome, found.details) == (Outcome.UNANSWERED, ("cut off",))


def test_a_type_that_the_server_lacks_is_told_as_unanswered(compare: Compare) -> None:
    *lacking, other = compare([*held("browser_name", days=2), *held()])
    assert {each.cell.report for each in lacking} == {"browser_name"}
    assert {each.details for each in lacking} == {("this server lacks the query type",)}
    assert other.cell.report == "top_pages"


@pytest.mark.parametrize("count", range(1, 8))
def test_each_cell_is_compared_once_however_many_are_held_at_a_time(
    compare: Compare, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(verifying, "CELLS_AT_ONCE", 3)
    cells = [*held("country"), *held("top_pages", days=count)]
    assert [each.cell for each in compare(cells[::-1])] == cells


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"shop top_pages", "shop country", "blog top_pages"}),
        ({"websites": ["blog"]}, {"blog top_pages"}),
        ({"websites": ["shop.example.com"]}, {"shop top_pages", "shop country"}),
        ({"reports": ["pages"]}, {"shop top_pages", "blog top_pages"}),
        ({"websites": ["blog"], "reports": ["country"]}, set()),
    ],
)
def test_cells_are_chosen_by_any_name_of_their_website_and_report(
    compare: Compare, given: dict[str, Any], expected: set[str]
) -> None:
    cells = [*held(), *held("country"), *held(website="blog")]
    found = {f"{each.cell.website_id} {each.cell.report}" for each in compare(cells, **given)}
    assert found == expected


@pytest.mark.parametrize(("sample", "count"), [(None, 9), (0, 0), (4, 4), (9, 9), (10, 9)])
def test_a_sample_has_so_many_cells(compare: Compare, sample: int | None, count: int) -> None:
    found = compare(held(days=9), sample=sample)
    assert len({each.cell for each in found}) == len(found) == count
