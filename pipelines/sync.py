#!/usr/bin/env python3
"""Keeps a data warehouse equal to Databuddy. `python pipelines/sync.py --help` tells how."""

from __future__ import annotations

import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # cron may start this anywhere: the project's .dlt/ and packages are found from this file
    os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT))
    sys.path.insert(0, str(PROJECT))
    for package in ("dlt", "lazy_loader", "typer"):
        if find_spec(package) is None:
            sys.stderr.write(
                f"This Python, {sys.executable}, lacks {package}: run "
                f"`{sys.executable} -m pip install '{PROJECT}[cli,duckdb]'`, or use the Python "
                "that has it.\n"
            )
            sys.exit(2)
    runpy.run_module("databuddy_source", run_name="__main__")
