#!/usr/bin/env python3
"""Keeps what the version at hand makes, for later versions to go on with.

    python tests/upgrades/keep.py      # writes tests/upgrades/VERSION/

Run it once before a release, from the code of that version. It needs a Postgres that `pg_dump` and
`PG_URL` agree on; without `PG_URL` the dump is left out and said so.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

TODAY = date(2026, 3, 19)
"""The last day that was synced; the server has one more."""

SETTINGS = {
    "TIMEZONE": "America/New_York",
    "START_DATE": "2026-03-10",
    "QUERY_TYPES": json.dumps(
        ["summary_metrics", "summary_metrics_weekly", "events_by_date_hourly", "country"]
    ),
    "REPORTS": json.dumps(
        [
            {
                "name": "german_pages",
                "query_type": "top_pages",
                "filters": [{"field": "country", "op": "eq", "value": "DE"}],
            }
        ]
    ),
}

WRAPPER = """
import dlt
from databuddy_source import raise_if_incomplete, sync
pipeline = dlt.pipeline(
    "databuddy_sync",
    destination="duckdb",
    dataset_name="databuddy",
    pipelines_dir="databuddy_state",
)
raise_if_incomplete(pipeline, sync(pipeline))
"""
"""As the wrappers for Dagster and Airflow of 0.1.0 did it, in today's words."""


def main() -> None:
    import time_machine

    from databuddy_source.demo import DemoServer

    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    target = PROJECT / "tests" / "upgrades" / version
    target.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        DemoServer(today=TODAY, days=12, ahead=1) as server,
    ):
        os.environ.update({f"SOURCES__DATABUDDY__{key}": text for key, text in SETTINGS.items()})
        os.environ |= {
            "SOURCES__DATABUDDY__API_KEY": server.api_key,
            "SOURCES__DATABUDDY__BASE_URL": server.url,
            "SOURCES__DATABUDDY__WEBSITES": json.dumps([each.id for each in server.websites[:2]]),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_PROJECT_DIR": home,
        }
        places = ["command line", "wrapper"]
        if url := os.environ.get("PG_URL"):
            os.environ["DESTINATION__POSTGRES__CREDENTIALS"] = url
            places.append("postgres")
        for place in places:
            folder = Path(home) / place
            folder.mkdir()
            os.chdir(folder)
            for day in (TODAY - timedelta(days=1), TODAY):
                server.now = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
                with time_machine.travel(server.now, tick=True):
                    if place == "wrapper":
                        exec(WRAPPER, {})
                    else:
                        _command(["--destination", "postgres"] if place == "postgres" else [])
            _pack(folder, target / f"{place.replace(' ', '_')}.tar.gz")
            if place == "postgres":
                _dump(os.environ["PG_URL"], target / "postgres.sql.gz")
        if "postgres" not in places:
            print("No PG_URL, so no dump of Postgres.")


def _command(words: list[str]) -> None:
    from typer.testing import CliRunner

    from databuddy_source.cli.app import app

    done = CliRunner().invoke(app, ["sync", *words])
    print(done.output)
    if done.exit_code:
        raise SystemExit(done.exit_code)


def _pack(folder: Path, target: Path) -> None:
    """One archive, the same for the same content; nothing of this machine in it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.name == "trace.pickle" or path.suffix == ".holder":
                continue  # they tell of the machine
            entry = archive.gettarinfo(path, str(path.relative_to(folder)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            with path.open("rb") if path.is_file() else io.BytesIO() as content:
                archive.addfile(entry, content if path.is_file() else None)
    target.write_bytes(gzip.compress(plain.getvalue(), mtime=0))


def _dump(url: str, target: Path) -> None:
    """SQL that any client can run."""
    done = subprocess.run(
        ["pg_dump", "--inserts", "--no-owner", "--no-privileges", url],
        check=True,
        capture_output=True,
        text=True,
    )
    # psql's own commands
    lines = [line for line in done.stdout.splitlines() if not line.startswith("\\")]
    target.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
