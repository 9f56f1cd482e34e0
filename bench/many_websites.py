"""What a website more costs a sync: requests, processor time and memory of one process for so many
websites, each with three days of the default reports, first and once more. Into DuckDB.

    .venv/bin/python bench/many_websites.py 10 40 100
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
# development installs Airflow, and dlt would ask its database for each key
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from databuddy_source.demo import DemoServer


def sync(url: str, key: str, folder: str, first: str) -> None:
    """Sync in this process, and print what it took."""
    import dlt

    from databuddy_source import databuddy_source, load

    file = dlt.destinations.duckdb(str(Path(folder) / "warehouse.duckdb"))
    pipeline = dlt.pipeline("many", folder, destination=file, dataset_name="databuddy")
    began = time.monotonic()
    load(pipeline, databuddy_source(api_key=key, base_url=url, start_date=first))
    seconds, peak = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{seconds:>7.1f} {time.process_time():>9.1f} {peak / 1024:>6.0f}")


def with_websites(server: DemoServer, count: int) -> None:
    """Give a server so many websites, each with the events of its first one."""
    like = server.websites[0]
    server.events.websites.clear()
    with server.events.connection() as cursor:
        for number in range(count):
            own = replace(like, id=f"website-{number:05}", domain=f"{number}.example.com")
            server.events.websites.append(own)
            cursor.execute(
                "INSERT INTO events SELECT * REPLACE ($id AS website_id, $id || event_id AS "
                "event_id) FROM events WHERE website_id = $like",
                {"id": own.id, "like": like.id},
            )
    server.events.version += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("websites", nargs="*", type=int, default=[10, 40, 100])
    print(f"{'websites':>8} {'sync':>6} {'requests':>8} {'seconds':>7} {'processor':>9} {'MB':>6}")
    for count in parser.parse_args().websites:
        with tempfile.TemporaryDirectory() as folder, DemoServer(days=4) as server:
            with_websites(server, count)
            first = server.now.date() - timedelta(days=2)
            for kind in ("first", "again"):
                asked = len(server.log)
                server.now += timedelta(seconds=1)
                words = [server.url, server.api_key, folder, str(first)]
                done = subprocess.run(
                    [sys.executable, __file__, "--", *words],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                print(f"{count:>8} {kind:>6} {len(server.log) - asked:>8} {done.stdout.rstrip()}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--"]:
        sync(*sys.argv[2:])
    else:
        main()
