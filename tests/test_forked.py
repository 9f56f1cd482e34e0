"""A forked program has what one that is started anew has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import python

TELLS = """
import atexit, json, locale, os, sys, threading, time
atexit.register(lambda: print("the end", flush=True))
told = {
    "name": __name__,
    "words": sys.argv,
    "folder": os.getcwd(),
    "environment": dict(sorted(os.environ.items())),
    "path": sys.path,
    "read": sys.stdin.read(),
    "streams": [
        [each.encoding, each.errors, each.line_buffering, each.mode, each.fileno(), each.isatty()]
        for each in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "zone": time.tzname,
    "threads": [each.name for each in threading.enumerate()],
    "files": sorted(os.listdir("/dev/fd"))[:-1],
}
print(json.dumps(told, indent=1))
sys.stderr.write("a half line")
exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    "how", [["./tells.py"], ["-m", "tells"], ["-c", TELLS]], ids=["script", "module", "code"]
)
@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "sys.exit(3)",
        "sys.exit('words')",
        "os._exit(7)",
        "os.kill(os.getpid(), 9)",
        "os.kill(os.getpid(), 15)",
        "threading.Thread(target=lambda: (time.sleep(0.01), print('later'))).start()",
    ],
)
def test_it_runs_and_ends_as_one_that_is_started_anew(
    how: list[str], end: str, tmp_path: Path
) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    (tmp_path / "elsewhere").mkdir()
    anew, forked = (
        subprocess.run(
            [*program, *how, end, "ü \udcff"],
            cwd=tmp_path,
            env={
                "A": "1\n=2",
                "TZ": "Asia/Kolkata",
                "PYTHONPATH": "elsewhere",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            input="a line\n",
            capture_output=True,
            text=True,
            check=False,
        )
        for program in ([sys.executable], python())
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        anew.returncode,
        anew.stdout,
        anew.stderr,
    )


def test_an_error_ends_it_with_1_and_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("raise ValueError('so')")
    done = subprocess.run(
        [*python(), "fails.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("ValueError: so\n")


LOAD_ID = """
import time_machine
from dlt.common.storages.load_package import create_load_id
with time_machine.travel(0):
    print(create_load_id())
"""


def test_two_that_travel_back_in_time_have_loads_of_their_own() -> None:
    ids = {
        subprocess.run([*python(), "-c", LOAD_ID], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(ids) == 2
