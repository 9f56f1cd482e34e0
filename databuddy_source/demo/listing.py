"""What `GET types` says of each query type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from databuddy_source.demo.generations import Behaviour
from databuddy_source.demo.queries import Query, queries
from databuddy_source.demo.scopes import Scopes


class Listing:
    """The query types of a generation, described."""

    def __init__(self, of: Behaviour, scopes: Scopes) -> None:
        self._of = of
        self._scopes = scopes

    def answer(self, known: Mapping[str, Query], *, with_meta: bool) -> dict[str, object]:
        """The answer but for its envelope; `known` are the types that are listed."""
        configs = {name: self._config(query, with_meta) for name, query in known.items()}
        answer: dict[str, object] = {"types": list(known), "configs": configs}
        if self._of.presets:
            answer["presets"] = list(self._of.presets)
        return answer

    def _config(self, query: Query, with_meta: bool) -> dict[str, object]:
        config: dict[str, object] = {
            "allowedFilters": list(query.allowed_filters),
            "customizable": True,
        }
        if query.default_limit is not None:
            config["defaultLimit"] = query.default_limit
        if self._of.tells_public:
            public = self._of.public_types
            config["publicAccess"] = public is None or query.name in public
        if with_meta and query.meta:
            config["meta"] = {
                "title": query.meta.title,
                "description": query.meta.description,
                "category": query.meta.category,
                "tags": list(query.meta.tags),
                "output_fields": self._output_fields.get(query.name, []),
                "default_visualization": "timeseries" if "date" in query.key else "table",
                "supports_granularity": list(query.granularity),
                "version": "1.0",
            }
        return config

    @cached_property
    def _output_fields(self) -> Mapping[str, list[dict[str, str]]]:
        described = {}
        for name, query in queries(self._of.name).items():
            if query.meta:
                described[name] = [
                    {
                        "name": column,
                        "type": kind,
                        "label": column.replace("_", " ").capitalize(),
                        "description": f"{column.replace('_', ' ').capitalize()} of the row",
                    }
                    for column, kind in self._scopes.columns(query.full_sql)
                    if column not in self._of.undeclared
                ]
        return described
