"""`python pipelines/sync.py`: exit codes, files, and what a person reads."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import PROGRAM, SYNC, Held, Outcome, Run
from tests.forked import python

SINCE = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
FEW = ["--report", "pages", "--report", "events_by_date", "--since", SINCE]


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


def rows(file: Path, table: str) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(f"SELECT count(*) FROM {file.stem}.databuddy.{table}").fetchone()
    return int(found[0]) if found else 0


def test_without_a_command_it_syncs_into_databuddy_duckdb(run: Run, folder: Path) -> None:
    done = run(*FEW)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "top_pages" in done.stdout
    assert "rows in 2 tables" in done.stdout
    assert {path.name for path in folder.iterdir()} == {"databuddy_warehouse.duckdb", ".databuddy"}
    assert (folder / ".databuddy" / ".gitignore").read_text() == "*\n"
    before = rows(folder / "databuddy_warehouse.duckdb", "top_pages")
    assert before > 0
    # a second run, and the query that it offers
    again = run("sync", *FEW)
    assert again.returncode == 0
    assert rows(folder / "databuddy_warehouse.duckdb", "top_pages") == before
    offered = next(line for line in again.stdout.splitlines() if "import duckdb" in line)
    shown = subprocess.run(
        offered, shell=True, cwd=folder, capture_output=True, text=True, check=True
    )
    assert "pageviews" in shown.stdout


def test_the_file_is_the_one_that_dlt_is_configured_with(run: Run, folder: Path) -> None:
    done = run(
        *FEW,
        "--dataset",
        "web",
        "--state-dir",
        str(folder / "state"),
        DESTINATION__DUCKDB__CREDENTIALS=str(folder / "other.duckdb"),
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {"other.duckdb", "state"}
    with duckdb.connect(str(folder / "other.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM web.top_pages").fetchone() == (True,)


@pytest.mark.parametrize(
    ("words", "changes", "code", "sentences"),
    [
        ([], {"SOURCES__DATABUDDY__API_KEY": None}, 1, ["No API key", "api_key under"]),
        ([], {"SOURCES__DATABUDDY__API_KEY": "dbdy_test_wrong"}, 1, ["rejects the key"]),
        (
            [],
            {"SOURCES__DATABUDDY__BASE_URL": "http://192.0.2.1"},
            2,
            ["unprotected", "allow_http"],
        ),
        ([], {"SOURCES__DATABUDDY__TIMEZONE": "Mars/X"}, 2, ["timezone = 'Mars/X'", "Europe/"]),
        (["--report", "top_pagez"], {}, 2, ["no query type 'top_pagez'", "Did you mean top_pages"]),
        (["--report", "link_clicks_by_day"], {}, 2, ["needs the id of a short link"]),
        (["--since", "soon"], {}, 2, ["since = 'soon'", "2026-01-31"]),
        (["--until", "2026-01-31"], {}, 2, ["until needs since"]),
        (["--website", "no.example"], {}, 2, ["'no.example'", "shop.example.com"]),
        (["--destination", "filesystem"], {}, 2, ["cannot replace", "duckdb"]),
        (["--destination", "nosuch"], {}, 2, ["--destination nosuch", "postgres"]),
        (["--dataset", "temp"], {}, 2, ["--dataset temp", "letters, digits"]),
        (["--since", "2999-01-01"], {}, 2, ["since (2999-01-01) is after today"]),
        (["--demo", "--destination", "postgres"], {}, 2, ["--demo has a DuckDB file of its own"]),
        ([], {"DESTINATION__DUCKDB__CREDENTIALS": ":memory:"}, 2, ["credentials names no file"]),
        ([], {"DESTINATION__DUCKDB__CREDENTIALS": "/proc/x.duckdb"}, 2, ["/proc", "--state-dir"]),
        (["--website", ""], {}, 2, ["--website = [''] is wrong: has an empty name"]),
        (["--nonsense"], {}, 2, ["No such option"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    words: list[str],
    changes: dict[str, str | None],
    code: int,
    sentences: list[str],
    invoke: Callable[..., Outcome],
    server: DemoServer,
    folder: Path,
) -> None:
    asked = len([arrival for arrival in server.log if arrival.path == "/v1/query"])
    done = invoke(*words, **changes)
    assert done.exit_code == code, done.stderr
    for sentence in sentences:
        assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert server.api_key not in done.stdout + done.stderr
    assert "dbdy_test_wrong" not in done.stdout + done.stderr
    assert len([arrival for arrival in server.log if arrival.path == "/v1/query"]) == asked
    assert not (folder / "databuddy_warehouse.duckdb").exists() or rows_nowhere(folder)


def rows_nowhere(folder: Path) -> bool:
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb"), read_only=True) as connection:
        return not connection.execute("SELECT 1 FROM information_schema.tables").fetchall()


def test_a_gap_ends_with_3_and_is_named(run: Run, server: DemoServer) -> None:
    shop = server.websites[0].id
    server.faults.add(
        Fault(
            query_type="top_pages",
            website_id=shop,
            day=date.fromisoformat(SINCE),
            parameter_error="out of memory",
            times=2,  # asked once more
        )
    )
    done = run(*FEW)
    assert done.returncode == 3
    assert "1 cell is not complete" in done.stderr
    assert "top_pages of" in done.stderr
    assert "out of memory" in done.stderr
    assert run(*FEW).returncode == 0  # asked again, and there


def test_all_types_of_a_healthy_server_are_a_success_and_one_line_names_what_always_fails(
    run: Run,
) -> None:
    done = run("--since", SINCE, SOURCES__DATABUDDY__QUERY_TYPES="all")
    assert done.returncode == 0, done.stderr
    assert "Skipped, since this server lacks them: " in done.stderr  # the demo is small
    assert done.stderr.count("\n") == 1
    assert done.stdout.count("page_performance") == 1
    assert "Unavailable on this server, so not loaded: page_performance.\n" in done.stdout


def test_columns_that_a_server_adds_are_in_the_table_and_in_the_summary(
    run: Run, folder: Path, server: DemoServer
) -> None:
    first = run(*FEW)
    assert "New columns" not in first.stdout
    row = {"name": "/", "pageviews": 1.5, "scrolls": 3}
    server.faults.add(Fault(query_type="top_pages", times=None, rows=[row]))
    done = run(*FEW)
    assert done.returncode == 0, done.stderr
    assert "\nNew columns: top_pages.pageviews__v_text, top_pages.scrolls.\n" in done.stdout
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb"), read_only=True) as connection:
        held = "SELECT DISTINCT scrolls, pageviews__v_text FROM databuddy.top_pages"
        assert (3.0, "1.5") in connection.execute(held).fetchall()
    assert "New columns" not in run(*FEW).stdout


def test_a_server_that_refuses_everything_is_a_failure(run: Run, server: DemoServer) -> None:
    page = {"content-type": "text/html"}
    server.faults.add(Fault(status=403, body="<html>blocked</html>", headers=page, times=None))
    asked = len(server.log)
    done = run("--since", SINCE)
    assert done.returncode == 1
    assert "an HTML page" in done.stderr
    assert "import duckdb" not in done.stdout
    assert len([a for a in server.log[asked:] if a.path == "/v1/query"]) < 60


def test_two_files_in_a_folder_have_a_cursor_each(run: Run, folder: Path) -> None:
    for name in ("a", "b"):
        done = run(*FEW, DESTINATION__DUCKDB__CREDENTIALS__DATABASE=str(folder / f"{name}.duckdb"))
        assert done.returncode == 0, done.stderr
    assert rows(folder / "a.duckdb", "top_pages") == rows(folder / "b.duckdb", "top_pages") > 0
    assert {path.name for path in (folder / ".databuddy").iterdir() if path.is_dir()} == {
        "databuddy_a",
        "databuddy_b",
    }


def test_a_proxy_of_the_environment_sees_no_key_meant_for_loopback(run: Run) -> None:
    done = run("check", HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr


def test_verbose_shows_each_request(run: Run) -> None:
    done = run(*FEW, "--verbose")
    assert done.returncode == 0
    assert "POST " in done.stderr
    assert "HTTP 200" in done.stderr


@contextmanager
def opened(file: Path, **options: bool) -> Iterator[int]:
    """Another program that has a DuckDB file open. Yields its id."""
    code = f"import duckdb; c = duckdb.connect({str(file)!r}, **{options}); print('open'); input()"
    with subprocess.Popen(
        [SYNC[0], "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == "open\n"
        yield program.pid
        program.communicate("done\n")


def test_an_open_file_is_waited_for(run: Run, folder: Path, environment: dict[str, str]) -> None:
    assert run(*FEW).returncode == 0
    file = folder / "databuddy_warehouse.duckdb"
    with opened(file) as pid:
        running = subprocess.Popen(
            [*python(), PROGRAM, *FEW],
            cwd=folder,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr
        told = running.stderr.readline()
    _, err = running.communicate()
    assert running.returncode == 0, err
    assert "is open in" in told
    assert f"PID {pid}" in told


def test_a_file_that_is_opened_during_the_fetch_is_waited_for(
    run: Run, folder: Path, hold: Callable[[], Held], environment: dict[str, str]
) -> None:
    assert run(*FEW).returncode == 0
    held = hold()
    running = subprocess.Popen(
        [*python(), PROGRAM, *FEW], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr
    held.wait_for_query(running)
    with opened(folder / "databuddy_warehouse.duckdb", read_only=True):
        held.let_go()
        told = running.stderr.readline()
    _, err = running.communicate()
    assert running.returncode == 0, err
    assert "is open in" in told


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_soon_and_it_says_how_to_go_on(
    sent: signal.Signals,
    code: int,
    folder: Path,
    environment: dict[str, str],
    hold: Callable[[], Held],
    run: Run,
) -> None:
    held = hold()
    running = subprocess.Popen(
        [*SYNC, *FEW], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    held.wait_for_query(running)
    running.send_signal(sent)
    _, err = running.communicate()  # though nothing is answered
    assert running.returncode == code
    assert "run the same command again to go on" in err
    assert "Traceback" not in err
    held.let_go()
    assert run(*FEW).returncode == 0
