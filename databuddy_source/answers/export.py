"""Files as the API's own export makes them, where the server has one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from databuddy_source.api.models import ExportBody, ExportFormat
from databuddy_source.api.server import run_alone
from databuddy_source.config.connect import client_for
from databuddy_source.config.resolve import configured
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.errors import (
    BadSetting,
    KeyRejected,
    NoExport,
    NoSuchAddress,
    RequestRefused,
    ServerFailed,
)
from databuddy_source.extract.session import Extraction


@dataclass(frozen=True, slots=True)
class Exported:
    """One file, or why there is none.

    Attributes:
        size: in bytes.
        reason: of the server, when it refused this one file.
    """

    website_id: str
    query_type: str
    path: Path
    size: int = 0
    reason: str = ""


def export(
    into: Path,
    first: date,
    last: date,
    settings: Settings | None = None,
    file_format: ExportFormat | None = None,
    tell: Callable[[Exported], None] = lambda _: None,
) -> list[Exported]:
    """Export query types of websites, each as one file over all days. A file appears when it is
    whole, and then replaces one of the same name.

    Args:
        into: a file when it ends with `.csv` or `.json`, else a folder, which is made.
        first, last: days, both included.
        settings: websites and reports. Default: as configured.
        file_format: default: what `into` ends with, else CSV.
        tell: called after each file.

    Raises:
        NoExport: says what to do instead.
        BadSetting: reports with filters, or several files into one.
        DatabuddyError: the server cannot be reached, or rejects the key.
    """
    settings = settings or configured()
    suffix = into.suffix.lower().removeprefix(".")
    is_file = suffix in set(ExportFormat) and not into.is_dir()
    file_format = file_format or (ExportFormat(suffix) if is_file else ExportFormat.CSV)
    extraction = Extraction(settings, Scope())
    wanted = []
    for chosen, website_ids in websites_of_reports(settings, lambda: extraction.server.websites):
        if chosen.filters:
            raise BadSetting(
                f"The report {chosen.name} has filters, and exports know none",
                "Name query types with --report, such as top_pages.",
            )
        if report := extraction.report(chosen):
            wanted += [(website_id, report.query_type.name) for website_id in website_ids]
    wanted = list(dict.fromkeys(wanted))  # by week and by day it is the same file
    if is_file and len(wanted) != 1:
        raise BadSetting(
            f"{len(wanted)} files cannot go into the one file {into}",
            "Name a folder, or one report with --report and one website with --website.",
        )
    found = []
    for website_id, query_type in wanted:
        body = ExportBody(
            websiteId=website_id,
            type=extraction.server.spelling(query_type) or query_type,
            format=file_format,
            startDate=first.isoformat(),
            endDate=last.isoformat(),
            timezone=extraction.server.generation.zone(settings.timezone),
        )
        name = re.sub(r"[^\w.-]", "_", f"{query_type}_{website_id}_{first}_{last}")
        path = into if is_file else into / f"{name}.{file_format}"
        try:
            size = run_alone(partial(_saved, settings.of_website(website_id), body, path))
            found.append(Exported(website_id, query_type, path, size))
        except NoSuchAddress as error:
            raise NoExport(
                "This server has no export: it is documented, but servers of 2026 have dropped it",
                where=error.where,
            ) from None
        except KeyRejected as error:
            if not settings.credential.api_key:
                raise
            raise NoExport(
                "This server exports only for the session of a dashboard, not for a key",
                "Set sources.databuddy.session_cookie instead of api_key, or use `sync`, and "
                "export from the tables.",
                where=error.where,
            ) from None
        except (RequestRefused, ServerFailed) as error:  # of this type: others may pass
            found.append(Exported(website_id, query_type, path, reason=str(error)))
        tell(found[-1])
    return found


async def _saved(settings: Settings, body: ExportBody, path: Path) -> int:
    """Write one file. Returns its size in bytes."""
    unfinished = path.with_name(f"{path.name}.part")
    async with client_for(settings) as client:
        pieces = client.export(body)
        first = await anext(pieces, b"")  # a refusal comes here, before anything is made
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                size = file.write(first)
                async for piece in pieces:
                    size += file.write(piece)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return size
