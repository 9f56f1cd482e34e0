"""The command `discover`: what a server has, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.text import Text

from databuddy_source.api.models import TypeConfig, TypeMeta
from databuddy_source.api.server import Server
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, out, shown, write_json
from databuddy_source.cli.options import Demo, Json, Verbose, query_type_names
from databuddy_source.cli.tables import WholeWords
from databuddy_source.config.connect import contact, warn_of_refused
from databuddy_source.config.reports import split_name
from databuddy_source.config.settings import Settings
from databuddy_source.errors import UnknownQueryType
from databuddy_source.model.meanings import asked_instead, meaning_of
from databuddy_source.model.query_types import QueryType, load_catalog
from databuddy_source.model.windows import Grain
from databuddy_source.tables.hints import comment_on
from databuddy_source.tables.layout import type_name

OTHER = "Other"
"""Category of types of which the API says nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a query type.

    Attributes:
        type: in the warehouse; for a type that the catalogue does not know, as the API says.
        adds_up: whether it may be summed; None where that is no question, or unknown.
        description: all of what follows in sentences; of columns that the catalogue does not know,
            what the API says.
        label: for the head of a table or a chart.
        unit: of a number, such as "milliseconds"; empty for others.
        share_of: what a share is a share of.
        sign: what surprises about its sign.
        weight: the column with which averages of several windows may be combined.
        instead: the reports and columns that have the number of a week or month, where no sum has.
    """

    name: str
    type: str
    adds_up: bool | None
    description: str
    label: str = ""
    unit: str = ""
    share_of: str = ""
    sign: str = ""
    weight: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """A query type that the server has.

    Attributes:
        name: of the table that it fills by day.
        called: by the server.
        tables: that the configuration loads from it.
        filters: fields that a report may filter on; None when the server does not tell.
        note: why it is not loaded by itself.
        known: whether the catalogue has it.
    """

    name: str
    called: str
    documented_as: list[str]
    title: str
    description: str
    category: str
    shape: str
    grains: list[str]
    filters: list[str] | None
    tables: list[str]
    personal: bool
    note: str
    known: bool
    columns: list[Column]


def discover(
    query_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="NAME",
            help="Only this query type, with its columns and filters.",
            autocompletion=query_type_names,
        ),
    ] = None,
    demo: Demo = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """List the websites and query types that the server has, and which of them are loaded.

    Examples:

        databuddy-source discover

        databuddy-source discover --type top_pages

        databuddy-source discover --json
    """
    with for_people(verbose), account(demo) as choose:
        settings, _ = choose()
        server = contact(settings)
        warn_of_refused(server)
        if query_type:
            described = _describe(_called(query_type, server), server, settings)
            if as_json:
                write_json(asdict(described))
            else:
                _show_type(described)
            return
        types = [_describe(name, server, settings) for name in server.types]
        if as_json:
            websites = [each.model_dump(mode="json") for each in server.websites.values()]
            write_json(
                {
                    "generation": server.generation,
                    "websites": websites,
                    "query_types": [asdict(each) for each in types],
                }
            )
        else:
            _show_websites(server)
            _show_types(types)


def _called(name: str, server: Server) -> str:
    """What the server calls a type.

    Raises:
        UnknownQueryType: it lacks it.
    """
    query_type, _ = split_name(name)  # `top_pages_weekly` is `top_pages` by week
    called = name if name in server.types else server.spelling(query_type)
    if called is None:
        near = load_catalog().suggestions(name, server.types)
        raise UnknownQueryType(
            f"This server has no query type {name!r}",
            f"Did you mean {' or '.join(near)}?" if near else "",
        )
    return called


def _describe(called: str, server: Server, settings: Settings) -> Described:
    config = server.types[called]
    meta = config.meta or TypeMeta()
    known = load_catalog().get(called).on(server.generation)
    grains = [grain.value for grain in Grain if not known.why_not_by(grain, server.generation)]
    return Described(
        name=known.name,
        called=called,
        documented_as=list(known.aliases),
        title=meta.title or "",
        description=meta.description or "",
        category=meta.category or OTHER,
        shape=known.shape.value if known.known else "unknown",
        grains=[] if known.why_not_loadable else grains,
        filters=None if config.allowedFilters is None else sorted(config.allowedFilters),
        tables=[each.name for each in settings.chosen_reports() if each.query_type == known.name],
        personal=known.personal,
        note=_note(known),
        known=known.known,
        columns=_columns(known, config),
    )


def _note(known: QueryType) -> str:
    if known.why_not_loadable:
        return known.why_not_loadable
    if known.personal:
        return "it is about single visitors, so it loads only when it is named"
    if known.fails:
        return "it failed on every call when it was measured"
    return "" if known.known else "the catalogue lacks it, so it loads only when it is named"


def _columns(known: QueryType, config: TypeConfig) -> list[Column]:
    fields = {field.name: field for field in config.meta.output_fields} if config.meta else {}
    said = {name: field.description or "" for name, field in fields.items()}
    if not known.columns:
        return [Column(name, field.type or "", None, said[name]) for name, field in fields.items()]
    return [
        Column(
            name,
            type_name(kind),
            kind.adds_up,
            comment_on(known, name, Grain.DAY, sums=False),
            meaning.label,
            meaning.unit or "",
            meaning.of,
            meaning.sign,
            meaning.weight,
            asked_instead(known, name, Grain.DAY),
        )
        for name, kind in known.columns.items()
        if (meaning := meaning_of(known, name))
    ]


def _show_websites(server: Server) -> None:
    table = WholeWords()
    for column in ("id", "domain", "name", "public"):
        table.add_column(column)
    for website in server.websites.values():
        public = {True: "yes", False: "no"}.get(website.isPublic or False, "")
        table.add_row(shown(website.id), shown(website.domain), shown(website.name), public)
    out.print(table)


def _show_types(types: list[Described]) -> None:
    table = WholeWords()
    for column in ("query type", "title", "shape", "grains", "filters", "loaded"):
        table.add_column(column, no_wrap=column == "query type")
    categories = sorted({each.category for each in types}, key=lambda name: (name == OTHER, name))
    for category in categories:
        table.add_section()
        table.add_row(Text(shown(category), "bold"))
        for each in types:
            if each.category == category:
                table.add_row(
                    f"  {shown(each.name)}",
                    shown(each.title),
                    each.shape,
                    " ".join(grain[0] for grain in each.grains),
                    "?" if each.filters is None else str(len(each.filters)),
                    _loaded(each),
                )
    out.print()
    out.print(table)
    loaded = sum(bool(each.tables) for each in types)
    out.print(f"\n{len(types)} query types, {loaded} loaded; grains are hour, day, week, month.")
    if unknown := [shown(each.called) for each in types if not each.known]:
        out.print(f"Not in the catalogue, so loaded only when named: {', '.join(unknown)}.")
    out.print("More on one of them, with its columns: discover --type NAME")


def _loaded(each: Described) -> str:
    if each.tables:
        return "yes"
    if not each.grains:
        return "cannot be"
    return "when named" if each.personal or not each.known else ""


def _show_type(each: Described) -> None:
    out.print(Text(" ".join(filter(None, (each.name, shown(each.title)))), "bold"))
    facts = {
        "": each.description,
        "category": each.category,
        "shape": each.shape,
        "grains": ", ".join(each.grains),
        "loaded into": ", ".join(each.tables) or "nothing",
        "but": each.note,
        "this server says": each.called if each.called != each.name else "",
        "documented as": ", ".join(each.documented_as),
        "filters": "?" if each.filters is None else ", ".join(each.filters) or "none",
    }
    for label, value in facts.items():
        if value:
            out.print(f"{label:<17}{shown(value, 900)}" if label else shown(value, 900))
    if not each.columns:
        out.print("\nIts columns are not known before it is loaded.")
        return
    table = WholeWords()
    for heading in ("column", "type", "may be summed", "description"):
        table.add_column(heading)
    for column in each.columns:
        summed = {True: "yes", False: "no", None: ""}[column.adds_up]
        table.add_row(column.name, column.type, summed, shown(column.description, 500))
    out.print()
    out.print(table)
