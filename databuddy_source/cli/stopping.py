"""How Ctrl-C and SIGTERM stop the program, wherever it is just then. Imports next to nothing, since
until it is imported Ctrl-C prints a traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SOON = 0.01
"""Seconds until a stop that Python has passed over is raised once more."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: stop as for Ctrl-C, which lets go of connections and locks."""


@contextmanager
def ends_at_ctrl_c() -> Iterator[None]:
    """While modules are loaded, Ctrl-C ends the program at once: a traceback would tell of modules
    that are half loaded, and there is nothing yet to be tidied up."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or not _handles(signal.SIGINT, signal.SIG_DFL):
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopped_for_sure() -> Iterator[None]:
    """In the block, SIGTERM raises `Terminated`, and Ctrl-C `KeyboardInterrupt` as ever, also
    where Python passes over what is raised: in a `__del__`, or when a weak reference calls back."""
    passed_over: list[BaseException] = []

    def terminate(code: int, frame: FrameType | None) -> None:
        stop(Terminated(), frame)

    def again(code: int, frame: FrameType | None) -> None:
        stop(passed_over.pop(), frame)

    def stop(why: BaseException, frame: FrameType | None) -> None:
        while frame:
            if frame.f_code is remember.__code__:  # where it would be passed over, too
                remember_it(why)
                return
            frame = frame.f_back
        raise why

    def remember(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            remember_it(unraisable.exc_value)
        else:
            report(unraisable)

    def remember_it(why: BaseException) -> None:
        passed_over.append(why.with_traceback(None))
        signal.setitimer(signal.ITIMER_REAL, SOON)

    if not (_handles(signal.SIGTERM, terminate) and _handles(signal.SIGALRM, again)):
        yield
        return
    report, sys.unraisablehook = sys.unraisablehook, remember
    try:
        yield
    finally:
        sys.unraisablehook = report


def _handles(
    number: signal.Signals, handler: Callable[[int, FrameType | None], None] | signal.Handlers
) -> bool:
    try:
        signal.signal(number, handler)
    except ValueError:  # only the main thread may, and tests have others
        return False
    return True
