"""The program itself: what it is called, and how it ends. Imports nothing that takes time."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from databuddy_source.errors import Exit as Exit

NAME: Final = "databuddy-source"

FILE: Final = "sync.py"
"""`pipelines/sync.py`, by which a checkout is scheduled."""


def called() -> str:
    """What a person has to type to call this program again, as it was called this time."""
    path = Path(sys.argv[0])
    if path.name == FILE:
        return f"python {shlex.quote(sys.argv[0])}"
    if path.parts[-2:] == ("databuddy_source", "__main__.py"):
        return "python -m databuddy_source"
    if path.name == NAME and not path.is_absolute():
        return shlex.quote(sys.argv[0])
    return NAME  # found by its name, which gives a whole path


def to_type() -> str:
    """The same in full: also where PATH does not lead to it, or to another Python."""
    program = Path(sys.argv[0])
    if program.name == NAME and program.is_absolute():
        return NAME if shutil.which(NAME) == sys.argv[0] else shlex.quote(sys.argv[0])
    name, *words = called().split(" ", 1)
    found = shutil.which(name)
    if name != "python" or (found and Path(found).parent == Path(sys.executable).parent):
        return called()
    return " ".join((shlex.quote(sys.executable), *words))


def version_of(package: str) -> str:
    """The version of an installed package, or that it is not installed."""
    import tomllib
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # this project may run from its folder
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        if package != NAME or not project.exists():
            return "not installed"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def stand_in_for_closed() -> None:
    """Give a stream that was closed before the program began, as by `>&-`, a place where nothing
    is kept: else a file that is opened later could take its number, and be written into."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # to the end
            setattr(sys, name, nowhere)


@contextlib.contextmanager
def ends_when_stopped() -> Iterator[None]:
    """End the process at once where a command was stopped: native threads of what was stopped may
    still run, and would crash Python's own end. Nowhere else: what ended by itself, also in an
    error, has let go of all it had, and Python's own end closes databases and flushes files."""
    try:
        yield
    except SystemExit as end:
        if end.code not in {Exit.INTERRUPTED, Exit.TERMINATED}:
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code))
