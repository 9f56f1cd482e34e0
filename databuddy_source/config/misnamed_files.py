"""Files beside the configuration that nobody reads, since their names are misspelled."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import dlt

from databuddy_source.errors import UnreadableFile

logger = logging.getLogger("databuddy_source")

FILES: Final = ("config.toml", "secrets.toml")

ALIKE: Final = 0.8
"""How much a name has to look like another to be meant for it."""


def refuse_misnamed_files() -> None:
    """Look for files that are meant for the configuration. One beside a file of the right name is
    only told of in the log, once: it may be an old one.

    Raises:
        UnreadableFile: names the file and its right name.
    """
    folder = Path(dlt.current.run_context().settings_dir)
    for file, right in misnamed_in(folder):
        if not right.exists():
            raise UnreadableFile(f"{file} is not read", f"Did you mean {right.name}?")
        _tell_once(f"{file} is not read. Did you mean {right.name}? Rename it, or move it away.")


def misnamed_in(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The files in a folder whose names are like one that is read, each with this one. A copy that
    has more behind its name, or before, is none.

    Args:
        folder: with the configuration; it need not be there.
    """
    for file in sorted(folder.glob("[!.]*")):
        if any(name in file.name for name in FILES):
            continue
        near = difflib.get_close_matches(file.name.lower(), FILES, 1, ALIKE)
        if near and file.is_file():
            yield file, folder / near[0]


@cache
def _tell_once(what: str) -> None:
    logger.warning(what)
