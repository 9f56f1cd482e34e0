"""A dataset beside another one, into which its days are loaded in another time zone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Final

import dlt

from databuddy_source.clock import today
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.lacking import Lacking, answered, lacking
from databuddy_source.coverage.parts import parts_of_tables
from databuddy_source.coverage.queries import query_coverage
from databuddy_source.coverage.reading import BROUGHT
from databuddy_source.extract.definitions import (
    other_zones,
    refuse_other_zones,
    refuse_utc_only,
)
from databuddy_source.extract.session import Extraction
from databuddy_source.model.windows import Grain
from databuddy_source.runs import pending
from databuddy_source.runs.plan import Wanted, wanted
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.dataset import schema_of
from databuddy_source.warehouse.exchange import (
    is_there,
    is_unfilled,
    refuse_foreign,
    refuse_one_staging,
    refuse_same_names,
    refuse_taken,
    refuse_unchangeable,
)
from databuddy_source.warehouse.learnt import learn, whole_schema

FOLDER: Final = "rebuild"
"""Where the local state of what is loaded beside lies, in the folder of the dataset's."""


class Beside:
    """What is loaded beside a dataset.

    Args:
        pipeline: whose dataset it is.
        settings: with the new time zone.
        dataset: to load into. Default: the dataset's name with `_rebuild`.
        keep_as: dataset for the old tables; "" for none. Default: the dataset's name with
            `_before`.

    Raises:
        BadConfiguration: two of the datasets have one name.
        UnfitDestination: the warehouse cannot change places whole or not at all.
    """

    def __init__(
        self, pipeline: dlt.Pipeline, settings: Settings, dataset: str | None, keep_as: str | None
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings
        old = pipeline.dataset_name
        self.zone = settings.timezone
        self.dataset = dataset or f"{old}_rebuild"
        self.keep_as = f"{old}_before" if keep_as is None else keep_as
        refuse_same_names(old, self.dataset, self.keep_as)
        dlt_defaults.for_pipeline(pipeline)
        refuse_unchangeable(pipeline)
        if not pipeline.default_schema_name:
            pipeline.sync_destination()
        if not pipeline.default_schema_name:
            learn(pipeline)

    @contextmanager
    def opened(self, *, look: bool = False) -> Iterator[dlt.Pipeline]:
        """A pipeline of the same name, so that the same configuration is its own, into the dataset
        beside.

        Args:
            look: leave nothing behind.
        """
        pipeline = self._pipeline
        home = Path(pipeline.pipelines_dir) / FOLDER / self.dataset
        self._begun_here = any((home / pipeline.pipeline_name / "schemas").glob("*"))
        with ExitStack() as stack:
            if look:
                prefix = "databuddy-"
                home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
            other = dlt.pipeline(
                pipeline.pipeline_name,
                # a lease is noted at the destination
                destination=copy(pipeline.destination),
                dataset_name=self.dataset,
                pipelines_dir=str(home),
            )
            stack.callback(pipeline.activate)
            stack.callback(other.deactivate)
            dlt_defaults.for_pipeline(other)
            yield other

    def other_zones(self) -> list[str]:
        """The zones of the dataset's days that are not those of the new zone."""
        return other_zones(parts_of_tables(self._pipeline), self.zone)

    def begin(self, other: dlt.Pipeline) -> None:
        """Make sure that the dataset beside is ours, and that its columns will be those of the old
        one.

        Raises:
            BadConfiguration: somebody else's dataset is in the way.
            UnfitDestination: both would have one staging dataset.
            OtherDays: it was begun in yet another zone.
        """
        refuse_one_staging(self._pipeline)
        if self.keep_as:
            refuse_taken(self._pipeline, self.keep_as)
        if not is_there(self._pipeline, self.dataset):
            other.drop()  # what an earlier call left here of a dataset that is gone
            pending.forget(other)
            self._know_columns(other)
            return
        if not other.default_schema_name:
            other.sync_destination()
        if not (other.default_schema_name or self._begun_here):
            if not is_unfilled(self._pipeline, self.dataset):
                refuse_foreign(self.dataset)
            # killed before anything was loaded, and its local state is lost
            self._know_columns(other)
        refuse_other_zones(self.dataset, parts_of_tables(other), self.zone)

    def _know_columns(self, other: dlt.Pipeline) -> None:
        schema = whole_schema(self._pipeline) or schema_of(self._pipeline)
        other.schemas.save_schema(schema.clone())

    def chosen(self, other: dlt.Pipeline) -> tuple[Extraction, Wanted]:
        """The days to load, by the scope of an extraction, and what of the server's.

        Raises:
            OtherDays: the server knows UTC days only.
        """
        extraction = Extraction(self._settings, Scope(since=self._first_day()), other)
        refuse_utc_only(extraction.server.generation, self.zone)
        return extraction, wanted(extraction)

    def left_out(self, chosen: Wanted) -> list[Lacking]:
        """What the dataset has data for and nobody would load."""
        places = {(id_, report.name) for report, ids in chosen for id_ in ids}
        found = lacking(answered(self._pipeline), {})
        return [each for each in found if (each.website_id, each.report) not in places]

    def _first_day(self) -> date:
        """The day in the new zone with which the oldest window begins; of weeks and months any
        day will do."""
        found = query_coverage(
            self._pipeline,
            "SELECT grain, MIN(window_start), MIN(window_end) FROM {table} "
            f"WHERE status IN ({BROUGHT}) GROUP BY grain",
        )
        whole = {Grain.WEEK, Grain.MONTH}
        instants = [
            end - timedelta(seconds=1) if grain in whole else start for grain, start, end in found
        ]
        days = (today(self.zone, each.astimezone(UTC)) for each in instants)
        return min(days, default=today(self.zone))
