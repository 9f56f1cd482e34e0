"""bqemulator without what it would download: DuckDB's extensions for geography and Avro.

python bqemulator_offline.py PORT
"""

from __future__ import annotations

import sys

from bqemulator.api import health
from bqemulator.config import LogLevel, Settings
from bqemulator.server import run_forever
from bqemulator.storage.engine import DuckDBEngine


@health.router.post("/token")
def token() -> dict[str, object]:
    """What a service account asks for before its first request; bqemulator has no such thing."""
    return {"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}


if __name__ == "__main__":
    DuckDBEngine._load_spatial = lambda _: None
    DuckDBEngine._load_format_extensions = lambda _: None
    run_forever(Settings(rest_port=int(sys.argv[1]), grpc_port=0, log_level=LogLevel.WARNING))
