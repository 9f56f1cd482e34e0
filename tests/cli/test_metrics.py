"""What `status` tells monitors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from databuddy_source.answers.history import History
from databuddy_source.answers.miscounts import Miscount
from databuddy_source.answers.status import ReportStatus, WarehouseStatus
from databuddy_source.cli.metrics import age_line, metrics
from databuddy_source.coverage.marks import Stretch
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Grain, tile
from tests.cells import DAY

NOW = datetime(2026, 3, 20, 6, tzinfo=UTC)
DAILY = timedelta(hours=26)


def a_report(
    hours: float | None,
    name: str = "top_pages",
    domain: str | None = "shop.example",
    marks: Sequence[Mark] = (Mark.COMPLETE,),
) -> ReportStatus:
    """A report that was synced so many hours ago, with one row for each window."""
    synced_at = None if hours is None else NOW - timedelta(hours=hours)
    calendar = [Stretch.of(tile(DAY, DAY, "UTC"), mark, rows=1) for mark in marks]
    return ReportStatus("w1", domain, name, Grain.DAY, "UTC", synced_at, None, calendar)


@pytest.mark.parametrize(
    ("reports", "line"),
    [
        (
            [a_report(25, marks=[Mark.COMPLETE, Mark.DUE])],
            "ok: no newest answer is older than 25.0 h; nothing is lacking",
        ),
        (
            [a_report(1), a_report(26, "country")],
            "ok: no newest answer is older than 26.0 h; nothing is lacking",
        ),
        (
            [a_report(1), a_report(27, "country")],
            "old: the newest answer of country of shop.example is 27.0 h old; nothing is lacking",
        ),
        (
            [a_report(27, domain=None), a_report(30, "country", domain=None)],
            "old: the newest answer of country of w1 is 30.0 h old, as are 1 more; "
            "nothing is lacking",
        ),
        (
            [a_report(27), a_report(None, "country")],
            "old: the newest answer of country of shop.example is not there, as are 1 more; "
            "nothing is lacking",
        ),
        (
            [a_report(1, marks=[Mark.FAILED, Mark.MISSING, Mark.FAILED])],
            "lacking: no newest answer is older than 60 min; lacking: 2 failed, 1 missing",
        ),
        (
            [a_report(-1)],
            "ok: no newest answer is older than 0 s; nothing is lacking",  # by another clock
        ),
        ([], "nothing: no report of any website was synced"),
    ],
)
def test_a_monitor_reads_one_line(reports: list[ReportStatus], line: str) -> None:
    said, well = age_line(WarehouseStatus(reports, []), DAILY, NOW)
    assert said == line
    assert well is line.startswith("ok")


def test_rows_that_somebody_deleted_are_lacking_to_a_monitor() -> None:
    odd = Miscount("w1", "top_pages", DAY, 1, 2)
    said, well = age_line(WarehouseStatus([a_report(1)], [], miscounts=[odd]), DAILY, NOW)
    assert said.endswith("; lacking: 1 with other rows than were loaded")
    assert not well


def test_prometheus_reads_the_metrics() -> None:
    odd = 'a "b"\\n\nö'
    reports = [
        a_report(2, domain=odd, marks=[Mark.COMPLETE, Mark.FAILED]),
        a_report(None, "country", domain=None, marks=[Mark.DUE]),
    ]
    proved = NOW - timedelta(days=3)
    found = WarehouseStatus(reports, [], history=History(proved, changed_days=4))
    text = metrics(found)
    assert text.endswith("\n")
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    values = {
        (sample.name.removeprefix("databuddy_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
    top, other = ("w1", odd, "top_pages"), ("w1", "", "country")
    assert values == {
        ("complete",): 0,
        **{("cells", mark.value): 0 for mark in Mark},
        ("cells", "complete"): 1,
        ("cells", "failed"): 1,
        ("cells", "due"): 1,
        ("lacking_cells", *top): 1,
        ("lacking_cells", *other): 0,
        ("last_sync_timestamp_seconds", *top): (NOW - timedelta(hours=2)).timestamp(),
        ("last_sync_timestamp_seconds", *other): 0,
        ("rows", *top): 2,
        ("rows", *other): 1,
        ("history_proved_timestamp_seconds",): proved.timestamp(),
        ("history_changed_days",): 4,
    }
