"""What this package needs of dlt and dlt's public names do not give: each behind a name that says
what it is for, with the reason. `tests/test_dlt_seam.py` fails when dlt moves one of them.

Public are `dlt`, `dlt.sources`, and the modules of types that their signatures are written in.
Nothing else of dlt is imported anywhere but here.
"""

from __future__ import annotations

import base64
import os
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
    ValueNotSecretException,
)
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.configuration.providers.toml import (
    SettingsTomlProvider,
    TomlProviderReadException,
)
from dlt.common.configuration.resolve import inject_section, resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, ConnectionStringCredentials
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.data_writers.escape import escape_snowflake_literal
from dlt.common.destination import AnyDestination, Destination, DestinationCapabilitiesContext
from dlt.common.destination.exceptions import (
    DestinationException,
    DestinationTerminalException,
    DestinationTransientException,
    DestinationUndefinedEntity,
    UnknownDestinationModule,
)
from dlt.common.exceptions import DltException, SignalReceivedException
from dlt.common.json import json
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime import signals
from dlt.common.runtime.anon_tracker import disable_anon_tracker
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.common.schema.exceptions import TableIdentifiersFrozen
from dlt.common.schema.typing import TColumnSchema, TTableSchema
from dlt.common.schema.utils import get_root_table, new_table, verify_schema_hash
from dlt.common.storages.load_package import (
    LoadPackageStateInjectableContext,
    PackageStorage,
    ParsedLoadJobFileName,
    create_load_id,
)
from dlt.common.versioned_state import compress_state, decompress_state
from dlt.destinations.exceptions import (
    DatabaseException,
    DatabaseTerminalException,
    DatabaseTransientException,
)
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.job_impl import FinalizedLoadJobWithFollowupJobs
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract.hints import HintsMeta
from dlt.extract.incremental import Incremental
from dlt.extract.items import TableNameMeta
from dlt.extract.items_transform import LimitItem, YieldMapItem
from dlt.extract.source import SourceInjectableContext
from dlt.extract.utils import wrap_async_iterator
from dlt.load.exceptions import LoadClientJobRetry
from dlt.load.utils import get_completed_table_chain
from dlt.pipeline.configuration import PipelineConfiguration
from dlt.pipeline.exceptions import PipelineConfigMissing, PipelineStepFailed
from dlt.pipeline.state_sync import (
    bump_pipeline_state_version_if_modified,
    migrate_state_to_current,
)
from dlt.sources import DltResource, DltSource

if TYPE_CHECKING:
    from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

# dlt exports no exception but raises them at everybody; each is needed to tell what went wrong
__all__ = [
    "ConfigFieldMissingException",
    "ConfigValueCannotBeCoercedException",
    "ConfigurationException",
    "DatabaseException",
    "DatabaseTerminalException",
    "DatabaseTransientException",
    "DestinationException",
    "DestinationTerminalException",
    "DestinationTransientException",
    "DestinationUndefinedEntity",
    "DltException",
    "LoadClientJobRetry",
    "PipelineConfigMissing",
    "PipelineStepFailed",
    "SignalReceivedException",
    "TableIdentifiersFrozen",
    "TomlProviderReadException",
    "UnknownDestinationModule",
    "ValueNotSecretException",
]
# types of what public methods give and take: `pipeline.destination` and its `capabilities()`,
# `pipeline.sql_client()`, `pipeline.collector`; and the collector that shows nothing, which is
# what a pipeline has when it is given none
__all__ += [
    "NULL_COLLECTOR",
    "AnyDestination",
    "Collector",
    "DestinationCapabilitiesContext",
    "SqlClientBase",
]
# what loads a package into a database, to be derived from: no public name says when merges happen
__all__ += ["SqlJobClientBase"]


# -- configuration


def resolved(
    spec: type[BaseConfiguration], *sections: str, pipeline: str | None = None
) -> dict[str, Any]:
    """What dlt's configuration has for a specification, in these sections. `dlt.config` gives one
    key at a time, and knows neither defaults nor which key is secret. Keys of a pipeline's own
    section, `[NAME.sources.databuddy]`, win, as they do for dlt's sources: of the one that is
    named, else of the active one."""
    pipeline = pipeline or _name_of_the_active()
    context = ConfigSectionContext(pipeline_name=pipeline, sections=sections)
    with inject_section(context):
        return dict(resolve_configuration(spec()))


def resolved_for_source(spec: type[BaseConfiguration]) -> dict[str, Any]:
    """What dlt's configuration has for a specification where the source that is being made looks
    for it, which may be a section of its own. dlt fills in arguments that were not given, and takes
    a None for one that was."""
    return dict(resolve_configuration(spec()))


def origin_of(key: str, *sections: str, pipeline: str | None = None) -> str:
    """Where `resolved` finds a key, in words; empty where it does not. dlt keeps a trace with the
    values in it, of all that was ever asked for."""
    pipeline = pipeline or _name_of_the_active()
    for name in (pipeline, None) if pipeline else (None,):
        for provider in dlt.config.config_providers:
            for known in range(len(sections), -1, -1):
                value, found = provider.get_value(key, str, name or "", *sections[:known])
                if value is not None:
                    if isinstance(provider, EnvironProvider):
                        return f"the environment variable {found}"
                    return (
                        provider.get_value_location(key, name, *sections[:known]) or provider.name
                    )
    return ""


def _name_of_the_active() -> str | None:
    active = active_pipeline()
    return active.pipeline_name if active else None


def documents_of_files() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All that is in each file of the configuration, with the file's name. `dlt.config` gives what
    is asked for by its right name, and of two files the first one's alone."""
    for provider in dlt.config.config_providers:
        if isinstance(provider, SettingsTomlProvider):
            yield provider.name, provider._config_doc


def places_of(key: str) -> Iterator[str]:
    """Where a key of any section stands, in words. dlt's errors do not say it."""
    for variable in sorted(os.environ):
        if variable.split("__")[-1] == key.upper():
            yield variable
    for file, document in documents_of_files():
        for place in _places_in(document, key):
            yield f"{place} in {file}"


def _places_in(table: Mapping[str, Any], key: str) -> Iterator[str]:
    if key in table:
        yield key
    for name, inner in table.items():
        if isinstance(inner, Mapping):
            yield from (f"{name}.{place}" for place in _places_in(inner, key))


def switch_off_telemetry() -> None:
    """Send nothing about this process to dlt's makers. Their setting is read once, when dlt is
    imported: what a source sets in `dlt.config` comes too late."""
    disable_anon_tracker()


# -- extraction


def active_pipeline() -> dlt.Pipeline | None:
    """The pipeline that runs. `dlt.current.pipeline()` would make one where there is none."""
    context = Container()[PipelineContext]
    pipeline = context.pipeline() if context.is_active() else None
    return pipeline if isinstance(pipeline, dlt.Pipeline) else None


def load_id_of_extraction() -> str | None:
    """The id of the load that is being extracted; None outside of an extraction.
    `dlt.current.load_package_state()` knows it, too, and keeps it to itself."""
    container = Container()
    if LoadPackageStateInjectableContext not in container:
        return None
    load_id: str = container[LoadPackageStateInjectableContext].load_id
    return load_id


def tables_given_up() -> Set[str]:
    """The tables that the load which is being extracted begins with dropping or emptying, as
    `refresh` asks for. A source is not told of it."""
    container, found = Container(), []
    if LoadPackageStateInjectableContext in container:
        state = container[LoadPackageStateInjectableContext].state
        found = [*state.get("dropped_tables", ()), *state.get("truncated_tables", ())]
    return frozenset(str(table["name"]) for table in found)


def awaited_by_dlt(items: AsyncIterator[Any]) -> Iterator[Any]:
    """The items of an asynchronous iterator as awaitables. dlt takes an asynchronous generator as a
    resource, but not one that begins with synchronous work of the same resource."""
    awaitables: Iterator[Any] = wrap_async_iterator(items)
    return awaitables


class _ResourceOfTable(DltResource):
    """A resource that fills a table which others fill, too. dlt writes into the schema of a table
    which resource came last, so each load would make a new version of the schema, and that one's
    `dlt pipeline ... drop` would take the table of all. Here the one that has the table's name is
    written there, or else the first one that came, as long as the source has it. There is no public
    way."""

    def compute_table_schema(self, item: Any = None, meta: Any = None) -> TTableSchema:
        table = super().compute_table_schema(item, meta)
        context = Container().get(SourceInjectableContext)
        if context and context.source:
            resources, name = context.source.resources, str(table["name"])
            written = context.source.schema.tables.get(name, {}).get("resource")
            first = (each for each in (name, written) if each in resources)
            table["resource"] = next(first, self.name)
        return table


class _LastStep(YieldMapItem):
    placement_affinity: ClassVar[float] = 1.5  # behind dlt's limit, which has 1.1
    generator: Any
    hints: Mapping[str, Any]


_PLAIN_STEPS = (_LastStep, Incremental, LimitItem)
"""What changes no item."""


def with_last_step(
    resource: DltResource, step: Callable[[Any, Mapping[str, Any]], Iterator[Any]]
) -> DltResource:
    """The resource, which is ready then, with a step behind all others, also those that a user adds
    later. `resource.add_yield_map` puts it where it stands when it is called. The step remembers
    how the resource was made, for `resources_of_run`.

    Args:
        resource: that is made.
        step: takes an item and the hints that travel with it (`dlt.mark`).
    """
    last = _LastStep(lambda item, meta: step(item, _hints_of(meta)))
    last.generator, last.hints = resource._pipe.gen, dict(resource._hints or {})
    resource.__class__ = _ResourceOfTable
    return resource.add_step(last)


def _hints_of(meta: Any) -> Mapping[str, Any]:
    if isinstance(meta, TableNameMeta):
        return {"table_name": meta.table_name}
    return dict(meta.hints) if isinstance(meta, HintsMeta) else {}


@dataclass(frozen=True, slots=True)
class ResourceOfRun:
    """A resource with a last step, as it was made and as it is extracted. dlt has no public name
    for hints as they were given.

    Attributes:
        name: of the resource.
        made: hints that it was made with, by the argument of `apply_hints`.
        hints: hints that it has now.
        is_parallelized: somebody called `parallelize()`.
        has_steps: somebody added a map, a filter or the like.
    """

    name: str
    made: Mapping[str, Any]
    hints: Mapping[str, Any]
    is_parallelized: bool
    has_steps: bool


def resources_of_run() -> list[ResourceOfRun]:
    """The resources with a last step that are being extracted; none outside of an extraction."""
    return [
        found
        for resource in _source_of_run().resources.selected.values()
        for found in _as_made_and_as_it_is(resource)
    ]


def resource_of_run(name: str) -> ResourceOfRun | None:
    """One of them, if it is there; of thousands, all at once take a while."""
    resources = _source_of_run().resources
    return next(_as_made_and_as_it_is(resources[name]), None) if name in resources else None


def _as_made_and_as_it_is(resource: DltResource) -> Iterator[ResourceOfRun]:
    for step in resource._pipe.steps:
        if isinstance(step, _LastStep):
            yield ResourceOfRun(
                resource.name,
                step.hints,
                dict(resource._hints or {}),
                is_parallelized=resource._pipe.gen is not step.generator,
                has_steps=not all(
                    isinstance(each, _PLAIN_STEPS) for each in resource._pipe.steps[1:]
                ),
            )


def others_of_run() -> Iterator[tuple[str, object, str]]:
    """The resources without a last step that are being extracted along: the name of each, its
    table, and the resource with a last step that a transformer takes its items from, if it does."""
    every = _source_of_run().resources
    own = {name for name, resource in every.items() if _has_last_step(resource)}
    for resource in every.selected.values():
        if resource.name not in own:
            parent = resource._pipe.parent
            fed_by = parent.name if parent and parent.name in own else ""
            yield resource.name, resource.table_name, fed_by


def _has_last_step(resource: DltResource) -> bool:
    return any(isinstance(step, _LastStep) for step in resource._pipe.steps)


def schema_of_run() -> dlt.Schema | None:
    """The schema of the source that is being extracted, which takes the place of the pipeline's
    then; None outside of an extraction."""
    return _source_of_run().schema if load_id_of_extraction() is not None else None


def contract_of_run() -> Any:
    """The schema contract of the source that is being extracted, as it was given, or None."""
    return _source_of_run().schema_contract


def _source_of_run() -> DltSource:
    source: DltSource = Container()[SourceInjectableContext].source
    return source


def resource_states(pipeline: dlt.Pipeline, source: str) -> Mapping[str, Mapping[str, Any]]:
    """The states of a source's resources as the last run left them, by resource.
    `dlt.current.resource_state()` is there during an extraction only."""
    states: Mapping[str, Mapping[str, Any]] = (
        pipeline.state.get("sources", {}).get(source, {}).get("resources", {})
    )
    return states


def read_state(pipeline_name: str, text: str) -> Mapping[str, Any]:
    """A pipeline's state as dlt keeps it in a file. A pipeline reads its own when it is made.

    Raises:
        Exception: of any kind, where it is none.
    """
    state: Any = migrate_state_to_current(pipeline_name, json.typed_loads(text))
    return dict(state)


def read_schema(text: str) -> dlt.Schema | None:
    """A schema as dlt keeps it in a file; None where somebody else changed it, so that dlt refuses
    it. A pipeline reads it when it is needed.

    Raises:
        Exception: of any kind, where it is none.
    """
    stored = json.loads(text)
    is_dlts = verify_schema_hash(stored, verifies_if_not_migrated=True)
    return dlt.Schema.from_dict(stored) if is_dlts else None


def last_value(state: Mapping[str, Any], column: str) -> Any:
    """Where an incremental on this column stands in the state of a resource; None before the first
    run. An `incremental` knows it during an extraction only."""
    return state.get("incremental", {}).get(column, {}).get("last_value")


def forgotten(state: dict[str, Any], source: str, gone: Callable[[str], bool]) -> Sequence[str]:
    """Take resources out of a pipeline's state. `dlt pipeline ... drop` takes their tables along.

    Args:
        state: of a pipeline, which is changed.
        source: whose resources they are.
        gone: whether a resource of this name goes.

    Returns:
        The names of those that are gone.
    """
    resources = state.get("sources", {}).get(source, {}).get("resources", {})
    names = [name for name in resources if gone(name)]
    for name in names:
        del resources[name]
    return names


def stored_states(client: SqlJobClientBase) -> Mapping[str, tuple[str, dict[str, Any]]]:
    """The newest state of each pipeline that loads into a dataset, by its name, with the id of the
    load that brought it. A pipeline reads its own alone."""
    table = client.sql_client.make_qualified_table_name(client.schema.state_table_name)
    column = client.sql_client.escape_column_name("pipeline_name")
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for (name,) in client.sql_client.execute_sql(f"SELECT DISTINCT {column} FROM {table}") or ():
        stored = client.get_stored_state(name)
        if stored and stored._dlt_load_id:
            state: Any = migrate_state_to_current(name, decompress_state(stored.state))
            found[name] = (stored._dlt_load_id, state)
    return found


def stored_as(state: dict[str, Any]) -> Mapping[str, Any]:
    """The columns of a state's row that change with it, by name; the state becomes its pipeline's
    next version, which every machine then takes for its own. A pipeline stores its own alone, and
    by a load."""
    whole: Any = state
    version, version_hash, _ = bump_pipeline_state_version_if_modified(whole)
    shared: Any = {key: value for key, value in state.items() if key != "_local"}
    return {"version": version, "version_hash": version_hash, "state": compress_state(shared)}


def without_tables(schema: dlt.Schema, names: Sequence[str]) -> dlt.Schema:
    """A schema's next version, without some of its tables. The pipeline would forget them when the
    tables are dropped by `dlt pipeline ... drop`, which goes by resources."""
    other = schema.clone()
    other.drop_tables([name for name in names if name in other.tables])
    other._bump_version()
    return other


def add_tables(schema: dlt.Schema, tables: Mapping[str, TTableSchema]) -> None:
    """Let a schema have tables of another version of it, and all columns of them. The public way
    spells names anew, and ours end in two underscores and more."""
    for name in tables:
        schema.update_table(deepcopy(tables[name]), normalize_identifiers=False)


def with_tables(schema: dlt.Schema, tables: Mapping[str, TTableSchema]) -> dlt.Schema:
    """A schema's next version, with tables of another version of it, too."""
    other = schema.clone()
    add_tables(other, tables)
    other._bump_version()
    return other


def install_schema(pipeline: dlt.Pipeline, schema: dlt.Schema) -> None:
    """Let a pipeline have a schema, as its default one where it has none. `sync_destination` takes
    from the destination what a pipeline of the same name stored."""
    pipeline._inject_schema(schema)


def unfinished_schemas(pipeline: dlt.Pipeline) -> Sequence[Path]:
    """The files of schemas that dlt was killed over before it gave them their names. It takes each
    for a schema of that name, which is none, and every later run fails for it."""
    folder = Path(pipeline.schemas.storage.storage_path)
    return [each for each in folder.glob("*") if re.fullmatch("[0-9a-f]{16}", each.name)]


def forget_unfinished_schemas(pipeline: dlt.Pipeline) -> None:
    """Take them away, also from the state, where a run has noted them. Nobody else may be writing
    schemas of this pipeline."""
    for file in unfinished_schemas(pipeline):
        file.unlink(missing_ok=True)
    with pipeline.managed_state():  # which lists the schemas that are there
        pass
    pipeline.schema_names = pipeline.state["schema_names"] or []


def stored_schemas(client: SqlJobClientBase, name: str = "") -> Iterator[dlt.Schema]:
    """The versions of schemas that a dataset has stored, newest first. A client gives the newest
    one alone, of whichever pipeline.

    Args:
        client: that is open, of a dataset that is there.
        name: of the schema; all if empty.
    """
    sql = client.sql_client
    table = sql.make_qualified_table_name(client.schema.version_table_name)
    names = ("version_hash", "schema_name", "inserted_at")
    version, own, at = map(sql.escape_column_name, names)
    found: Sequence[Sequence[Any]] = ()
    with suppress(DestinationUndefinedEntity):
        found = sql.execute_sql(f"SELECT {version}, {own} FROM {table} ORDER BY {at} DESC") or ()
    for version_hash, of in found:
        stored = client.get_stored_schema_by_hash(version_hash) if name in ("", of) else None
        if stored:
            yield dlt.Schema.from_dict(json.loads(stored.schema))


def stored_tables(client: SqlJobClientBase, name: str, tables: Set[str]) -> dict[str, TTableSchema]:
    """The newest that a dataset has stored of tables of a schema, by name; none of a table that
    never had a row. A version has those alone that its pipeline knew.

    Args:
        client: that is open, of a dataset that is there.
        name: of the schema.
        tables: names of tables.
    """
    found: dict[str, TTableSchema] = {}
    if not tables:
        return found
    for schema in stored_schemas(client, name):
        for table in schema.data_tables(seen_data_only=True):
            if (own := str(table["name"])) in tables:
                found.setdefault(own, table)
        if found.keys() == tables:
            break
    return found


def with_tables_of(schema: dlt.Schema, other: dlt.Schema) -> dlt.Schema:
    """A schema's next version, with the tables and columns of another one, too. A pipeline adds
    those of a source, by extracting it.

    Raises:
        DltException: a column has another type there.
    """
    schema.unify_schemas([other])  # which gives it another name, and looks at types
    both = schema.clone()
    both.update_schema(other)
    both._bump_version()
    return both


def row_of_schema(schema: dlt.Schema, at: datetime) -> Sequence[Any]:
    """The row of a schema in dlt's table of versions, whose columns the client names in this order
    (`version_table_schema_columns`). A load stores one only where it makes a table or a column."""
    text = base64.b64encode(zlib.compress(json.dumps(schema.to_dict()).encode(), 9)).decode()
    return (
        schema.version,
        schema.ENGINE_VERSION,
        at,
        schema.name,
        schema.stored_version_hash,
        text,
    )


# -- load packages


def new_load_id() -> str:
    """An id that is greater than that of any load before. dlt gives them to packages."""
    return create_load_id()


def extracted_packages(pipeline: dlt.Pipeline) -> Path:
    """The folder of what is extracted, a folder for each package. A pipeline lists ids of
    packages, but not where they are."""
    return Path(pipeline.working_dir) / "normalize" / "extracted"


def normalized_packages(pipeline: dlt.Pipeline) -> Path:
    """The folder of what is ready to be loaded, a folder for each package."""
    return Path(pipeline.working_dir) / "load" / "normalized"


def folders_of_packages(pipeline: dlt.Pipeline) -> Sequence[Path]:
    """All that a pipeline keeps of packages, finished ones, too: what is extracted, what is
    loaded."""
    return [extracted_packages(pipeline).parent, normalized_packages(pipeline).parent]


def packages_that_wait(pipeline: dlt.Pipeline) -> Iterator[Path]:
    """The folders of packages that are not loaded yet, also of those that dlt cannot read. A
    pipeline lists their ids, if it can."""
    for folder in (extracted_packages(pipeline), normalized_packages(pipeline)):
        yield from sorted(each for each in folder.glob("*") if each.is_dir())


def table_of_job(file: Path) -> str:
    """The table that a file of a package fills. dlt tells it of the jobs of a package that it can
    read."""
    return ParsedLoadJobFileName.parse(file.name).table_name


def begin_jobs_again(package: Path) -> None:
    """Put back the jobs of a package that were begun, as far as their tables are merged, and leave
    out those that followed from them. dlt goes on after the last job that is done, also where the
    rows that it brought to staging are gone. What is appended stays: it would come twice.

    Args:
        package: the folder of one that dlt can read and that nobody loads.
    """
    begun = [
        file
        for folder in (PackageStorage.STARTED_JOBS_FOLDER, PackageStorage.COMPLETED_JOBS_FOLDER)
        for file in (package / folder).glob("*")
    ]
    if not begun:
        return
    schema = dlt.Schema.from_dict(
        json.loads((package / PackageStorage.SCHEMA_FILE_NAME).read_text("utf-8"))
    )
    # tables of staging are made and emptied where there are updates to be applied
    applied = package / PackageStorage.APPLIED_SCHEMA_UPDATES_FILE_NAME
    if applied.exists():
        applied.rename(package / PackageStorage.SCHEMA_UPDATES_FILE_NAME)
    new = package / PackageStorage.NEW_JOBS_FOLDER
    for file in (*new.glob("*"), *begun):
        root = get_root_table(schema.tables, table_of_job(file))
        if root.get("write_disposition") == "merge":
            if file.suffix in {".sql", ".reference"}:
                file.unlink()
            elif file.parent != new:
                file.rename(new / file.name)
            (package / PackageStorage.PENDING_TRANSITIONS_FOLDER / file.name).unlink(True)


def loaded_chains(client: SqlJobClientBase, load_id: str) -> list[list[Any]]:
    """The tables that the jobs of a package have filled, each with those nested in it, by name of
    the first. Called while dlt completes the package, which does not say what was in it."""
    package = Container()[LoadPackageStateInjectableContext]
    jobs = package.storage.list_all_jobs_with_states(load_id)
    tables = client.schema.tables
    roots = {str(get_root_table(tables, job.table_name)["name"]) for _, job in jobs}
    chains = [
        get_completed_table_chain(client.schema, jobs, tables[name]) for name in sorted(roots)
    ]
    return [[client.prepare_load_table(str(table["name"])) for table in chain] for chain in chains]


def failed_jobs(load_id: str) -> Mapping[str, str]:
    """What the jobs of a package that failed for good say, by table. Called while dlt completes the
    package; `raise_on_failed_jobs=False` lets it come so far. dlt keeps a traceback of each."""
    storage = Container()[LoadPackageStateInjectableContext].storage
    return {
        job.table_name: storage.get_job_failed_message(load_id, job) or ""
        for state, job in storage.list_all_jobs_with_states(load_id)
        if state == "failed_jobs"
    }


def files_of_jobs(load_id: str) -> Mapping[str, Sequence[Path]]:
    """The files of the jobs of a package that are done, by table. Called while dlt completes the
    package, and deletes them afterwards."""
    storage = Container()[LoadPackageStateInjectableContext].storage
    found: dict[str, list[Path]] = {}
    for state, job in storage.list_all_jobs_with_states(load_id):
        if state == "completed_jobs":
            file = storage.get_job_file_path(load_id, state, job.file_name())
            found.setdefault(job.table_name, []).append(Path(storage.storage.make_full_path(file)))
    return found


def bring_file(client: Any, table: str, file: Path, load_id: str) -> None:
    """Load a file once more, into the dataset that the client is at. dlt runs jobs in a pool, which
    is gone when it completes a package.

    Args:
        client: that is open.
        table: of the schema.
        file: of the package.
        load_id: of the package.
    """
    prepared = client.prepare_load_table(table)
    job = client.create_load_job(prepared, str(file), load_id)
    if job.state() != "completed":  # else it has no rows
        job.set_run_vars(load_id, client.schema, prepared)
        job._job_client = client
        client.prepare_load_job_execution(job)
        job.run()


def done_job(file_path: str) -> Any:
    """A job for a file of a package of which nothing is to be loaded. A client has to give
    one."""
    return FinalizedLoadJobWithFollowupJobs.from_file_path(file_path)


@contextmanager
def signals_raised() -> Iterator[None]:
    """Raise at the end of the block what Ctrl-C or SIGTERM asked for in it. `pipeline.load()`
    finishes the jobs that run, returns as if nothing had been, and forgets the signal.

    Raises:
        SignalReceivedException: a signal came.
    """
    with signals.intercepted_signals():
        yield
        signals.raise_if_signalled()


# -- destinations


def kind_of(destination_type: str) -> str:
    """A type of destination as people call it: dlt gives the whole path of its class."""
    return destination_type.rsplit(".", 1)[-1]


def destination_of(name: str) -> AnyDestination:
    """A destination by name. `dlt.pipeline(destination=...)` would make a pipeline of it, and
    `dlt.destination(...)` takes no name of a module.

    Raises:
        DltException, ImportError, ValueError: dlt knows none that is called so.
    """
    destination = Destination.from_reference(name)
    assert destination is not None  # there is none for no name only
    return destination


@dataclass(frozen=True, slots=True)
class DestinationKeys:
    """The keys that dlt reads for a destination, without their sections. dlt passes over others.

    Attributes:
        name: of the destination, which is that of its section.
        own: keys of the section.
        credentials: keys of its section `credentials`.
        is_strict: no other key there means anything. Where a whole file of a cloud may stand, many
            keys are not for dlt.
    """

    name: str
    own: Set[str]
    credentials: Set[str]
    is_strict: bool


def keys_of_pipelines() -> Set[str]:
    """The keys that dlt reads for a pipeline. `dlt.pipeline` has others as arguments."""
    return frozenset(PipelineConfiguration.get_resolvable_fields())


def keys_of_destination(destination: AnyDestination) -> DestinationKeys:
    """The keys of a destination. dlt has no public name for what its `spec` resolves."""
    fields = destination.spec.get_resolvable_fields()
    hint: Any = fields.get("credentials")
    kinds = [each for each in (*get_args(hint), hint) if hasattr(each, "get_resolvable_fields")]
    is_strict = bool(kinds) and all(issubclass(each, ConnectionStringCredentials) for each in kinds)
    return DestinationKeys(
        destination.destination_name,
        frozenset(fields),
        frozenset(key for each in kinds for key in each.get_resolvable_fields()),
        is_strict,
    )


def duckdb_credentials(
    database: Path, *, statements: Sequence[str], local_config: Mapping[str, str]
) -> DuckDbCredentials:
    """Credentials of a DuckDB database with statements to begin each connection with.
    `dlt.destinations.duckdb(...)` takes a path alone, or these."""
    from dlt.destinations.impl.duckdb.configuration import (  # needs duckdb, which is an extra
        DuckDbCredentials,
    )

    return DuckDbCredentials(
        str(database), statements=list(statements), local_config=dict(local_config)
    )


def literal_of(client: SqlClientBase[Any]) -> Callable[[Any], Any]:
    """What writes a value as a literal of the client's SQL. Capabilities have it, but not those of
    Snowflake."""
    escape: Callable[[Any], Any] | None = client.capabilities.escape_literal
    return escape or escape_snowflake_literal


def shortened(name: str, unique_of: str, longest: int) -> str:
    """A name that is no longer than a destination's identifiers may be, different for different
    `unique_of`. dlt shortens names of tables and columns by itself, not those of indexes."""
    short: str = NamingConvention.shorten_identifier(name, unique_of, longest)
    return short


def with_empty_table(schema: dlt.Schema, name: str, columns: Mapping[str, TColumnSchema]) -> None:
    """Let a schema have a table for which no row may come. Publicly dlt knows of those for which
    there is a file, and Postgres takes no Parquet file without rows.

    Args:
        schema: of the source that is being extracted.
        name: of the table; one that is there stays as it is.
        columns: with their types.
    """
    if name not in schema.tables:
        table = new_table(name, columns=[{"name": each, **columns[each]} for each in columns])
        schema.update_table({**table, "x-normalizer": {"seen-data": True}})
