"""`remove` as it is called, and what `status` says of what nobody chooses any more."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dlt
import duckdb
import pytest

from databuddy_source import databuddy_source
from databuddy_source.demo import DemoServer
from tests.cli.conftest import Outcome

FILE = "databuddy_warehouse.duckdb"
START = (datetime.now(UTC) - timedelta(days=3)).date()
Invoke = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _configured(environment: dict[str, str], server: DemoServer) -> None:
    """Two reports of two websites."""
    environment["SOURCES__DATABUDDY__START_DATE"] = str(START)
    environment["SOURCES__DATABUDDY__QUERY_TYPES"] = "top_pages,summary_metrics"
    names = [website.domain for website in server.websites[:2]]
    environment["SOURCES__DATABUDDY__WEBSITES"] = json.dumps(names)


def held(folder: Path) -> set[tuple[str, str]]:
    with duckdb.connect(str(folder / FILE)) as connection:
        return set(
            connection.execute("SELECT report, website_id FROM databuddy.coverage").fetchall()
        )


def test_what_goes_is_told_first_and_what_is_still_chosen(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    shop, blog = (website.id for website in server.websites[:2])
    domain = server.websites[0].domain
    assert invoke().exit_code == 0
    before = held(folder)
    words = ["remove", "--website", domain]
    look = invoke(*words, "--dry-run")
    assert (look.exit_code, held(folder)) == (0, before)
    assert "Nothing was changed: " in look.stdout
    assert f"{domain} is still chosen by sources.databuddy.websites, so" in look.stderr
    done = invoke(*words, "--log-format", "json")
    assert done.exit_code == 0
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["event"] for each in told] == ["removed", "still_chosen"]
    assert set(told[0]["rows"]) == {"summary_metrics", "top_pages", "websites"}
    assert held(folder) == {place for place in before if place[1] == blog}
    # which the sentence said
    assert invoke().exit_code == 0
    assert held(folder) == before
    assert shop in {website_id for _, website_id in held(folder)}


def test_what_code_of_ones_own_loaded_is_taken_out_and_rebuilt(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    """By a pipeline of another name, so that the command line has no state of it."""
    shop, blog = (website.id for website in server.websites[:2])
    own = dlt.pipeline(
        "own",
        destination=dlt.destinations.duckdb(str(folder / FILE)),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "elsewhere"),
    )
    source = databuddy_source(
        server.api_key,
        base_url=server.url,
        websites=[shop, blog],
        query_types=["top_pages", "summary_metrics"],
        start_date=START,
    )
    own.run(source)
    before = held(folder)
    assert len(before) == 4
    look = invoke("remove", "--website", blog, "--dry-run")
    assert look.exit_code == 0, look.stderr
    assert "Nothing was changed: " in look.stdout
    assert not re.search(r"^(top_pages|summary_metrics) +0 ", look.stdout, re.MULTILINE)
    assert held(folder) == before
    assert invoke("rebuild", "--timezone", "Asia/Tokyo", "--dry-run").exit_code == 0
    done = invoke("remove", "--website", blog)
    assert done.exit_code == 0, done.stderr
    with duckdb.connect(str(folder / FILE)) as connection:
        for table in ("top_pages", "summary_metrics", "coverage"):
            found = connection.execute(f"SELECT DISTINCT website_id FROM databuddy.{table}")
            assert found.fetchall() == [(shop,)]


def test_status_names_the_commands_that_take_out_what_is_not_configured(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    shop, blog, quiet = (website.id for website in server.websites)
    every = json.dumps([shop, blog, quiet])
    assert invoke(SOURCES__DATABUDDY__WEBSITES=every).exit_code == 0
    own = [{"query_type": "top_pages", "websites": [shop]}]
    fewer = {
        "SOURCES__DATABUDDY__WEBSITES": json.dumps([shop, blog]),
        "SOURCES__DATABUDDY__QUERY_TYPES": "summary_metrics",
        "SOURCES__DATABUDDY__REPORTS": json.dumps(own),
    }
    sent = len(server.log)
    shown = invoke("status", **fewer)
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(invoke("status", "--json", **fewer).stdout)
    assert len(server.log) == sent
    # one that has --report is told nothing: what it leaves out may be configured
    named = invoke("status", "--json", "--report", "summary_metrics", **fewer)
    assert json.loads(named.stdout)["remove"] == []
    assert len(found["remove"]) == 2
    for command in found["remove"]:
        assert f"\n  {command}\n" in shown.stdout
        name, *words = shlex.split(command)
        assert (name, words[0]) == ("databuddy-source", "remove")
        assert invoke(*words, **fewer).stderr == ""
    assert held(folder) == {
        ("summary_metrics", shop),
        ("summary_metrics", blog),
        ("top_pages", shop),
    }
    assert json.loads(invoke("status", "--json", **fewer).stdout)["not_configured"] == []


def test_what_the_server_no_longer_has_is_kept_and_not_called_unconfigured(
    invoke: Invoke, folder: Path
) -> None:
    assert invoke().exit_code == 0
    with duckdb.connect(str(folder / FILE)) as connection:
        connection.execute("DELETE FROM databuddy.query_types WHERE name = 'top_pages'")
    found = json.loads(invoke("status", "--json").stdout)
    assert (found["not_configured"], found["remove"]) == ([], [])
    assert {each["report"] for each in found["not_offered"]} == {"top_pages"}
    assert "the server no longer has it: top_pages." in invoke("status").stdout


def test_a_copy_for_readers_is_put_after_a_removal(invoke: Invoke, folder: Path) -> None:
    assert invoke().exit_code == 0
    words = ["remove", "--report", "pages", "--publish", "copy.duckdb"]
    assert invoke(*words).exit_code == 0
    with duckdb.connect(str(folder / "copy.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT DISTINCT report FROM databuddy.coverage").fetchall()
    assert found == [("summary_metrics",)]


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_removal_of_nothing_is_wrong_usage(words: list[str], invoke: Invoke) -> None:
    assert invoke().exit_code == 0
    done = invoke("remove", *words)
    assert done.exit_code == 2
    assert "Nothing is named that shall go. Name a website, a report, or both." in done.stderr
