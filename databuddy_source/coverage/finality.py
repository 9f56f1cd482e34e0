"""When a day is settled. Late events change the newest days, so each daily sync asks for them
again; what it no longer asks for by itself is settled, and once loaded whole it is final.
"""

from __future__ import annotations

from datetime import date, timedelta

from databuddy_source.model.windows import ONE_DAY, Window


def first_restated(newest: date, lookback_days: int) -> date:
    """The first day that a sync asks for again.

    Args:
        newest: day that was asked for, in the zone that cuts the days.
        lookback_days: how many days before it are asked for again.
    """
    return newest - timedelta(days=lookback_days)


def last_settled(today: date, lookback_days: int) -> date:
    """The newest day that later syncs will not ask for by themselves."""
    return first_restated(today, lookback_days) - ONE_DAY


def is_settled(window: Window, last: date) -> bool:
    """Whether a window is over for daily syncs.

    Args:
        last: the newest day that is settled.
    """
    return window.last_date <= last
