"""The generated files of a dbt project: staging models, sources, tests and descriptions. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from databuddy_source.answers.dbt.metrics import IS_UNKNOWN, measured, semantic
from databuddy_source.answers.dbt.models import COVERAGE, OURS, WEBSITES, Column, Model
from databuddy_source.answers.dbt.texts import as_yaml, headed, literal
from databuddy_source.coverage.views import CELL_STATES
from databuddy_source.model.windows import Grain

NAME: Final = "databuddy"
"""Of the project, its profile and its source."""

DBT: Final = [">=1.11.0", "<2.0.0"]
"""The versions of dbt that may read it: 1.11 was tried, and 2 is another program."""

LOADS: Final = "_dlt_loads"

SPINES: Final = f"{NAME}__time_spine"
SPINE: Final = "date_day"
"""The model of all days that metrics need, and its column."""

FRESH: Final[Mapping[Grain, tuple[int, int]]] = {
    Grain.HOUR: (6, 30),
    Grain.DAY: (36, 60),
    Grain.WEEK: (7 * 24 + 36, 7 * 24 + 60),
    Grain.MONTH: (31 * 24 + 36, 31 * 24 + 60),
}
"""Hours after the end of the newest finished window after which a report is old, and too old: a
window's length, and what a sync a day may be late."""

LONGEST: Final = 63
"""Letters of a name that each warehouse takes."""

_TYPES: Final = {
    "text": "dbt.type_string()",
    "bigint": "dbt.type_bigint()",
    "double": "dbt.type_float()",
    "timestamp": "dbt.type_timestamp()",
    "bool": "dbt.type_boolean()",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables are.

    Attributes:
        kind: of the destination: duckdb, postgres, bigquery or snowflake.
        dataset: as the warehouse spells it.
        file: of DuckDB.
        sundays: whether weeks begin on Sunday, and not on Monday.
    """

    kind: str
    dataset: str
    file: Path | None = None
    sundays: bool = False


_VARIABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "postgres": {
        "host": ("PGHOST", "localhost"),
        "port": ("PGPORT | as_number", "5432"),
        "user": ("PGUSER", None),
        "password": ("PGPASSWORD", None),
        "dbname": ("PGDATABASE", None),
    },
    "bigquery": {
        "method": ("BIGQUERY_METHOD", "oauth"),
        "project": ("BIGQUERY_PROJECT", None),
        "location": ("BIGQUERY_LOCATION", "US"),
    },
    "snowflake": {
        "account": ("SNOWFLAKE_ACCOUNT", None),
        "user": ("SNOWFLAKE_USER", None),
        "password": ("SNOWFLAKE_PASSWORD", None),
        "role": ("SNOWFLAKE_ROLE", "PUBLIC"),
        "warehouse": ("SNOWFLAKE_WAREHOUSE", None),
        "database": ("SNOWFLAKE_DATABASE", None),
    },
}
"""By kind, the keys of a profile, the variables that they are read from, and their defaults."""

KINDS: Final = frozenset({"duckdb", *_VARIABLES})
"""The destinations of which there are profiles."""


def staged(name: str) -> str:
    """What the staging model of a table is called."""
    return _short(f"stg_{NAME}__{name}")


def behind(name: str) -> str:
    """What the model behind the metrics of a report is called."""
    return _short(f"met_{NAME}__{name}")


def _short(name: str) -> str:
    """The name, or so much of it that Postgres takes it, with what tells it from others."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}_{digest}"


def generated(models: Sequence[Model], marts: Sequence[Model], place: Place) -> dict[str, str]:
    """The texts of the files that depend on what is loaded, by their place in the project.

    Args:
        models: of the tables and views that are there.
        marts: that may be made of them.
        place: where they are.
    """
    reports = measured(models)
    return {
        "dbt_project.yml": as_yaml(_project(models, place)),
        "models/staging/_sources.yml": as_yaml(_sources(models)),
        "models/staging/_models.yml": as_yaml(
            {"version": 2, "models": [_model(staged(each.name), each) for each in models]}
        ),
        "models/marts/_models.yml": as_yaml(
            {"version": 2, "models": [_model(each.name, each) for each in marts]}
        ),
        "models/metrics/_models.yml": as_yaml(
            {"version": 2, "models": [_described_only(behind(each.name), each) for each in reports]}
        ),
        "models/metrics/_metrics.yml": as_yaml(semantic(reports, staged, behind)),
        **{f"models/staging/{staged(each.name)}.sql": _staging(each) for each in models},
        **{f"models/metrics/{behind(each.name)}.sql": _measured(each) for each in reports},
    }


def profile(place: Place) -> str:
    """The text of a profile that reads the warehouse's place, and no secret is in it.

    Args:
        place: where the tables are.
    """
    own: dict[str, Any] = {"type": place.kind}
    if place.file:
        own["path"] = _variable("DATABUDDY_DUCKDB", str(place.file))
    for key, (variable, default) in _VARIABLES.get(place.kind, {}).items():
        own[key] = _variable(variable, default)
    own |= {"schema": _variable("DBT_SCHEMA", f"{place.dataset}_dbt"), "threads": 4}
    if place.file:
        own["threads"] = 1
    return as_yaml(
        {NAME: {"target": "dev", "outputs": {"dev": own}}},
        "Where dbt finds the warehouse. Kept as it is when the project is written anew.",
    )


def _variable(name: str, default: str | None) -> str:
    name, _, behind = name.partition(" ")
    words = ", ".join(literal(each) for each in (name, default) if each is not None)
    return f"{{{{ env_var({words}){' ' + behind if behind else ''} }}}}"


def _project(models: Sequence[Model], place: Place) -> Mapping[str, Any]:
    return {
        "name": NAME,
        "version": "1.0.0",
        "config-version": 2,
        "profile": NAME,
        "require-dbt-version": DBT,
        "flags": {
            "require_generic_test_arguments_property": True,
            "send_anonymous_usage_stats": False,
        },
        "vars": {
            f"{NAME}_schema": place.dataset,
            f"{NAME}_weeks": "sunday" if place.sundays else "iso",
            **{f"{NAME}__using_{each.name}": True for each in models if each.name not in OURS},
        },
        "models": {
            NAME: {
                "staging": {"+materialized": "view"},
                "metrics": {"+materialized": "view"},
                "marts": {"+materialized": "table"},
            }
        },
    }


def _sources(models: Sequence[Model]) -> Mapping[str, Any]:
    loads = {
        "name": LOADS,
        "description": "The loads of dlt: what is of one that is not done is not to be believed.",
    }
    return {
        "version": 2,
        "sources": [
            {
                "name": NAME,
                "description": "What databuddy-source loads.",
                "database": f"{{{{ var('{NAME}_database', target.database) }}}}",
                "schema": f"{{{{ var('{NAME}_schema') }}}}",
                "tables": [*map(_source, models), loads],
            }
        ],
    }


def _source(model: Model) -> Mapping[str, Any]:
    return {
        "name": model.name,
        "description": model.about,
        **(
            {"config": _freshness(model.name, model.grain)} if model.grain and model.goes_on else {}
        ),
        "columns": [
            {"name": each.name, "description": each.about}
            for each in model.columns
            if not each.lacking
        ],
    }


def _freshness(report: str, grain: Grain) -> Mapping[str, Any]:
    warn, error = FRESH[grain]
    return {
        "freshness": {
            "warn_after": {"count": warn, "period": "hour"},
            "error_after": {"count": error, "period": "hour"},
        },
        "loaded_at_query": f"{{{{ newest_finished(this, {literal(report)}) }}}}",
    }


def _model(name: str, model: Model) -> Mapping[str, Any]:
    tests = list(_tests(model))
    return {
        "name": name,
        "description": model.about,
        **({"data_tests": tests} if tests else {}),
        **({"time_spine": {"standard_granularity_column": SPINE}} if model.name == SPINES else {}),
        "columns": [_described(each, model) for each in model.columns],
    }


def _described_only(name: str, model: Model) -> Mapping[str, Any]:
    """A model whose tests are those of the one that it reads."""
    columns = [Column(each.name, each.about) for each in model.columns]
    return _model(name, replace(model, key=(), grain=None, columns=columns))


def _tests(model: Model) -> Iterator[Mapping[str, Any]]:
    """Of a whole model."""
    if model.key:
        yield {"unique_in_partition": {"arguments": {"key": list(model.key)}}}
    if model.grain:
        yield {"rows_as_recorded": {"arguments": {"report": model.name}}}
        yield {"cells_have_their_rows": {"arguments": {"report": model.name}}}
    if model.name == CELL_STATES:
        for state in ("truncated", "suspect", "failed", "missing"):
            yield {"no_cell_is": {"name": f"no_cell_is_{state}", "arguments": {"state": state}}}


def _described(column: Column, model: Model) -> Mapping[str, Any]:
    tests: list[Any] = []
    if column.values:
        tests.append({"accepted_values": {"arguments": {"values": list(column.values)}}})
    if column.name in model.key and column.name in {"id", "website_id", "date", "hour", "report"}:
        tests.append("not_null")
    if column.name == "website_id" and (model.grain or model.name == COVERAGE):
        to = f"ref('{staged(WEBSITES)}')"
        tests.append({"relationships": {"arguments": {"to": to, "field": "id"}}})
    return {
        "name": column.name,
        "description": column.about,
        **({"granularity": "day"} if model.name == SPINES else {}),
        **({"data_tests": tests} if tests else {}),
    }


def _staging(model: Model) -> str:
    chosen = ",\n".join(f"    {_chosen(each)}" for each in model.columns)
    where = ""
    if model.name == COVERAGE:
        done = f"select load_id from {{{{ source('{NAME}', '{LOADS}') }}}} where status = 0"
        where = f"\nwhere _dlt_load_id in ({done})"
    source = f"{{{{ source('{NAME}', {literal(model.name)}) }}}}"
    return headed("model.sql", f"select\n{chosen}\nfrom {source}{where}\n")


def _chosen(column: Column) -> str:
    name = f"{{{{ quoted({literal(column.name)}) }}}}"
    return f"cast(null as {{{{ {_TYPES[column.lacking]} }}}}) as {name}" if column.lacking else name


def _measured(model: Model) -> str:
    names = ", ".join(literal(each.name) for each in model.columns if each is not IS_UNKNOWN)
    call = f"measured({literal(staged(model.name))}, {literal(model.name)}, [{names}])"
    return headed("model.sql", f"{{{{ {call} }}}}\n")
