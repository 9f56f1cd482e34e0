"""Stores that count the requests of many processes."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Final, NamedTuple

from databuddy_source.api.limiter import Limiter
from databuddy_source.errors import BadSetting


class _Store(NamedTuple):
    """A kind of store.

    Attributes:
        module: beside this one; has `limiter(url)`.
        extra: what installs its driver; empty where Python brings it.
    """

    module: str
    extra: str


STORES: Final = {
    "sqlite": _Store("sqlite", ""),
    "postgresql": _Store("postgres", "budget-postgres"),
    "postgres": _Store("postgres", "budget-postgres"),
    "redis": _Store("redis", "budget-redis"),
    "rediss": _Store("redis", "budget-redis"),
}
"""By the scheme of the address."""


def scheme_of(url: str) -> str:
    """What an address begins with.

    Raises:
        ValueError: no store has such addresses. Its words do not have the address.
    """
    scheme, mark, rest = url.partition("://")
    if scheme not in STORES or not mark or not rest:
        raise ValueError("must begin with redis://, rediss://, postgresql:// or sqlite:///")
    if scheme == "sqlite" and (not rest.startswith("/") or rest[1:] in {"", ":memory:"}):
        raise ValueError(
            "must have three slashes and the path of a file, such as sqlite:////var/lib/budget.db"
        )
    return scheme


@functools.cache
def limiter_at(url: str) -> Limiter:
    """The store at an address, once for a process. Nothing is connected yet.

    Raises:
        BadSetting: the driver is not installed, or cannot read the address.
    """
    store = STORES[scheme_of(url)]
    try:
        made: Limiter = import_module(f"{__name__}.{store.module}").limiter(url)
    except ImportError:
        raise BadSetting(
            f"sources.databuddy.shared_budget needs a driver for {store.module}, "
            "which is not installed",
            f"Install the extra: pip install 'databuddy-source[{store.extra}]'.",
        ) from None
    except ValueError as error:  # its words may have the password
        raise BadSetting(
            f"sources.databuddy.shared_budget is wrong: no address of {store.module} "
            f"({type(error).__name__})"
        ) from None
    return made
