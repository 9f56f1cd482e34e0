"""Reports as a user chooses them, before any server is known."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from databuddy_source.api.models import TypeConfig
from databuddy_source.config.values import Names, as_list
from databuddy_source.errors import WrongReport
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Condition, Report
from databuddy_source.model.windows import Grain

LONGEST_NAME = 50
"""Warehouses cut longer names of tables, some at 63 letters."""

_TAKEN = {
    *("websites", "query_types", "coverage", "restatements"),
    *("cell_states", "daily_summary", "weekly_summary", "monthly_summary"),
}


class ReportSetting(BaseModel):
    """One entry of `[[sources.databuddy.reports]]`, or what a name in `query_types` stands for."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    """Of the table. Default: the query type's, with the grain behind it."""

    query_type: str
    """What is asked for. Documented names, and `top_pages_weekly`, are understood."""

    grain: Grain = Grain.DAY
    """Length of its windows."""

    filters: Annotated[tuple[Condition, ...], BeforeValidator(as_list)] = ()
    """Which events count; all have to hold."""

    websites: Names = ()
    """Ids or domains. Default: those of the source."""

    named: bool = True
    """Whether the user asked for it by name, so that its failure is not passed over."""

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("query_type"), str):
            raise ValueError('needs a query_type, such as query_type = "top_pages"')
        canonical, grain = split_name(given["query_type"].strip())
        whole = {"grain": grain, "name": canonical, **given, "query_type": canonical}
        with suppress(ValueError):  # a wrong grain has its own message
            whole["name"] = given.get("name") or canonical + Grain(whole["grain"]).suffix
        return whole

    @model_validator(mode="after")
    def _sound(self) -> Self:
        catalog = load_catalog()
        known = catalog.get(self.query_type)
        if reason := known.why_not_loadable:
            raise ValueError(f"{self.query_type!r} cannot be loaded: {reason}")
        if reason := known.why_not_by(self.grain):
            raise ValueError(f"{self.query_type!r} cannot be loaded by {self.grain}: {reason}")
        if self.name == self.query_type + self.grain.suffix:
            if self.filters:
                raise ValueError("a report with filters needs a name of its own")
            return self
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.name) or (
            len(self.name) > LONGEST_NAME
        ):
            raise ValueError(
                f"the name {self.name!r} must be small letters, digits and single underscores, "
                f"a letter first, {LONGEST_NAME} at most"
            )
        if self.name in _TAKEN or catalog.get(split_name(self.name)[0]).known:
            raise ValueError(f"the name {self.name!r} is another table's")
        return self

    def on(self, generation: Generation, config: TypeConfig) -> Report:
        """The report as a server gives it.

        Args:
            generation: of the server.
            config: what the server says of the query type.

        Raises:
            WrongReport: the server does not know such windows or filters.
        """
        category = config.meta.category if config.meta else None
        known = load_catalog().get(self.query_type).on(generation).of_category(category)
        if reason := known.why_not_by(self.grain, generation):
            raise WrongReport(f"The report {self.name} cannot be loaded by {self.grain}: {reason}")
        allowed = config.allowedFilters
        if self.filters and allowed is None:
            raise WrongReport(
                f"The report {self.name} has filters, and this server does not tell which ones "
                f"{self.query_type} allows: it may drop them without a word",
                "Leave the filters out, or update the server.",
            )
        for each in self.filters:
            if allowed is not None and each.field not in allowed:
                raise WrongReport(
                    f"The report {self.name} filters on {each.field!r}, which {self.query_type} "
                    f"does not allow",
                    f"It allows: {', '.join(sorted(allowed)) or 'no filters'}.",
                )
            if generation not in each.generations:
                raise WrongReport(
                    f"The report {self.name} uses the operator {each.op!r}, which servers of "
                    f"{generation} do not have"
                )
        return Report(self.name, known, self.grain, self.filters, self.named)


def split_name(name: str) -> tuple[str, Grain]:
    """The canonical query type and the grain that a name such as `pages_weekly` stands for."""
    catalog = load_catalog()
    if not catalog.get(name).known:
        for grain in Grain:
            base = name.removesuffix(grain.suffix)
            if base != name and catalog.get(base).known:
                return catalog.canonical(base), grain
    return catalog.canonical(name), Grain.DAY


def table_name(name: str) -> str:
    """The table of a report, by any of its names: `pages_weekly` fills `top_pages_weekly`."""
    query_type, grain = split_name(name)
    return query_type + grain.suffix
