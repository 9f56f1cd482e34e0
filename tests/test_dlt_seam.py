"""Fails when dlt moves what this package needs of it beyond its public names."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.common.runtime import anon_tracker
from dlt.sources import DltResource

from databuddy_source import dlt_seam
from databuddy_source.config.spec import SPEC

PACKAGE = Path(dlt_seam.__file__).parent
PUBLIC = {
    "dlt",
    "dlt.sources",
    "dlt.common.configuration.specs",
    "dlt.common.typing",  # of arguments of sources
    "dlt.common.schema.typing",  # of hints
}
"""Modules of dlt that any module may import from."""

DAY = date(2026, 3, 2)


def imported(path: Path) -> Iterator[str]:
    """The modules of dlt that a file imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.partition(".")[0] == "dlt")


def test_nobody_else_imports_what_dlt_keeps_to_itself() -> None:
    private = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(dlt_seam.__file__)
        for name in imported(path)
        if name not in PUBLIC
    }
    assert private == set()


def test_private_imports_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("import dlt\ndef f():\n  import dlt.load\n  from dlt.extract import pipe\n")
    assert set(imported(code)) == {"dlt", "dlt.load", "dlt.extract"}


def test_the_seam_stands_on_dlt_alone() -> None:
    tree = ast.parse(Path(dlt_seam.__file__).read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert modules
    assert not [module for module in modules if module.startswith(PACKAGE.name)]


def test_each_function_says_why_it_is_there() -> None:
    found = [
        each
        for name, each in vars(dlt_seam).items()
        if getattr(each, "__module__", "") == dlt_seam.__name__ and not name.startswith("_")
    ]
    assert len(found) > 10
    assert [each.__name__ for each in found if not each.__doc__] == []


# -- a pipeline of one resource


@dlt.resource(incremental=dlt.sources.incremental("day", primary_key=()))
def numbers() -> Iterator[Any]:
    yield [{"day": DAY, "n": n, "load": dlt_seam.load_id_of_extraction()} for n in range(3)]


@dlt.source(name="counted")
def counted() -> Any:
    return numbers


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[dlt.Pipeline]:
    folder = tmp_path / "state"
    target = dlt.destinations.duckdb(str(tmp_path / "numbers.duckdb"))
    made = dlt.pipeline("seam", str(folder), destination=target, dataset_name="held")
    yield made
    made.deactivate()


def test_packages_are_where_the_seam_says(pipeline: dlt.Pipeline) -> None:
    pipeline.extract(counted())
    (extracted,) = pipeline.list_extracted_load_packages()
    assert [each.name for each in dlt_seam.extracted_packages(pipeline).iterdir()] == [extracted]
    pipeline.normalize()
    (ready,) = pipeline.list_normalized_load_packages()
    assert [each.name for each in dlt_seam.normalized_packages(pipeline).iterdir()] == [ready]
    assert list(dlt_seam.extracted_packages(pipeline).iterdir()) == []
    pipeline.load()
    assert list(dlt_seam.normalized_packages(pipeline).iterdir()) == []
    assert all(folder.is_dir() for folder in dlt_seam.folders_of_packages(pipeline))


def test_a_package_is_loaded_from_a_copy(pipeline: dlt.Pipeline, tmp_path: Path) -> None:
    pipeline.extract(counted())
    pipeline.normalize()
    (package,) = dlt_seam.normalized_packages(pipeline).iterdir()
    copy = shutil.copytree(package, tmp_path / "copy")
    shutil.rmtree(package)
    assert pipeline.list_normalized_load_packages() == []
    copy.rename(package)
    pipeline.load()
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT n FROM numbers ORDER BY n") == [(0,), (1,), (2,)]


def test_the_state_tells_where_an_incremental_stands(pipeline: dlt.Pipeline) -> None:
    assert dlt_seam.resource_states(pipeline, "counted") == {}
    assert dlt_seam.last_value({}, "day") is None
    pipeline.extract(counted())
    states = dlt_seam.resource_states(pipeline, "counted")
    assert list(states) == ["numbers"]
    assert dlt_seam.last_value(states["numbers"], "day") == DAY


def test_a_state_goes_on_without_a_resource_on_each_machine(
    pipeline: dlt.Pipeline, tmp_path: Path
) -> None:
    (load_id,) = pipeline.run(counted()).loads_ids
    target = dlt.destinations.duckdb(str(tmp_path / "numbers.duckdb"))
    other = dlt.pipeline("seam", str(tmp_path / "other"), destination=target, dataset_name="held")
    other.sync_destination()
    client: Any = pipeline.destination_client()
    with client:
        ((name, (of_load, state)),) = dlt_seam.stored_states(client).items()
        assert (name, of_load) == ("seam", load_id)
        assert dlt_seam.forgotten(state, "counted", lambda name: False) == []
        assert dlt_seam.forgotten(state, "elsewhere", lambda name: True) == []
        assert dlt_seam.forgotten(state, "counted", lambda name: True) == ["numbers"]
        columns = dlt_seam.stored_as(state)
        values = ", ".join(f"{column} = %s" for column in columns)
        client.sql_client.execute_sql(f"UPDATE _dlt_pipeline_state SET {values}", *columns.values())
    for each in (pipeline, other):
        assert "numbers" in dlt_seam.resource_states(each, "counted")
        each.sync_destination()
        assert dict(dlt_seam.resource_states(each, "counted")) == {}
    pipeline.activate()


def test_a_schema_goes_on_without_a_table_where_its_row_is_stored(
    pipeline: dlt.Pipeline, tmp_path: Path
) -> None:
    pipeline.run(counted())
    schema = dlt_seam.without_tables(pipeline.default_schema, ["numbers"])
    assert "numbers" in pipeline.default_schema.tables
    row = dlt_seam.row_of_schema(schema, datetime.now(UTC))
    client: Any = pipeline.destination_client()
    with client:
        client.sql_client.execute_sql("DELETE FROM _dlt_version")
        marks = ", ".join(["%s"] * len(row))
        columns = client.version_table_schema_columns
        statement = f"INSERT INTO _dlt_version({columns}) VALUES({marks})"
        client.sql_client.execute_sql(statement, *row)
    target = dlt.destinations.duckdb(str(tmp_path / "numbers.duckdb"))
    other = dlt.pipeline("seam", str(tmp_path / "other"), destination=target, dataset_name="held")
    other.sync_destination()
    assert other.default_schema.version == pipeline.default_schema.version + 1
    assert set(pipeline.default_schema.tables) - set(other.default_schema.tables) == {"numbers"}
    pipeline.activate()


def test_a_pipeline_gets_the_tables_that_another_one_of_the_dataset_stored(
    pipeline: dlt.Pipeline, tmp_path: Path
) -> None:
    pipeline.run(counted())
    target = dlt.destinations.duckdb(str(tmp_path / "numbers.duckdb"))
    other = dlt.pipeline("other", str(tmp_path / "other"), destination=target, dataset_name="held")
    client: Any = other.destination_client()
    with client:
        assert list(dlt_seam.stored_schemas(client, "mine")) == []
        (stored,) = dlt_seam.stored_schemas(client)
        assert stored.stored_version_hash == pipeline.default_schema.stored_version_hash
    # whoever knows less stores less
    less = dlt_seam.without_tables(stored, ["numbers", "never"])
    dlt_seam.install_schema(other, less)
    assert other.default_schema_name == stored.name
    client = other.destination_client()
    with client:
        client.update_stored_schema()
        newest, *_ = dlt_seam.stored_schemas(client, stored.name)
        assert "numbers" not in newest.tables
        found = dlt_seam.stored_tables(client, stored.name, {"numbers", "never"})
        assert found.keys() == {"numbers"}
        assert dlt_seam.stored_tables(client, stored.name, set()) == {}
    strange: Any = {"name": "a__b_", "columns": {"c__v_": {"name": "c__v_", "data_type": "text"}}}
    whole = dlt_seam.with_tables(less, found | {"a__b_": strange})
    assert whole.tables["numbers"] == found["numbers"] == stored.tables["numbers"]
    assert list(whole.tables["a__b_"]["columns"]) == ["c__v_"]
    assert "numbers" not in less.tables
    assert whole.version > less.version
    dlt_seam.install_schema(other, whole)
    assert "numbers" in other.schemas[stored.name].tables
    pipeline.activate()


def test_a_file_that_dlt_has_not_given_its_name_is_a_schema_to_it_until_it_is_forgotten(
    pipeline: dlt.Pipeline,
) -> None:
    pipeline.extract(counted())
    assert dlt_seam.unfinished_schemas(pipeline) == []
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.replace", lambda file, _: seen.append(file))
        pipeline.schemas.storage.save("counted.schema.json", "{}")
    (file,) = dlt_seam.unfinished_schemas(pipeline)
    assert [str(file)] == seen
    pipeline.normalize()
    pipeline.load()
    assert pipeline.state["schema_names"] == sorted([file.name, "counted"])
    dlt_seam.forget_unfinished_schemas(pipeline)
    assert dlt_seam.unfinished_schemas(pipeline) == []
    assert pipeline.schema_names == pipeline.state["schema_names"] == ["counted"]
    pipeline.sync_destination()
    assert list(pipeline.schemas.values())


def test_a_dataset_without_tables_of_dlt_has_stored_no_schema(tmp_path: Path) -> None:
    target = dlt.destinations.duckdb(str(tmp_path / "numbers.duckdb"))
    with duckdb.connect(str(tmp_path / "numbers.duckdb")) as connection:
        connection.execute("CREATE SCHEMA held")
    pipeline = dlt.pipeline("seam", str(tmp_path), destination=target, dataset_name="held")
    client: Any = pipeline.destination_client()
    with client:
        assert client.is_storage_initialized()
        assert list(dlt_seam.stored_schemas(client)) == []


def test_the_schema_of_a_run_takes_the_place_of_the_pipelines(pipeline: dlt.Pipeline) -> None:
    assert dlt_seam.schema_of_run() is None
    more: Any = {"name": "more", "columns": {"text": {"name": "text", "data_type": "text"}}}

    @dlt.resource
    def adding() -> Iterator[dict[str, int]]:
        schema = dlt_seam.schema_of_run()
        assert schema is not None
        dlt_seam.add_tables(schema, {"more": more})
        yield {"number": 1}

    pipeline.run(adding())
    assert "more" in pipeline.default_schema.tables


def test_a_schema_takes_the_tables_and_columns_of_another(pipeline: dlt.Pipeline) -> None:
    pipeline.run(counted())
    other = pipeline.default_schema.clone()
    name = next(iter(other.data_tables()))["name"]
    text: Any = {"name": name, "columns": {"more": {"name": "more", "data_type": "text"}}}
    other.update_table(text)
    other.update_table({**text, "name": "others"})
    both = dlt_seam.with_tables_of(pipeline.default_schema, other)
    assert both.tables[name]["columns"].keys() >= {
        "more",
        *pipeline.default_schema.tables[name]["columns"],
    }
    assert "others" in both.tables
    assert both.version > pipeline.default_schema.version
    assert both.stored_version_hash != pipeline.default_schema.stored_version_hash
    other = other.clone()
    other.tables["others"]["columns"]["more"]["data_type"] = "bigint"
    with pytest.raises(dlt_seam.DltException):
        dlt_seam.with_tables_of(both, other)


def test_ids_of_loads_grow(pipeline: dlt.Pipeline) -> None:
    (first,) = pipeline.run(counted()).loads_ids
    own = dlt_seam.new_load_id()
    (last,) = pipeline.run(counted()).loads_ids
    assert first < own < last


def test_rows_are_extracted_with_the_id_that_their_load_will_have(pipeline: dlt.Pipeline) -> None:
    assert dlt_seam.load_id_of_extraction() is None
    (load_id,) = pipeline.run(counted()).loads_ids
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT DISTINCT load FROM numbers") == [(load_id,)]


def test_no_pipeline_is_made_where_none_is_active(pipeline: dlt.Pipeline) -> None:
    assert dlt_seam.active_pipeline() is pipeline
    pipeline.deactivate()
    assert dlt_seam.active_pipeline() is None
    pipeline.activate()
    assert dlt_seam.active_pipeline() is pipeline


def test_the_last_step_stands_behind_a_limit_and_steps_that_are_added_later() -> None:
    seen = []

    def step(item: int, hints: Mapping[str, Any]) -> Iterator[str]:
        seen.append(item)
        assert not hints
        yield f"last {item}"

    resource = dlt.resource(iter([1, 2, 3, 4]), name="numbers")
    dlt_seam.with_last_step(resource, step).add_limit(2).add_map(lambda item: item * 10)
    assert list(resource) == ["last 10", "last 20"]
    assert seen == [10, 20]


def test_the_last_step_is_told_of_the_hints_of_an_item() -> None:
    seen = []

    def step(item: int, hints: Mapping[str, Any]) -> Iterator[int]:
        seen.append({name: hint for name, hint in hints.items() if hint})
        yield item

    def marked(item: int) -> Any:
        if item == 1:
            return dlt.mark.with_hints(item, dlt.mark.make_hints(primary_key="id"))
        return dlt.mark.with_table_name(item, "others") if item == 2 else item

    resource = dlt.resource(iter([1, 2, 3]), name="numbers")
    assert list(dlt_seam.with_last_step(resource, step).add_map(marked)) == [1, 2, 3]
    assert seen == [{"primary_key": "id"}, {"table_name": "others"}, {}]


def test_dlt_awaits_what_follows_on_synchronous_work() -> None:
    async def later() -> AsyncIterator[int]:
        for number in (2, 3):
            await asyncio.sleep(0)
            yield number

    def first() -> Iterator[Any]:
        yield 1
        yield from dlt_seam.awaited_by_dlt(later())

    assert list(dlt.resource(first, name="numbers")) == [1, 2, 3]


# -- configuration


def test_configuration_is_known_without_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DATABUDDY__LOOKBACK_DAYS", "5")
    found = dlt_seam.resolved(SPEC, "sources", "databuddy")
    assert found["lookback_days"] in {5, "5"}
    assert found["until"] is None


def test_a_source_finds_the_configuration_of_the_section_that_it_has() -> None:
    found = []

    @dlt.source(section="ours")
    def source(zone: Any = None) -> DltResource:
        found.append(dlt_seam.resolved_for_source(SPEC)["lookback_days"])
        return dlt.resource([1], name="numbers")

    dlt.config["sources.ours.lookback_days"] = 7
    dlt.config["sources.other.lookback_days"] = 8
    source(zone=None)
    source.clone(section="other")(zone=None)
    assert found == [7, 8]


def test_telemetry_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anon_tracker, "_ANON_TRACKER_ENDPOINT", "http://127.0.0.1:9")
    dlt_seam.switch_off_telemetry()
    assert not anon_tracker._ANON_TRACKER_ENDPOINT


# -- signals and destinations


def test_a_signal_during_a_load_is_raised_once_the_block_is_done() -> None:
    done = []

    def loaded(*, signalled: bool) -> None:
        with dlt_seam.signals_raised():
            if signalled:
                os.kill(os.getpid(), signal.SIGTERM)
            done.append(signalled)

    with pytest.raises(dlt_seam.SignalReceivedException):
        loaded(signalled=True)
    loaded(signalled=False)
    assert done == [True, False]


def test_destinations_are_known_by_name() -> None:
    assert dlt_seam.destination_of("duckdb").destination_type == "dlt.destinations.duckdb"
    with pytest.raises((dlt_seam.DltException, ImportError, ValueError)):
        dlt_seam.destination_of("no.such.place")


def test_statements_of_credentials_are_run_first(tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    duckdb.connect(str(other)).execute("CREATE TABLE held AS SELECT 7 AS n").close()
    credentials = dlt_seam.duckdb_credentials(
        tmp_path / "engine.duckdb",
        statements=[f"ATTACH '{other}' AS beside"],
        local_config={"schema": "beside.main"},
    )
    target = dlt.destinations.duckdb(credentials)
    made = dlt.pipeline("seam", str(tmp_path / "state"), destination=target, dataset_name="held")
    with made.sql_client() as client:
        assert client.execute_sql("SELECT n FROM held") == [(7,)]
    made.deactivate()


@pytest.mark.parametrize("destination", ["duckdb", "postgres", "snowflake"])
def test_literals_are_quoted(destination: str) -> None:
    class Client:
        capabilities = dlt_seam.destination_of(destination).capabilities()

    client: Any = Client()
    written = str(dlt_seam.literal_of(client)("it's"))
    assert written.lstrip("E") in {"'it''s'", r"'it\'s'"}


def test_long_names_are_shortened_and_stay_different() -> None:
    names = [f"{'long_' * 20}{n}" for n in (1, 2)]
    short = [dlt_seam.shortened(name, name, 63) for name in names]
    assert all(len(name) <= 63 for name in short)
    assert short[0] != short[1]
    assert dlt_seam.shortened("short", "short", 63) == "short"


def test_a_pipeline_without_progress_has_the_collector_that_shows_nothing(
    pipeline: dlt.Pipeline,
) -> None:
    assert pipeline.collector is dlt_seam.NULL_COLLECTOR
    assert isinstance(dlt.progress.log(), dlt_seam.Collector)


def test_failures_are_of_the_classes_that_are_told_apart(pipeline: dlt.Pipeline) -> None:
    @dlt.resource
    def broken() -> Iterator[Any]:
        yield from [1 / 0]

    with pytest.raises(dlt_seam.PipelineStepFailed) as failed:
        pipeline.extract(broken())
    assert failed.value.step == "extract"
    with pipeline.sql_client() as client, pytest.raises(dlt_seam.DestinationUndefinedEntity):
        client.execute_sql("SELECT * FROM nowhere")
    assert issubclass(dlt_seam.DestinationUndefinedEntity, dlt_seam.DestinationTerminalException)
    assert issubclass(dlt_seam.DestinationTerminalException, dlt_seam.DestinationException)
    assert issubclass(dlt_seam.SignalReceivedException, KeyboardInterrupt)


# -- a load that is whole


@dlt.resource(write_disposition={"disposition": "merge", "strategy": "delete-insert"})
def days() -> Iterator[Any]:
    yield [{"day": DAY, "n": n} for n in range(3)]


days.apply_hints(merge_key="day")


@dlt.source(name="merged")
def merged() -> Any:
    return days, numbers


class Followed:
    """A destination whose client notes which methods dlt calls, in their order."""

    def __init__(self, target: Any, *, merges: bool = True) -> None:
        self.calls: list[tuple[str, Any]] = []
        followed = self

        class Client(target.client_class):  # type: ignore[misc]
            def create_table_chain_completed_followup_jobs(self, chain: Any, jobs: Any) -> Any:
                followed.calls.append(("chain", chain[0]["name"]))
                return super().create_table_chain_completed_followup_jobs(chain, jobs)

            def _create_merge_followup_jobs(self, chain: Any) -> Any:
                followed.calls.append(("merge", chain[0]["name"]))
                return super()._create_merge_followup_jobs(chain) if merges else []

            def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
                own = bool(super().should_load_data_to_staging_dataset(table_name))
                return own or table_name == "numbers"

            def complete_load(self, load_id: str) -> None:
                filled = [[table["name"] for table in chain] for chain in chains(self, load_id)]
                followed.calls.append(("complete", filled))
                super().complete_load(load_id)

        chains = dlt_seam.loaded_chains

        class Target(type(target)):  # type: ignore[misc]
            client_class = Client

        self.target: Any = object.__new__(Target)
        vars(self.target).update(vars(target))


def followed_load(pipeline: dlt.Pipeline, *, merges: bool) -> Followed:
    followed = Followed(pipeline.destination, merges=merges)
    pipeline.destination = followed.target
    pipeline.run(merged())
    return followed


def test_a_job_that_failed_says_why_while_its_load_is_completed(
    pipeline: dlt.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run(counted())
    with pipeline.sql_client() as client:
        client.execute_sql("ALTER TABLE numbers ALTER n TYPE BOOLEAN[] USING []")
        kind: Any = type(pipeline.destination_client())
    said: list[Any] = []
    monkeypatch.setattr(
        kind, "complete_load", lambda _, load_id: said.append(dlt_seam.failed_jobs(load_id))
    )
    pipeline.extract(counted())
    pipeline.normalize()
    pipeline.load(raise_on_failed_jobs=False)
    (jobs,) = said
    assert list(jobs) == ["numbers"]
    assert "BOOLEAN[]" in jobs["numbers"]


def test_a_load_is_completed_once_when_all_tables_have_come(pipeline: dlt.Pipeline) -> None:
    calls = followed_load(pipeline, merges=True).calls
    tables = [["_dlt_pipeline_state"], ["days"], ["numbers"]]
    assert calls[-1] == ("complete", tables)
    assert [name for name, _ in calls].count("complete") == 1
    assert {told for name, told in calls if name == "chain"} == {name for (name,) in tables}
    assert [told for name, told in calls if name == "merge"] == ["days"]
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT count(*) FROM days") == [(3,)]
        assert client.execute_sql("SELECT status FROM _dlt_loads") == [(0,)]


def test_what_is_left_out_of_the_jobs_waits_in_staging(pipeline: dlt.Pipeline) -> None:
    followed_load(pipeline, merges=False)
    with pipeline.sql_client() as client:
        for table in ("days", "numbers"):
            assert client.execute_sql(f"SELECT count(*) FROM {table}") == [(0,)]
            _, staged = client.get_qualified_table_names(table)
            assert client.execute_sql(f"SELECT count(*) FROM {staged}") == [(3,)]


def test_the_row_of_a_load_has_the_columns_that_are_written(pipeline: dlt.Pipeline) -> None:
    pipeline.run(counted())
    written = "load_id, schema_name, status, inserted_at, schema_version_hash"
    with pipeline.destination_client() as client:
        assert isinstance(client, dlt_seam.SqlJobClientBase)
        assert client.loads_table_schema_columns.replace('"', "") == written
        # what a database may do another time, as a transaction that it broke off
        with pytest.raises(dlt_seam.DatabaseTransientException):
            client.sql_client.execute_sql("COMMIT")
