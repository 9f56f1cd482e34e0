"""What an error becomes for a person: a sentence, and the exit code."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tomllib
import traceback
from pathlib import Path
from typing import get_args

from databuddy_source.cli.program import Exit
from databuddy_source.cli.stopping import Terminated
from databuddy_source.errors import DatabuddyError, causes


def no_toml_in(*paths: str | Path) -> str:
    """Which of these files is no TOML, and the line; without its words, which may be a secret."""
    for path in map(Path, paths):
        try:
            text = path.read_text(encoding="utf-8")
            if text.startswith("\ufeff"):
                return f"{path} begins with a byte order mark (BOM): save it as UTF-8 without one"
            tomllib.loads(text)
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
            return str(cause), cause.exit
        if isinstance(cause, KeyboardInterrupt):
            return (
                "Stopped. What was not done whole was not done at all: run the same command "
                "again to go on.",
                Exit.TERMINATED if _is_termination(cause) else Exit.INTERRUPTED,
            )
    return _of_others(error)


def _no_utf_8() -> str:
    """Which variables of the environment that dlt or we read are no UTF-8; without what they have,
    which may be a secret."""
    ours = sorted(name for name in os.environ if "__" in name or name.startswith("DATABUDDY"))
    return ", ".join(name for name in ours if not _is_text(os.environ[name]))


def _is_text(value: str) -> bool:
    return value.encode("utf-8", "replace") == value.encode("utf-8", "surrogateescape")


def let_go(error: BaseException) -> None:
    """Let go of all that an error's frames hold, once it is told: whoever keeps the error keeps all
    that ran. dlt does: `dlt.hub` has the error that was being handled when it was imported.

    Args:
        error: that is over, with those it came from.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            each.__traceback__ = None  # the frames that still run cannot be cleared
            left += [each.__cause__, each.__context__]


def _is_termination(interrupt: KeyboardInterrupt) -> bool:
    if isinstance(interrupt, Terminated):
        return True
    return getattr(interrupt, "signal_code", None) == signal.SIGTERM  # dlt's


def _is_nowhere() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _of_others(error: BaseException) -> tuple[str, Exit]:
    # dlt takes a while, and what goes wrong without it is most often ours
    from databuddy_source.dlt_seam import (
        ConfigFieldMissingException,
        ConfigurationException,
        ConfigValueCannotBeCoercedException,
        TableIdentifiersFrozen,
        TomlProviderReadException,
        ValueNotSecretException,
        places_of,
    )
    from databuddy_source.warehouse.redaction import redacted
    from databuddy_source.warehouse.trial import destination_failure

    for cause in causes(error):
        # a driver may have other words for it
        is_text = "surrogate" in str(cause) or isinstance(cause, UnicodeError)
        if is_text and (names := _no_utf_8()):
            return f"Not UTF-8: {names} in the environment. Write it in UTF-8.", Exit.WRONG_USAGE
        if isinstance(cause, TomlProviderReadException):  # its own words may quote a secret
            place = no_toml_in(*cause.full_paths)
            return f"A file is not valid TOML: {place}. Mend it, or move it away.", Exit.WRONG_USAGE
        if isinstance(cause, ValueNotSecretException):
            return (
                f"{cause.key} is a secret and stands in {cause.provider_name}, where none is read. "
                "Move it to secrets.toml beside it.",
                Exit.WRONG_USAGE,
            )
        if isinstance(cause, ConfigValueCannotBeCoercedException):
            place = " or ".join(places_of(cause.field_name)) or cause.field_name
            allowed = ", ".join(map(str, get_args(cause.hint)))
            kind = f"one of {allowed}" if allowed else f"of type {cause.hint.__name__}"
            return f"{place} is wrong: it has to be {kind}. Mend it.", Exit.WRONG_USAGE
        if isinstance(cause, TableIdentifiersFrozen):
            before, now = cause.from_naming.name(), cause.to_naming.name()
            return (
                f"The tables here have names by dlt's convention {before}, and this run would "
                f"spell them by {now}. Take schema.naming (SCHEMA__NAMING) out of the "
                "configuration, or sync into another dataset (--dataset).",
                Exit.WRONG_USAGE,
            )
    last = list(causes(error))[-1]
    words = redacted(str(last)).strip().splitlines() or [""]
    if isinstance(last, shutil.Error):  # of several files, each with its own
        *_, place, why = last.args[0][0]
        reason = re.sub(r"^\[Errno \d+\] |: '.*'$", "", str(why))
        return f"{reason} ({place}). Make room or rights, then go on.", Exit.FAILED
    if isinstance(last, FileNotFoundError) and _is_nowhere():
        return "The working directory is gone. Go to a folder that exists.", Exit.WRONG_USAGE
    if isinstance(last, OSError):
        where = f" ({last.filename})" if last.filename else ""
        return f"{last.strerror or words[0]}{where}. Make room or rights, then go on.", Exit.FAILED
    if isinstance(last, ConfigurationException | ConfigFieldMissingException):
        return f"The configuration is not complete: {words[0]}", Exit.WRONG_USAGE
    if failure := destination_failure(error):
        return str(failure), Exit.FAILED
    return f"{type(last).__name__}: {words[0]}", Exit.FAILED
