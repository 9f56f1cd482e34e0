"""The program before it has loaded anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

SLOW = """
import pathlib, time
pathlib.Path("loading").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("module", ["typer", "dlt"], ids=["the program", "a command"])
def test_ctrl_c_while_modules_load_leaves_no_traceback(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(SLOW)
    running = subprocess.Popen(
        [sys.executable, str(PROJECT / "pipelines" / "sync.py"), "status"],
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
