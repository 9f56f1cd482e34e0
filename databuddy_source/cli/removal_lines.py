"""The commands that take out of a warehouse what nobody chooses any more."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from databuddy_source import Leftover
from databuddy_source.cli.program import called


def removal_commands(leftovers: Iterable[Leftover], where: Sequence[str]) -> list[str]:
    """One command for each.

    Args:
        leftovers: what goes.
        where: options by which the command finds the same warehouse.
    """
    commands = []
    for each in leftovers:
        words = ["remove"]
        for option, names in (("--website", each.websites), ("--report", each.reports)):
            for name in names:
                words += [option, name]
        commands.append(f"{called()} {shlex.join([*words, *where])}")
    return commands
