"""What can go wrong, named by what the caller should do about it.

    DatabuddyError
    ├── BadConfiguration       a person has to change a setting; nothing was loaded
    │   ├── BadSetting             a value that is not allowed
    │   ├── UnknownQueryType       a name that neither the catalogue nor the server knows
    │   └── InsecureAddress        a key would travel unprotected
    ├── AccessDenied           a person has to change the key or its rights
    │   ├── NoKey
    │   ├── KeyRejected
    │   ├── MissingScope
    │   └── NoWebsites
    ├── Retriable              the same request may succeed later
    │   ├── Unreachable
    │   ├── TimedOut
    │   ├── ServerFailed
    │   └── RateLimited
    ├── Skippable              this cell or website cannot be had; the others can
    │   ├── WebsiteNotAccessible
    │   ├── RequestRefused
    │   └── TooLarge
    └── BadAnswer              an answer that is not the API's
        ├── NotTheApi              HTML, a redirect, an empty body: something else answered
        │   └── NoSuchAddress          404: this server does not have it
        └── UnexpectedAnswer       JSON of another shape

Each error is one sentence on what happened, where, and one on what to do.
No error holds a request, a header or a key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a failure. Empty parts are left out of the message."""

    url: str = ""
    website: str = ""
    report: str = ""
    window: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        parts = (
            ("", self.url),
            ("website ", self.website),
            ("report ", self.report),
            ("window ", self.window),
            ("request ", self.request_id),
        )
        return ", ".join(label + value for label, value in parts if value)


class DatabuddyError(Exception):
    """Base of everything this package raises on purpose.

    Args:
        what: one sentence, without a full stop, on what happened.
        todo: one sentence on what to do.
        where: website, report, window and request, as far as they are known.
        code: the API's own code, when it sent one.
    """

    default_todo = ""

    def __init__(
        self,
        what: str,
        todo: str = "",
        *,
        where: Where | None = None,
        code: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what.rstrip(".")
        self.todo = todo or self.default_todo
        self.where = where or Where()
        self.code = code

    def __str__(self) -> str:
        place = str(self.where)
        return " ".join(
            part
            for part in (
                f"{self.what} ({place})." if place else f"{self.what}.",
                self.todo,
            )
            if part
        )

    def at(self, *, website: str = "", report: str = "", window: str = "") -> DatabuddyError:
        """Add the place that only a caller further up knows. Returns the same error."""
        self.where = replace(
            self.where,
            website=self.where.website or website,
            report=self.where.report or report,
            window=self.where.window or window,
        )
        return self


class BadConfiguration(DatabuddyError):
    """A person has to change a setting. Nothing was sent or loaded."""


class BadSetting(BadConfiguration):
    """A configured value is not allowed."""


class UnknownQueryType(BadConfiguration):
    """Neither the catalogue nor the server knows this query type."""

    default_todo = "See `discover` for the names that this server has."


class InsecureAddress(BadConfiguration):
    """The key would travel over plain http to another machine."""

    default_todo = (
        "Use https, or set sources.databuddy.allow_http = true for a server in a private network."
    )


class AccessDenied(DatabuddyError):
    """A person has to change the key or its rights. Asking again is of no use."""


class NoKey(AccessDenied):
    """No credential is configured."""

    default_todo = (
        "Run `init`, or set SOURCES__DATABUDDY__API_KEY, or api_key under [sources.databuddy] in "
        ".dlt/secrets.toml."
    )


class KeyRejected(AccessDenied):
    """The server does not accept the key. It says the same for a wrong, an expired
    and a rightless key."""

    default_todo = (
        "Check that sources.databuddy.api_key is complete, not expired and has the scope read:data."
    )


class MissingScope(AccessDenied):
    """The key is known but may not do this."""

    default_todo = "Give the key the scope read:data in Databuddy's settings."


class NoWebsites(AccessDenied):
    """The key is accepted and sees no website."""

    default_todo = "Give the key access to a website, or to all, in Databuddy's settings."


class Retriable(DatabuddyError):
    """The same request may succeed later.

    Args:
        retry_after: seconds after which the server wants to be asked again, or None.
    """

    def __init__(
        self,
        what: str,
        todo: str = "",
        *,
        where: Where | None = None,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, todo, where=where, code=code)
        self.retry_after = retry_after


class Unreachable(Retriable):
    """No connection, or one that broke."""

    default_todo = "Check sources.databuddy.base_url and the network."


class TimedOut(Retriable):
    """The server did not answer in time."""

    default_todo = "The server may be busy: try again later."


class ServerFailed(Retriable):
    """The server says it failed (HTTP 5xx)."""

    default_todo = "Try again later; the request id helps whoever runs the server."


class RateLimited(Retriable):
    """More requests than the plan allows."""

    default_todo = (
        "Lower sources.databuddy.requests_per_minute, or stop other programs that use this key."
    )


class Skippable(DatabuddyError):
    """This cell or website cannot be had. The others can."""


class WebsiteNotAccessible(Skippable):
    """The website does not exist or the key may not see it: the API does not tell which."""

    default_todo = "Check the id under sources.databuddy.websites and what the key may see."


class RequestRefused(Skippable):
    """The server calls the request wrong (HTTP 4xx)."""

    default_todo = "If the configuration is right, the server and this version do not match."


class TooLarge(Skippable):
    """The answer has more bytes than are read at once. Half the question may have fewer."""

    default_todo = "Ask for less at once: another grain, or filters."


class BadAnswer(DatabuddyError):
    """An answer that is not the API's."""


class NotTheApi(BadAnswer):
    """Something else answered: a proxy's page, a redirect, an empty body."""

    default_todo = "Check sources.databuddy.base_url, and any proxy on the way."


class NoSuchAddress(NotTheApi):
    """The server has nothing at this address."""


class UnexpectedAnswer(BadAnswer):
    """JSON, but of another shape than the API's."""

    default_todo = "The server may be of a version that is not known here; please report it."
