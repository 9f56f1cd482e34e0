#!/usr/bin/env python3
"""Keeps a data warehouse equal to Databuddy. `python pipelines/sync.py --help` tells how."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

INTERRUPT = signal.getsignal(signal.SIGINT)
if __name__ == "__main__" and INTERRUPT is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while this loads: no traceback

PROJECT = Path(__file__).resolve().parent.parent
# cron may start this anywhere: the project's .dlt/ and packages are found from this file
os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT))
sys.path.insert(0, str(PROJECT))

from databuddy_source.cli.app import app, main  # noqa: E402

__all__ = ["app"]

if __name__ == "__main__":
    main(INTERRUPT)
