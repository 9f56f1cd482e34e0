"""The days and the mode of one run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Self

from pydantic import Field, model_validator

from databuddy_source import clock
from databuddy_source.config.settings import Settings
from databuddy_source.config.values import Day, Given
from databuddy_source.errors import BadSetting
from databuddy_source.model.windows import DEFAULT_DAYS


class Scope(Given):
    """What is of one run, each with its meaning below it. What lasts are `Settings`."""

    since: Day | None = Field(default=None, examples=["2026-01-01"])
    """First day of a first sync; with `until`, of a bounded run."""

    until: Day | None = Field(default=None, examples=["2026-01-31"])
    """Last day of a bounded run, which loads exactly these days and moves no cursor."""

    refetch: bool = Field(default=False, examples=[True])
    """Ask again for cells that `coverage` calls final, too."""

    only_gaps: bool = Field(default=False, examples=[True])
    """Of a bounded run: ask only for cells that failed, are truncated, suspect or missing."""

    audit: bool = Field(default=False, examples=[True])
    """Of a bounded run: ask for the cells that `coverage` calls final, and for no others, and write
    those of which the server says something else."""

    allow_empty: bool = Field(default=False, examples=[True])
    """Believe a day that had data and is now empty."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.until and not self.since:
            raise ValueError("until needs since: together they name the days of a bounded run")
        if self.only_gaps and not self.until:
            raise ValueError("only_gaps needs since and until: it is for bounded runs")
        if self.audit and not self.until:
            raise ValueError("audit needs since and until: it is for bounded runs")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since ({self.since}) is after until ({self.until})")
        return self

    @property
    def bounded(self) -> bool:
        """Whether this is a run of exactly the days from `since` to `until`."""
        return self.since is not None and self.until is not None

    def days_of(self, report: str, website_id: str) -> list[tuple[date, date]]:
        """The days of a bounded run that a report is loaded for, as ranges, oldest first.

        Args:
            report: its name.
            website_id: of the website.
        """
        return [(self.since, self.until)] if self.since and self.until else []

    @property
    def done_since(self) -> datetime | None:
        """What has been answered completely since then is not asked for again."""
        return None

    @property
    def proves(self) -> bool:
        """Whether old days are compared with the server, too, in the requests that leave anyway."""
        return not self.bounded

    def first_day(self, settings: Settings, now: datetime | None = None) -> date:
        """The local date with which a first sync starts."""
        chosen = self.since or settings.start_date
        return chosen or clock.today(settings.timezone, now) - timedelta(days=DEFAULT_DAYS)

    def checked(self, settings: Settings) -> Self:
        """The scope itself, where it makes sense beside these settings.

        Raises:
            BadSetting: it begins after today.
        """
        if self.since and self.since > clock.today(settings.timezone):
            raise BadSetting(f"since ({self.since}) is after today")
        return self
