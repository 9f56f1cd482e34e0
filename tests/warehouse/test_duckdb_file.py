"""Which DuckDB file the configuration names: never another one, without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dlt
import pytest

from databuddy_source.errors import BadConfiguration
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.place import FILE

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a file of dlt's configuration."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    (tmp_path / ".dlt").mkdir()

    def put(name: str, text: str) -> None:
        (tmp_path / ".dlt" / name).write_text(text)
        dlt.current.run_context().reload()

    yield put
    for file in (tmp_path / ".dlt").iterdir():
        file.unlink()
    dlt.current.run_context().reload()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("secrets.toml", '[destination.duckdb]\ncredentials = "web.duckdb"'),
        ("secrets.toml", '[destination.duckdb]\ncredentials = "duckdb:///web.duckdb"'),
        ("secrets.toml", '[destination.duckdb.credentials]\ndatabase = "web.duckdb"'),
        ("config.toml", '[destination.duckdb.credentials]\ndatabase = "web.duckdb"'),
    ],
)
def test_it_is_named_by_its_path(file: str, text: str, write: Write) -> None:
    write(file, text)
    assert chosen().file == Path("web.duckdb").absolute()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[destination.duckdb.credentials]\nread_only = false",
        "[destination.duckdb]\ncreate_indexes = false",
    ],
)
def test_none_is_named(text: str, write: Write) -> None:
    write("secrets.toml", text)
    assert chosen().file == Path.cwd() / FILE


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("secrets.toml", "[destination.duckdb]\ncredentials = 5", "credentials names no file"),
        ("secrets.toml", "[destination.duckdb]\ncredentials = true", "credentials names no file"),
        ("secrets.toml", '[destination.duckdb]\ncredentials = ["a"]', "credentials names no file"),
        (
            "secrets.toml",
            "[destination.duckdb.credentials]\ndatabase = 5",
            "credentials names no file",
        ),
        (
            "secrets.toml",
            '[destination.duckdb.credentials]\npath = "web.duckdb"',
            "credentials.path is not read. Write destination.duckdb.credentials.database.",
        ),
        (
            "config.toml",
            '[destination.duckdb]\ncredentials = "web.duckdb"',
            "looks for credentials in secrets.toml only. Move it there.",
        ),
    ],
)
def test_what_names_no_file_is_refused(file: str, text: str, says: str, write: Write) -> None:
    write(file, text)
    with pytest.raises(BadConfiguration) as caught:
        chosen()
    assert says in str(caught.value)
