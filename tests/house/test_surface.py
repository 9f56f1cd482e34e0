"""What stands outside the package uses its public names only, and those are as the manual lists
them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

import databuddy_source
from databuddy_source import demo
from docs import generate
from tests.house.rooms import PACKAGE, PROJECT

DOORS: Mapping[str, set[str] | None] = {
    PACKAGE: set(databuddy_source.__all__),
    f"{PACKAGE}.demo": set(demo.__all__),
    f"{PACKAGE}.cli.app": {"app"},
    # whatever the orchestrator looks for in a file; nobody has both installed
    f"{PACKAGE}.orchestrators.airflow": None,
    f"{PACKAGE}.orchestrators.dagster": None,
    f"{PACKAGE}.orchestrators.dagster_component": None,
}
"""Public modules, and their names."""

LOOKS_INSIDE: Mapping[str, str] = {
    "bench/contender.py": "makes a minute of the rate limit short; no setting does",
    "docs/numbers_tables.py": "writes into the manual what the catalogue knows",
    "docs/parts/columns.py": "writes into the manual what the catalogue knows",
    "docs/parts/commands.py": "writes into the manual what exit codes mean",
    "docs/parts/errors.py": "writes into the manual how each error is worded",
    "docs/parts/reports.py": "writes into the manual what the catalogue knows",
    "docs/parts/settings.py": "writes into the manual what each key may hold",
}
"""Files outside the package that import more of it, each with its reason."""


def codes() -> Iterator[tuple[str, str]]:
    """The Python outside the package, with where it stands: files, and blocks of the manual."""
    for folder in ("pipelines", "examples", "bench", "docs"):
        for file in sorted((PROJECT / folder).rglob("*.py")):
            yield file.relative_to(PROJECT).as_posix(), file.read_text(encoding="utf-8")
    for page in generate.pages():
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL), 1):
            yield f"{page.relative_to(PROJECT).as_posix()}, block {number}", block


CODES = dict(codes())


def private(code: str) -> set[str]:
    """What code imports of the package that is not public."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            found |= {name for name in names if _is_ours(name) and name not in DOORS}
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            for name in (alias.name for alias in node.names):
                whole = f"{node.module}.{name}"
                names_of_door = DOORS.get(node.module, set())
                if whole not in DOORS and names_of_door is not None and name not in names_of_door:
                    found.add(whole)
    return found


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == PACKAGE


@pytest.mark.parametrize("place", sorted(set(CODES) - set(LOOKS_INSIDE)))
def test_nothing_outside_imports_what_is_not_public(place: str) -> None:
    assert not private(CODES[place])


@pytest.mark.parametrize("place", LOOKS_INSIDE)
def test_who_looks_inside_has_to(place: str) -> None:
    assert private(CODES[place])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from databuddy_source import sync", set()),
        ("import databuddy_source", set()),
        ("from databuddy_source.demo import DemoServer", set()),
        ("from databuddy_source.cli.app import app", set()),
        ("from databuddy_source.orchestrators.dagster import defs", set()),
        ("from databuddy_source.orchestrators import airflow", set()),
        ("from databuddy_source import api", {"databuddy_source.api"}),
        ("from databuddy_source.api import budget", {"databuddy_source.api.budget"}),
        ("import databuddy_source.api.budget as b", {"databuddy_source.api.budget"}),
        ("from databuddy_source.cli.app import command", {"databuddy_source.cli.app.command"}),
        ("def f():\n from databuddy_source.demo import store", {"databuddy_source.demo.store"}),
    ],
)
def test_what_is_not_public_is_seen(code: str, found: set[str]) -> None:
    assert private(code) == found


def test_the_manual_lists_exactly_the_public_names() -> None:
    page = (PROJECT / "docs" / "code.md").read_text(encoding="utf-8")
    part = re.search(r"<!-- generated: public-names -->(.*?)<!-- end -->", page, re.DOTALL)
    assert part
    listed = re.findall(r"^\| `(\w+)", part[1], re.MULTILINE)
    assert listed == sorted(databuddy_source.__all__, key=str.lower)


@pytest.mark.parametrize("package", [databuddy_source, demo], ids=lambda each: each.__name__)
def test_every_public_name_is_there_and_says_what_it_is(package: ModuleType) -> None:
    assert len(package.__all__) == len(set(package.__all__))
    for name in package.__all__:
        each = getattr(package, name)
        if inspect.isclass(each) or inspect.isfunction(each):
            assert each.__doc__, name
            # a dataclass without words of its own has its signature for a docstring
            assert not each.__doc__.startswith(f"{name}("), name


def test_the_package_shows_no_other_names() -> None:
    assert set(dir(databuddy_source)) == set(databuddy_source.__all__)


def test_a_stub_names_what_is_imported_when_it_is_used() -> None:
    """Type checkers read the stub; a name has to be given on as itself to count as public."""
    tree = ast.parse((Path(databuddy_source.__path__[0]) / "__init__.pyi").read_text("utf-8"))
    aliases = [
        alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert sorted(alias.name for alias in aliases) == sorted(databuddy_source.__all__)
    assert all(alias.asname == alias.name for alias in aliases)


FIELDS_TELL = {"databuddy_source": "its arguments are the fields of Settings and Scope"}
"""Functions whose docstring explains no arguments, each with the reason."""


def explained(function: object) -> set[str]:
    """The arguments that a docstring's `Args:` has words for."""
    part = re.search(r"^Args:\n((?: .*\n|\n)+)", f"{inspect.getdoc(function)}\n", re.MULTILINE)
    heads = re.findall(r"^    (\w+(?:, \w+)*):", part[1], re.MULTILINE) if part else []
    return {name for head in heads for name in head.split(", ")}


FUNCTIONS = sorted(
    name
    for name in databuddy_source.__all__
    if inspect.isfunction(getattr(databuddy_source, name)) and name not in FIELDS_TELL
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_explains_its_arguments(name: str) -> None:
    function = getattr(databuddy_source, name)
    assert explained(function) == set(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_raises(name: str) -> None:
    assert "\nRaises:\n" in str(inspect.getdoc(getattr(databuddy_source, name)))
