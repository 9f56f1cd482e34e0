"""dlt's client for MotherDuck, with a DuckDB file where the service would be: what is sent, and not
what the service does with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import time_machine
from dlt.destinations.impl.motherduck.configuration import MotherDuckCredentials

from databuddy_source import databuddy_source, load
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer
from databuddy_source.warehouse.whole import is_whole


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file, resolved = tmp_path / "my_db.duckdb", MotherDuckCredentials.on_resolved

    def without_the_service(credentials: Any) -> None:
        resolved(credentials)
        credentials.global_config = None

    monkeypatch.setattr(MotherDuckCredentials, "on_resolved", without_the_service)
    monkeypatch.setattr(MotherDuckCredentials, "_conn_str", lambda _: str(file))
    return file


def test_days_are_replaced_in_one_transaction(
    serve: Callable[..., DemoServer], file: Path, tmp_path: Path
) -> None:
    server = serve(days=3)
    pipeline = dlt.pipeline(
        "motherduck",
        destination=dlt.destinations.motherduck("md:my_db?motherduck_token=none"),
        dataset_name="web",
        pipelines_dir=str(tmp_path / "state"),
    )
    shop = server.websites[0].id
    counted = []
    for _ in range(2):
        with time_machine.travel(server.now, tick=True):
            source = databuddy_source(
                api_key=server.api_key,
                base_url=server.url,
                websites=[shop],
                query_types=["top_pages"],
            )
            assert gaps_of_loads(pipeline, load(pipeline, source)) == []
        assert is_whole(pipeline)
        with duckdb.connect(str(file)) as connection:
            counted += connection.execute(
                "SELECT (SELECT count(*) FROM web.top_pages), (SELECT sum(rows) FROM web.coverage)"
            ).fetchall()
    assert counted[0] == counted[1]
    assert counted[0][0] == counted[0][1] > 10
