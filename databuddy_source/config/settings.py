"""The configuration section `sources.databuddy`, checked once, before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from databuddy_source import clock
from databuddy_source.api.credential import Credential, is_loopback
from databuddy_source.api.limiter import Limiter
from databuddy_source.api.limiters import scheme_of
from databuddy_source.config.accounts import Account, as_accounts
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.values import (
    DEFAULT_BASE_URL,
    SECTION,
    Day,
    Given,
    Names,
    as_address,
    as_list,
)
from databuddy_source.errors import BadSetting, InsecureAddress
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.windows import Weeks


class Settings(Given):
    """What lasts: keys of `[sources.databuddy]`, each with its meaning below it. What is of one
    run is a `Scope`.

    `docs/configuration.md` is made of both.
    """

    credential: Credential = Credential()

    base_url: str = Field(default=DEFAULT_BASE_URL, examples=["https://databuddy.example.com"])
    """Of the server, with or without `/v1`."""

    websites: Names = Field(default=(), examples=[["example.com", "blog.example.com"]])
    """Ids or domains. Default: all that the key sees, which costs one request when the source is
    built, as domains do; with ids nothing is asked before extraction."""

    accounts: Annotated[Mapping[str, Account], BeforeValidator(as_accounts)] = Field(
        default={}, repr=False
    )
    """Several keys in place of one, each for some of the websites: [several
    accounts](account.md#several-accounts). All of it belongs to `.dlt/secrets.toml`."""

    query_types: Names = Field(default=("default",), examples=[["top_pages", "country_weekly"]])
    """`"default"`, `"all"`, or names; `top_pages_weekly` is `top_pages` by week."""

    reports: Annotated[tuple[ReportSetting, ...], BeforeValidator(as_list)] = Field(
        default=(), examples=[[{"query_type": "top_pages", "grain": "month"}]]
    )
    """More reports: by hour, week or month, with filters, for some websites."""

    timezone: str = Field(default="UTC", examples=["Europe/Berlin"])
    """IANA name of the zone that cuts the days. A dataset keeps its zone until a `rebuild`."""

    weeks: Weeks = Field(default=Weeks.ISO, examples=["sunday"])
    """Weeks begin on Monday (`"iso"`) or on `"sunday"`."""

    start_date: Day | None = Field(default=None, examples=["2026-01-01"])
    """First day of the first sync. Default: 30 days ago. Moved earlier later on, the missing days
    are loaded."""

    lookback_days: Annotated[int, Field(ge=0, le=365)] = Field(default=3, examples=[7])
    """How many days before the newest one each sync asks for again, since late events change
    them."""

    allow_http: bool = Field(default=False, examples=[True])
    """Send the key over plain http to another machine."""

    requests_per_minute: Annotated[int, Field(ge=1, le=6000)] = Field(default=120, examples=[60])
    """What the plan allows. Fewer are sent when the server says that fewer remain."""

    shared_budget: str | SkipJsonSchema[Limiter] | None = Field(default=None, repr=False)
    """Where all processes that use the key count their requests together: an address such as
    `redis://:password@host`, `rediss://...` or `postgresql://user:password@host/database`, or for
    the processes of one machine `sqlite:///` and the path of a file. It belongs to
    `.dlt/secrets.toml`, like the key. In code also a `Limiter` of your own. Default: each process
    counts its own."""

    shared_budget_workers: Annotated[int, Field(ge=1, le=10_000)] = Field(default=8, examples=[20])
    """How many processes share the budget at most. While it cannot be asked, each keeps to one part
    in so many."""

    pack_size: Annotated[int, Field(ge=1, le=400)] = Field(default=100, examples=[50])
    """Questions that travel in one request at most. Above 100 to 200 the server's own query grows
    too long and it falls back to one by one, at 15 to 45 ms each."""

    scrub_requests: Annotated[int, Field(ge=0, le=100)] = Field(default=0, examples=[1])
    """Requests that each sync may send for a website only to prove old days again, besides those
    in which there is room for that anyway."""

    @classmethod
    def of(cls, *, api_key: Any = None, session_cookie: Any = None, **values: Any) -> Self:
        """Check values; those that are None keep their default.

        Raises:
            BadSetting: names the key, the value, and what is allowed.
            InsecureAddress: the key would travel over plain http to another machine.
        """
        with suppress(ValueError):  # what is no list has a message of its own
            if values.get("reports") is not None:
                values["reports"] = as_list(values["reports"])
        secrets = {"api_key": api_key or "", "session_cookie": session_cookie or ""}
        for name, secret in secrets.items():
            if not isinstance(secret, str):  # and is not shown
                raise BadSetting(f"{SECTION}.{name} is wrong: must be text")
        credential = Credential(**{name: str(text).strip() for name, text in secrets.items()})
        made = super().of(**values, credential=credential)
        if made.websites or not made.accounts:
            return made
        return made.model_copy(update={"websites": tuple(made._names_of_accounts())})

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return as_address(value)

    @field_validator("shared_budget")
    @classmethod
    def _store(cls, value: str | Limiter | None) -> str | Limiter | None:
        if isinstance(value, str):
            scheme_of(value)
        return value

    @field_validator("query_types")
    @classmethod
    def _query_types(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in {"default", "all"}:
                ReportSetting(query_type=name)  # type: ignore[call-arg]  # the others have defaults
        return names

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = zones_like(name)
            hint = f"; did you mean {' or '.join(near)}" if near else ""
            raise ValueError(f"must be an IANA time zone such as Europe/Berlin{hint}") from None
        return "UTC" if name in {"Etc/UTC", "Zulu", "Etc/Zulu", "UCT", "Etc/UCT"} else name

    @model_validator(mode="after")
    def _together(self) -> Self:
        urls = [each.base_url or self.base_url for each in self.accounts.values()]
        for url in urls or [self.base_url]:
            if urlsplit(url).scheme == "http" and not is_loopback(url) and not self.allow_http:
                raise InsecureAddress(f"The key would travel unprotected to {url}")
        if self.accounts:
            self._refuse_what_no_account_has()
        if self.start_date and self.start_date > clock.today(self.timezone):
            raise ValueError(f"start_date ({self.start_date}) is after today")
        if not self.query_types and not self.reports:
            raise ValueError(
                f'{SECTION}.query_types must be "default", "all", or names of query types'
            )
        names = [report.name for report in self.reports]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{SECTION}.reports has two reports called {min(twice)!r}")
        return self

    def _refuse_what_no_account_has(self) -> None:
        if self.credential.api_key or self.credential.session_cookie:
            raise ValueError(f"{SECTION}.accounts have their keys, and there is another besides")
        named = self._names_of_accounts()
        for name in (*self.websites, *(name for each in self.reports for name in each.websites)):
            if name not in named:
                raise ValueError(f"{SECTION}.websites has {name!r}, which no account names")

    def websites_of_accounts(self) -> tuple[str, ...]:
        """The ids of the websites that accounts name, which all are chosen where none is named
        besides."""
        return tuple(self._names_of_accounts())

    def _names_of_accounts(self) -> Mapping[str, str]:
        """The names of the accounts by the ids of their websites; of two that name one, the
        first."""
        found: dict[str, str] = {}
        for name, account in self.accounts.items():
            for id_ in account.websites:
                found.setdefault(id_, name)
        return found

    def account_of(self, website_id: str) -> str:
        """The name of the account that asks for a website; empty where there is but one key.

        Raises:
            BadSetting: there are several, and none names the website.
        """
        if not self.accounts:
            return ""
        try:
            return self._names_of_accounts()[website_id]
        except KeyError:
            raise BadSetting(f"No account in {SECTION}.accounts names {website_id!r}") from None

    def by_account(self) -> Mapping[str, Settings]:
        """The same with one key, by the names of accounts; itself where there is but one. What an
        account is not asked for is left out."""
        if not self.accounts:
            return {"": self}
        ids = {*self.websites, *(name for each in self.reports for name in each.websites)}
        own: dict[str, list[str]] = {}
        for id_, name in self._names_of_accounts().items():
            if id_ in ids:
                own.setdefault(name, []).append(id_)
        return {
            name: self.model_copy(
                update={
                    "accounts": {},
                    "credential": Credential(
                        account.api_key, origin=f"{SECTION}.accounts.{name}.api_key"
                    ),
                    "base_url": account.base_url or self.base_url,
                    "websites": tuple(own[name]),
                }
            )
            for name, account in self.accounts.items()
            if name in own
        }

    def of_website(self, website_id: str) -> Settings:
        """The same with the key that asks for a website.

        Raises:
            BadSetting: no account names it.
        """
        if not self.accounts:
            return self
        return self.by_account()[self.account_of(website_id)]

    def refuse_no_key(self) -> None:
        """Make sure that there is something to ask with.

        Raises:
            NoKey: there is not.
            BadSetting: the key cannot be sent.
        """
        for each in self.by_account().values():
            each.credential.headers()

    def chosen_reports(self) -> list[ReportSetting]:
        """All chosen reports, each once, in the order of the choice."""
        chosen: dict[str, ReportSetting] = {}
        for name in self.query_types:
            group = name in {"default", "all"}
            for each in load_catalog().selection(name) if group else [name]:
                report = ReportSetting.model_validate({"query_type": each, "named": not group})
                if report.name not in chosen or report.named:
                    chosen[report.name] = report
        return [*{**chosen, **{report.name: report for report in self.reports}}.values()]


def zones_like(name: str) -> list[str]:
    """IANA time zones that look like a wrong name, or are of such a city; best first."""
    zones = sorted(available_timezones())
    spelled = {zone.split("/")[-1].lower(): zone for zone in zones}
    spelled |= {zone.lower(): zone for zone in zones}
    wanted = name.strip().lower().replace(" ", "_")
    near = difflib.get_close_matches(wanted, spelled, n=3, cutoff=0.75)
    return list(dict.fromkeys(spelled[each] for each in near))
