"""Whether a destination can do what a sync needs, and why not, in a sentence."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Final
from uuid import uuid4

import dlt
import pyarrow as pa

from databuddy_source.coverage.reading import newer_file
from databuddy_source.dlt_seam import (
    ConfigurationException,
    DestinationException,
    DestinationTransientException,
    PipelineStepFailed,
)
from databuddy_source.errors import DatabuddyError, DestinationAway, DestinationFails, causes
from databuddy_source.tables.hints import FILE_FORMAT, REPLACE_PARTITION
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.fitness import MODULES, refuse_unfit
from databuddy_source.warehouse.redaction import redacted

ADVICE: Final[Mapping[str, tuple[type[DestinationFails | DestinationAway], str]]] = {
    r"conflicting lock is held": (
        DestinationAway,
        "Wait until that process is done, then run this again.",
    ),
    r"column .*(not found|does not exist)|not have a column": (
        DestinationFails,
        "Put the column back that was dropped or renamed, or drop the table: what was in it is "
        "asked for again then.",
    ),
    r"password|authenticat|credential|invalid_grant|role .* does not exist": (
        DestinationFails,
        "Check user and password in destination.*.credentials.",
    ),
    r"permission|not authorized|privilege|access denied|read-only": (
        DestinationFails,
        "Give the user the right to create schemas (datasets) and tables: dlt makes the dataset, "
        "and another one for staging.",
    ),
    r"objects? depends? on it": (
        DestinationFails,
        "Drop the view that reads it, then run this again.",
    ),
    r"database .* does not exist": (
        DestinationFails,
        "Create the database, or name another one in destination.*.credentials.",
    ),
    r"refused|translate host|resolve|timed? ?out|unreachable|no route|terminat|closed|\bEOF\b|"
    r"reset by peer|starting up|shut|recovery mode|too many (clients|connections)|slots are": (
        DestinationAway,
        "Check host and port in destination.*.credentials and that the server runs, then run this "
        "again.",
    ),
}
"""What to do, and whether that may be to wait, by words that databases use; the first that is found
holds. Drivers raise the same error for a server that is gone and for a wrong password."""

_DRIVERS = {
    module.partition(".")[0]
    for modules in MODULES.values()
    for module in modules
    if module != "duckdb"  # a file's, whose errors are others
}


def prove(pipeline: dlt.Pipeline) -> None:
    """Create, load, merge, read and drop a table, in a dataset that is thrown away.

    Args:
        pipeline: whose destination is to be proven. Its own dataset is not touched.

    Raises:
        UnfitDestination: it cannot replace partitions.
        DestinationFails, DestinationAway: says what went wrong and what to do.
    """
    if pipeline.destination is None:
        raise DestinationFails("The pipeline has no destination", "Name one.")
    refuse_unfit(pipeline.destination)
    name = f"{pipeline.dataset_name}_check_{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix="databuddy-check-") as home:
        trial = dlt.pipeline(
            name, destination=pipeline.destination, dataset_name=name, pipelines_dir=home
        )
        dlt_defaults.for_pipeline(trial)
        try:
            _try(trial)
        except (DatabuddyError, ConfigurationException):
            raise
        except Exception as error:  # drivers have no base in common
            raise _failure(error) from None
        finally:
            trial.deactivate()
            pipeline.activate()


def _try(trial: dlt.Pipeline) -> None:
    try:
        for value in ("", "again"):
            table = pa.table({"partition": ["a"], "value": [value]})
            trial.run(
                [table],
                table_name="trial",
                write_disposition=REPLACE_PARTITION,
                loader_file_format=FILE_FORMAT,
                columns={"partition": {"merge_key": True}},
            )
        with trial.sql_client() as client:
            table_name = client.make_qualified_table_name("trial")
            column = client.escape_column_name("value")
            found = client.execute_sql(f"SELECT {column} FROM {table_name}") or []
        if [tuple(row) for row in found] != [("again",)]:
            raise DestinationFails(f"A merge into the destination left {found}")
    finally:
        if trial.default_schema_name:
            with ExitStack() as both:  # the second one, too, when the first cannot be dropped
                both.callback(_drop, trial, staging=True)
                both.callback(_drop, trial, staging=False)


def _drop(trial: dlt.Pipeline, *, staging: bool) -> None:
    with trial.sql_client() as client:
        place = client.with_staging_dataset() if staging else nullcontext(client)
        with place:
            try:
                if client.has_dataset():
                    client.drop_dataset()
            except Exception as error:  # drivers have no base in common
                words = redacted(str(error)).strip().splitlines() or [type(error).__name__]
                raise DestinationFails(
                    f"The dataset {client.dataset_name}, made for a check, cannot be dropped: "
                    f"{words[0]}",
                    "Drop it yourself, and give the user the right to.",
                ) from None


def destination_failure(error: BaseException) -> DestinationFails | DestinationAway | None:
    """The sentence for an error that came from a warehouse's server; None for any other error."""
    for cause in causes(error):
        package = type(cause).__module__.partition(".")[0]
        if isinstance(cause, DestinationException) or package in _DRIVERS:
            return _failure(error)
    return None


def _failure(error: BaseException) -> DestinationFails | DestinationAway:
    last = list(causes(error))[-1]
    words = (redacted(str(last)).strip().splitlines() or [type(last).__name__])[0]
    words = words.strip().rstrip(".")
    what = f"The destination fails: {words}"
    for said, (kind, todo) in ADVICE.items():
        if re.search(said, words, re.IGNORECASE):
            return kind(what, todo)
    if any(isinstance(each, DestinationTransientException) for each in causes(error)):
        return DestinationAway(what)
    return DestinationFails(what)


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise an error of ours as what it is: dlt wraps what a source raises.

    Raises:
        DatabuddyError: that made a step of dlt fail.
        DestinationFails, DestinationAway: the warehouse failed between the steps of dlt.
        NewerFile: the DuckDB at hand cannot read the file yet.
    """
    try:
        yield
    except Exception as error:  # drivers have no base in common
        if own := newer_file(error):
            raise own from None
        if isinstance(error, PipelineStepFailed):
            for cause in causes(error):
                if isinstance(cause, DatabuddyError):
                    # its own cause stays; as its context, the failure would lead back to it
                    raise cause from cause.__cause__
        elif not isinstance(error, DatabuddyError) and (failure := destination_failure(error)):
            raise failure from error
        raise
