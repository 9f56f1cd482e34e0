"""Answers the queries of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from databuddy_source.demo.bodies import Body, Parameter, RefusedError
from databuddy_source.demo.faults import Faults, Row
from databuddy_source.demo.filters import Filter
from databuddy_source.demo.generations import Behaviour
from databuddy_source.demo.queries import Query, queries
from databuddy_source.demo.scopes import Scope, Scopes
from databuddy_source.demo.windows import (
    Granularity,
    ImpossibleDateError,
    UnreadableDateError,
    Window,
    instants,
    plain_days,
)

_ACTIVE = timedelta(minutes=5)


class CellError(Exception):
    """One parameter fails; the others are answered."""


class ThrownError(RefusedError):
    """A query that throws takes its whole body with it."""

    def __init__(self, message: str) -> None:
        super().__init__(500, "INTERNAL_SERVER_ERROR", message)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parameter that can be run. `timezone` is the request's."""

    parameter: Parameter
    query: Query
    scope: Scope
    timezone: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Runs queries of one generation over a store's windows."""

    of: Behaviour
    scopes: Scopes
    faults: Faults

    @property
    def known(self) -> Mapping[str, Query]:
        """The query types that can be asked."""
        vanished = self.faults.vanished
        known = queries(self.of.name)
        added = {name: replace(known[like], name=name) for name, like in self.faults.types.items()}
        return {name: query for name, query in known.items() if name not in vanished} | added

    def answer(
        self, body: Body, websites: tuple[str, ...], timezone: str, now: datetime
    ) -> dict[str, object]:
        """The envelope of one query, but for `success`; without a website all answers are empty.

        `now` is naive UTC. Raises ThrownError when the query as a whole fails.
        """
        # Results are kept by id, so parameters that share an id share the last one's rows. Those
        # that fail before they run are kept first.
        results: dict[str, dict[str, object] | None] = {}
        prepared: list[Prepared] = []
        for parameter in body.parameters:
            try:
                prepared.append(self._prepare(parameter, body, websites, timezone, now))
            except CellError as error:
                results[parameter.id] = _failure(parameter.id, error)
        self._throw_for_long_hourly_windows(prepared)
        for cell in prepared:
            results[cell.parameter.id] = self._result(cell, body, websites, now)
        kept = (results[parameter.id] for parameter in body.parameters)
        return _envelope(body, [result for result in kept if result is not None])

    @staticmethod
    def thrown(body: Body, message: str) -> dict[str, object]:
        """What stands in an array where a query has thrown: one entry, without any id."""
        return _envelope(body, [_failure(body.raw_parameters[0], message)])

    def compiled(self, cell: Prepared, body: Body, now: datetime) -> tuple[str, dict[str, object]]:
        """The SQL of a cell, and the values it binds."""
        sql = self.scopes.statement(cell.query.page_sql(body.limit, body.page), cell.scope)
        window = cell.scope.window
        if self.of.windows_in_zone:
            sql = _with_ends_in_zone(sql)
            window = window.wall(ZoneInfo(cell.timezone))
        values: dict[str, object] = {
            **cell.scope.whose,
            "first": str(window.start),
            "last": str(window.end),
            "now": str(now),
            "timezone": cell.timezone,
            "labels": self._labels(cell),
            **{f"filter{i}": given.value for i, given in enumerate(cell.scope.filters)},
        }
        named = {name for name in values if f"${name}" in sql}
        if cell.query.zone_in_params:
            named.add("timezone")
        return sql, {name: value for name, value in values.items() if name in named}

    def prepare(
        self, body: Body, websites: tuple[str, ...], timezone: str, now: datetime
    ) -> Prepared:
        """The first parameter of a query, ready to run. Raises CellError."""
        return self._prepare(body.parameters[0], body, websites, timezone, now)

    def rows(self, cell: Prepared, body: Body, now: datetime) -> list[Row]:
        """The rows of a cell with JSON values. Raises CellError."""
        if cell.query.fails:
            raise CellError(self.of.query_error or cell.query.fails)
        sql = cell.query.page_sql(body.limit, body.page)
        rows = self.scopes.rows(sql, cell.scope, now, self._labels(cell))
        return [{name: _as_json(value) for name, value in row.items()} for row in rows]

    @staticmethod
    def _labels(cell: Prepared) -> list[str]:
        granularity: Granularity = "hourly" if cell.scope.granularity == "hourly" else "daily"
        if "buckets" not in cell.query.after_limit:
            return []
        return list(cell.scope.window.labels(granularity, cell.scope.timezone))

    def _prepare(
        self,
        parameter: Parameter,
        body: Body,
        websites: tuple[str, ...],
        timezone: str,
        now: datetime,
    ) -> Prepared:
        query = self.known.get(parameter.name)
        if query is None:
            raise CellError(f"Unknown query type: {parameter.name}")
        if body.limit > self.of.max_limit:
            raise CellError(f"Limit must be between 1 and {self.of.max_limit}")
        filters = self._filters(body, query)
        if query.needs_filter and query.needs_filter not in {given.field for given in filters}:
            raise CellError(f"{query.needs_filter} filter is required for {query.name} query")
        window = self._window(parameter, body, query, timezone)
        if query.window == "now":
            window = Window(now - _ACTIVE, now)
        hourly = parameter.granularity in ("hourly", "hour")
        scope = Scope(
            websites,
            window,
            filters,
            timezone if self.of.buckets_in_zone else "UTC",
            "hourly" if hourly else "daily",
            self.faults.hidden(websites, query.name),
        )
        return Prepared(parameter, query, scope, timezone)

    def _filters(self, body: Body, query: Query) -> tuple[Filter, ...]:
        allowed = [given for given in body.filters if given.field in query.allowed_filters]
        refused = [given for given in body.filters if given not in allowed]
        if refused and not self.of.drops_filters:
            raise CellError(
                f"Filter on field '{refused[0].field}' is not permitted. "
                f"Allowed fields: {', '.join(query.allowed_filters)}"
            )
        return tuple(allowed)

    def _window(self, parameter: Parameter, body: Body, query: Query, timezone: str) -> Window:
        start, end = parameter.start or body.start, parameter.end or body.end
        if not start or not end:
            raise CellError("Missing project_id, start_date, or end_date")
        zone = ZoneInfo(timezone)
        try:
            if self.of.takes_times:
                window = instants(start, end)
                return window.as_wall_time_of(zone) if self.of.windows_in_zone else window
            moved_by = zone if query.local_window else None
            return plain_days(start, end, midnight_end=query.midnight_end, zone=moved_by)
        except (ImpossibleDateError, UnreadableDateError, OverflowError) as error:
            if self.of.takes_times:
                raise CellError("Invalid parameter date range") from error
            raise CellError(f"Cannot parse string '{error}' as DateTime") from error

    def _result(
        self, cell: Prepared, body: Body, websites: tuple[str, ...], now: datetime
    ) -> dict[str, object] | None:
        """None when the answer is to lack this cell."""
        day = cell.scope.window.start.date()
        only = websites[0] if len(websites) == 1 else None
        fault = self.faults.of_cell(only, cell.query.name, day)
        if fault and fault.throws:
            raise ThrownError("Internal server error")
        try:
            if fault and fault.left_out:
                return None
            if fault and fault.parameter_error is not None:
                raise CellError(fault.parameter_error)
            rows = self.rows(cell, body, now) if websites else []
        except CellError as error:
            return _failure(cell.parameter.id, error)
        return {
            "parameter": cell.parameter.id,
            "success": True,
            "data": fault.replaced(rows) if fault else rows,
        }

    def _throw_for_long_hourly_windows(self, cells: list[Prepared]) -> None:
        most = self.of.max_hourly_days
        for cell in cells:
            hourly = cell.scope.granularity == "hourly"
            if most is not None and hourly and cell.scope.window.days > most:
                raise ThrownError(f"Hourly granularity only supports up to {most} days")


def _envelope(body: Body, data: list[dict[str, object]]) -> dict[str, object]:
    # Failures last, however they were asked.
    data.sort(key=lambda result: not result["success"])
    meta = {
        "parameters": body.raw_parameters,
        "total_parameters": len(body.parameters),
        "page": body.page,
        "limit": body.limit,
        "filters_applied": len(body.filters),
    }
    return {"queryId": body.id, "data": data, "meta": meta}


def _failure(parameter: object, error: object) -> dict[str, object]:
    return {"parameter": parameter, "success": False, "error": str(error), "data": []}


def _with_ends_in_zone(sql: str) -> str:
    """The same statement for ends that are wall time of `$timezone`."""
    for end in ("$first", "$last"):
        wall = f"timezone('UTC', timezone($timezone, CAST({end} AS TIMESTAMP)))"
        sql = sql.replace(f"= {end}", f"= {wall}")
    return sql


def _as_json(value: object) -> object:
    """A whole value of a float column is written as an integer; what is not a number is null."""
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    return value
