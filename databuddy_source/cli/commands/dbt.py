"""The command `dbt`: a dbt project of what is loaded."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from databuddy_source import write_dbt_project
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, out, say
from databuddy_source.cli.options import Dataset, Demo, Destination, StateDir, Verbose
from databuddy_source.warehouse.target import Warehouse


class Step(StrEnum):
    """What can be done."""

    INIT = "init"


def dbt(
    step: Annotated[Step, typer.Argument(metavar="init", help="Write a project.")],
    folder: Annotated[Path, typer.Argument(help="Where it is written.")] = Path("dbt"),
    demo: Demo = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Write a dbt project of what is loaded: models, tests and descriptions.

    It has a view of each table, tables of days, weeks, months, pages, sources and health made of
    them, and a profile that names the warehouse and no secret. Write it anew after reports came or
    went: the profile and files of your own are kept.

    Examples:

        databuddy-source dbt init

        databuddy-source dbt init analytics/databuddy
    """
    with for_people(verbose), account(demo, asks=False) as choose:
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        # what is wrong with the configuration is told first
        settings, _ = choose(warehouse.place.name)
        warehouse = warehouse.for_a_look()
        warehouse.open()
        made = write_dbt_project(warehouse.pipeline, folder, warehouse.file, settings)
    out.print(f"{folder} has models of {len(made.tables)} tables and {len(made.marts)} marts.")
    if made.kept:
        out.print(f"{folder / 'profiles.yml'} says otherwise, and was left as it is.")
    out.print(f"\nNext:\n\n  cd {shlex.quote(str(folder))} && dbt build --profiles-dir .")
