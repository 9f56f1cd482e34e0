"""Work in a process of its own, forked before any thread begins, so that it costs no start of
Python."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path


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
