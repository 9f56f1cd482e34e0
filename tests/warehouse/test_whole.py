"""A destination whose loads happen whole: when it is there, and what it tries again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dlt
import pytest

from databuddy_source import databuddy_source
from databuddy_source.dlt_seam import DatabaseTerminalException, DatabaseTransientException
from databuddy_source.tables.hints import REPLACE_PARTITION
from databuddy_source.warehouse import duckdb_file, whole
from databuddy_source.warehouse.transactions import TRANSACTIONS
from databuddy_source.warehouse.whole import make_whole


@dlt.resource(write_disposition=REPLACE_PARTITION, merge_key="day")
def days(number: int) -> Iterator[Any]:
    yield [{"day": 1, "number": number}, {"day": 1, "number": number}]


@dlt.resource(write_disposition=REPLACE_PARTITION, primary_key="day")
def orders(number: int) -> Iterator[Any]:
    yield [{"day": 1, "lines": [{"number": number}, {"number": number}]}]


@dlt.resource
def notes(number: int) -> Iterator[Any]:
    yield [{"number": number}]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[dlt.Pipeline]:
    made = dlt.pipeline(
        "whole",
        destination=dlt.destinations.duckdb(str(tmp_path / "web.duckdb")),
        dataset_name="held",
        pipelines_dir=str(tmp_path / "state"),
    )
    make_whole(made)
    yield made
    made.deactivate()


def query(pipeline: dlt.Pipeline, sql: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        return [tuple(row) for row in client.execute_sql(sql) or ()]


def is_whole(pipeline: dlt.Pipeline) -> bool:
    return issubclass(pipeline.destination.client_class, whole._WholeClient)


def test_tables_of_a_user_come_along_each_in_its_own_way(pipeline: dlt.Pipeline) -> None:
    for number in (1, 2):
        pipeline.run([days(number), orders(number), notes(number)])
    assert query(pipeline, "SELECT number FROM days") == [(2,), (2,)]
    assert query(pipeline, "SELECT number FROM orders__lines") == [(2,), (2,)]
    assert query(pipeline, "SELECT number FROM notes ORDER BY number") == [(1,), (2,)]
    assert query(pipeline, "SELECT count(*) FROM _dlt_loads WHERE status = 0") == [(2,)]


@pytest.mark.parametrize(
    "meddle",
    [
        "INSERT INTO {table} FROM {table}",  # a job was killed before dlt noted it, and ran again
        "INSERT INTO {table} SELECT * REPLACE ('another' AS _dlt_load_id) FROM {table}",
        "DELETE FROM {table}",
    ],
    ids=["twice", "of another load", "gone"],
)
def test_what_is_staged_are_the_rows_of_the_load_each_once(
    meddle: str, pipeline: dlt.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = whole._WholeClient.complete_load

    def after_all_jobs(client: Any, load_id: str) -> None:
        with client.with_staging_dataset():
            for table in ("days", "_dlt_pipeline_state"):
                if table == "days" or "DELETE" not in meddle:
                    name = client.sql_client.make_qualified_table_name(table)
                    client.sql_client.execute_sql(meddle.format(table=name))
        complete(client, load_id)

    pipeline.run(days(1), loader_file_format="parquet")
    monkeypatch.setattr(whole._WholeClient, "complete_load", after_all_jobs)
    pipeline.run([days(2), notes(2)], loader_file_format="parquet")
    assert query(pipeline, "SELECT number FROM days") == [(2,), (2,)]
    assert query(pipeline, "SELECT number FROM notes") == [(2,)], "was appended, and not staged"
    found = query(pipeline, "SELECT COUNT(*), COUNT(DISTINCT version) FROM _dlt_pipeline_state")
    assert found[0][0] == found[0][1]
    assert query(pipeline, "SELECT COUNT(*) FROM _dlt_loads WHERE status = 0") == [(2,)]


@pytest.mark.parametrize("is_done", [False, True], ids=["broken off", "done and not answered"])
def test_a_transaction_that_is_broken_off_is_tried_again_and_never_done_twice(
    is_done: bool, pipeline: dlt.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tries = TRANSACTIONS["duckdb"], []

    def flaky(client: Any, statements: Any) -> None:
        tries.append(len(statements))
        if is_done or len(tries) > 1:
            run(client, statements)
        if len(tries) == 1:
            raise DatabaseTransientException(OSError("concurrent update"))

    monkeypatch.setitem(TRANSACTIONS, "duckdb", flaky)  # type: ignore[arg-type]
    monkeypatch.setattr(whole, "wait_random_exponential", lambda **_: lambda _: 0)
    pipeline.run(days(1))
    assert len(tries) == (1 if is_done else 2)
    assert query(pipeline, "SELECT number FROM days") == [(1,), (1,)]
    assert query(pipeline, "SELECT status FROM _dlt_loads") == [(0,)]
    assert query(pipeline, "SELECT count(*) FROM _dlt_pipeline_state") == [(1,)]


def test_somebody_who_looks_into_the_file_ends_no_load(
    pipeline: dlt.Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True); "
    looks += "print('open', flush=True); sys.stdin.read()"
    readers: list[subprocess.Popen[bytes]] = []
    tries: list[int] = []

    def look() -> None:
        command = [sys.executable, "-c", looks, str(tmp_path / "web.duckdb")]
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        readers.append(reader)
        assert reader.stdout
        assert reader.stdout.readline().strip() == b"open"

    def leave(_: object) -> float:
        tries.append(len(readers))
        readers[-1].communicate()
        return 0

    def in_the_step(client: Any, *given: Any, **named: Any) -> Any:
        if len(readers) == 1:
            look()
        return create(client, *given, **named)

    pipeline.run(days(1))
    create = whole._WholeClient.create_load_job
    monkeypatch.setattr(duckdb_file, "wait_fixed", lambda _: leave)
    monkeypatch.setattr(whole._WholeClient, "create_load_job", in_the_step)
    look()
    pipeline.run(days(2))
    assert tries == [1, 2], "before the step, and in it"
    assert query(pipeline, "SELECT number FROM days") == [(2,), (2,)]


def test_a_script_is_one_request_with_one_transaction() -> None:
    sent: list[str] = []

    class Client:
        execute_sql = staticmethod(sent.append)

    client: Any = Client()
    TRANSACTIONS["bigquery"](client, ["DELETE FROM a ; ", "INSERT INTO a SELECT ';'"])
    (script,) = sent
    assert script.splitlines() == [
        "BEGIN TRANSACTION;",
        "DELETE FROM a;",
        "INSERT INTO a SELECT ';';",
        "COMMIT TRANSACTION;",
    ]


@pytest.mark.parametrize("name", ["postgres", "snowflake"])
@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (None, [2]),
        # a message does not tell which of its statements was refused
        (DatabaseTerminalException(OSError("too long")), [2, 1, 1]),
        (DatabaseTransientException(OSError("connection lost")), [2]),
    ],
    ids=["done", "refused", "broken off"],
)
def test_a_transaction_is_one_message_and_after_a_refusal_one_for_each_statement(
    error: Exception | None, sent: list[int], name: str
) -> None:
    transactions: list[list[str]] = []

    class Client:
        dataset_name = "web"

        @contextmanager
        def begin_transaction(self) -> Iterator[None]:
            transactions.append([])
            yield

        def execute_sql(self, sql: str, *_: Any) -> Any:
            if "refused" in sql or "DELETE" in sql:  # else it takes its turn
                transactions[-1].append(sql)
            if error and "refused" in sql:
                raise error

    client: Any = Client()
    statements = ["DELETE FROM a;", "INSERT INTO refused SELECT ';'"]
    told: Any = pytest.raises(type(error)) if error else nullcontext()
    with told as raised:
        TRANSACTIONS[name](client, statements)
    assert [each.count("\n") or 1 for own in transactions for each in own] == sent
    if len(sent) > 1:
        assert transactions[-1] == statements
        assert statements[-1] in getattr(raised.value, "__notes__", ())


def test_what_is_known_of_a_destination_stays(pipeline: dlt.Pipeline, tmp_path: Path) -> None:
    plain = dlt.destinations.duckdb(str(tmp_path / "web.duckdb"))
    assert pipeline.destination.destination_type == plain.destination_type
    assert pipeline.destination.destination_name == plain.destination_name
    assert is_whole(pipeline)
    before = pipeline.destination
    make_whole(pipeline)
    assert pipeline.destination is before


def test_other_destinations_keep_the_merges_of_dlt(tmp_path: Path) -> None:
    made = dlt.pipeline(
        "other", str(tmp_path / "state"), destination=dlt.destinations.filesystem(str(tmp_path))
    )
    before = made.destination
    make_whole(made)
    assert made.destination is before
    made.deactivate()


@pytest.mark.parametrize("is_first", [True, False], ids=["pipeline first", "source first"])
def test_a_pipeline_that_is_there_when_the_source_is_made_loads_whole(
    is_first: bool, tmp_path: Path
) -> None:
    def made() -> dlt.Pipeline:
        target = dlt.destinations.duckdb(str(tmp_path / "web.duckdb"))
        return dlt.pipeline("plain", str(tmp_path / "state"), destination=target)

    def source() -> object:
        given = {"api_key": "dbdy_" + "x" * 40, "base_url": "http://127.0.0.1:9"}
        return databuddy_source(**given, websites=["shop"])

    order: list[Callable[[], object]] = [made, source] if is_first else [source, made]
    pipeline = next(each for each in [step() for step in order] if isinstance(each, dlt.Pipeline))
    assert is_whole(pipeline) is is_first
    pipeline.deactivate()
