"""What a person chose, as a client of the server and the budget that it keeps to."""

from __future__ import annotations

from databuddy_source.api.budget import Budget, budget_for
from databuddy_source.api.client import Client
from databuddy_source.config.settings import Settings


def budget_of(settings: Settings) -> Budget:
    """The budget that all clients of the configured key share in this process."""
    secret = settings.credential.api_key or settings.credential.session_cookie
    return budget_for(settings.base_url, secret, settings.requests_per_minute)


def client_for(settings: Settings) -> Client:
    """A client for the configured server and key."""
    return Client(settings.base_url, settings.credential, budget_of(settings))
