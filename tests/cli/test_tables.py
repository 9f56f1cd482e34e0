"""Tables on a narrow terminal: half a number is another number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from databuddy_source import Loaded
from databuddy_source.cli import console
from databuddy_source.cli.summaries import summary
from tests.cells import DAY
from tests.cli.conftest import PROJECT, Outcome

FEW = ("--report", "summary_metrics", "--report", "page_scroll_performance")
WIDTHS = [40, 50, 60, 80]


@pytest.fixture
def at() -> Iterator[Callable[[int], None]]:
    """Makes the terminal as wide as is said."""
    before = console.out.width

    def change(columns: int) -> None:
        console.out.width = columns

    yield change
    console.out.width = before


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--refetch", *FEW),
        ("status", *FEW),
        ("remove", "--dry-run", *FEW),
        ("discover",),
        ("discover", "--type", "pages"),
    ],
    ids=" ".join,
)
def test_each_word_of_a_table_stands_whole_on_a_narrow_terminal(
    command: tuple[str, ...], invoke: Callable[..., Outcome], at: Callable[[int], None]
) -> None:
    assert invoke(*FEW).exit_code == 0
    at(1_000)
    wide = invoke(*command)
    for columns in WIDTHS:
        at(columns)
        narrow = invoke(*command)
        assert narrow.exit_code == wide.exit_code == 0, narrow.stderr
        lost = Counter(_words(wide.stdout)) - Counter(narrow.stdout.split())
        assert not lost, f"{columns} columns:\n{narrow.stdout}"


def _words(shown: str) -> Iterator[str]:
    """Words of all but a calendar, which is made for the width."""
    for part in shown.split("\n\n"):
        if "~~~~  " not in part:
            yield from part.split()


def test_what_a_run_loaded_has_its_numbers_whole_on_a_narrow_terminal(
    at: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = [
        Loaded("page_scroll_performance", 14_236_512, 20, 0, DAY, DAY, "America/New_York"),
    ]
    for columns in WIDTHS:
        at(columns)
        summary(loaded, [], [], 60, 1.0)
        words = capsys.readouterr().out.split()
        assert {"page_scroll_performance", "America/New_York"} <= set(words)
        assert (words.count("14,236,512"), words.count(str(DAY))) == (2, 2)


def test_there_is_one_kind_of_table() -> None:
    """The one that breaks no word."""
    face = PROJECT / "databuddy_source" / "cli"
    users = {path.name for path in face.rglob("*.py") if "rich.table" in path.read_text("utf-8")}
    assert users == {"tables.py"}
