"""A Databuddy server over synthetic visitors, for tests and for trying things out.

Every answer is computed by SQL from the events of one in-memory store, so tests can compare what a
client made of the answers with the events themselves. It shares no code with the rest of this
package: it is a witness of its own.

    with DemoServer(today=date(2026, 11, 22)) as server:
        httpx.get(f"{server.url}/query/websites", headers={"x-api-key": server.api_key})

From the command line: `python -m databuddy_source.demo --port 8000`.
"""

import sys

try:
    from databuddy_source.demo.account import Billing
    from databuddy_source.demo.arrivals import Arrival
    from databuddy_source.demo.faults import Fault
    from databuddy_source.demo.generations import GENERATIONS, Generation
    from databuddy_source.demo.limits import Plan
    from databuddy_source.demo.queries import Query, queries
    from databuddy_source.demo.server import DemoServer
    from databuddy_source.demo.silence import Added, Silence, Vanished
    from databuddy_source.demo.store import Events
    from databuddy_source.demo.websites import Website
except ModuleNotFoundError as error:
    if sys.argv[:1] != ["-m"]:  # what Python says of `python -m` while it looks for the module
        raise
    sys.exit(
        f"The demo server needs the extra demo: pip install 'databuddy-source[demo]' ({error})"
    )

__all__ = [
    "GENERATIONS",
    "Added",
    "Arrival",
    "Billing",
    "DemoServer",
    "Events",
    "Fault",
    "Generation",
    "Plan",
    "Query",
    "Silence",
    "Vanished",
    "Website",
    "queries",
]
