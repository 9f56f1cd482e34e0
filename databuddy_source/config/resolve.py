"""dlt's configuration, the environment and what code hands over, resolved once, as typed values."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from databuddy_source.config.accounts import with_variables
from databuddy_source.config.keys import KEYS, SCOPE, SECRETS, SETTINGS
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


def resolved(pipeline: str | None = None, /, **given: Any) -> Choices:
    """What dlt's configuration has, with `given` above it; a None stands for nothing given.

    Args:
        pipeline: the name of the one whose own section is above the common one; None for the
            active one's.
        given: by key.

    Raises:
        BadSetting, InsecureAddress: see `checked`; a key is configured that nobody reads.
    """
    from databuddy_source import dlt_seam  # which takes a while, and the demo needs none
    from databuddy_source.config.spec import SPEC
    from databuddy_source.config.unknown_keys import refuse_unknown_keys

    refuse_unknown_keys(KEYS)
    found = dlt_seam.resolved(SPEC, *SECTION.split("."), pipeline=pipeline)
    found = with_variables(found, os.environ)
    given = {name: each for name, each in given.items() if each is not None}
    choices = checked(**{**found, **given})
    secrets = choices.settings.credential
    # one that is there and empty hides those behind it
    used = next((name for name in SECRETS if getattr(secrets, name)), SECRETS[0])
    if used in given:
        return choices
    origin = dlt_seam.origin_of(used, *SECTION.split("."), pipeline=pipeline)
    credential = replace(secrets, origin=origin)
    settings = choices.settings.model_copy(update={"credential": credential})
    return choices._replace(settings=settings)


def configured_zone(pipeline: str | None = None) -> str | None:
    """The configured time zone, also where other keys are wrong; None where it is wrong itself.

    Args:
        pipeline: see `resolved`.
    """
    from databuddy_source import dlt_seam
    from databuddy_source.config.spec import SPEC

    found = dlt_seam.resolved(SPEC, *SECTION.split("."), pipeline=pipeline)
    try:
        return Settings.of(timezone=found["timezone"]).timezone
    except BadSetting:
        return None


def configured(**given: Any) -> Settings:
    """The settings as dlt's configuration has them: files, environment, vaults, and the section
    of the active pipeline above the common one.

    Args:
        given: by the name of a field of `Settings`, `api_key` or `session_cookie`; wins over what
            is configured. None stands for nothing given.

    Returns:
        Settings for `sync`, `status` and the like.

    Raises:
        BadSetting: names the key, the value, and what is allowed; a key is configured that nobody
            reads, or `given` has one of `Scope`.
        InsecureAddress: the key would travel over plain http to another machine.
    """
    _refuse(given, SCOPE, "is of one run and belongs to `scoped`")
    return resolved(**given).settings


def scoped(**given: Any) -> Scope:
    """The scope of a run as dlt's configuration has it, see `configured`.

    Args:
        given: by the name of a field of `Scope`; wins over what is configured. None stands for
            nothing given. Days are dates or `YYYY-MM-DD`, in the configured time zone.

    Returns:
        A scope for `sync` and the like.

    Raises:
        BadSetting: names the key, the value, and what is allowed; `since` is after today; a key is
            configured that nobody reads, or `given` has one of `Settings`.
        InsecureAddress: the settings, which are checked with it, are wrong.
    """
    _refuse(given, SETTINGS, "lasts and belongs to `configured`")
    return resolved(**given).scope


def _refuse(given: Iterable[str], others: Collection[str], why: str) -> None:
    if wrong := sorted(set(given) & set(others)):
        raise BadSetting(f"{wrong[0]} {why}")
