"""Names that others chose steer no terminal, break no line, and stop no command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from databuddy_source.cli.console import LONGEST_TEXT
from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import Outcome

Invoke = Callable[..., Outcome]

NAMES = [
    "🦆👩‍👩‍👧",
    "[red]markup[/red] [/]",
    ":smile: {braces} %s",
    "x" * 2_000,
    "\x1b]0;title\x07\x1b[31mred",
    "two\r\nlines\x00\x9b2J",
    "\u202eright to left",
    "half \ud800 a pair",
]


@pytest.fixture(autouse=True)
def _strange(server: DemoServer) -> Iterator[None]:
    websites = [
        {"id": f"{place}{name}"[:300], "name": name, "domain": name, "isPublic": True}
        for place, name in enumerate(NAMES)
    ]
    body = json.dumps({"success": True, "websites": websites})
    types = json.dumps({"types": ["top_pages", *NAMES], "presets": [], "configs": {}})
    as_json = {"content-type": "application/json"}
    server.faults.add(
        Fault(path="/v1/query/websites", status=200, body=body, headers=as_json, times=None),
        Fault(path="/v1/query/types", status=200, body=types, headers=as_json, times=None),
        Fault(status=500, body=json.dumps({"error": "\x1b[31m[/red]\x9b"}), times=None),
    )
    yield
    server.faults.clear()


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "--json"],
        ["check", "--website", "\x1b[31m[/red].example"],
        ["discover"],
        ["discover", "--json"],
        ["discover", "--type", "top_pages"],
        ["discover", "--type", NAMES[1]],
        ["discover", "--type", "\x1b[31m[/red]"],
        ["plan", "--report", "pages", "--since", "2026-01-01"],
        ["--report", "\x1b[31m[/red]"],
        ["--dataset", "\x1b[31m[/red]"],
        ["--destination", "\x1b[31m[/red]"],
    ],
    ids=" ".join,
)
def test_what_is_shown_holds_no_control_character(words: list[str], invoke: Invoke) -> None:
    done = invoke(*words)
    assert done.exit_code in {0, 1, 2}, done.exception
    shown = (done.stdout + done.stderr).replace("\n", "")
    assert shown.replace("\u200d", "").isprintable(), shown
    assert "MarkupError" not in shown
    assert (
        max(map(len, done.stdout.splitlines()), default=0) <= LONGEST_TEXT + 100
        or "--json" in words
    )


def test_markup_is_shown_as_it_is(invoke: Invoke) -> None:
    done = invoke("discover")
    assert "[red]markup[/red] [/]" in done.stdout
    assert "🦆" in done.stdout
    assert ":smile: {braces} %s" in done.stdout
    assert "\\x1b[31mred" in done.stdout
    assert "two lines\ufffd\\x9b2J" in done.stdout  # no warehouse takes a zero byte
    names = [each["name"] for each in json.loads(invoke("discover", "--json").stdout)["websites"]]
    assert names[:-1] == [name.replace("\0", "\ufffd") for name in NAMES[:-1]]
