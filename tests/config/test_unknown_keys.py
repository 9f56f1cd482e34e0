"""A misspelled key is an error with the nearest right name, wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from databuddy_source import configured, databuddy_source
from databuddy_source.config.keys import KEYS
from databuddy_source.config.unknown_keys import refuse
from databuddy_source.errors import BadSetting


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [
        ({"time_zone": "UTC"}, "sources.databuddy.time_zone", "timezone"),
        ({"Timezone": "UTC"}, "sources.databuddy.Timezone", "timezone"),
        ({"website": ["a"]}, "sources.databuddy.website", "websites"),
        ({"lookback-days": 3}, "sources.databuddy.lookback-days", "lookback_days"),
        ({"report": [{"query_type": "pages"}]}, "sources.databuddy.report", "reports"),
        ({"report": {"query_type": "pages"}}, "sources.databuddy.report", "reports"),
        ({"databuddy": {"weks": "iso"}}, "sources.databuddy.databuddy.weks", "weeks"),
        ({"xyz": 1}, "sources.databuddy.xyz", None),
    ],
)
def test_a_wrong_key_of_a_file(table: dict[str, Any], key: str, meant: str | None) -> None:
    with pytest.raises(BadSetting) as caught:
        refuse(KEYS, [("config.toml", {"timezone": "UTC", **table})], {})
    assert caught.value.what == f"{key} in config.toml is not a setting"
    assert caught.value.todo.startswith(f"Did you mean {meant}?" if meant else "Take it out")


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("SOURCES__DATABUDDY__TIME_ZONE", "Did you mean SOURCES__DATABUDDY__TIMEZONE?"),
        ("SOURCES__DATABUDDY__DATABUDDY__WEBSITE", "mean SOURCES__DATABUDDY__DATABUDDY__WEBSITES?"),
        ("SOURCES__DATABUDDY__timezone", "Write SOURCES__DATABUDDY__TIMEZONE."),
        ("sources__databuddy__API_KEY", "Write SOURCES__DATABUDDY__API_KEY."),
        ("SOURCES__DATABUDDY__QQQ", "Take it out"),
    ],
)
def test_a_wrong_variable(variable: str, says: str) -> None:
    with pytest.raises(BadSetting) as caught:
        refuse(KEYS, [], {"SOURCES__DATABUDDY__WEEKS": "iso", variable: "dbdy_secret"})
    assert variable in caught.value.what
    assert says in caught.value.todo
    assert "dbdy_secret" not in str(caught.value)


def test_what_dlt_reads_of_a_source_is_allowed() -> None:
    table = {
        **dict.fromkeys(KEYS, ""),
        "reports": [{"query_type": "pages", "a_key": "that the report's own check is about"}],
        "max_table_nesting": 1,
        "schema_contract": "freeze",
        "name": "databuddy",
        "extract": {"next_item_mode": "fifo", "max_parallel_items": 9},
        "schema": {"naming": "direct"},
        "websites": {"max_table_nesting": 0},  # of a resource
        "top_pages__p_7LcE1fUaG9oWxKtV4iN": {"write_disposition": "append"},
        "databuddy": {"timezone": "UTC"},
    }
    environment = {
        "SOURCES__DATABUDDY__TIMEZONE": "UTC",
        "SOURCES__DATABUDDY__MAX_TABLE_NESTING": "1",
        "SOURCES__DATABUDDY__EXTRACT__WORKERS": "2",
        "SOURCES__DATABUDDY__DATABUDDY__TIMEZONE": "UTC",
        "SOURCES__OTHER__TIME_ZONE": "UTC",
        "PATH": "/bin",
    }
    refuse(KEYS, [("secrets.toml", table), ("config.toml", table)], environment)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.dlt` folder of an empty project."""
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    (tmp_path / ".dlt").mkdir()
    return tmp_path / ".dlt"


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_files_are_looked_through_whoever_asks(files: Path, name: str) -> None:
    (files / "config.toml").write_text('[sources.databuddy]\ntimezone = "UTC"\n')
    with (files / name).open("a") as file:
        if name == "secrets.toml":
            file.write("[sources.databuddy]\n")
        file.write('apikey = "dbdy_secret"\n')
    dlt.current.run_context().reload()
    try:
        for ask in (configured, lambda: databuddy_source(api_key="k", websites="an_id")):
            with pytest.raises(BadSetting, match=f"apikey in {name}.*Did you mean api_key") as e:
                ask()
            assert "dbdy_secret" not in str(e.value)
    finally:
        (files / name).unlink()
        dlt.current.run_context().reload()


def test_variables_are_looked_through_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DATABUDDY__WEBSITE", "a.example")
    for ask in (configured, lambda: databuddy_source(api_key="k", websites="an_id")):
        with pytest.raises(BadSetting, match="SOURCES__DATABUDDY__WEBSITES"):
            ask()
