"""dlt's local state where it cannot be kept, or cannot be read: then it is set aside, since the
warehouse has it, too."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from databuddy_source.clock import now
from databuddy_source.dlt_seam import last_value, read_schema, read_state
from databuddy_source.warehouse.dataset import SOURCE


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
        for name in _checked(read_state(folder.name, file.read_text("utf-8"))):
            file = folder / "schemas" / f"{name}.schema.json"
            if not file.exists():
                return f"{file.name}: it is gone"
            if read_schema(file.read_text("utf-8")) is None:
                return f"{file.name}: it was changed by something else than dlt"
    except OSError:
        return ""  # says itself which file and why
    except ValueError:
        return f"{file.name}: it is cut off or empty"
    except Exception:  # dlt stumbles over whatever is not as it expects
        return f"{file.name}: it is of another version, or was changed by something else than dlt"
    return ""


def _checked(state: Mapping[str, Any]) -> Sequence[str]:
    """The names of the schemas that a state speaks of.

    Raises:
        AttributeError, TypeError: its parts are not what they should be.
    """
    for name, source in state.get("sources", {}).items():
        for resource in source.get("resources", {}).values():
            stands = last_value(resource, "date")
            if name == SOURCE and not isinstance(stands, date | None):
                raise TypeError(stands)
    return list(state.get("schema_names") or ())


def set_aside(folder: Path) -> Path:
    """Move a pipeline's folder to where nobody looks for it. Returns where that is."""
    kept = folder.with_name(f"{folder.name}.set_aside") / f"state_{now():%Y%m%d_%H%M%S_%f}"
    kept.parent.mkdir(exist_ok=True)
    return folder.rename(kept)
