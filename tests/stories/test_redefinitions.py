"""A server is upgraded, and reports mean something else from then on."""

from __future__ import annotations

import json
import logging
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from typer.testing import CliRunner

from databuddy_source.answers.verify import verify
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.redefinitions import redefinitions
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import ServerChanged
from databuddy_source.model.generations import Generation
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

DAY = timedelta(days=1)
FIRST = TODAY - 6 * DAY
REPORTS = ["outbound_links", "traffic_sources", "error_types"]
CHOSEN: dict[str, Any] = {"query_types": REPORTS, "start_date": FIRST, "lookback_days": 2}
"""The first two mean something else since June."""

TYPES = "/v1/query/types"
NOT_THE_SAME = "These reports do not mean the same on all days:"


@pytest.fixture
def upgraded(serve: Serve) -> Callable[[], tuple[DemoServer, DemoServer]]:
    """The same account before and, a day later, after an upgrade from April to June."""

    def make() -> tuple[DemoServer, DemoServer]:
        april, june = (serve(each, ahead=2) for each in ("2026-04", "2026-06"))
        june.now += DAY
        return april, june

    return make


Upgraded = Callable[[], tuple[DemoServer, DemoServer]]


def generations(made: Warehouse, report: str) -> dict[str | None, tuple[Any, ...]]:
    """The days of each generation, by coverage."""
    return {
        generation: days
        for generation, *days in made.query(
            "SELECT generation, MIN(date), MAX(date) FROM coverage WHERE report = %s "
            "GROUP BY generation",
            report,
        )
    }


def test_a_sync_goes_on_and_says_once_what_means_something_else(
    upgraded: Upgraded, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    april, june = upgraded()
    made = warehouse(april)
    assert made.sync(**CHOSEN) == []
    assert "something else" not in caplog.text
    old = "SELECT * FROM outbound_links WHERE date < %s ORDER BY ALL"
    restated = TODAY - 2 * DAY
    before = made.query(old, restated)
    assert before

    made.server = june
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert made.sync(**CHOSEN) == []
    (told,) = (each.getMessage() for each in caplog.records if "something" in each.getMessage())
    assert "This server is of June 2026, and the warehouse has days of April 2026." in told
    new = "new columns percentage, name, referrer, domain, referrer_type"
    assert f"from now on: outbound_links, traffic_sources ({new}). Old days stay" in told

    # nothing is rewritten, and both sides are marked
    assert made.query(old, restated) == before
    assert generations(made, "outbound_links") == {
        "2026-04": [FIRST, restated - DAY],
        "2026-06": [restated, TODAY + DAY],
    }

    # said once
    caplog.clear()
    june.now += DAY
    assert made.sync(**CHOSEN) == []
    assert "something else" not in caplog.text


def test_reports_that_still_mean_the_same_are_not_named(
    upgraded: Upgraded, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    april, june = upgraded()
    made = warehouse(april)
    chosen = {**CHOSEN, "query_types": ["error_types"]}
    made.sync(**chosen)
    made.server = june
    made.sync(**chosen)
    assert len(generations(made, "error_types")) == 2
    assert "something else" not in caplog.text


@pytest.mark.parametrize("failing", [{"day": TODAY}, {"day": TODAY + DAY}, {}])
def test_cells_that_fail_as_the_new_server_is_met_do_not_turn_the_change_round(
    upgraded: Upgraded, warehouse: Make, failing: dict[str, Any]
) -> None:
    """What they keep is of the old server, and came with an earlier load."""
    april, june = upgraded()
    chosen = {**CHOSEN, "query_types": ["traffic_sources"]}
    made = warehouse(april, Warehouse.sync, **chosen)
    made.server = june
    june.faults.add(
        Fault(query_type="traffic_sources", parameter_error="It failed", times=None, **failing)
    )
    assert made.sync(**chosen)
    found = redefinitions(made.pipeline)
    # where all of it failed, the table has no day of June yet
    assert [each.now for each in found] == [Generation.G2026_06] * bool(failing)
    june.faults.clear()
    assert made.sync(**chosen) == []
    (redefined,) = redefinitions(made.pipeline)
    assert redefined.now is Generation.G2026_06
    assert redefined.old == (FIRST, TODAY - 3 * DAY)


# -- the command line


def upgrade_after_first_contact(server: DemoServer, newer: DemoServer) -> None:
    """From the second time on it lists the query types of another one."""
    headers = {"x-api-key": newer.api_key}
    listed = httpx.get(f"{newer.url}/query/types?include_meta=true", headers=headers).json()
    as_json = {"content-type": "application/json"}
    server.faults.add(
        Fault(path=TYPES, skip=1, times=None, status=200, body=listed, headers=as_json)
    )


@pytest.mark.parametrize(("before", "after"), [("2025", "2026-04"), ("2026-06", "2026-10")])
def test_nothing_is_loaded_of_a_server_that_is_upgraded_while_it_is_asked(
    serve: Serve, warehouse: Make, before: str, after: str
) -> None:
    server, newer = serve(before), serve(after)
    upgrade_after_first_contact(server, newer)
    made = warehouse(server)
    called, is_now = Generation(before).called, Generation(after).called
    with pytest.raises(ServerChanged, match=f"was of {called} when .* is of {is_now} now"):
        made.sync(**CHOSEN)
    assert not made.pipeline.has_pending_data
    server.faults.clear()
    assert made.sync(**CHOSEN) == []
    fresh = warehouse(server)
    assert fresh.sync(**CHOSEN) == []
    assert made.cells("error_types") == fresh.cells("error_types") != {}

    held = made.tables()
    upgrade_after_first_contact(server, newer)
    with pytest.raises(ServerChanged):
        made.sync(**CHOSEN)
    assert made.tables() == held


def test_nothing_is_compared_with_a_server_that_is_upgraded_while_it_is_asked(
    serve: Serve, warehouse: Make
) -> None:
    server, newer = serve("2026-04"), serve("2026-06")
    made = warehouse(server)
    made.sync(**CHOSEN)
    upgrade_after_first_contact(server, newer)
    settings = Settings.of(api_key=server.api_key, base_url=server.url)
    with (
        time_machine.travel(server.now, tick=True),
        pytest.raises(ServerChanged, match=r"was of April 2026 when .* is of June 2026 now"),
    ):
        list(verify(made.pipeline, settings))


def test_whether_the_server_is_the_same_costs_no_request_that_a_limit_counts(
    serve: Serve, warehouse: Make
) -> None:
    server = serve("2026-04")
    gone = Fault(path=TYPES, skip=1, times=None, status=404)
    server.faults.add(gone)
    # one that does not tell is believed
    assert warehouse(server).sync(**CHOSEN) == []
    assert Counter(arrival.path for arrival in server.log)[TYPES] == 2


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[DemoServer], None]]:
    """The command line works with this server from now on, at its time."""
    travels: list[time_machine.travel] = []

    def use(server: DemoServer) -> None:
        given = {key: value for key, value in CHOSEN.items() if key != "query_types"}
        given |= {"api_key": server.api_key, "base_url": server.url}
        given |= {"query_types": ",".join(REPORTS), "websites": server.websites[0].id}
        for key, value in given.items():
            monkeypatch.setenv(f"SOURCES__DATABUDDY__{key.upper()}", str(value))
        if travels:
            travels.pop().stop()
        travels.append(time_machine.travel(server.now, tick=True))
        travels[0].start()

    yield use
    for each in travels:
        each.stop()


def command(*words: str, code: int = 0) -> str:
    """What a command prints."""
    from databuddy_source.cli.app import app

    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_the_command_that_is_offered_loads_the_old_days_anew(
    upgraded: Upgraded, configure: Callable[[DemoServer], None]
) -> None:
    april, june = upgraded()
    configure(april)
    assert NOT_THE_SAME not in command("sync", "--state-dir", "a state")
    assert json.loads(command("status", "--json", "--state-dir", "a state"))["redefined"] == []

    configure(june)
    told = command("sync", "--state-dir", "a state")
    last = TODAY - 3 * DAY
    assert f"asked of April 2026 until {last}, of June 2026 since {last + DAY}:" in told
    assert "outbound_links: since June 2026 a click counts once" in told
    assert "new columns percentage, name, referrer, domain, referrer_type" in told
    assert "error_types:" not in told
    (offered,) = (line for line in told.splitlines() if " backfill --refetch " in line)

    # each later command has its own way to say it
    assert NOT_THE_SAME not in command("sync", "--state-dir", "a state")
    shown = command("status", "--state-dir", "a state")
    assert (
        shown[shown.index(NOT_THE_SAME) :].split(offered)[0]
        == (told[told.index(NOT_THE_SAME) :].split(offered)[0])
    )
    document = json.loads(command("status", "--json", "--state-dir", "a state"))
    assert document["load_anew"] == offered.strip()
    assert [each["report"] for each in document["redefined"]] == REPORTS[:2]
    assert document["redefined"][0]["days"] == [
        {"generation": "2026-04", "first_day": f"{FIRST}", "last_day": f"{last}"},
        {"generation": "2026-06", "first_day": f"{last + DAY}", "last_day": f"{TODAY + DAY}"},
    ]
    differs = command("verify", "--state-dir", "a state", code=3)
    assert "asked of April 2026, and since June 2026 a click counts once" in differs

    # it does what it says
    program, *words = shlex.split(offered)
    assert program == "databuddy-source"
    command(*words)
    command("verify", "--state-dir", "a state")
    assert NOT_THE_SAME not in command("status", "--state-dir", "a state")
