"""Checks of assets in Dagster, by what the table coverage says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from databuddy_source import BadConfiguration, ReportStatus, Settings
from databuddy_source.clock import today
from databuddy_source.orchestrators.lacking import LINES_SHOWN
from databuddy_source.orchestrators.partitions import Time

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
    """Whether all that was ever asked for is there, and all between the first and the last of it;
    what lies before or after is a partition that nobody wanted yet.

    Args:
        key: of the asset.
        reports: of its table, by website.
        settings: what lasts.
    """
    gaps = [(each, gap) for each in reports for gap in each.holes]
    lines = [
        f"{each.domain or each.website_id}, {gap.first} to {gap.last}: "
        f"{gap.mark.words}. {gap.reason}".rstrip()
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
    key: dg.AssetKey, reports: Sequence[ReportStatus], due: Time | None
) -> dg.AssetCheckResult:
    """Whether each website has its newest partition; one that was added to Databuddy later needs
    none.

    Args:
        key: of the asset.
        reports: of its table.
        due: the newest day, week or month that has to be there; None for none yet.
    """
    lines = []
    for each in reports:
        there = [one for one in each.calendar if one.mark.is_asked and not one.mark.is_gap]
        newest = max((one.last for one in there), default=None)
        if due is None or (newest and newest >= due.last):
            continue
        if newest or not each.added_at or each.added_at < due.end:
            told = f"loaded until {newest}" if newest else "nothing is there"
            lines.append(f"{each.domain or each.website_id}: {told}")
    return _result(key, FRESH, lines, f"{len(lines)} websites are behind", websites=len(lines))


def not_loaded(key: dg.AssetKey, due: Time | None, error: BadConfiguration) -> dg.AssetCheckResult:
    """What `fresh` says before the first load of anything, or of a website that is configured.

    Args:
        key, due: see `fresh`.
        error: that says so.
    """
    return _result(key, FRESH, [str(error)] if due else [], error.what)


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
