"""Events that a server does not see for a while, and how each generation answers then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from databuddy_source.demo import GENERATIONS, Generation, Silence
from tests.demo.conftest import TODAY, YESTERDAY, Client
from tests.traffic import demo_server

DAYS = [YESTERDAY - timedelta(days=n) for n in (2, 1, 0)]
# A row of zeros, but for what cannot be counted.
ZEROS: dict[Generation, dict[str, object] | None] = {
    "2025": {"pageviews": 0, "sessions": 0, "bounce_rate": 0, "avg_session_duration": None},
    "2026-04": None,
    "2026-06": {"pageviews": 0, "sessions": 0, "bounce_rate": 100, "median_session_duration": None},
    "2026-10": {"pageviews": 0, "sessions": 0, "bounce_rate": 100, "median_session_duration": None},
}


@pytest.fixture(scope="module", params=GENERATIONS)
def running(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[Client]:
    with demo_server(today=TODAY, generation=request.param, days=12) as server:
        yield Client(server, http)


@pytest.fixture
def client(running: Client) -> Iterator[Client]:
    """A server of each generation whose silence ends with the test."""
    yield running
    running.server.faults.clear()


def views(client: Client, **given: Any) -> int:
    rows = client.rows("summary_metrics", **given)
    return int(rows[0]["pageviews"]) if rows else 0


def test_a_silent_day_is_answered_as_the_generation_answers_days_without_events(
    client: Client,
) -> None:
    client.server.faults.add(Silence())
    rows = client.rows("summary_metrics")
    expected = ZEROS[client.server.generation]
    assert len(rows) == (expected is not None)
    for row in rows:
        assert expected is not None
        assert row | expected == row
    assert client.rows("top_pages") == []
    assert client.rows("profile_list") == []


def test_a_silent_day_of_a_series_is_zero_in_2025_and_absent_in_2026(client: Client) -> None:
    client.server.faults.add(Silence(first=DAYS[1]))
    rows = client.rows("events_by_date", start=DAYS[0], end=DAYS[2])
    loud = {row["date"] for row in rows if row["pageviews"]}
    assert loud == {str(DAYS[0]), str(DAYS[2])}
    assert len(rows) == (3 if client.server.generation == "2025" else 2)


def test_everything_is_back_when_the_silence_ends(client: Client) -> None:
    before = views(client)
    client.server.faults.add(Silence())
    assert (before > 0, views(client)) == (True, 0)
    client.server.faults.clear()
    assert views(client) == before


def test_one_website_is_silent_and_the_others_are_not(client: Client) -> None:
    blog = views(client, website=1)
    client.server.faults.add(Silence(website_id=client.id(0)))
    assert views(client, website=0) == 0
    assert views(client, website=1) == blog > 0


def test_days_are_silent_from_the_first_to_the_last(client: Client) -> None:
    before = [views(client, start=day) for day in DAYS]
    client.server.faults.add(Silence(first=DAYS[0], last=DAYS[1]))
    assert [views(client, start=day) for day in DAYS] == [0, 0, before[2]]


def test_a_day_of_a_time_zone_is_silent(client: Client) -> None:
    client.server.faults.add(Silence(first=DAYS[1], timezone="America/New_York"))
    (pages,) = client.truth(
        "SELECT count(*) FILTER (hour(time) < 5) FROM events WHERE kind = 'screen_view' "
        "AND website_id = ? AND CAST(time AS DATE) = ? AND received_at <= ?",
        [client.id(0), DAYS[1], client.server.now.replace(tzinfo=None)],
    )
    assert views(client, start=DAYS[1]) == pages[0] > 0


def test_given_types_are_silent_and_others_are_not(client: Client) -> None:
    client.server.faults.add(Silence(query_types=("country", "os_name")))
    empty = {name for name in ("country", "os_name", "browser_name") if not client.rows(name)}
    assert empty == {"country", "os_name"}


def test_half_of_the_answers_are_silent(client: Client) -> None:
    client.server.faults.add(Silence(every=2))
    asked = [
        {"name": "browser_name", "id": f"c{n}", "start_date": str(day), "end_date": str(day)}
        for n, day in enumerate(DAYS * 2)
    ]
    found = [bool(result["data"]) for result in client.ask(*asked)]
    assert found == [False, True] * 3


def test_what_lies_outside_the_window_is_silent_too(client: Client) -> None:
    """The sessions of a visitor come from all time, until June 2026."""

    def sessions() -> set[str]:
        rows = client.rows("profile_list", limit=1000)
        return {row["session_start"][:10] for row in rows if "session_start" in row}

    earlier = {day for day in sessions() if day < str(YESTERDAY)}
    client.server.faults.add(Silence(first=date(2026, 1, 1), last=DAYS[1]))
    assert bool(earlier) is (client.server.generation in ("2025", "2026-04"))
    assert {day for day in sessions() if day < str(YESTERDAY)} == set()


def test_a_last_day_without_a_first_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs `first`"):
        Silence(last=YESTERDAY)
