"""A dataset is loaded anew in another time zone, and changes places when it has all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source import (
    BadConfiguration,
    LoadHooks,
    Rebuilt,
    Scope,
    Settings,
    databuddy_source,
    plan_of_rebuild,
    rebuild,
    remove,
    status,
    sync,
    verify,
)
from databuddy_source.config.resolve import checked
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer, Silence
from databuddy_source.dlt_seam import PipelineStepFailed, resource_states
from databuddy_source.errors import DestinationFails, OtherDays
from databuddy_source.runs import series
from databuddy_source.runs.plan import plan
from databuddy_source.warehouse import whole
from tests.stories.conftest import TODAY, Make, Warehouse, without_nameless_sessions

ZONE = "Europe/Paris"
FIRST = TODAY - timedelta(days=20)
REPORTS = ["summary_metrics", "top_pages", "events_by_date", "custom_events", "top_pages_weekly"]


def given(made: Warehouse, **other: Any) -> dict[str, Any]:
    return {
        "api_key": made.server.api_key,
        "base_url": made.server.url,
        "websites": [website.id for website in made.server.websites[:2]],
        "query_types": REPORTS,
        "start_date": FIRST,
    } | other


def settings(made: Warehouse, **other: Any) -> Settings:
    return checked(**given(made, **other)).settings


def synced(made: Warehouse, **other: Any) -> list[str]:
    with time_machine.travel(made.server.now, tick=True):
        loads = sync(made.pipeline, *checked(**given(made, **other)))
    assert gaps_of_loads(made.pipeline, loads) == []
    return loads


def rebuilt(made: Warehouse, zone: str = ZONE, **other: Any) -> Rebuilt:
    chosen = settings(made, timezone=zone, **other.pop("chosen", {}))
    with time_machine.travel(made.server.now, tick=True):
        return rebuild(made.pipeline, chosen, **other)


def tables(made: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Everything by the names of columns, whose order may be another."""
    found = {}
    for name in made.tables():
        columns = [row[0] for row in made.query(f"DESCRIBE {name}")]
        rows = [dict(zip(columns, row, strict=True)) for row in made.query(f"FROM {name}")]
        ours = {"_dlt_load_id", "load_id", "fetched_at", "checked_at", "proofs", "request_id"}
        kept = [{k: v for k, v in row.items() if k not in ours} for row in rows]
        found[name] = sorted(kept, key=lambda row: repr(sorted(row.items(), key=str)))
    return found


def datasets(made: Warehouse) -> set[str]:
    """Without those of staging."""
    found = {name for (name,) in made.query("SELECT schema_name FROM duckdb_schemas()")}
    return {name for name in found if name.startswith("databuddy") and "staging" not in name}


@pytest.fixture
def made(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(without_nameless_sessions(serve(days=25)), synced)


@pytest.fixture
def anew(made: Warehouse, warehouse: Make) -> Warehouse:
    """A warehouse that was loaded in the new zone from its beginning."""
    return warehouse(made.server, synced, timezone=ZONE)


class Stop(Exception):
    pass


def stopped(*_: object) -> None:
    raise Stop


def test_a_rebuilt_dataset_is_as_one_that_was_loaded_in_the_new_zone(
    made: Warehouse, anew: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In loads of which one is cut off; a sync of the old zone comes between, and what was loaded
    is believed without its local state."""
    monkeypatch.setattr(series, "QUESTIONS_PER_LOAD", 20)
    before = tables(made)
    steps: list[series.Step] = []

    def stop(step: series.Step) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise Stop

    with pytest.raises(Stop):
        rebuilt(made, tell=stop)
    assert tables(made) == before
    assert datasets(made) == {"databuddy", "databuddy_rebuild"}
    synced(made)
    assert tables(made) == before
    shutil.rmtree(made.file.parent / "state" / "rebuild")
    done = rebuilt(made, tell=steps.append)
    assert steps[1].last < steps[2].first, "it goes on where it was"
    assert len(steps) > 4
    assert (done.before, done.lacking, done.kept) == (["UTC"], (), "databuddy_before")
    assert tables(made) == tables(anew)
    assert datasets(made) == {"databuddy", "databuddy_before"}
    kept = made.query("SELECT DISTINCT time_zone FROM databuddy_before.coverage")
    assert kept == [("UTC",)]


def test_what_comes_after_is_of_the_new_zone(
    made: Warehouse, anew: Warehouse, tmp_path: Path
) -> None:
    rebuilt(made)
    for pipeline in (made.pipeline, elsewhere(made, tmp_path)):
        with time_machine.travel(made.server.now, tick=True):
            chosen = checked(**given(made, timezone=ZONE))
            again = plan(anew.pipeline, *chosen)
            planned = plan(pipeline, *chosen)
            assert (planned.cells, planned.by_day) == (again.cells, again.by_day)
            assert status(pipeline, chosen.settings).is_complete
            assert {each.time_zone for each in status(pipeline, chosen.settings).reports} == {ZONE}
    assert resource_states(made.pipeline, "databuddy") == resource_states(
        anew.pipeline, "databuddy"
    )
    sent = len(made.server.log)
    with time_machine.travel(made.server.now, tick=True):
        compared = list(verify(made.pipeline, settings(made, timezone=ZONE), sample=100))
    assert {each.outcome.value for each in compared} == {"equal"}
    with pytest.raises(OtherDays, match=r"`rebuild --timezone UTC`, or sync into"):
        synced(made)
    assert len(made.server.log) > sent
    synced(made, timezone=ZONE)
    synced(anew, timezone=ZONE)
    assert tables(made) == tables(anew)
    made.server.now += timedelta(days=1)
    synced(made, timezone=ZONE)
    synced(anew, timezone=ZONE)
    assert tables(made) == tables(anew)


def elsewhere(made: Warehouse, tmp_path: Path) -> dlt.Pipeline:
    """The same pipeline on a machine that has nothing but the warehouse."""
    other = dlt.pipeline(
        made.pipeline.pipeline_name,
        destination=made.pipeline.destination,
        dataset_name="databuddy",
        pipelines_dir=str(tmp_path / "elsewhere"),
    )
    other.sync_destination()
    return other


def test_nothing_of_the_first_day_is_lost_west_of_the_old_zone(made: Warehouse) -> None:
    done = rebuilt(made, "America/New_York")
    assert done.lacking == ()
    days = made.query("SELECT MIN(date), MIN(window_start) FROM coverage WHERE grain = 'day'")
    assert days[0][0] == FIRST - timedelta(days=1)
    assert made.query("SELECT COUNT(*) FROM databuddy_before.top_pages") != [(0,)]


def test_a_look_changes_nothing_and_tells_what_is_left(made: Warehouse, tmp_path: Path) -> None:
    def look() -> int:
        with time_machine.travel(made.server.now, tick=True):
            found = plan_of_rebuild(made.pipeline, settings(made, timezone=ZONE))
        assert (found.before, found.loads, found.left_out) == (["UTC"], 1, [])
        return found.plan.cells

    before, files = tables(made), sorted(tmp_path.rglob("*"))
    whole = look()
    assert whole > len(REPORTS) * 20
    assert (tables(made), datasets(made)) == (before, {"databuddy"})
    assert sorted(tmp_path.rglob("*")) == files

    def stop(other: dlt.Pipeline, chosen: Settings, scope: Scope) -> None:
        sync(other, chosen, scope.model_copy(update={"until": FIRST}))
        raise Stop

    with pytest.raises(Stop):
        rebuilt(made, load=stop)
    less = look()
    assert 0 < less < whole
    assert less == look()


def test_what_the_server_no_longer_has_is_not_given_up(made: Warehouse) -> None:
    """The first and the last of these days share a new one with a day that is there, so nobody
    knows."""
    before = tables(made)
    gone = FIRST + timedelta(days=3), FIRST + timedelta(days=8)
    made.server.faults.add(Silence(first=gone[0], last=gone[1]))
    done = rebuilt(made)
    assert (done.load_id, done.kept) == (None, "")
    lost = {(each.website_id, each.report): (each.first, each.last) for each in done.lacking}
    shop = made.server.websites[0].id
    assert lost[shop, "top_pages"] == (
        gone[0] + timedelta(days=1),
        gone[1] - timedelta(days=1),
    )
    assert tables(made) == before
    done = rebuilt(made, allow_gaps=True)
    assert done.lacking
    assert done.load_id
    assert made.query("SELECT DISTINCT time_zone FROM coverage") == [(ZONE,)]


def test_what_is_not_chosen_is_not_given_up(made: Warehouse) -> None:
    shop, blog = (website.id for website in made.server.websites[:2])
    before, sent = tables(made), len(made.server.log)
    with pytest.raises(BadConfiguration, match=rf"leaves out what databuddy has: .* of {blog}, "):
        rebuilt(made, chosen={"websites": [shop]})
    assert not [each for each in made.server.log[sent:] if each.path == "/v1/query"]
    assert tables(made) == before
    assert rebuilt(made, chosen={"websites": [shop]}, allow_gaps=True).load_id
    assert made.query("SELECT DISTINCT website_id FROM top_pages") == [(shop,)]
    kept = made.query("SELECT COUNT(DISTINCT website_id) FROM databuddy_before.top_pages")
    assert kept == [(2,)]


def test_a_dataset_that_has_these_days_is_left_alone(made: Warehouse) -> None:
    rebuilt(made, "Europe/Kyiv", keep_as="")
    assert datasets(made) == {"databuddy"}
    before, sent = tables(made), len(made.server.log)
    assert rebuilt(made, "Europe/Kiev").before == ()
    assert tables(made) == before
    assert len(made.server.log) == sent


def test_a_dataset_that_is_in_the_way_is_left_alone(made: Warehouse, warehouse: Make) -> None:
    made.query("CREATE SCHEMA databuddy_rebuild; CREATE TABLE databuddy_rebuild.mine (a INT)")
    for _ in range(2):
        with pytest.raises(BadConfiguration, match=r"no rebuild began it\. Drop it, or name"):
            rebuilt(made)
    assert rebuilt(made, beside="another", keep_as="old").kept == "old"
    with pytest.raises(BadConfiguration, match=r"The dataset old has tables already\. Drop it"):
        rebuilt(made, "Asia/Tokyo", beside="another", keep_as="old")
    assert made.query("SELECT COUNT(*) FROM databuddy_rebuild.mine") == [(0,)]
    with pytest.raises(BadConfiguration, match="have one name"):
        rebuilt(made, "Asia/Tokyo", beside="databuddy")


def test_what_a_first_load_left_that_was_killed_is_found_without_its_local_state(
    made: Warehouse, anew: Warehouse
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(whole._WholeClient, "complete_load", stopped)
        with pytest.raises(PipelineStepFailed):
            rebuilt(made)
    shutil.rmtree(Path(made.pipeline.pipelines_dir) / "rebuild")
    assert made.query("SELECT COUNT(*) FROM databuddy_rebuild.top_pages") == [(0,)]
    assert rebuilt(made).load_id
    assert tables(made) == tables(anew)
    assert datasets(made) == {"databuddy", "databuddy_before"}


def test_an_empty_table_of_somebody_else_beside_what_a_killed_load_left_is_in_the_way(
    made: Warehouse,
) -> None:
    made.query("CREATE SCHEMA databuddy_rebuild; CREATE TABLE databuddy_rebuild.top_pages (a INT)")
    made.query("CREATE TABLE databuddy_rebuild.mine (a INT)")
    with pytest.raises(BadConfiguration, match="no rebuild began it"):
        rebuilt(made)
    made.query("DROP TABLE databuddy_rebuild.mine")
    made.query("INSERT INTO databuddy_rebuild.top_pages VALUES (1)")
    with pytest.raises(BadConfiguration, match="no rebuild began it"):
        rebuilt(made)


def test_a_staging_dataset_that_both_would_share_is_refused(
    made: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = made.pipeline.pipeline_name.upper()
    layout = f"{own}__DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT"
    monkeypatch.setenv(layout, "waiting")
    made = Warehouse(made.server, elsewhere(made, made.file.parent / "other"))
    with pytest.raises(BadConfiguration, match="All datasets have the staging dataset waiting"):
        rebuilt(made)
    assert datasets(made) == {"databuddy"}


def test_a_rebuild_that_was_begun_in_yet_another_zone_is_named(made: Warehouse) -> None:
    def stop(other: dlt.Pipeline, *chosen: Any) -> None:
        sync(other, *chosen)
        raise Stop

    with pytest.raises(Stop):
        rebuilt(made, load=stop)
    with pytest.raises(OtherDays, match=rf"rebuild was begun with days of {ZONE}\. Go on"):
        rebuilt(made, "Asia/Tokyo")
    assert rebuilt(made, "Asia/Tokyo", beside="another").load_id
    # what was begun is of no dataset any more
    assert rebuilt(made, keep_as="").before == ["Asia/Tokyo"]
    assert datasets(made) == {"databuddy", "databuddy_before"}


def test_old_days_that_a_killed_sync_left_behind_come_first(made: Warehouse) -> None:
    from databuddy_source.extract.source import source_of

    with time_machine.travel(made.server.now, tick=True):
        made.pipeline.extract(source_of(*checked(**given(made))))
        made.pipeline.normalize()
    rebuilt(made)
    assert not made.pipeline.has_pending_data
    synced(made, timezone=ZONE)
    assert made.query("SELECT DISTINCT time_zone FROM coverage") == [(ZONE,)]


def test_another_pipeline_of_the_dataset_forgets_where_it_was(
    made: Warehouse, tmp_path: Path
) -> None:
    by_other = made.another(tmp_path)
    other = by_other.pipeline
    third = made.server.websites[2].id
    synced(by_other, websites=[third])
    every = [website.id for website in made.server.websites]
    rebuilt(made, chosen={"websites": every})
    other.sync_destination()
    assert not resource_states(other, "databuddy")
    with pytest.raises(OtherDays):
        synced(by_other, websites=[third])
    synced(by_other, websites=[third], timezone=ZONE)
    assert made.query("SELECT DISTINCT time_zone FROM coverage") == [(ZONE,)]


@pytest.mark.parametrize("before", ["nothing", "a run as dlt knows it"])
def test_a_pipeline_rebuilds_what_another_one_loaded(
    before: str, made: Warehouse, tmp_path: Path
) -> None:
    """Also the tables of reports that it does not load itself."""
    by_other = made.another(tmp_path)
    other = by_other.pipeline
    if before != "nothing":
        with time_machine.travel(made.server.now, tick=True):
            other.run(databuddy_source(**given(made)))
    made.pipeline.run([{"website_id": "shop", "goal": 10}], table_name="goals")
    rows = made.tables()
    chosen = {"query_types": ["top_pages"]}
    with time_machine.travel(made.server.now, tick=True):
        look = plan_of_rebuild(other, settings(made, timezone=ZONE))
    assert (look.before, look.left_out) == (["UTC"], [])
    assert rebuilt(by_other, chosen=chosen, allow_gaps=True).load_id
    assert made.query("SELECT DISTINCT report, time_zone FROM coverage") == [("top_pages", ZONE)]
    after = made.tables()
    assert after["top_pages"]
    for name in {*REPORTS} - {"top_pages"}:
        assert after[name] == [], "no rows of the old zone without coverage"
        kept = made.query(f"SELECT COUNT(*) FROM databuddy_before.{name}")
        assert kept == [(len(rows[name]),)]
    # a table of people's own stays as it is, where it is
    assert after["goals"] == rows["goals"]
    held = made.query("SELECT table_name FROM duckdb_tables() WHERE schema_name LIKE '%_before'")
    assert ("goals",) not in held


def test_rows_that_the_dataset_beside_has_lost_are_counted_before_it_changes_places(
    made: Warehouse,
) -> None:
    # no request has room for old days, which would bring them back
    alone = {"pack_size": 1}

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuilt(made, hooks=LoadHooks(after_load=stop), chosen=alone)
    before = tables(made)
    day = FIRST + timedelta(days=3)
    made.query("DELETE FROM databuddy_rebuild.top_pages WHERE date = ?", day)
    told = "databuddy_rebuild by hand, .*: top_pages of .* has 0 rows of .*Drop that dataset"
    with pytest.raises(DestinationFails, match=told):
        rebuilt(made, chosen=alone)
    assert tables(made) == before
    made.query("DROP SCHEMA databuddy_rebuild CASCADE")
    assert rebuilt(made).load_id


def test_a_website_that_was_taken_out_meanwhile_does_not_come_back(
    made: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr("databuddy_source.runs.rebuild.take_the_place", stop)
        with pytest.raises(Stop):
            rebuilt(made)
    kept, gone = given(made)["websites"]
    one = {"websites": [kept]}
    remove(made.pipeline, websites=[gone], settings=settings(made, **one))
    assert rebuilt(made, chosen=one).lacking == ()
    for table in [*REPORTS, "coverage"]:
        assert made.query(f"SELECT DISTINCT website_id FROM {table}") == [(kept,)]
    assert made.query("SELECT id FROM websites WHERE id = ?", gone) == []
