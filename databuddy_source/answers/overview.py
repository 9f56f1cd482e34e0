"""What a page to look at shows: the newest days of each website, and of all together. Asks nothing
of the API.

Nothing is added up that is not a sum: visitors and sessions of several days come from windows that
the server counted, and those of several websites from nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from databuddy_source.answers.known_websites import known_websites, refuse_unknown
from databuddy_source.answers.lost_views import lost_views
from databuddy_source.answers.site_reading import Reading
from databuddy_source.answers.sites import Site
from databuddy_source.answers.status import WarehouseStatus, status
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.reading import Tables, tables_of
from databuddy_source.coverage.views import DAILY, MONTHLY, WEEKLY
from databuddy_source.errors import NothingLoaded

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True)
class Overview:
    """What a page to look at shows.

    Attributes:
        first, last: days, both included.
        sites: all together first, where there are several.
        status: what the warehouse has and lacks of these days.
        lost: views that are not there, so that their sections are empty. The next sync makes them.
        views: those of days, weeks and months, of which it is read.
    """

    views: ClassVar = (DAILY, WEEKLY, MONTHLY)

    first: date
    last: date
    sites: Sequence[Site]
    status: WarehouseStatus = field(repr=False)
    lost: Sequence[str] = ()


def overview(
    pipeline: dlt.Pipeline | Tables,
    settings: Settings | None = None,
    *,
    days: int = 90,
    only_known: bool = False,
) -> Overview:
    """What a page to look at shows of the configured websites; where that is all, also of those
    that the newest sync did not see, and of which there are days.

    Args:
        pipeline: whose warehouse it is, or its tables, where they are open.
        settings: websites, reports, and where they begin. Default: as configured.
        days: how many, up to the newest one that is there.
        only_known: refuse an id, too, of which the warehouse has nothing. Else it may be of a
            website that is still to be synced.

    Raises:
        BadSetting: a configured domain is none of the websites that the warehouse knows.
        NothingLoaded: the warehouse has no days, or not yet the views that say what is known.
    """
    with tables_of(pipeline) as tables:
        newest = tables.rows("cell_states", "SELECT MAX(date) FROM {table} WHERE grain = 'day'")
        if not newest:
            raise NothingLoaded(
                "The dataset has no view cell_states",
                "Sync once more: the sync makes it, on DuckDB, Postgres, BigQuery and Snowflake.",
            )
        if newest[0][0] is None:
            raise NothingLoaded(
                "The dataset has nothing by day", "Sync reports by day, such as summary_metrics."
            )
        settings = settings or configured()
        if only_known:
            there = tables.rows("cell_states", "SELECT DISTINCT website_id FROM {table}")
            domains: dict[str, str | None] = {row[0]: None for row in there}
            for known in known_websites(tables):
                domains |= {id_: website.domain for id_, website in known.items()}
            refuse_unknown(settings.websites, domains)
        last = newest[0][0]
        first = last - timedelta(days=days - 1)
        found = status(tables, settings, since=first, until=last, gone=True)
        sites = list(Reading(tables, first, last, found).sites())
        return Overview(first, last, sites, found, lost_views(tables))
