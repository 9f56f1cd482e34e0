"""Answers the queries of one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from databuddy_source.demo.bodies import MAX_LIMIT, Body, Parameter, RefusedError
from databuddy_source.demo.faults import Faults, Row
from databuddy_source.demo.queries import Generation, Query, queries
from databuddy_source.demo.scopes import Scope, Scopes
from databuddy_source.demo.windows import (
    MAX_HOURLY_DAYS,
    Granularity,
    ImpossibleDateError,
    Window,
    instants,
    plain_days,
)

_ACTIVE = timedelta(minutes=5)


class CellError(Exception):
    """One parameter fails; the others are answered."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parameter that can be run."""

    parameter: Parameter
    query: Query
    scope: Scope


@dataclass(frozen=True, slots=True)
class Answers:
    """Runs queries of one generation over a store's windows."""

    generation: Generation
    scopes: Scopes
    faults: Faults

    def answer(
        self, body: Body, website_id: str | None, timezone: str, now: datetime
    ) -> dict[str, object]:
        """The envelope of one query, but for `success`; without a website all answers are empty.

        `now` is naive UTC. Raises RefusedError when the whole request fails.
        """
        # Results are kept by id, so parameters that share an id share the last one's rows. Those
        # that fail before they run are kept first.
        results: dict[str, dict[str, object]] = {}
        prepared: list[Prepared] = []
        for parameter in body.parameters:
            try:
                prepared.append(self._prepare(parameter, body, website_id or "", timezone, now))
            except CellError as error:
                results[parameter.id] = _failure(parameter, error)
        if self.generation == "2026":
            _refuse_long_hourly_windows(prepared)
        for cell in prepared:
            results[cell.parameter.id] = self._result(cell, body, website_id, now)
        data = [results[parameter.id] for parameter in body.parameters]
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

    def compiled(self, cell: Prepared, body: Body, now: datetime) -> tuple[str, dict[str, object]]:
        """The SQL of a cell, and the values it binds."""
        sql = self.scopes.statement(cell.query.page_sql(body.limit, body.page), cell.scope)
        values: dict[str, object] = {
            "website_id": cell.scope.website_id,
            "first": str(cell.scope.window.start),
            "last": str(cell.scope.window.end),
            "now": str(now),
            "timezone": cell.scope.timezone,
            "labels": self._labels(cell),
            **{f"filter{i}": given.value for i, given in enumerate(cell.scope.filters)},
        }
        return sql, {name: value for name, value in values.items() if f"${name}" in sql}

    def prepare(self, body: Body, website_id: str, timezone: str, now: datetime) -> Prepared:
        """The first parameter of a query, ready to run. Raises CellError."""
        return self._prepare(body.parameters[0], body, website_id, timezone, now)

    def rows(self, cell: Prepared, body: Body, now: datetime) -> list[Row]:
        """The rows of a cell with JSON values. Raises CellError."""
        if cell.query.fails:
            raise CellError(cell.query.fails)
        sql = cell.query.page_sql(body.limit, body.page)
        rows = self.scopes.rows(sql, cell.scope, now, self._labels(cell))
        return [{name: _as_json(value) for name, value in row.items()} for row in rows]

    @staticmethod
    def _labels(cell: Prepared) -> list[str]:
        granularity: Granularity = "hourly" if cell.scope.granularity == "hourly" else "daily"
        if "buckets" not in cell.query.after_limit:
            return []
        return list(cell.scope.window.labels(granularity))

    def _prepare(
        self, parameter: Parameter, body: Body, website_id: str, timezone: str, now: datetime
    ) -> Prepared:
        query = queries(self.generation).get(parameter.name)
        if query is None:
            raise CellError(f"Unknown query type: {parameter.name}")
        if body.limit > MAX_LIMIT[self.generation]:
            raise CellError(f"Limit must be between 1 and {MAX_LIMIT[self.generation]}")
        for given in body.filters:
            if given.field not in query.allowed_filters:
                raise CellError(
                    f"Filter on field '{given.field}' is not permitted. "
                    f"Allowed fields: {', '.join(query.allowed_filters)}"
                )
        if query.needs_filter and query.needs_filter not in {given.field for given in body.filters}:
            raise CellError(f"{query.needs_filter} filter is required for {query.name} query")
        window = self._window(parameter, body, query, timezone)
        if query.window == "now":
            window = Window(now - _ACTIVE, now)
        hourly = parameter.granularity in ("hourly", "hour")
        scope = Scope(
            website_id,
            window,
            body.filters,
            timezone if self.generation == "2026" else "UTC",
            "hourly" if hourly else "daily",
        )
        return Prepared(parameter, query, scope)

    def _window(self, parameter: Parameter, body: Body, query: Query, timezone: str) -> Window:
        start, end = parameter.start or body.start, parameter.end or body.end
        if not start or not end:
            raise CellError("Missing project_id, start_date, or end_date")
        try:
            if self.generation == "2026":
                return instants(start, end)
            zone = ZoneInfo(timezone) if query.local_window else None
            return plain_days(start, end, midnight_end=query.midnight_end, zone=zone)
        except ImpossibleDateError as error:
            if self.generation == "2026":
                raise CellError("Invalid parameter date range") from error
            raise CellError(f"Cannot parse string '{error}' as DateTime") from error

    def _result(
        self, cell: Prepared, body: Body, website_id: str | None, now: datetime
    ) -> dict[str, object]:
        day = cell.scope.window.start.date()
        fault = self.faults.of_cell(website_id, cell.query.name, day)
        try:
            if fault and fault.parameter_error is not None:
                raise CellError(fault.parameter_error)
            rows = self.rows(cell, body, now) if website_id is not None else []
        except CellError as error:
            return _failure(cell.parameter, error)
        return {
            "parameter": cell.parameter.id,
            "success": True,
            "data": fault.replaced(rows) if fault else rows,
        }


def _failure(parameter: Parameter, error: CellError) -> dict[str, object]:
    return {"parameter": parameter.id, "success": False, "error": str(error), "data": []}


def _refuse_long_hourly_windows(cells: list[Prepared]) -> None:
    for cell in cells:
        if cell.scope.granularity == "hourly" and cell.scope.window.days > MAX_HOURLY_DAYS:
            message = f"Hourly granularity only supports up to {MAX_HOURLY_DAYS} days"
            raise RefusedError(500, "INTERNAL_SERVER_ERROR", message)


def _as_json(value: object) -> object:
    """A whole value of a float column is written as an integer; what is not a number is null."""
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    return value
