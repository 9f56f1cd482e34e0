"""What a person chose, as a client of the server and the budget that it keeps to."""

from __future__ import annotations

from databuddy_source.api.budget import Budget, budget_for
from databuddy_source.api.client import Client
from databuddy_source.api.limiter import Limiter, Turn
from databuddy_source.api.limiters import limiter_at
from databuddy_source.config.settings import Settings

__all__ = ["Limiter", "Turn", "budget_of", "client_for"]


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
