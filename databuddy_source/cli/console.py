"""What a person sees: how texts are shown, and where they go.

Results go to stdout. What goes on meanwhile, warnings and errors go to stderr: as sentences, or
with `--log-format json` as one JSON object a line.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from databuddy_source.cli import journal
from databuddy_source.cli.failures import let_go, sentence_and_code
from databuddy_source.cli.options import LogFormat
from databuddy_source.cli.stopping import stopped_for_sure

LONGEST = 60
"""Letters of a name that others chose, such as a website's."""

LONGEST_TEXT = 4_000
"""Letters of all else: messages of servers may be pages."""

LINES_SHOWN = 10
"""Of many that say the same of different things."""


class _Plain(Console):
    """Shows texts as they are: no markup in them, and no letter that steers the terminal. Names of
    websites and messages of servers come from elsewhere."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        known = stream.isatty() or "COLUMNS" in os.environ
        # what reads a pipe has no width
        width = None if known else 1_000
        super().__init__(
            stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True
        )

    def on_broken_pipe(self) -> None:
        """Who reads has enough, as in `discover | head`: tell it nothing more, and end as if it had
        read on. rich would end the command as failed."""
        self.quiet = True
        _let_go_of_stdout()

    def render_str(self, text: str, **options: Any) -> Text:
        seen = visible(text)
        cut = seen if len(seen) <= LONGEST_TEXT else seen[: LONGEST_TEXT - 1] + "…"
        return super().render_str(cut, **options)


def visible(text: str) -> str:
    """A text in which control characters, and those that turn the direction of writing, are
    written out."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\n\u200d" else ascii(letter)[1:-1]
        for letter in text.encode("utf-8", "backslashreplace").decode()
    )


def shown(name: str | None, longest: int = LONGEST) -> str:
    """A name that others chose, on one line and not too long."""
    line = visible(" ".join((name or "").split()))
    line = unicodedata.normalize("NFC", line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def counted(number: int, what: str) -> str:
    """So many of a thing whose name takes an s: `1 row`, `1,204 rows`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def somebody_watches() -> bool:
    """Whether stderr is a terminal. What programs set to get colours in a log does not count."""
    return sys.stderr.isatty()


out = _Plain()
err = _Plain(stderr=True)


def write_json(result: object) -> None:
    """Write a result for a program to stdout."""
    write_text(json.dumps(result, indent=2, default=str) + "\n")


def write_text(text: str) -> None:
    """Write a text for a program to stdout, in UTF-8 whatever the terminal has."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # and no stream of somebody's own
        with contextlib.suppress(OSError):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    _let_go_of_stdout()


def _let_go_of_stdout() -> None:
    """What Python still has to write at its end goes nowhere."""
    with contextlib.suppress(OSError, ValueError):  # a test's stdout is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def for_people(
    verbose: bool, quiet: bool = False, log_format: LogFormat = LogFormat.TEXT
) -> Iterator[None]:
    """Errors become one sentence and an exit code.

    Args:
        verbose: errors stay tracebacks, and each request is told.
        quiet: only problems are told.
        log_format: of what is told on stderr. With JSON, tables for people are left out.
    """
    as_json = log_format is LogFormat.JSON
    out.quiet = quiet or as_json
    for stream in (sys.stdout, sys.stderr):  # an encoding without ü or 🦆 is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):
                stream.reconfigure(errors="backslashreplace")
    journal.begin(
        err, as_json=as_json, verbose=verbose, quiet=quiet, with_times=not somebody_watches()
    )
    # dlt logs a traceback for what is said in a sentence
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "INFO" if verbose else "CRITICAL")
    if not verbose:  # what Ctrl-C keeps dlt from asking is no news to a person
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    try:
        with stopped_for_sure():
            yield
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit from None
    except (typer.Exit, typer.BadParameter, SystemExit):
        raise
    except BaseException as error:  # the one place where errors end
        if verbose:
            raise
        sentence, code = sentence_and_code(error)
        complain(sentence, exit_code=int(code))
        let_go(error)
        raise typer.Exit(code) from None


def say(sentence: str, event: str = "", **facts: object) -> None:
    """Tell what goes on. Left out when only problems are to be told.

    Args:
        sentence: for a person.
        event: what kind of thing this is, for a program that reads JSON lines.
        facts: for such a program.
    """
    journal.tell(logging.INFO, sentence, event or "progress", facts)


def note(sentence: str, event: str, **facts: object) -> None:
    """Tell programs that read JSON lines what people read on stdout."""
    journal.tell(logging.INFO, sentence, event, facts, for_programs=True)


def warn(sentence: str, event: str = "", **facts: object) -> None:
    """Tell what is not as it should be."""
    journal.tell(logging.WARNING, sentence, event or "warning", facts)


def complain(sentence: str, **facts: object) -> None:
    """Tell what went wrong."""
    journal.tell(logging.ERROR, sentence, "error", facts)
