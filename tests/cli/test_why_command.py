"""`why` tells the life of a number."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest

from databuddy_source.demo import DemoServer
from tests.cli.conftest import Run

REPORTS = ("--report", "top_pages", "--report", "events_by_date")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_number_that_changed_tells_when_why_and_by_how_much(
    words: tuple[str, ...], run: Run, server: DemoServer
) -> None:
    shop = server.websites[0]
    assert run(*REPORTS).returncode == 0
    page = f"/imported{len(words)}"
    day = server.now.date() - timedelta(days=7)
    for minute in range(4):
        at = datetime.combine(day, time(12, minute), UTC)
        server.events.add(shop.id, at, received_at=server.now, path=page)
    assert run(*REPORTS).returncode == 0
    asked = (
        "why",
        "pages",
        "--date",
        str(day),
        "--website",
        shop.domain,
        "--key",
        f"name={page}",
    )
    told = run(*asked, *words, "--ask")
    assert told.returncode == 0, told.stderr
    if words:
        (life,) = json.loads(told.stdout)["windows"]
        (change,) = life["changes"]
        assert [{**row, "percentage": 0} for row in life["rows"]] == [
            {"name": page, "pageviews": 4, "visitors": 4, "percentage": 0}
        ]
        assert life["request_id"] == change["request_id"]
        assert life["request_id"].startswith("req_demo_")
        assert (change["why"], change["rows_after"] - change["rows_before"]) == ("scrub", 1)
        assert {"name": page, "pageviews": [0, 4]} in change["keys"]
        assert life["adds_up"]["visitors"] is False
        assert life["now"]["outcome"] == "equal"
        assert (life["date"], life["domain"], life["status"]) == (str(day), shop.domain, "complete")
    else:
        assert f"name={page}  pageviews=4  visitors=4" in told.stdout
        assert "must not be added up: visitors, percentage" in told.stdout
        assert "(scrub): pageviews" in told.stdout
        assert "by request req_demo_" in told.stdout
        assert f"    name={page}: pageviews 0 to 4" in told.stdout
        assert "the server says now: the same" in told.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("page", "--date", "2020-01-01"), "Did you mean pages?"),
        (("pages", "--date", "2020-01-01"), "top_pages has nothing of 2020-01-01"),
        (("pages", "--date", "TODAY", "--key", "page=/"), "top_pages has no column 'page'"),
        (("pages", "--date", "TODAY", "--key", "/"), "write COLUMN=VALUE"),
        (("pages", "--date", "yesterday"), "no day such as"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    words: tuple[str, ...], sentence: str, run: Run, server: DemoServer
) -> None:
    assert run(*REPORTS).returncode == 0
    told = run("why", *(str(server.now.date()) if each == "TODAY" else each for each in words))
    assert told.returncode == 2
    assert sentence in told.stderr
