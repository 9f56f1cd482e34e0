"""The websites that a warehouse knows: their table keeps what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

from databuddy_source.api.models import Website
from databuddy_source.coverage.reading import Tables, newest_listing
from databuddy_source.errors import BadSetting, listed


def known_websites(tables: Tables) -> tuple[Mapping[str, Website], Mapping[str, Website]]:
    """The websites that the newest sync saw, and those that only earlier ones did, by id.

    Args:
        tables: that are open.
    """
    newest = {row[0] for row in newest_listing(tables, "websites", "id")}
    seen: dict[str, Website] = {}
    left: dict[str, Website] = {}
    for id_, domain, created_at in tables.rows(
        "websites", "SELECT id, domain, created_at FROM {table}"
    ):
        created = created_at.astimezone(UTC) if created_at else None
        own = Website(id=id_, domain=domain, createdAt=created)
        (seen if id_ in newest else left)[id_] = own
    return seen, left


def refuse_unknown(names: Iterable[str], domains: Mapping[str, str | None]) -> None:
    """Make sure that the warehouse knows websites.

    Args:
        names: ids or domains.
        domains: of the websites that it knows, by id.

    Raises:
        BadSetting: one is neither.
    """
    for name in names:
        if name not in domains and name not in domains.values():
            known = listed(domain or id_ for id_, domain in domains.items())
            raise BadSetting(
                f"{listed([name])!r} is no website that was synced", f"Synced were: {known}."
            )
