"""What a dataset has, by the names that people call it, and what they mean by one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databuddy_source.api.models import Website
from databuddy_source.config.reports import split_name, table_name
from databuddy_source.config.selection import ids_meant, nearest
from databuddy_source.coverage.reading import TABLE, Tables, tables_of
from databuddy_source.errors import BadSetting
from databuddy_source.model.query_types import load_catalog

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True)
class Holdings:
    """The websites and reports of a dataset.

    Attributes:
        websites: by id, also those that are gone from the account.
        reports: names of tables.
    """

    websites: Mapping[str, Website]
    reports: Set[str]

    def ids_of(self, names: Sequence[str]) -> list[str]:
        """The ids of the websites that are meant, each once; a domain means all that share it.

        Raises:
            BadSetting: a name is none of the dataset's.
        """
        found: list[str] = []
        for name in names:
            ids = [each for each in ids_meant(name, self.websites) if each in self.websites]
            if not ids:
                domains = {each.domain for each in self.websites.values() if each.domain}
                known = [*domains, *self.websites]
                raise _unknown(name, "website", known, domains or self.websites)
            found += ids
        return list(dict.fromkeys(found))

    def reports_of(self, names: Sequence[str]) -> list[str]:
        """The names of the tables that are meant, each once; documented names are understood.

        Raises:
            BadSetting: a name is none of the dataset's.
        """
        found: list[str] = []
        for name in names:
            table = name if name in self.reports else table_name(name)
            if table not in self.reports:
                also = {each for own in self.reports for each in load_catalog().get(own).aliases}
                is_one = split_name(name)[0] in {each.name for each in load_catalog()}
                # spelled right, and not here: another one is not what was meant
                near = set() if is_one else self.reports | also
                raise _unknown(name, "report", near, self.reports)
            found.append(table)
        return list(dict.fromkeys(found))


def holdings(warehouse: dlt.Pipeline | Tables, tables: Collection[str] = ()) -> Holdings:
    """What a dataset has.

    Args:
        warehouse: a pipeline, or the open tables of one.
        tables: names of tables of reports, also of those of which coverage says nothing.
    """
    with tables_of(warehouse) as open_tables:
        listed = open_tables.rows("websites", "SELECT id, domain FROM {table}")
        # of all loads: what one left that is not done goes, too
        asked = "SELECT DISTINCT website_id, report FROM {table}"
        held = open_tables.rows(TABLE, asked)
    websites = {id_: Website(id=id_) for id_, _ in held}
    websites |= {id_: Website(id=id_, domain=domain) for id_, domain in listed}
    return Holdings(websites, {*tables, *(report for _, report in held)})


def _unknown(name: str, what: str, known: Collection[str], shown: Collection[str]) -> BadSetting:
    near = nearest(name, known)
    todo = f"Did you mean {near}?" if near else f"It has: {', '.join(sorted(shown)) or 'none'}."
    return BadSetting(f"{name!r} is no {what} of this dataset", todo)
