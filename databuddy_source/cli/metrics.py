"""What `status` tells monitors: one line and an exit code, or metrics in Prometheus' text format.

The format is three kinds of lines, so it is written here and needs no package: `prometheus_client`
would bring a registry and a server for processes that live on. The tests read it with its parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from databuddy_source import WarehouseStatus
from databuddy_source.cli.console import shown, visible
from databuddy_source.clock import in_words
from databuddy_source.model.statuses import Mark

Sample: TypeAlias = tuple[Mapping[str, str], float]

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def age_line(found: WarehouseStatus, most: timedelta, now: datetime) -> tuple[str, bool]:
    """One line that says how old the oldest of the newest answers is and what is lacking, and
    whether all is well.

    Args:
        found: what the warehouse has and lacks.
        most: how old the newest answer of each report may be.
        now: this instant.
    """
    if not found.reports:
        return "nothing: no report of any website was synced", False
    aged = sorted(
        found.reports, key=lambda each: each.synced_at.timestamp() if each.synced_at else 0
    )
    old = [each for each in aged if not each.synced_at or now - each.synced_at > most]
    said = [_gaps(found)]
    if old:
        first = old[0]
        since = f"{_ago(first.synced_at, now)} old" if first.synced_at else "not there"
        more = f", as are {len(old) - 1:,} more" if len(old) > 1 else ""
        what = f"{shown(first.report)} of {shown(first.domain) or first.website_id}"
        said.insert(0, f"the newest answer of {what} is {since}{more}")
    else:
        said.insert(0, f"no newest answer is older than {_ago(aged[0].synced_at, now)}")
    well = found.is_complete and not old
    return f"{'ok' if well else 'old' if old else 'lacking'}: {'; '.join(said)}", well


def _ago(instant: datetime | None, now: datetime) -> str:
    return in_words(max(0.0, (now - instant).total_seconds())) if instant else ""


def _gaps(found: WarehouseStatus) -> str:
    counted = [f"{n:,} {mark}" for mark, n in found.cells.items() if mark.is_gap]
    if found.miscounts:
        counted.append(f"{len(found.miscounts):,} with other rows than were loaded")
    return f"lacking: {', '.join(counted)}" if counted else "nothing is lacking"


def metrics(found: WarehouseStatus) -> str:
    """The status in Prometheus' text format: gauges, with websites and reports as labels."""
    lines = [line for each in _gauges(found) for line in _lines(*each)]
    return "\n".join(lines) + "\n"


def _gauges(found: WarehouseStatus) -> Iterator[tuple[str, str, list[Sample]]]:
    places = [
        (
            {
                "website_id": each.website_id,
                "domain": each.domain or "",
                "report": each.report,
            },
            each,
        )
        for each in found.reports
    ]
    yield "complete", "1 where nothing is lacking, else 0.", [({}, found.is_complete)]
    yield (
        "cells",
        "Windows of all websites and reports, by what is known of them.",
        [({"mark": mark.value}, found.cells.get(mark, 0)) for mark in Mark],
    )
    yield (
        "lacking_cells",
        "Windows that heal would ask for.",
        [(where, sum(gap.cells for gap in each.gaps)) for where, each in places],
    )
    yield (
        "last_sync_timestamp_seconds",
        "When the newest answer was there; 0 for never.",
        [(where, _seconds(each.synced_at)) for where, each in places],
    )
    yield (
        "rows",
        "Rows that were loaded.",
        [(where, each.rows) for where, each in places],
    )
    yield (
        "history_proved_timestamp_seconds",
        "Each final window was compared with the server then or later; 0 for never.",
        [({}, _seconds(found.history.proved_since))],
    )
    yield (
        "history_changed_days",
        "Days of websites of which something final changed in the last 24 hours.",
        [({}, found.history.changed_days)],
    )


def _seconds(instant: datetime | None) -> float:
    return instant.timestamp() if instant else 0


def _lines(name: str, words: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP databuddy_{name} {words}"
    yield f"# TYPE databuddy_{name} gauge"
    for labels, value in samples:
        pairs = ",".join(
            f'{label}="{visible(text).translate(_ESCAPES)}"' for label, text in labels.items()
        )
        # a sum of integers stays one, a truth becomes one
        number = repr(value) if isinstance(value, float) else int(value)
        yield f"databuddy_{name}{'{' + pairs + '}' if pairs else ''} {number}"
