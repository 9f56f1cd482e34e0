"""A DuckDB file of a newer DuckDB than the one at hand is named, and stays as it is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import time_machine
from typer.testing import CliRunner

from databuddy_source import load, status, sync
from databuddy_source.config.resolve import checked
from databuddy_source.demo import DemoServer
from databuddy_source.errors import NoDatabase
from databuddy_source.extract.source import source_of

HEADER = 4096
VERSION = 12
"""Where the header of a file has the number of its format, behind a checksum and a magic word."""

WORDS = f"was made by a newer DuckDB than {duckdb.__version__}, which is installed here"


def of_a_newer_duckdb(file: Path) -> Path:
    duckdb.connect(str(file)).close()
    content = bytearray(file.read_bytes())
    assert checksum(content) == content[:8]
    (version,) = struct.unpack_from("<Q", content, VERSION)
    struct.pack_into("<Q", content, VERSION, version + 900)
    content[:8] = checksum(content)
    file.write_bytes(content)
    return file


def checksum(content: bytearray) -> bytes:
    """Of the header, as DuckDB reckons it."""
    numbers = struct.unpack_from(f"<{(HEADER - 8) // 8}Q", content, 8)
    return struct.pack(
        "<Q", reduce(lambda found, each: found ^ each * 0xBF58476D1CE4E5B9 % 2**64, numbers, 5381)
    )


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return of_a_newer_duckdb(tmp_path / "newer.duckdb")


def by_sync(pipeline: dlt.Pipeline, given: dict[str, Any]) -> None:
    sync(pipeline, *checked(**given))


def by_load(pipeline: dlt.Pipeline, given: dict[str, Any]) -> None:
    load(pipeline, source_of(*checked(**given)))


def by_status(pipeline: dlt.Pipeline, given: dict[str, Any]) -> None:
    status(pipeline, checked(**given)[0])


@pytest.mark.parametrize("ask", [by_sync, by_load, by_status])
def test_a_pipeline_says_it(
    serve: Callable[..., DemoServer],
    tmp_path: Path,
    newer: Path,
    ask: Callable[[dlt.Pipeline, dict[str, Any]], None],
) -> None:
    server = serve(days=1)
    pipeline = dlt.pipeline(
        "newer",
        destination=dlt.destinations.duckdb(str(newer)),
        dataset_name="databuddy",
        pipelines_dir=str(tmp_path / "state"),
    )
    given = {"api_key": server.api_key, "base_url": server.url, "query_types": ["top_pages"]}
    before = newer.read_bytes()
    with (
        time_machine.travel(server.now, tick=True),
        pytest.raises(NoDatabase, match=WORDS) as raised,
    ):
        ask(pipeline, given)
    assert "Install the DuckDB that made it, or a newer one" in str(raised.value)
    assert newer.read_bytes() == before


@pytest.mark.parametrize("command", ["sync", "status", "check"])
def test_the_command_line_says_it(
    serve: Callable[..., DemoServer],
    newer: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    from databuddy_source.cli.app import app

    server = serve(days=1)
    monkeypatch.chdir(newer.parent)
    monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", server.api_key)
    monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", server.url)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", newer.name)
    done = CliRunner().invoke(app, [command])
    assert done.exit_code == 2, done.output
    assert WORDS in " ".join(done.output.split())
