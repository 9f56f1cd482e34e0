"""What a dbt project has models of: the tables of reports, ours and the views, as far as they are
loaded, and what is made of them, each with what its columns mean."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

import dlt

from databuddy_source.answers.dbt.texts import can_be_named
from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.reading import Tables, coverage_rows, grain_of
from databuddy_source.coverage.views import NEEDS
from databuddy_source.extract.descriptions import words_of_column, words_of_table
from databuddy_source.model.generations import Generation
from databuddy_source.model.meanings import asked_instead, meaning_of
from databuddy_source.model.query_types import Kind, Shape, load_catalog
from databuddy_source.model.reports import Report
from databuddy_source.model.windows import Grain
from databuddy_source.tables.hints import partition_of
from databuddy_source.tables.layout import TOMBSTONE, Layout, type_name

PACKAGE: Final = files(__package__).joinpath("package")
"""What is written by hand."""

COVERAGE: Final = "coverage"
WEBSITES: Final = "websites"
OURS: Final = (WEBSITES, COVERAGE, "query_types", "restatements")
"""Tables that are no reports."""

ABOUT: Final = {COVERAGE: coverage_table.DESCRIPTION, "restatements": restatements.DESCRIPTION}
"""What ours are about, where no row came yet that would have told the warehouse."""

_BEFORE: Final = "_before"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a model.

    Attributes:
        about: what it means.
        lacking: dlt's name of its type, where the table has no such column; empty where it has.
        values: what it may hold, where that is known.
        kind: of a report's column, what it holds; None where the catalogue does not know.
        weight: the column with which averages may be combined; empty where none may.
        instead: the reports and columns that have the number of a longer window.
    """

    name: str
    about: str
    lacking: str = ""
    values: Sequence[str] = ()
    kind: Kind | None = None
    weight: str = ""
    instead: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A table or a view of the warehouse, or what is made of such ones.

    Attributes:
        about: what a row of it is about.
        columns: in order.
        key: columns that are together different in each row; empty where none are.
        grain: length of the windows of a report; None for what is no report.
        is_log: whether its rows are single things that happened.
        goes_on: whether it is still loaded, as far as is known, so that it may be old.
    """

    name: str
    about: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    grain: Grain | None = None
    is_log: bool = False
    goes_on: bool = True


@cache
def _written() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(PACKAGE.joinpath("models.toml").read_text(encoding="utf-8"))


def _meant(name: str) -> dict[str, str]:
    """What the columns of a model mean; what it is like comes first."""
    entry = _written()[name]
    behind = _meant(entry["like"]) if "like" in entry else {}
    return {**behind, **entry.get("columns", {})}


def loaded(tables: Tables, schema: dlt.Schema) -> list[Model]:
    """The tables and views that are there, ours first.

    Args:
        tables: that are open.
        schema: of them.
    """
    there = {
        str(table["name"]): {
            name: hints.get("description") or ""
            for name, hints in table["columns"].items()
            if "data_type" in hints and name != TOMBSTONE and can_be_named(name)
        }
        for table in schema.data_tables(seen_data_only=True)
    }
    about = {name: schema.tables[name].get("description") or "" for name in there}
    return [
        *(_ours(name, about[name], there[name]) for name in OURS if name in there),
        *(_view(name, has) for name in NEEDS if (has := tables.columns(name))),
        *(
            _of_report(reports, Layout.of(reports[0], schema), there[name])
            for name, reports in sorted(_reports(tables).items())
            if name in there
        ),
    ]


def begins_on_sunday(tables: Tables) -> bool:
    """Whether the weeks that are loaded begin on Sunday, and not on Monday.

    Args:
        tables: that are open.
    """
    ((first,),) = coverage_rows(tables, "SELECT MIN(date) FROM {table} WHERE grain = 'week'")
    return first is not None and first.isoweekday() == 7


def marts(models: Sequence[Model]) -> Iterator[Model]:
    """What may be made of the models that are loaded.

    Args:
        models: see `loaded`.
    """
    held = {each.name: each for each in models}
    for name, entry in _written().items():
        if "from" in entry and {*entry["from"], WEBSITES, COVERAGE} <= held.keys():
            columns = [Column(column, about) for column, about in _meant(name).items()]
            if "over" in entry:
                columns = [*held[entry["over"]].columns, *columns]
            yield Model(name, entry["about"], columns, entry["key"])


def _ours(name: str, about: str, there: Mapping[str, str]) -> Model:
    entry = _written()[name]
    columns = [_column(name, column, said) for column, said in there.items()]
    return Model(name, about or ABOUT[name], columns, entry.get("key", ()))


def _view(name: str, there: Collection[str]) -> Model:
    entry = _written()[name]
    columns = [
        _column(name, column, said) for column, said in _meant(name).items() if column in there
    ]
    before = [
        Column(each.name + _BEFORE, f"Of the window before: {each.about}")
        for each in columns
        if each.name + _BEFORE in there
    ]
    return Model(name, entry["about"], [*columns, *before], entry["key"])


def _column(model: str, name: str, about: str) -> Column:
    values = _written()[model].get("values", {})
    return Column(name, about, values=values.get(name, ()))


def _reports(tables: Tables) -> Mapping[str, list[Report]]:
    """By name, each report that was loaded, as each generation of servers has it that was asked;
    the newest first."""
    found: dict[str, list[Report]] = defaultdict(list)
    rows = coverage_rows(
        tables, "SELECT DISTINCT report, query_type, grain, {generation} FROM {table}"
    )
    for name, query_type, grain, told in sorted(rows, key=lambda row: row[3] or "", reverse=True):
        asked = next((each for each in Generation if each == told), min(Generation))
        found[name].append(Report(name, load_catalog().get(query_type).on(asked), grain_of(grain)))
    return found


def _of_report(reports: Sequence[Report], layout: Layout, there: Mapping[str, str]) -> Model:
    """The table of a report; columns that it has not, since nothing but null came, or which a mart
    reads all the same, are lacking."""
    report = reports[0]
    knowing = {name: each for each in reversed(reports) for name in each.query_type.columns}
    columns = []
    for name, said in there.items():
        called = layout.names.get(name, name)
        known = knowing.get(called)
        if known and known.query_type.columns[called] is not Kind.DATE:  # which fills our column
            columns.append(_known(known, layout, called))
        else:
            columns.append(Column(name, said))
    for called, kind in report.query_type.columns.items():
        name = layout.column(called) or called
        if name not in there and kind is not Kind.DATE:
            columns.append(replace(_known(report, layout, called), lacking=type_name(kind)))
    for name in _needed(report.name) - {each.name for each in columns}:
        columns.append(Column(name, "The servers that were asked do not send it.", "text"))
    is_log = report.query_type.shape is Shape.LOG
    return Model(report.name, words_of_table(report), columns, _key(reports), report.grain, is_log)


def _known(report: Report, layout: Layout, called: str) -> Column:
    """A column that the catalogue knows."""
    query_type = report.query_type
    meaning = meaning_of(query_type, called)
    return Column(
        layout.column(called) or called,
        words_of_column(report, layout, called),
        kind=query_type.columns[called],
        weight=meaning.weight if meaning else "",
        instead=asked_instead(query_type, called, report.grain, layout.spelled),
    )


def _needed(report: str) -> set[str]:
    return {
        name for entry in _written().values() for name in entry.get("needs", {}).get(report, ())
    }


def _key(reports: Sequence[Report]) -> Sequence[str]:
    """The columns that are together different in each row, whichever server was asked."""
    keys = [name for each in reports for name in each.query_type.key]
    if not keys and any(each.query_type.shape is not Shape.SUMMARY for each in reports):
        return ()
    return tuple(dict.fromkeys([*partition_of(reports[0].grain), *keys]))
