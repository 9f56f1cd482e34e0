"""Types of settings: what files, the environment and code hand over, as one value."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator


def as_list(value: object) -> list[Any]:
    """A list, also from JSON text, which stands for one in an environment variable."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("looks like a JSON list but is not one") from None
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list")
    return list(value)


def _names(value: object) -> object:
    """A list of names; in text, JSON or with commas between them."""
    if isinstance(value, str) and not value.strip().startswith("["):
        value = [name for name in value.split(",") if name.strip()]
    listed = as_list(value) if isinstance(value, str | list | tuple) else [None]
    names = [name.strip() for name in listed if isinstance(name, str)]
    if len(names) < len(listed):
        raise ValueError('must be a list of names, such as ["one", "two"]')
    if not all(names):
        raise ValueError("has an empty name")
    return names


def _day(value: object) -> object:
    # dlt hands over TOML dates as dates and environment variables as text
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        with suppress(ValueError):
            return datetime.fromisoformat(value.strip()).date()
    if not isinstance(value, date):  # pydantic would take a number for seconds since 1970
        raise ValueError("must be a day such as 2026-01-31")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Day = Annotated[date, BeforeValidator(_day)]
