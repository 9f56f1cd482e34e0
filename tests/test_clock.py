from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

import dlt  # noqa: F401 - sets the local zone of pendulum
import pendulum
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source import clock
from databuddy_source.clock import SUNDAY, day_after, first_day, in_words, machine_zone, now, today

PACKAGE = Path(clock.__file__).parent
MOMENT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
DATES = st.dates(date(1970, 1, 1), date(2100, 12, 31))
ONE_DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Europe/Kiev", "Europe/Kyiv", True),
        ("Etc/UTC", "UTC", True),
        ("Europe/Berlin", "Europe/London", False),
        ("Europe/Moscow", "Europe/Minsk", False),  # alike since 2014 only
        ("Africa/Casablanca", "Europe/Lisbon", False),
        # they differ in summers of some years only
        ("America/Sao_Paulo", "America/Araguaina", False),
        ("Australia/Lord_Howe", "Australia/Sydney", False),
    ],
)
def test_zones_are_told_apart_by_their_days(one: str, other: str, same: bool) -> None:
    assert clock.same_days(one, other) is same


def test_this_instant_is_plain_and_in_utc() -> None:
    with time_machine.travel(MOMENT, tick=False):
        assert now() == MOMENT
        assert (type(now()), now().tzinfo) == (datetime, UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", date(2026, 3, 2)),
        ("Pacific/Kiritimati", date(2026, 3, 3)),
        ("America/New_York", date(2026, 3, 2)),
        ("Pacific/Pago_Pago", date(2026, 3, 1)),
    ],
)
def test_today_is_the_local_date(zone: str, expected: date) -> None:
    assert today(zone, MOMENT) == expected
    with time_machine.travel(MOMENT, tick=False):
        assert today(zone) == expected
        assert type(today(zone)) is date


@given(day=DATES, begins=st.integers(0, 6))
def test_a_week_begins_on_its_weekday_at_most_six_days_before(day: date, begins: int) -> None:
    first = first_day("week", day, begins)
    assert type(first) is date
    assert first.weekday() == begins
    assert timedelta() <= day - first <= 6 * ONE_DAY
    assert day_after("week", first) - first == 7 * ONE_DAY


@given(day=DATES)
def test_a_month_is_all_days_of_one_number(day: date) -> None:
    first, after = first_day("month", day), day_after("month", first_day("month", day))
    assert (type(first), type(after)) == (date, date)
    assert (first.day, after.day) == (1, 1)
    assert first <= day < after
    assert (after - ONE_DAY).month == first.month


@given(day=DATES)
def test_a_day_begins_with_itself(day: date) -> None:
    assert first_day("day", day, SUNDAY) == day
    assert day_after("day", day) == day + ONE_DAY


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (840, "14 min"),
        (5_399, "90 min"),
        (5_400, "1.5 h"),
        (90_000, "25.0 h"),
    ],
)
def test_a_length_of_time_is_said_shortly(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("configured", "zone"),
    [
        (":America/Lima", "America/Lima"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("nowhere", r"[\w/+-]+"),
        ("", r"[\w/+-]+"),
    ],
)
def test_the_machines_zone_is_one_that_there_is(
    configured: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a process keeps the zone that it once found
    monkeypatch.setattr(sys.modules["pendulum.tz.local_timezone"], "_local_timezone", None)
    monkeypatch.setenv("TZ", configured)
    assert re.fullmatch(zone, machine_zone())
    assert machine_zone() in available_timezones()


def test_asking_for_the_machines_zone_leaves_the_one_that_dlt_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "America/Lima")
    before = pendulum.local_timezone()
    machine_zone()
    assert pendulum.local_timezone() == before == pendulum.UTC


def test_a_machine_without_a_zone_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise LookupError("no such zone")

    monkeypatch.setattr("pendulum.tz.get_local_timezone", lost)
    assert machine_zone() == "UTC"


def _clocks(path: Path) -> Iterator[str]:
    """What a file reads the time of day from, and where it uses pendulum."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = f"{node.value.id}.{node.attr}"
            if called in {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}:
                yield called
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("pendulum"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pendulum"):
            yield node.module or ""


def test_there_is_one_clock() -> None:
    found = {
        str(path.relative_to(PACKAGE)): sorted(set(clocks))
        for path in PACKAGE.rglob("*.py")
        if "demo" not in path.relative_to(PACKAGE).parts  # which stands apart
        if (clocks := list(_clocks(path)))
    }
    assert found == {"clock.py": ["datetime.now", "pendulum"]}
