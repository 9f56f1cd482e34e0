"""What helps after an error is said by its class, and never by its words."""

from __future__ import annotations

import pytest

from databuddy_source import (
    BadConfiguration,
    DatabuddyError,
    Exit,
    Fatal,
    IncompleteLoad,
    Remedy,
    Retriable,
    Skippable,
    remedy_of,
)
from databuddy_source.errors import KeyRejected, Unreachable


@pytest.mark.parametrize(
    ("kind", "remedy", "code"),
    [
        (BadConfiguration, Remedy.CHANGE, Exit.WRONG_USAGE),
        (Fatal, Remedy.CHANGE, Exit.FAILED),
        (KeyRejected, Remedy.CHANGE, Exit.FAILED),
        (Skippable, Remedy.CHANGE, Exit.FAILED),
        (Retriable, Remedy.RETRY, Exit.FAILED),
        (Unreachable, Remedy.RETRY, Exit.FAILED),
        (IncompleteLoad, Remedy.HEAL, Exit.INCOMPLETE),
    ],
)
def test_a_consequence_has_a_remedy_and_an_exit_code(
    kind: type[DatabuddyError], remedy: Remedy, code: Exit
) -> None:
    error = kind("It happened")
    assert (error.remedy, error.exit) == (remedy, code)
    assert remedy_of(error) is remedy


def test_what_a_library_wrapped_is_found() -> None:
    wrapped = RuntimeError("extract failed")
    wrapped.__cause__ = KeyRejected("No")
    assert remedy_of(wrapped) is Remedy.CHANGE
    assert remedy_of(OSError("disk")) is Remedy.RETRY
