"""Several keys, each for some of the websites: `[sources.databuddy.accounts.NAME]`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from databuddy_source.config.values import SECTION, Names, as_address

KEY: Final = "accounts"

_VARIABLE: Final = re.compile(
    f"{SECTION}.{KEY}.".upper().replace(".", "__") + r"([A-Z0-9_]+?)__([A-Z_]+)"
)


def _key(text: str) -> str:
    if not text.strip():
        raise ValueError("must be a key")
    if not (text.strip().isascii() and text.strip().isprintable()):
        raise ValueError("has a line break or a letter beyond ASCII")
    return text.strip()


def _ids(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name the websites of the account by their ids")
    if domains := [name for name in names if "." in name]:
        raise ValueError(f"must be ids, and {domains[0]} is a domain")
    return names


class Account(BaseModel):
    """One table of `[sources.databuddy.accounts]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: Annotated[str, AfterValidator(_key)] = Field(repr=False)
    """Of this account, with the scope `read:data`."""

    websites: Annotated[Names, AfterValidator(_ids)]
    """Ids of the websites that are asked for with this key. One that two accounts name is asked
    for with the key of the first."""

    base_url: Annotated[str, AfterValidator(as_address)] | None = None
    """Of this account's server. Default: that of the source."""


def as_accounts(value: object) -> dict[str, Any]:
    """Accounts by name, also from JSON text, which stands for them in an environment variable."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be tables, one an account") from None
    if not isinstance(value, Mapping):
        raise ValueError("must be tables, one an account")
    for name in value:
        if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", str(name)):
            raise ValueError(
                f"the name {name!r} must be small letters, digits and single underscores"
            )
    return dict(value)


def with_variables(found: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """What is configured, with the variables of single accounts above it, such as
    `SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY`: dlt reads all accounts from one place.

    Args:
        found: by the names of keys, as dlt gives them.
        environment: names and values of variables.
    """
    given: dict[str, dict[str, str]] = {}
    for variable, value in sorted(environment.items()):
        if (named := _VARIABLE.fullmatch(variable)) and named[2].lower() in Account.model_fields:
            given.setdefault(named[1].lower(), {})[named[2].lower()] = value
    if not given:
        return dict(found)
    try:
        configured = as_accounts(found.get(KEY) or {})
    except ValueError:  # the check of the key says what is wrong with it
        return dict(found)
    both = {**configured, **{name: {**configured.get(name, {}), **given[name]} for name in given}}
    return {**found, KEY: both}
