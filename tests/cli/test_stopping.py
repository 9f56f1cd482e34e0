"""A command stops when it is told to, wherever it is just then."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

IN_DEL = """
class Told:
    def __del__(self):
        os.kill(os.getpid(), SENT)

told = Told()
del told
"""
IN_WEAK_REFERENCE = """
class Told:
    pass

told = Told()
reference = weakref.ref(told, lambda _: os.kill(os.getpid(), SENT))
del told
"""
IN_BOTH = IN_WEAK_REFERENCE + IN_DEL
IN_OPEN = "os.kill(os.getpid(), SENT)"
WORK = """
import os, signal, sys, time, weakref
import typer
from databuddy_source.cli.console import for_people

def work() -> None:
    with for_people(False):
        exec({place!r}.replace("SENT", "{sent}"), globals())
        time.sleep(60)

app = typer.Typer()
app.command()(work)
app()
"""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "place",
    [IN_OPEN, IN_DEL, IN_WEAK_REFERENCE, IN_BOTH],
    ids=["in its own code", "in __del__", "when a weak reference calls back", "in both"],
)
def test_a_signal_stops_it_wherever_it_arrives(place: str, sent: signal.Signals, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(place=place, sent=int(sent))],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "run the same command again to go on" in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


IN_HOOK = """
import os, signal, sys, time
from databuddy_source.cli.stopping import Terminated, stopped_for_sure

class Fails:
    def __del__(self):
        raise ValueError

sys.unraisablehook = lambda _: (os.kill(os.getpid(), signal.SIGTERM), print("told"))
try:
    with stopped_for_sure():
        fails = Fails()
        del fails
        time.sleep(60)
except Terminated:
    print("stopped")
"""


def test_a_signal_stops_it_while_python_tells_of_another_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_HOOK], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["told", "stopped"]
