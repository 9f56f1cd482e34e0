"""Which tables mean something else on some days than on others, as a person reads it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from databuddy_source import Redefinition
from databuddy_source.cli.program import called


def redefined_lines(found: Sequence[Redefinition], where: Sequence[str]) -> Iterator[str]:
    """What changed, on which days, and the command that loads the old days anew.

    Args:
        found: one or more.
        where: options of that command by which it finds the same warehouse.
    """
    yield "These reports do not mean the same on all days:"
    for days, alike in groupby(sorted(found, key=lambda each: each.days), lambda each: each.days):
        yield f"  {days}:"
        yield from (f"    {each.report}: {each}" for each in alike)
    yield "Nothing was rewritten. To load the old days anew, as the newest ones are:"
    yield f"  {load_anew(found, where)}"


def load_anew(found: Sequence[Redefinition], where: Sequence[str]) -> str:
    """The command that loads the old days of all of these tables anew."""
    first = min(each.old[0] for each in found)
    last = max(each.old[1] for each in found)
    return refetching(first, last, where, reports=[each.report for each in found])


def refetching(
    first: date,
    last: date,
    where: Sequence[str],
    *,
    reports: Sequence[str],
    websites: Sequence[str] = (),
) -> str:
    """The command that loads days of reports anew, of all websites unless some are named."""
    words = ["backfill", "--refetch", "--since", f"{first}", "--until", f"{last}"]
    for option, names in (("--report", reports), ("--website", websites)):
        for name in names:
            words += [option, name]
    return f"{called()} {shlex.join([*words, *where])}"


def warehouse_options(
    demo: bool, destination: str | None, dataset: str | None, state_dir: Path | None
) -> list[str]:
    """The options by which another command finds the same warehouse."""
    given = {"--destination": destination, "--dataset": dataset, "--state-dir": state_dir}
    words = ["--demo"] if demo else []
    for option, value in given.items():
        if value is not None:
            words += [option, str(value)]
    return words
