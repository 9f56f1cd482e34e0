"""Synthetic visitors: fills a DuckDB connection with the tables `events` and `countries`.

The SQL in `visitors.sql` draws everything from the seed and the number of a day counted from
`today`, with integer arithmetic: the same seed gives the same traffic on every machine, whatever
day `today` is.
"""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files

import duckdb

from databuddy_source.demo.websites import BLOG, SHOP

LONGEST_DELAY = timedelta(days=2)


def generate(
    connection: duckdb.DuckDBPyConnection,
    *,
    seed: int,
    today: date,
    days: int,
    ahead: int = 0,
) -> None:
    """Create `events` and `countries`: `days` UTC days that end with `today`, and `ahead` days
    after it.

    Times are UTC without a zone. Each event also has `received_at`, up to two days after `time`.
    """
    # SET takes no bound parameters; these are numbers, a date and two constants of this package.
    connection.execute(f"""
        SET VARIABLE seed = {int(seed)};
        SET VARIABLE today = DATE '{today.isoformat()}';
        SET VARIABLE days = {int(days)};
        SET VARIABLE ahead = {int(ahead)};
        SET VARIABLE shop = '{SHOP.id}';
        SET VARIABLE blog = '{BLOG.id}';
    """)
    connection.execute(files(__package__).joinpath("visitors.sql").read_text(encoding="utf-8"))
