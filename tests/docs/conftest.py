"""A demo server with the domains of the manual, and a checkout that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.docs.blocks import Checkout


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    """Its today is the real one, since commands have no other clock."""
    with DemoServer(days=10) as server:
        server.events.websites[0] = replace(server.websites[0], domain="example.com")
        yield server


@pytest.fixture
def checkout(demo: DemoServer, tmp_path: Path) -> Checkout:
    """Few days and reports, so that commands are done soon."""
    environment = {
        "SOURCES__DATABUDDY__API_KEY": demo.api_key,
        "SOURCES__DATABUDDY__BASE_URL": demo.url,
        "SOURCES__DATABUDDY__QUERY_TYPES": '["events_by_date"]',
        "SOURCES__DATABUDDY__WEBSITES": '["example.com", "blog.example.com"]',
        "SOURCES__DATABUDDY__START_DATE": f"{datetime.now(UTC).date() - timedelta(days=4)}",
        "SOURCES__DATABUDDY__REQUESTS_PER_MINUTE": "6000",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    made = Checkout(tmp_path / "home", environment, demo.api_key)
    made.make()
    return made
