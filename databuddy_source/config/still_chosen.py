"""What is still chosen of what was taken out of a warehouse: the next sync would load it again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from databuddy_source.api.models import Website
from databuddy_source.config.accounts import KEY as ACCOUNTS
from databuddy_source.config.reports import ReportSetting, table_name
from databuddy_source.config.selection import ids_meant
from databuddy_source.config.settings import Settings
from databuddy_source.config.values import SECTION

GROUPS = ("default", "all")


@dataclass(frozen=True, slots=True)
class StillChosen:
    """What the next sync would load again.

    Attributes:
        what: a website or a report, as the configuration names it.
        setting: the key that chooses it.
        todo: one sentence on how to choose it no longer.
    """

    what: str
    setting: str
    todo: str

    def __str__(self) -> str:
        return (
            f"{self.what} is still chosen by {self.setting}, so the next sync loads it again. "
            f"{self.todo}"
        )


def still_chosen(
    settings: Settings,
    websites: Sequence[str],
    reports: Sequence[str],
    known: Mapping[str, Website],
    seen: Collection[str],
) -> list[StillChosen]:
    """What the configuration still chooses. Asks nobody.

    Args:
        settings: the configuration.
        websites: ids of those that were taken out; none stands for all.
        reports: names of those that were taken out; none stands for all.
        known: the websites that the warehouse knew, by id.
        seen: ids of the websites that the key saw at the last sync.
    """
    found: Iterable[StillChosen] = _websites(settings, websites, known, seen)
    if reports:
        chosen = [each for each in settings.chosen_reports() if each.name in reports]
        found = (
            _report(settings, each, of)
            for each in chosen
            for of in (_named_of(settings, each, websites, known, seen) if websites else [""])
        )
    return list(dict.fromkeys(found))


def _report(settings: Settings, report: ReportSetting, of: str) -> StillChosen:
    """What chooses a report.

    Args:
        settings: the configuration.
        report: that is chosen.
        of: the website that it was taken out of, as people call it; empty for all.
    """
    what, name = f"{report.name} of {of}" if of else report.name, report.name
    if report in settings.reports:
        setting, todo = f"{SECTION}.reports", f"Take the entry {name} out there"
        if of:
            todo = f"Name its other websites in the entry {name}"
        return StillChosen(what, setting, f"{todo}.")
    setting = f"{SECTION}.query_types"
    entry = next(
        (each for each in settings.query_types if each not in GROUPS and table_name(each) == name),
        "",
    )
    todo = f"Take {entry} out there" if entry else "Name there the query types that you want"
    if of:
        todo += f", and load it for the others by an entry of {SECTION}.reports with websites"
    return StillChosen(what, setting, f"{todo}.")


def _websites(
    settings: Settings,
    websites: Sequence[str],
    known: Mapping[str, Website],
    seen: Collection[str],
) -> Iterator[StillChosen]:
    for report in settings.chosen_reports():
        for name in _named_of(settings, report, websites, known, seen):
            if report.websites:
                setting = f"the websites of the report {report.name} in {SECTION}.reports"
                yield StillChosen(name, setting, "Take it out there.")
            elif settings.websites:
                yield _website(settings, name)
            else:
                yield StillChosen(
                    name,
                    f"{SECTION}.websites, which names none and so means all that the key sees",
                    "Name there the websites that you want.",
                )


def _website(settings: Settings, name: str) -> StillChosen:
    """What chooses a website that is named for all reports."""
    todo = "Take it out there."
    if settings.websites != settings.websites_of_accounts():
        return StillChosen(name, f"{SECTION}.websites", todo)
    having = {key: each for key, each in settings.accounts.items() if name in each.websites}
    if any(each.websites == (name,) for each in having.values()):
        todo = "Take it out there, and an account that has no other one."
    keys = " and ".join(f"{SECTION}.{ACCOUNTS}.{key}.websites" for key in having)
    return StillChosen(name, keys, todo)


def _named_of(
    settings: Settings,
    report: ReportSetting,
    websites: Sequence[str],
    known: Mapping[str, Website],
    seen: Collection[str],
) -> Iterator[str]:
    """The websites of a chosen report among these, as the configuration names them, or people."""
    names = report.websites or settings.websites
    for name in names:
        if any(each in websites for each in ids_meant(name, known)):
            yield name
    if not names:
        for each in websites:
            if each in seen:
                yield known[each].domain or each if each in known else each
