"""The program before it has loaded anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from databuddy_source.coverage.table import SCHEMA

PROJECT = Path(__file__).resolve().parents[2]

SLOW = """
import pathlib, time
pathlib.Path("loading").touch()
time.sleep(600)
"""


@pytest.mark.parametrize(
    "module", ["shlex", "typer", "dlt"], ids=["the first", "the program", "a command"]
)
def test_ctrl_c_while_modules_load_leaves_no_traceback(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(SLOW)
    running = subprocess.Popen(
        [sys.executable, str(PROJECT / "pipelines" / "sync.py"), "sync"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        while not (tmp_path / "loading").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate()
    finally:
        running.kill()
    assert (running.returncode, said) == (-signal.SIGINT, b"")


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['typer'] = None\n"
        "from databuddy_source.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "The command line needs the extra cli: pip install 'databuddy-source[cli,duckdb]'\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_keep_no_command_from_its_work(closed: str, tmp_path: Path) -> None:
    program = PROJECT / "pipelines" / "sync.py"
    done = subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' '{program}' discover --demo --json {closed}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["uvicorn", "duckdb"])
def test_the_demo_server_without_its_extra_says_what_to_install(
    module: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules['{module}'] = None\n")
    done = subprocess.run(
        [sys.executable, "-m", "databuddy_source.demo", "--port", "0"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "The demo server needs the extra demo: pip install 'databuddy-source[demo]' ("
    )
    assert done.stderr.count("\n") == 1


def test_the_status_of_the_demo_needs_no_dlt(tmp_path: Path) -> None:
    """Which takes longer to import than all that is needed."""
    covered = SCHEMA.append(pa.field("_dlt_load_id", pa.string())).empty_table()
    with duckdb.connect(str(tmp_path / "demo.duckdb")) as connection:
        connection.execute("CREATE SCHEMA databuddy")
        connection.register("covered", covered)
        connection.execute("CREATE TABLE databuddy.coverage AS FROM covered")
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['dlt', 'pyarrow', 'httpx'])\n"
        "sys.argv[1:] = ['status', '--demo']\n"
        "from databuddy_source.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Nothing is lacking.\n", "")
