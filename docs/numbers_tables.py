"""Writes the tables of docs/numbers.md from the catalogue: `python -m docs.numbers_tables`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from databuddy_source.model.changes import change_between
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import Kind, QueryType, Shape, load_catalog
from docs.parts.markdown import servers

PAGE = Path(__file__).resolve().parent / "numbers.md"

SUMMABLE: Mapping[str, frozenset[Kind]] = {
    "over rows and windows": frozenset({Kind.COUNT, Kind.AMOUNT}),
    "over rows only": frozenset({Kind.COUNT_OVER_ROWS}),
    "over windows only": frozenset({Kind.COUNT_OVER_WINDOWS}),
    "never": frozenset({Kind.UNIQUE, Kind.NUMBER, Kind.WHOLE}),
}
_ONE_ROW = {Shape.SUMMARY: "the window", Shape.LOG: "each thing that happened"}
_PLACE = re.compile(r"(<!-- table: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; None and the empty string are empty cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join('' if value is None else str(value) for value in line)} |" for line in lines
    )


def with_tables(page: str) -> str:
    """The page with its tables as they have to be."""

    def written(place: re.Match[str]) -> str:
        return f"{place[1]}\n{_TABLES[place['name']]()}\n\n{place[3]}"

    return _PLACE.sub(written, page)


def _loadable() -> Iterator[QueryType]:
    """The types that can fill a table and whose columns are known."""
    for query_type in load_catalog():
        if query_type.columns and not query_type.why_not_loadable:
            yield query_type


def _sums(default: bool) -> str:
    rows = [
        [f"`{each.name}`", _a_row(each), *(_columns(each, kinds) for kinds in SUMMABLE.values())]
        for each in _loadable()
        if each.default is default
    ]
    return markdown(["table", "one row for", *SUMMABLE], rows)


def _a_row(query_type: QueryType) -> str:
    if query_type.key:
        return "each " + ", ".join(f"`{column}`" for column in query_type.key)
    return _ONE_ROW.get(query_type.shape, "each `name`, which may come twice")


def _columns(query_type: QueryType, kinds: frozenset[Kind]) -> str:
    """The columns of these kinds, with the generations where not all have them."""
    of = {each: query_type.on(each).columns for each in query_type.generations}
    names = dict.fromkeys(
        name for columns in of.values() for name, kind in columns.items() if kind in kinds
    )
    having = {name: [each for each in of if of[each].get(name) in kinds] for name in names}
    return ", ".join(
        f"`{name}`" + (f" ({only})" if (only := servers(having[name], of)) else "")
        for name in names
    )


def _series() -> str:
    """Where a day is not like the days of the other tables."""
    rows = []
    for each in _loadable():
        has_fraction = [on for on in each.generations if _has_last_fraction(each.on(on))]
        if each.shape is Shape.TIME_SERIES or has_fraction:
            zone = "UTC" if each.in_utc else "your zone"
            whole = (
                servers(has_fraction, each.generations) or "all" if has_fraction else "no server"
            )
            rows.append([f"`{each.name}`", zone, whole])
    return markdown(["table", "days are cut in", "last fraction of a second from servers of"], rows)


def _has_last_fraction(query_type: QueryType) -> bool:
    return query_type.ranged or query_type.end_is_midnight


def _merged() -> str:
    """Where several places of the API's own data are one row."""
    rows = [
        [f"`{each.name}`", servers(merging, each.generations) or "all"]
        for each in _loadable()
        if (merging := [on for on in each.generations if each.on(on).merged])
    ]
    return markdown(["table", "merged by servers of"], rows)


def _changed() -> str:
    """What numbers of the same name mean since a generation, newest first."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for before, now in reversed(list(pairwise(Generation))):
        for each in _loadable():
            both = {before, now} <= set(each.generations)
            if both and (change := change_between(each.name, before, now)):
                words = str(change).removeprefix(f"since {now.called} ")
                alike[now.called, words].append(f"`{each.name}`")
    return markdown(
        ["since", "tables", "what is different"],
        [[since, ", ".join(names), words] for (since, words), names in alike.items()],
    )


_TABLES: Mapping[str, Callable[[], str]] = {
    "sums of default reports": lambda: _sums(default=True),
    "sums of other reports": lambda: _sums(default=False),
    "series": _series,
    "merged": _merged,
    "changes": _changed,
}


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
