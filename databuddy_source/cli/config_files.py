"""The files `.dlt/config.toml` and `.dlt/secrets.toml`: read, changed, written, kept out of git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import dlt
import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from databuddy_source.errors import UnreadableFile


def folder() -> Path:
    """The `.dlt` that commands read."""
    return Path(dlt.current.run_context().settings_dir).resolve()


def read(path: Path) -> TOMLDocument:
    """A file with its comments; an empty document where there is none.

    Raises:
        UnreadableFile: it is no TOML. The message does not show what is in it.
    """
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError):
        raise UnreadableFile(f"A file is not valid TOML: {path}") from None


def value(document: TOMLDocument, section: str, key: str) -> Any:
    """What a key has in a section such as `sources.databuddy`; None where it has nothing."""
    table: Any = document
    for name in section.split("."):
        table = table.get(name) if isinstance(table, Mapping) else None
    found: Any = table.get(key) if isinstance(table, Mapping) else None
    return found.unwrap() if isinstance(found, Item) else found


def change(document: TOMLDocument, section: str, values: Mapping[str, Any]) -> None:
    """Set keys of a section; None takes one away. All else stays as it is.

    Raises:
        UnreadableFile: the section is no table.
    """
    table: Any = document
    *outer, last = section.split(".")
    for name in outer:
        table = table.setdefault(name, tomlkit.table(is_super_table=True))
    table = table.setdefault(last, tomlkit.table())
    if not isinstance(table, MutableMapping):
        raise UnreadableFile(f"{section} is not a table of the configuration")
    for key, wanted in values.items():
        if wanted is None:
            table.pop(key, None)
        elif value(document, section, key) != wanted:
            table[key] = wanted


def write(path: Path, document: TOMLDocument, *, secret: bool) -> None:
    """Replace a file at once, so that a reader sees the old one or the new one.

    Args:
        path: of the file; where it is a link, what it points to is replaced.
        document: what shall be in it.
        secret: nobody else may read it, from its first moment on.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if secret else path.stat().st_mode & 0o777 if path.exists() else 0o644
    # made with mode 600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def keep_out_of_git(path: Path) -> str:
    """See to it that git ignores a file, where it lies in a repository.

    Returns:
        One sentence on what a person has to know; empty where there is nothing to tell.
    """
    project = path.parent.parent
    ignored = _git(project, "check-ignore", "--quiet", "--no-index", str(path))
    if ignored not in {0, 1}:  # no repository, or no git
        return ""
    if _git(project, "ls-files", "--error-unmatch", str(path)) == 0:
        return f"{path} is under version control: take it out with `git rm --cached`."
    if ignored == 0:
        return ""
    ignore, line = project / ".gitignore", f"{path.parent.name}/{path.name}"
    before = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    ignore.write_text(f"{before}{gap}{line}\n", encoding="utf-8")
    return f"{line} was added to {ignore}."


def _git(folder: Path, *words: str) -> int | None:
    """The exit code of git, or None where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode
