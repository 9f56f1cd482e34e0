"""Each key of the configuration has its effect in each command, set in a file as in the
environment.

All keys that last are set at once, each to another value than its default. What a command asks and
says then has to be the same whichever way they are set, and has to change when one of them is
another. A load shows what each key is for, and not only that something changed.
"""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import duckdb
import pytest
import time_machine
import tomlkit
from click.testing import Result
from typer.testing import CliRunner

from databuddy_source import databuddy_source
from databuddy_source import load as load_once
from databuddy_source.api import budget, limiter
from databuddy_source.api.budget import Budget, Clock
from databuddy_source.cli.app import app, every_command
from databuddy_source.config.keys import HIDDEN, KEYS
from databuddy_source.config.unknown_keys import VARIABLE
from databuddy_source.demo import DemoServer, Fault, Silence
from databuddy_source.demo.arrivals import Arrival
from databuddy_source.demo.websites import BLOG, SHOP
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.warehouse.target import Warehouse

TODAY = date(2026, 3, 20)
HELD = date(2026, 3, 15)
"""First of two days that the warehouse has of a sync before. The one before it is final, too, by
a backfill."""

FIRST = date(2026, 3, 13)
"""Of the days that are configured."""

NOWHERE = "sqlite:////nowhere/budget.db"
"""A store that is gone: whoever would send says so, and is silent at first."""

FILE = "databuddy_warehouse.duckdb"
WAYS = ("file", "environment")

Values = Mapping[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """A server that has no data any more for one day that the warehouse holds."""
    with DemoServer(today=TODAY, days=9) as running:
        refusal = {"success": False, "error": "No", "code": "BAD_REQUEST"}
        running.faults.add(Fault(path="/v1/export", status=400, body=refusal, times=None))
        yield running


def _report(name: str, device: str) -> dict[str, Any]:
    of_device = {"field": "device_type", "op": "eq", "value": device}
    return {"name": name, "query_type": "browser_name", "grain": "week", "filters": [of_device]}


@pytest.fixture(scope="module")
def values(server: DemoServer) -> dict[str, Any]:
    """All keys that last, but the cookie, which stands in for a key."""
    return {
        "api_key": server.api_key,
        "base_url": server.url.replace("127.0.0.1", "0.0.0.0"),
        "allow_http": True,
        "websites": [website.id for website in server.websites[:2]],
        "query_types": ["country"],
        "reports": [_report("phones", "mobile"), _report("tablets", "tablet")],
        "timezone": "Asia/Kolkata",
        "weeks": "sunday",
        "start_date": FIRST,
        "lookback_days": 1,
        "requests_per_minute": 1,
        "pack_size": 2,
    }


@pytest.fixture(scope="module")
def other(server: DemoServer, values: Values) -> dict[str, Any]:
    """Another value of each key; None leaves it out."""
    return {
        **dict.fromkeys(KEYS),
        "base_url": server.url,
        "websites": values["websites"][1:],
        "query_types": ["browser_name", "os_name"],
        "start_date": FIRST + ONE_DAY,
        "lookback_days": 0,
        "requests_per_minute": 120,
        "pack_size": 3,
        "since": FIRST + ONE_DAY,
        "until": TODAY,
    }


@dataclass
class Seen:
    """What a command asked, said and loaded."""

    exit_code: int
    said: str
    waited_after: list[int]
    """How many requests had been let go whenever the next one had to wait."""
    requests: list[Arrival]
    folder: Path
    warned: str
    """Of a shared budget."""

    @property
    def queries(self) -> list[Arrival]:
        return [each for each in self.requests if each.path == "/v1/query"]

    @property
    def asked(self) -> Counter[str]:
        """The requests, for comparing."""
        return Counter(
            json.dumps(
                [each.path, each.headers["host"], each.query, each.body, each.status],
                sort_keys=True,
            )
            for each in self.requests
        )

    @property
    def outcome(self) -> tuple[object, ...]:
        """What another run of the same choice has in common."""
        return self.exit_code, self.asked, self.told, self.waited_after[:1], self.warned

    @property
    def told(self) -> str:
        """What was said, but for what took how long and which machine says it."""
        # the server notices once a second what day it is here
        said = re.sub(r"\n\w+ +clock .*(\n .*)?", "", self.said)
        said = re.sub(r"\d+(\.\d+)? s\b|[\d.:+ -]+ s\b", "", said)
        return re.sub(r"\S*/[^\s/]+/a folder\S*|\d\d:\d\d:\d\d", "", said)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / FILE), read_only=True) as connection:
            connection.execute("USE databuddy")
            return connection.execute(sql).fetchall()


class Runs:
    """Runs commands in this process, each in a folder of its own with a small warehouse."""

    def __init__(self, server: DemoServer, home: Path) -> None:
        self._server = server
        self._home = home
        self._number = 0
        self._held: Path | None = None

    def hold(self, values: Values) -> None:
        """Let the warehouse have few days, and a report that is not configured."""
        server = self._server
        more = {"query_types": [*values["query_types"], "device_types"], "lookback_days": 0}
        more |= {"start_date": HELD, "reports": values["reports"][:1], "requests_per_minute": 120}
        before = {**values, **more}
        bounded = {**before, "since": HELD - ONE_DAY, "until": HELD - ONE_DAY}
        now, server.now = server.now, datetime(HELD.year, HELD.month, HELD.day + 1, 18, tzinfo=UTC)
        for each in (before, bounded):
            self._held = self(["sync"], each, "environment", keep=True).folder
        server.now = now
        with duckdb.connect(str(self._held / FILE)) as connection:
            connection.execute(
                "UPDATE databuddy.coverage SET status = 'suspect', final = false "
                f"WHERE date = '{HELD}' AND report = 'country' AND website_id = ?",
                [values["websites"][0]],
            )
        emptied = Silence(
            website_id=values["websites"][0],
            query_types=("country",),
            first=HELD,
            last=HELD,
            timezone=values["timezone"],
        )
        server.faults.add(emptied)

    def __call__(
        self,
        what: list[str] | Callable[[], object],
        values: Values,
        way: str,
        *,
        keep: bool = False,
    ) -> Seen:
        """Call a command, or a function.

        Args:
            what: words of the command line, or the function.
            values: of keys; those that are None are not set.
            way: `file` or `environment`.
            keep: whether it changes the folder, which nobody else sees then.
        """
        folder = self._folder(keep)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("DLT_PROJECT_DIR", str(folder))
            patch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
            patch.setenv("COLUMNS", "200")
            self._configure(folder, {k: v for k, v in values.items() if v is not None}, way, patch)
            dlt.current.run_context().reload()
            budgets: dict[str, Budget] = {}
            waited: list[int] = []
            patch.setattr(budget, "_budgets", budgets)
            patch.setattr(budget, "Clock", lambda: _hasty(budgets, waited))
            before = len(self._server.log)
            warned = io.StringIO()
            told = logging.StreamHandler(warned)
            limiter.logger.addHandler(told)
            try:
                with time_machine.travel(self._server.now, tick=True):
                    done = _call(what)
            finally:
                limiter.logger.removeHandler(told)
                patch.undo()
                dlt.current.run_context().reload()
        said = done.stdout + done.stderr
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        log = self._server.log[before:]
        return Seen(done.exit_code, said, waited, log, folder, warned.getvalue())

    def _folder(self, keep: bool) -> Path:
        if self._held and not keep:
            return self._held
        self._number += 1
        folder = self._home / str(self._number) / "a folder"
        if self._held:
            shutil.copytree(self._held, folder)
        else:
            folder.mkdir(parents=True)
        return folder

    @staticmethod
    def _configure(folder: Path, values: Values, way: str, patch: pytest.MonkeyPatch) -> None:
        home = folder / ".dlt"
        home.mkdir(exist_ok=True)
        for file, secret in (("config.toml", False), ("secrets.toml", True)):
            mine = {key: value for key, value in values.items() if (key in HIDDEN) is secret}
            document = {"sources": {"databuddy": mine}} if way == "file" else {}
            (home / file).write_text(tomlkit.dumps(document))
        for key, value in values.items() if way == "environment" else ():
            text = json.dumps(value) if isinstance(value, list | bool | dict) else str(value)
            patch.setenv(f"{VARIABLE}{key.upper()}", text)


def _call(what: list[str] | Callable[[], object]) -> Result:
    if isinstance(what, list):
        return CliRunner().invoke(app, what)
    what()
    return CliRunner().invoke(app, ["--version"])


def _hasty(budgets: Mapping[str, Budget], waited: list[int]) -> Clock:
    """A clock for which waiting takes no time."""
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        if seconds > 1:
            waited.append(sum(each.spent for each in budgets.values()))

    return Clock(monotonic=lambda: now[0], wall=lambda: now[0], sleep=sleep)


@pytest.fixture(scope="module")
def runs(server: DemoServer, values: Values, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    made = Runs(server, tmp_path_factory.mktemp("keys"))
    made.hold(values)
    return made


@dataclass(frozen=True)
class Reading:
    """A command that changes nothing.

    Attributes:
        words: of the command line.
        keys: that change what it asks or says.
        idle: that change nothing.
        given: keys that are set besides those that last.
    """

    words: str
    keys: str
    idle: str
    given: Values = field(default_factory=dict)


ASKING = "api_key base_url allow_http"
CHOOSING = "websites query_types reports timezone weeks"
PACING = "requests_per_minute pack_size"
SHARING = "shared_budget shared_budget_workers"
DAYS = "start_date lookback_days"
OF_A_RUN = "since until refetch only_gaps audit allow_empty scrub_requests"
BOUNDS: Values = {"since": FIRST, "until": date(2026, 3, 18)}
SEVERAL_DAYS = f"--since {BOUNDS['since']} --until {BOUNDS['until']}"

ON: Values = {
    **dict.fromkeys(("refetch", "only_gaps", "audit", "allow_empty"), True),
    "session_cookie": DemoServer.session_cookie,
    "scrub_requests": 1,
    "shared_budget": NOWHERE,
    "shared_budget_workers": 3,
    "accounts": {
        "shop": {"api_key": DemoServer.api_key, "websites": [SHOP.id]},
        "studio": {"api_key": DemoServer.api_key, "websites": [BLOG.id]},
    },
}
"""Values of keys that are not set else."""

FOR_EXPORT: Values = {"reports": [{"query_type": "device_types"}]}
OTHERS: Values = {key: ON[key] for key in SHARING.split()}
ACCOUNTS: Values = {"api_key": None, "accounts": ON["accounts"]}

READING = {
    "plan": Reading(
        "plan",
        f"{ASKING} {CHOOSING} {PACING} {DAYS} since refetch",
        f"{SHARING} allow_empty scrub_requests",
    ),
    "plan of some days": Reading("plan", "since until only_gaps audit", DAYS, BOUNDS),
    "backfill": Reading(
        f"backfill --dry-run {SEVERAL_DAYS}",
        "api_key refetch only_gaps audit",
        f"{SHARING} start_date since until allow_empty scrub_requests",
    ),
    "audit": Reading(
        f"audit --dry-run {SEVERAL_DAYS}",
        "api_key refetch only_gaps",
        f"{SHARING} {DAYS} since until audit allow_empty scrub_requests",
    ),
    "heal": Reading("heal --dry-run", "api_key", f"{SHARING} {OF_A_RUN}"),
    "status": Reading(
        "status --json",
        f"allow_http {CHOOSING} {DAYS}",
        f"api_key session_cookie base_url {PACING} {SHARING} {OF_A_RUN}",
    ),
    "dashboard": Reading(
        "dashboard --output -",
        f"allow_http {CHOOSING} start_date",
        f"api_key session_cookie base_url lookback_days {PACING} {SHARING} {OF_A_RUN}",
    ),
    "verify": Reading(
        "verify",
        f"{ASKING} websites query_types reports {PACING}",
        f"timezone weeks {DAYS} {OF_A_RUN}",
    ),
    "why": Reading(
        f"why country --date {HELD}",
        "allow_http websites timezone",  # in which times are told
        f"api_key session_cookie base_url query_types reports weeks {PACING} {SHARING} {DAYS} "
        f"{OF_A_RUN}",
    ),
    "remove": Reading(
        "remove --website shop.example.com --report country --report phones --dry-run",
        "allow_http websites query_types reports timezone",  # in which times are told
        f"api_key session_cookie base_url weeks {PACING} {SHARING} {DAYS} {OF_A_RUN}",
    ),
    "rebuild": Reading(
        "rebuild --timezone Asia/Tokyo --dry-run",
        f"{ASKING} websites query_types reports timezone {PACING}",  # times are told in it
        f"weeks {SHARING} {DAYS} {OF_A_RUN}",
    ),
    "check": Reading(
        "check --destination nowhere",
        f"{ASKING} websites query_types reports timezone requests_per_minute",
        f"weeks {DAYS} pack_size {OF_A_RUN}",
    ),
    "discover": Reading(
        "discover",
        f"{ASKING} query_types reports",
        f"websites timezone weeks {PACING} {SHARING} {DAYS} {OF_A_RUN}",
    ),
    "explain": Reading(
        "explain phones",
        f"{ASKING} websites reports timezone weeks",
        f"query_types {PACING} {DAYS} {OF_A_RUN}",
    ),
    "export": Reading(
        f"export --since {FIRST} --into files",
        f"{ASKING} websites query_types reports timezone requests_per_minute",
        f"weeks pack_size {DAYS} {OF_A_RUN}",
        FOR_EXPORT,
    ),
    "dbt": Reading(
        "dbt init",
        "allow_http",
        f"api_key session_cookie base_url {CHOOSING} {PACING} {SHARING} {DAYS} {OF_A_RUN}",
    ),
    "plan with accounts": Reading("plan", "accounts", "", ACCOUNTS),
    "status with accounts": Reading("status --json", "", "accounts", ACCOUNTS),
    "dashboard with accounts": Reading("dashboard --output -", "", "accounts", ACCOUNTS),
    "verify with accounts": Reading("verify", "accounts", "", ACCOUNTS),
    "why with accounts": Reading(f"why country --date {HELD}", "", "accounts", ACCOUNTS),
    "remove with accounts": Reading(
        "remove --website shop.example.com --report country --report phones --dry-run",
        "",
        "accounts",
        ACCOUNTS,
    ),
    "rebuild with accounts": Reading(
        "rebuild --timezone Asia/Tokyo --dry-run", "accounts", "", ACCOUNTS
    ),
    "check with accounts": Reading("check --destination nowhere", "accounts", "", ACCOUNTS),
    "discover with accounts": Reading("discover", "accounts", "", ACCOUNTS),
    "explain with accounts": Reading("explain phones", "accounts", "", ACCOUNTS),
    "export with accounts": Reading(
        f"export --since {FIRST} --into files", "accounts", "", {**FOR_EXPORT, **ACCOUNTS}
    ),
    "dbt with accounts": Reading("dbt init", "", "accounts", ACCOUNTS),
    "verify with others": Reading("verify", SHARING, "", OTHERS),
    "check with others": Reading("check --destination nowhere", SHARING, "", OTHERS),
    "explain with others": Reading("explain phones", SHARING, "", OTHERS),
    "export with others": Reading(
        f"export --since {FIRST} --into files", SHARING, "", {**FOR_EXPORT, **OTHERS}
    ),
}


@pytest.mark.parametrize("name", READING)
def test_what_is_asked_and_said_depends_on_each_key(
    name: str, server: DemoServer, runs: Runs, values: Values, other: Values
) -> None:
    reading = READING[name]
    words, keys = reading.words.split(), reading.keys.split()
    chosen = {**values, **reading.given}
    seen = runs(words, chosen, "file").outcome
    assert runs(words, chosen, "environment").outcome == seen
    changed = {key: ON[key] if key in ON.keys() - chosen else other[key] for key in KEYS}
    changes = {
        key: runs(words, {**chosen, key: changed[key]}, "file").outcome != seen for key in keys
    }
    assert changes == dict.fromkeys(keys, True)
    idle = {key: changed[key] for key in reading.idle.split()}
    assert runs(words, {**chosen, **idle}, "file").outcome == seen
    if "api_key" in keys:
        cookie = {"api_key": None, "session_cookie": server.session_cookie}
        for way in WAYS:
            assert runs(words, {**chosen, **cookie}, way).outcome == seen


def answered(seen: Seen) -> bool:
    return any(each.status == 200 for each in seen.queries)


def days(seen: Seen) -> list[date]:
    """The days that are asked for of the report by day."""
    return sorted(
        date.fromisoformat(asked["start_date"][:10])
        for body in bodies(seen, filtered=False)
        for asked in body["parameters"]
    )


def bodies(seen: Seen, *, filtered: bool) -> list[dict[str, Any]]:
    """Those of the configured report, which has filters, or of the query types."""
    return [
        body
        for each in seen.queries
        for body in (each.body if isinstance(each.body, list) else [each.body])
        if bool(body.get("filters")) is filtered
    ]


def _marks(seen: Seen) -> set[str]:
    """The statuses of the day that the server has no more."""
    sql = f"SELECT status FROM coverage WHERE report = 'country' AND date = '{HELD}' AND silent"
    return {status for (status,) in seen.rows(sql)}


EFFECTS: Mapping[str, Callable[[Seen, Any], bool]] = {
    "api_key": lambda seen, key: answered(seen) is bool(key),
    "session_cookie": lambda seen, cookie: answered(seen) is bool(cookie),
    "base_url": lambda seen, url: (
        {each.headers["host"] for each in seen.queries} == {urlsplit(url).netloc}
    ),
    "accounts": lambda seen, accounts: answered(seen) is bool(accounts),
    "allow_http": lambda seen, allowed: (seen.exit_code != 2) is bool(allowed),
    "websites": lambda seen, ids: {each.website_id for each in seen.queries} == set(ids),
    "query_types": lambda seen, names: (
        {asked["name"] for body in bodies(seen, filtered=False) for asked in body["parameters"]}
        == set(names)
    ),
    "reports": lambda seen, reports: bool(bodies(seen, filtered=True)) is bool(reports),
    "timezone": lambda seen, zone: (
        {body["startDate"][-6:] == "+05:30" for body in bodies(seen, filtered=False)}
        == {zone is not None}
    ),
    "weeks": lambda seen, weeks: (
        {
            date.fromisoformat(body["startDate"][:10]).weekday()
            for body in bodies(seen, filtered=True)
        }
        == {6 if weeks == "sunday" else 0}
    ),
    "start_date": lambda seen, day: days(seen)[0] == day,
    "lookback_days": lambda seen, number: (
        seen.rows("SELECT max(date) FROM coverage WHERE final AND report = 'country'")
        == [(TODAY - (number + 1) * ONE_DAY,)]
    ),
    "requests_per_minute": lambda seen, number: (
        (seen.waited_after[0] if seen.waited_after else 120) == number
    ),
    "shared_budget": lambda seen, store: ("budget is gone" in seen.warned) is bool(store),
    "shared_budget_workers": lambda seen, number: f"one part in {number} of" in seen.warned,
    "pack_size": lambda seen, number: max(each.parameters for each in seen.queries) == number,
    "since": lambda seen, day: days(seen)[0] == day,
    "until": lambda seen, day: days(seen)[-1] == day,
    "refetch": lambda seen, anew: (HELD - ONE_DAY in days(seen)) is bool(anew),
    "only_gaps": lambda seen, gaps: (HELD + ONE_DAY not in days(seen)) is bool(gaps),
    "audit": lambda seen, alone: (set(days(seen)) == {HELD - ONE_DAY, HELD}) is bool(alone),
    "scrub_requests": lambda seen, number: (HELD - ONE_DAY in days(seen)) is bool(number),
    "allow_empty": lambda seen, allowed: (_marks(seen) == {"complete"}) is bool(allowed),
}
"""By key, whether a load shows that it had this value."""

LASTING = f"{ASKING} {CHOOSING} {PACING} lookback_days"
ANEW: Values = {"refetch": True, "allow_empty": True}
GAPS: Values = {
    **BOUNDS,
    "only_gaps": True,
    "session_cookie": DemoServer.session_cookie,
    "api_key": None,
}


def _source() -> None:
    pipeline = Warehouse.of().pipeline
    try:
        load_once(pipeline, databuddy_source())
    finally:
        pipeline.deactivate()


@dataclass(frozen=True)
class Loading:
    """What loads.

    Attributes:
        words: of the command line; without any, the source alone is loaded.
        keys: whose effect a load shows.
        given: keys that are set besides those that last, or instead.
    """

    words: str
    keys: str
    given: Values


LOADING = {
    "sync": Loading("sync", f"{LASTING} start_date refetch allow_empty", ANEW),
    "sync of gaps": Loading("sync", "session_cookie since until only_gaps", GAPS),
    "sync of what is final": Loading("sync", "audit", {**BOUNDS, "audit": True}),
    "sync with room": Loading("sync", "scrub_requests", {"scrub_requests": 1}),
    "sync with others": Loading("sync", SHARING, OTHERS),
    "source with others": Loading("", SHARING, OTHERS),
    "sync with accounts": Loading("sync", "accounts", ACCOUNTS),
    "source with accounts": Loading("", "accounts", ACCOUNTS),
    "heal with accounts": Loading("heal", "accounts", ACCOUNTS),
    "audit with accounts": Loading(f"audit --since {FIRST}", "accounts", ACCOUNTS),
    "backfill with accounts": Loading(f"backfill --since {FIRST}", "accounts", ACCOUNTS),
    "heal with others": Loading("heal", SHARING, OTHERS),
    "audit with others": Loading(f"audit --since {FIRST}", SHARING, OTHERS),
    "backfill with others": Loading(f"backfill --since {FIRST}", SHARING, OTHERS),
    "source": Loading("", f"{LASTING} start_date refetch allow_empty", ANEW),
    "source of gaps": Loading("", "session_cookie since until only_gaps", GAPS),
    "source of what is final": Loading("", "audit", {**BOUNDS, "audit": True}),
    "source with room": Loading("", "scrub_requests", {"scrub_requests": 1}),
    "heal": Loading("heal", f"{LASTING} start_date allow_empty", ANEW),
    "audit": Loading(f"audit --since {FIRST}", f"{ASKING} {CHOOSING} {PACING}", {}),
    "backfill": Loading(f"backfill --since {FIRST}", f"{LASTING} refetch allow_empty", ANEW),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LOADING)
def test_a_load_has_what_each_key_is_for(
    name: str, way: str, runs: Runs, values: Values, other: Values
) -> None:
    loading = LOADING[name]
    keys = loading.keys.split()
    chosen = {**values, **loading.given}
    seen = runs(loading.words.split() or _source, chosen, way, keep=True)
    assert seen.exit_code in {0, 3}, seen.said
    assert {key: EFFECTS[key](seen, chosen[key]) for key in keys} == dict.fromkeys(keys, True)
    # the same load does not look as if a key had another value
    assert {key: EFFECTS[key](seen, other[key]) for key in keys} == dict.fromkeys(keys, False)


ELSEWHERE = {
    "init": "writes the configuration",
    "demo": "takes nothing from a real account's configuration",
}
"""Commands that do not go by these keys."""


def test_each_command_is_tried_with_each_key() -> None:
    tried: dict[str, set[str]] = {name: set() for name in ("", *every_command())}
    for reading in READING.values():
        keys = {*reading.keys.split(), *reading.idle.split()}
        # what is asked by a key is asked by a cookie, too
        tried[reading.words.split()[0]] |= keys | (
            {"session_cookie"} if "api_key" in keys else set()
        )
    for loading in LOADING.values():
        tried[loading.words.partition(" ")[0]] |= set(loading.keys.split())
    untried = {name: set(KEYS) - keys for name, keys in tried.items() if name not in ELSEWHERE}
    assert untried == {name: set() for name in untried}
