"""Imports go down only, nobody walks in circles, and no room grows out of its walls."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house import rooms
from tests.house.rooms import APART, FLOORS, MAY_ENTER_APART, House, room

MOST_FLOORS = 11
MOST_ARROWS = 70
MOST_LINES = 300

LONG: dict[str, str] = {
    "databuddy_source.dlt_seam": "all that dlt keeps to itself: in one place, as dlt may move it",
    "databuddy_source.errors": "one tree, to be seen whole: half of it are the sentences",
    "databuddy_source.api.models": "the shapes of all answers, one after the other",
    "databuddy_source.cli.commands.check": "one finding after the other",
    "databuddy_source.model.query_types": "the reader of one file, with what each key means",
}
"""Modules of more lines, each with the reason why it is still one subject."""


@cache
def the_house() -> House:
    return rooms.house()


def floor(name: str) -> int:
    """Zero is the top."""
    return next(number for number, names in enumerate(FLOORS) if name in names)


def test_every_room_has_one_floor() -> None:
    placed = [name for names in FLOORS for name in names]
    assert len(placed) == len(set(placed))
    assert sorted(the_house().arrows) == sorted(placed)


def test_imports_go_down_only() -> None:
    upward = [
        f"{module} imports {target}"
        for module, targets in sorted(the_house().imports.items())
        for target in sorted(targets)
        if not {room(module), room(target)} & APART
        and room(module) != room(target)
        and floor(room(module)) >= floor(room(target))
    ]
    assert not upward, "\n".join(upward)


def test_no_room_imports_itself_by_way_of_others() -> None:
    assert not the_house().in_circles, rooms.drawn(the_house())


def test_the_house_is_not_too_high() -> None:
    assert len(the_house().floors) <= MOST_FLOORS, rooms.drawn(the_house())


def test_few_rooms_know_each_other() -> None:
    assert the_house().count <= MOST_ARROWS, rooms.drawn(the_house())


def test_the_demo_knows_nothing_of_the_house_and_only_the_command_line_knows_it() -> None:
    for module, targets in the_house().imports.items():
        inside = room(module) in APART
        if inside:
            assert {room(target) for target in targets} <= APART, module
        elif any(room(target) in APART for target in targets):
            assert room(module) in MAY_ENTER_APART, module


def test_modules_are_short_or_say_why_not() -> None:
    assert {name for name, lines in the_house().lines.items() if lines >= MOST_LINES} == set(LONG)
    assert all(LONG.values())


def test_every_room_says_what_it_is_for() -> None:
    silent = [name for name in the_house().arrows if not rooms.sentence(the_house(), name)]
    assert not silent


# -- the reading itself: what it overlooks, the tests above would allow


@pytest.mark.parametrize(
    ("file", "line", "found"),
    [
        ("runs/a.py", "from databuddy_source.model.b import x", "model"),
        ("runs/a.py", "from databuddy_source.model import b", "model"),
        ("runs/a.py", "from databuddy_source.errors import x", "errors"),
        ("runs/a.py", "from databuddy_source import errors", "errors"),
        ("runs/a.py", "from databuddy_source import x", "__init__"),
        ("runs/a.py", "import databuddy_source.model.b", "model"),
        ("runs/a.py", "from ..model.b import x", "model"),
        ("runs/a.py", "from .. import errors", "errors"),
        ("runs/__init__.py", "from ..model.b import x", "model"),
        ("runs/a.py", "def f():\n    from databuddy_source.model.b import x", "model"),
        ("runs/a.py", "if TYPE_CHECKING:\n    from databuddy_source.model.b import x", "model"),
        ("runs/a.py", "import_module('databuddy_source.model.b')", "model"),
        ("runs/a.pyi", "from ..model.b import x", "model"),
        ("runs/a.py", "from json import loads", None),
        ("runs/a.py", "from databuddy_source.runs import c", None),
        ("runs/a.py", "from . import c", None),
        ("runs/a.py", "getLogger('databuddy_source')", None),
    ],
)
def test_every_way_to_import_is_seen(
    file: str, line: str, found: str | None, tmp_path: Path
) -> None:
    for name in ("__init__", "errors", "model/__init__", "model/b", "runs/__init__", "runs/c"):
        path = tmp_path / "databuddy_source" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "databuddy_source" / file).write_text(line, encoding="utf-8")
    ast.parse(line)
    assert rooms.house(tmp_path).arrows["runs"] == frozenset({found} - {None})


def test_rooms_of_a_circle_are_named() -> None:
    imports = {
        "databuddy_source.a": frozenset({"databuddy_source.b"}),
        "databuddy_source.b": frozenset({"databuddy_source.a"}),
        "databuddy_source.c": frozenset[str](),
    }
    assert House(imports, {}, {}).in_circles == ["a", "b"]
