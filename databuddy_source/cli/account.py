"""Which account a command works with: the configured one, or the demo's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import typer

from databuddy_source.clock import now
from databuddy_source.config.resolve import Choices, checked, configured, resolved
from databuddy_source.model.windows import DEFAULT_DAYS


@contextlib.contextmanager
def account(
    demo: bool, reports: Sequence[str] | None = None, *, asks: bool = True, **given: Any
) -> Iterator[Callable[[], Choices]]:
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
    if not demo:
        yield lambda: resolved(**given, **_named(reports))
        return
    given = {"start_date": (now() - timedelta(days=DEFAULT_DAYS)).date(), **given}
    if reports:
        given["query_types"] = list(reports)
    if not asks:
        yield lambda: checked(**given)
        return
    try:
        from databuddy_source.demo import DemoServer, Plan
    except ImportError as error:
        install = "pip install 'databuddy-source[demo]'"
        raise typer.BadParameter(f"--demo needs `{install}` ({error})") from None
    with DemoServer(rate_limit=Plan.SERVER) as server:
        websites = [website.id for website in server.websites]
        account = {"api_key": server.api_key, "base_url": server.url, "websites": websites}
        yield lambda: checked(**{**account, **given})


def _named(names: Sequence[str] | None) -> dict[str, Any]:
    """Keys of the configuration that choose reports by their names."""
    if not names:
        return {}
    own = {report.name: report for report in configured().reports}
    return {
        "query_types": [name for name in names if name not in own],
        "reports": [own[name].model_dump(mode="json") for name in names if name in own],
    }
