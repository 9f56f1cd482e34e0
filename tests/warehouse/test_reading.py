"""A DuckDB file that is looked at: found as it is, and left as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from databuddy_source.coverage.reading import TABLE, Tables
from databuddy_source.errors import NoDatabase
from databuddy_source.warehouse.duckdb_file import tables_in
from databuddy_source.warehouse.reading import opened

MADE = (
    "CREATE SCHEMA databuddy; "
    "CREATE TABLE databuddy.coverage AS SELECT 'pages' AS report, 7 AS rows"
)
ASKED = "SELECT report FROM {table} WHERE {rows} = %s"


def nobody(sentence: str) -> None:
    raise AssertionError(sentence)


def made(file: Path) -> Path:
    with duckdb.connect(str(file)) as connection:
        connection.execute(MADE)
    return file


def read(tables: Tables | None) -> list[tuple[str]]:
    assert tables is not None
    return [tuple(row) for row in tables.rows(TABLE, ASKED, 7)]


@pytest.mark.parametrize("name", ["demo.duckdb", "it's mine.duckdb"])
def test_a_look_changes_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(file))
    before = file.read_bytes()
    with opened(name == "demo.duckdb", None, None, None, nobody) as tables:
        assert read(tables) == [("pages",)]
        assert tables.rows("websites", "SELECT * FROM {table}") == []
        with pytest.raises(duckdb.Error, match="read-only"):
            tables.rows(TABLE, "DELETE FROM {table}")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_called_like_its_dataset_is_read(tmp_path: Path) -> None:
    file = made(tmp_path / "demo.duckdb").rename(tmp_path / "databuddy.duckdb")
    with tables_in(file, "databuddy", nobody) as tables:
        assert read(tables) == [("pages",)]


def test_what_a_killed_writer_had_committed_is_read(tmp_path: Path) -> None:
    file = tmp_path / "demo.duckdb"
    code = f"import duckdb, os; c = duckdb.connect({str(file)!r}); c.execute({MADE!r}); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert file.with_name("demo.duckdb.wal").exists()
    with tables_in(file, "databuddy", nobody) as tables:
        assert read(tables) == [("pages",)]


@pytest.mark.parametrize("dataset", ["Databuddy", "another"])
def test_tables_of_a_dataset_that_the_file_spells_otherwise_are_left_to_dlt(
    dataset: str, tmp_path: Path
) -> None:
    with tables_in(made(tmp_path / "demo.duckdb"), dataset, nobody) as tables:
        assert tables is None


def test_who_writes_into_the_file_is_waited_for(tmp_path: Path) -> None:
    file = made(tmp_path / "demo.duckdb")
    code = f"import duckdb; c = duckdb.connect({str(file)!r}); print('open'); input()"
    told = []
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "open\n"

        def say(sentence: str) -> None:
            told.append(sentence)
            writer.communicate("done\n")

        with tables_in(file, "databuddy", say) as tables:
            assert read(tables) == [("pages",)]
    assert [f"PID {writer.pid}" in sentence for sentence in told] == [True]


def test_readers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    file = made(tmp_path / "demo.duckdb")
    code = (
        f"import duckdb; c = duckdb.connect({str(file)!r}, read_only=True); print('open'); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "open\n"
        with tables_in(file, "databuddy", nobody) as tables:
            assert read(tables) == [("pages",)]
        reader.communicate("done\n")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "demo.duckdb"
    file.write_text("no database" * 1_000)
    with (
        pytest.raises(NoDatabase, match=r"demo\.duckdb cannot be opened"),
        tables_in(file, "databuddy", nobody),
    ):
        pass
