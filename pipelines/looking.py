"""The commands that only look at a server: `check` and `discover`."""

from __future__ import annotations

from rich.table import Table

from databuddy_source.api.server import Server, first_contact, run_alone
from databuddy_source.catalog import load_catalog
from databuddy_source.extraction import client_for
from databuddy_source.settings import Settings
from databuddy_source.source import configured
from pipelines.account import account
from pipelines.console import for_people, out
from pipelines.options import Dataset, Demo, Destination, StateDir, Verbose
from pipelines.warehouse import Warehouse


def check(
    demo: Demo = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "databuddy",
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Reach the server, prove the key and the warehouse, tell what the server can do."""
    with for_people(verbose), account(demo, {}) as arguments:
        settings = configured(**arguments)
        out.print(f"server       {settings.base_url}")
        server = _contact(settings)
        out.print(f"generation   {server.generation}")
        out.print(f"key          accepted, sees {len(server.websites)} websites")
        for website in server.websites.values():
            out.print(f"  {website.id}  {website.domain or ''}  {website.name or ''}".rstrip())
        cut = settings.timezone if server.generation.takes_offsets else "UTC"
        out.print(f"days         cut in {cut}")
        if cut != settings.timezone:
            out.print(f"             this server knows UTC days only, not {settings.timezone}")
        Warehouse.of(demo, destination, dataset, state_dir).prove()
        out.print(f"destination  {destination}: tables can be made, merged and read")


def discover(demo: Demo = False, verbose: Verbose = False) -> None:
    """List the websites and query types that the server has."""
    with for_people(verbose), account(demo, {}) as arguments:
        settings = configured(**arguments)
        server = _contact(settings)
        websites = Table("id", "domain", "name", "public", box=None, header_style="bold")
        for website in server.websites.values():
            public = {True: "yes", False: "no"}.get(website.isPublic or False, "")
            websites.add_row(website.id, website.domain or "", website.name or "", public)
        out.print(websites)
        types = Table("query type", "shape", "loaded", "note", box=None, header_style="bold")
        catalog = load_catalog()
        chosen = {each.query_type for each in settings.chosen_reports()}
        for name in sorted(server.types):
            known = catalog.get(name)
            note = known.why_not_loadable or (
                "personal data: name it to load it" if known.personal else ""
            )
            types.add_row(
                known.name if known.known else name,
                known.shape.value if known.known else "?",
                "yes" if known.name in chosen else "",
                note or ("" if known.known else "not in the catalogue: name it to load it"),
            )
        out.print()
        out.print(types)


def _contact(settings: Settings) -> Server:
    return run_alone(lambda: first_contact(client_for(settings)))
