"""What a person chose, as clients of servers and the budgets that they keep to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from databuddy_source.api.budget import Budget, budget_for
from databuddy_source.api.client import Client
from databuddy_source.api.limiter import Limiter, Turn
from databuddy_source.api.limiters import limiter_at
from databuddy_source.api.server import Server, first_contact, generation_of, run_alone
from databuddy_source.config.settings import Settings
from databuddy_source.errors import (
    AccessDenied,
    BadSetting,
    DatabuddyError,
    Retriable,
    ServerChanged,
)
from databuddy_source.model.generations import Generation

__all__ = [
    "Budgets",
    "Limiter",
    "Turn",
    "budget_of",
    "budgets_of",
    "client_for",
    "contact",
    "refuse_another_server",
    "warn_of_refused",
]

logger = logging.getLogger("databuddy_source")


def budget_of(settings: Settings) -> Budget:
    """The budget that all clients of the configured key share in this process, and where it is
    configured, with other processes.

    Raises:
        BadSetting: what the others share cannot be used.
    """
    secret = settings.credential.api_key or settings.credential.session_cookie
    shared = settings.shared_budget
    return budget_for(
        settings.base_url,
        secret,
        settings.requests_per_minute,
        limiter_at(shared) if isinstance(shared, str) else shared,
        settings.shared_budget_workers,
    )


def client_for(settings: Settings) -> Client:
    """A client for the configured server and key."""
    return Client(settings.base_url, settings.credential, budget_of(settings))


@dataclass(frozen=True)
class Budgets:
    """The budgets of all keys of a run, as one.

    Attributes:
        each: a budget for each key.
    """

    each: Sequence[Budget]

    @property
    def spent(self) -> int:
        """How many requests have left."""
        return sum(budget.spent for budget in self.each)

    @property
    def left(self) -> int:
        """How many may leave at once."""
        return sum(budget.left for budget in self.each)

    @property
    def per_minute(self) -> int:
        """How many may leave in a minute."""
        return sum(budget.per_minute for budget in self.each)


def budgets_of(settings: Settings) -> Budgets:
    """The budgets of all configured keys.

    Raises:
        BadSetting: what others share cannot be used.
    """
    found = [budget_of(each) for each in settings.by_account().values()]
    return Budgets(list({id(budget): budget for budget in found}.values()))


def contact(settings: Settings, *, listing: bool = True) -> Server:
    """Prove each key and learn what the server can do. A key that is rejected, or whose server is
    out of reach, keeps no other from being used.

    Args:
        settings: what lasts.
        listing: whether the list of websites is needed, see `first_contact`.

    Returns:
        What the accounts have in common, the websites that they see, and why some are refused.

    Raises:
        BadSetting: the servers of two accounts behave differently.
        KeyRejected, MissingScope, NoWebsites, Unreachable, ...: no key is accepted.
    """
    own = settings.by_account()
    if not settings.accounts:
        return run_alone(lambda: first_contact(client_for(settings), listing=listing))

    async def tried(part: Settings) -> Server | AccessDenied | Retriable:
        try:
            return await first_contact(client_for(part), listing=listing)
        except (AccessDenied, Retriable) as error:
            return error

    async def all_tried() -> list[Server | AccessDenied | Retriable]:
        return await asyncio.gather(*map(tried, own.values()))

    found = dict(zip(own, run_alone(all_tried), strict=True))
    servers = {name: each for name, each in found.items() if isinstance(each, Server)}
    errors = {name: each for name, each in found.items() if not isinstance(each, Server)}
    if not servers:
        raise next(iter(errors.values()))
    first = next(iter(servers))
    for name, server in servers.items():
        if server.generation is not servers[first].generation:
            raise BadSetting(
                f"The servers of the accounts {first} and {name} are of different generations "
                f"({servers[first].generation.called} and {server.generation.called})",
                "Sync one of them with a configuration and a dataset of its own.",
            )
    owners = {id_: name for name, part in own.items() for id_ in part.websites}
    return replace(
        servers[first],
        refused={name: str(error) for name, error in errors.items()},
        types={name: each for server in servers.values() for name, each in server.types.items()},
        # what only another account sees is none of this one's
        websites={
            id_: website
            for name, server in servers.items()
            for id_, website in server.websites.items()
            if owners.get(id_, name) == name
        },
    )


def refuse_another_server(settings: Settings, server: Server) -> None:
    """Refuse what was answered since a first contact when a server is of another generation by now:
    windows mean something else there, and so do some reports. A server that does not tell any more
    is believed to be the same.

    Args:
        settings: what lasts.
        server: as `contact` gave it.

    Raises:
        ServerChanged: it was upgraded, or put back.
    """
    own = settings.by_account()
    at = {part.base_url: part for name, part in own.items() if name not in server.refused}

    async def now() -> list[Generation | BaseException]:
        asked = (generation_of(client_for(part)) for part in at.values())
        return await asyncio.gather(*asked, return_exceptions=True)

    for found in run_alone(now):
        if isinstance(found, DatabuddyError):
            logger.info("Whether the server is still the same is not known: %s", found)
        elif isinstance(found, BaseException):
            raise found
        elif found is not server.generation:
            raise ServerChanged(
                f"The server was of {server.generation.called} when it was first asked and is of "
                f"{found.called} now, so what it answered in between is not believed"
            )


def warn_of_refused(server: Server) -> None:
    """Say in the log which accounts cannot be used.

    Args:
        server: as `contact` gives it.
    """
    for name, reason in server.refused.items():
        logger.warning("The account %s cannot be used, and the others are: %s", name, reason)
