"""`python pipelines/sync.py check`: each line is ok or says what to do, and none hides another."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from databuddy_source.demo import DemoServer, Fault, Generation
from databuddy_source.demo.access import KEY_WITH_WEBSITE_SCOPE
from tests.cli.conftest import Outcome, Run

Invoke = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


def checks(done: Any) -> dict[str, dict[str, Any]]:
    """The findings of `check --json`, by what was looked at."""
    return {each["check"]: each for each in json.loads(done.stdout)["checks"]}


def test_all_is_ok_and_nothing_is_changed(run: Run, folder: Path, server: DemoServer) -> None:
    done = run("check")
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line[:9].strip() for line in lines] == ["ok"] * 9
    for words in ("generation 2026", "sees 3 websites", "shop.example.com", "read:data", "dlt "):
        assert words in done.stdout
    assert server.api_key not in done.stdout
    assert list(folder.iterdir()) == []


def test_one_question_is_spent_on_each_website(invoke: Invoke, server: DemoServer) -> None:
    asked = len(server.log)
    assert invoke("check").exit_code == 0
    paths = [each.path for each in server.log[asked:]]
    assert (paths.count("/v1/query"), paths.count("/health")) == (3, 1)


def test_each_website_that_the_key_may_not_read_is_told(invoke: Invoke, server: DemoServer) -> None:
    shop, blog, quiet = (website.id for website in server.websites)
    words = [word for id_ in (shop, blog, quiet) for word in ("--website", id_)]
    key = {"SOURCES__DATABUDDY__API_KEY": server.api_key_of_one_website}
    done = invoke("check", "--json", *words, **key)
    assert done.exit_code != 0
    query = checks(done)["query"]
    assert query["state"] == "failed"
    assert "1 of 3 websites not answered" in query["message"]
    assert [(each["id"], each["by"]) for each in query["websites"]] == [
        (shop, "read:data"),
        (blog, "public"),
        (quiet, None),
    ]


def test_a_key_that_lists_websites_and_may_read_none_is_no_wrong_key(
    invoke: Invoke, server: DemoServer
) -> None:
    body = {"success": False, "error": "Authentication required", "code": "AUTH_REQUIRED"}
    server.faults.add(Fault(path="/v1/query", status=401, body=body, times=None))
    done = invoke("check")
    assert done.exit_code == 1
    assert "3 of 3 websites not answered" in done.stdout
    assert "for single websites only" in done.stdout


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "AUTH_REQUIRED", "rejects the key"),
        (403, "ACCESS_DENIED", "may not list websites"),
    ],
)
def test_a_key_of_single_websites_that_may_list_none_is_told_what_it_needs(
    status: int, code: str, says: str, invoke: Invoke, server: DemoServer
) -> None:
    body = {"success": False, "error": "No", "code": code}
    server.faults.add(Fault(path="/v1/query/websites", status=status, body=body, times=None))
    key = checks(done := invoke("check", "--json"))["key"]
    assert done.exit_code == 1
    assert says in key["message"]
    assert "read:data for the whole organisation" in key["todo"]


def test_a_key_that_may_list_none_is_enough_for_websites_that_are_named_by_id(
    invoke: Invoke, server: DemoServer
) -> None:
    body = {"success": False, "error": "No", "code": "ACCESS_DENIED"}
    server.faults.add(Fault(path="/v1/query/websites", status=403, body=body, times=None))
    shop = server.websites[0].id
    found = checks(done := invoke("check", "--json", "--website", shop))
    assert done.exit_code == 0
    assert found["key"]["state"] == found["websites"]["state"] == "warning"
    assert "the configured ones are asked for by their ids" in found["key"]["message"]
    assert [each["id"] for each in found["query"]["websites"]] == [shop]


@pytest.mark.parametrize(
    ("generation", "says"),
    [
        ("2026-06", "This server, of June 2026, is one of them"),
        ("2026-10", "some servers let in no key of single websites"),
    ],
)
def test_a_rejected_key_is_told_whether_this_server_refuses_those_of_single_websites(
    generation: Generation, says: str, invoke: Invoke
) -> None:
    with DemoServer(generation=generation, days=3) as other:
        other.account.website_scopes = False
        account = {
            "SOURCES__DATABUDDY__BASE_URL": other.url,
            "SOURCES__DATABUDDY__API_KEY": KEY_WITH_WEBSITE_SCOPE,
        }
        done = invoke("check", "--json", **account)
    key = checks(done)["key"]
    assert "rejects the key" in key["message"]
    assert says in key["todo"]
    assert "read:data for the whole organisation" in key["todo"]


def test_a_server_that_lists_its_types_to_a_key_only_is_there(invoke: Invoke) -> None:
    with DemoServer(generation="2025", days=3) as old:
        account = {
            "SOURCES__DATABUDDY__BASE_URL": old.url,
            "SOURCES__DATABUDDY__TIMEZONE": "UTC",
        }
        done = invoke("check", **account)
        assert done.exit_code == 0, done.stdout
        assert "generation 2025" in done.stdout
        wrong = invoke("check", "--json", **account, SOURCES__DATABUDDY__API_KEY="dbdy_test_wrong")
    found = checks(wrong)
    assert (found["server"]["state"], found["key"]["state"]) == ("ok", "failed")


def test_a_server_without_a_list_of_types_is_there_and_says_what_a_sync_says(
    invoke: Invoke, server: DemoServer
) -> None:
    server.faults.add(Fault(path="/v1/query/types", status=404, times=None))
    found = checks(invoke("check", "--json"))["server"]
    assert "has no list of its query types" in found["message"]
    assert "update databuddy-source" in found["todo"]
    stopped = invoke("sync")
    assert found["message"].partition(" (")[0] in stopped.stderr
    server.faults.add(Fault(path="/v1/query/websites", status=404, times=None))
    nothing = checks(invoke("check", "--json"))["server"]
    assert nothing["message"].startswith("There is no API at this address")


def test_what_health_says_is_a_hint(invoke: Invoke, server: DemoServer) -> None:
    server.faults.add(Fault(path="/health", status=503, times=None))
    done = invoke("check", "--json")
    assert done.exit_code == 0
    found = checks(done)
    assert (found["server"]["state"], found["query"]["state"]) == ("warning", "ok")


@pytest.mark.parametrize(
    ("words", "changes", "code", "failed", "untested", "sentence"),
    [
        (
            [],
            {"SOURCES__DATABUDDY__API_KEY": None},
            1,
            {"key"},
            {"websites", "query"},
            "No API key",
        ),
        (
            [],
            {"SOURCES__DATABUDDY__API_KEY": "dbdy_test_wrong"},
            1,
            {"key"},
            {"websites", "query"},
            "rejects the key",
        ),
        (
            [],
            {"SOURCES__DATABUDDY__BASE_URL": "http://127.0.0.1:9"},
            1,
            {"server"},
            {"key", "websites", "query", "clock"},
            "cannot be reached",
        ),
        (["--website", "no.example"], {}, 2, {"websites"}, {"query"}, "shop.example.com"),
        (["--destination", "filesystem"], {}, 2, {"destination"}, set(), "cannot replace"),
        (
            [],
            {"SOURCES__DATABUDDY__TIMEZONE": "Europe/Berln"},
            2,
            {"settings"},
            {"server", "key", "websites", "query", "clock", "time zone"},
            "Europe/Berlin",
        ),
        (
            ["--destination", "nosuch"],
            {"SOURCES__DATABUDDY__API_KEY": "dbdy_test_wrong"},
            1,
            {"key", "destination"},
            {"websites", "query"},
            "rejects the key",
        ),
    ],
)
def test_what_fails_does_not_keep_the_rest_from_being_looked_at(
    words: list[str],
    changes: dict[str, str | None],
    code: int,
    failed: set[str],
    untested: set[str],
    sentence: str,
    invoke: Invoke,
) -> None:
    done = invoke("check", "--json", *words, **changes)
    assert done.exit_code == code, done.stdout
    found = checks(done)
    assert {name for name, each in found.items() if each["state"] == "failed"} == failed
    assert {name for name, each in found.items() if each["state"] == "untested"} == untested
    assert sentence in done.stdout
    assert "dbdy_test_wrong" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_a_variable_without_a_section_is_told(invoke: Invoke) -> None:
    done = invoke("check", "--json", TIMEZONE="Asia/Tokyo")
    assert done.exit_code == 0
    found = checks(done)["environment"]
    assert found["state"] == "warning"
    assert "TIMEZONE counts as sources.databuddy.timezone" in found["message"]
    assert "SOURCES__DATABUDDY__TIMEZONE" in found["todo"]
    done = invoke("check", "--json", UNTIL="soon")
    assert done.exit_code == 2
    assert "UNTIL" in checks(done)["environment"]["message"]
    assert "environment" not in checks(invoke("check", "--json", "--demo", TIMEZONE="Asia/Tokyo"))


def test_quiet_tells_problems_only(invoke: Invoke) -> None:
    assert invoke("check", "--quiet").stdout == ""
    done = invoke("check", "--quiet", "--website", "no.example")
    assert "'no.example'" in done.stdout
    assert not any(line.startswith(("ok", "untested")) for line in done.stdout.splitlines())


def test_a_file_that_is_none_of_duckdb_is_told(invoke: Invoke, folder: Path) -> None:
    (folder / "notes.duckdb").write_text("no database")
    done = invoke("check", "--quiet", DESTINATION__DUCKDB__CREDENTIALS="notes.duckdb")
    assert done.exit_code == 2
    assert "not a valid DuckDB database" in done.stdout
    assert (folder / "notes.duckdb").read_text() == "no database"


def test_a_query_that_fails_is_told(invoke: Invoke, server: DemoServer) -> None:
    server.faults.add(Fault(parameter_error="out of memory"))
    done = invoke("check", "--quiet")
    assert done.exit_code == 1
    assert "out of memory" in done.stdout


def test_utc_days_of_an_old_server_are_told() -> None:
    from databuddy_source.api.models import TypesAnswer
    from databuddy_source.cli.commands.check import State, _time_zone
    from databuddy_source.cli.probe import Reached
    from databuddy_source.config.settings import Settings

    old = Reached(TypesAnswer(types=["top_pages"]), 0.0)
    found = _time_zone(Settings.of(timezone="Europe/Berlin"), old)
    assert found.state is State.WARNING
    assert "UTC days only" in found.says
    assert _time_zone(Settings(), old).state is State.OK


@pytest.fixture
def late_server() -> Iterator[str]:
    """The address of a server that knows one type and whose clock is two minutes ahead."""

    class Late(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = {
                "/v1/query/types": {"success": True, "types": ["summary_metrics"], "presets": []},
                "/v1/query/websites": {"success": True, "websites": [{"id": "w1"}]},
                "/health": {"status": "ok"},
            }[self.path.split("?")[0]]
            content = json.dumps(answer).encode()
            self.send_response_only(200)
            ahead = datetime.now(UTC) + timedelta(minutes=2)
            self.send_header("date", format_datetime(ahead, usegmt=True))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_clock_that_is_wrong_is_told(invoke: Invoke, late_server: str) -> None:
    done = invoke("check", "--json", SOURCES__DATABUDDY__BASE_URL=late_server)
    clock = checks(done)["clock"]
    assert clock["state"] == "warning"
    assert 100 < clock["server_ahead_seconds"] < 130
    assert "2 min behind the server's" in clock["message"]


def test_a_budget_that_others_share_is_looked_at(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    well = invoke("check", SOURCES__DATABUDDY__SHARED_BUDGET="sqlite:///budget.db")
    assert well.exit_code == 0
    assert re.search(r"\nok +budget +the store that counts for all workers answers\n", well.stdout)
    assert (folder / "budget.db").exists()
    before = len(server.log)
    gone = invoke(
        "check",
        SOURCES__DATABUDDY__SHARED_BUDGET="sqlite:////nowhere/a_secret.db",
        SOURCES__DATABUDDY__SHARED_BUDGET_WORKERS="5",
    )
    assert gone.exit_code == 0
    assert re.search(r"\nwarning +budget .*\(OperationalError\).* one part in 5 of", gone.stdout)
    assert re.search(r"\nuntested +query +cannot be looked at without the budget\n", gone.stdout)
    assert not [each for each in server.log[before:] if each.path == "/v1/query"]
    assert "a_secret" not in gone.stdout + gone.stderr
