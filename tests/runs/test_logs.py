"""What is said meanwhile is in the log of whoever runs us."""

from __future__ import annotations

import logging

import pytest

from databuddy_source import logs_to

OWN = logging.getLogger("databuddy_source")


def test_it_is_seen_where_it_is_looked_for_without_configuration(
    caplog: pytest.LogCaptureFixture,
) -> None:
    theirs = logging.getLogger("orchestrator.task")
    theirs.setLevel(logging.DEBUG)
    before = OWN.level, list(OWN.handlers)
    with logs_to(theirs):
        OWN.info("Loading %s first.", "100 %")
        OWN.warning("Odd.")
        OWN.debug("Nobody asked.")
    OWN.info("Nobody looks any more.")
    told = [
        (each.levelname, each.getMessage()) for each in caplog.records if each.name == theirs.name
    ]
    assert told == [("INFO", "Loading 100 % first."), ("WARNING", "Odd.")]
    assert (OWN.level, list(OWN.handlers)) == before


def test_an_error_lets_go_of_the_log() -> None:
    before = OWN.level, list(OWN.handlers)
    with pytest.raises(KeyError), logs_to(logging.getLogger("x")):
        raise KeyError
    assert (OWN.level, list(OWN.handlers)) == before
