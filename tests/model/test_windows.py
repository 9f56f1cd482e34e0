"""Windows of all time zones as instants, and how they are sent."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.model.windows import (
    ONE_DAY,
    ONE_SECOND,
    DateRange,
    Grain,
    Weeks,
    Window,
    date_range,
    label,
    last_date,
    plain_dates,
    tile,
)

ZONES = st.sampled_from(sorted(available_timezones()))
DATES = st.dates(date(2015, 1, 1), date(2035, 12, 31))


def the_day(zone: str, day: str) -> Window:
    (window,) = tile(date.fromisoformat(day), date.fromisoformat(day), zone)
    return window


def hours(window: Window) -> float:
    return (window.end - window.start) / timedelta(hours=1)


def sent(first: Window, last: Window, *, offsets: bool = True, beyond: bool = False) -> DateRange:
    return date_range(first.start, last.end, first.zone, offsets=offsets, beyond=beyond)


def local_date(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


@given(zone=ZONES, year=st.integers(2015, 2035))
def test_days_tile_a_year_of_any_zone_without_gap_or_overlap(zone: str, year: int) -> None:
    tiles = list(tile(date(year, 1, 1), date(year, 12, 31), zone))
    assert all(earlier.end == later.start for earlier, later in pairwise(tiles))
    assert all(earlier.date < later.date for earlier, later in pairwise(tiles))
    assert all(day.zone == zone for day in tiles)
    for day in tiles:
        assert local_date(day.start, zone) == day.date == local_date(day.end - ONE_SECOND, zone)
        assert local_date(day.start - ONE_SECOND, zone) < day.date < local_date(day.end, zone)


@given(zone=ZONES, day=DATES, position=st.floats(0, 1, exclude_max=True))
def test_each_second_of_a_window_has_its_local_date(zone: str, day: date, position: float) -> None:
    (window,) = tile(day, day, zone)  # no zone has skipped a date since 2015
    seconds = int((window.end - window.start) / ONE_SECOND * position)
    assert local_date(window.start + seconds * ONE_SECOND, zone) == day


@given(zone=ZONES, first=DATES, length=st.integers(0, 40))
def test_a_range_has_each_of_its_dates_once_and_oldest_first(
    zone: str, first: date, length: int
) -> None:
    last = first + length * ONE_DAY
    expected = [first + number * ONE_DAY for number in range(length + 1)]
    assert [window.date for window in tile(first, last, zone)] == expected


def test_a_range_that_ends_before_it_starts_is_empty() -> None:
    assert list(tile(date(2026, 3, 2), date(2026, 3, 1), "UTC")) == []


@pytest.mark.parametrize(
    ("zone", "day", "length", "start"),
    [
        ("UTC", "2026-03-02", 24, "2026-03-02T00:00:00"),
        ("Asia/Kolkata", "2026-03-02", 24, "2026-03-01T18:30:00"),
        ("America/New_York", "2026-03-08", 23, "2026-03-08T05:00:00"),
        ("America/New_York", "2026-11-01", 25, "2026-11-01T04:00:00"),
        ("Europe/Berlin", "2026-03-29", 23, "2026-03-28T23:00:00"),
        ("Europe/Berlin", "2026-10-25", 25, "2026-10-24T22:00:00"),
        ("Australia/Lord_Howe", "2025-10-05", 23.5, "2025-10-04T13:30:00"),
        ("Australia/Lord_Howe", "2025-04-06", 24.5, "2025-04-05T13:00:00"),
        # the clock jumps from 00:00 to 01:00, so the day starts at 01:00
        ("Africa/Cairo", "2024-04-26", 23, "2024-04-25T22:00:00"),
        ("America/Sao_Paulo", "2018-11-04", 23, "2018-11-04T03:00:00"),
        # and from 00:00 of the 18th back to 23:00 of the 17th
        ("America/Sao_Paulo", "2018-02-17", 25, "2018-02-17T02:00:00"),
        # from 23:30 to 00:30: neither 23:45 of the one day nor 00:15 of the other exists
        ("America/Toronto", "1919-03-30", 23.5, "1919-03-30T05:00:00"),
        ("America/Toronto", "1919-03-31", 23.5, "1919-03-31T04:30:00"),
        # from 00:01 back to 23:01: midnight comes twice, the first one starts the day
        ("America/St_Johns", "2010-11-06", 24, "2010-11-06T02:30:00"),
        ("America/St_Johns", "2010-11-07", 25, "2010-11-07T02:30:00"),
        # from 00:00:00 to 00:44:30
        ("Africa/Monrovia", "1972-01-07", 24 - 89 / 120, "1972-01-07T00:44:30"),
    ],
)
def test_days_are_as_long_as_where_the_user_lives(
    zone: str, day: str, length: float, start: str
) -> None:
    window = the_day(zone, day)
    assert hours(window) == length
    assert window.start == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_a_date_that_a_zone_skipped_has_no_window() -> None:
    assert list(tile(date(2011, 12, 30), date(2011, 12, 30), "Pacific/Apia")) == []
    found = list(tile(date(2011, 12, 29), date(2011, 12, 31), "Pacific/Apia"))
    assert [str(window) for window in found] == ["2011-12-29", "2011-12-31"]
    assert [hours(window) for window in found] == [24, 24]
    assert found[0].end == found[1].start


@pytest.mark.parametrize(
    ("zone", "first", "last", "start", "end"),
    [
        ("UTC", "2026-03-02", "2026-03-04", "2026-03-02", "2026-03-04"),
        (
            "America/New_York",
            "2026-03-08",
            "2026-03-08",
            "2026-03-08T00:00:00-05:00",
            "2026-03-08T23:59:59-04:00",
        ),
        (
            "America/New_York",
            "2026-10-31",
            "2026-11-02",
            "2026-10-31T00:00:00-04:00",
            "2026-11-02T23:59:59-05:00",
        ),
        (
            "Africa/Cairo",
            "2024-04-26",
            "2024-04-26",
            "2024-04-26T01:00:00+03:00",
            "2024-04-26T23:59:59+03:00",
        ),
        (
            "Asia/Kolkata",
            "2026-03-02",
            "2026-03-02",
            "2026-03-02T00:00:00+05:30",
            "2026-03-02T23:59:59+05:30",
        ),
        (
            "Australia/Lord_Howe",
            "2025-10-05",
            "2025-10-05",
            "2025-10-05T00:00:00+10:30",
            "2025-10-05T23:59:59+11:00",
        ),
    ],
)
def test_both_ends_are_sent_with_the_offset_of_their_moment(
    zone: str, first: str, last: str, start: str, end: str
) -> None:
    assert sent(the_day(zone, first), the_day(zone, last)) == DateRange(start, end)


@given(zone=ZONES, first=DATES, length=st.integers(0, 40))
def test_what_is_sent_ends_with_the_last_second_or_the_first_one_beyond(
    zone: str, first: date, length: int
) -> None:
    tiles = list(tile(first, first + length * ONE_DAY, zone))
    range_ = sent(tiles[0], tiles[-1], beyond=True)
    assert datetime.fromisoformat(range_.start) == tiles[0].start
    assert datetime.fromisoformat(range_.end) == tiles[-1].end
    if zone != "UTC":
        range_ = sent(tiles[0], tiles[-1])
        assert datetime.fromisoformat(range_.start) == tiles[0].start
        assert datetime.fromisoformat(range_.end) + ONE_SECOND == tiles[-1].end


def test_one_second_beyond_is_sent_with_an_offset_in_utc_too() -> None:
    day = the_day("UTC", "2026-03-02")
    expected = DateRange("2026-03-02T00:00:00+00:00", "2026-03-03T00:00:00+00:00")
    assert sent(day, day, beyond=True) == expected


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_server_without_offsets_gets_plain_dates(zone: str) -> None:
    first, last = the_day(zone, "2026-03-07"), the_day(zone, "2026-03-09")
    assert sent(first, last, offsets=False) == DateRange("2026-03-07", "2026-03-09")


def test_a_server_without_offsets_is_asked_beyond_by_a_day() -> None:
    day = the_day("UTC", "2026-02-28")
    assert sent(day, day, offsets=False, beyond=True) == DateRange("2026-02-28", "2026-03-01")


# -- hours, weeks and months

GRAINS = st.sampled_from(Grain)
WEEKS = st.sampled_from(Weeks)


def hours_of(zone: str, day: str) -> list[Window]:
    return list(tile(date.fromisoformat(day), date.fromisoformat(day), zone, Grain.HOUR))


def the_window(grain: Grain, day: str, zone: str = "UTC", weeks: Weeks = Weeks.ISO) -> Window:
    first = date.fromisoformat(day)
    return tile(first, first, zone, grain, weeks)[0]


@given(
    zone=ZONES,
    grain=GRAINS,
    weeks=WEEKS,
    first=DATES,
    length=st.integers(0, 40),
    position=st.floats(0, 0.999999),
)
def test_windows_of_each_grain_tile_a_range_and_touch_it(
    zone: str, grain: Grain, weeks: Weeks, first: date, length: int, position: float
) -> None:
    last = first + length * ONE_DAY
    tiles = list(tile(first, last, zone, grain, weeks))
    assert all(each.start < each.end and each.zone == zone for each in tiles)
    assert {each.grain for each in tiles} == {grain}
    assert all(earlier.end == later.start for earlier, later in pairwise(tiles))
    assert all(each.date <= last and each.last_date >= first for each in tiles)
    whole = list(tile(first, last, zone))
    start, end = whole[0].start, whole[-1].end
    if grain in {Grain.HOUR, Grain.DAY}:
        assert (tiles[0].start, tiles[-1].end) == (start, end)
    assert tiles[0].start <= start < end <= tiles[-1].end
    instant = start + (end - start) * position
    assert sum(each.start <= instant < each.end for each in tiles) == 1


@given(zone=ZONES, grain=GRAINS, weeks=WEEKS, first=DATES)
def test_a_window_has_the_local_dates_of_its_first_and_last_instant(
    zone: str, grain: Grain, weeks: Weeks, first: date
) -> None:
    for each in tile(first, first, zone, grain, weeks):
        assert each.date == local_date(each.start, zone)
        assert each.last_date == local_date(each.end - timedelta(microseconds=1), zone)


@given(zone=ZONES, weeks=WEEKS, first=DATES, length=st.integers(0, 40))
def test_weeks_are_whole_and_begin_with_the_chosen_day(
    zone: str, weeks: Weeks, first: date, length: int
) -> None:
    for week in tile(first, first + length * ONE_DAY, zone, Grain.WEEK, weeks):
        assert f"{week.date:%A}" == {"iso": "Monday", "sunday": "Sunday"}[weeks]
        seven = list(tile(week.date, week.date + 6 * ONE_DAY, zone))
        assert (week.start, week.end) == (seven[0].start, seven[-1].end)


@given(zone=ZONES, first=DATES, length=st.integers(0, 100))
def test_months_are_whole_and_begin_with_the_first(zone: str, first: date, length: int) -> None:
    for month in tile(first, first + length * ONE_DAY, zone, Grain.MONTH):
        last = month.date.replace(day=monthrange(month.date.year, month.date.month)[1])
        thirty = list(tile(month.date.replace(day=1), last, zone))
        assert (month.start, month.end) == (thirty[0].start, thirty[-1].end)


@given(zone=ZONES, first=DATES, length=st.integers(0, 5))
def test_an_hour_is_as_long_as_the_clock_shows_it_with_one_offset(
    zone: str, first: date, length: int
) -> None:
    clock = ZoneInfo(zone)
    shown = []
    for hour in tile(first, first + length * ONE_DAY, zone, Grain.HOUR):
        assert hour.end - hour.start <= timedelta(hours=1)
        one, other = (at.astimezone(clock) for at in (hour.start, hour.end - ONE_SECOND))
        assert (one.date(), one.hour, one.utcoffset()) == (
            other.date(),
            other.hour,
            other.utcoffset(),
        )
        assert hour.date == one.date()
        shown.append((one.date(), one.hour, one.utcoffset()))
    assert len(set(shown)) == len(shown), "no hour comes in two parts"


@pytest.mark.parametrize(
    ("zone", "day", "count", "short"),
    [
        ("UTC", "2026-03-08", 24, {}),
        ("America/New_York", "2026-03-08", 23, {}),
        ("America/New_York", "2026-11-01", 25, {}),
        ("Africa/Cairo", "2024-04-26", 23, {}),
        # the clock skips the first half of one hour, and repeats the second half of another
        ("Australia/Lord_Howe", "2025-10-05", 24, {2: 0.5}),
        ("Australia/Lord_Howe", "2025-04-06", 25, {2: 0.5}),
        ("America/Toronto", "1919-03-30", 24, {23: 0.5}),
        ("America/Toronto", "1919-03-31", 24, {0: 0.5}),
        # the clock jumps from 00:01 to 01:01, or from 00:00:00 to 00:44:30
        ("America/St_Johns", "2010-03-14", 24, {0: 1 / 60, 1: 59 / 60}),
        ("Africa/Monrovia", "1972-01-07", 24, {0: 31 / 120}),
    ],
)
def test_a_day_has_as_many_hours_as_its_clock_shows(
    zone: str, day: str, count: int, short: dict[int, float]
) -> None:
    found = hours_of(zone, day)
    assert len(found) == count
    assert {number: hours(hour) for number, hour in enumerate(found) if hours(hour) != 1} == short


def test_the_hour_that_a_clock_repeats_is_two_windows_of_one_label() -> None:
    found = hours_of("America/New_York", "2026-11-01")[1:3]
    assert [str(hour) for hour in found] == ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"]
    labels = [label(hour.start, hour.zone, Grain.HOUR) for hour in found]
    assert labels == ["2026-11-01 01:00:00"] * 2


def test_hours_of_a_zone_that_is_half_an_hour_off_start_at_half_past() -> None:
    found = hours_of("Asia/Kolkata", "2026-03-02")
    assert found[0].start == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    assert {hour.start.minute for hour in found} == {30}
    assert label(found[0].start, "Asia/Kolkata", Grain.HOUR) == "2026-03-02 00:00:00"


@given(zone=ZONES, day=DATES, weeks=WEEKS)
def test_days_are_buckets_of_their_zone_and_longer_windows_of_none(
    zone: str, day: date, weeks: Weeks
) -> None:
    for grain, expected in ((Grain.DAY, zone), (Grain.WEEK, None), (Grain.MONTH, None)):
        assert {each.bucket_zone for each in tile(day, day, zone, grain, weeks)} <= {expected}


@given(zone=ZONES, day=DATES)
def test_the_label_of_an_hour_in_its_bucket_zone_means_no_other_hour(zone: str, day: date) -> None:
    found = tile(day - ONE_DAY, day + ONE_DAY, zone, Grain.HOUR)
    for bucket_zone in {hour.bucket_zone for hour in found} - {None}:
        assert bucket_zone is not None
        labels = [label(hour.start, bucket_zone, Grain.HOUR) for hour in found]
        named = zip(labels, found, strict=True)
        own = [each for each, hour in named if hour.bucket_zone == bucket_zone]
        assert {labels.count(each) for each in own} == {1}


@pytest.mark.parametrize(
    ("zone", "day", "zones"),
    [
        ("UTC", "2026-03-08", {"UTC"}),
        ("America/New_York", "2026-03-07", {"UTC"}),
        ("America/New_York", "2026-03-08", {"UTC"}),
        ("America/New_York", "2026-11-01", {"UTC"}),
        ("Africa/Cairo", "2024-04-26", {"UTC"}),
        ("Asia/Kolkata", "2026-03-02", {"Asia/Kolkata"}),
        ("Asia/Kathmandu", "2026-03-02", {"Asia/Kathmandu"}),
        ("Australia/Lord_Howe", "2025-07-01", {"Australia/Lord_Howe"}),  # at +10:30
        ("Australia/Lord_Howe", "2025-12-01", {"UTC"}),  # at +11:00
        # from one to the other: one hour of two days of UTC can only be one of the zone
        ("Australia/Lord_Howe", "2025-04-06", {"UTC", None, "Australia/Lord_Howe"}),
    ],
)
def test_hours_are_buckets_of_utc_where_clocks_are_whole_hours_off(
    zone: str, day: str, zones: set[str | None]
) -> None:
    assert {hour.bucket_zone for hour in hours_of(zone, day)} == zones


@pytest.mark.parametrize(
    ("window", "text", "named", "last"),
    [
        (the_day("Asia/Kolkata", "2026-03-02"), "2026-03-02", "2026-03-02", "2026-03-02"),
        (the_window(Grain.WEEK, "2026-03-05"), "2026-03-02", "2026-03-02", "2026-03-08"),
        (
            the_window(Grain.WEEK, "2026-03-05", "America/New_York", Weeks.SUNDAY),
            "2026-03-01",
            "2026-03-01",
            "2026-03-07",
        ),
        (the_window(Grain.MONTH, "2024-02-29"), "2024-02-01", "2024-02-01", "2024-02-29"),
        (
            the_window(Grain.MONTH, "2026-12-31", "Pacific/Kiritimati"),
            "2026-12-01",
            "2026-12-01",
            "2026-12-31",
        ),
        (
            hours_of("UTC", "2026-03-02")[13],
            "2026-03-02T13:00+00:00",
            "2026-03-02 13:00:00",
            "2026-03-02",
        ),
        (
            hours_of("Australia/Lord_Howe", "2025-10-05")[2],
            "2025-10-05T02:30+11:00",
            "2025-10-05 02:00:00",
            "2025-10-05",
        ),
    ],
)
def test_a_window_says_its_first_instant_its_label_and_its_last_date(
    window: Window, text: str, named: str, last: str
) -> None:
    name = label(window.start, window.zone, window.grain)
    assert (str(window), name, str(window.last_date)) == (text, named, last)


@pytest.mark.parametrize(
    ("zone", "first", "last", "expected"),
    [
        ("UTC", 13, 13, DateRange("2026-11-01T13:00:00+00:00", "2026-11-01T13:59:59+00:00")),
        ("UTC", 0, 0, DateRange("2026-11-01T00:00:00+00:00", "2026-11-01T00:59:59+00:00")),
        ("UTC", 23, 23, DateRange("2026-11-01T23:00:00+00:00", "2026-11-01T23:59:59+00:00")),
        ("UTC", 0, 23, DateRange("2026-11-01", "2026-11-01")),
        (
            "America/New_York",
            1,
            1,
            DateRange("2026-11-01T01:00:00-04:00", "2026-11-01T01:59:59-04:00"),
        ),
        (
            "America/New_York",
            2,
            2,
            DateRange("2026-11-01T01:00:00-05:00", "2026-11-01T01:59:59-05:00"),
        ),
        ("Asia/Kolkata", 5, 6, DateRange("2026-11-01T05:00:00+05:30", "2026-11-01T06:59:59+05:30")),
    ],
)
def test_hours_are_sent_as_instants(zone: str, first: int, last: int, expected: DateRange) -> None:
    found = hours_of(zone, "2026-11-01")
    assert sent(found[first], found[last]) == expected


@given(zone=ZONES, day=DATES, data=st.data())
def test_what_is_sent_for_an_hour_is_that_hour(zone: str, day: date, data: st.DataObject) -> None:
    hour = data.draw(st.sampled_from(list(tile(day, day, zone, Grain.HOUR))))
    range_ = sent(hour, hour)
    assert datetime.fromisoformat(range_.start) == hour.start
    assert datetime.fromisoformat(range_.end) == hour.end - ONE_SECOND


@pytest.mark.parametrize("grain", [Grain.WEEK, Grain.MONTH])
def test_weeks_and_months_are_plain_dates_for_a_server_without_offsets(grain: Grain) -> None:
    window = the_window(grain, "2026-03-05")
    first, last = {"week": ("02", "08"), "month": ("01", "31")}[grain]
    assert sent(window, window, offsets=False) == DateRange(f"2026-03-{first}", f"2026-03-{last}")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("grain", [Grain.DAY, Grain.WEEK, Grain.MONTH])
@pytest.mark.parametrize("first", [date(2026, 2, 11), date(2026, 12, 31), date(2024, 2, 29)])
def test_a_window_ends_with_the_same_day_whether_or_not_its_instants_are_known(
    zone: str, grain: Grain, first: date
) -> None:
    (window,) = tile(first, first, zone, grain)
    assert last_date(window.date, grain) == window.last_date
    assert last_date(first, Grain.HOUR) == first


@pytest.mark.parametrize(
    ("zone", "margin", "expected"),
    [
        ("UTC", 0, DateRange("2026-03-02", "2026-03-04")),
        ("UTC", 2, DateRange("2026-02-28", "2026-03-06")),
        ("Pacific/Kiritimati", 2, DateRange("2026-02-28", "2026-03-06")),
        ("America/New_York", 1, DateRange("2026-03-01", "2026-03-05")),
    ],
)
def test_plain_dates_are_those_of_the_zone_with_a_margin_on_either_side(
    zone: str, margin: int, expected: DateRange
) -> None:
    first, *_, last = tile(date(2026, 3, 2), date(2026, 3, 4), zone)
    assert plain_dates(first.start, last.end, zone, margin) == expected
