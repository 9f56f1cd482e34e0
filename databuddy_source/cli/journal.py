"""What is told on stderr: sentences for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from databuddy_source.clock import now

_OWN = logging.getLogger("pipelines")
_SOURCE = logging.getLogger("databuddy_source")
_STYLES = {logging.ERROR: ("Error: ", "bold red"), logging.WARNING: ("Warning: ", "yellow")}

_zone: ZoneInfo | None = None


def begin(err: Console, *, as_json: bool, verbose: bool, quiet: bool, with_times: bool) -> None:
    """Tell from now on what happens.

    Args:
        err: where to.
        as_json: one object a line.
        verbose: each request, too.
        quiet: only what is wrong.
        with_times: each sentence begins with the time, as in a log.
    """
    handler: logging.Handler = _JsonLines(err) if as_json else _Sentences(err, with_times)
    for logger, usually in ((_OWN, logging.INFO), (_SOURCE, logging.WARNING)):
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if verbose else logging.WARNING if quiet else usually)


def use_zone(name: str) -> None:
    """Tell times in this zone (IANA name). Before that, they are told in the machine's."""
    global _zone
    _zone = ZoneInfo(name)


def tell(
    level: int,
    sentence: str,
    event: str,
    facts: Mapping[str, object],
    *,
    for_programs: bool = False,
) -> None:
    """Write one line, unless the level is not told; `for_programs` only where lines are JSON."""
    extra = {"event": event, "facts": facts, "for_programs": for_programs}
    _OWN.log(level, "%s", sentence, extra=extra)


def moment(at: datetime | None = None) -> str:
    """An instant, by default this one, in the user's zone with its offset, to the second."""
    local = (at or now()).astimezone(_zone)
    return local.isoformat(sep=" ", timespec="seconds")


class _Sentences(logging.Handler):
    """A sentence a line."""

    def __init__(self, err: Console, with_times: bool) -> None:
        super().__init__()
        self._err = err
        self._with_times = with_times

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "for_programs", False):
            return
        label, style = _STYLES.get(record.levelno, ("", ""))
        when = moment() + " " if self._with_times else ""
        line = Text(when)
        line.append(label, style)
        line.append(self._err.render_str(record.getMessage()))
        self._err.print(line)


class _JsonLines(logging.Handler):
    """An object a line: `time`, `level`, `event`, `message`, and facts of the event. Letters
    beyond ASCII are escaped, so no name can steer a terminal or break a line."""

    def __init__(self, err: Console) -> None:
        super().__init__()
        self._err = err

    def emit(self, record: logging.LogRecord) -> None:
        line = {
            "time": moment().replace(" ", "T", 1),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "log"),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        self._err.file.write(json.dumps(line, default=str) + "\n")
        self._err.file.flush()
