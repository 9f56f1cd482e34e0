"""What a run says of what it could not load."""

from __future__ import annotations

from datetime import timedelta

import pytest

from databuddy_source import Gap
from databuddy_source.cli import summaries
from databuddy_source.cli.summaries import summary
from databuddy_source.errors import ServerFailed, Where, without_window
from databuddy_source.model.statuses import Status
from tests.cells import DAY


def said(report: str, window: str, request_id: str) -> str:
    where = Where("http://server/v1/query", "shop", report, window, request_id)
    return str(ServerFailed("The server failed (HTTP 500, X): it, too", where=where))


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is warned of."""
    found: list[str] = []
    monkeypatch.setattr(summaries, "warn", lambda text, event, **facts: found.append(text))
    return found


def test_a_type_that_fails_in_all_windows_takes_one_line(warnings: list[str]) -> None:
    gaps = [
        Gap("shop", report, DAY + timedelta(day), Status.FAILED, said(report, f"{day}", f"r{day}"))
        for report in ("city", "region")
        for day in range(30)
    ]
    summary([], gaps, [], 60, 1.0)
    lines = [line for line in warnings if " failed: " in line]
    assert len(lines) == 2
    assert all("on 30 days to " in line and "window" not in line for line in lines)
    assert "(http://server/v1/query, website shop, report city). Try again later" in lines[0]


def test_what_fails_in_one_window_names_it(warnings: list[str]) -> None:
    summary([], [Gap("shop", "city", DAY, Status.FAILED, said("city", "w", "r"))], [], 1, 1.0)
    assert "report city, window w, request r)" in warnings[1]


def test_a_reason_without_its_window_keeps_all_else() -> None:
    words = "The window 3, request 4, of it (url, website a)."
    assert (
        without_window("x (url, report r, window 2026-01-01 .. 2026-01-03).")
        == "x (url, report r)."
    )
    assert without_window("no place") == "no place"
    assert without_window(words).endswith("(url, website a).")
