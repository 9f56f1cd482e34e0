"""Metrics for dbt's semantic layer that give a right number or none. Pure.

MetricFlow lets everything be summed up that has a sum. So nothing has one that must not: each
metric is its value where what is in the group may be put together, and null where it may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from databuddy_source.answers.dbt.models import WEBSITES, Column, Model
from databuddy_source.coverage.views import CELL_STATES
from databuddy_source.model.query_types import Kind
from databuddy_source.model.windows import Grain

TIME: Final = "date"
ROWS: Final = "rows"
CELLS: Final = "cells"
WINDOWS: Final = "windows"
UNKNOWN: Final = "unknown"
CURRENCIES: Final = "currencies"
CURRENCY: Final = "currency"

IS_UNKNOWN: Final = Column(
    "is_unknown",
    "1 where the window of the row failed, is missing, truncated or suspect (see cell_states), "
    "else 0. Such a window that has no rows has one here, of nulls.",
)
"""What the model behind the metrics of a report has beside the columns of its table."""


@dataclass(frozen=True, slots=True)
class Guard:
    """When a metric is shown.

    Attributes:
        counts: what is counted in the group.
        shown: the condition, with the counts in braces.
        null: when it is not, in words.
    """

    counts: Sequence[str]
    shown: str
    null: str


_ALL_KNOWN: Final = Guard(
    [UNKNOWN], "{unknown} = 0", "a window of the group failed, is missing, truncated or suspect"
)
_ONE_ROW: Final = Guard([ROWS], "{rows} = 1", "more than one row is in the group")
_ONE_CELL: Final = Guard([CELLS], "{cells} = 1", "more than one website and window is in the group")
_ONE_WINDOW: Final = Guard([WINDOWS], "{windows} = 1", "more than one window is in the group")
_ONE_CURRENCY: Final = Guard(
    [CURRENCIES], "{currencies} <= 1", "more than one currency is in the group"
)

GUARDS: Final[Mapping[Kind | None, Guard]] = {
    Kind.UNIQUE: _ONE_ROW,
    Kind.WHOLE: _ONE_ROW,
    Kind.NUMBER: _ONE_ROW,
    Kind.COUNT_OVER_ROWS: _ONE_CELL,
    Kind.COUNT_OVER_WINDOWS: Guard(
        [ROWS, CELLS], "{rows} = {cells}", "more than one row of each window is in the group"
    ),
}
"""Of columns that have no plain sum."""

CUT_APART: Final = frozenset({Grain.WEEK})
"""Windows that longer ones are not made of: a month begins within a week."""

_NAMES: Final = re.compile(r"[a-z](_?[a-z0-9])+")
"""What MetricFlow takes for a name."""

_EDGES: Final = (
    "Of what was never asked for, before the first window and after the last one, nothing is in it."
)
"""Said of each metric: none can tell the first month, of which some days are loaded, from a whole
one, as MetricFlow says to none how long the group is."""

_PART: Final = "A part of other metrics, and nothing to ask for."


def measured(models: Sequence[Model]) -> list[Model]:
    """The models behind metrics: of each report of which there may be some, what is loaded and what
    of it is not known.

    Args:
        models: of the warehouse.
    """
    if not any(each.name == CELL_STATES for each in models):
        return []
    return [
        replace(each, columns=[*each.columns, IS_UNKNOWN])
        for each in models
        if each.grain not in {None, Grain.HOUR}  # for hours dbt wants a model of all hours
        and not each.is_log
        and _NAMES.fullmatch(each.name)
        and any(_is_measured(column) for column in each.columns)
    ]


def semantic(
    reports: Sequence[Model], staged: Callable[[str], str], behind: Callable[[str], str]
) -> Mapping[str, Any]:
    """The semantic models and metrics of the reports that are loaded.

    Args:
        reports: see `measured`.
        staged: gives the name of the staging model of a table.
        behind: gives the name of the model behind the metrics of a report.
    """
    websites = {
        "name": WEBSITES,
        "model": f"ref('{staged(WEBSITES)}')",
        "entities": [{"name": "website", "type": "primary", "expr": "id"}],
        "dimensions": [{"name": "domain", "type": "categorical"}],
    }
    return {
        "version": 2,
        "semantic_models": [
            websites,
            *(_semantic_model(each, behind(each.name)) for each in reports),
        ],
        "metrics": [metric for each in reports for metric in _metrics(each)],
    }


def metric_name(report: str, column: str) -> str:
    """What the metric of a report's column is called."""
    return f"{column}_of_{report}"


def _is_measured(column: Column) -> bool:
    is_number = column.kind in {Kind.COUNT, Kind.AMOUNT} or column.kind in GUARDS
    return is_number and _NAMES.fullmatch(column.name) is not None


def _has_currency(model: Model) -> bool:
    return any(each.name == CURRENCY for each in model.columns)


def _guards(column: Column, model: Model) -> Iterator[Guard]:
    yield _ALL_KNOWN
    if model.grain in CUT_APART:
        yield _ONE_WINDOW
    if column.kind is Kind.AMOUNT and _has_currency(model):
        yield _ONE_CURRENCY
    if column.kind in GUARDS and not column.weight:
        yield GUARDS[column.kind]


def _semantic_model(model: Model, behind: str) -> Mapping[str, Any]:
    dimensions: list[Mapping[str, Any]] = [
        {
            "name": TIME,
            "type": "time",
            "type_params": {"time_granularity": str(model.grain)},
        }
    ]
    dimensions += [
        {"name": each.name, "type": "categorical"}
        for each in model.columns
        if each.kind is Kind.TEXT and _NAMES.fullmatch(each.name)
    ]
    return {
        "name": f"databuddy_{model.name}",  # as no report's name is one, `week` would be refused
        "description": model.about,
        "model": f"ref('{behind}')",
        "defaults": {"agg_time_dimension": TIME},
        "primary_entity": f"{model.name}_row",
        "entities": [{"name": "website", "type": "foreign", "expr": "website_id"}],
        "dimensions": dimensions,
        "measures": list(_measures(model)),
    }


def _measures(model: Model) -> Iterator[Mapping[str, Any]]:
    cell = f"concat(website_id, '|', {TIME})"
    counted = {
        ROWS: ("sum", "1"),
        CELLS: ("count_distinct", cell),
        WINDOWS: ("count_distinct", TIME),
        UNKNOWN: ("max", IS_UNKNOWN.name),
    }
    amounts = [
        each.name for each in filter(_is_measured, model.columns) if each.kind is Kind.AMOUNT
    ]
    if amounts and _has_currency(model):
        # one that nobody knows is one of its own; where nothing was paid there is none
        paid = " or ".join(f"{name} <> 0" for name in amounts)
        counted[CURRENCIES] = (
            "count_distinct",
            f"case when {paid} then coalesce({CURRENCY}, 'not known') end",
        )
    for name, (agg, expr) in counted.items():
        yield {"name": metric_name(model.name, name), "agg": agg, "expr": expr}
    for each in filter(_is_measured, model.columns):
        name = metric_name(model.name, each.name)
        if each.weight:
            yield {"name": name, "agg": "sum", "expr": f"{each.name} * {each.weight}"}
            weight = f"case when {each.name} is not null then {each.weight} end"
            yield {"name": f"weight_of_{name}", "agg": "sum", "expr": weight}
        else:
            is_alone = GUARDS.get(each.kind) is _ONE_ROW
            yield {"name": name, "agg": "max" if is_alone else "sum", "expr": each.name}


def _metrics(model: Model) -> Iterator[Mapping[str, Any]]:
    parts: dict[str, str] = {}
    for each in filter(_is_measured, model.columns):
        name = metric_name(model.name, each.name)
        yield {"name": name, "label": f"{model.name} {each.name}", **_guarded(each, model, parts)}
    for name, measure in parts.items():
        yield {
            "name": name,
            "label": name.replace("_", " "),
            "description": _PART,
            "type": "simple",
            "type_params": {"measure": measure},
        }


def _guarded(column: Column, model: Model, parts: dict[str, str]) -> Mapping[str, Any]:
    """A metric that is null where the group is not of what it may be shown for.

    Args:
        column: of the model.
        model: of a report.
        parts: gets the metrics that it is made of, and their measures.
    """
    name = metric_name(model.name, column.name)
    if column.weight:
        made = {f"weighted_{name}": name, f"weight_of_{name}": f"weight_of_{name}"}
        value = "{} / nullif({}, 0)".format(*made)
    else:
        made = {f"any_{name}": name}
        value = f"any_{name}"
    guards = list(_guards(column, model))
    counted = {count: metric_name(model.name, count) for each in guards for count in each.counts}
    made |= {count: count for count in counted.values()}
    parts |= made
    shown = " and ".join(each.shown for each in guards).format(**counted)
    about = f"{column.about} Null where {', or '.join(each.null for each in guards)}. {_EDGES}"
    if column.instead:
        asked = " or ".join(metric_name(*each.split(".")) for each in column.instead)
        about += f" The metric of longer windows is {asked}."
    return {
        "description": about,
        "type": "derived",
        "type_params": {
            "expr": f"case when {shown} then {value} end",
            "metrics": [{"name": each} for each in made],
        },
    }
