"""Destinations that cannot keep the promises are refused before anything is asked for."""

from __future__ import annotations

import sys

import dlt
import pytest
from dlt.common.destination import Destination

from databuddy_source.errors import UnfitDestination
from databuddy_source.warehouse.fitness import MODULES, refuse_unfit


@pytest.mark.parametrize("name", ["filesystem"])
def test_files_and_lakes_are_refused_and_the_way_to_files_is_named(name: str) -> None:
    with pytest.raises(UnfitDestination, match=r"cannot replace.*docs/destinations\.md"):
        refuse_unfit(Destination.from_reference(name))


@pytest.mark.parametrize(("name", "module"), [(n, m) for n, ms in MODULES.items() for m in ms])
def test_a_missing_extra_is_named(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnfitDestination, match=rf"needs .*{module}.*pip install '\.\[{name}\]'"):
        refuse_unfit(Destination.from_reference(name))


def test_postgres_is_refused_where_empty_texts_would_become_null(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_unfit(dlt.destinations.postgres())
    monkeypatch.setenv("DISABLE_ADBC_DETECTION", "true")
    with pytest.raises(UnfitDestination, match=r"an empty text and null.*ADBC driver"):
        refuse_unfit(dlt.destinations.postgres())
