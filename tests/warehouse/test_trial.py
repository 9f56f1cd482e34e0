"""What is told of a warehouse that fails, and whether the same may succeed later."""

from __future__ import annotations

import psycopg2
import pytest
from dlt.destinations.exceptions import DatabaseTerminalException, DatabaseTransientException

from databuddy_source import Remedy, remedy_of
from databuddy_source.warehouse.trial import destination_failure


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ('connection to server at "db", port 5432 failed: Connection refused', Remedy.RETRY),
        ('could not translate host name "db" to address', Remedy.RETRY),
        ("SSL SYSCALL error: EOF detected", Remedy.RETRY),
        ("terminating connection due to administrator command", Remedy.RETRY),
        ("server closed the connection unexpectedly", Remedy.RETRY),
        ("FATAL:  the database system is starting up", Remedy.RETRY),
        ("FATAL:  sorry, too many clients already", Remedy.RETRY),
        ('FATAL:  password authentication failed for user "web"', Remedy.CHANGE),
        ('FATAL:  database "web" does not exist', Remedy.CHANGE),
        ("permission denied for schema web", Remedy.CHANGE),
        ("something that nobody knows", Remedy.CHANGE),
    ],
)
def test_an_outage_passes_and_a_wrong_password_does_not(words: str, remedy: Remedy) -> None:
    failure = destination_failure(psycopg2.OperationalError(words))
    assert failure
    assert remedy_of(failure) is remedy
    assert words.rstrip(".") in str(failure)


def test_what_dlt_takes_for_something_that_passes_is_worth_another_try() -> None:
    told = Exception("503 the service is overloaded")
    for kind, remedy in (
        (DatabaseTransientException, Remedy.RETRY),
        (DatabaseTerminalException, Remedy.CHANGE),
    ):
        failure = destination_failure(kind(told))
        assert failure
        assert remedy_of(failure) is remedy


def test_a_view_of_somebody_else_does_not_pass() -> None:
    """dlt takes it for something that does."""
    told = Exception("cannot drop table pages because other objects depend on it")
    failure = destination_failure(DatabaseTransientException(told))
    assert failure
    assert remedy_of(failure) is Remedy.CHANGE
    assert "Drop the view" in str(failure)


def test_what_is_none_of_a_warehouse_is_left_alone() -> None:
    assert destination_failure(ValueError("refused")) is None
