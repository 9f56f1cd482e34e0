"""What is sent and received, as the API spells it.

Unknown fields are accepted: servers grow. Source: the API reference, corrected by what two
generations of the server answered when they were called.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import chain
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from databuddy_source.model.generations import MARKED, Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.results import Row

logger = logging.getLogger("databuddy_source")


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True)


class Filter(_Sent):
    """One condition, as the server's generation spells operators."""

    field: str
    op: str
    value: str | int | float | bool | list[str | int | float]


class Parameter(_Sent):
    """One question in a request. Without its own `id`, answers overwrite each other."""

    name: str
    id: str
    start_date: str
    end_date: str
    granularity: str | None = None


class QueryBody(_Sent):
    """Questions that share limit, page and filters. Dates are required in the body by 2026
    servers even when each parameter brings its own."""

    id: str
    parameters: list[Parameter]
    startDate: str
    endDate: str
    limit: int
    page: int = 1
    filters: list[Filter] = []


class ExportFormat(StrEnum):
    """What kind of file an export is."""

    CSV = "csv"
    JSON = "json"


class ExportBody(_Sent):
    """What to export: one query type over plain dates, both inclusive."""

    websiteId: str
    type: str
    format: ExportFormat
    startDate: str
    endDate: str
    timezone: str


class _Received(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


def _text(value: object) -> object:
    return "" if value is None else value if isinstance(value, str) else str(value)


_Text = Annotated[str, BeforeValidator(_text)]


class _Described(_Received):
    """What a server says of a thing. A field that is not needed and makes no sense counts as not
    sent: it shall not cost what is needed."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_not_sent(
        cls, value: object, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        try:
            return check(value)
        except (ValidationError, OverflowError):
            field = cls.model_fields[str(info.field_name)]
            if field.is_required():
                raise
            whose = next(iter(info.data.values()), None)
            _say_odd(f"{cls.__name__} {whose}: {info.field_name} {str(value)[:SHOWN]!r}")
            return field.get_default(call_default_factory=True, validated_data={})


SHOWN = 100
"""Characters of what makes no sense, in a sentence."""


@cache
def _say_odd(what: str) -> None:
    """Say once what a server sends that makes no sense."""
    logger.warning("The server sends what makes no sense, which is left out. %s", what)


def _those_that_make_sense(values: object, check: ValidatorFunctionWrapHandler) -> object:
    """The entries of a list that are what they should be; all of them, to be refused, where none
    is."""
    if not isinstance(values, list):
        return check(values)
    found = []
    for value in values:
        try:
            found += check([value])
        except ValidationError:
            _say_odd(str(value)[:SHOWN])
    return found or check(values)


def _in_utc(moment: datetime) -> datetime:
    """With Python's own time zone: pydantic's is an object of its library, and crashes Python's end
    where it is freed after that. OverflowError: an offset that leads out of all years."""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


_Instant = Annotated[datetime, AfterValidator(_in_utc)]


class Website(_Described):
    """A measured website. `name` may be null."""

    id: str
    name: str | None = None
    domain: str | None = None
    isPublic: bool | None = None
    createdAt: _Instant | None = None


class WebsitesAnswer(_Received):
    """Answer to `GET /query/websites`."""

    websites: Annotated[list[Website], WrapValidator(_those_that_make_sense)]


class OutputField(_Described):
    """A column as the API describes it; not always the columns that come."""

    name: str
    type: str | None = None
    label: str | None = None
    description: str | None = None
    unit: str | None = None


class TypeMeta(_Described):
    """What the API says of a query type; about half of the types have it."""

    title: str | None = None
    description: str | None = None
    category: str | None = None
    tags: list[str] = []
    output_fields: Annotated[list[OutputField], WrapValidator(_those_that_make_sense)] = []


class TypeConfig(_Described):
    """How a query type may be asked."""

    allowedFilters: list[str] | None = None
    customizable: bool | None = None
    defaultLimit: int | None = None
    publicAccess: SkipValidation[object] = None
    meta: TypeMeta | None = None


NAMES_SHOWN = 5
"""Of what a newer server has, in a sentence."""


def _or_nothing(value: object, check: ValidatorFunctionWrapHandler) -> object:
    return check(value if isinstance(value, dict) else {})


class TypesAnswer(_Received):
    """Answer to `GET /query/types`."""

    success: SkipValidation[object] = None
    types: Annotated[list[str], WrapValidator(_those_that_make_sense)]
    configs: Annotated[
        dict[str, Annotated[TypeConfig, WrapValidator(_or_nothing)]], WrapValidator(_or_nothing)
    ] = {}
    presets: SkipValidation[object] = None
    requestId: SkipValidation[object] = None

    @property
    def generation(self) -> Generation:
        """Which server answers."""
        said = (config.model_fields_set for config in self.configs.values())
        return load_catalog().generation_of(self.model_fields_set.union(self.types, *said))

    @property
    def newer(self) -> tuple[str, ...]:
        """The fields and query types of a server that is newer than any known generation; empty for
        all others. Such a server is taken for one of the newest."""
        if self.generation is not max(Generation):
            return ()
        extras = (config.model_extra or {} for config in self.configs.values())
        fields = dict.fromkeys(chain(self.model_extra or {}, *extras))
        known = load_catalog()
        types = (name for name in self.types if not known.get(name).known and name not in MARKED)
        return (*fields, *types)


class ParameterResult(_Received):
    """The answer to one question. `parameter` repeats its id; the order means nothing. Where a
    whole body threw, the only answer in its place repeats the body's first parameter as it was
    sent, an object."""

    parameter: str | dict[str, object]
    success: bool = True
    # rows are checked and typed where tables are made, column by column
    data: SkipValidation[list[Row]] = Field(default_factory=list)
    error: _Text = ""
    _most: int | None = PrivateAttr(None)

    @property
    def most(self) -> int | None:
        """The most rows that the server says it sends, where it was asked for more."""
        return self._most

    def within(self, most: int) -> Self:
        """The same answer, of a server that says how many rows it sends at most."""
        limited = self.model_copy()
        limited._most = most
        return limited

    @model_validator(mode="before")
    @classmethod
    def _succeeds_with_rows(cls, told: object) -> object:
        """An empty list is a fact only where nothing beside it says that something went wrong."""
        if isinstance(told, dict) and ("data" not in told or told.get("error")):
            return {**told, "success": False}
        return told


class Thrown(ParameterResult):
    """Made here of such an answer, for each question of the body: one of them threw, and which is
    not known."""

    success: bool = False


class QueryAnswer(_Received):
    """The answer to one body."""

    success: bool = True
    queryId: _Text = ""
    requestId: _Text = ""
    data: list[ParameterResult] = []
    error: _Text = ""
    meta: SkipValidation[object] = None

    @property
    def limit(self) -> int | None:
        """By which limit the server says that it went; None where it says nothing that makes
        sense."""
        told = self.meta.get("limit") if isinstance(self.meta, dict) else None
        return told if type(told) is int and told > 0 else None


class BatchAnswer(_Received):
    """The answer to an array of bodies."""

    requestId: _Text = ""
    results: list[QueryAnswer]


class CompileAnswer(_Received):
    """The SQL that the server would run. Servers send `params`, the documentation promises
    `parameters`."""

    sql: str
    params: SkipValidation[object] = Field(
        None, validation_alias=AliasChoices("params", "parameters")
    )


class ErrorAnswer(_Received):
    """The documented envelope; every part of it may be missing."""

    error: SkipValidation[object] = None
    message: SkipValidation[object] = None
    code: _Text = ""
    requestId: _Text = ""
    details: SkipValidation[object] = None
    retryAfter: SkipValidation[object] = None
