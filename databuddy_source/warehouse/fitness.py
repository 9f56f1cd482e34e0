"""Which destinations can keep what this source promises."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import dlt

from databuddy_source.dlt_seam import (
    AnyDestination,
    ConfigurationException,
    DestinationCapabilitiesContext,
    kind_of,
)
from databuddy_source.errors import UnfitDestination
from databuddy_source.tables.hints import FILE_FORMAT

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "duckdb": ("duckdb",),
    "ducklake": ("duckdb",),
    "motherduck": ("duckdb",),
    "postgres": ("psycopg2", "adbc_driver_postgresql"),
    "bigquery": ("google.cloud.bigquery",),
    "snowflake": ("snowflake.connector",),
}
"""What the extra that is called like the destination installs."""


def refuse_unfit(destination: AnyDestination) -> None:
    """Refuse, before anything is asked for, a destination that would lose or repeat rows, or whose
    extra is not installed.

    Args:
        destination: a dlt destination.

    Raises:
        UnfitDestination: says what to use instead, or to install.
    """
    kind = kind_of(destination.destination_type)
    missing = [module for module in MODULES.get(kind, ()) if not _is_installed(module)]
    if missing:
        raise UnfitDestination(
            f"The destination {kind} needs {' and '.join(missing)}, which is not installed",
            f"Install the extra: pip install '.[{kind}]' (or 'databuddy-source[{kind}]').",
        )
    if kind == "sqlalchemy" and not _is_installed(kind):
        raise UnfitDestination(
            "The destination sqlalchemy needs sqlalchemy, which is not installed",
            "Install what dlt needs for it: pip install 'dlt[sqlalchemy]'.",
        )
    capabilities = destination.capabilities()
    if "delete-insert" not in (capabilities.supported_merge_strategies or []):
        raise UnfitDestination(
            f"The destination {destination.destination_name} cannot replace the rows of a day: it "
            "would append them, or keep rows that vanished",
            f"{UnfitDestination.default_todo} For Parquet files, sync into duckdb and export: "
            "docs/destinations.md.",
        )
    if _is_sqlite(destination):
        raise UnfitDestination(
            "SQLite keeps instants as texts without a zone, and a sync could not tell which days "
            "the one before has loaded",
            "Use duckdb, which is a file, too.",
        )
    if _loads_csv(capabilities):
        raise UnfitDestination(
            f"dlt would load CSV into {destination.destination_name}, which knows no difference "
            "between an empty text and null",
            "Let dlt find the ADBC driver: install it, and do not set disable_adbc_detection.",
        )


def _is_sqlite(destination: AnyDestination) -> bool:
    """Whether it is the one of SQLAlchemy's databases that is known not to do."""
    if kind_of(destination.destination_type) != "sqlalchemy":
        return False
    config: Any = destination.configuration(destination.spec(), accept_partial=True)
    return bool(config.credentials and config.credentials.get_backend_name() == "sqlite")


def _loads_csv(capabilities: DestinationCapabilitiesContext) -> bool:
    """Whether Arrow tables would become CSV, because a driver is missing or switched off."""
    formats = list(capabilities.supported_loader_file_formats or [])
    if select := capabilities.loader_file_format_selector:
        preferred = capabilities.preferred_loader_file_format
        formats = list(select(preferred, formats, table_schema={})[1])
    return "csv" in formats and FILE_FORMAT not in formats


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a parent is missing, or is blocked
        return False


def refuse_ambiguous_name(pipeline: dlt.Pipeline) -> None:
    """Refuse a DuckDB file whose stem is the dataset's name, and a lake of that name: dlt's loads
    fail there.

    Raises:
        UnfitDestination: says what to rename.
    """
    destination = pipeline.destination
    if destination is None or kind_of(destination.destination_type) not in ("duckdb", "ducklake"):
        return
    try:
        credentials: Any = pipeline.destination_client().config.credentials
    except ConfigurationException:  # dlt says it better, with the names of what is missing
        return
    if lake := getattr(credentials, "ducklake_name", None):
        name, what = lake, f"lake {lake}"
    else:
        file = Path(str(credentials.database))
        name, what = file.stem, f"file {file.name}"
    if name == pipeline.dataset_name:
        raise UnfitDestination(
            f"DuckDB cannot tell the {what} from the dataset {pipeline.dataset_name}",
            "Give the pipeline, the file, the lake or the dataset another name.",
        )
