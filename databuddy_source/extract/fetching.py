"""The fetchers of a run: one for each configured key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from databuddy_source.api.server import Server
from databuddy_source.config.connect import client_for
from databuddy_source.config.settings import Settings
from databuddy_source.fetch.fetcher import Fetcher
from databuddy_source.fetch.fetchers import Fetchers
from databuddy_source.fetch.pace import pace_for


def fetchers_for(
    settings: Settings,
    server: Server,
    count: Callable[[str, int, int], None] = lambda what, done, wanted: None,
) -> Fetchers:
    """What fetches the cells of all websites.

    Args:
        settings: what lasts.
        server: what it can do.
        count: see `Fetcher`.
    """
    own = settings.by_account()
    fetchers = {
        name: Fetcher(
            partial(client_for, part),
            server,
            pace_for(part.base_url, part.pack_size),
            count,
            len(own),
            server.refused.get(name, ""),
        )
        for name, part in own.items()
    }
    return Fetchers(fetchers, settings.account_of)
