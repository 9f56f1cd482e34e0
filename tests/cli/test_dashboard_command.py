"""`dashboard` as it is called: the file, and what a browser would read in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest
from bs4 import BeautifulSoup, Tag

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import Outcome, Run

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=8)
FAILED = TODAY - timedelta(days=5)
FILE = "databuddy_warehouse.duckdb"
EVIL = "<script>alert('page')</script>"
TURNED = "/left\u202eright"
LONG = "/" + "x" * 2_000
NAME = "<script>alert('site')</script>.example.com"
REPORTS = [
    word
    for name in ("summary_metrics", "summary_metrics_weekly", "error_summary", "top_pages")
    for word in ("--report", name)
]

Invoke = Callable[..., Outcome]


@pytest.fixture(scope="module", autouse=True)
def _strange(server: DemoServer) -> Iterator[None]:
    """A website and pages whose names are markup, turn the direction of writing or never end."""
    shop = server.websites[0]
    server.events.websites[0] = replace(shop, domain=NAME)
    noon = datetime.combine(TODAY - timedelta(days=2), time(12), UTC)
    for often, path in ((400, EVIL), (300, TURNED), (200, LONG)):
        for _ in range(often):
            server.events.add(shop.id, noon, path=path)
    server.faults.add(
        Fault(
            website_id=shop.id,
            query_type="summary_metrics",
            day=FAILED,
            parameter_error="out of memory",
            times=None,
        )
    )
    yield
    server.faults.clear()
    server.events.websites[0] = shop


@pytest.fixture(scope="module")
def warehouse(server: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Filled by the first test that asks for it."""
    return {"folder": tmp_path_factory.mktemp("dashboard")}


@pytest.fixture(autouse=True)
def _configured(environment: dict[str, str], server: DemoServer) -> None:
    own = f'["{server.websites[0].id}", "blog.example.com"]'
    environment["SOURCES__DATABUDDY__WEBSITES"] = own
    environment["SOURCES__DATABUDDY__START_DATE"] = str(START)


@pytest.fixture
def synced(run: Run, folder: Path, warehouse: dict[str, Path]) -> Path:
    """The folder, with a warehouse."""
    kept = warehouse["folder"] / FILE
    if not kept.exists():
        assert run("sync", *REPORTS).returncode == 3
        kept.write_bytes((folder / FILE).read_bytes())
    (folder / FILE).write_bytes(kept.read_bytes())
    return folder


def read(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / FILE), read_only=True) as connection:
        connection.execute("USE databuddy")
        return connection.execute(sql).fetchall()


@pytest.fixture
def html(synced: Path, invoke: Invoke) -> str:
    done = invoke("dashboard", "--days", "9")
    assert done.exit_code == 0, done.stderr
    assert (synced / "dashboard.html").as_uri() in done.stdout
    return (synced / "dashboard.html").read_text(encoding="utf-8")


@pytest.fixture
def seen(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def section(seen: BeautifulSoup, name: str) -> Tag:
    return next(each for each in seen.select("section.site") if name in each.h2.text)


def cells(table: Tag) -> list[list[str]]:
    rows = table.select("tbody tr")
    return [[cell.get_text(" ", strip=True) for cell in row(["th", "td"])] for row in rows]


def test_a_table_says_what_sql_says(synced: Path, seen: BeautifulSoup) -> None:
    days = section(seen, "blog.example.com").select_one("details table")
    tables = read(
        synced,
        "SELECT CAST(date AS VARCHAR), format('{:,}', pageviews), format('{:,}', visitors), "
        "format('{:,}', sessions), format('{:,}', errors), state FROM daily_summary "
        "WHERE domain = 'blog.example.com' ORDER BY date DESC",
    )
    assert len(tables) == 9
    assert cells(days) == [list(row) for row in tables]


def test_a_day_that_failed_is_told_in_words_and_by_a_mark(seen: BeautifulSoup) -> None:
    shop = section(seen, "alert")
    chart = shop.find("h3", string="Page views").find_parent("figure")
    assert f"Failed, no answer: 1 day ({FAILED})." in chart.text
    assert ">failed</text>" in str(chart.svg)
    row = next(row for row in cells(shop.select_one("details table")) if row[0] == str(FAILED))
    assert row[1:4] == ["?", "?", "?"]
    assert row[-1] == "failed"
    assert "lacking" in seen.header.text


def test_what_is_not_loaded_is_told_and_not_left_out(seen: BeautifulSoup) -> None:
    blog = section(seen, "blog.example.com")
    assert "Nothing of revenue_overview is loaded for these days." in blog.text
    for title in ("Countries", "Devices", "Campaigns", "Web vitals", "Months"):
        card = blog.find("h3", string=title).find_parent("div")
        assert "is loaded" in card.text, title


def test_names_of_others_are_data_and_never_markup(html: str, seen: BeautifulSoup) -> None:
    assert not seen.find("script")
    assert not re.search(r"<script", html)
    assert NAME in {each.text for each in seen.select("nav bdi")}
    pages = section(seen, "alert").find("h3", string="Pages").find_parent("div")
    names = [row[0] for row in cells(pages)]
    assert EVIL in names
    assert "/left\\u202eright" in names
    assert any(name.startswith("/xxx") and len(name) <= 120 for name in names)
    assert "\u202e" not in html


def test_the_file_asks_for_nothing(html: str, seen: BeautifulSoup) -> None:
    assert "default-src 'none'" in seen.find("meta", {"http-equiv": True})["content"]
    assert not seen.find_all(["script", "link", "img", "iframe", "object", "use", "image"])
    assert not [each for each in seen.find_all(href=True) if not each["href"].startswith("#")]
    assert not seen.find_all(src=True)
    assert not re.search(r"url\(|@import", html)


def test_one_website_and_another_file(synced: Path, invoke: Invoke) -> None:
    done = invoke("dashboard", "--website", "blog.example.com", "--output", "blog.html")
    assert done.exit_code == 0, done.stderr
    seen = BeautifulSoup((synced / "blog.html").read_text(encoding="utf-8"), "html.parser")
    assert [each.text for each in seen.select("h2")] == ["blog.example.com"]
    assert {each.name for each in synced.iterdir() if "blog" in each.name} == {"blog.html"}


def test_it_goes_to_stdout(synced: Path, invoke: Invoke) -> None:
    done = invoke("dashboard", "--output", "-")
    assert done.stdout.lstrip().startswith("<!DOCTYPE html>")
    assert not list(synced.glob("*.html"))


def test_a_published_copy_is_read(
    synced: Path, invoke: Invoke, environment: dict[str, str], tmp_path: Path
) -> None:
    copy = tmp_path / "published.duckdb"
    copy.write_bytes((synced / FILE).read_bytes())
    copy.chmod(0o444)
    (synced / FILE).unlink()
    done = invoke("dashboard", DESTINATION__DUCKDB__CREDENTIALS=str(copy))
    assert done.exit_code == 0, done.stderr
    assert "blog.example.com" in (synced / "dashboard.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ["nowhere/page.html", f"{FILE}/page.html"])
def test_a_place_where_nothing_can_be_written(synced: Path, invoke: Invoke, file: str) -> None:
    done = invoke("dashboard", "--output", file)
    assert done.exit_code == 2
    assert f"{file} cannot be written" in done.stderr
    assert "--output" in done.stderr


@pytest.mark.parametrize("file", [".", "", "..", "folder"])
def test_a_folder_is_no_file(synced: Path, invoke: Invoke, file: str) -> None:
    (synced / "folder").mkdir()
    done = invoke("dashboard", "--output", file)
    assert done.exit_code == 2
    assert f"{file or '.'} is a folder, and no file. Name a file with --output." in done.stderr
    assert not list((synced / "folder").iterdir())


@pytest.mark.parametrize("name", ["%", "blog", "blog.example.co"])
def test_a_website_that_was_never_synced_is_refused(
    synced: Path, invoke: Invoke, name: str
) -> None:
    done = invoke("dashboard", "--website", "blog.example.com", "--website", name)
    assert done.exit_code == 2
    assert f"'{name}' is no website that was synced. Synced were: " in done.stderr
    assert "blog.example.com" in done.stderr
    assert not (synced / "dashboard.html").exists()


def test_what_draws_is_named_where_it_is_not_installed(
    synced: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    done = invoke("dashboard")
    assert done.exit_code == 2
    assert "pip install 'databuddy-source[dashboard]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_demo_ends_by_saying_how_to_look_at_it(run: Run, folder: Path) -> None:
    said = run("demo", "--report", "summary_metrics").stdout
    words = re.search(r"in a browser:\n\n  .*sync\.py'? (dashboard --demo)\n", said)
    assert words, said
    assert run(*words[1].split()).returncode == 0
    assert "shop.example.com" in (folder / "dashboard.html").read_text(encoding="utf-8")
