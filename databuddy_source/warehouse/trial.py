"""Whether a destination can do what a sync needs, and why not, in a sentence."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
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
from databuddy_source.warehouse.advice import advised
from databuddy_source.warehouse.fitness import MODULES, refuse_unfit
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.refusals import words_of

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
    what, words = _said(error)
    if known := advised(what, words):
        return known
    if any(isinstance(each, DestinationTransientException) for each in causes(error)):
        return DestinationAway(what)
    return DestinationFails(what)


def _advice_on(error: BaseException) -> DestinationFails | DestinationAway | None:
    return advised(*_said(error)) if destination_failure(error) else None


def _said(error: BaseException) -> tuple[str, str]:
    # dlt asks for an item where it had caught the end of an iterator
    found = [each for each in causes(error) if not isinstance(each, StopIteration)]
    words = words_of(found[-1] if found else error)
    return f"The destination fails: {words}", words


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise an error of ours as what it is: dlt wraps what a source raises.

    Raises:
        DatabuddyError: that made a step of dlt fail.
        DestinationFails, DestinationAway: the warehouse failed between the steps of dlt, or in one
            of them for a reason that has a remedy.
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
            # what nobody knows stays dlt's: its next run may set aside what cannot be loaded
            if known := _advice_on(error):
                raise known from error
        elif not isinstance(error, DatabuddyError) and (failure := destination_failure(error)):
            raise failure from error
        raise
