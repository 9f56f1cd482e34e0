#!/usr/bin/env python3
"""The rooms of the package and who imports whom, read from the code: `python tests/house/rooms.py`
draws the house.

A room is a folder or a module at the package's root; `databuddy_source` itself (its `__init__`)
is one, too, and so is `pipelines/`. Imports inside functions count, those for type checking as
well, those of a stub that stands for lazy ones, and a module's name in a string, which is how
modules are imported late.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = "databuddy_source"
APART = {"demo"}
"""Stands beside the house."""
MAY_ENTER_APART = {"cli"}
"""Who shows what stands beside the house."""

FLOORS = (
    {"pipelines", "__main__"},
    {"cli", "orchestrators"},
    {"__init__"},
    {"runs"},
    {"answers"},
    {"extract"},
    {"warehouse"},
    {"tables", "coverage"},
    {"fetch", "config"},
    {"api"},
    {"model"},
    {"errors", "clock", "dlt_seam"},
)
"""Where each room stands, top floor first: it imports from lower floors only."""


@dataclass(frozen=True)
class House:
    """Rooms and arrows.

    Attributes:
        imports: for each module, the modules that it imports.
        lines: for each module, how long it is.
        docstrings: for each module, what it says of itself.
    """

    imports: Mapping[str, frozenset[str]]
    lines: Mapping[str, int]
    docstrings: Mapping[str, str]

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
    files = [
        path
        for folder in (PACKAGE, "pipelines")
        for path in sorted((project / folder).rglob("*.py*"))
        if path.suffix in {".py", ".pyi"}
    ]
    known = {_name(path, project) for path in files}
    imports: dict[str, frozenset[str]] = dict.fromkeys(known, frozenset())
    lines, docstrings = dict[str, int](), dict[str, str]()
    for path in files:
        name, text = _name(path, project), path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        imports[name] |= frozenset(_imported(tree, name, path.stem == "__init__", known))
        lines[name] = max(lines.get(name, 0), len(text.splitlines()))
        docstrings[name] = docstrings.get(name) or ast.get_docstring(tree) or ""
    return House(imports, lines, docstrings)


def _name(path: Path, project: Path) -> str:
    return ".".join(path.relative_to(project).with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.Module, name: str, is_package: bool, known: Set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            source = _absolute(node, name, is_package)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if whole in known:
                    yield whole
                elif source in known:
                    yield source
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        # the package's own name is a logger's, too, so only those with a dot count
        elif isinstance(node, ast.Constant) and "." in str(node.value) and node.value in known:
            yield str(node.value)


def _absolute(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    """The module that names are imported from, also where that is said from here (`..model`)."""
    if not node.level:
        return node.module or ""
    up = node.level - 1 if is_package else node.level
    parts = name.split(".")[: -up or None]
    return ".".join([*parts, *filter(None, [node.module])])


def sentence(built: House, name: str) -> str:
    """What a room says that it is for: the first sentence of its docstring."""
    module = {"pipelines": name, "__init__": PACKAGE}.get(name, f"{PACKAGE}.{name}")
    whole = " ".join(built.docstrings.get(module, "").split("\n\n")[0].split())
    return re.split(r"\.(?: |$)", whole)[0]


def drawn(built: House) -> str:
    """The house in lines of text, top floor first."""
    lines = [
        f"{number:>2}  {'  '.join(names)}" for number, names in enumerate(built.floors, start=1)
    ][::-1]
    if built.in_circles:
        lines.append(f"in circles: {', '.join(built.in_circles)}")
    return "\n".join([*lines, f"{len(built.floors)} floors, {built.count} arrows"])


if __name__ == "__main__":
    folders = [word for word in sys.argv[1:] if not word.startswith("--")]
    now = house(Path(folders[0]).resolve() if folders else PROJECT)
    print(drawn(now))
    why: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module, targets in now.imports.items():
        for target in targets:
            if room(module) != room(target):
                why[room(module), room(target)].append(f"{module} -> {target}")
    if "--arrows" in sys.argv:
        for pair, modules in sorted(why.items()):
            print(*pair, *(f"\n    {each}" for each in modules))
