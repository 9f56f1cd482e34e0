"""What the same question means to another generation of servers. Pure: what differs is data of
`query_types.toml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between the rows of a query type that two generations give.

    Attributes:
        meanings: what numbers of the same name mean since a generation, in words.
        came: columns that the later answers have and the earlier ones lack, in the API's order.
        gone: the other way round.
    """

    meanings: Mapping[Generation, str]
    came: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def columns(self) -> str:
        """Which columns came and which went, in words; empty for none."""
        words = [f"new {columns_in_words(self.came)}"] * bool(self.came)
        words += [f"without the {columns_in_words(self.gone)}"] * bool(self.gone)
        return "; ".join(words)

    def __str__(self) -> str:
        words = [f"since {since.called} {text}" for since, text in self.meanings.items()]
        return "; ".join(filter(None, [*words, self.columns]))


def columns_in_words(names: Sequence[str]) -> str:
    """One column, or several, with their names."""
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)}"


def change_between(query_type: str, before: Generation, now: Generation) -> Change | None:
    """What changes in the answers to a query type; None for nothing that is known.

    Args:
        query_type: canonical name.
        before: generation of the servers that gave the earlier answers.
        now: of those that give the later ones; an older one where a server was set back.
    """
    known = load_catalog().get(query_type)
    earlier, later = sorted((before, now))
    meanings = {each: known.changes[each] for each in Generation if each in known.changes}
    between = {each: text for each, text in meanings.items() if earlier < each <= later}
    had, has = known.on(before).columns, known.on(now).columns
    both = had and has  # else the columns of one of them are not known, or it always failed
    came = tuple(name for name in has if name not in had and both)
    gone = tuple(name for name in had if name not in has and both)
    return Change(between, came, gone) if between or came or gone else None
