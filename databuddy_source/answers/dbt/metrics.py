"""Metrics for dbt's semantic layer that give a right number or none. Pure.

MetricFlow lets everything be summed up that has a sum. So nothing has one that must not: such a
column is a metric that is its value where one row is in the group, and null where there are more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from databuddy_source.answers.dbt.models import WEBSITES, Column, Model
from databuddy_source.model.query_types import Kind
from databuddy_source.model.windows import Grain

TIME: Final = "date"
ROWS: Final = "rows"
CELLS: Final = "cells"
CURRENCIES: Final = "currencies"
CURRENCY: Final = "currency"


@dataclass(frozen=True, slots=True)
class Guard:
    """How a column is put together that has no plain sum.

    Attributes:
        agg: its aggregate.
        beside: what is counted beside it.
        shown: when it is shown, with the counts in braces.
        words: the same in words.
    """

    agg: str
    beside: Sequence[str]
    shown: str
    words: str


_ALONE: Final = Guard("max", [ROWS], "{rows} = 1", "one row")

GUARDS: Final[Mapping[Kind | None, Guard]] = {
    Kind.UNIQUE: _ALONE,
    Kind.WHOLE: _ALONE,
    Kind.NUMBER: _ALONE,
    Kind.COUNT_OVER_ROWS: Guard("sum", [CELLS], "{cells} = 1", "one website and window"),
    Kind.COUNT_OVER_WINDOWS: Guard(
        "sum", [ROWS, CELLS], "{rows} = {cells}", "one row of each window"
    ),
    Kind.AMOUNT: Guard("sum", [CURRENCIES], "{currencies} <= 1", "one currency"),
}

_NAMES: Final = re.compile(r"[a-z](_?[a-z0-9])+")
"""What MetricFlow takes for a name."""

_PART: Final = "A part of other metrics, and nothing to ask for."


def semantic(models: Sequence[Model], staged: Callable[[str], str]) -> Mapping[str, Any]:
    """The semantic models and metrics of the reports that are loaded.

    Args:
        models: of the warehouse.
        staged: gives the name of the staging model of a table.
    """
    reports = [
        each
        for each in models
        if each.grain not in {None, Grain.HOUR}  # for hours dbt wants a model of all hours
        and not each.is_log
        and _NAMES.fullmatch(each.name)
        and any(_measured(column) for column in each.columns)
    ]
    websites = {
        "name": WEBSITES,
        "model": f"ref('{staged(WEBSITES)}')",
        "entities": [{"name": "website", "type": "primary", "expr": "id"}],
        "dimensions": [{"name": "domain", "type": "categorical"}],
    }
    return {
        "version": 2,
        "semantic_models": [websites, *(_semantic_model(each, staged) for each in reports)],
        "metrics": [metric for each in reports for metric in _metrics(each)],
    }


def metric_name(report: str, column: str) -> str:
    """What the metric of a report's column is called."""
    return f"{column}_of_{report}"


def _measured(column: Column) -> bool:
    is_number = column.kind is Kind.COUNT or column.kind in GUARDS
    return is_number and _NAMES.fullmatch(column.name) is not None


def _is_guarded(column: Column, model: Model) -> bool:
    """Whether it is not for each group that there is a number."""
    if column.kind is Kind.AMOUNT:
        return any(each.name == CURRENCY for each in model.columns)
    return column.kind in GUARDS and not column.weight


def _semantic_model(model: Model, staged: Callable[[str], str]) -> Mapping[str, Any]:
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
        "name": model.name,
        "description": model.about,
        "model": f"ref('{staged(model.name)}')",
        "defaults": {"agg_time_dimension": TIME},
        "primary_entity": f"{model.name}_row",
        "entities": [{"name": "website", "type": "foreign", "expr": "website_id"}],
        "dimensions": dimensions,
        "measures": list(_measures(model)),
    }


def _measures(model: Model) -> Iterator[Mapping[str, Any]]:
    cell = f"concat(website_id, '|', {TIME})"
    yield {"name": metric_name(model.name, ROWS), "agg": "sum", "expr": "1"}
    yield {"name": metric_name(model.name, CELLS), "agg": "count_distinct", "expr": cell}
    if any(each.name == CURRENCY for each in model.columns):
        yield {
            "name": metric_name(model.name, CURRENCIES),
            "agg": "count_distinct",
            "expr": CURRENCY,
        }
    for each in filter(_measured, model.columns):
        name = metric_name(model.name, each.name)
        if each.weight:
            yield {"name": name, "agg": "sum", "expr": f"{each.name} * {each.weight}"}
            weight = f"case when {each.name} is not null then {each.weight} end"
            yield {"name": f"weight_of_{name}", "agg": "sum", "expr": weight}
        else:
            guard = GUARDS.get(each.kind)
            yield {"name": name, "agg": guard.agg if guard else "sum", "expr": each.name}


def _metrics(model: Model) -> Iterator[Mapping[str, Any]]:
    parts: dict[str, str] = {}
    for each in filter(_measured, model.columns):
        name = metric_name(model.name, each.name)
        said = {"name": name, "label": f"{model.name} {each.name}", "description": each.about}
        if each.weight:
            above, below = f"weighted_{name}", f"weight_of_{name}"
            parts |= {above: name, below: below}
            inside = {"numerator": above, "denominator": below}
            yield {**said, "type": "ratio", "type_params": inside}
        elif _is_guarded(each, model):
            yield {**said, **_guarded(each, model, parts)}
        else:
            yield {**said, "type": "simple", "type_params": {"measure": name}}
    for part, measure in parts.items():
        yield {
            "name": part,
            "label": part,
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
    guard = GUARDS[column.kind]
    value = f"any_{metric_name(model.name, column.name)}"
    counted = {name: metric_name(model.name, name) for name in guard.beside}
    parts |= {value: metric_name(model.name, column.name), **{n: n for n in counted.values()}}
    about = f"{column.about} Null where more than {guard.words} is in the group."
    if column.instead:
        asked = " or ".join(metric_name(*each.split(".")) for each in column.instead)
        about += f" The metric of longer windows is {asked}."
    return {
        "description": about,
        "type": "derived",
        "type_params": {
            "expr": f"case when {guard.shown.format(**counted)} then {value} end",
            "metrics": [{"name": name} for name in (value, *counted.values())],
        },
    }
