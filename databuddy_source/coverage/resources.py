"""Of which website and report a dlt resource is, by its name."""

from __future__ import annotations


def resource_name(report: str, website_id: str) -> str:
    """The dlt resource of one website's report, which has the cursor of both.

    Args:
        report: name of its table, which has no two underscores in a row.
        website_id: as the API gives it.
    """
    return f"{report}__{website_id}"


def parts_of_resource(name: str) -> tuple[str, str]:
    """The report and the website's id of a resource; of a list of ours there is no website.

    Args:
        name: of a dlt resource.
    """
    report, _, website_id = name.partition("__")
    return report, website_id
