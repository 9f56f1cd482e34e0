"""A server that came after this version: what it adds is carried, what it lacks is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from databuddy_source.api.server import first_contact, run_alone
from databuddy_source.config.connect import client_for
from databuddy_source.config.resolve import checked
from databuddy_source.demo import Added, DemoServer, Fault
from databuddy_source.errors import DatabuddyError, KeyRejected, NoSuchAddress
from tests.stories.conftest import TODAY, Make

Serve = Callable[..., DemoServer]

CHOSEN: dict[str, Any] = {"query_types": ["top_pages", "pages_of_2027"], "start_date": TODAY}


@pytest.fixture
def future(serve: Serve) -> DemoServer:
    """October's server with a type and a column more."""
    server = serve("2026-10", days=2)
    server.faults.add(
        Added("pages_of_2027", like="top_pages"),
        Fault(
            query_type="pages_of_2027",
            times=None,
            rows=lambda rows: [{**row, "mood": {"good": row["pageviews"]}} for row in rows],
        ),
    )
    return server


def told(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_unknown_types_and_columns_are_carried(
    future: DemoServer, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    made = warehouse(future)
    with caplog.at_level(logging.INFO, "databuddy_source"):
        assert made.sync(**CHOSEN) == []
    assert (
        "This server is newer than any that this version knows, since it has pages_of_2027: it is "
        "taken for one of October 2026." in told(caplog)
    )
    known = made.query("SELECT website_id, name, pageviews, visitors FROM top_pages ORDER BY ALL")
    new = made.query("SELECT website_id, name, pageviews, visitors FROM pages_of_2027 ORDER BY ALL")
    assert new == known != []
    moods = made.query(
        "SELECT DISTINCT json_extract(mood, 'good')::INT = pageviews FROM pages_of_2027"
    )
    assert moods == [(True,)]
    assert made.query("SELECT DISTINCT generation FROM coverage") == [("2026-10",)]


def test_check_names_a_server_that_is_newer_than_any_known(
    future: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databuddy_source.cli.app import app

    monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", future.api_key)
    monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", future.url)
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 0, done.output
    newer = "newer than any known generation, since it has pages_of_2027, and taken for 2026-10"
    assert newer in done.output
    future.faults.clear()
    output = CliRunner().invoke(app, ["check"]).output
    assert "generation 2026-10, " in output
    assert "newer" not in output


@pytest.mark.parametrize("generation", ["2025", "2026-04", "2026-06", "2026-10"])
def test_servers_of_known_generations_are_not_newer(serve: Serve, generation: str) -> None:
    server = serve(generation, days=1)
    settings, _ = checked(api_key=server.api_key, base_url=server.url)
    assert run_alone(lambda: first_contact(client_for(settings))).newer == ()


@pytest.mark.parametrize(
    ("path", "status", "error", "words"),
    [
        ("/v1/query/types", 404, NoSuchAddress, "has no list of its query types"),
        ("/v1/query/types", 401, NoSuchAddress, "has no list of its query types"),
        ("/v1/query/websites", 404, NoSuchAddress, "has no list of its websites"),
        ("/v1/query/websites", 401, KeyRejected, "The server rejects the key"),
    ],
)
def test_a_list_that_is_missing_is_a_sentence(
    serve: Serve, path: str, status: int, error: type[DatabuddyError], words: str
) -> None:
    """Newer servers say 401 where they have nothing."""
    server = serve("2026-10", days=1)
    server.faults.add(Fault(path=path, status=status, times=None))
    settings, _ = checked(api_key=server.api_key, base_url=server.url)
    with pytest.raises(error, match=words) as raised:
        run_alone(lambda: first_contact(client_for(settings)))
    assert type(raised.value) is error
    if error is NoSuchAddress:
        assert "update databuddy-source" in str(raised.value)


def test_where_nothing_is_at_all_the_address_is_wrong(serve: Serve) -> None:
    server = serve("2026-10", days=1)
    server.faults.add(Fault(path=None, status=404, times=None))
    settings, _ = checked(api_key=server.api_key, base_url=server.url)
    with pytest.raises(NoSuchAddress, match=r"There is no API at this address .*base_url"):
        run_alone(lambda: first_contact(client_for(settings)))


def test_what_the_server_says_of_its_types_otherwise_is_a_hint(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    april, june = (serve(each, days=1) for each in ("2026-04", "2026-06"))
    made = warehouse(april)
    chosen = {"query_types": ["error_types"], "start_date": TODAY}
    with caplog.at_level(logging.INFO, "databuddy_source"):
        made.sync(**chosen)
        made.sync(**chosen)
        assert "query types" not in told(caplog)
        made.server = june
        made.sync(**chosen)
    hints = [line for line in told(caplog).splitlines() if line.startswith("The server ")]
    assert hints[0].startswith("The server has new query types: ")
    assert "session_pages" in hints[0]
    assert hints[1].startswith("The server has no longer the query types: ")
    assert "retention_rate" in hints[1]
    assert hints[2].startswith("The server describes query types otherwise than before: ")
    assert "traffic_sources (new columns percentage, name, referrer, domain" in hints[2]
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    # the table says it, too
    caplog.clear()
    with caplog.at_level(logging.INFO, "databuddy_source"):
        made.sync(**chosen)
    assert "The server " not in told(caplog)
