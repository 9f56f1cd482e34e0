"""Packs to the bodies of a request, as servers of a generation read them. No requests here."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from databuddy_source.api.models import Filter, Parameter, QueryBody
from databuddy_source.fetch.packing import Pack, Question
from databuddy_source.model import windows
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Condition
from databuddy_source.model.windows import Grain


def bodies_of(pack: Pack, generation: Generation) -> list[QueryBody]:
    """The bodies of one request. `limit` and `page` hold for a whole body, so questions that
    differ in them go into bodies of their own; an array of bodies still is one request."""

    def form(named: tuple[str, Question]) -> tuple[int, int, str, tuple[str, ...], str]:
        name, question = named
        return (*_form(question), name if question.apart else "")

    by_form = sorted(pack.named().items(), key=form)
    bodies = []
    for number, ((limit, page, *_), group) in enumerate(groupby(by_form, key=form)):
        named = list(group)
        parameters = [_parameter(name, question, generation) for name, question in named]
        bodies.append(
            QueryBody(
                id=f"b{number}",
                parameters=parameters,
                startDate=min(parameter.start_date for parameter in parameters),
                endDate=max(parameter.end_date for parameter in parameters),
                limit=limit,
                page=page,
                filters=[filter_of(each, generation) for each in named[0][1].conditions],
            )
        )
    return bodies


def _form(question: Question) -> tuple[int, int, str, tuple[str, ...]]:
    return question.limit, question.page, question.report.filters_text or "", question.without


def filter_of(condition: Condition, generation: Generation) -> Filter:
    """The filter as servers of a generation spell it, which has to have the operator."""
    value = list(condition.value) if isinstance(condition.value, tuple) else condition.value
    return Filter(field=condition.field, op=generation.operators[condition.op], value=value)


def _parameter(name: str, question: Question, generation: Generation) -> Parameter:
    query_type, window = question.report.query_type, question.cells[-1].window
    start, end = question.span
    if days := query_type.trailing_days:
        first = window.last_date - timedelta(days=days - 1)
        start = min(start, windows.day_start(first, ZoneInfo(window.zone)))
    # what comes before or after a range is dropped
    if question.bucketed and query_type.margin_days:
        sent = windows.plain_dates(start, end, question.timezone, query_type.margin_days)
    else:
        sent = windows.date_range(
            start,
            end,
            window.zone,
            offsets=generation.takes_offsets,
            beyond=question.bucketed or query_type.end_is_midnight,
        )
    return Parameter(
        name=question.spelling,
        id=name,
        start_date=sent.start,
        end_date=sent.end,
        granularity="hourly" if question.labelled is Grain.HOUR else None,
    )
