"""The command `explain`: what a report asks the API for."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from databuddy_source import Explanation
from databuddy_source import explain as explanation_of
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, visible
from databuddy_source.cli.options import Demo, FirstDay, Verbose

Report = Annotated[
    str,
    typer.Argument(help="Query type, such as top_pages or pages_weekly, or a configured report."),
]
OneWebsite = Annotated[
    str | None,
    typer.Option("--website", help="Id or domain. Default: the first one."),
]


def explain(
    report: Report,
    website: OneWebsite = None,
    since: FirstDay = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Show the request that REPORT sends for a day, and the SQL that the server runs for it.

    The key is not shown. The day is yesterday, or that of --since; of a weekly or monthly report
    it is the week or month around it.

    Examples:

        databuddy-source explain pages

        databuddy-source explain countries --website example.com --since 2026-01-31
    """
    websites = [website] if website else None
    with for_people(verbose), account(demo, [report], websites=websites) as choose:
        settings, _ = choose()
        _show(explanation_of(settings, since))


def _show(found: Explanation) -> None:
    # whole, and as they are: `out` is for lines of text
    lines = [f"POST {found.url}", _json(found.body), ""]
    if found.sql is None:
        lines.append(found.why_no_sql)
    else:
        if found.questions > 1:
            lines.append(f"-- the first of {found.questions} questions")
        lines.append(found.sql.strip())
        if found.sql_params:
            lines += ["", _json(found.sql_params)]
    typer.echo(visible("\n".join(lines)))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
