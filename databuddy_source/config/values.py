"""Types of settings: what files, the environment and code hand over, as one value, and what is
said of a wrong one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from databuddy_source.clock import FIRST_DAY
from databuddy_source.errors import BadSetting

SECTION = "sources.databuddy"

DEFAULT_BASE_URL = "https://api.databuddy.cc/v1"


class Given(BaseModel):
    """What a person chose: some of the keys of `[sources.databuddy]`.

    Raises:
        BadSetting: names the key, the value, and what is allowed.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Check values; those that are None keep their default.

        Raises:
            BadSetting: names the key, the value, and what is allowed.
        """
        return cls(**{key: value for key, value in values.items() if value is not None})

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = first["msg"].removeprefix("Value error, ")
            if not first["loc"]:
                raise BadSetting(reason) from None
            key, value = _place(first["loc"], given)
            if first["type"] == "extra_forbidden":
                raise BadSetting(f"{SECTION}.{key} is not a setting") from None
            raise BadSetting(f"{SECTION}.{key} = {_shown(key, value)} is wrong: {reason}") from None


def _place(path: Sequence[int | str], given: Any) -> tuple[str, Any]:
    """The name of a setting, such as `reports[0].grain`, and its value."""
    name = ""
    for step in path:
        if isinstance(step, int):
            name += f"[{step}]"
        elif isinstance(given, dict):
            name += f".{step}" if name else step
        else:  # pydantic adds which member of a union it tried
            break
        try:
            given = given[step]
        except (KeyError, IndexError, TypeError):
            given = None
    return name, given


def _shown(key: str, value: object) -> str:
    """A value as a message may show it: an address may carry a password, a credential is one."""
    if key.startswith(("accounts", "credential", "shared_budget")) and not isinstance(value, int):
        return "***"
    if key == "base_url":
        value = re.sub(r"(?<=//)[^/]*@|[?#].*", "***", str(value), flags=re.DOTALL)
    return repr(value)


def as_address(value: str) -> str:
    """The address of a server's API, up to and including `/v1`."""
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.port != 0  # asking for a wrong port raises
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"http", "https"} or re.search(r"[\s\ud800-\udfff]", text):
        raise ValueError(f"must look like {DEFAULT_BASE_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address alone, without user, password, ? or #")
    return text if text.endswith("/v1") else text + "/v1"


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


def _day(value: object) -> date:
    # dlt hands over TOML dates as dates and environment variables as text
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, date):  # pydantic would take a number for seconds since 1970
        raise ValueError("must be a day such as 2026-01-31")
    if value < FIRST_DAY:
        raise ValueError(f"there is nothing before {FIRST_DAY}")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Day = Annotated[date, BeforeValidator(_day)]
