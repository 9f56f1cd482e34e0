"""When final cells were last compared with what the server says.

What is asked for alone has a row of coverage, whose `checked_at` says it. Of a series one question
asks for years, and the newest row of the series keeps which days it compared, so that a day that is
as it was costs no row.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import orjson

from databuddy_source.coverage.believed import NOT_YET, UNTRUE, true_until
from databuddy_source.coverage.reading import Tables, among, coverage_rows
from databuddy_source.model.digests import SCHEME
from databuddy_source.model.generations import Generation
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY

MOST_DAYS: Final = 1_000
"""That are asked for at once: about three seconds of a small server's work. Where a series has
more, those are asked for whose last proof is oldest, so ten years have a round of four syncs."""

PATIENCE: Final = timedelta(days=7)
"""For which final cells and days are left alone that had no answer."""

logger = logging.getLogger("databuddy_source")

NEVER: Final = datetime.min.replace(tzinfo=UTC)

Series: TypeAlias = tuple[str, str]
"""Website and report."""


class FinalDay(NamedTuple):
    """What is known of a final day of a series.

    Attributes:
        digest: of its rows.
        other_digest: of the last answer, where that was not believed yet.
        rows: how many the table has.
        load_id: of the load that brought them.
        doubted_at: since when the last answer has come, where it was not believed yet.
    """

    digest: str
    other_digest: str | None
    rows: int
    load_id: str | None
    doubted_at: datetime | None


class Proof(NamedTuple):
    """Days of a series that were compared.

    Attributes:
        first, last: of the days, both included.
        at: when, UTC.
        failed: there was no answer, so nothing was compared.
    """

    first: date
    last: date
    at: datetime
    failed: bool = False

    def meets(self, first: date, last: date) -> bool:
        """Whether it is about one of these days."""
        return self.first <= last and first <= self.last


def proofs_text(proofs: Iterable[Proof]) -> str:
    """As coverage keeps them."""
    return orjson.dumps([list(each) for each in proofs]).decode()


def with_proof(proofs: Iterable[Proof], new: Proof) -> list[Proof]:
    """Older proofs, as far as a new one does not stand for them, and the new one, by their days.
    One that failed stands for others that did."""
    left = []
    for each in proofs:
        if new.failed and not each.failed:
            left.append(each)
            continue
        if each.failed and each.meets(new.first, new.last):
            continue
        if each.first < new.first:
            left.append(each._replace(last=min(each.last, new.first - ONE_DAY)))
        if each.last > new.last:
            left.append(each._replace(first=max(each.first, new.last + ONE_DAY)))
    return sorted([*left, new])


def proved_since(proofs: Sequence[Proof], first: date) -> datetime | None:
    """Since when all days from a first one until the last that was compared are proved; None where
    some never were.

    Args:
        proofs: of a series, by their days.
        first: its first final day.
    """
    until = first
    own = [each for each in proofs if not each.failed and each.last >= first]
    for each in own:
        if each.first > until:
            return None
        until = each.last + ONE_DAY
    return min((each.at for each in own), default=None)


def due(
    days: Mapping[date, FinalDay], proofs: Sequence[Proof], rows: int, now: datetime
) -> Sequence[date]:
    """The days of a series that are compared next: all of them, or of many those whose last proof
    is oldest. What had no answer is left alone for a while.

    Args:
        days: that are final.
        proofs: when which days were compared.
        rows: that come in one answer.
        now: this instant.
    """
    parts: list[list[date]] = []
    room = 0
    for day in sorted(days):  # from the oldest one, so that parts stay what they are
        if not parts or len(parts[-1]) == MOST_DAYS or room < days[day].rows:
            parts.append([])
            room = rows
        parts[-1].append(day)
        room -= days[day].rows
    asked = [part for part in parts if not _failed_lately(part, proofs, now)]
    return min(asked, key=lambda part: _proved(part[0], proofs), default=())


def _failed_lately(part: Sequence[date], proofs: Sequence[Proof], now: datetime) -> bool:
    failed = [each.at for each in proofs if each.failed and each.meets(part[0], part[-1])]
    return any(at > now - PATIENCE for at in failed)


def _proved(day: date, proofs: Sequence[Proof]) -> datetime:
    """When a day was compared last."""
    own = [each.at for each in proofs if not each.failed and each.meets(day, day)]
    return max(own, default=NEVER)


def final_days(
    tables: Tables,
    websites: Collection[str],
    reports: Collection[str],
    generation: Generation,
    now: datetime,
) -> Mapping[Series, Mapping[date, FinalDay]]:
    """The final days of series.

    Args:
        tables: that are open.
        websites: ids; at least one.
        reports: names of series with a row for each day.
        generation: of the server that gave them.
        now: this instant.
    """
    found: dict[Series, dict[date, FinalDay]] = defaultdict(dict)
    if reports:
        marks = ", ".join(["%s"] * len(reports))
        whose = ", ".join(["%s"] * len(websites))
        for website_id, report, day, digest, other, count, load_id, doubted_at in coverage_rows(
            tables,
            "SELECT website_id, report, date, {digest}, {other_digest}, {rows}, {load_id}, "
            "{doubted_at} "
            f"FROM {{table}} WHERE final AND NOT {UNTRUE} AND {{digest}} LIKE '{SCHEME}:%%' "
            f"AND (status = '{Status.COMPLETE}' OR {NOT_YET}) "
            f"AND report IN ({marks}) AND website_id IN ({whose}) AND {{generation}} = %s",
            *true_until(now),
            *reports,
            *websites,
            generation.value,
        ):
            since = doubted_at and doubted_at.astimezone(UTC)
            found[website_id, report][day] = FinalDay(digest, other, count, load_id, since)
    return found


def proofs_of(tables: Tables) -> Mapping[Series, Sequence[Proof]]:
    """What was last compared of each series, by its days."""
    newest: dict[Series, tuple[datetime, str]] = {}
    for website_id, report, text, at in coverage_rows(
        tables,
        "SELECT website_id, report, {proofs}, {checked_at} FROM {table} WHERE {proofs} IS NOT NULL",
    ):
        newest[website_id, report] = max(newest.get((website_id, report), (at, text)), (at, text))
    found = {}
    for (website_id, report), (_, text) in newest.items():
        try:
            found[website_id, report] = _proofs(text)
        except (ValueError, TypeError):  # of a newer version, or written by hand
            logger.warning(
                "The table coverage has proofs of %s of %s that this version does not know, so its "
                "days are compared anew.",
                report,
                website_id,
            )
    return found


def _proofs(text: str) -> list[Proof]:
    """Raises ValueError or TypeError where a text has none."""
    return [
        Proof(
            date.fromisoformat(first),
            date.fromisoformat(last),
            datetime.fromisoformat(when).astimezone(UTC),
            bool(failed),
        )
        for first, last, when, failed in orjson.loads(text)
    ]


def kept_proofs(tables: Tables, days: Collection[date]) -> Mapping[tuple[str, str, datetime], str]:
    """What coverage keeps of older days with some cells, by website, report and start of the
    window: also with one that failed, of which the warehouse has nothing.

    Args:
        tables: that are open.
        days: the first days of the windows that matter; at least one.
    """
    found = coverage_rows(
        tables,
        "SELECT website_id, report, window_start, {proofs} FROM {table} "
        f"WHERE {{proofs}} IS NOT NULL AND {among(days)}",
    )
    return {
        (website, report, start.astimezone(UTC)): text for website, report, start, text in found
    }
