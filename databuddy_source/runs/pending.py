"""dlt's load packages after a kill: begun again from their first job, or set aside.

dlt goes on with the jobs of a package where a killed process stopped. Rows that reached the
staging dataset a moment before, and were not yet noted as there, would come twice. So a copy of
each package is kept until it is loaded, and a package that was interrupted starts from it: its
staging tables are emptied, and replacing a partition once more does no harm.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import dlt

from databuddy_source.dlt_seam import (
    DestinationTerminalException,
    LoadClientJobRetry,
    PipelineStepFailed,
    begin_jobs_again,
    extracted_packages,
    folders_of_packages,
    normalized_packages,
    packages_that_wait,
)

MOST_RUNS = 3
"""Runs in which a package may fail for a reason that could pass, before it is set aside."""

_INTERRUPTED = ".interrupted"


def keep(pipeline: dlt.Pipeline) -> None:
    """Copy what is ready to be loaded. Rows are linked, not copied. What a plain `pipeline.run` had
    begun to load has no copy: it begins anew."""
    for load_id in pipeline.list_normalized_load_packages():
        copy = _copies(pipeline) / load_id
        if not copy.exists():
            begin_jobs_again(normalized_packages(pipeline) / load_id)
            _copy(normalized_packages(pipeline) / load_id, copy, pipeline)


def begin_again(pipeline: dlt.Pipeline) -> None:
    """Put interrupted packages back to what they were before the step that was cut off."""
    for load_id in pipeline.list_normalized_load_packages():
        # dlt makes the normalized package appear first, and deletes the extracted one after it
        shutil.rmtree(extracted_packages(pipeline) / load_id, ignore_errors=True)
        copy = _copies(pipeline) / load_id
        if copy.exists():
            interrupted = _interrupted(copy)
            shutil.rmtree(interrupted, ignore_errors=True)
            (normalized_packages(pipeline) / load_id).rename(interrupted)
    # also what an earlier call, killed by now, had moved out of the way
    for interrupted in _copies(pipeline).glob(f"*{_INTERRUPTED}"):
        load_id = interrupted.name.removesuffix(_INTERRUPTED)
        place = normalized_packages(pipeline) / load_id
        if not place.exists():
            _copy(_copies(pipeline) / load_id, place, pipeline)
        shutil.rmtree(interrupted)


def forget(pipeline: dlt.Pipeline) -> None:
    """Delete the copies of packages that are loaded."""
    pending = set(pipeline.list_normalized_load_packages())
    if not pending:
        shutil.rmtree(_copies(pipeline), ignore_errors=True)
        return
    for copy in _copies(pipeline).glob("*"):
        if not copy.name.startswith(tuple(pending)):
            shutil.rmtree(copy) if copy.is_dir() else copy.unlink()


def is_hopeless(pipeline: dlt.Pipeline, failure: PipelineStepFailed) -> bool:
    """Whether trying again is of no use, rather than that the warehouse is out of reach."""
    cause: BaseException | None = failure.exception
    while cause is not None:
        if isinstance(cause, LoadClientJobRetry):
            return _count(pipeline, cause.load_id) >= MOST_RUNS
        if isinstance(cause, KeyboardInterrupt | OSError):
            return False
        if isinstance(cause, DestinationTerminalException):
            return True
        cause = cause.__cause__
    return failure.step == "normalize"


def set_aside(pipeline: dlt.Pipeline, *, damaged: bool = False) -> Path:
    """Move all pending packages to where nobody looks for them. Returns where that is.

    Args:
        pipeline: whose packages they are.
        damaged: dlt cannot read them, so neither can it take back what it knew before them: it
            forgets its state, which the warehouse has, too.
    """
    first = next(packages_that_wait(pipeline)).name
    kept = Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.set_aside" / first
    for folder in folders_of_packages(pipeline):
        if folder.exists():
            shutil.copytree(folder, kept / folder.name, dirs_exist_ok=True)
    if damaged:
        pipeline.drop()
        pipeline.activate()
    else:
        pipeline.abort_packages()
    return kept


def _count(pipeline: dlt.Pipeline, load_id: str) -> int:
    """In how many runs the package failed by now, this one included."""
    file = _copies(pipeline) / f"{load_id}.runs"
    runs = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(runs))
    return runs


def _copies(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.pipelines_dir) / f"{pipeline.pipeline_name}.loading"


def _interrupted(copy: Path) -> Path:
    return copy.with_name(copy.name + _INTERRUPTED)


def _copy(package: Path, target: Path, pipeline: dlt.Pipeline) -> None:
    """Make the whole copy appear at once."""
    unfinished = _copies(pipeline) / f"{package.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(package, unfinished, copy_function=_link_rows)
    unfinished.rename(target)


def _link_rows(source: str, target: str) -> None:
    """A second name for a file of rows, which nobody changes; a copy of all else."""
    if source.endswith(".parquet"):
        try:
            os.link(source, target)
        except OSError:  # a file system without links
            pass
        else:
            return
    shutil.copy2(source, target)
