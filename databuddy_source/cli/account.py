"""Which account a command works with: the configured one, or the demo's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import typer

from databuddy_source.clock import now
from databuddy_source.config.settings import DEFAULT_DAYS, Settings
from databuddy_source.extract.source import configured


def chosen(names: Sequence[str] | None, *, demo: bool) -> dict[str, Any]:
    """What `--report` names, as arguments of the source: configured reports and query types."""
    if not names:
        return {}
    own = {} if demo else {report.name: report for report in configured().reports}
    return {
        "query_types": [name for name in names if name not in own],
        "reports": [own[name].model_dump(mode="json") for name in names if name in own],
    }


@contextlib.contextmanager
def account(demo: bool, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What to pass to the source. The demo takes nothing from a real account's configuration."""
    if not demo:
        yield given
        return
    try:
        from databuddy_source.demo import DemoServer, Plan
    except ImportError as error:
        raise typer.BadParameter(f"--demo needs `pip install '.[demo]'` ({error})") from None
    with DemoServer(rate_limit=Plan.SERVER) as server:
        defaults = Settings()
        yield {
            "api_key": server.api_key,
            "session_cookie": "",
            "base_url": server.url,
            "allow_http": False,
            "allow_empty": False,
            "timezone": defaults.timezone,
            "weeks": defaults.weeks,
            "reports": [],
            "lookback_days": defaults.lookback_days,
            "start_date": now().date() - timedelta(days=DEFAULT_DAYS),
            "requests_per_minute": defaults.requests_per_minute,
            "pack_size": defaults.pack_size,
            **{key: value for key, value in given.items() if value is not None},
            "websites": given.get("websites") or [website.id for website in server.websites],
            "query_types": given.get("query_types") or "default",
        }
