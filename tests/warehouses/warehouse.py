"""What the scenario asks of a warehouse; each module beside this one is one."""

from typing import Any, Protocol


class Warehouse(Protocol):
    """A running warehouse: where a pipeline loads to, and how a test reads what arrived."""

    name: str  # of the destination: "duckdb", "ducklake", "postgres", "bigquery", "snowflake"
    engine: str  # "real" or "emulator (DuckDB inside)": what shows a claim

    def destination(self) -> Any:
        """A dlt destination, ready for `dlt.pipeline(destination=...)`."""
        ...

    def environment(self) -> dict[str, str]:
        """The variables that a process (the command line, a child) needs to reach it."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What SQL reads, over a connection of its own; identifiers as dlt writes them."""
        ...

    def table(self, dataset: str, name: str) -> str:
        """The qualified, quoted name for SQL."""
        ...

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        """Column (None: the table) -> its comment."""
        ...

    def close(self) -> None: ...
