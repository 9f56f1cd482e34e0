"""What the command line takes from dlt's configuration, and in which zone it counts days."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dlt
import pytest

from databuddy_source.clock import today
from tests.cli.conftest import Outcome

SINCE = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
FAR = ["Pacific/Kiritimati", "Pacific/Pago_Pago"]
"""25 hours apart: it is never the same day in both."""


@pytest.fixture
def write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes the folder's `config.toml`."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    file = folder / ".dlt" / "config.toml"
    file.parent.mkdir()

    def put(text: str) -> None:
        file.write_text(text)
        dlt.current.run_context().reload()

    yield put
    file.unlink()
    dlt.current.run_context().reload()


@pytest.mark.parametrize(
    "words",
    [["plan"], ["sync"], ["check"], ["status"], ["verify"], ["heal"], ["discover"]],
    ids=lambda words: words[0],
)
def test_the_section_of_the_pipeline_counts_whatever_is_called(
    words: list[str], write: Callable[[str], None], invoke: Callable[..., Outcome]
) -> None:
    write('[databuddy_databuddy_warehouse.sources.databuddy]\ntimezone = "Mars/X"')
    done = invoke(*words)
    assert "timezone = 'Mars/X' is wrong" in done.stdout + done.stderr
    assert done.exit_code == 2


def test_the_section_of_another_pipeline_does_not(
    write: Callable[[str], None], invoke: Callable[..., Outcome]
) -> None:
    write('[databuddy_databuddy_warehouse_web.sources.databuddy]\ntimezone = "Mars/X"')
    assert invoke("plan", "--report", "pages").exit_code == 0
    assert invoke("plan", "--report", "pages", "--dataset", "web").exit_code == 2


@pytest.mark.parametrize("zone", FAR)
def test_a_backfill_ends_today_where_the_user_lives(
    zone: str, invoke: Callable[..., Outcome]
) -> None:
    words = ["backfill", "--since", SINCE, "--dry-run", "--report", "pages"]
    before = today(zone)
    done = invoke(*words, SOURCES__DATABUDDY__TIMEZONE=zone)
    assert done.exit_code == 0, done.stderr
    found = re.search(r"^(\S+) to (\S+): ", done.stdout, re.M)
    assert found
    assert str(before) <= found[2] <= str(today(zone))


@pytest.mark.parametrize("zone", FAR)
def test_times_are_told_in_the_configured_zone_also_when_the_rest_is_wrong(
    zone: str, invoke: Callable[..., Outcome]
) -> None:
    account = {"SOURCES__DATABUDDY__TIMEZONE": zone, "SOURCES__DATABUDDY__LOOKBACK_DAYS": "many"}
    before = today(zone)
    done = invoke("plan", **account)
    assert done.exit_code == 2
    assert str(before) <= done.stderr[:10] <= str(today(zone))


@pytest.mark.parametrize("zone", FAR)
def test_a_status_tells_the_last_sync_in_the_configured_zone(
    zone: str, invoke: Callable[..., Outcome]
) -> None:
    few = {"SOURCES__DATABUDDY__TIMEZONE": zone}
    words = ["--report", "pages"]
    before = today(zone)
    assert invoke("sync", *words, "--since", SINCE, **few).exit_code == 0
    after = today(zone)
    shown = invoke("status", *words, **few).stdout
    synced = re.search(r"last sync (\S{10}) \S+([+-]\d\d:\d\d), load", shown)
    assert synced
    assert str(before) <= synced[1] <= str(after)
    assert synced[2] in {"+14:00", "-11:00"}
