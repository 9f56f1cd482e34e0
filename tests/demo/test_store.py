"""The synthetic visitors, and what a test can do to them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest

from databuddy_source.demo import DemoServer, Events
from tests.demo.conftest import BUSY, TODAY, YESTERDAY, Client


def pageviews(client: Client, day: date = YESTERDAY) -> int:
    rows = client.rows("summary_metrics", start=day)
    return int(rows[0]["pageviews"]) if rows else 0


def traffic(events: Events) -> list[tuple[object, ...]]:
    with events.connection() as cursor:
        return cursor.execute(
            "SELECT * EXCLUDE (time, received_at), time - $today, received_at - $today FROM events",
            {"today": datetime.combine(events.first_day, datetime.min.time())},
        ).fetchall()


def test_the_same_seed_gives_the_same_traffic_moved_to_any_day() -> None:
    made = []
    for today, seed in ((date(2026, 3, 8), 7), (date(2027, 1, 1), 7), (date(2027, 1, 1), 8)):
        events = Events(seed=seed, today=today, days=4)
        made.append(traffic(events))
        events.close()
    assert made[0] == made[1] != made[2]


def test_halves_are_rounded_alike_by_each_duckdb(api: Client) -> None:
    with api.server.events.connection() as cursor:
        found = cursor.execute("SELECT rounded(2.675::DOUBLE, 2), rounded(90.725::DOUBLE, 2)")
        assert found.fetchone() == (2.68, 90.73)


def test_fewer_days_are_the_same_last_days(api: Client, fresh: Client) -> None:
    assert fresh.rows("top_pages", limit=10_000) == api.rows("top_pages", limit=10_000)


def test_generation_is_cheap_enough_for_a_server_per_test() -> None:
    started = time.process_time()
    events = Events(seed=1, today=TODAY, days=90)
    events.close()
    assert time.process_time() - started < 3


def test_volumes(api: Client) -> None:
    total, days, websites, first, last = api.truth(
        "SELECT count(*), count(DISTINCT CAST(time AS DATE)), count(DISTINCT website_id), "
        "CAST(min(time) AS DATE), CAST(max(time) AS DATE) FROM events"
    )[0]
    assert 60_000 < total < 90_000
    assert days in (90, 91)  # a session may walk over the last midnight
    assert websites == 2
    assert first == TODAY - timedelta(days=89)
    assert last - TODAY <= timedelta(days=1)


@pytest.mark.parametrize(
    "condition",
    [
        "path = ''",
        "length(path) = 2000",
        "contains(path, '🛒')",
        "contains(path, chr(92))",
        "contains(path, '\"')",
        "contains(path, '''')",
        "contains(path, '商品')",
        "referrer = ''",
        "utm_campaign = ''",
        *(
            f"{column} IS NULL"
            for column in ("country", "region", "city", "device_type", "referrer")
        ),
        "country = 'US'",
        "country = 'United States'",
        "CAST(time AS TIME) = TIME '23:59:59.700'",
        "received_at > time + INTERVAL 1 DAY",
        "session_id = ''",
    ],
)
def test_there_is_data_that_hurts(api: Client, condition: str) -> None:
    assert api.truth(f"SELECT count(*) FROM events WHERE {condition}")[0][0] > 0


def test_sessions_walk_over_midnight(api: Client) -> None:
    walks = api.truth(
        "SELECT count(*) FROM (SELECT session_id FROM events WHERE session_id <> '' "
        "GROUP BY session_id HAVING count(DISTINCT CAST(time AS DATE)) > 1)"
    )
    assert walks[0][0] >= 90


def test_the_busy_day_is_the_tenth_before_today(api: Client) -> None:
    ((day, paths),) = api.truth(
        "SELECT CAST(time AS DATE) AS day, count(DISTINCT path) AS paths FROM events "
        "WHERE website_id = ? GROUP BY day ORDER BY paths DESC LIMIT 1",
        [api.id(0)],
    )
    assert (day, paths > 1500) == (BUSY, True)


def test_no_two_views_of_a_session_happen_at_once(api: Client) -> None:
    twins = api.truth(
        "SELECT session_id, time FROM events WHERE kind = 'screen_view' "
        "GROUP BY session_id, time HAVING count(*) > 1"
    )
    assert twins == []


def test_ids_are_unique(api: Client) -> None:
    assert api.truth("SELECT count(*) - count(DISTINCT event_id) FROM events") == [(0,)]


def test_late_events_appear_when_the_clock_has_moved(fresh: Client) -> None:
    before = pageviews(fresh)
    waiting = fresh.truth(
        "SELECT count(*) FROM events WHERE kind = 'screen_view' AND website_id = ? AND "
        "CAST(time AS DATE) = ? AND CAST(time AS TIME) <= TIME '23:59:59' AND received_at > ?",
        [fresh.id(0), YESTERDAY, datetime(2026, 11, 22, 18)],
    )[0][0]
    assert waiting > 0
    fresh.server.now = datetime(2026, 11, 25, tzinfo=UTC)
    assert pageviews(fresh) == before + waiting


def test_nothing_of_the_future_is_in_an_answer(fresh: Client) -> None:
    (row,) = fresh.rows("session_list", start=TODAY, limit=1)
    assert row["last_visit"] <= "2026-11-22 18:00:00.000"


def test_an_added_event_is_seen_once_it_has_arrived(fresh: Client) -> None:
    shop, before = fresh.server.websites[0].id, pageviews(fresh)
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    fresh.server.events.add(shop, noon, path="/new", country="Nepal")
    assert pageviews(fresh) == before + 1
    fresh.server.events.add(shop, noon, received_at=noon + timedelta(days=9))
    assert pageviews(fresh) == before + 1
    fresh.server.now = noon + timedelta(days=5)
    on_time = pageviews(fresh)
    fresh.server.now = noon + timedelta(days=9)
    assert pageviews(fresh) == on_time + 1
    assert "/new" in {row["name"] for row in fresh.rows("top_pages", limit=10_000)}


def test_deleted_events_are_gone(fresh: Client) -> None:
    shop = fresh.server.websites[0].id
    assert fresh.server.events.delete(shop, YESTERDAY, path="/") > 0
    assert "/" not in {row["name"] for row in fresh.rows("top_pages", limit=10_000)}
    assert pageviews(fresh) > 0
    fresh.server.events.delete(shop, YESTERDAY - timedelta(days=1), YESTERDAY)
    assert pageviews(fresh) == pageviews(fresh, YESTERDAY - timedelta(days=1)) == 0


def test_a_column_that_does_not_exist_is_named(fresh: Client) -> None:
    events = fresh.server.events
    with pytest.raises(ValueError, match="no column pth"):
        events.add("x", fresh.server.now, pth="/")
    with pytest.raises(ValueError, match="no column pth"):
        events.delete("x", YESTERDAY, pth="/")


def test_days_ahead_are_reached_by_moving_the_clock(api: Client) -> None:
    with DemoServer(today=TODAY, days=3, ahead=2) as server:
        client, ahead = Client(server, api.http), TODAY + timedelta(days=2)
        assert pageviews(client, ahead) == 0
        server.now = datetime(2026, 11, 25, tzinfo=UTC)
        assert pageviews(client, ahead) > 100
