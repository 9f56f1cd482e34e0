"""dlt's local state that cannot be read costs nothing: the warehouse has it, too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.warehouse.local_state import unreadable
from tests.cli.conftest import PROJECT, SYNC, Run

CHOICE = ("--report", "summary_metrics", "--report", "top_pages")


def cut_off(file: Path) -> None:
    file.write_text(file.read_text()[:200])


def emptied(file: Path) -> None:
    file.write_text("")


def of_another_version(file: Path) -> None:
    key = "_state_engine_version" if file.name == "state.json" else "engine_version"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: 999}))


@pytest.mark.parametrize("harm", [cut_off, emptied, of_another_version])
@pytest.mark.parametrize("name", ["state.json", "schemas/any.schema.json"])
def test_what_dlt_cannot_read_is_told_by_name(
    harm: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline("any", destination="duckdb", pipelines_dir=str(tmp_path))
    pipeline.extract([{"a": 1}], table_name="a")
    assert unreadable(tmp_path / "any") == ""
    harm(tmp_path / "any" / name)
    assert unreadable(tmp_path / "any").startswith(Path(name).name)


def without_its_sources(state: dict[str, Any]) -> None:
    state["sources"] = []


def with_a_cursor_that_is_none(state: dict[str, Any]) -> None:
    resource = state["sources"]["databuddy"]["resources"]["top_pages"]
    resource["incremental"]["date"]["last_value"] = "garbage"


def with_a_list_of_cursors(state: dict[str, Any]) -> None:
    state["sources"]["databuddy"]["resources"]["top_pages"]["incremental"] = []


@pytest.fixture
def synced(tmp_path: Path) -> Path:
    """A pipeline's folder, as a sync leaves it."""

    @dlt.source(name="databuddy")
    def databuddy() -> Any:
        days = dlt.resource([{"date": date(2026, 3, 20)}], name="top_pages")
        return days.apply_hints(incremental=dlt.sources.incremental("date"))

    pipeline = dlt.pipeline("any", destination="duckdb", pipelines_dir=str(tmp_path))
    pipeline.extract(databuddy())
    assert unreadable(tmp_path / "any") == ""
    return tmp_path / "any"


@pytest.mark.parametrize(
    "harm", [without_its_sources, with_a_cursor_that_is_none, with_a_list_of_cursors]
)
def test_a_state_of_another_shape_is_told_by_name(
    harm: Callable[[dict[str, Any]], None], synced: Path
) -> None:
    file = synced / "state.json"
    state = json.loads(file.read_text())
    harm(state)
    file.write_text(json.dumps(state))
    assert unreadable(synced).startswith("state.json: it is of another version, or was changed")


def test_a_schema_that_somebody_changed_or_took_away_is_told_by_name(synced: Path) -> None:
    (file,) = synced.glob("schemas/*")
    schema = json.loads(file.read_text())
    del schema["tables"]["top_pages"]
    file.write_text(json.dumps(schema))
    told = f"{file.name}: it was changed by something else than dlt"
    assert unreadable(synced) == told
    file.unlink()
    assert unreadable(synced) == f"{file.name}: it is gone"


def test_where_there_is_no_state_nothing_is_unreadable(tmp_path: Path) -> None:
    assert unreadable(tmp_path / "any") == ""


def test_an_unreadable_state_is_set_aside_and_made_again(
    run: Run, server: DemoServer, folder: Path
) -> None:
    chosen = (*CHOICE, "--website", server.websites[0].id)
    assert run(*chosen).returncode == 0
    state = folder / ".databuddy" / "databuddy_databuddy_warehouse"
    cut_off(state / "state.json")
    for command in ("status", "plan", "verify"):
        read = run(command, *chosen)
        assert read.returncode == 0, read.stderr
        assert not state.with_name(f"{state.name}.set_aside").exists(), "reading changes nothing"
    asked = len(server.log)
    # no request has room for old days
    synced = run(*chosen, SOURCES__DATABUDDY__PACK_SIZE="1")
    assert synced.returncode == 0, synced.stderr
    kept = list(state.with_name(f"{state.name}.set_aside").iterdir())
    assert len(kept) == 1
    told = [line for line in synced.stderr.splitlines() if "local state" in line]
    assert len(told) == 1
    assert f"(state.json: it is cut off or empty). It is kept in {kept[0]}" in told[0]
    days = {
        parameter["start_date"][:10]
        for request in server.log[asked:]
        if request.path.endswith("/query") and request.method == "POST"
        for body in (request.body if isinstance(request.body, list) else [request.body])
        for parameter in body["parameters"]
    }
    assert 0 < len(days) <= 5, "the cursor came from the warehouse"


def test_an_engine_that_was_cut_off_is_made_again(
    run: Run, server: DemoServer, folder: Path
) -> None:
    chosen = (*CHOICE, "--website", server.websites[0].id)
    assert run(*chosen).returncode == 0
    (engine,) = (folder / ".databuddy").glob("_engine_*.duckdb")
    engine.write_bytes(engine.read_bytes()[:3_000])
    synced = run(*chosen)
    assert synced.returncode == 0, synced.stderr


@pytest.mark.parametrize("command", ["sync", "backfill", "heal", "remove", "rebuild"])
def test_where_no_state_can_be_kept_nothing_is_asked_or_written(
    command: str, run: Run, server: DemoServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    home = tmp_path / "a file" / "state"
    words = {"backfill": ["--since", "2026-01-01"], "remove": ["--report", "pages"]}
    words["rebuild"] = ["--timezone", "Asia/Tokyo"]
    file = folder / "loaded before.duckdb"
    if command in {"heal", "remove", "rebuild"}:
        duckdb.connect(str(file)).close()
    before, asked = set(folder.iterdir()), len(server.log)
    done = run(
        command,
        *words.get(command, []),
        "--state-dir",
        str(home),
        DESTINATION__DUCKDB__CREDENTIALS=str(file),
    )
    assert done.returncode == 2, done.stderr
    assert f"The local state cannot be kept in {home}: Not a directory." in done.stderr
    assert "Name another folder with --state-dir or DATABUDDY_STATE_DIR" in done.stderr
    assert len(server.log) == asked
    assert set(folder.iterdir()) == before


def test_a_full_disk_is_said_before_anything_is_asked(
    run: Run, server: DemoServer, folder: Path, environment: dict[str, str]
) -> None:
    asked = len(server.log)
    done = subprocess.run(
        [sys.executable, "-c", FULL, *SYNC[1:], "sync", *CHOICE],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Make room or rights, then go on." in done.stderr
    assert len(server.log) == asked


FULL = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as on a full disk, writing is an error and no end
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("program", [SYNC, [sys.executable, "-m", "databuddy_source"]])
def test_a_working_directory_that_is_gone_is_named(
    program: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$0" && exec "$@"', str(gone), *program, "sync"],
        cwd=gone,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (told,) = done.stderr.splitlines()
    assert "The working directory is gone. Go to a folder that exists." in told
