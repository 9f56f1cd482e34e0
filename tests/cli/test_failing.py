"""Whatever goes wrong, a command ends with its exit code and a sentence, and nothing comes
after."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from databuddy_source.cli.program import Exit
from databuddy_source.demo import DemoServer
from tests.campaign import IS_CAMPAIGN, SEED
from tests.cli.conftest import PROJECT, Run
from tests.cli.failing import FILE, TODAY, WAYS, chosen, fail, refusing


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


@pytest.mark.parametrize(("name", "command"), chosen(IS_CAMPAIGN, SEED))
def test_a_failing_command_says_its_sentence_and_ends(
    name: str, command: str, server: DemoServer, environment: dict[str, str], tmp_path: Path
) -> None:
    way = WAYS[name]
    done = fail(way, command, tmp_path / "run", environment, server)
    assert done.returncode == way.code, done.stderr
    told = done.stdout + done.stderr
    assert way.says in told
    assert "Traceback" not in told
    # what `check` finds is its result
    assert done.stderr or command == "check"
    if done.stderr:
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1


def test_a_report_that_the_warehouse_refuses_is_named_and_the_others_arrive(
    run: Run, folder: Path
) -> None:
    into = {"DESTINATION__DUCKDB__CREDENTIALS": str(folder / FILE)}
    words = ("--since", TODAY, "--report", "top_pages", "--report", "countries")
    assert run(*words, **into).returncode == Exit.COMPLETE
    with refusing("top_pages", folder):
        done = run(*words, **into)
    assert done.returncode == Exit.INCOMPLETE, done.stderr
    told = done.stdout + done.stderr
    assert "the warehouse refuses its rows (Constraint Error: NOT NULL" in told
    assert re.search(r"^top_pages +0 ", done.stdout, re.MULTILINE), "what stays was not loaded"
    assert "Traceback" not in told
    assert run("status", "--report", "top_pages", **into).returncode == Exit.INCOMPLETE
    assert run("status", "--report", "countries", **into).returncode == Exit.COMPLETE


KEPT = """
import atexit, gc, sys, weakref
import typer
from databuddy_source.cli.console import for_people
from databuddy_source.cli.program import ends_when_stopped

class Run:
    pass

def work() -> None:
    with for_people(False):
        run = Run()
        atexit.register(tell, weakref.ref(run))
        raise ValueError("wrong")

def tell(run: weakref.ref[Run]) -> None:
    gc.collect()  # as Python does next, before it takes modules down
    print(run() is not None)

app = typer.Typer()
app.command()(work)
with ends_when_stopped():
    app()
"""


def test_nothing_of_a_run_that_failed_is_alive_when_python_begins_to_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEPT], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "False\n"), done.stderr
    assert done.stderr.endswith("Error: ValueError: wrong\n")
