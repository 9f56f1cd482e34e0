"""dlt's local state where it cannot be kept, or cannot be read: then it is set aside, since the
warehouse has it, too."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import dlt

from databuddy_source.clock import now
from databuddy_source.dlt_seam import migrate_state_to_current


def unwritable(folder: Path) -> str:
    """Why nothing can be made in a folder, or in the one that it would be made in; empty where
    something can. Leaves nothing behind. Whether the disk has room shows when it is written to."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def unreadable(folder: Path) -> str:
    """Why dlt cannot go on with its state in a folder, in a few words; empty where it can.

    Args:
        folder: of one pipeline. One without a state is new to dlt.
    """
    file = folder / "state.json"
    if not file.exists():
        return ""
    try:
        migrate_state_to_current(folder.name, json.loads(file.read_text("utf-8")))
        for file in sorted(folder.glob("schemas/*.schema.json")):
            dlt.Schema.from_dict(json.loads(file.read_text("utf-8")))
    except OSError:
        return ""  # says itself which file and why
    except Exception as error:  # dlt stumbles over whatever is not as it expects
        what = (
            "it is cut off or empty"
            if isinstance(error, ValueError)
            else "it is of another version"
        )
        return f"{file.name}: {what}"
    return ""


def set_aside(folder: Path) -> Path:
    """Move a pipeline's folder to where nobody looks for it. Returns where that is."""
    kept = folder.with_name(f"{folder.name}.set_aside") / f"state_{now():%Y%m%d_%H%M%S_%f}"
    kept.parent.mkdir(exist_ok=True)
    return folder.rename(kept)
