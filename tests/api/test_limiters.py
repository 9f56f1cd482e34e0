"""The stores that count the requests of many processes, each a real one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from databuddy_source.api import limiters
from databuddy_source.api.limiter import HELD, LONGEST_HELD, LONGEST_NAP, Limiter
from databuddy_source.api.limiters import limiter_at, redis, sql, sqlite
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting
from tests.api.limited_server import most_in_a_window
from tests.api.redis_server import RedisServer, redis_server
from tests.api.sharing import PER_MINUTE, SECONDS, counting
from tests.warehouses import postgres

pytestmark = pytest.mark.outside

PROJECT = Path(__file__).parents[2]
KINDS = ("sqlite", "redis", "postgres")


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/budget.db"
    address: str = request.getfixturevalue(f"own_{request.param}").url
    return address


@pytest.fixture
def limiter(url: str) -> Limiter:
    return limiter_at(url)


@pytest.fixture
def name() -> str:
    """Of a budget that nobody has used."""
    return uuid4().hex * 2


def lasting(patch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Let something last otherwise."""
    for module in (sql, redis):
        for what, value in seconds.items():
            patch.setattr(module, what, value)


def test_there_are_as_many_places_as_were_named(limiter: Limiter, name: str) -> None:
    turns = [limiter.take(name, f"worker {number % 2}", 3) for number in range(4)]
    assert len({turn.place for turn in turns[:3]} - {""}) == 3
    assert turns[3].place == ""
    assert 0 < turns[3].wait <= LONGEST_NAP
    assert [turn.workers for turn in turns] == [1, 2, 2, 2]
    assert all(0 <= turn.age < HELD for turn in turns)
    assert limiter.take(uuid4().hex, "worker 0", 3).place


def test_a_place_is_free_a_window_after_its_answer(
    limiter: Limiter, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = limiter.take(name, "w", 1).place
    limiter.land(name, place, 0.0)
    assert not limiter.take(name, "w", 1).place
    lasting(monkeypatch, HELD=0.0)
    limiter.land(name, place, 0.0)
    assert limiter.take(name, "w", 1).place


def test_an_answer_makes_no_place_last_longer(
    limiter: Limiter, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting(monkeypatch, LONGEST_HELD=0.01)
    limiter.land(name, limiter.take(name, "w", 1).place, 0.0)
    time.sleep(0.02)
    assert limiter.take(name, "w", 1).place


def test_the_place_of_a_dead_process_comes_back(
    limiter: Limiter, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lasting(patch, LONGEST_HELD=0.01)
        assert limiter.take(name, "dead", 1).place
    time.sleep(0.02)
    turn = limiter.take(name, "w", 1)
    assert turn.place
    assert turn.workers == 1


def test_who_waits_longest_is_next(
    limiter: Limiter, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting(monkeypatch, HELD=0.0)
    place = limiter.take(name, "a", 1).place
    for worker in ("b", "c", "a"):
        assert not limiter.take(name, worker, 1).place
    for worker in ("b", "c", "a", "b"):
        limiter.land(name, place, 0.0)
        others = [each for each in "abc" if each != worker]
        assert not any(limiter.take(name, each, 1).place for each in others)
        place = limiter.take(name, worker, 1).place
        assert place
        assert not limiter.take(name, worker, 1).place


def test_who_asks_no_more_has_lost_its_turn(
    limiter: Limiter, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = limiter.take(name, "a", 1).place
    with monkeypatch.context() as patch:
        lasting(patch, FORGOTTEN=0.01)
        assert not limiter.take(name, "dead", 1).place
    time.sleep(0.02)
    lasting(monkeypatch, HELD=0.0)
    limiter.land(name, place, 0.0)
    assert limiter.take(name, "b", 1).place


def test_several_free_places_are_for_several(limiter: Limiter, name: str) -> None:
    assert limiter.take(name, "a", 1).place
    assert not limiter.take(name, "b", 1).place
    assert not limiter.take(name, "c", 2).place  # the second place is for who waits already
    assert limiter.take(name, "c", 3).place
    assert limiter.take(name, "b", 3).place


def test_a_silence_is_for_all(limiter: Limiter, name: str) -> None:
    limiter.land(name, "", 90.0)
    limiter.land(name, "", 0.01)
    time.sleep(0.02)
    turn = limiter.take(name, "w", 9)
    assert not turn.place
    assert 0 < turn.wait <= LONGEST_NAP
    assert limiter.take(uuid4().hex, "w", 9).place


def test_a_silence_ends(limiter: Limiter, name: str) -> None:
    limiter.land(name, limiter.take(name, "w", 9).place, 0.01)
    time.sleep(0.02)
    assert limiter.take(name, "w", 9).place


FORKS = """
import os, sys
from databuddy_source.api.limiters import limiter_at
url, name, places = sys.argv[1:]
limiter = limiter_at(url)
assert limiter.take(name, "parent", int(places)).place
for number in range(4):
    if not os.fork():
        taken = 0
        while limiter.take(name, f"worker {number}", int(places)).place:
            taken += 1
        os.write(1, f"{taken}\\n".encode())
        os._exit(0)
for number in range(4):
    os.wait()
assert not limiter.take(name, "parent", int(places)).place
"""


def test_forks_count_together(url: str, name: str) -> None:
    """Those of one machine; others are no other case for a server."""
    command = [sys.executable, "-c", FORKS, url, name, "200"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=PROJECT)
    assert sum(map(int, done.stdout.split())) == 199


def test_processes_never_send_more_than_the_limit_while_one_is_killed(
    url: str, tmp_path: Path
) -> None:
    """Each of three sends eight requests to a server that tells nothing; a fourth dies."""
    with counting() as server:
        command = [sys.executable, "-m", "tests.api.sharing", url, server.url, "8"]
        running = [subprocess.Popen(command, cwd=PROJECT) for _ in range(4)]
        server.wait_for(7)
        running[0].kill()
        assert [each.wait() for each in running] == [-signal.SIGKILL, 0, 0, 0]
    assert len(server.arrivals) >= 24
    assert most_in_a_window(server.arrivals, SECONDS) <= PER_MINUTE


def test_redis_is_asked_again_after_a_restart(name: str) -> None:
    with redis_server() as own:
        limiter = limiter_at(own.url)
        assert limiter.take(name, "w", 1).place
        own.stop()
        with pytest.raises(Exception, match="refused"):
            limiter.take(name, "w", 1)
        own.start()
        turn = limiter.take(name, "w", 1)
        assert turn.place  # it has forgotten the other one, and says how long it counts
        assert turn.age < HELD


def test_a_connection_to_postgres_that_was_cut_is_made_again(
    own_postgres: postgres.Server, name: str
) -> None:
    limiter = limiter_at(own_postgres.url)
    assert limiter.take(name, "w", 1).place
    connection = psycopg2.connect(own_postgres.url)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    connection.close()
    assert not limiter.take(name, "w", 1).place


def test_a_clock_that_is_put_back_costs_one_window(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(sqlite, "clock", lambda: now[0])
    limiter = limiter_at(f"sqlite:///{tmp_path}/budget.db")
    assert limiter.take(name, "w", 1).place
    now[0] -= 3_600
    turn = limiter.take(name, "w", 1)
    assert not turn.place
    assert turn.age == 0
    now[0] += LONGEST_HELD
    assert limiter.take(name, "w", 1).place


def test_a_file_from_where_we_are(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert limiter_at("sqlite:///relative.db").take(name, "w", 1).place
    assert (tmp_path / "relative.db").exists()


@pytest.mark.parametrize(
    "address",
    [
        "mysql://u:secret@host",
        "secret",
        "sqlite://secret.db",
        "redis://",
        "",
        "sqlite:///",
        "sqlite:///:memory:",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(BadSetting, match="must ") as found:
        Settings.of(shared_budget=address)
    assert "secret" not in str(found.value)


def test_an_address_that_a_driver_cannot_read_is_not_shown() -> None:
    with pytest.raises(BadSetting, match="no address of redis") as found:
        limiter_at("redis://:secret@host:secret/0")
    assert "secret" not in str(found.value)


@pytest.mark.parametrize(("scheme", "extra"), [("redis", "redis"), ("postgresql", "postgres")])
def test_a_driver_that_is_lacking_is_named(
    scheme: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(name: str) -> Mapping[str, object]:
        raise ImportError(name)

    monkeypatch.setattr(limiters, "import_module", lacking)
    with pytest.raises(BadSetting, match="is not installed") as found:
        limiter_at(f"{scheme}://:secret@nowhere.invalid")
    assert f"databuddy-source[budget-{extra}]" in str(found.value)
    assert "secret" not in str(found.value)


def test_settings_do_not_show_the_address() -> None:
    settings = Settings.of(shared_budget="redis://:a_password@host")
    assert "a_password" not in repr(settings) + str(settings)


def test_a_file_that_was_deleted_begins_anew_for_all(tmp_path: Path) -> None:
    file = tmp_path / "budget.db"
    one, other = (sqlite.limiter(f"sqlite:///{file}") for _ in range(2))
    assert one.take("b", "one", 1).place
    assert not other.take("b", "other", 1).place
    for each in tmp_path.glob("budget.db*"):
        each.unlink()
    turn = one.take("b", "one", 1)
    assert turn.place
    assert turn.age < 60, "what was taken before is forgotten, and who asks is told so"
    assert not other.take("b", "other", 1).place, "both count in the new file"
