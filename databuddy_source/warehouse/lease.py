"""One sync at a time of each website of a dataset, from whichever machine.

Postgres has advisory locks for it, of the transaction that took them: they end with its connection,
however that ends. The one that holds them does nothing else, reads no rows, and so keeps none from
being vacuumed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from hashlib import blake2b
from time import monotonic, sleep
from typing import Any, Final

import dlt

from databuddy_source.dlt_seam import SqlClientBase, kind_of
from databuddy_source.errors import AlreadyRunning, DestinationAway
from databuddy_source.warehouse.lock import this_process

HAS_LOCKS: Final = frozenset({"postgres"})
"""The types of destinations that have advisory locks."""

LATELY: Final = 1.0
"""Seconds for which a lease that was held is believed to be, where no more than staging changes:
the last step of a load looks at its rows once more."""

PATIENCE: Final = 2.0
"""Seconds in which a server notices that a process has ended."""

_UNLIMITED: Final = {
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",  # since Postgres 17
}
"""A sync may take hours."""

_FAREWELL: Final = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # also where the server waits for the machine to confirm what it sent
    "tcp_user_timeout": "60000",
}
"""A machine that is gone says none: after a minute of silence the server lets go."""

_SEES_ALL: Final = {"row_security": "off"}
"""A statement fails where a policy would hide rows from it. What is hidden cannot be replaced, and
would be there twice."""

_TRY: Final = "SELECT pg_try_advisory_xact_lock(%s)"
_IS_HELD: Final = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
_HOLDER: Final = (
    "SELECT application_name, xact_start FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (classid::bigint << 32) | objid::bigint = %s"
)


def take_turn(client: SqlClientBase[Any]) -> None:
    """Wait until no other pipeline changes the tables of the dataset, and keep others from it until
    the transaction ends. Each statement after it sees what the others have done.

    Args:
        client: of a warehouse that has locks, in a transaction that has read nothing yet.
    """
    settings, values = _set(_FAREWELL | _SEES_ALL)
    client.execute_sql(
        f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {settings}; "
        "SELECT pg_advisory_xact_lock(%s)",
        *(*values, _key(client.dataset_name)),
    )


@contextmanager
def in_turn(client: SqlClientBase[Any]) -> Iterator[None]:
    """A transaction that takes its turn.

    Args:
        client: of a warehouse that has locks.
    """
    with client.begin_transaction():
        take_turn(client)
        yield


@contextmanager
def leased(
    pipeline: dlt.Pipeline, *, wait: bool = False, say: Callable[[str], None] = lambda _: None
) -> Iterator[Callable[[Collection[str]], None]]:
    """Keep syncs of the same pipeline away from the dataset, also those of other machines: they
    have one staging dataset and one state. On Postgres; elsewhere this does nothing.

    Args:
        pipeline: whose destination is made whole.
        wait: for another sync to be done; else it is an error.
        say: told whom we wait for.

    Yields:
        A function that keeps syncs of these websites away, too, until the end.

    Raises:
        AlreadyRunning: says who holds it.
    """
    destination: Any = pipeline.destination
    if not destination or kind_of(destination.destination_type) not in HAS_LOCKS:
        yield lambda _: None
        return
    with pipeline.sql_client() as client:
        lease = _Lease(client, wait, say)
        lease.begin()
        lease.take(f"pipeline {pipeline.pipeline_name}", "")
        destination.hold = lease.hold
        try:
            yield lease.take_websites
        finally:
            del destination.hold


class _Lease:
    def __init__(self, client: SqlClientBase[Any], wait: bool, say: Callable[[str], None]) -> None:
        self._client = client
        self._wait = wait
        self._say = say
        self._held_at = -LATELY

    def begin(self) -> None:
        """Begin the transaction, known by the name of this process."""
        own = {"application_name": this_process()}
        settings, values = _set({**_UNLIMITED, **_FAREWELL, **own})
        self._client.execute_sql(f"BEGIN; {settings}", *values)

    def take_websites(self, ids: Collection[str]) -> None:
        """In one order for everybody: nobody waits for who waits for him."""
        for website_id in sorted(ids):
            self.take(f"website {website_id}", f"of {website_id} ")

    def take(self, name: str, what: str) -> None:
        key = _key(self._client.dataset_name, name)
        began, told = monotonic(), False
        while not self._first(_TRY, key)[0]:
            if monotonic() - began >= PATIENCE:
                dataset = self._client.dataset_name
                who = f"Another sync {what}into {dataset} is running: {self._holder(key)}"
                if not self._wait:
                    raise AlreadyRunning(who)
                if not told:
                    self._say(f"{who}; waiting for it.")
                    told = True
            sleep(0.2)

    def hold(self, lately: float = 0.0) -> None:
        """Make sure that it is still held, before something is changed.

        Args:
            lately: so many seconds ago will do, too.

        Raises:
            DestinationAway: the connection broke, and another sync may run by now.
        """
        now = monotonic()
        if now - self._held_at < lately:
            return
        try:
            if self._first(_IS_HELD):
                self._held_at = now
                return
        except Exception as error:  # of the driver
            cause: Exception | None = error
        else:
            cause = None
        raise DestinationAway(
            f"The connection broke that kept other syncs away from {self._client.dataset_name}",
            "Run this again: it goes on where it was.",
        ) from cause

    def _holder(self, key: int) -> str:
        name, since = self._first(_HOLDER, key) or ("", None)
        begun = f", since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if since else ""
        return f"{name}{begun}" if name else "it has just begun"

    def _first(self, sql: str, *values: object) -> Any:
        found = self._client.execute_sql(sql, *values)
        return found[0] if found else ()


def _set(settings: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """SQL that sets them until the transaction ends, and its values. What an older server does not
    know is passed over."""
    rows = ", ".join(["(%s, %s)"] * len(settings))
    return (
        "SELECT set_config(name, value, true) FROM pg_settings "
        f"JOIN (VALUES {rows}) AS wanted(name, value) USING (name)",
        [word for each in settings.items() for word in each],
    )


def _key(*names: str) -> int:
    digest = blake2b("\0".join(("databuddy-source", *names)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
