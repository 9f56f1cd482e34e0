"""Which websites each report is loaded for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from databuddy_source.api.models import Website
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting, listed


def websites_of_reports(
    settings: Settings, see: Callable[[], Mapping[str, Website]]
) -> list[tuple[ReportSetting, list[str]]]:
    """The chosen reports with the ids of their websites.

    Args:
        settings: what the user chose.
        see: gives the websites that the key sees, by id. Called once, and not at all where every
            website is configured by its id.

    Raises:
        BadSetting: a domain is none that the key sees.
    """
    chosen = settings.chosen_reports()
    seen = {} if are_named_by_id(settings) else see()
    ids = {names: _ids(names, seen) for names in _lists(settings)}
    return [(each, ids[each.websites or settings.websites]) for each in chosen]


def ids_meant(name: str, seen: Mapping[str, Website]) -> list[str]:
    """The ids of the websites that a name means: all that share a domain.

    Args:
        name: id or domain.
        seen: the websites that the key sees, by id.
    """
    if name in seen or "." not in name:
        return [name]
    return [id_ for id_, website in seen.items() if website.domain == name]


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


def _lists(settings: Settings) -> set[Sequence[str]]:
    return {each.websites or settings.websites for each in settings.chosen_reports()}


def _ids(names: Sequence[str], seen: Mapping[str, Website]) -> list[str]:
    if not names:
        return list(seen)
    ids = []
    for name in names:
        meant = ids_meant(name, seen)
        if not meant:
            domains = listed(website.domain for website in seen.values() if website.domain)
            raise BadSetting(
                f"sources.databuddy.websites has {name!r}, which the key does not see",
                f"It sees: {domains}.",
            )
        ids += meant
    return list(dict.fromkeys(ids))
