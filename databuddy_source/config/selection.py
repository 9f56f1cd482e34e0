"""Which websites each report is loaded for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from databuddy_source.api.models import Website
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings
from databuddy_source.config.values import SECTION
from databuddy_source.errors import BadSetting, listed

_LEAST_ID: Final = 16
"""Letters: Databuddy's ids have 21 or more, and nobody makes up so many for a name."""


def websites_of_reports(
    settings: Settings,
    see: Callable[[], Mapping[str, Website]],
    gone: Mapping[str, Website] = MappingProxyType({}),
) -> list[tuple[ReportSetting, list[str]]]:
    """The chosen reports with the ids of their websites.

    Args:
        settings: what the user chose.
        see: gives the websites that the key sees, by id. Called once, and not at all where every
            website is configured by its id.
        gone: those that it saw once, by id. A domain means them where it sees none that has it.

    Raises:
        BadSetting: a domain is none that the key sees.
    """
    chosen = settings.chosen_reports()
    seen = {} if are_named_by_id(settings) else see()
    ids = {names: _ids(names, seen, gone, place) for names, place in _lists(settings).items()}
    return [(each, ids[names_of(settings, each)]) for each in chosen]


def refuse_unseen(settings: Settings, seen: Mapping[str, Website]) -> None:
    """Refuse short names that are taken for ids and are none, such as `shop` of shop.example.com.
    Ids that the key does not see are no mistake: a public website answers all the same, and one
    that is gone from the account shall not keep the others from being loaded.

    Args:
        settings: what the user chose.
        seen: the websites that the key sees, by id; none where it may not list them.

    Raises:
        BadSetting: names the website, where it is named, and the nearest one that is there.
    """
    for names, place in _lists(settings).items():
        for name in names:
            if seen and name not in seen and "." not in name and len(name) < _LEAST_ID:
                account = settings.account_of(name)
                own = f"{SECTION}.accounts.{account}.websites" if account else place
                raise _unseen(name, own, seen)


def ids_meant(name: str, seen: Mapping[str, Website]) -> list[str]:
    """The ids of the websites that a name means: all that share a domain.

    Args:
        name: id or domain.
        seen: the websites that the key sees, by id.
    """
    if name in seen or "." not in name:
        return [name]
    return [id_ for id_, website in seen.items() if website.domain == name]


def nearest(name: str, known: Collection[str]) -> str | None:
    """What is most likely meant by a name that is none: what has it as a part, or else is written
    alike.

    Args:
        name: that was given.
        known: the names that there are.
    """
    wanted = name.lower()
    parts = sorted(each for each in known if wanted and wanted in each.lower())
    near = parts or difflib.get_close_matches(wanted, sorted(known), n=1)
    return near[0] if near else None


def shared_domains(settings: Settings, seen: Mapping[str, Website]) -> dict[str, list[str]]:
    """The domains in the configuration that several websites share, with their ids.

    Args:
        settings: what the user chose.
        seen: the websites that the key sees, by id.
    """
    names = {name for names in _lists(settings) for name in names}
    meant = {name: ids_meant(name, seen) for name in sorted(names)}
    return {name: ids for name, ids in meant.items() if len(ids) > 1}


def are_named_by_id(settings: Settings) -> bool:
    """Whether every website is configured by its id, so that a key need not list them."""
    return all(names and not any("." in name for name in names) for names in _lists(settings))


def names_of(settings: Settings, report: ReportSetting) -> Sequence[str]:
    """How a report's websites are named; not at all where all that the key sees are meant.

    Args:
        settings: what the user chose.
        report: one of those that are chosen.
    """
    return report.websites or settings.websites


def _lists(settings: Settings) -> Mapping[Sequence[str], str]:
    """The lists of websites, each with the place where it stands."""
    of_all = f"{SECTION}.websites"
    return {
        names_of(settings, each): f"The report {each.name} in {SECTION}.reports"
        if each.websites and each.websites != settings.websites
        else of_all
        for each in settings.chosen_reports()
    }


def _ids(
    names: Sequence[str], seen: Mapping[str, Website], gone: Mapping[str, Website], place: str
) -> list[str]:
    if not names:
        return list(seen)
    ids = []
    for name in names:
        meant = ids_meant(name, seen) or ids_meant(name, gone)
        if not meant:
            raise _unseen(name, place, seen)
        ids += meant
    return list(dict.fromkeys(ids))


def _unseen(name: str, place: str, seen: Mapping[str, Website]) -> BadSetting:
    domains = [website.domain for website in seen.values() if website.domain]
    near = nearest(name, [*domains, *seen])
    todo = f"Did you mean {listed([near])}? " if near else ""
    return BadSetting(
        f"{place} has {listed([name])!r}, which the key does not see",
        f"{todo}It sees: {listed(domains or seen)}.",
    )
