"""A misspelled key is an error with the nearest right name, wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from databuddy_source import configured, databuddy_source
from databuddy_source.config.keys import KEYS
from databuddy_source.config.settings import Settings
from databuddy_source.config.unknown_keys import bare_variables, refuse
from databuddy_source.errors import BadSetting

OURS = {"api_key": "dbdy_secret", "timezone": "UTC"}


def in_sources(table: dict[str, Any]) -> dict[str, Any]:
    return {"sources": {"databuddy": table}}


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
        # tables
        ({"filter": {"field": "country"}}, "sources.databuddy.filter", None),
        ({"filter": {}}, "sources.databuddy.filter", None),
        ({"top_pages": {"grain": "week"}}, "sources.databuddy.top_pages", None),
        ({"databuddy": {"filter": {"a": 1}}}, "sources.databuddy.databuddy.filter", None),
    ],
)
def test_a_wrong_key_of_a_file(table: dict[str, Any], key: str, meant: str | None) -> None:
    with pytest.raises(BadSetting) as caught:
        refuse(KEYS, [("config.toml", in_sources({"timezone": "UTC", **table}))], {})
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
        # deeper than a key is
        ("SOURCES__DATABUDDY__API_KEY__X", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("SOURCES__DATABUDDY__API_KEY__X__Y", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("SOURCES__DATABUDDY__REPORTS__0__NAME", "Did you mean SOURCES__DATABUDDY__REPORTS?"),
        ("SOURCES__DATABUDDY__WEBSITES__0", "Take it out"),
        ("SOURCES__DATABUDDY__FILTER__FIELD", "Take it out"),
        ("SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEYS", "mean SOURCES__DATABUDDY__ACCOUNTS__SHOP"),
        ("SOURCES__DATABUDDY__ACCOUNTS__SHOP", "Take it out"),
        (
            "MINE__SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY",
            "Did you mean SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY?",
        ),
        (
            "SOURCES__DATABUDDY__DATABUDDY__ACCOUNTS__SHOP__API_KEY",
            "Did you mean SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY?",
        ),
        # of a pipeline
        ("MINE__SOURCES__DATABUDDY__WEBSITE", "Did you mean MINE__SOURCES__DATABUDDY__WEBSITES?"),
        # another section
        ("SOURCES__DATABUDY__API_KEY", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("SOURCE__DATABUDDY__API_KEY", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("MINE__SOURCE__DATABUDDY__TIMEZONE", "mean MINE__SOURCES__DATABUDDY__TIMEZONE?"),
        ("SOURCES__DATABUDDY_SOURCE__API_KEY", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("SOURCES_DATABUDDY_API_KEY", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
        ("SOURCES__DATABUDDY_API_KEY", "Did you mean SOURCES__DATABUDDY__API_KEY?"),
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
        "SOURCES__DATABUDDY__EXTRACT__DATA_WRITER__BUFFER_MAX_ITEMS": "2",
        "SOURCES__DATABUDDY__WEBSITES__MAX_TABLE_NESTING": "0",
        "SOURCES__DATABUDDY__TOP_PAGES__P_7LCE1FUAG9OWXKTV4IN__WRITE_DISPOSITION": "append",
        "SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY": "dbdy_secret",
        "SOURCES__DATABUDDY__ACCOUNTS__SHOP__WEBSITES": "a,b",
        "SOURCES__DATABUDDY__ACCOUNTS__SHOP__BASE_URL": "https://databuddy.example.com",
        "MINE__SOURCES__DATABUDDY__TIMEZONE": "UTC",
        "SOURCES__DATABUDDY__DATABUDDY__TIMEZONE": "UTC",
        "SOURCES__OTHER__TIME_ZONE": "UTC",
        "PATH": "/bin",
    }
    document = in_sources(table)
    refuse(KEYS, [("secrets.toml", document), ("config.toml", document)], environment)


@pytest.mark.parametrize(
    ("document", "place", "meant"),
    [
        ({"sources": {"databudy": OURS}}, "sources.databudy", "sources.databuddy"),
        ({"sources": {"Databuddy": OURS}}, "sources.Databuddy", "sources.databuddy"),
        ({"sources": {"data-buddy": OURS}}, "sources.data-buddy", "sources.databuddy"),
        ({"sources": {"databuddy_source": OURS}}, "sources.databuddy_source", "sources.databuddy"),
        ({"source": {"databuddy": OURS}}, "source.databuddy", "sources.databuddy"),
        ({"source": {"databudy": OURS}}, "source.databudy", "sources.databuddy"),
        ({"mine": {"sources": {"databudy": OURS}}}, "mine.sources.databudy", "mine.sources.databu"),
        ({"mine": {"source": {"databuddy": OURS}}}, "mine.source.databuddy", "mine.sources.databu"),
    ],
)
def test_a_section_that_is_meant_for_this_source(
    document: dict[str, Any], place: str, meant: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        refuse(KEYS, [("secrets.toml", document)], {})
    assert caught.value.what == f"[{place}] in secrets.toml is not read"
    assert caught.value.todo.startswith(f"Did you mean [{meant}")
    assert "dbdy_secret" not in str(caught.value)


def test_accounts_are_secret_as_a_whole() -> None:
    document = in_sources({"accounts": {"shop": {"websites": ["a"]}}})
    refuse(KEYS, [("secrets.toml", document)], {})
    with pytest.raises(BadSetting, match=r"databuddy\.accounts in config\.toml is not read"):
        refuse(KEYS, [("config.toml", document)], {})


def test_a_pipelines_own_section_is_looked_through() -> None:
    with pytest.raises(BadSetting, match=r"mine\.sources\.databuddy\.website in config\.toml"):
        refuse(KEYS, [("config.toml", {"mine": in_sources({"website": "a"})})], {})


def test_sections_of_others_are_left_alone() -> None:
    document = {
        "sources": {
            "timezone": "UTC",  # of all sources
            "databricks": OURS,
            "databuddy_blog": OURS,  # the source of a second account, under another name
            "databuddy2": OURS,
            "databudy": {"password": "x"},  # nothing of it is ours
            "hubspot": {"api_key": "k", "filter": {"a": 1}},
        },
        "source": {"hubspot": OURS},
        "mine": {"sources": {"hubspot": OURS}, "timezone": "UTC"},
        "data": {"base": {"api_key": "k"}},
        "databuddy": OURS,  # of a pipeline that is called so
        "timezone": "UTC",
    }
    environment = dict.fromkeys(
        (
            "SOURCES__DATABRICKS__API_KEY",
            "SOURCES__DATABUDDY2__API_KEY",
            "SOURCES__DATABUDDY_BLOG__API_KEY",
            "SOURCES__DATABUDY__PASSWORD",
            "SOURCES__TIMEZONE",
            "MINE__SOURCES__HUBSPOT__API_KEY",
            "DATABUDDY__API_KEY",
            "SOURCES",
            "__",
            "",
        ),
        "x",
    )
    refuse(KEYS, [("secrets.toml", document)], environment)


def test_a_table_is_no_key_of_an_account() -> None:
    with pytest.raises(BadSetting, match=r"sources\.databuddy\.api_key") as caught:
        Settings.of(api_key={"value": "dbdy_secret"})
    assert "dbdy_secret" not in str(caught.value)


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


def test_variables_without_a_section_are_read_for_ours() -> None:
    """dlt gives them to the source, unless one of the right name is there."""
    environment = {"TIMEZONE": "Europe/Berlin", "UNTIL": "x", "WEEKS": "", "timezone": "x"}
    environment |= {"SOURCES__DATABUDDY__UNTIL": "2026-01-01", "HOME": "/home/me"}
    assert bare_variables(KEYS, environment) == ["TIMEZONE"]
