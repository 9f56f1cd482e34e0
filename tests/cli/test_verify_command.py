"""`python pipelines/sync.py verify`: what it says, its exit codes, and that it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from databuddy_source.answers.verify import Checked, Outcome
from databuddy_source.cli.summaries import verdict
from databuddy_source.coverage.queries import Recorded
from databuddy_source.demo import DemoServer
from databuddy_source.model.windows import tile
from tests.cells import DAY
from tests.cli.conftest import Outcome as Ended
from tests.cli.conftest import Run
from tests.cli.test_sync_command import FEW


def test_it_finds_a_changed_cell_and_changes_nothing(run: Run, folder: Path) -> None:
    file = folder / "databuddy_warehouse.duckdb"
    assert run(*FEW, SOURCES__DATABUDDY__LOOKBACK_DAYS="0").returncode == 0
    before = file.read_bytes()
    equal = run("verify")
    assert equal.returncode == 0, equal.stderr
    assert "cells compared" in equal.stdout
    assert " 0 restated, 0 different, 0 unanswered." in equal.stdout
    assert file.read_bytes() == before
    with duckdb.connect(str(file)) as connection:
        changed = connection.execute(
            "UPDATE databuddy.top_pages SET visitors = 99999 "
            "WHERE name = '/' AND date = (SELECT MIN(date) FROM databuddy.top_pages) "
            "RETURNING website_id, date"
        ).fetchall()
    found = run("verify", "--since", str(changed[0][1]), "--report", "pages")
    assert found.returncode == 3
    for website_id, day in changed:
        assert f"different: top_pages of {website_id} on {day}\n" in found.stdout
    assert found.stdout.count("  name '/': visitors is 99999 here and ") == len(changed)


def test_without_tables_it_says_so_and_makes_no_file(
    run: Run, folder: Path, server: DemoServer
) -> None:
    done = run("verify")
    assert done.returncode == 2
    assert "There is no file" in done.stderr
    assert "Sync first" in done.stderr
    assert not (folder / "databuddy_warehouse.duckdb").exists()


def test_a_configured_report_is_chosen_by_its_name(run: Run, folder: Path) -> None:
    reports = (
        '[{"name": "phones", "query_type": "pages", "grain": "week", '
        '"filters": [{"field": "device_type", "op": "eq", "value": "mobile"}]}]'
    )
    done = run(
        *("--report", "phones", "--report", "summary_metrics_weekly", *FEW[-2:]),
        SOURCES__DATABUDDY__REPORTS=reports,
    )
    assert done.returncode == 0, done.stderr
    assert "rows in 2 tables" in done.stdout
    assert "phones" in done.stdout
    assert run("verify").returncode == 0


def test_it_says_which_columns_are_not_compared_exactly(run: Run) -> None:
    unstable = ("--report", "web_vitals_by_page", "--report", "session_list", *FEW[-2:])
    assert run(*unstable).returncode == 0
    done = run("verify")
    assert done.returncode == 0, done.stderr
    assert "Compared up to their last digits: web_vitals_by_page.avg_cls, " in done.stdout
    assert "Left out, since a server picks any value: session_list.browser_name, " in done.stdout


def test_what_the_dataset_does_not_have_is_refused(invoke: Callable[..., Ended]) -> None:
    assert invoke(*FEW).exit_code == 0
    for words, says in (
        (["--website", "nope.example"], "'nope.example' is no website of this dataset. "),
        (["--website", "shop"], "Did you mean shop.example.com?"),
        (["--report", "top_page"], "'top_page' is no report of this dataset"),
    ):
        done = invoke("verify", *words)
        assert done.exit_code == 2, done.stdout
        assert says in done.stderr


def test_nothing_to_compare_is_no_success(invoke: Callable[..., Ended]) -> None:
    assert invoke(*FEW).exit_code == 0
    far = str(datetime.now(UTC).date() + timedelta(days=400))
    for words in (["--since", far], ["--report", "web_vitals_by_page"]):
        done = invoke("verify", *words)
        assert done.exit_code == 3
        assert "Nothing was compared" in done.stderr
        assert "0 different" not in done.stdout
    assert invoke("verify", "--website", "shop.example.com", *FEW[:2]).exit_code == 0


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 3),
        ([Outcome.EQUAL, Outcome.RESTATED], 0),
        ([Outcome.EQUAL, Outcome.DIFFERENT], 3),
        ([Outcome.EQUAL, Outcome.UNANSWERED], 3),
        ([Outcome.UNANSWERED, Outcome.DIFFERENT], 3),
        ([Outcome.UNANSWERED, Outcome.UNANSWERED], 1),
    ],
)
def test_the_exit_code_says_what_was_found(outcomes: list[Outcome], code: int) -> None:
    (window,) = tile(DAY, DAY, "UTC")
    cell = Recorded("shop", "top_pages", "top_pages", None, window, True, "2026-04")
    assert verdict(Checked(cell, each) for each in outcomes) == code
