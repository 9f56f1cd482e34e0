"""A real Chromium, which the option --browser names, and the page of `dashboard` in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source import Settings, databuddy_source, load, overview
from databuddy_source.cli.page.html import page
from databuddy_source.demo import DemoServer, Fault

TODAY = date(2026, 3, 20)
DAYS = 90
NAME = "<script>alert('site')</script>.example.com"
STRANGE = ("/<script>alert('page')</script>", "/left\u202eright", "/" + "x" * 2_000)


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """Its path."""
    name = pytestconfig.getoption("--browser")
    if not name:
        pytest.skip("needs --browser")
    found = shutil.which(name)
    assert found, f"there is no {name}"
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # of an environment of its own

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield running
        running.close()


class Written:
    """A page in a file.

    Attributes:
        file: that has it.
        seconds: that it took to read the warehouse and to write it.
        query: asks the warehouse.
    """

    def __init__(self, file: Path, seconds: float, query: Callable[[str], Any]) -> None:
        self.file, self.seconds, self.query = file, seconds, query


@pytest.fixture(scope="session")
def written(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """Three websites and 90 days, one of which has a name that is markup and a day of each state,
    and pages that are called otherwise than pages should be."""
    folder = tmp_path_factory.mktemp("page")
    with DemoServer(today=TODAY, days=DAYS + 20) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shop = server.websites[0]
        server.events.websites[0] = replace(shop, domain=NAME)
        noon = datetime.combine(TODAY - timedelta(days=2), clock(12), UTC)
        for path in STRANGE:
            for _ in range(300):
                server.events.add(shop.id, noon, path=path)
        failing = {"query_type": "summary_metrics", "website_id": shop.id, "times": None}
        server.faults.add(Fault(parameter_error="no", day=TODAY - timedelta(days=9), **failing))
        given: dict[str, Any] = {
            "api_key": server.api_key,
            "base_url": server.url,
            "websites": [website.id for website in server.websites[:3]],
            "query_types": ["default", "vitals_time_series"],
            "start_date": TODAY - timedelta(days=DAYS + 10),
        }
        pipeline = dlt.pipeline(
            "page",
            destination=dlt.destinations.duckdb(str(folder / "page.duckdb")),
            dataset_name="databuddy",
            pipelines_dir=str(folder / "state"),
        )
        with time_machine.travel(server.now, tick=True):
            load(pipeline, databuddy_source(**given, requests_per_minute=6000))
            with pipeline.sql_client() as client:
                for ago, status in ((20, "truncated"), (25, "suspect")):
                    client.execute_sql(
                        f"UPDATE coverage SET status = '{status}' WHERE date = "
                        f"DATE '{TODAY - timedelta(days=ago)}' AND website_id = '{shop.id}'"
                    )
                client.execute_sql(
                    f"DELETE FROM coverage WHERE date = DATE '{TODAY - timedelta(days=30)}' "
                    f"AND website_id = '{shop.id}'"
                )
            began = time.monotonic()
            text = page(overview(pipeline, Settings.of(**given), days=DAYS), server.now)
            seconds = time.monotonic() - began
        file = folder / "dashboard.html"
        file.write_text(text, encoding="utf-8")

        def query(sql: str) -> Any:
            with pipeline.sql_client() as client:
                return client.execute_sql(sql)

        yield Written(file, seconds, query)
