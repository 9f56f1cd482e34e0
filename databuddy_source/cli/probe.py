"""Small questions to a server: is it there, is the key accepted, does a query have an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import Parameter, QueryBody, TypesAnswer, Website
from databuddy_source.api.retry import Patience
from databuddy_source.api.server import lacks, run_alone, websites_seen
from databuddy_source.clock import now
from databuddy_source.config.connect import budget_of, client_for
from databuddy_source.config.settings import Settings
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    KeyRejected,
    NoSuchAddress,
    RequestRefused,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog

SHORT = Patience(unreachable=3.0, failing=3.0, answer=10.0, told_to_wait=10.0)
"""Seconds: somebody waits for the answer."""


CHECKS_AT_ONCE = 4
"""Websites that are asked side by side."""


@dataclass(frozen=True)
class Reached:
    """What a server tells before it is asked for data.

    Attributes:
        types: that it can be asked; None where it tells them to an accepted key only.
        clock_ahead: seconds by which its clock is ahead of ours, or None when it does not tell.
        healthy: what its `/health` says, or None where there is none. A hint only.
    """

    types: TypesAnswer | None
    clock_ahead: float | None
    healthy: bool | None = None

    @property
    def generation(self) -> Generation | None:
        """How the server behaves, as far as it is known."""
        return self.types.generation if self.types else None


def reach(base_url: str, credential: Credential | None = None) -> Reached:
    """Find out whether a Databuddy server is there.

    Args:
        base_url: of the server.
        credential: sent only where the list of types wants one, as it does in 2025.

    Raises:
        Unreachable, TimedOut, NotTheApi, ...: it is not.
    """

    async def lists_websites(client: Client) -> bool:
        try:
            await client.websites(SHORT)
        except AccessDenied:
            return True
        except DatabuddyError:
            return False
        return True

    async def ask(credential: Credential | None) -> Reached:
        async with Client(base_url, credential, Budget(1)) as client:
            types = None
            try:
                types = await client.query_types(SHORT)
            except KeyRejected:
                pass
            except NoSuchAddress as error:
                if await lists_websites(client):
                    raise lacks("query types", error) from error
                raise
            return Reached(types, client.clock_ahead, await client.health())

    found = run_alone(lambda: ask(None))
    return run_alone(lambda: ask(credential)) if credential and not found.types else found


def websites_of(settings: Settings) -> Mapping[str, Website]:
    """The websites that the configured key sees, by id.

    Raises:
        NoKey, KeyRejected, MissingScope, NoWebsites, ...: nothing can be loaded with it.
    """

    async def ask() -> Mapping[str, Website]:
        async with client_for(settings) as client:
            return await websites_seen(client, SHORT)

    return run_alone(ask)


def lost_budget(settings: Settings) -> str:
    """The kind of error for which the shared budget cannot be asked; empty where it answers. Takes
    one place for a minute.

    Raises:
        BadSetting: it cannot be used.
    """
    shared = budget_of(settings).shared
    if not shared:
        return ""

    async def ask() -> None:
        place = await shared.take(settings.requests_per_minute)
        if isinstance(place, str):
            await shared.land(place, 0.0)

    run_alone(ask)
    return shared.lost


@dataclass(frozen=True)
class Replies:
    """What came of one question about today to each website.

    Attributes:
        errors: by website; None where it was answered.
        seconds: for all of them.
    """

    errors: Mapping[str, DatabuddyError | None]
    seconds: float


def query(settings: Settings, website_ids: Sequence[str], types: TypesAnswer | None) -> Replies:
    """Ask each website one question about today. Each counts as one request of the rate limit.
    Only an answer proves the scope `read:data`.

    Raises:
        NoKey: none is configured.
    """
    listed = types.types if types else []
    name = load_catalog().spelled_for("summary_metrics", listed) or (
        listed[0] if listed else "summary_metrics"
    )
    today = now().date().isoformat()
    parameter = Parameter(name=name, id="check", start_date=today, end_date=today)
    body = QueryBody(id="check", parameters=[parameter], startDate=today, endDate=today, limit=1)

    async def error_of(client: Client, website_id: str) -> DatabuddyError | None:
        try:
            answer = (await client.query(website_id, [body], "UTC", SHORT)).get("check")
        except DatabuddyError as error:
            return error
        if answer is None or not answer.success:
            reason = answer.error if answer else "it is missing in the answer"
            return RequestRefused(f"The query {name} has no answer: {reason}")
        return None

    async def ask() -> dict[str, DatabuddyError | None]:
        turns = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def one(client: Client, website_id: str) -> DatabuddyError | None:
            async with turns:
                return await error_of(client, website_id)

        async with client_for(settings) as client:
            errors = await asyncio.gather(*(one(client, each) for each in website_ids))
        return dict(zip(website_ids, errors, strict=True))

    started = time.monotonic()
    return Replies(run_alone(ask), time.monotonic() - started)
