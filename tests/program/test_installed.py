"""The built wheel, installed where nothing else is: a person's first day works, however it is run.

From a registry with `--program all`, as `make program` does; without it nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer, Plan

PROJECT = Path(__file__).resolve().parents[2]
EXTRAS = "[cli,duckdb]"
PROGRAM = "databuddy-source"
PYTHON = [sys.executable, "-m"]


@dataclass(frozen=True)
class Installed:
    """How the program is called.

    Attributes:
        words: that stand before its own.
        environment: that it needs besides.
    """

    words: list[str]
    environment: dict[str, str]

    def run(self, folder: Path, *words: str, key: str = "") -> str:
        """What it prints, in a folder. Fails when it does."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DLT_", "SOURCES__", "PYTHON", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            [*self.words, *words],
            cwd=folder,
            env={**clean, "COLUMNS": "200", **self.environment},
            input=key,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("a wheel")
    build = [*PYTHON, "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (found,) = target.iterdir()
    return found


@pytest.fixture(scope="module")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions of the lock, without hashes: the wheel has none there."""
    lock = (PROJECT / "requirements" / "demo.lock").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    path.write_text("\n".join(re.findall(r"^[\w.-]+==[^\s\\]+", lock, re.MULTILINE)))
    return path


def from_here(wheel: Path, constraints: Path, home: Path) -> Installed:
    """In an environment of its own that sees the packages of this one."""
    bare = [*PYTHON, "venv", "--without-pip", str(home / "venv")]
    subprocess.run(bare, check=True, capture_output=True)
    python = home / "venv" / "bin" / "python"
    wanted = [*PYTHON, "uv", "pip", "install", "--python", str(python), "--offline"]
    subprocess.run([*wanted, "--no-deps", str(wheel)], check=True, capture_output=True)
    (packages,) = (home / "venv" / "lib").glob("python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "here.pth").write_text("\n".join(here))
    return Installed([str(home / "venv" / "bin" / PROGRAM)], {})


def by_pip(wheel: Path, constraints: Path, home: Path) -> Installed:
    subprocess.run([*PYTHON, "venv", str(home / "venv")], check=True, capture_output=True)
    python = str(home / "venv" / "bin" / "python")
    wanted = [python, "-m", "pip", "install", "--constraint", str(constraints), f"{wheel}{EXTRAS}"]
    subprocess.run(wanted, check=True, capture_output=True)
    return Installed([str(home / "venv" / "bin" / PROGRAM)], {})


def by_uvx(wheel: Path, constraints: Path, home: Path) -> Installed:
    wanted = f"{PROGRAM}{EXTRAS} @ {wheel.as_uri()}"
    uvx = [*PYTHON, "uv", "tool", "run", "--python", sys.executable]
    return Installed([*uvx, "--constraints", str(constraints), "--from", wanted, PROGRAM], {})


def by_pipx(wheel: Path, constraints: Path, home: Path) -> Installed:
    environment = {
        "PIPX_HOME": str(home / "pipx"),
        "PIP_CONSTRAINT": str(constraints),
        "UV_CONSTRAINT": str(constraints),  # pipx takes uv where it finds it
    }
    return Installed([*PYTHON, "pipx", "run", "--spec", f"{wheel}{EXTRAS}", PROGRAM], environment)


WAYS: dict[str, Callable[[Path, Path, Path], Installed]] = {
    "here": from_here,
    "pip": by_pip,
    "uvx": by_uvx,
    "pipx": by_pipx,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "way" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--program")
        metafunc.parametrize("way", WAYS if asked == "all" else asked.split(","))


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(days=10, rate_limit=Plan.SERVER) as running:
        yield running


def test_a_first_day_in_an_empty_folder(
    way: str, wheel: Path, constraints: Path, server: DemoServer, tmp_path: Path
) -> None:
    program = WAYS[way](wheel, constraints, tmp_path)
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    assert program.run(folder, "--help").startswith("Usage: databuddy-source ")

    words = "init", "--api-key-stdin", "--server", server.url, "--website", "blog.example.com"
    told = program.run(folder, *words, "--timezone", "Europe/Berlin", key=server.api_key)
    assert "databuddy-source check " in told.replace("'", "")  # around a path with a space
    config = tomllib.loads((folder / ".dlt" / "config.toml").read_text())
    assert config["sources"]["databuddy"]["timezone"] == "Europe/Berlin"

    checked = json.loads(program.run(folder, "check", "--json"))
    states = {each["check"]: each["state"] for each in checked["checks"]}
    assert set(states.values()) == {"ok"}, states
    assert checked["checks"][0]["versions"][PROGRAM] == version()

    program.run(folder, "sync", "--report", "pages", "--report", "summary_metrics")
    assert json.loads(program.run(folder, "status", "--report", "pages", "--json"))["complete"]
    assert " 0 different" in program.run(folder, "verify", "--sample", "5")
    query = "SELECT COUNT(*) > 5 FROM databuddy.top_pages"
    assert ask(folder / "databuddy_warehouse.duckdb", query) == [(True,)]

    tried = re.search(r"Try:\n\n  (.+)\n", program.run(folder, "demo", "--report", "pages"))
    assert tried
    shown = subprocess.run(tried[1], shell=True, cwd=folder, capture_output=True, text=True)
    assert "pageviews" in shown.stdout, shown.stderr
    names = {path.name for path in folder.iterdir()}
    assert names == {".dlt", ".databuddy", "databuddy_warehouse.duckdb", "demo.duckdb"}


def ask(file: Path, sql: str) -> list[tuple[object, ...]]:
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.sql(sql).fetchall()


def version() -> str:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
