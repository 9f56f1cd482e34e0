"""Which websites each report is loaded for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from databuddy_source.api.models import Website
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting


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


def are_named_by_id(settings: Settings) -> bool:
    """Whether every website is configured by its id, so that a key need not list them."""
    return all(names and not any("." in name for name in names) for names in _lists(settings))


def _lists(settings: Settings) -> set[Sequence[str]]:
    return {each.websites or settings.websites for each in settings.chosen_reports()}


def _ids(names: Sequence[str], seen: Mapping[str, Website]) -> list[str]:
    if not names:
        return list(seen)
    by_domain = {website.domain: id_ for id_, website in seen.items()}
    ids = []
    for name in names:
        id_ = name if name in seen or "." not in name else by_domain.get(name)
        if id_ is None:
            domains = ", ".join(sorted(domain for domain in by_domain if domain)) or "none"
            raise BadSetting(
                f"sources.databuddy.websites has {name!r}, which the key does not see",
                f"It sees: {domains}.",
            )
        ids.append(id_)
    return list(dict.fromkeys(ids))
