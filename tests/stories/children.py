"""Work in a process of its own, forked before any thread begins, so that it costs no start of
Python."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from databuddy_source.model.query_types import load_catalog


def begun(folder: Path, work: Callable[[], object]) -> int:
    """Begin the work, whose stderr goes into `log` in the folder. Returns the number of the
    process."""
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND), 2)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def came_to_its_end(child: int) -> bool:
    """Whether it did, rather than to be killed or to fail."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def note_modules(folder: Path) -> None:
    """Called by work at its end, for `warm_up`."""
    (folder / "modules").write_text("\n".join(sys.modules))


def warm_up(folder: Path) -> None:
    """Have what each process would get anew, which takes longer than a load: what the work in this
    folder had at its end."""
    for module in (folder / "modules").read_text().splitlines():
        with suppress(Exception):
            importlib.import_module(module)
    load_catalog()
    gc.collect()
    gc.freeze()  # else each child would walk through it, and so copy it
