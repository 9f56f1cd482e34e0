"""A copy of the DuckDB file for those who read: they never wait for a sync, nor it for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from databuddy_source.errors import BadConfiguration


@dataclass(frozen=True)
class Publication:
    """Where the copy goes.

    Attributes:
        file: that is synced into.
        target: that is read.
    """

    file: Path
    target: Path

    @classmethod
    def of(cls, file: Path | None, target: Path) -> Publication:
        """What `--publish` means.

        Raises:
            BadConfiguration: there is no file to copy, or no place for the copy.
        """
        if file is None:
            raise BadConfiguration(
                "--publish copies a DuckDB file, and this destination is none",
                "Leave it out: readers of a server do not block a sync.",
            )
        target = target.absolute()
        if target.resolve() == file.resolve():
            raise BadConfiguration(
                f"--publish {target} is the file that is synced into", "Name another file."
            )
        if target.is_dir() or not target.parent.is_dir():
            raise BadConfiguration(
                f"--publish {target} is no place for a file", "Name a file in a folder that exists."
            )
        return cls(file, target)

    def put(self, wait: Callable[[], None]) -> None:
        """Put a copy in place, whole or not at all. Who has the one before open goes on reading it.

        Args:
            wait: until nobody else has the file open, and it is whole.
        """
        import duckdb  # not installed where another warehouse is used

        wait()
        unfinished = self.target.with_name(f".{self.target.name}.unfinished")
        unfinished.unlink(missing_ok=True)  # left by a killed run
        try:
            with duckdb.connect(str(self.file)) as connection:  # so that nobody writes meanwhile
                connection.execute("CHECKPOINT")
                shutil.copyfile(self.file, unfinished)
            # written to, it would have a log beside it, which does not belong to the next one
            unfinished.chmod(0o444)
            _flush(unfinished)
            unfinished.replace(self.target)
            _flush(self.target.parent)
        finally:
            unfinished.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
