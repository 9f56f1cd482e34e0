"""What is said meanwhile, where whoever runs us looks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OWN = logging.getLogger("databuddy_source")


@contextmanager
def logs_to(log: logging.Logger | logging.LoggerAdapter[Any]) -> Iterator[None]:
    """Show what the package says while the block runs in another log, too, from INFO on, whatever
    is configured.

    Args:
        log: an orchestrator's, such as `context.log` of Dagster.

    Raises:
        nothing.
    """
    handler, level = _To(log), OWN.level
    OWN.addHandler(handler)
    if OWN.getEffectiveLevel() > logging.INFO:
        OWN.setLevel(logging.INFO)
    try:
        yield
    finally:
        OWN.removeHandler(handler)
        OWN.setLevel(level)


class _To(logging.Handler):
    def __init__(self, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(record.levelno, "%s", record.getMessage())
