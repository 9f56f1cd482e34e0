"""Which account a command works with: the configured one, or the demo's."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import typer

from databuddy_source.cli.journal import use_zone
from databuddy_source.clock import now
from databuddy_source.config.resolve import Choices, checked, configured_zone, resolved
from databuddy_source.config.values import SECTION
from databuddy_source.errors import BadConfiguration, BadSetting, causes
from databuddy_source.model.windows import DEFAULT_DAYS
from databuddy_source.warehouse.choice import chosen


class Choose(Protocol):
    """Gives what a person chose, once it is called; times are told in the configured zone then."""

    def __call__(self, pipeline: str | None = None) -> Choices:
        """What is chosen for the pipeline of this name; without one, for that of a sync that is
        given no options."""


OPTIONS: Mapping[str, str] = {
    "websites": "--website",
    "query_types": "--report",
    "since": "--since",
    "until": "--until",
    "base_url": "--server",
    "timezone": "--timezone",
}
"""What options are called that give a key."""


@contextlib.contextmanager
def told_as_options(given: Collection[str]) -> Iterator[None]:
    """What is wrong with a key that was given as an option is told by the option's name.

    Args:
        given: names of keys.
    """
    try:
        yield
    except Exception as error:
        for cause in causes(error):  # of which a load makes another one
            for key in given:
                if isinstance(cause, BadSetting) and (option := OPTIONS.get(key)):
                    cause.what = re.sub(rf"^{re.escape(SECTION)}\.{key}\b", option, cause.what)
        raise


@contextlib.contextmanager
def account(
    demo: bool, reports: Sequence[str] | None = None, *, asks: bool = True, **given: Any
) -> Iterator[Choose]:
    """What a command asks for, once it is called; the demo's server runs meanwhile, and takes
    nothing from a real account's configuration.

    Args:
        demo: work with a local server.
        reports: names of query types and of configured reports; None for those of the
            configuration.
        asks: whether the command asks the server anything; if not, the demo's need not run.
        given: options by the name of their key; what is None or empty was not given.
    """
    given = {name: value for name, value in given.items() if value not in (None, [], False)}
    with told_as_options([*given, "query_types"] if reports else given):
        yield from _accounts(demo, reports, given, asks=asks)


def _accounts(
    demo: bool, reports: Sequence[str] | None, given: dict[str, Any], *, asks: bool
) -> Iterator[Choose]:
    if not demo:
        yield partial(_configured, reports, given)
        return
    given = {"start_date": (now() - timedelta(days=DEFAULT_DAYS)).date(), **given}
    if reports:
        given["query_types"] = list(reports)
    if not asks:
        yield partial(_of_demo, given)
        return
    try:
        from databuddy_source.demo import DemoServer, Plan
    except ImportError as error:
        install = "pip install 'databuddy-source[demo]'"
        raise typer.BadParameter(f"--demo needs `{install}` ({error})") from None
    with DemoServer(rate_limit=Plan.SERVER) as server:
        websites = [website.id for website in server.websites]
        account = {"api_key": server.api_key, "base_url": server.url, "websites": websites}
        yield partial(_of_demo, {**account, **given})


def _configured(
    reports: Sequence[str] | None, given: Mapping[str, Any], pipeline: str | None = None
) -> Choices:
    if pipeline is None:
        with contextlib.suppress(BadConfiguration):  # of a destination that is not asked for
            pipeline = chosen().pipeline_name
    if zone := configured_zone(pipeline):  # early: what else is wrong is told in it
        use_zone(zone)
    return resolved(pipeline, **given, **_named(reports, given, pipeline))


def _of_demo(given: Mapping[str, Any], pipeline: str | None = None) -> Choices:
    choices = checked(**given)
    use_zone(choices.settings.timezone)
    return choices


def _named(
    names: Sequence[str] | None, given: Mapping[str, Any], pipeline: str | None
) -> dict[str, Any]:
    """Keys of the configuration that choose reports by their names."""
    if not names:
        return {}
    own = {report.name: report for report in resolved(pipeline, **given).settings.reports}
    return {
        "query_types": [name for name in names if name not in own],
        "reports": [own[name].model_dump(mode="json") for name in names if name in own],
    }
