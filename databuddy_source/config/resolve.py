"""dlt's configuration, the environment and what code hands over, resolved once, as typed values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from databuddy_source.config.keys import KEYS, SCOPE, SETTINGS
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.config.values import SECTION
from databuddy_source.errors import BadSetting


class Choices(NamedTuple):
    """All that a person chose for a run."""

    settings: Settings
    scope: Scope


def checked(**given: Any) -> Choices:
    """Values of the keys of `[sources.databuddy]` as typed ones; those that are None keep their
    default. Nothing is looked up.

    Raises:
        BadSetting: names the key, the value, and what is allowed.
        InsecureAddress: the key would travel over plain http to another machine.
    """
    settings = Settings.of(**{name: given[name] for name in given if name not in SCOPE})
    scope = Scope.of(**{name: given[name] for name in given if name in SCOPE})
    return Choices(settings, scope.checked(settings))


def resolved(**given: Any) -> Choices:
    """What dlt's configuration has, with `given` above it; a None stands for nothing given.

    Raises:
        BadSetting, InsecureAddress: see `checked`; a key is configured that nobody reads.
    """
    from databuddy_source import dlt_seam  # which takes a while, and the demo needs none
    from databuddy_source.config.spec import SPEC
    from databuddy_source.config.unknown_keys import refuse_unknown_keys

    refuse_unknown_keys(KEYS)
    found = dlt_seam.resolved(SPEC, *SECTION.split("."))
    return checked(**{**found, **{name: each for name, each in given.items() if each is not None}})


def configured(**given: Any) -> Settings:
    """The settings as dlt's configuration has them, with `given` ones above it.

    Raises:
        BadSetting, InsecureAddress: see `checked`.
    """
    _refuse(given, SCOPE, "is of one run and belongs to `scoped`")
    return resolved(**given).settings


def scoped(**given: Any) -> Scope:
    """The scope of a run as dlt's configuration has it, with `given` above it.

    Raises:
        BadSetting, InsecureAddress: see `checked`.
    """
    _refuse(given, SETTINGS, "lasts and belongs to `configured`")
    return resolved(**given).scope


def _refuse(given: Iterable[str], others: Collection[str], why: str) -> None:
    if wrong := sorted(set(given) & set(others)):
        raise BadSetting(f"{wrong[0]} {why}")
