"""The command `explain`: what a report asks the API for."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from databuddy_source.explanation import Explanation
from databuddy_source.explanation import explain as explanation_of
from pipelines.account import account, chosen
from pipelines.console import for_people
from pipelines.options import Demo, FirstDay, Verbose

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

        python pipelines/sync.py explain pages

        python pipelines/sync.py explain countries --website example.com --since 2026-01-31
    """
    given = {"websites": [website] if website else None, **chosen([report], demo=demo)}
    with for_people(verbose), account(demo, given) as arguments:
        _show(explanation_of(arguments, since.date() if since else None))


def _show(found: Explanation) -> None:
    # not through rich, which would read brackets as markup and break lines
    typer.echo(f"POST {found.url}")
    typer.echo(json.dumps(found.body, indent=2, ensure_ascii=False))
    typer.echo()
    if found.sql is None:
        typer.echo(found.why_no_sql)
        return
    if found.questions > 1:
        typer.echo(f"-- the first of {found.questions} questions")
    typer.echo(found.sql.strip())
    if found.sql_params:
        typer.echo(f"\n{json.dumps(found.sql_params, indent=2, ensure_ascii=False)}")
