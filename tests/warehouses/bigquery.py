"""BigQuery as bqemulator has it: the real client talks to a server on loopback, whose SQL DuckDB
answers. The server has a virtual environment of its own, since it needs an older sqlglot."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dlt
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import bigquery
from google.oauth2.service_account import Credentials

from tests.warehouses.warehouse import Warehouse

PYTHON = Path(__file__).parents[2] / ".venv-bqemulator" / "bin" / "python"
LAUNCHER = Path(__file__).with_name("bqemulator_repaired.py")


class BigQuery:
    """A project of its own on an emulator."""

    name = "bigquery"
    engine = "emulator (DuckDB inside)"

    def __init__(self, server: dict[str, str], account: dict[str, str]) -> None:
        self._server = server
        self._account = account | {"project_id": f"test-{uuid4().hex[:20]}"}
        self._client = bigquery.Client(
            self._account["project_id"],
            credentials=Credentials.from_service_account_info(self._account),
        )

    def destination(self) -> Any:
        host = self._server["BIGQUERY_EMULATOR_HOST"]
        assert os.environ.get("BIGQUERY_EMULATOR_HOST") == host, "this would ask the real service"
        return dlt.destinations.bigquery(json.dumps(self._account))

    def environment(self) -> dict[str, str]:
        return self._server | {"DESTINATION__BIGQUERY__CREDENTIALS": json.dumps(self._account)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._client.query_and_wait(sql)]

    def table(self, dataset: str, name: str) -> str:
        return f"`{self._client.project}`.`{dataset}`.`{name}`"

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        found = self._client.get_table(f"{self._client.project}.{dataset}.{table}")
        comments = {None: found.description} | {it.name: it.description for it in found.schema}
        return {name: comment for name, comment in comments.items() if comment}

    def close(self) -> None:
        self._client.close()


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty project."""
    assert PYTHON.exists(), "make test-warehouses installs the emulator"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = {
        "BIGQUERY_EMULATOR_HOST": url,
        "DATA_WRITER__DISABLE_COMPRESSION": "true",  # bqemulator does not unpack
    }
    with (
        tempfile.TemporaryDirectory(prefix="bqemulator-") as home,
        (Path(home) / "log").open("w+b") as log,
        pytest.MonkeyPatch.context() as environment,
    ):
        process = subprocess.Popen(
            [PYTHON, "-P", LAUNCHER, str(port)],  # -P: its duckdb is not the module beside it
            env={**os.environ, "TMPDIR": home},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(url, process, log)
            for name, value in server.items():
                environment.setenv(name, value)
            account = _account(f"{url}/token")
            yield lambda: BigQuery(server, account)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/readyz").raise_for_status()
            return
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise AssertionError(f"bqemulator does not start: {log.read().decode()}") from None
            time.sleep(0.05)


def _account(token_uri: str) -> dict[str, str]:
    """A service account with a key made up for this run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": "test@example.com",
        "private_key": key.decode(),
        "token_uri": token_uri,
    }
