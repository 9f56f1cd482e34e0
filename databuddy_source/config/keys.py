"""The names of the keys of `[sources.databuddy]`."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from databuddy_source.api.credential import Credential
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings

SECRETS: Final = tuple(field.name for field in fields(Credential) if field.name != "origin")
HIDDEN: Final = (*SECRETS, "shared_budget", "accounts")
"""What no log and no trace may show: secrets, and an address that may hold a password."""
SETTINGS: Final = (*SECRETS, *(name for name in Settings.model_fields if name != "credential"))
SCOPE: Final = tuple(Scope.model_fields)
KEYS: Final = (*SETTINGS, *SCOPE)
