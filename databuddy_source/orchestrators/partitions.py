"""Partitions of tables in Dagster: the days, weeks or months of a report, and websites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from databuddy_source import ReportTable, Settings
from databuddy_source.clock import now

DATE = "date"
"""The dimension of time; a key is the first day of a day, week or month. Dagster orders dimensions
by name, so that a partition is `2026-03-20|<website>`."""

WEBSITE = "website"
"""The dimension of websites; a key is a website's id."""


WEBSITES = "databuddy_websites"
"""The name under which Dagster keeps the websites as partitions."""


@dataclass(frozen=True)
class Time:
    """A day, week or month.

    Attributes:
        key: of its partition.
        first, last: days.
        end: the instant at which it is over.
    """

    key: str
    first: date
    last: date
    end: datetime


@dataclass(frozen=True)
class Period:
    """The tables whose windows are of one length: their partitions are the same.

    Attributes:
        name: day, week or month. Hours are in the partition of their day.
        times: its partitions.
        websites: those of the other dimension.
    """

    name: str
    times: dg.TimeWindowPartitionsDefinition
    websites: dg.DynamicPartitionsDefinition

    @classmethod
    def of(cls, name: str, settings: Settings, first: date) -> Period:
        """The partitions of a period.

        Args:
            name: see above.
            settings: whose time zone and weeks cut it.
            first: day with which the partitions begin.
        """
        kinds: dict[str, Any] = {
            "day": dg.DailyPartitionsDefinition,
            "week": dg.WeeklyPartitionsDefinition,
            "month": dg.MonthlyPartitionsDefinition,
        }
        more = {"day_offset": 0 if settings.weeks == "sunday" else 1} if name == "week" else {}
        start = first.replace(day=1) if name == "month" else first
        if name == "week":  # and not with the first whole one after it
            back = (first.isoweekday() - more["day_offset"]) % 7
            start = first - timedelta(days=back)
        times = kinds[name](start_date=start.isoformat(), timezone=settings.timezone, **more)
        return cls(name, times, dg.DynamicPartitionsDefinition(name=WEBSITES))

    @property
    def op(self) -> str:
        """The name of what loads the tables."""
        return f"databuddy_by_{self.name}"

    @property
    def definition(self) -> dg.MultiPartitionsDefinition:
        """Time x website."""
        return dg.MultiPartitionsDefinition({DATE: self.times, WEBSITE: self.websites})

    def key(self, time: str, website_id: str) -> dg.MultiPartitionKey:
        """The key of a partition."""
        return dg.MultiPartitionKey({DATE: time, WEBSITE: website_id})

    def parts(self, keys: Iterable[str]) -> Iterator[tuple[str, str, date, date]]:
        """Each key as itself, with its website, first and last day."""
        for key in keys:
            by_dimension = self.definition.get_partition_key_from_str(key).keys_by_dimension
            time = self._time(by_dimension[DATE])
            yield key, by_dimension[WEBSITE], time.first, time.last

    def over(self, at: datetime | None = None) -> list[Time]:
        """The times that are over, oldest first.

        Args:
            at: that instant. Default: now.
        """
        return [self._time(key) for key in self.times.get_partition_keys(current_time=at or now())]

    def due(self, at: datetime) -> Time | None:
        """The newest time that is over; None for none yet.

        Args:
            at: that instant.
        """
        return next(reversed(self.over(at)), None)

    def _time(self, key: str) -> Time:
        window = self.times.time_window_for_partition_key(key)
        last = (window.end - timedelta(seconds=1)).date()
        return Time(key, window.start.date(), last, window.end)

    def newest(self, at: datetime, lookback_days: int) -> list[Time]:
        """The times that are over, of which the last one is, or late events may still change.

        Args:
            at: that instant.
            lookback_days: as configured.
        """
        earliest = at - timedelta(days=lookback_days + 1)
        return [each for each in self.over(at) if each.end > earliest]


def period_of(table: ReportTable) -> str:
    """The name of the period that a table's partitions are."""
    return "day" if table.grain == "hour" else table.grain.value
