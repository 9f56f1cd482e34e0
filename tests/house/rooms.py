#!/usr/bin/env python3
"""The rooms of the package and who imports whom, read from the code: `python tests/house/rooms.py`
draws the house.

A room is a folder or a module at the package's root; `databuddy_source` itself (its `__init__`)
is one, too, and so is `pipelines/`. Imports inside functions count, those for type checking as
well.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = "databuddy_source"
APART = {"demo"}
"""Stands beside the house."""


@dataclass(frozen=True)
class House:
    """Rooms and arrows.

    Attributes:
        imports: for each module, the modules that it imports.
    """

    imports: Mapping[str, frozenset[str]]

    @cached_property
    def arrows(self) -> Mapping[str, frozenset[str]]:
        """For each room, the rooms that it imports from."""
        found: dict[str, set[str]] = {room(module): set() for module in self.imports}
        for module, targets in self.imports.items():
            found[room(module)] |= {room(target) for target in targets} - {room(module)}
        return {name: frozenset(found[name] - APART) for name in sorted(found) if name not in APART}

    @cached_property
    def floors(self) -> list[list[str]]:
        """The rooms, ground floor first: each stands above all that it imports from. Rooms of a
        circle are on no floor."""
        left, floors = dict(self.arrows), list[list[str]]()
        built: set[str] = set()
        while ready := sorted(name for name, below in left.items() if below <= built):
            floors.append(ready)
            built |= set(ready)
            left = {name: below for name, below in left.items() if name not in built}
        return floors

    @property
    def in_circles(self) -> list[str]:
        """Rooms that import each other, or stand on such ones."""
        return sorted(set(self.arrows) - {name for floor in self.floors for name in floor})

    @property
    def count(self) -> int:
        """How many arrows there are between rooms."""
        return sum(map(len, self.arrows.values()))


def room(module: str) -> str:
    """The room that a module is in."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return parts[0]
    return parts[1] if len(parts) > 1 else "__init__"


def house(project: Path = PROJECT) -> House:
    """The house as its code has it."""
    files = {
        _name(path, project): path
        for folder in (PACKAGE, "pipelines")
        for path in sorted((project / folder).rglob("*.py"))
    }
    return House({name: frozenset(_imported(path, files)) for name, path in files.items()})


def _name(path: Path, project: Path) -> str:
    return ".".join(path.relative_to(project).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    stub = path.with_suffix(".pyi")  # where it stands beside the code, it says what is lazy
    source = (stub if stub.exists() else path).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = f"{PACKAGE}.{node.module}" if node.level else node.module
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                if whole in known:
                    yield whole
                elif module in known:
                    yield module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)


def drawn(built: House) -> str:
    """The house in lines of text, top floor first."""
    lines = [
        f"{number:>2}  {'  '.join(names)}" for number, names in enumerate(built.floors, start=1)
    ][::-1]
    if built.in_circles:
        lines.append(f"in circles: {', '.join(built.in_circles)}")
    return "\n".join([*lines, f"{len(built.floors)} floors, {built.count} arrows"])


if __name__ == "__main__":
    now = house(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PROJECT)
    print(drawn(now))
    why: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module, targets in now.imports.items():
        for target in targets:
            if room(module) != room(target):
                why[room(module), room(target)].append(f"{module} -> {target}")
    if "--arrows" in sys.argv:
        for pair, modules in sorted(why.items()):
            print(*pair, *(f"\n    {each}" for each in modules))
