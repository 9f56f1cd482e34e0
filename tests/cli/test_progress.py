"""What a run tells while it goes on: live on a terminal, lines in a log, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from databuddy_source.api.budget import Budget
from databuddy_source.cli.progress_bar import Live, time_left
from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import SYNC, Held, Run
from tests.cli.terminal import Terminal
from tests.cli.test_backfill_command import DAYS, REPORTS
from tests.cli.test_sync_command import FEW


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


def lines(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines()]


def test_a_terminal_shows_how_far_it_is(
    folder: Path, environment: dict[str, str], hold: Callable[[], Held]
) -> None:
    held = hold()
    with Terminal([*SYNC, *FEW], folder, environment) as terminal:
        terminal.wait_for("Asking 0/24 cells, 0 rows, 1 request, 119 more this minute")
        held.let_go()
        terminal.wait_for("Loading")
        assert terminal.finish() == 0
        # the line that changed is gone, the cursor is back, the summary stays
        assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
        assert terminal.shown.rindex("rows in 2 tables") > terminal.shown.rindex("\x1b[2K")


def test_a_terminal_is_left_as_it_was_when_interrupted(
    folder: Path, environment: dict[str, str], hold: Callable[[], Held]
) -> None:
    hold()
    with Terminal([*SYNC, *FEW], folder, environment) as terminal:
        terminal.wait_for("1 request, 119 more")
        terminal.press("C")
        assert terminal.finish() == 130
        assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
        assert "run the same command again to go on" in terminal.text
        assert "Traceback" not in terminal.text


def test_json_has_a_line_for_each_load(run: Run) -> None:
    done = run("backfill", *DAYS, *REPORTS, "--log-format", "json")
    assert done.returncode == 0
    assert done.stdout == ""
    told = lines(done.stderr)
    assert all({"time", "level", "event", "message"} <= set(each) for each in told)
    assert [each["event"] for each in told] == ["load", "progress", "done"]
    load, _, end = told
    assert load["cells"] == end["cells"] == 24
    assert load["rows"] == end["rows"] == sum(load["tables"].values()) > 0
    assert (load["first_day"], load["last_day"]) == (DAYS[1], DAYS[3])
    assert end["exit_code"] == 0
    assert end["requests"] == 3


def test_times_are_those_of_the_users_zone(run: Run) -> None:
    done = run("plan", "--log-format", "json", SOURCES__DATABUDDY__TIMEZONE="Mars/X")
    assert done.returncode == 2
    zone = {"SOURCES__DATABUDDY__TIMEZONE": "Asia/Kathmandu"}
    done = run(*FEW, "--log-format", "json", **zone)
    for each in lines(done.stderr):
        assert datetime.fromisoformat(each["time"]).utcoffset() == timedelta(hours=5, minutes=45)


def test_errors_and_gaps_are_json_too(run: Run, server: DemoServer) -> None:
    wrong = run("--report", "top_pagez", "--log-format", "json")
    assert wrong.returncode == 2
    (error,) = lines(wrong.stderr)
    assert (error["level"], error["event"], error["exit_code"]) == ("error", "error", 2)
    assert "Did you mean top_pages" in error["message"]
    server.faults.add(
        Fault(query_type="top_pages", parameter_error="out of\nmemory \x1b[31m", times=None)
    )
    done = run(*FEW, "--log-format", "json")
    assert done.returncode == 3
    gap = next(each for each in lines(done.stderr) if each["event"] == "gap")
    assert gap["level"] == "warning"
    assert gap["reports"] == ["top_pages"]
    assert "out of" in gap["reason"]
    assert gap["website"] in [website.id for website in server.websites]
    assert lines(done.stderr)[-1]["exit_code"] == 3


def test_quiet_tells_only_what_is_wrong(run: Run, server: DemoServer) -> None:
    done = run(*FEW, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    server.faults.add(Fault(query_type="top_pages", parameter_error="out of memory", times=None))
    done = run(*FEW, "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert "out of memory" in done.stderr


def test_plan_and_verify_have_a_line_too(run: Run, folder: Path) -> None:
    (planned,) = lines(run("plan", *DAYS, *REPORTS, "--log-format", "json").stderr)
    assert (planned["event"], planned["cells"], planned["requests"]) == ("plan", 24, 3)
    assert run("backfill", *DAYS, *REPORTS).returncode == 0
    (equal,) = lines(run("verify", "--log-format", "json").stderr)
    assert (equal["event"], equal["equal"], equal["different"]) == ("done", 24, 0)
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb")) as connection:
        connection.execute("UPDATE databuddy.top_pages SET visitors = 99999")
    found = run("verify", "--quiet")
    assert (found.returncode, found.stdout) == (3, "")
    assert "different: top_pages of" in found.stderr
    assert "visitors is 99999 here" in found.stderr


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    from databuddy_source.cli import progress_bar

    said: list[str] = []
    times = iter([0.0, 0.0, *range(0, 100, 10)])
    monkeypatch.setattr(progress_bar, "say", lambda sentence, **facts: said.append(sentence))
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: float(next(times, 100.0)))
    live = Live(Budget(120), on_terminal=False)
    with live("Extract databuddy"):
        live.update("Cells", 0, total=50)
        for _ in range(50):
            live.update("Cells", 1)
    assert said
    assert len(said) < 5
    assert all(line.startswith("Asking: ") and "/50 cells" in line for line in said)


def test_the_time_that_is_left_follows_the_slower_of_speed_and_limit() -> None:
    assert time_left(0, 100, 10.0, 1, Budget(120)) is None
    assert time_left(4, 100, 10.0, 1, Budget(120)) is None
    assert time_left(50, 100, 10.0, 1, Budget(120)) == 10.0
    assert time_left(100, 100, 10.0, 1, Budget(120)) == 0.0
    # nine more requests where two may leave: seven wait for places, at two a minute
    assert time_left(10, 100, 1.0, 1, Budget(2)) == 7 / 2 * 60
    left = [time_left(done, 100, 10.0, 5, Budget(120)) or 0.0 for done in (5, 10, 50, 99)]
    assert all(before > after for before, after in pairwise(left))


def test_any_progress_of_dlt_shows_the_cells(tmp_path: Path, server: DemoServer) -> None:
    import io

    import dlt
    from dlt.common.runtime.collector import LogCollector

    from databuddy_source import databuddy_source

    shown = io.StringIO()
    pipeline = dlt.pipeline(
        "counted",
        destination="duckdb",
        dataset_name="web",
        pipelines_dir=str(tmp_path),
        progress=LogCollector(0.0, logger=shown, dump_system_stats=False),
    )
    pipeline.extract(
        databuddy_source(
            api_key=server.api_key,
            base_url=server.url,
            websites=[server.websites[0].id, server.websites[1].id],
            query_types=["pages", "country"],
            since=FEW[-1],
        )
    )
    assert "Cells: 16/16 (100.0%)" in shown.getvalue()
    assert "Rows: " in shown.getvalue()
