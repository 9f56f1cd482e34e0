"""What a user may configure, in files and in the environment, and what is said of a wrong value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from inspect import signature, unwrap
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from databuddy_source.config.keys import SCOPE, SETTINGS
from databuddy_source.config.resolve import checked, configured, resolved, scoped
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.config.spec import SPEC
from databuddy_source.config.values import DEFAULT_BASE_URL
from databuddy_source.errors import BadConfiguration, BadSetting, InsecureAddress
from databuddy_source.extract.source import databuddy_source
from databuddy_source.model.windows import DEFAULT_DAYS

Write = Callable[..., None]


@pytest.fixture
def toml(tmp_path: Path) -> Write:
    """Write lines of `[sources.databuddy]` into a file of dlt."""

    def write(lines: str, file: str = "config.toml") -> None:
        folder = tmp_path / ".dlt"
        folder.mkdir(exist_ok=True)
        (folder / file).write_text(f"[sources.databuddy]\n{lines}\n", encoding="utf-8")
        Container()[PluggableRunContext].reload_providers()

    return write


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Set variables as `SOURCES__DATABUDDY__...`."""

    def write(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"SOURCES__DATABUDDY__{name.upper()}", value)

    return write


def test_defaults_need_nothing_configured() -> None:
    settings, scope = resolved()
    assert settings == Settings()
    assert scope == Scope()
    assert settings.base_url == DEFAULT_BASE_URL
    assert settings.websites == ()
    assert settings.query_types == ("default",)
    assert settings.timezone == "UTC"
    assert settings.lookback_days == 3
    assert settings.requests_per_minute == 120
    assert settings.pack_size == 100
    assert not settings.allow_http
    assert not scope.allow_empty
    assert not scope.bounded


# key, as TOML, as the environment, the value
VALUES: list[tuple[str, str, str, object]] = [
    ("base_url", '"http://localhost:3001"', "http://localhost:3001", "http://localhost:3001/v1"),
    ("websites", '["web_1", "web_2"]', '["web_1", "web_2"]', ("web_1", "web_2")),
    ("websites", '"web_1, web_2"', "web_1, web_2", ("web_1", "web_2")),
    ("websites", '["example.com"]', "example.com", ("example.com",)),
    ("websites", '[" web_1 "]', ", web_1 ,", ("web_1",)),
    ("websites", "[]", "", ()),
    ("query_types", '["top_pages", "country"]', "top_pages,country", ("top_pages", "country")),
    ("query_types", '"all"', "all", ("all",)),
    ("timezone", '"Europe/Berlin"', "Europe/Berlin", "Europe/Berlin"),
    ("timezone", '"Etc/UTC"', "Zulu", "UTC"),
    ("start_date", "2026-10-08", "2026-10-08", date(2026, 10, 8)),
    ("start_date", '"2026-10-08"', " 2026-10-08 ", date(2026, 10, 8)),
    ("start_date", "2026-10-08T10:00:00Z", "2026-10-08T10:00:00Z", date(2026, 10, 8)),
    ("lookback_days", "0", "0", 0),
    ("allow_http", "true", "true", True),
    ("allow_empty", "true", "True", True),
    ("requests_per_minute", "600", "600", 600),
    ("pack_size", "400", "400", 400),
    ("since", "2026-10-08", "2026-10-08", date(2026, 10, 8)),
]


@pytest.mark.parametrize(
    ("key", "text", "value"), [pytest.param(k, t, v, id=f"{k} = {t}") for k, t, _, v in VALUES]
)
def test_values_from_a_file(toml: Write, key: str, text: str, value: object) -> None:
    toml(f"{key} = {text}")
    settings, scope = resolved()
    assert getattr(scope if key in Scope.model_fields else settings, key) == value


@pytest.mark.parametrize(
    ("key", "text", "value"), [pytest.param(k, t, v, id=f"{k}={t}") for k, _, t, v in VALUES]
)
def test_values_from_the_environment(
    environment: Write, key: str, text: str, value: object
) -> None:
    environment(**{key: text})
    settings, scope = resolved()
    assert getattr(scope if key in Scope.model_fields else settings, key) == value


def test_the_key_is_read_from_secrets(toml: Write, key: str) -> None:
    toml(f'api_key = " {key} "', "secrets.toml")
    assert configured().credential.headers() == {"x-api-key": key}


def test_the_key_is_read_from_the_environment(environment: Write, key: str) -> None:
    environment(api_key=key)
    assert configured().credential.headers() == {"x-api-key": key}


def test_a_session_cookie_stands_in_for_the_key(environment: Write) -> None:
    environment(session_cookie="session=fake")
    assert configured().credential.headers() == {"cookie": "session=fake"}


def test_an_argument_is_above_the_environment_and_that_above_the_file(
    toml: Write, environment: Write
) -> None:
    toml('timezone = "Europe/Berlin"\nlookback_days = 5\nrequests_per_minute = 60')
    environment(lookback_days="6", requests_per_minute="70")
    settings = configured(requests_per_minute=80)
    assert settings.timezone == "Europe/Berlin"
    assert settings.lookback_days == 6
    assert settings.requests_per_minute == 80


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("https://api.databuddy.cc", "https://api.databuddy.cc/v1"),
        ("https://api.databuddy.cc/", "https://api.databuddy.cc/v1"),
        ("https://api.databuddy.cc/v1", "https://api.databuddy.cc/v1"),
        ("https://api.databuddy.cc/v1/", "https://api.databuddy.cc/v1"),
        (" https://api.databuddy.cc/v1// ", "https://api.databuddy.cc/v1"),
        ("https://stats.example.com:8443/databuddy", "https://stats.example.com:8443/databuddy/v1"),
    ],
)
def test_an_address_may_end_with_or_without_v1(given: str, meant: str) -> None:
    assert Settings.of(base_url=given).base_url == meant


@pytest.mark.parametrize(
    "address",
    ["http://localhost:3001", "http://LOCALHOST", "http://127.0.0.1:3001/v1", "http://[::1]:3001"],
)
def test_plain_http_to_this_machine_is_allowed(address: str) -> None:
    assert Settings.of(base_url=address).base_url.endswith("/v1")


@pytest.mark.parametrize(
    "address",
    [
        "http://api.databuddy.cc/v1",
        "HTTP://api.databuddy.cc/v1",
        "http://10.0.0.5:3001",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://example.com/localhost",
    ],
)
def test_plain_http_to_another_machine_is_refused(address: str) -> None:
    with pytest.raises(InsecureAddress) as caught:
        Settings.of(base_url=address)
    assert str(caught.value) == (
        f"The key would travel unprotected to {address.removesuffix('/v1')}/v1. Use https, or set "
        "sources.databuddy.allow_http = true for a server in a private network."
    )
    assert Settings.of(base_url=address, allow_http=True).base_url.startswith(address[:4])


LOOKS_LIKE = "must look like https://api.databuddy.cc/v1"
ALONE = "must be an address alone, without user, password, ? or #"
A_DAY = "must be a day such as 2026-01-31"
NAMES = 'must be a list of names, such as ["one", "two"]'
ZONE = "must be an IANA time zone such as Europe/Berlin"

WRONG: list[tuple[str, Any, str, str]] = [
    ("base_url", "api.databuddy.cc", "'api.databuddy.cc'", LOOKS_LIKE),
    ("base_url", "ftp://api.databuddy.cc", "'ftp://api.databuddy.cc'", LOOKS_LIKE),
    ("base_url", "https://", "'https://'", LOOKS_LIKE),
    ("base_url", "https://host:99999", "'https://host:99999'", LOOKS_LIKE),
    ("base_url", "https://[::1", "'https://[::1'", LOOKS_LIKE),
    ("base_url", "https://exa mple", "'https://exa mple'", LOOKS_LIKE),
    ("base_url", "", "''", LOOKS_LIKE),
    ("base_url", "https://me:pw@host/v1", "'https://***host/v1'", ALONE),
    ("base_url", "https://host/v1?key=pw", "'https://host/v1***'", ALONE),
    ("base_url", "https://host/v1#pw", "'https://host/v1***'", ALONE),
    ("websites", 5, "5", NAMES),
    ("websites", [1, 2], "[1, 2]", NAMES),
    ("websites", '["web_1"', "'[\"web_1\"'", "looks like a JSON list but is not one"),
    ("query_types", {"a": 1}, "{'a': 1}", NAMES),
    (
        "query_types",
        "active_stats",
        "'active_stats'",
        "'active_stats' cannot be loaded: it is about now and ignores the window, so a day can "
        "never be loaded",
    ),
    ("timezone", "Mars/Olympus", "'Mars/Olympus'", ZONE),
    ("timezone", "Europe", "'Europe'", ZONE),
    ("timezone", "../etc/passwd", "'../etc/passwd'", ZONE),
    ("timezone", "", "''", ZONE),
    ("timezone", 5, "5", "Input should be a valid string"),
    ("start_date", "yesterday", "'yesterday'", A_DAY),
    ("start_date", "2026-02-30", "'2026-02-30'", A_DAY),
    ("start_date", "", "''", A_DAY),
    ("start_date", 86400, "86400", A_DAY),
    ("since", "86400", "'86400'", A_DAY),
    ("lookback_days", -1, "-1", "Input should be greater than or equal to 0"),
    ("lookback_days", 366, "366", "Input should be less than or equal to 365"),
    (
        "lookback_days",
        "three",
        "'three'",
        "Input should be a valid integer, unable to parse string as an integer",
    ),
    ("requests_per_minute", 0, "0", "Input should be greater than or equal to 1"),
    ("requests_per_minute", 6001, "6001", "Input should be less than or equal to 6000"),
    ("pack_size", 0, "0", "Input should be greater than or equal to 1"),
    ("pack_size", 401, "401", "Input should be less than or equal to 400"),
    (
        "allow_http",
        "maybe",
        "'maybe'",
        "Input should be a valid boolean, unable to interpret input",
    ),
]


@pytest.mark.parametrize(
    ("key", "value", "shown", "allowed"),
    [pytest.param(*each, id=f"{each[0]}={each[1]!r}") for each in WRONG],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(
    key: str, value: object, shown: str, allowed: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        checked(**{key: value})
    assert str(caught.value) == f"sources.databuddy.{key} = {shown} is wrong: {allowed}."
    assert isinstance(caught.value, BadConfiguration)


def test_a_wrong_value_in_the_environment_is_named_too(environment: Write) -> None:
    environment(timezone="Berlin")
    with pytest.raises(BadSetting, match=r"sources\.databuddy\.timezone = 'Berlin' is wrong"):
        configured()


def test_a_setting_that_does_not_exist_is_named() -> None:
    with pytest.raises(BadSetting) as caught:
        Settings.of(time_zone="UTC")
    assert str(caught.value) == "sources.databuddy.time_zone is not a setting."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"until": "2026-10-08"},
            "until needs since: together they name the days of a bounded run.",
        ),
        (
            {"since": "2026-10-09", "until": "2026-10-08"},
            "since (2026-10-09) is after until (2026-10-08).",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_told(values: dict[str, str], message: str) -> None:
    with pytest.raises(BadSetting) as caught:
        checked(**values)
    assert str(caught.value) == message


def test_one_day_is_a_bounded_run() -> None:
    assert Scope.of(since="2026-10-08", until="2026-10-08").bounded
    assert not Scope.of(since="2026-10-08").bounded


def test_a_first_sync_begins_where_the_user_says_or_thirty_days_ago() -> None:
    now = datetime(2026, 11, 12, 3, 0, tzinfo=UTC)  # still the day before in New York
    settings = Settings.of(start_date="2026-10-08")
    assert Scope.of(since="2026-10-01").first_day(settings, now) == date(2026, 10, 1)
    assert Scope().first_day(settings, now) == date(2026, 10, 8)
    today = date(2026, 11, 12)
    assert Scope().first_day(Settings(), now) == today - timedelta(days=DEFAULT_DAYS)
    there = Settings.of(timezone="America/New_York")
    assert Scope().first_day(there, now) == today - timedelta(days=DEFAULT_DAYS + 1)


def test_types_are_known_by_the_names_of_the_documentation_too() -> None:
    settings = Settings.of(query_types=["pages", "top_pages", "geo"])
    assert [each.name for each in settings.chosen_reports()] == ["top_pages", "country"]
    assert all(each.named for each in settings.chosen_reports())
    assert not any(each.named for each in Settings().chosen_reports())


@pytest.mark.parametrize("nothing", ["", []])
def test_nothing_to_load_is_refused(nothing: object) -> None:
    with pytest.raises(BadSetting, match=r"query_types must be \"default\", \"all\", or names"):
        Settings.of(query_types=nothing)
    assert Settings.of(query_types=nothing, reports=[{"query_type": "pages"}]).chosen_reports()


def test_what_was_not_given_is_as_configured(environment: Write) -> None:
    environment(websites="web_1", allow_empty="true", since="2026-10-08")
    settings, scope = resolved(websites=None, allow_empty=None, until="2026-10-09")
    assert settings.websites == ("web_1",)
    assert scope == Scope.of(since="2026-10-08", until="2026-10-09", allow_empty=True)


def test_a_section_of_the_pipelines_name_is_above_the_common_one(
    toml: Write, tmp_path: Path
) -> None:
    toml(
        'timezone = "Europe/Berlin"\nlookback_days = 5\n[mine.sources.databuddy]\nlookback_days = 7'
    )
    pipeline = dlt.pipeline("mine", destination="duckdb", pipelines_dir=str(tmp_path / "state"))
    try:
        settings = configured()
    finally:
        pipeline.deactivate()
    assert (settings.timezone, settings.lookback_days) == ("Europe/Berlin", 7)
    assert configured().lookback_days == 5


def test_what_lasts_and_what_is_of_one_run_are_not_mixed_up() -> None:
    with pytest.raises(BadSetting, match="since is of one run and belongs to `scoped`"):
        configured(since="2026-10-08")
    with pytest.raises(BadSetting, match="timezone lasts and belongs to `configured`"):
        scoped(timezone="UTC")


def test_the_source_takes_the_keys_of_the_configuration() -> None:
    """Its signature is what editors show, and `spec` is what dlt looks up."""
    keys = {*SETTINGS, *SCOPE}
    assert set(signature(unwrap(databuddy_source)).parameters) == keys
    assert set(SPEC.get_resolvable_fields()) == keys


def test_a_none_stands_for_nothing_given_to_the_source_too(environment: Write, key: str) -> None:
    environment(websites="web_1", query_types="country", api_key=key)
    assert "country__web_1" in databuddy_source(websites=None, query_types=None).resources
    assert "country__web_2" in databuddy_source(websites=["web_2"]).resources


def test_settings_cannot_change_under_a_run() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().timezone = "Europe/Berlin"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Scope(since="soon"), "since = 'soon' is wrong: must be a day such as 2026-01-31"),
        (lambda: Scope(since="0001-01-01"), "is wrong: there is nothing before 2000-01-01"),
        (lambda: Settings(start_date=date(1999, 12, 31)), "there is nothing before 2000-01-01"),
        (lambda: Scope(until=date(2026, 1, 1)), "until needs since"),
        (lambda: Scope(day=1), "sources.databuddy.day is not a setting"),
        (lambda: Settings(timezone="Mars/X"), "timezone = 'Mars/X' is wrong"),
        (lambda: Settings(lookback_days=-1), "lookback_days = -1 is wrong"),
    ],
)
def test_made_without_a_configuration_they_are_checked_alike(
    make: Callable[[], object], says: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
