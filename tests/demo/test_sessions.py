"""Which day or hour of `events_by_date` a session belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.demo.conftest import TODAY, Client
from tests.traffic import demo_server

DAYS = [TODAY - timedelta(days=n) for n in range(9, 1, -1)]


@pytest.fixture(scope="module", params=["2026-04", "2026-06", "2026-10"])
def client(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[Client]:
    """A server whose quiet website has one session from 23:30 until 00:40 of the next day, with
    views at 23:30, 00:10 and 00:40."""
    with demo_server(today=TODAY, generation=request.param, days=12) as server:
        evening = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
        for minutes in (0, 40, 70):
            server.events.add(
                server.websites[2].id,
                evening + timedelta(minutes=minutes),
                anonymous_id="anon_late",
                session_id="sess_late",
            )
        yield Client(server, http)


def days(client: Client, start: str, end: str, **given: Any) -> dict[str, tuple[int, int, float]]:
    """Page views, sessions and median duration of each day of the quiet website."""
    rows = client.rows("events_by_date", start=start, end=end, website=2, **given)
    return {
        row["date"]: (row["pageviews"], row["sessions"], row["median_session_duration"])
        for row in rows
    }


def test_a_session_over_midnight_is_one_of_its_first_day(client: Client) -> None:
    found = days(client, "2026-11-18", "2026-11-21")
    assert found["2026-11-19"] == (1, 1, 70 * 60)


def test_a_day_in_which_no_session_begins_reports_one(client: Client) -> None:
    assert days(client, "2026-11-18", "2026-11-21")["2026-11-20"] == (2, 1, 0)


def test_the_first_day_of_a_window_has_the_sessions_that_are_running(client: Client) -> None:
    assert days(client, "2026-11-20", "2026-11-21") == {"2026-11-20": (2, 1, 30 * 60)}


def test_the_last_day_of_a_window_cuts_durations_at_its_end(client: Client) -> None:
    assert days(client, "2026-11-18", "2026-11-19") == {"2026-11-19": (1, 1, 0)}


def test_hours_are_no_different(client: Client) -> None:
    found = days(client, "2026-11-19", "2026-11-20", granularity="hourly")
    assert found == {"2026-11-19 23:00:00": (1, 1, 70 * 60), "2026-11-20 00:00:00": (2, 1, 0)}


def test_a_day_of_margin_on_both_sides_makes_every_day_the_same_in_any_window(
    client: Client,
) -> None:
    one_day = timedelta(days=1)

    def of_day(day: object, start: object, end: object) -> dict[str, Any]:
        rows = client.rows("events_by_date", start=start, end=end)
        (found,) = [row for row in rows if row["date"] == str(day)]
        return dict(found)

    inner = DAYS[2:-2]
    wide = [of_day(day, DAYS[0], DAYS[-1]) for day in inner]
    assert [of_day(day, day - one_day, day + one_day) for day in inner] == wide
    assert [of_day(day, day, day) for day in inner] != wide
