"""Runs the demo server until interrupted: `python -m databuddy_source.demo --port 8000`."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from datetime import date

from databuddy_source.demo.generations import GENERATIONS
from databuddy_source.demo.limits import Plan
from databuddy_source.demo.server import DemoServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve, and say where and with which key."""
    parser = argparse.ArgumentParser(
        prog="python -m databuddy_source.demo", description="A Databuddy server of your own."
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        help="last day with visitors, YYYY-MM-DD (default: today)",
    )
    parser.add_argument(
        "--generation", choices=GENERATIONS, default="2026-04", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--rate-limit", choices=[plan.name.lower() for plan in Plan], help="(default: none)"
    )
    parser.add_argument(
        "--days", type=int, default=90, help="days with visitors (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7, help="other visitors (default: %(default)s)")
    chosen = parser.parse_args(arguments)

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    plan = Plan[chosen.rate_limit.upper()] if chosen.rate_limit else None
    try:
        return _serve(chosen, plan, stopped)
    except OSError as error:
        parser.exit(
            1,
            f"Port {chosen.port} cannot be listened on: {error.strerror or error}. Name another "
            "with --port; 0 takes a free one.\n",
        )


def _serve(chosen: argparse.Namespace, plan: Plan | None, stopped: threading.Event) -> int:
    with DemoServer(
        today=chosen.today,
        generation=chosen.generation,
        rate_limit=plan,
        days=chosen.days,
        seed=chosen.seed,
        port=chosen.port,
    ) as server:
        print(f"Databuddy demo server: {server.url}\nAPI key: {server.api_key}\nWebsites:")
        for website in server.websites:
            print(f"  {website.id}  {website.domain}")
        print("Ctrl-C stops it.", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
