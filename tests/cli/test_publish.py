"""`--publish`: readers and syncs never wait for each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.warehouse.publish import Publication
from tests.cli.conftest import Outcome, Run

SINCE = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
FEW = ["--report", "pages", "--since", SINCE]
COUNT = "SELECT count(*) FROM read.databuddy.top_pages"


def count(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        (found,) = connection.execute(COUNT).fetchall()
    return int(found[0])


@contextmanager
def analyst(file: Path) -> Iterator[Callable[[], int]]:
    """Somebody else, who has the file open; asks and gives the number of rows."""
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(file)!r}, read_only=True)\n"
        f"for _ in sys.stdin: print(c.execute({COUNT!r}).fetchone()[0], flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def ask() -> int:
            stdin.write("\n")
            stdin.flush()
            return int(stdout.readline())

        yield ask
        stdin.close()


def test_an_open_analyst_blocks_no_sync_and_keeps_reading_what_was(
    run: Run, folder: Path, server: DemoServer
) -> None:
    published = folder / "read.duckdb"
    done = run(*FEW, "--publish", "read.duckdb")
    assert (done.returncode, done.stderr) == (0, "")
    before = count(published)
    assert before > 0
    with analyst(published) as ask:
        assert ask() == before
        site = server.websites[0].id
        server.events.add(site, datetime.now(UTC) - timedelta(days=1), path="/published")
        done = run(*FEW, "--publish", str(published))
        assert (done.returncode, done.stderr) == (0, "")  # did not wait
        assert ask() == before
        assert count(published) == before + 1
    names = {path.name for path in folder.iterdir()}
    assert names == {"databuddy_warehouse.duckdb", "read.duckdb", ".databuddy"}
    assert published.stat().st_mode & 0o222 == 0


def test_each_load_of_a_series_is_published(
    invoke: Callable[..., Outcome], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databuddy_source.runs.series.QUESTIONS_PER_LOAD", 3)
    put, counts = Publication.put, []

    def counted(self: Publication, wait: Callable[[], None]) -> None:
        put(self, wait)
        counts.append(count(self.target))

    monkeypatch.setattr(Publication, "put", counted)
    first, last = (datetime.now(UTC) - timedelta(days=days) for days in (6, 5))
    days = ["--since", first.date().isoformat(), "--until", last.date().isoformat()]
    done = invoke("backfill", *days, "--report", "pages", "--publish", "read.duckdb")
    assert done.exit_code == 0, done.stderr
    assert len(counts) == 2
    assert 0 < counts[0] < counts[1]


def test_a_copy_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, target = tmp_path / "web.duckdb", tmp_path / "read.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    publication = Publication.of(file, target)
    publication.put(lambda: None)
    before = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        publication.put(lambda: None)
    assert target.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"web.duckdb", "read.duckdb"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--publish", "databuddy_warehouse.duckdb"], "is the file that is synced into"),
        (["--publish", "nowhere/read.duckdb"], "is no place for a file"),
        (["--publish", "."], "is no place for a file"),
        (["--publish", "read.duckdb", "--destination", "postgres"], "this destination is none"),
    ],
)
def test_what_cannot_be_published_is_refused_before_anything_is_asked(
    words: list[str], sentence: str, invoke: Callable[..., Outcome], server: DemoServer
) -> None:
    asked = len(server.log)
    done = invoke(*FEW, *words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert [arrival for arrival in server.log[asked:] if arrival.path == "/v1/query"] == []
