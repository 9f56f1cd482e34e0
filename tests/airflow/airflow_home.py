"""A real Airflow in a folder: its database, its DAG, and what it says of a run."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from databuddy_source.demo import DemoServer

PROJECT = Path(__file__).parent.parent.parent

REPORTS = ("top_pages", "country")

DAG = """
import os
from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from databuddy_source.orchestrators.airflow import databuddy, table_asset

def is_back(context):
    os.environ["SOURCES__DATABUDDY__BASE_URL"] = os.environ["BACK_AT"]

until = os.environ.get("END_DATE")
databuddy(
    websites_per_task=2,
    default_args={
        "pool": os.environ.get("POOL", "default_pool"),
        "retries": 1,
        "retry_delay": timedelta(seconds=1),
        "on_retry_callback": is_back if "BACK_AT" in os.environ else None,
    },
    end_date=datetime.fromisoformat(until) if until else None,
)

with DAG("after", schedule=[table_asset("top_pages")]):
    EmptyOperator(task_id="nothing")
"""
"""The DAG, beside one that waits for a table. In an outage the server is back at the second try."""


PROGRAM = str(Path(sys.executable).parent / "airflow")


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": "of the tests, and long enough for what signs with it",
        "PYTHONPATH": str(PROJECT),
        "NO_COLOR": "1",
        **more,
    }


def run_airflow(home: Path, *words: str, ok: bool = True, **more: str) -> str:
    """Run a command of Airflow. Returns all that it printed."""
    done = subprocess.run(
        [PROGRAM, *words],
        cwd=home,
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stdout
    return done.stdout


class Airflow:
    """Airflow with the DAG, beside a demo server.

    Attributes:
        home: its folder, in which DuckDB's file comes to be, too.
    """

    def __init__(self, home: Path, server: DemoServer, **given: str) -> None:
        self.home = home
        self.programs = list[subprocess.Popen[bytes]]()
        self.variables = {
            "SOURCES__DATABUDDY__API_KEY": server.api_key,
            "SOURCES__DATABUDDY__BASE_URL": server.url,
            "SOURCES__DATABUDDY__QUERY_TYPES": str(list(REPORTS)).replace("'", '"'),
            **given,
        }
        (home / "dags").mkdir(exist_ok=True)
        (home / "dags" / "databuddy_dag.py").write_text(DAG)

    def test(self, day: date, **more: str) -> str:
        """`airflow dags test` of the run whose data interval is a day. Returns the log."""
        at = f"{date.fromordinal(day.toordinal() + 1)}T05:00:00+00:00"
        return run_airflow(
            self.home, "dags", "test", "databuddy", at, ok=False, **{**self.variables, **more}
        )

    def make_pool(self) -> None:
        """As the manual has it."""
        run_airflow(self.home, "pools", "set", "databuddy", "1", "Databuddy")

    @contextmanager
    def running(self) -> Iterator[Callable[[], str]]:
        """Airflow's scheduler and the server by which tasks speak with it. Gives what reads what
        they said."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        given = environment(
            self.home,
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
            AIRFLOW__API__PORT=port,
            AIRFLOW__API__HOST="127.0.0.1",
            **self.variables,
        )
        run_airflow(self.home, "dags", "reserialize", **self.variables)
        for dag in ("databuddy", "after"):
            run_airflow(self.home, "dags", "unpause", dag, "--yes", **self.variables)
        said = self.home / "said"
        with said.open("wb") as out:

            def start(*words: str) -> None:
                self.programs.append(
                    subprocess.Popen(
                        [PROGRAM, *words], cwd=self.home, env=given, stdout=out, stderr=out
                    )
                )

            try:
                start("api-server")
                while not _listens(int(port)):  # else the first tasks fail, and are tried again
                    assert self.programs[0].poll() is None, said.read_text()
                    time.sleep(0.2)
                start("scheduler", "--skip-serve-logs")
                yield said.read_text
            finally:
                for each in self.programs:
                    each.terminate()
                for each in self.programs:
                    each.wait()

    def backfill(self, first: date, last: date, offset: str) -> None:
        """`airflow backfill create` for these days, as the manual has it."""
        words = ("backfill", "create", "--dag-id", "databuddy", "--max-active-runs", "1")
        begin, end = f"{first}T00:00{offset}", f"{last}T23:59{offset}"
        run_airflow(self.home, *words, "--from-date", begin, "--to-date", end, **self.variables)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """As long as Airflow runs."""
        while not holds():
            assert all(each.poll() is None for each in self.programs), "Airflow has ended"
            time.sleep(0.2)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Of Airflow's own database."""
        connection = sqlite3.connect(self.home / "airflow.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def states(self, task: str = "%") -> list[tuple[Any, ...]]:
        """Task, group, state and tries, of each."""
        return self.rows(
            "SELECT task_id, map_index, state, try_number FROM task_instance "
            f"WHERE task_id LIKE '{task}' ORDER BY 1, 2"
        )

    def run_states(self) -> list[str]:
        """Of the runs of the DAG, oldest first."""
        asked = "SELECT state FROM dag_run WHERE dag_id = 'databuddy' ORDER BY logical_date"
        return [each for (each,) in self.rows(asked)]

    def told(self) -> set[str]:
        """The assets that had an event."""
        return {
            name
            for (name,) in self.rows(
                "SELECT asset.name FROM asset_event JOIN asset ON asset.id = asset_event.asset_id"
            )
        }


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def names(tables: Iterable[str]) -> set[str]:
    return {f"databuddy/{each}" for each in tables}
