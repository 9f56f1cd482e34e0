"""Several accounts: each key asks its own server for its own websites, and all fill one dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import tomlkit

from databuddy_source import Scope, Settings, configured, databuddy_source, plan, verify, websites
from databuddy_source import load as load_once
from databuddy_source.demo import DemoServer
from databuddy_source.demo.websites import BLOG, QUIET, SHOP
from databuddy_source.warehouse.target import Warehouse
from tests.cli.conftest import Outcome

FIRST = (datetime.now(UTC) - timedelta(days=2)).date()
WRONG = "dbdy_that_nobody_knows"
Invoke = Callable[..., Outcome]


@pytest.fixture(scope="module")
def other() -> Iterator[DemoServer]:
    """The server of another client, with other visitors."""
    with DemoServer(days=10, now=datetime.now(UTC), seed=8) as running:
        running.date = lambda: format_datetime(datetime.now(UTC), usegmt=True)
        yield running


@pytest.fixture(autouse=True)
def quiet_before(server: DemoServer, other: DemoServer) -> None:
    server.log.clear()
    other.log.clear()


@pytest.fixture
def accounts(server: DemoServer, other: DemoServer) -> dict[str, dict[str, Any]]:
    """Two accounts; both keys see both websites."""
    return {
        "shop": {"api_key": server.api_key, "base_url": server.url, "websites": [SHOP.id]},
        "studio": {
            "api_key": other.api_key,
            "base_url": other.url,
            "websites": [QUIET.id, SHOP.id],
        },
    }


def variables(accounts: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    """What is configured, in the environment."""
    found: dict[str, str | None] = {
        f"SOURCES__DATABUDDY__ACCOUNTS__{name.upper()}__{key.upper()}": (
            value if isinstance(value, str) else json.dumps(value)
        )
        for name, account in accounts.items()
        for key, value in account.items()
    }
    return found | {
        "SOURCES__DATABUDDY__API_KEY": None,
        "SOURCES__DATABUDDY__BASE_URL": None,
        "SOURCES__DATABUDDY__QUERY_TYPES": "country,events_by_date",
        "SOURCES__DATABUDDY__START_DATE": FIRST.isoformat(),
    }


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb"), read_only=True) as connection:
        connection.execute("USE databuddy")
        return connection.execute(sql).fetchall()


def statuses(folder: Path) -> dict[str, set[str]]:
    """By website."""
    sql = "SELECT website_id, list(DISTINCT status) FROM coverage GROUP BY website_id"
    return {website_id: set(found) for website_id, found in rows(folder, sql)}


def asked(server: DemoServer) -> set[str | None]:
    """The websites of which data was asked."""
    return {each.website_id for each in server.log if each.path == "/v1/query"}


def test_one_sync_brings_the_websites_of_all_accounts_into_one_dataset(
    invoke: Invoke, folder: Path, accounts: Any, server: DemoServer, other: DemoServer
) -> None:
    done = invoke("sync", **variables(accounts))
    assert done.exit_code == 0, done.output
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"complete"}}
    # both keys see the shop, and the first one asks for it
    assert (asked(server), asked(other)) == ({SHOP.id}, {QUIET.id})
    assert {key for each in server.log if (key := each.headers.get("x-api-key"))} <= {"***"}
    listed = {website_id for (website_id,) in rows(folder, "SELECT id FROM websites")}
    assert {SHOP.id, QUIET.id} <= listed
    assert invoke("status", **variables(accounts)).exit_code == 0
    checked = invoke("verify", **variables(accounts))
    assert checked.exit_code == 0, checked.output


def test_a_wrong_key_costs_no_other_account_and_is_healed(
    invoke: Invoke, folder: Path, accounts: Any, server: DemoServer, other: DemoServer
) -> None:
    right = variables(accounts)
    accounts["studio"]["api_key"] = WRONG
    wrong = variables(accounts)
    done = invoke("sync", **wrong)
    assert done.exit_code == 3, done.output
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"failed"}}
    (reason,) = rows(folder, "SELECT DISTINCT reason FROM coverage WHERE status = 'failed'")[0]
    assert "accounts.studio.api_key" in reason
    said = " ".join(done.stderr.split())
    assert said.count("The account studio cannot be used, and the others are") == 1
    assert invoke("status", **wrong).exit_code == 3
    assert WRONG not in done.output + reason
    in_vain = invoke("heal", **wrong)  # which needs no other key
    assert in_vain.exit_code == 1
    assert "accounts.studio.api_key" in in_vain.output
    server.log.clear()
    healed = invoke("heal", **right)
    assert healed.exit_code == 0, healed.output
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"complete"}}
    assert not asked(server)


def test_a_wrong_key_is_not_asked_with(
    invoke: Invoke, folder: Path, accounts: Any, other: DemoServer
) -> None:
    """A public website answers anybody, and nobody would notice the key."""
    accounts["studio"] |= {"api_key": WRONG, "websites": [BLOG.id]}
    assert invoke("sync", **variables(accounts)).exit_code == 3
    assert statuses(folder) == {SHOP.id: {"complete"}, BLOG.id: {"failed"}}
    assert not asked(other)


def test_where_no_key_is_right_nothing_comes_into_being(
    invoke: Invoke, folder: Path, accounts: Any
) -> None:
    for account in accounts.values():
        account["api_key"] = WRONG
    assert invoke("sync", **variables(accounts)).exit_code == 1
    assert not (folder / "databuddy_warehouse.duckdb").exists()


def test_a_server_that_is_gone_costs_no_other_account(
    invoke: Invoke, folder: Path, accounts: Any
) -> None:
    with DemoServer(days=2) as gone:
        accounts["studio"]["base_url"] = gone.url
    assert invoke("sync", **variables(accounts)).exit_code == 3
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"failed"}}


def test_servers_of_other_generations_are_refused(
    invoke: Invoke, folder: Path, accounts: Any
) -> None:
    with DemoServer(days=2, generation="2025") as old:
        accounts["studio"]["base_url"] = old.url
        done = invoke("sync", **variables(accounts))
    assert done.exit_code == 2
    assert "different generations" in " ".join(done.output.split())


def test_each_command_asks_each_server_for_its_websites(
    invoke: Invoke, folder: Path, accounts: Any, server: DemoServer, other: DemoServer
) -> None:
    given = variables(accounts)
    planned = invoke("plan", **given)
    assert planned.exit_code == 0
    assert not asked(server) | asked(other)
    checked = invoke("check", **given)
    assert checked.exit_code == 0, checked.output
    assert "shop: accepted" in checked.output
    assert "studio: accepted" in checked.output
    found = json.loads(invoke("check", "--json", **given).output)["checks"]
    assert [each["account"] for each in found if each["check"] == "key"] == ["shop", "studio"]
    assert (asked(server), asked(other)) == ({SHOP.id}, {QUIET.id})
    since = FIRST.isoformat()
    assert invoke("backfill", "--since", since, **given).exit_code == 0
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"complete"}}
    assert invoke("audit", "--since", since, **given).exit_code == 0
    assert invoke("discover", **given).exit_code == 0
    other.log.clear()
    explained = invoke("explain", "country", "--website", QUIET.id, **given)
    assert explained.exit_code == 0, explained.output
    assert other.url in explained.output
    assert any(each.path == "/v1/query/compile" for each in other.log)


def test_a_wrong_key_is_named_by_check(invoke: Invoke, folder: Path, accounts: Any) -> None:
    accounts["studio"]["api_key"] = WRONG
    checked = invoke("check", **variables(accounts))
    assert checked.exit_code == 1
    for command in ("plan", "discover"):
        assert "The account studio cannot be used" in invoke(command, **variables(accounts)).stderr
    assert "shop: accepted" in checked.output
    assert "studio: The server rejects the key" in " ".join(checked.output.split())
    assert WRONG not in checked.output


def test_one_website_is_chosen_by_an_option(
    invoke: Invoke, folder: Path, accounts: Any, server: DemoServer, other: DemoServer
) -> None:
    assert invoke("sync", "--website", QUIET.id, **variables(accounts)).exit_code == 0
    assert statuses(folder) == {QUIET.id: {"complete"}}
    assert not server.log
    done = invoke("sync", "--website", "another", **variables(accounts))
    assert done.exit_code == 2
    assert "--website has 'another', which no account names" in done.output


@pytest.fixture
def pipeline(folder: Path) -> dlt.Pipeline:
    """One of a program that gives settings by code."""
    file = dlt.destinations.duckdb(str(folder / "own.duckdb"))
    home = str(folder / "pipelines")
    return dlt.pipeline("own", home, destination=file, dataset_name="databuddy")


def test_cells_of_a_website_without_an_account_are_unanswered(
    pipeline: dlt.Pipeline, accounts: Any
) -> None:
    given: dict[str, Any] = {"query_types": ["country"], "start_date": FIRST, "accounts": accounts}
    load_once(pipeline, databuddy_source(**given))
    narrowed = Settings.of(**given, websites=[SHOP.id])
    found = {each.cell.website_id: each for each in verify(pipeline, narrowed)}
    assert found[SHOP.id].outcome.value == "equal"
    assert found[QUIET.id].details == ("no account is asked for its website",)


def test_one_key_of_two_accounts_has_one_limit(
    pipeline: dlt.Pipeline, accounts: Any, server: DemoServer
) -> None:
    accounts["studio"] |= {"api_key": server.api_key, "base_url": server.url}
    given: dict[str, Any] = {"requests_per_minute": 1, "start_date": FIRST, "accounts": accounts}
    told = plan(pipeline, Settings.of(**given), Scope.of())
    assert len(told.by_website) == 2
    assert told.minutes == told.requests - 1


@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_source_finds_accounts_and_each_key_of_one_may_stand_in_the_environment(
    way: str, folder: Path, accounts: Any, monkeypatch: pytest.MonkeyPatch, other: DemoServer
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    keys = {"query_types": ["country"], "start_date": FIRST.isoformat()}
    home = folder / ".dlt"
    home.mkdir()
    if way == "file":  # and the key is the environment's
        given = {**keys, "accounts": accounts}
        monkeypatch.setenv(
            "SOURCES__DATABUDDY__ACCOUNTS__STUDIO__API_KEY", accounts["studio"]["api_key"]
        )
        accounts["studio"] = {**accounts["studio"], "api_key": WRONG}
        (home / "secrets.toml").write_text(tomlkit.dumps({"sources": {"databuddy": given}}))
    else:
        monkeypatch.setenv("SOURCES__DATABUDDY__ACCOUNTS", json.dumps(accounts))
        monkeypatch.setenv("SOURCES__DATABUDDY__QUERY_TYPES", "country")
        monkeypatch.setenv("SOURCES__DATABUDDY__START_DATE", FIRST.isoformat())
    dlt.current.run_context().reload()
    try:
        assert [each.id for each in websites(configured())] == [SHOP.id, QUIET.id]
        pipeline = Warehouse.of().pipeline
        load_once(pipeline, databuddy_source())
        pipeline.deactivate()
    finally:
        if way == "file":
            (home / "secrets.toml").unlink()
        dlt.current.run_context().reload()
    assert statuses(folder) == {SHOP.id: {"complete"}, QUIET.id: {"complete"}}
    assert asked(other) == {QUIET.id}
