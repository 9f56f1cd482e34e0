"""One sync at a time for each pipeline of a machine."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import dlt
from filelock import FileLock, Timeout

from databuddy_source.clock import now
from databuddy_source.errors import AlreadyRunning


@contextlib.contextmanager
def alone(
    pipeline: dlt.Pipeline, *, wait: bool = False, say: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the pipeline's lock. The system lets go of it when the process ends, however it ends.

    Args:
        pipeline: the lock lies beside its local state.
        wait: for another process to be done; else it is an error.
        say: told whom we wait for.

    Raises:
        AlreadyRunning: says who holds it.
    """
    home = Path(pipeline.pipelines_dir)
    home.mkdir(parents=True, exist_ok=True)
    # a singleton may be acquired again by who holds it
    lock = FileLock(home / f"{pipeline.pipeline_name}.lock", is_singleton=True)
    holder = home / f"{pipeline.pipeline_name}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = f"Another sync into {pipeline.dataset_name} is running: {_read(holder)}"
        if not wait:
            raise AlreadyRunning(who) from None
        say(f"{who}; waiting for it.")
        lock.acquire()
    try:
        since: datetime = now()
        holder.write_text(f"{this_process()}, since {since:%Y-%m-%d %H:%M:%S} UTC")
        yield
    finally:
        lock.release()


def this_process() -> str:
    """What others are told of who runs."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _read(holder: Path) -> str:
    with contextlib.suppress(OSError):
        return holder.read_text() or "it has just begun"
    return "it has just begun"
