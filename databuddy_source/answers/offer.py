"""What there is: the websites of an account, and the reports that are chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dlt

from databuddy_source.api import models
from databuddy_source.api.client import Client
from databuddy_source.api.server import run_alone, websites_seen
from databuddy_source.config.connect import client_for, contact, warn_of_refused
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.resolve import configured
from databuddy_source.config.selection import are_named_by_id, websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.errors import MissingScope, NoWebsites
from databuddy_source.extract.descriptions import words_of_column, words_of_table
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import QueryType, load_catalog
from databuddy_source.model.reports import Report, day_zone
from databuddy_source.model.windows import Grain
from databuddy_source.tables.hints import column_hints
from databuddy_source.tables.layout import TOMBSTONE, Layout, type_name


@dataclass(frozen=True, slots=True)
class Website:
    """A website that is chosen.

    Attributes:
        name, domain: where the server tells them.
    """

    id: str
    name: str | None
    domain: str | None


def websites(settings: Settings | None = None) -> list[Website]:
    """The websites that are chosen: those that the configuration names, or else all that the key
    sees. Costs one request; with several accounts two of each.

    Args:
        settings: what lasts. Default: as configured.

    Raises:
        BadSetting: a domain is none that the key sees.
        DatabuddyError: the server cannot be reached, or rejects the key.
    """
    settings = settings or configured()
    seen: Mapping[str, models.Website] = {}
    try:
        if settings.accounts:
            server = contact(settings, listing=False)
            warn_of_refused(server)
            seen = server.websites
        else:
            client = client_for(settings)
            seen = run_alone(lambda: _seen(client))
    except (MissingScope, NoWebsites):  # such a key may read websites that are named to it
        if not are_named_by_id(settings):
            raise
    chosen = [id_ for _, ids in websites_of_reports(settings, lambda: seen) for id_ in ids]
    bare = models.Website.model_validate
    found = (seen.get(id_) or bare({"id": id_}) for id_ in dict.fromkeys(chosen))
    return [Website(each.id, each.name, each.domain) for each in found]


async def _seen(client: Client) -> dict[str, models.Website]:
    async with client:
        return await websites_seen(client)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report's table.

    Attributes:
        name: in the warehouse, as dlt's usual naming spells it.
        data_type: dlt's: text, bigint, double, timestamp, date or bool.
        description: what it means, and whether it may be added up; empty where nobody knows.
        adds_up: whether it may be added up over rows and windows; None where that is no question.
    """

    name: str
    data_type: str
    description: str
    adds_up: bool | None = None


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A report that is chosen, and the table that it fills.

    Attributes:
        name: of the report and of its table.
        query_type: what the API is asked for.
        grain: length of its windows: hour, day, week or month.
        time_zone: IANA name of the zone that cuts its days, where the server takes one.
        description: what a row of it is about.
        columns: in order. A server may send more, or lack some.
        key: columns that are different in each row of a website and window; empty where none are.
        partition: columns whose values name a cell, which is replaced whole.
        personal: whether it is about single visitors.
        websites: ids or domains, where it is chosen for some only.
    """

    name: str
    query_type: str
    grain: Grain
    time_zone: str
    description: str
    columns: Sequence[Column]
    key: Sequence[str]
    partition: Sequence[str]
    personal: bool
    websites: Sequence[str]


def reports(settings: Settings | None = None) -> list[ReportTable]:
    """The reports that are chosen, as the newest servers have them. Asks nobody: all of it stands
    in the catalogue, also before the first load.

    Args:
        settings: what lasts. Default: as configured.

    Raises:
        BadSetting: something is configured wrongly.
    """
    settings = settings or configured()
    return [_table(each, settings) for each in settings.chosen_reports()]


def _table(chosen: ReportSetting, settings: Settings) -> ReportTable:
    known = load_catalog().get(chosen.query_type)
    query_type = known.on(next(iter(known.generations), max(Generation)))
    report = Report(chosen.name, query_type, chosen.grain, chosen.filters, chosen.named)
    columns = list(_columns(report, query_type, settings))
    hints = column_hints(query_type, chosen.grain, settings.timezone)
    return ReportTable(
        chosen.name,
        query_type.name,
        chosen.grain,
        day_zone(query_type, settings.timezone),
        words_of_table(report),
        columns,
        query_type.key,
        ("website_id", "hour" if "hour" in hints else "date"),
        query_type.personal,
        chosen.websites or settings.websites,
    )


def _columns(report: Report, query_type: QueryType, settings: Settings) -> Iterator[Column]:
    hints = column_hints(query_type, report.grain, settings.timezone)
    for name, hint in hints.items():
        if name != TOMBSTONE:
            yield Column(name, str(hint.get("data_type", "text")), hint.get("description") or "")
    layout = Layout.of(report, dlt.Schema("databuddy"))
    for own, name in layout.names.items():
        kind = query_type.columns[name]
        if own not in hints and (type_ := type_name(kind)) != "date":
            yield Column(own, type_, words_of_column(report, layout, name), kind.adds_up)
