"""What can go wrong, named by what the caller should do about it.

    DatabuddyError
    ├── BadConfiguration       a person has to change a setting or an option; nothing was loaded
    │   ├── BadSetting             a value that is not allowed
    │   ├── UnknownQueryType       a name that neither the catalogue nor the server knows
    │   ├── WrongReport            a report that this server cannot give
    │   ├── InsecureAddress        a key would travel unprotected
    │   ├── BadEnvironment         a variable that says how servers are reached
    │   ├── UnreadableFile         a file of the configuration that is no TOML, or called otherwise
    │   ├── TrackedSecrets         a file for keys that git tracks
    │   ├── UnfitDestination       a destination that cannot keep what is promised
    │   ├── OwnedBySource          a hint or a step that would make coverage untrue
    │   ├── NoDatabase             a DuckDB file that cannot be opened
    │   │   └── NewerFile          one that a newer DuckDB made
    │   ├── NoRoom                 a folder in which nothing can be written
    │   ├── NoState                one in which no local state can be kept
    │   ├── NothingLoaded          a warehouse without tables of ours
    │   ├── OtherDays              tables whose days were cut otherwise
    │   └── OtherReport            a table of a report that was defined otherwise
    ├── Fatal                  this run is over: something has to change outside of it
    │   ├── AccessDenied           the key, or its rights
    │   │   ├── NoKey
    │   │   ├── KeyRejected
    │   │   ├── NoWebsites
    │   │   └── NotIncluded            what the key's scopes or the plan lack
    │   │       ├── MissingScope
    │   │       └── NotInPlan
    │   ├── BadAnswer              an answer that is not the API's
    │   │   ├── NotTheApi              HTML, a redirect, an empty body: something else answered
    │   │   │   └── NoSuchAddress          404: this server does not have it
    │   │   └── UnexpectedAnswer       JSON of another shape
    │   ├── DestinationFails       what the warehouse refuses, or our rights in it
    │   └── NoExport               the server, which has none: there is another way
    ├── Retriable              the same may succeed later
    │   ├── Unreachable
    │   ├── TimedOut
    │   ├── ServerFailed
    │   ├── RateLimited
    │   ├── ServiceUnavailable     the server says when to come back
    │   ├── DestinationAway        the warehouse is out of reach, or fails for now
    │   ├── ServerChanged          the server was upgraded while it was asked
    │   ├── AlreadyRunning         another sync
    │   └── FileInUse              another program has the DuckDB file
    ├── Skippable              this cell or website cannot be had; the others can
    │   ├── WebsiteNotAccessible
    │   ├── RequestRefused
    │   └── TooLarge
    └── IncompleteLoad         all was loaded but some cells, which are named

Each error is one sentence on what happened, where, and one on what to do.
No error holds a request, a header or a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of the command line."""

    COMPLETE = 0
    """all complete"""
    FAILED = 1
    """failed: what to do stands in the last line"""
    WRONG_USAGE = 2
    """wrong usage or configuration: nothing was loaded"""
    INCOMPLETE = 3
    """loaded, but some cells failed or are truncated: they are named; of `verify`: a final cell
    differs, one got no answer, or there was none to compare; of `status`: something is lacking or
    too old; of `rebuild`: the new days lack something; of `export`: the server refused some
    files"""
    INTERRUPTED = 130
    """interrupted with Ctrl-C: the same command goes on"""
    TERMINATED = 143
    """terminated: the same command goes on"""


class Remedy(StrEnum):
    """What helps after an error, for those who decide whether to try again."""

    CHANGE = "change"
    """a person has to change something, and until then the same happens again"""
    RETRY = "retry"
    """the same may succeed later"""
    HEAL = "heal"
    """what was loaded is loaded: ask for what is lacking, and for nothing else"""


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


def without_window(reason: str) -> str:
    """What was said of a failure, without its window and its request: of several windows all else
    is the same.

    Args:
        reason: an error, as text.

    Raises:
        nothing.
    """
    return re.sub(r", (?:window|request) [^,()]+(?=[,)])", "", reason)


class DatabuddyError(Exception):
    """Base of everything this package raises on purpose.

    Args:
        what: one sentence, without a full stop, on what happened.
        todo: one sentence on what to do.
        where: website, report, window and request, as far as they are known.
        code: the API's own code, when it sent one.

    Attributes:
        exit: the code with which a command ends that met it.
        remedy: what helps.
    """

    default_todo = ""
    exit: ClassVar[Exit] = Exit.FAILED
    remedy: ClassVar[Remedy] = Remedy.CHANGE

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
    """A person has to change a setting or an option. Nothing was loaded."""

    exit = Exit.WRONG_USAGE


class BadSetting(BadConfiguration):
    """A configured value is not allowed."""


class UnknownQueryType(BadConfiguration):
    """Neither the catalogue nor the server knows this query type."""

    names: frozenset[str] = frozenset()
    """The types that the server says it does not know, as it was asked for them."""

    default_todo = "See `discover` for the names that this server has."


class WrongReport(BadConfiguration):
    """This server cannot give a report as it was configured."""

    default_todo = "Change it in sources.databuddy.reports, or leave it out."


class InsecureAddress(BadConfiguration):
    """The key would travel over plain http to another machine."""

    default_todo = (
        "Use https, or set sources.databuddy.allow_http = true for a server in a private network."
    )


class BadEnvironment(BadConfiguration):
    """A variable of the environment that says how servers are reached cannot be used."""

    default_todo = "Mend the variable, or unset it."


class UnreadableFile(BadConfiguration):
    """A file of the configuration is no TOML, or has another name than it should."""

    default_todo = "Mend it, or move it away."


class TrackedSecrets(BadConfiguration):
    """The file for secrets is under version control."""

    default_todo = "Take it out with `git rm --cached`, keep the file, and run this again."


class UnfitDestination(BadConfiguration):
    """The destination cannot replace partitions, or would fail at the first load."""

    default_todo = (
        "Use duckdb, ducklake, postgres, bigquery, snowflake, or another warehouse that knows the "
        "merge strategy delete-insert."
    )


class OwnedBySource(BadConfiguration):
    """A hint, a schema contract or a step of the caller's pipeline that would lose or repeat rows
    of which coverage says that they are there."""

    default_todo = "Leave it out."


class NoDatabase(BadConfiguration):
    """The DuckDB file cannot be opened at all."""

    default_todo = "Name another file in destination.duckdb.credentials, or mend this one."


class NewerFile(NoDatabase):
    """The DuckDB file was made by a newer DuckDB than the one at hand."""

    default_todo = (
        "Install the DuckDB that made it, or a newer one; or name another file in "
        "destination.duckdb.credentials."
    )


class NoRoom(BadConfiguration):
    """Nothing can be written where the DuckDB file, or a page, shall be."""

    default_todo = "Name a file elsewhere in destination.duckdb.credentials, or change its rights."


class NoState(BadConfiguration):
    """Nothing can be written where the local state shall be."""

    default_todo = (
        "Name another folder with --state-dir or DATABUDDY_STATE_DIR, or change its rights."
    )


class NothingLoaded(BadConfiguration):
    """The warehouse has no tables of ours."""

    default_todo = "Sync first, or name the destination and dataset that you synced into."


class OtherDays(BadConfiguration):
    """The tables hold windows that were cut in another time zone, or by a server of another
    generation. Mixed, they would count some visitors twice and others never."""

    default_todo = (
        "Set sources.databuddy.timezone back, load all days anew with `rebuild --timezone ZONE`, "
        "or sync into another dataset (--dataset)."
    )


class OtherReport(BadConfiguration):
    """A table holds rows of a report that was defined differently: another query type, grain,
    filters or first day of the week."""

    default_todo = (
        "Give the report another name, take what is there out with `remove --report`, or sync into "
        "another dataset (--dataset)."
    )


class Fatal(DatabuddyError):
    """This run is over, and so would be the next: something has to change outside of it."""


class AccessDenied(Fatal):
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
        "Check that the key is complete, not expired and has the scope read:data for the whole "
        "organisation: some servers let in no key of single websites."
    )


class NoWebsites(AccessDenied):
    """The key is accepted and sees no website."""

    default_todo = "Give the key access to a website, or to all, in Databuddy's settings."


class NotIncluded(AccessDenied):
    """The key is good, but its scopes or the plan of its owner do not include this."""


class MissingScope(NotIncluded):
    """The key is known but may not do this."""

    default_todo = "Give the key the scope read:data in Databuddy's settings."


class NotInPlan(NotIncluded):
    """The plan of the organisation that has the website does not include this."""

    default_todo = "Choose another plan in Databuddy, or leave these reports out."


class DestinationFails(Fatal):
    """The destination does not let us do what a sync does."""

    default_todo = "Check destination.*.credentials, or the destination itself."


class NoExport(Fatal):
    """The server exports nothing, or not for this credential."""

    default_todo = "Use `sync`, and export from the tables."


class Retriable(DatabuddyError):
    """The same may succeed later.

    Attributes:
        retry_after: seconds after which the server wants to be asked again, or None.
    """

    retry_after: float | None = None
    remedy = Remedy.RETRY


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


class ServiceUnavailable(Retriable):
    """The server is closed for a while, and says for how long (HTTP 503 with Retry-After, or
    with retryAfter in its body)."""

    default_todo = "Try again later."


class DestinationAway(Retriable):
    """The destination is out of reach, or fails with what may pass."""

    default_todo = "Make sure that it runs and can be reached, then run this again."


class ServerChanged(Retriable):
    """The server is of another generation than the one that its answers were asked of and read as.
    What it answered in between may be of either, so none of it is loaded."""

    default_todo = "Run this again."


class AlreadyRunning(Retriable):
    """Another process syncs into the same dataset: with the same pipeline, or the same website."""

    default_todo = "Wait until it is done, or use --wait."


class FileInUse(Retriable):
    """Another program has the DuckDB file open."""

    default_todo = "Close it there, or sync into another file, and run this again."


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


class BadAnswer(Fatal):
    """An answer that is not the API's."""


class NotTheApi(BadAnswer):
    """Something else answered: a proxy's page, a redirect, an empty body."""

    default_todo = "Check sources.databuddy.base_url, and any proxy on the way."


class NoSuchAddress(NotTheApi):
    """The server has nothing at this address."""


class UnexpectedAnswer(BadAnswer):
    """JSON, but of another shape than the API's."""

    default_todo = "The server may be of a version that is not known here; please report it."


class IncompleteLoad(DatabuddyError):
    """Some cells failed, are truncated or suspect. Everything else was loaded."""

    default_todo = "The next run asks for them again; the table `coverage` has the reasons."
    exit = Exit.INCOMPLETE
    remedy = Remedy.HEAL


def listed(names: Iterable[str]) -> str:
    """Names that others chose, for a sentence: sorted, long ones cut, and of many the first ones.

    Args:
        names: of websites, for example.
    """
    own = sorted(set(names))
    cut = [each if len(each) <= _LONGEST else f"{each[: _LONGEST - 1]}…" for each in own[:_MOST]]
    more = len(own) - len(cut)
    return (", ".join(cut) + (f" and {more} more" if more else "")) or "none"


_LONGEST, _MOST = 60, 20
"""Letters of a name, and names, in a sentence."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def remedy_of(error: BaseException) -> Remedy:
    """What helps after an error, also where a library has wrapped it in one of its own.

    Args:
        error: that ended a run.

    Returns:
        What the first error of this package among its causes says; of one that is none of ours
        nobody knows whether it passes, so the same is worth another try.

    Raises:
        nothing.
    """
    own = (each.remedy for each in causes(error) if isinstance(each, DatabuddyError))
    return next(own, Remedy.RETRY)
