"""What Airflow is told of a group, without a real Airflow: that has tests of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
)

from databuddy_source import AlreadyRunning, Settings, configured
from databuddy_source.demo import DemoServer
from databuddy_source.errors import KeyRejected, Unreachable
from databuddy_source.orchestrators import airflow_load
from databuddy_source.orchestrators.airflow import databuddy
from databuddy_source.orchestrators.airflow_load import Run, Setup, groups, load_group
from tests.traffic import demo_server

TODAY = datetime.now(UTC).date()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoServer]:
    with demo_server(days=7) as running:
        monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", running.api_key)
        monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", running.url)
        monkeypatch.setenv("SOURCES__DATABUDDY__QUERY_TYPES", '["country"]')
        yield running


def context(
    start: datetime | None = None, end: datetime | None = None, kind: str = "scheduled"
) -> dict[str, Any]:
    return {
        "data_interval_start": start,
        "data_interval_end": end,
        "dag_run": SimpleNamespace(run_type=kind),
        "params": {"refetch": False, "allow_empty": False},
    }


def settings(**given: Any) -> Settings:
    return configured(query_types=["country"], **given)


@pytest.mark.parametrize(
    ("start", "end", "zone", "first", "last"),
    [
        ("2026-03-10T04:00", "2026-03-11T04:00", "UTC", "2026-03-10", "2026-03-10"),
        ("2026-03-09T04:00", "2026-03-16T04:00", "UTC", "2026-03-09", "2026-03-15"),
        ("2026-03-10T08:00", "2026-03-10T09:00", "UTC", "2026-03-10", "2026-03-10"),
        # four in the morning there
        ("2026-03-09T15:00", "2026-03-10T15:00", "Pacific/Auckland", "2026-03-10", "2026-03-10"),
        ("2026-03-10T09:00", "2026-03-11T08:00", "America/New_York", "2026-03-10", "2026-03-10"),
    ],
)
def test_the_days_of_an_interval_are_those_of_the_zone(
    start: str, end: str, zone: str, first: str, last: str
) -> None:
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)]
    run = Run.of(context(*instants), settings(timezone=zone))
    assert (run.first, run.last) == (date.fromisoformat(first), date.fromisoformat(last))
    assert not run.only
    assert Run.of(context(*instants, kind="backfill"), settings(timezone=zone)).only


def test_without_an_interval_it_is_yesterday() -> None:
    run = Run.of(context(), settings())
    assert run.first == run.last
    assert run.last in {TODAY - timedelta(days=1), TODAY}  # midnight may pass


def test_websites_are_grouped(server: DemoServer) -> None:
    found = groups(Setup(), 2)
    assert [len(each["websites"]) for each in found] == [2, 1]
    assert found[0]["label"] == f"{server.websites[0].domain} and 1 more"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AlreadyRunning("Another sync is running"), AirflowRescheduleException),
        (KeyRejected("The server rejects the key"), AirflowFailException),
        (Unreachable("The server is away"), AirflowException),
    ],
)
def test_airflow_is_told_whether_to_try_again(
    error: Exception,
    told: type[AirflowException],
    server: DemoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*given: Any, **more: Any) -> list[str]:
        raise error

    monkeypatch.setattr(airflow_load, "load_cells", fails)
    (group,) = groups(Setup(), 100)
    with pytest.raises(AirflowException) as raised:
        load_group(Setup(), group, context())
    assert type(raised.value) is told
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_scheduled_run_comes_before_a_backfill() -> None:
    tasks = databuddy(settings=settings(), pool="one", backfill_pool="two").task_dict
    now, later = tasks["load"], tasks["load_of_backfill"]
    assert now.priority_weight > later.priority_weight
    # by itself, and not with those that come after it
    assert now.weight_rule == later.weight_rule == "absolute"
    assert (now.pool, later.pool) == ("one", "two")
