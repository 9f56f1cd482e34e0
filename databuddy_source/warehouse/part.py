"""A part of a dataset, some websites and reports, and how much there is of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.resources import parts_of_resource
from databuddy_source.errors import BadSetting
from databuddy_source.warehouse.dataset import (
    OF_CELLS,
    WEBSITES,
    OpenDataset,
    opened_dataset,
)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a dataset goes.

    Attributes:
        websites: ids; none stands for all.
        reports: names of tables; none stands for all.

    Raises:
        BadSetting: there are neither.
    """

    websites: Sequence[str]
    reports: Sequence[str]

    def __post_init__(self) -> None:
        if not self.websites and not self.reports:
            raise BadSetting("Nothing is named that shall go", "Name a website, a report, or both.")

    def has(self, resource: str) -> bool:
        """Whether the state of a resource is of it."""
        report, website_id = parts_of_resource(resource)
        return all(
            not names or name in names
            for name, names in ((report, self.reports), (website_id, self.websites))
        )


@dataclass(frozen=True, slots=True)
class RemovedRows:
    """What goes of one table.

    Attributes:
        table: its name.
        rows: that go.
        left: rows of other websites, which stay.
        cells: that coverage has of it and forgets.
        dropped: whether the table goes, too: nothing is left that it is for.
    """

    table: str
    rows: int
    left: int
    cells: int
    dropped: bool


@contextmanager
def opened(pipeline: dlt.Pipeline, part: Part) -> Iterator[PartOfDataset]:
    """A part of the pipeline's dataset, while the block runs.

    Args:
        pipeline: whose dataset it is; its local state is the newest.
        part: which may go.

    Raises:
        NothingLoaded: nothing was ever loaded.
    """
    with opened_dataset(pipeline) as whole:
        yield PartOfDataset(whole.pipeline, whole.schema, whole.client, part)


@dataclass(frozen=True)
class PartOfDataset(OpenDataset):
    """What a dataset has of a part of it.

    Attributes:
        part: which.
    """

    part: Part

    @cached_property
    def tables(self) -> Sequence[RemovedRows]:
        """What goes, in alphabetical order: tables that lose rows, or of which coverage forgets
        cells, or that were named and are for nothing."""
        counted = dict(self._counted())
        cells = self._cells()
        found = []
        for name in sorted({*counted, *cells}):
            (rows, gone), (known, forgets) = (each.get(name, (0, 0)) for each in (counted, cells))
            dropped = name in counted and name != WEBSITES and (rows, known) == (gone, forgets)
            if gone or forgets or (dropped and name in self.part.reports):
                found.append(RemovedRows(name, gone, rows - gone, forgets, dropped))
        return found

    @property
    def _reports(self) -> Sequence[str]:
        """The tables of reports that are looked at."""
        known = {*self.reports} & {*self.there}
        return sorted(known & {*self.part.reports} if self.part.reports else known)

    def _counted(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """How many rows each table has, and how many of them go."""
        names = list(self._reports)
        if self._takes_websites:
            names.append(WEBSITES)
        if not names:
            return
        selects = [
            f"SELECT {self.literal(name)} AS name, COUNT(*) AS held, "
            f"COUNT(CASE WHEN {self.condition(name)} THEN 1 END) AS gone FROM {self.place(name)}"
            for name in names
        ]
        for name, held, gone in (
            self.client.sql_client.execute_sql(" UNION ALL ".join(selects)) or ()
        ):
            yield str(name), (int(held), int(gone))

    def _cells(self) -> Mapping[str, tuple[int, int]]:
        """How many cells coverage has of each report, and how many of them it forgets."""
        if coverage_table.TABLE not in self.there:
            return {}
        report = self.column("report")
        found = self.client.sql_client.execute_sql(
            f"SELECT {report}, COUNT(*), "
            f"COUNT(CASE WHEN {self.condition(coverage_table.TABLE)} THEN 1 END) "
            f"FROM {self.place(coverage_table.TABLE)} GROUP BY {report}"
        )
        return {str(name): (int(held), int(gone)) for name, held, gone in found or ()}

    @property
    def _takes_websites(self) -> bool:
        """Whether the websites go from the list of them, too."""
        return not self.part.reports and WEBSITES in self.there

    # -- SQL

    def condition(self, name: str) -> str:
        """SQL for the rows of a table that are of the part."""
        of_website = "id" if name == WEBSITES else "website_id"
        chosen = {of_website: self.part.websites}
        if name in OF_CELLS:
            chosen["report"] = self.part.reports
        conditions = [
            f"{self.column(column)} IN ({', '.join(map(self.literal, names))})"
            for column, names in chosen.items()
            if names
        ]
        return " AND ".join(conditions) or "1 = 1"
