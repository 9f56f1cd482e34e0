"""How far a run is: a live line on a terminal, now and then a line in a log."""

from __future__ import annotations

import time
from collections import Counter
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.text import Text

from databuddy_source.api.budget import Budget
from databuddy_source.api.limiter import WINDOW
from databuddy_source.cli.console import err, say
from databuddy_source.clock import in_words
from databuddy_source.config.connect import Budgets
from databuddy_source.dlt_seam import Collector

EVERY = 30.0
"""Seconds between two lines in a log."""

ENOUGH_TO_TELL = 0.05
"""Share of the cells. The first answers come late: several heavy requests are on their way."""

STAGES = {"Extract": "Asking", "Normalize": "Preparing", "Load": "Loading"}
"""dlt's steps, by the first word of what it calls them."""


def time_left(
    done: int, total: int, seconds: float, spent: int, budget: Budget | Budgets
) -> float | None:
    """Seconds that the rest will take at this speed, or longer where the rate limit is slower;
    None as long as too little is done to tell.

    Args:
        done: cells with an answer.
        total: cells of this load.
        seconds: that it took so far.
        spent: requests that it took so far.
        budget: of the key, or of all keys.
    """
    if done < total * ENOUGH_TO_TELL or not done:
        return None
    share = (total - done) / done
    beyond = share * spent - budget.left
    return max(share * seconds, beyond / budget.per_minute * WINDOW)


class Live(Collector):
    """What dlt and the source count, shown to people.

    Args:
        budget: of the key, or of all keys; tells requests.
        on_terminal: show a line that changes; else write a line every 30 s.
    """

    def __init__(self, budget: Budget | Budgets, *, on_terminal: bool) -> None:
        self._budget = budget
        self._on_terminal = on_terminal
        self._bar: Progress | None = None
        self._clear()

    def _clear(self) -> None:
        self._counts: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._spent = self._budget.spent
        self._started = self._told = time.monotonic()

    def __deepcopy__(self, memo: object) -> Self:
        return self  # dlt copies what a pipeline has; there is one terminal

    @property
    def share(self) -> tuple[int, int]:
        """How much is done, of how much."""
        what = next((name for name in ("Cells", "Jobs", "Files") if self._totals[name]), "")
        return self._counts[what], self._totals[what]

    def __str__(self) -> str:
        """Cells, the time that is left, rows, requests, and what remains of the budget."""
        done, total = self.share
        if not self._totals["Cells"]:
            return f"{done:,}/{total:,} files" if total else ""
        spent = self._budget.spent - self._spent
        left = time_left(done, total, time.monotonic() - self._started, spent, self._budget)
        parts = (
            f"{done:,}/{total:,} cells",
            "" if left is None else f"about {in_words(left)} left",
            f"{self._counts['Rows']:,} rows",
            f"{spent:,} request{'' if spent == 1 else 's'}, {self._budget.left} more this minute",
        )
        return ", ".join(part for part in parts if part)

    def update(
        self,
        name: str,
        inc: int = 1,
        total: int | None = None,
        inc_total: int | None = None,
        message: str | None = None,
        label: str | None = None,
    ) -> None:
        """Count on. Called by dlt and, from the fetcher's thread, by the source."""
        self._counts[name] += inc
        self._totals[name] = (self._totals[name] if total is None else total) + (inc_total or 0)
        if self._bar:
            done, total = self.share
            self._bar.update(self._bar.task_ids[0], completed=done, total=total or None)
        elif time.monotonic() - self._told >= EVERY and str(self):
            self._told = time.monotonic()
            done, total = self.share
            say(f"{self.stage}: {self}.", stage=self.stage, done=done, total=total)

    @property
    def stage(self) -> str:
        """What goes on, in a word."""
        first = self.step.split()[0]
        return STAGES.get(first, first)

    def _start(self, step: str) -> None:
        self._clear()
        if self._on_terminal:
            self._bar = Progress(
                SpinnerColumn(), BarColumn(12), _Words(self), console=err, transient=True
            )
            self._bar.add_task("", total=None)
            self._bar.start()

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


class _Words(ProgressColumn):
    """The numbers beside the bar; drawn again and again, since the budget grows by itself."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def render(self, task: Task) -> Text:
        return Text(f"{self._live.stage} {self._live}", no_wrap=True, overflow="ellipsis")
