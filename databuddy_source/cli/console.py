"""What a person sees: how texts are shown, what an error becomes, and the exit codes.

Results go to stdout. What goes on meanwhile, warnings and errors go to stderr: as sentences, or
with `--log-format json` as one JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import sys
import tomllib
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from databuddy_source.cli import journal
from databuddy_source.cli.options import LogFormat
from databuddy_source.cli.program import Exit
from databuddy_source.dlt_seam import (
    ConfigFieldMissingException,
    ConfigurationException,
    SignalReceivedException,
    TomlProviderReadException,
)
from databuddy_source.errors import BadConfiguration, DatabuddyError, IncompleteLoad
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.trial import causes, destination_failure

LONGEST = 60
"""Letters of a name that others chose, such as a website's."""

LONGEST_TEXT = 4_000
"""Letters of all else: messages of servers may be pages."""


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


def somebody_watches() -> bool:
    """Whether stderr is a terminal. What programs set to get colours in a log does not count."""
    return sys.stderr.isatty()


out = _Plain()
err = _Plain(stderr=True)


def write_json(result: object) -> None:
    """Write a result for a program to stdout."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(result, indent=2, default=str) + "\n")
        sys.stdout.flush()
        return
    _let_go_of_stdout()


def _let_go_of_stdout() -> None:
    """What Python still has to write at its end goes nowhere."""
    with contextlib.suppress(OSError, ValueError):  # a test's stdout is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


EXIT_CODES: Mapping[type[DatabuddyError], Exit] = {
    DatabuddyError: Exit.FAILED,
    BadConfiguration: Exit.WRONG_USAGE,
    IncompleteLoad: Exit.INCOMPLETE,
}
"""What a consequence ends a command with; those that are left out have the code of their base."""


def exit_code_of(kind: type[DatabuddyError]) -> Exit:
    """The exit code of a class of errors: that of its nearest base in `EXIT_CODES`."""
    return next(code for base in kind.__mro__ if (code := EXIT_CODES.get(base)) is not None)


def no_toml_in(*paths: str | Path) -> str:
    """Which of these files is no TOML, and the line; without its words, which may be a secret."""
    for path in map(Path, paths):
        try:
            tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"\(at (line \d+)|\(at (end of document)", str(error))
            where = f", {line[1] or line[2]}" if line else ""
            return f"{path}{where}"
        except UnicodeDecodeError:
            return f"{path}, which is not UTF-8"
    return ", ".join(map(str, paths))


def sentence_and_code(error: BaseException) -> tuple[str, Exit]:
    """One sentence on what happened and one on what to do, and the exit code."""
    for cause in causes(error):
        if isinstance(cause, DatabuddyError):
            return str(cause), exit_code_of(type(cause))
        if isinstance(cause, TomlProviderReadException):  # its own words may quote a secret
            place = no_toml_in(*cause.full_paths)
            return f"A file is not valid TOML: {place}. Mend it, or move it away.", Exit.WRONG_USAGE
        if isinstance(cause, KeyboardInterrupt):
            terminated = getattr(cause, "signal_code", None) == signal.SIGTERM
            return (
                "Stopped. What was not loaded whole was not loaded at all: run the same command "
                "again to go on.",
                Exit.TERMINATED if terminated else Exit.INTERRUPTED,
            )
    last = list(causes(error))[-1]
    words = redacted(str(last)).strip().splitlines() or [""]
    if isinstance(last, shutil.Error):  # of several files, each with its own
        *_, place, why = last.args[0][0]
        reason = re.sub(r"^\[Errno \d+\] |: '.*'$", "", str(why))
        return f"{reason} ({place}). Make room or rights, then go on.", Exit.FAILED
    if isinstance(last, OSError):
        where = f" ({last.filename})" if last.filename else ""
        return f"{last.strerror or words[0]}{where}. Make room or rights, then go on.", Exit.FAILED
    if isinstance(last, ConfigurationException | ConfigFieldMissingException):
        return f"The configuration is not complete: {words[0]}", Exit.WRONG_USAGE
    if failure := destination_failure(error):
        return str(failure), Exit.FAILED
    return f"{type(last).__name__}: {words[0]}", Exit.FAILED


def _terminated(code: int, frame: object) -> None:
    """Stop as for Ctrl-C, which lets go of connections and locks."""
    raise SignalReceivedException(code)


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
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    journal.begin(
        err, as_json=as_json, verbose=verbose, quiet=quiet, with_times=not somebody_watches()
    )
    # dlt logs a traceback for what is said in a sentence
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "INFO" if verbose else "CRITICAL")
    with contextlib.suppress(ValueError):  # only the main thread may, and tests have others
        signal.signal(signal.SIGTERM, _terminated)
    if not verbose:  # what Ctrl-C keeps dlt from asking is no news to a person
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    try:
        yield
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(Exit.COMPLETE) from None
    except (typer.Exit, typer.BadParameter, SystemExit):
        raise
    except BaseException as error:  # the one place where errors end
        if verbose:
            raise
        sentence, code = sentence_and_code(error)
        complain(sentence, exit_code=int(code))
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
