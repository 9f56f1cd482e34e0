"""Small questions to a server: is it there, is the key accepted, does a query have an answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.models import Parameter, QueryBody, TypesAnswer, Website
from databuddy_source.api.retry import Patience
from databuddy_source.api.server import run_alone
from databuddy_source.clock import now
from databuddy_source.config.connect import client_for
from databuddy_source.config.settings import Settings
from databuddy_source.errors import NoWebsites, RequestRefused
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog

SHORT = Patience(unreachable=3.0, failing=3.0, answer=10.0, told_to_wait=10.0)
"""Seconds: somebody waits for the answer."""


@dataclass(frozen=True)
class Reached:
    """What a server tells anybody, with or without a key.

    Attributes:
        types: that it can be asked.
        clock_ahead: seconds by which its clock is ahead of ours, or None when it does not tell.
    """

    types: TypesAnswer
    clock_ahead: float | None

    @property
    def generation(self) -> Generation:
        """How the server behaves."""
        return self.types.generation


def reach(base_url: str) -> Reached:
    """Find out whether a Databuddy server is there. Sends no key.

    Raises:
        Unreachable, TimedOut, NotTheApi, ...: it is not.
    """

    async def ask() -> Reached:
        async with Client(base_url, None, Budget(1)) as client:
            types = await client.query_types(SHORT)
            return Reached(types, client.clock_ahead)

    return run_alone(ask)


def websites_of(settings: Settings) -> Mapping[str, Website]:
    """The websites that the configured key sees, by id.

    Raises:
        NoKey, KeyRejected, NoWebsites, Unreachable, ...: nothing can be loaded with it.
    """

    async def ask() -> list[Website]:
        async with client_for(settings) as client:
            return await client.websites(SHORT)

    seen = run_alone(ask)
    if not seen:
        raise NoWebsites("The server accepts the key, but the key sees no website")
    return {website.id: website for website in seen}


def query(settings: Settings, website_id: str, types: TypesAnswer) -> float:
    """Ask one question about today, which counts as one request of the rate limit. Only an answer
    proves the scope `read:data`.

    Returns:
        The seconds that it took.

    Raises:
        MissingScope, WebsiteNotAccessible, RequestRefused, ...: there was no answer.
    """
    name = load_catalog().spelled_for("summary_metrics", types.types) or types.types[0]
    today = now().date().isoformat()
    parameter = Parameter(name=name, id="check", start_date=today, end_date=today)
    body = QueryBody(id="check", parameters=[parameter], startDate=today, endDate=today, limit=1)

    async def ask() -> None:
        async with client_for(settings) as client:
            answer = (await client.query(website_id, [body], "UTC", SHORT)).get("check")
        if answer is None or not answer.success:
            reason = answer.error if answer else "it is missing in the answer"
            raise RequestRefused(f"The query {name} has no answer: {reason}")

    started = time.monotonic()
    run_alone(ask)
    return time.monotonic() - started
