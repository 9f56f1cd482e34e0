#!/usr/bin/env python3
"""Keeps a data warehouse equal to Databuddy. `python pipelines/sync.py --help` tells how."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # cron may start this anywhere: the project's .dlt/ and packages are found from this file
    os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT))
    sys.path.insert(0, str(PROJECT))
    runpy.run_module("databuddy_source", run_name="__main__")
