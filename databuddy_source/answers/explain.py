"""What a report asks the API for: the request as it would be sent, and the server's SQL for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from databuddy_source.api.client import Client
from databuddy_source.api.models import CompileAnswer, QueryBody
from databuddy_source.api.requests import Request
from databuddy_source.api.server import run_alone
from databuddy_source.config.connect import client_for
from databuddy_source.config.resolve import configured
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting, DatabuddyError, NoSuchAddress
from databuddy_source.extract.session import Extraction
from databuddy_source.model import windows
from databuddy_source.model.reports import Cell
from databuddy_source.model.windows import ONE_DAY


@dataclass(frozen=True)
class Explanation:
    """One request, not sent.

    Attributes:
        url: with the query string.
        body: to be sent as JSON, by `POST`.
        questions: parameters of the request; the SQL is that of the first one.
        sql: that the server would run; None when it does not tell.
        sql_params: what it binds.
        why_no_sql: one sentence.
    """

    url: str
    body: object
    questions: int
    sql: str | None = None
    sql_params: object = None
    why_no_sql: str = ""


def explain(settings: Settings | None = None, day: date | None = None) -> Explanation:
    """The request that a sync would send for one report of one website.

    Args:
        settings: they choose one report. Of several websites the first one is taken. Default: as
            configured.
        day: in the report's time zone; its hours, or the week or month it is in, are asked for.
            Default: yesterday.

    Raises:
        BadSetting: several reports are chosen.
        UnknownQueryType, WrongReport: the server cannot give it.
        DatabuddyError: the server cannot be reached, or rejects the key.
    """
    settings = settings or configured()
    if len(settings.chosen_reports()) != 1:
        raise BadSetting("Several reports are chosen", "Name one report, such as top_pages.")
    extraction = Extraction(settings, Scope())
    ((chosen, website_ids),) = websites_of_reports(settings, lambda: extraction.server.websites)
    report = extraction.report(chosen.model_copy(update={"named": True}))
    assert report is not None  # a report that was named is there, or raises
    day = day or extraction.today(report) - ONE_DAY
    tiles = windows.tile(day, day, extraction.zone(report), report.grain, settings.weeks)
    cells = [Cell(website_ids[0], report, window) for window in tiles]
    bodies, request = extraction.fetcher.preview(cells)
    own = settings.of_website(website_ids[0])
    url = request.url(own.base_url)
    questions = sum(len(body.parameters) for body in bodies)
    try:
        answer = run_alone(lambda: _compiled(client_for(own), request, bodies))
    except NoSuchAddress:
        why = "This server has no /v1/query/compile, so it does not tell its SQL."
        return Explanation(url, request.body, questions, why_no_sql=why)
    except DatabuddyError as error:
        why = f"The server does not tell its SQL: {error}"
        return Explanation(url, request.body, questions, why_no_sql=why)
    return Explanation(url, request.body, questions, answer.sql, answer.params)


async def _compiled(client: Client, request: Request, bodies: Sequence[QueryBody]) -> CompileAnswer:
    async with client:
        return await client.compile(
            request.params["website_id"], bodies[0], request.params["timezone"]
        )
