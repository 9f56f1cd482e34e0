"""The files `.dlt/config.toml` and `.dlt/secrets.toml`: read, changed, written, kept out of git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import dlt
import tomlkit
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from databuddy_source.cli.failures import no_toml_in
from databuddy_source.config.accounts import KEY as ACCOUNTS
from databuddy_source.config.values import SECTION
from databuddy_source.errors import BadConfiguration, UnreadableFile
from databuddy_source.warehouse.local_state import unwritable


def folder() -> Path:
    """The `.dlt` that commands read."""
    return Path(dlt.current.run_context().settings_dir).resolve()


def folder_to_write() -> Path:
    """The same, where something can be written.

    Raises:
        BadConfiguration: nothing can.
    """
    place = folder()
    if reason := unwritable(place):
        raise BadConfiguration(
            f"Nothing can be written into {place}: {reason}",
            "Go to a folder of yours, or name one with DLT_PROJECT_DIR.",
        )
    return place


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
        raise UnreadableFile(f"A file is not valid TOML: {no_toml_in(path)}") from None


def value(document: TOMLDocument, section: str, key: str) -> Any:
    """What a key has in a section such as `sources.databuddy`; None where it has nothing."""
    table: Any = document
    for name in section.split("."):
        table = table.get(name) if isinstance(table, Mapping) else None
    found: Any = table.get(key) if isinstance(table, Mapping) else None
    return found.unwrap() if isinstance(found, Item) else found


def refuse_accounts(files: Sequence[TOMLDocument]) -> None:
    """Keep one key for all away from accounts, which have a key each.

    Raises:
        BadConfiguration: there are accounts, in a file or in the environment.
    """
    variable = f"{SECTION}.{ACCOUNTS}".upper().replace(".", "__")
    in_files = any(value(each, SECTION, ACCOUNTS) for each in files)
    if in_files or any(name.startswith(variable) for name in os.environ):
        raise BadConfiguration(
            "Accounts are configured, each with a key of its own, and init writes one key for all",
            f"Write another account into secrets.toml, under [{SECTION}.{ACCOUNTS}.NAME]: its "
            "api_key and websites.",
        )


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


def lines_of(comments: Mapping[str, str]) -> Any:
    """A list with an element a line, each with its comment behind; None for an empty one."""
    if not comments:
        return None
    listed = tomlkit.array()
    for element, comment in comments.items():
        listed.add_line(element, comment=comment or None)
    listed.add_line(indent="")
    return listed


def text_of(document: TOMLDocument) -> str:
    """What the file would hold."""
    return tomlkit.dumps(document)


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


def in_git(path: Path) -> bool:
    """Whether git tracks a file, or may track it: in a repository of which git tells nothing, since
    it is another user's or git is not installed, a file that is there counts as tracked. Of a link,
    what it points to. Such a file belongs to everybody who has the repository, so it is never
    changed."""
    path = path.resolve()
    done = _git(path.parent.parent, "ls-files", "--error-unmatch", str(path))
    if done is not None and done.returncode in {0, 1}:
        return done.returncode == 0
    return path.exists() and any((folder / ".git").exists() for folder in path.parents)


def keep_out_of_git(path: Path) -> str:
    """See to it that git ignores a file, where it lies in a repository: in the list that belongs to
    this clone alone, since `.gitignore` belongs to everybody.

    Returns:
        One sentence on what a person has to know; empty where there is nothing to tell.
    """
    project = path.parent.parent
    ignored = _git(project, "check-ignore", "--quiet", "--no-index", str(path))
    if ignored is None or ignored.returncode != 1:  # no repository, no git, or it is ignored
        return ""
    found = _git(project, "rev-parse", "--show-toplevel", "--git-path", "info/exclude")
    if found is None or found.returncode:
        return ""
    top, exclude = found.stdout.splitlines()
    line = "/" + path.relative_to(Path(top).resolve()).as_posix()
    list_ = project / exclude
    before = list_.read_text(encoding="utf-8") if list_.exists() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    list_.parent.mkdir(parents=True, exist_ok=True)
    list_.write_text(f"{before}{gap}{line}\n", encoding="utf-8")
    return (
        f"git did not ignore {path}. It does now, in this clone; for others, add {line} to the "
        "file .gitignore."
    )


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[str] | None:
    """What git says, or None where there is no git."""
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
