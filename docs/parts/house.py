"""The package's rooms."""

from __future__ import annotations

from collections.abc import Set

from tests.house import rooms


def house() -> str:
    """The floors, top floor first, with what each room says that it is for."""
    built = rooms.house()
    floors = [_floor(names & set(built.arrows), built) for names in rooms.FLOORS]
    apart = f"Apart from it:\n{_floor(rooms.APART, built)}"
    return "\n".join(["```text", *filter(None, floors), "", apart, "```"])


def _floor(names: Set[str], built: rooms.House) -> str:
    return "\n".join(f"{_path(name):18}{rooms.sentence(built, name)}" for name in sorted(names))


def _path(name: str) -> str:
    if name == "__init__":
        return "__init__.py"
    is_folder = any((rooms.PROJECT / folder / name).is_dir() for folder in ("", rooms.PACKAGE))
    return f"{name}/" if is_folder else f"{name}.py"
