"""Checks of assets in Dagster, by what the table coverage says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from databuddy_source import ReportStatus, Settings
from databuddy_source.clock import today
from databuddy_source.orchestrators.lacking import LINES_SHOWN

COMPLETE = "complete"
FINAL = "final"
FRESH = "fresh"

LENGTHS = {
    "hour": timedelta(days=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}
"""Of the periods, at most; hours are in partitions of days."""


def complete(
    key: dg.AssetKey, reports: Sequence[ReportStatus], settings: Settings
) -> dg.AssetCheckResult:
    """Whether all that was ever asked for is there; what was not is a partition of its own. Where a
    table never came to be, or was lost, nothing of it is there.

    Args:
        key: of the asset.
        reports: of its table, by website.
        settings: what lasts.
    """
    gaps = [
        (each, gap)
        for each in reports
        for gap in each.gaps
        if gap.mark.is_asked or (each.synced_at and each.first is None)
    ]
    lines = [
        f"{each.domain or each.website_id}, {gap.first} to {gap.last}: "
        f"{gap.mark.words}. {gap.reason}"
        for each, gap in gaps
    ]
    count = sum(gap.cells for _, gap in gaps)
    return _result(key, COMPLETE, lines, f"{count} cells are not complete", cells=count)


def final(
    key: dg.AssetKey, reports: Sequence[ReportStatus], settings: Settings
) -> dg.AssetCheckResult:
    """Whether each partition was loaded after its last late event may have come.

    Args:
        key: of the asset.
        reports: of its table, by website.
        settings: with the lookback.
    """
    lines, count = [], 0
    for each in reports:
        settled = today(each.time_zone) - timedelta(days=settings.lookback_days + 1)
        over = settled - LENGTHS[each.grain.value] + timedelta(days=1)
        for one in each.calendar:
            days = [day for day in one.dates if day <= over] if one.mark.value == "restated" else []
            if days:
                lines.append(f"{each.domain or each.website_id}, {days[0]} to {days[-1]}")
                count += len(days)
    what = f"{count} days, weeks or months were loaded last while late events could still come"
    return _result(key, FINAL, lines, what, dg.AssetCheckSeverity.WARN, windows=count)


def fresh(
    key: dg.AssetKey,
    reports: Sequence[ReportStatus],
    period: str,
    delay: timedelta,
    now: datetime,
) -> dg.AssetCheckResult:
    """Whether each website has its newest partition.

    Args:
        key: of the asset.
        reports: of its table.
        period: of its partitions.
        delay: how long after a partition is over it may come.
        now: this instant.
    """
    lines = []
    for each in reports:
        there = [one for one in each.calendar if one.mark.is_asked and not one.mark.is_gap]
        newest = max((one.last for one in there), default=None)
        told = f"loaded until {newest}" if newest else "nothing is there"
        if newest:
            over = datetime.combine(newest + timedelta(days=1), time(), ZoneInfo(each.time_zone))
        if newest is None or over + LENGTHS[period] + delay < now:
            lines.append(f"{each.domain or each.website_id}: {told}")
    return _result(key, FRESH, lines, f"{len(lines)} websites are behind", websites=len(lines))


def _result(
    key: dg.AssetKey,
    name: str,
    lines: Sequence[str],
    what: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **counts: int,
) -> dg.AssetCheckResult:
    shown = [f"- {line}" for line in lines[:LINES_SHOWN]]
    if len(lines) > LINES_SHOWN:
        shown.append(f"- ... and {len(lines) - LINES_SHOWN} more")
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not lines,
        severity=severity,
        description=f"{what}." if lines else None,
        metadata={**counts, "where": dg.MetadataValue.md("\n".join(shown) or "nowhere")},
    )
