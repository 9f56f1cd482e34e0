"""Help has examples that parse; completion knows names without asking a server."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from tests.cli.conftest import Run


def commands() -> dict[str, Any]:
    from databuddy_source.cli.app import app

    return dict(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_examples_that_parse(name: str) -> None:
    command = commands()[name]
    examples = re.findall(r"python pipelines/sync\.py(.*)", command.help)
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example)
        if words and words[0] in commands():
            assert words.pop(0) == name
        command.make_context(name, words)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], {"sync", "init", "check", "discover", "backfill", "plan", "verify"}),
        (["ch"], {"check"}),
        (["--repo"], {"--report"}),
        (["--report", "top_pages_"], {"top_pages_hourly", "top_pages_weekly", "top_pages_monthly"}),
        (["verify", "--report", "events_by_d"], {"events_by_date", "events_by_date_hourly"}),
        (["sync", "--report", "link_"], {""}),
        (["sync", "--website", ""], {"a.example", "b.example"}),
        (["discover", "--type", "events_by"], {"events_by_date"}),
    ],
)
def test_completion(words: list[str], found: set[str], run: Run) -> None:
    variables = {
        "_SYNC.PY_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["sync.py", *words]),
        "COMP_CWORD": str(len(words)),
        "SOURCES__DATABUDDY__WEBSITES": "a.example,b.example",
        "SOURCES__DATABUDDY__BASE_URL": "http://127.0.0.1:9",
    }
    done = run(**variables)
    assert done.returncode == 0, done.stderr
    assert found <= set(done.stdout.split("\n"))
    if words != [""]:
        assert found == {line for line in done.stdout.split("\n") if line} or found == {""}
