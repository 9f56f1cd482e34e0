"""What a server can do: found out at the first contact of a run, not assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from databuddy_source.api.answers import SENTENCES
from databuddy_source.api.client import Client
from databuddy_source.api.models import TypeConfig, Website
from databuddy_source.api.retry import FIRST_CONTACT, Patience
from databuddy_source.clock import now
from databuddy_source.errors import (
    DatabuddyError,
    KeyRejected,
    MissingScope,
    NoSuchAddress,
    NoWebsites,
    WebsiteNotAccessible,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """One server, as one credential sees it.

    Attributes:
        generation: how it behaves; the newest known one where it is newer.
        types: what it can be asked, with what it says of each.
        websites: what the credential sees, by id. A configured website that is not in here may
            still answer (a public one does), but its silence proves nothing.
        newer: what it lists that no known generation does, where it is newer than all of them.
        clock_ahead: seconds by which its clock is ahead of ours, or None when it does not tell.
        refused: why single accounts cannot be used, by their names; where there is but one key,
            such a run ends at once.
    """

    generation: Generation
    types: Mapping[str, TypeConfig]
    websites: Mapping[str, Website]
    newer: tuple[str, ...] = ()
    clock_ahead: float | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def spelling(self, query_type: str) -> str | None:
        """What the server calls a query type, by its canonical name; None where it lacks it."""
        return load_catalog().spelled_for(query_type, self.types)

    def now(self) -> datetime:
        """This instant by its own clock, in UTC, never later; by ours where it does not tell."""
        return now() + timedelta(seconds=self.clock_ahead or 0.0)


async def websites_seen(client: Client, patience: Patience = FIRST_CONTACT) -> dict[str, Website]:
    """The websites that the key sees, by id.

    Raises:
        MissingScope: it may not list them.
        NoWebsites: there are none.
        KeyRejected, Unreachable, ...: the server does not tell.
    """
    try:
        websites = await client.websites(patience)
    except WebsiteNotAccessible as error:  # which is about no website here
        what = error.what.replace(SENTENCES[WebsiteNotAccessible], "The key may not list websites")
        todo = "Give it the scope read:data for the whole organisation in Databuddy's settings."
        raise MissingScope(what, todo, where=error.where, code=error.code) from None
    if not websites:
        raise NoWebsites("The server accepts the key, but the key sees no website")
    return {website.id: website for website in websites}


async def first_contact(client: Client, *, listing: bool = True) -> Server:
    """Prove the key by listing websites, then learn the types.

    Args:
        client: is entered and left.
        listing: whether the list is needed; if not, a key may see no website and read those that
            are named to it.

    Raises:
        KeyRejected, MissingScope, NoWebsites, Unreachable, ...: after about 10 s at the latest.
        NoSuchAddress: the server has one of the two lists, and not the other.
    """
    async with client:
        # side by side, so that a server that hangs is given up after one patience, not two
        asked = asyncio.create_task(client.query_types())
        try:
            try:
                websites = await websites_seen(client)
            except NoSuchAddress as error:
                await asked
                raise lacks("websites", error) from error
            except MissingScope:
                if listing:
                    raise
                websites = {}
            try:
                types = await asked
            # newer servers say 401 where they have nothing, and this key is accepted
            except (NoSuchAddress, KeyRejected) as error:
                raise lacks("query types", error) from error
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
    configs = {name: types.configs.get(name) or TypeConfig() for name in types.types}
    return Server(types.generation, configs, websites, types.newer, client.clock_ahead)


async def generation_of(client: Client) -> Generation:
    """Which server answers now. Asks for nothing that a limit counts.

    Args:
        client: is entered and left.

    Raises:
        KeyRejected, Unreachable, ...: after about 10 s at the latest.
    """
    async with client:
        return (await client.query_types()).generation


def lacks(what: str, error: DatabuddyError) -> NoSuchAddress:
    """What to say of a server that is there and does not have a list that each one had so far.

    Args:
        what: it lists.
        error: when it was asked for it.
    """
    return NoSuchAddress(
        f"This server answers, but has no list of its {what} where each known one has it",
        "It may be newer than this version: update databuddy-source, or report it.",
        where=error.where,
        code=error.code,
    )


def run_alone(work: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run async work to its end from code that is not async, also inside a notebook, whose own
    event loop is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
