"""Runs Python programs in a child of a process that has imported already what a command of ours
imports: that is most of the time of a short one.

The child has words, environment, folder, files and exit code as a process of its own has, and ends
as Python ends. What it has not: how Python begins (PYTHON*, locale, sitecustomize), and the id that
signals are sent to. Who tests that starts `sys.executable`.

`python()` gives what to start instead: this file as a program with hardly any import, which hands
over all it was given to the process that forks, and ends as its child does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

TYPE_CHECKING = False  # typing's own takes a while
if TYPE_CHECKING:
    from typing import TextIO

# what `databuddy_source` offers, with all below; not `cli`, which looks at the terminal and the
# environment when it is imported, and not duckdb, which starts a thread that no child would have
OTHERS = (
    "anyio._backends._asyncio",
    "dlt._workspace.cli",
    "dlt.common.libs.pyarrow",
    "dlt.common.libs.sql_alchemy_compat",
    "dlt.sources.helpers.requests",
    "encodings.idna",
    "httpcore",
    "lazy_loader",
    "pendulum.locales.en.locale",
    "pyarrow.parquet",
    "rich.live",
    "rich.progress",
    "rich.table",
    "tomlkit",
    "typer",
)

_begun: list[str] = []


def python() -> list[str]:
    """Words to start Python with, as `[sys.executable]`."""
    if not _begun:
        _begun.append(_begin())
    return [sys.executable, "-ISE", __file__, *_begun]


def _begin() -> str:
    """Start the process that forks, which ends with this one. Returns its socket."""
    import atexit
    import subprocess
    import tempfile

    home = tempfile.TemporaryDirectory(prefix="forks-")
    place = f"{home.name}/socket"
    server = subprocess.Popen(
        [sys.executable, __file__, place, "listen"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=home.name,
    )

    def end() -> None:
        server.communicate()
        home.cleanup()

    atexit.register(end)
    assert server.stdout
    assert server.stdout.readline() == b"listens\n"
    return place


def _hand_over(place: str, words: list[str]) -> None:
    """Have words run as those of a command line of Python, and end as their process does."""
    variables = [f"{name}={value}" for name, value in os.environ.items()]
    folder = os.getcwd()  # noqa: PTH109  # pathlib takes as long as all the rest
    given = "\0".join([folder, str(len(words)), *words, *variables])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        socket.send_fds(server, [b"."], [0, 1, 2])
        server.sendall(os.fsencode(given))
        server.shutdown(socket.SHUT_WR)
        code = int(server.recv(16))
    if code < 0:  # by a signal
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _listen(place: str) -> None:
    """Fork for each that hands over, until stdin ends. Returns in the child."""
    import gc
    import select

    _import_all()
    gc.collect()
    gc.freeze()  # children copy less
    running = set()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(64)
        print("listens", flush=True)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                child = os.fork()
                if not child:
                    listener.close()
                    _serve(connection)
                    return
            running.add(child)
            running -= {each for each in running if os.waitpid(each, os.WNOHANG)[0]}
    for each in running:
        os.waitpid(each, 0)


def _import_all() -> None:
    import importlib
    from pathlib import Path

    sys.path[0] = str(Path(__file__).parents[1])
    ours = importlib.import_module("databuddy_source")
    for name in dir(ours):
        getattr(ours, name)
    for name in OTHERS:
        importlib.import_module(name)
    del sys.path[0]
    assert "duckdb" not in sys.modules


def _serve(connection: socket.socket) -> None:
    """Run what is handed over in a child, and say what it ended with. Returns in the child."""
    import time

    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as given:
        folder, number, *rest = os.fsdecode(given.read()).split("\0")
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(str(code).encode())
        os._exit(0)
    connection.close()
    for standard, file in enumerate(files):
        os.dup2(file, standard)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = map(_anew, (sys.stdin, sys.stdout, sys.stderr))
    os.environ.clear()
    os.environ.update(each.split("=", 1) for each in rest[int(number) :])
    time.tzset()
    os.chdir(folder)
    _begin_clocks()
    _run(rest[: int(number)])


def _begin_clocks() -> None:
    """dlt's ids of loads never fall behind the moment of its import: children that travel back in
    time would all have the same."""
    from dlt.common import time as of_dlt

    for clock in vars(of_dlt).values():
        if isinstance(clock, of_dlt.MonotonicPreciseTime):
            clock._last = of_dlt.precise_time()


def _anew(stream: TextIO) -> TextIO:
    """A standard stream whose file is another now, as Python makes it at its beginning."""
    return open(
        stream.fileno(),
        stream.mode,
        encoding=stream.encoding,
        errors=stream.errors,
        buffering=1 if stream is sys.stderr or os.isatty(stream.fileno()) else -1,
        closefd=False,
    )


def _run(words: list[str]) -> None:
    """What `python` does with the words behind it."""
    import runpy
    from pathlib import Path

    found = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [str(Path(place).absolute()) for place in found if place]
    match words:
        case ["-m", module, *options]:
            sys.path.insert(0, str(Path.cwd()))
            sys.argv = ["-m", *options]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", code, *options]:
            sys.path.insert(0, "")
            sys.argv = ["-c", *options]
            exec(code, {"__name__": "__main__"})
        case [script, *options]:
            sys.path.insert(0, str(Path(script).resolve().parent))
            sys.argv = [script, *options]
            runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[2:] == ["listen"]:
        _listen(sys.argv[1])
    else:
        _hand_over(sys.argv[1], sys.argv[2:])
