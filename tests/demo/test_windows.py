"""Which events are in a window, and which bucket they fall into."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.demo import Generation
from databuddy_source.demo.windows import ImpossibleDateError, Window, instants, plain_days
from tests.demo.conftest import TODAY, YESTERDAY, Client, Of
from tests.traffic import demo_server


def total(client: Client, start: object, end: object = None, **given: object) -> int:
    rows = client.rows("summary_metrics", start=start, end=end, **given)
    return int(rows[0]["total_events"]) if rows else 0


def test_the_last_fraction_of_a_second_is_in_no_window(api: Client) -> None:
    shop = api.id(0)
    in_the_day, in_the_second = api.truth(
        "SELECT count(*), count(*) FILTER (CAST(time AS TIME) > TIME '23:59:59') FROM events "
        "WHERE website_id = ? AND CAST(time AS DATE) = ? AND received_at <= ?",
        [shop, YESTERDAY, datetime(2026, 11, 22, 18)],
    )[0]
    assert in_the_second > 0
    assert total(api, YESTERDAY) == in_the_day - in_the_second


def test_an_event_at_the_whole_last_second_is_in_the_window(fresh: Client) -> None:
    before = total(fresh, YESTERDAY)
    at = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, 23, 59, 59, tzinfo=UTC)
    fresh.server.events.add(fresh.server.websites[0].id, at)
    assert total(fresh, YESTERDAY) == before + 1


def test_dates_are_utc_days_whatever_the_time_zone(api: Client) -> None:
    assert total(api, YESTERDAY, timezone="Asia/Tokyo") == total(api, YESTERDAY)


def test_datetimes_with_an_offset_move_the_window(api: Client) -> None:
    moved = api.rows(
        "top_pages", start="2026-11-12T00:00:00-05:00", end="2026-11-12T23:59:59.900-05:00"
    )
    in_utc = api.rows("top_pages", start="2026-11-12T05:00:00Z", end="2026-11-13T04:59:59Z")
    assert {r["name"]: r["pageviews"] for r in moved} == {r["name"]: r["pageviews"] for r in in_utc}
    assert moved


def test_the_body_counts_and_not_the_query_string_in_2026(api: Client) -> None:
    body = {"parameters": ["top_pages"], "startDate": "2026-11-20", "endDate": "2026-11-20"}
    plain = api.post(body).json()["data"]
    assert api.post(body, start_date="2026-11-01", end_date="2026-11-01").json()["data"] == plain


def test_the_query_string_counts_and_not_the_body_in_2025(old: Client) -> None:
    body = {"parameters": ["summary_metrics"], "startDate": "2026-11-01", "endDate": "2026-11-01"}
    one = old.post(body, start_date="2026-11-20", end_date="2026-11-20").json()["data"]
    other = old.post(body, startDate="2026-11-20", endDate="2026-11-20").json()["data"]
    assert one == other
    assert one[0]["data"][0]["total_events"] == total(old, "2026-11-20")


@pytest.mark.parametrize("generation", ["api", "old"])
def test_a_parameters_own_dates_win(request: pytest.FixtureRequest, generation: str) -> None:
    client: Client = request.getfixturevalue(generation)
    own = {"name": "events_by_date", "start_date": "2026-11-18", "end_date": "2026-11-18"}
    assert [row["date"] for row in client.rows(own, start="2026-11-01")] == ["2026-11-18"]


def test_an_end_before_the_start_is_empty(api: Client) -> None:
    assert api.rows("top_pages", start="2026-11-12", end="2026-11-10") == []


def test_an_impossible_date_fails_its_parameter(api: Client, old: Client) -> None:
    assert "date" in api.error("top_pages", start="2026-02-30")
    assert "2026-02-30" in old.error("top_pages", start="2026-02-30")


@pytest.mark.parametrize("text", ["yesterday", "2026-11", "22.11.2026"])
def test_unreadable_dates_refuse_the_request_in_2026(api: Client, text: str) -> None:
    answer = api.post({"parameters": ["top_pages"], "startDate": text, "endDate": "2026-11-02"})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == "startDate"


def test_dates_are_required_in_2026_even_when_each_parameter_has_its_own(api: Client) -> None:
    own = {"name": "top_pages", "start_date": "2026-11-18", "end_date": "2026-11-18"}
    assert api.post({"parameters": [own]}).status_code == 400


def test_a_time_of_day_fails_its_parameter_in_2025(old: Client) -> None:
    assert "T00:00:00" in old.error("top_pages", start="2026-11-18T00:00:00", end="2026-11-18")


@pytest.mark.parametrize("name", ["entry_pages", "exit_pages", "page_time_analysis"])
def test_three_types_read_the_end_date_as_midnight_in_2025(old: Client, name: str) -> None:
    one_day = old.rows(name, start="2026-11-18")
    two_days = old.rows(name, start="2026-11-18", end="2026-11-19")
    assert len(one_day) <= 1 < len(two_days)


def test_the_time_zone_moves_some_windows_in_2025(old: Client) -> None:
    assert total(old, "2026-11-12", timezone="Asia/Tokyo") != total(old, "2026-11-12")
    pages = old.rows("top_pages", start="2026-11-12")
    assert old.rows("top_pages", start="2026-11-12", timezone="Asia/Tokyo") == pages


def test_30_days_have_31_buckets_in_new_york_and_the_outer_ones_are_partial(api: Client) -> None:
    start, end = TODAY - timedelta(days=31), TODAY - timedelta(days=2)
    in_utc = api.rows("events_by_date", start=start, end=end)
    local = api.rows("events_by_date", start=start, end=end, timezone="America/New_York")
    assert (len(in_utc), len(local)) == (30, 31)
    assert local[0]["date"] == str(start - timedelta(days=1))
    assert sum(r["pageviews"] for r in local) == sum(r["pageviews"] for r in in_utc)
    whole = api.rows(
        "events_by_date", start=f"{start}T00:00:00-04:00", end=f"{start}T23:59:59-04:00"
    )
    assert local[0]["pageviews"] < whole[0]["pageviews"]


@pytest.mark.parametrize(
    "name",
    ["sessions_time_series", "performance_time_series", "error_trends", "vitals_time_series",
     "revenue_time_series", "retention_rate"],
)  # fmt: skip
def test_other_series_have_utc_days_whatever_is_asked(api: Client, name: str) -> None:
    asked = {"start": TODAY - timedelta(days=5), "end": YESTERDAY}
    in_utc = api.rows(name, **asked)
    assert in_utc
    assert api.rows(name, timezone="Asia/Tokyo", granularity="hourly", **asked) == in_utc


def test_hours_are_local_and_the_repeated_one_has_one_label(
    http: httpx.Client,
) -> None:
    change = date(2026, 11, 1)
    with demo_server(today=change, days=2, now=datetime(2026, 11, 3, tzinfo=UTC)) as server:
        shop = server.websites[0].id
        for hour in (5, 6):  # both are 01:xx in New York
            server.events.add(shop, datetime(2026, 11, 1, hour, 30, tzinfo=UTC))
        rows = Client(server, http).rows(
            "events_by_date",
            start="2026-11-01T05:00:00Z",
            end="2026-11-01T06:59:59Z",
            granularity="hourly",
            timezone="America/New_York",
        )
    assert [row["date"] for row in rows] == ["2026-11-01 01:00:00"]
    assert rows[0]["pageviews"] >= 2


def test_more_than_30_days_of_hours_are_a_500_for_everything(api: Client) -> None:
    def status(first: date) -> int:
        dates = {"startDate": str(first), "endDate": str(YESTERDAY)}
        body = {"parameters": ["top_pages", "events_by_date"], "granularity": "hourly", **dates}
        return api.post(body).status_code

    assert status(YESTERDAY - timedelta(days=29)) == 200
    assert status(YESTERDAY - timedelta(days=30)) == 500


def test_days_without_events_are_left_out_in_2026_and_zero_in_2025(
    api: Client, old: Client
) -> None:
    # the blog rests on day -4 and day -13
    asked = {"start": TODAY - timedelta(days=5), "end": TODAY - timedelta(days=3), "website": 1}
    assert len(api.rows("events_by_date", **asked)) == 2
    filled = old.rows("events_by_date", **asked)
    assert [row["pageviews"] > 0 for row in filled] == [True, False, True]
    assert filled[1]["bounce_rate"] == 0


WITH_TIMES: tuple[Generation, ...] = ("2026-04", "2026-06", "2026-10")
NEW_YORK = "America/New_York"
PLAIN_DAY = {"start": "2026-11-12", "end": "2026-11-12"}
LOCAL_DAY = {"start": "2026-11-12T00:00:00-05:00", "end": "2026-11-12T23:59:59-05:00"}


def stored(client: Client, hour: int) -> int:
    """Events of the shop in the 24 hours from this hour (UTC) of November 12th."""
    first = datetime(2026, 11, 12, hour)
    return int(
        client.truth(
            "SELECT count(*) FROM events WHERE website_id = ? AND time >= ? AND time <= ? "
            "AND received_at <= ?",
            [client.id(0), first, first + timedelta(seconds=86_399), datetime(2026, 11, 22, 18)],
        )[0][0]
    )


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_plain_dates_are_days_of_utc_and_in_october_of_the_requests_zone(
    of: Of, generation: Generation
) -> None:
    client = of(generation)
    expected = stored(client, 5 if generation == "2026-10" else 0)
    assert total(client, **PLAIN_DAY, timezone=NEW_YORK) == expected
    assert stored(client, 5) != stored(client, 0)


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_datetimes_with_an_offset_are_right_under_utc_everywhere(
    of: Of, generation: Generation
) -> None:
    client = of(generation)
    in_utc = {"start": "2026-11-12T05:00:00Z", "end": "2026-11-13T04:59:59Z"}
    naive = {"start": "2026-11-12 05:00:00", "end": "2026-11-13 04:59:59"}
    for window in (LOCAL_DAY, in_utc, naive):
        assert total(client, **window) == stored(client, 5)


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_in_october_an_offset_and_a_zone_shift_twice(of: Of, generation: Generation) -> None:
    client = of(generation)
    expected = stored(client, 10 if generation == "2026-10" else 5)
    assert total(client, **LOCAL_DAY, timezone=NEW_YORK) == expected
    assert stored(client, 10) != stored(client, 5)


@pytest.mark.parametrize("generation", WITH_TIMES)
@pytest.mark.parametrize("name", ["vitals_time_series", "revenue_time_series"])
def test_series_that_follow_the_requests_zone_in_october(
    of: Of, generation: Generation, name: str
) -> None:
    client = of(generation)
    asked = {"start": "2026-11-10T05:00:00Z", "end": "2026-11-13T04:59:59Z", "limit": 1000}
    if generation == "2026-10":
        asked |= {"start": "2026-11-10", "end": "2026-11-12"}
    days = {row["date"] for row in client.rows(name, timezone=NEW_YORK, **asked)}
    assert ("2026-11-13" in days) is (generation != "2026-10")
    assert days >= {"2026-11-10", "2026-11-11", "2026-11-12"}


def test_revenue_has_hours_in_october_and_vitals_have_not(october: Client) -> None:
    asked = {"start": "2026-11-10", "end": "2026-11-12", "granularity": "hourly"}
    hours = [row["date"] for row in october.rows("revenue_time_series", **asked)]
    assert all(label.endswith(":00:00") for label in hours)
    assert {row["date"] for row in october.rows("vitals_time_series", **asked)} == {
        "2026-11-10", "2026-11-11", "2026-11-12",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["sessions_time_series", "error_trends"])
def test_a_local_day_of_october_has_two_partial_days_in_a_series_of_utc(
    october: Client, name: str
) -> None:
    asked = {"start": "2026-11-11", "end": "2026-11-11", "timezone": NEW_YORK}
    assert [row["date"] for row in october.rows(name, **asked)] == ["2026-11-11", "2026-11-12"]
    (local,) = october.rows("events_by_date", **asked)
    assert local["date"] == "2026-11-11"


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_an_hour_that_is_asked_for_under_utc_has_the_label_of_utc(
    of: Of, generation: Generation
) -> None:
    """So an hour of Kolkata, half an hour off, is in two rows, and none has its name."""
    hour = {"start": "2026-11-12T13:00:00+05:30", "end": "2026-11-12T13:59:59+05:30"}
    rows = of(generation).rows("events_by_date", granularity="hourly", **hour)
    assert [row["date"] for row in rows] == ["2026-11-12 07:00:00", "2026-11-12 08:00:00"]
    late = {"start": "2026-11-12T21:00:00-05:00", "end": "2026-11-12T21:59:59-05:00"}
    (row,) = of(generation).rows("events_by_date", **late)
    assert row["date"] == "2026-11-13"


DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(DAYS, st.integers(0, 40))
def test_plain_dates_mean_the_same_in_both_generations(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    newer = instants(str(first), str(last))
    assert plain_days(str(first), str(last), midnight_end=False, zone=None) == newer
    assert newer.days == days + 1
    assert len(list(newer.labels("daily"))) == days + 1


@given(DAYS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_moves_both_ends_alike(day: date, minutes: int) -> None:
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"{sign}{hours:02}:{rest:02}"
    moved = instants(f"{day}T00:00:00{offset}", f"{day}T23:59:59.999{offset}")
    plain, shift = instants(str(day), str(day)), timedelta(minutes=minutes)
    assert moved == Window(plain.start - shift, plain.end - shift)


@given(DAYS, st.sampled_from(["UTC", "Asia/Kolkata", "Asia/Tokyo"]))
def test_a_local_day_is_24_hours_with_the_label_of_its_date(day: date, zone: str) -> None:
    window = instants(str(day), str(day)).as_wall_time_of(ZoneInfo(zone))
    assert window.wall(ZoneInfo(zone)) == instants(str(day), str(day))
    assert list(window.labels("daily", zone)) == [str(day)]
    assert len(list(window.labels("hourly", zone))) == 24


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-29T00:00:00Z", "2026-01-01T25:00:00Z"])
def test_no_calendar_has_such_a_date(text: str) -> None:
    with pytest.raises(ImpossibleDateError):
        instants(text, "2026-03-01")
