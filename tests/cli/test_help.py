"""Help has examples that parse; completion knows names without asking a server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cli.conftest import PROJECT, Run


def commands() -> Mapping[str, Any]:
    from databuddy_source.cli.app import every_command

    return every_command()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_examples_that_parse(name: str) -> None:
    command = commands()[name]
    examples = re.findall(r"databuddy-source(.*)", command.help)
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example)
        if words and words[0] in commands():
            assert words.pop(0) == name
        command.make_context(name, words)


@pytest.mark.parametrize("name", sorted(commands()))
def test_what_a_command_is_for_is_told_alike(name: str) -> None:
    from databuddy_source.cli.app import COMMANDS

    assert commands()[name].help.startswith(COMMANDS[name])


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("pipelines/sync.py", "python pipelines/sync.py"),
        ("/srv/my shop/pipelines/sync.py", "python '/srv/my shop/pipelines/sync.py'"),
        (
            "/usr/lib/python3/databuddy_source/__main__.py",
            "python -m databuddy_source",
        ),
        (".venv/bin/databuddy-source", ".venv/bin/databuddy-source"),
        ("/usr/local/bin/databuddy-source", "databuddy-source"),  # found in the PATH
        ("/usr/bin/pytest", "databuddy-source"),
    ],
)
def test_hints_name_the_program_as_it_was_called(
    typed: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databuddy_source.cli import program

    monkeypatch.setattr(sys, "argv", [typed, "plan"])
    assert program.called() == called


def test_usage_and_examples_name_the_program_as_it_was_called(run: Run) -> None:
    shown = run("plan", "--help").stdout
    path = shlex.quote(str(PROJECT / "pipelines" / "sync.py"))
    # a long path is followed by a line of its own
    assert " ".join(shown.split()).startswith(f"Usage: python {path} plan [OPTIONS] ")
    assert f"\n      python {path} plan --since 2024-01-01" in shown
    assert "databuddy-source" not in shown.replace(path, "")


def test_help_imports_nothing_that_takes_time() -> None:
    """It takes a third of what `import dlt` does, while it imports no such thing."""
    code = (
        "import sys\n"
        "from databuddy_source.__main__ import main\n"
        "sys.argv = ['databuddy-source', '--help']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    *_, loaded = done.stdout.splitlines()
    assert "demo" in done.stdout
    heavy = {"dlt", "pyarrow", "duckdb", "pydantic", "httpx", "msgspec", "orjson", "pendulum"}
    assert not heavy & set(loaded.split())
    assert "typer" in loaded.split()


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


APART = """
import importlib, sys
from databuddy_source.cli.app import COMMANDS
for name in COMMANDS:
    for ours in [each for each in sys.modules if each.startswith("databuddy_source")]:
        del sys.modules[ours]
    importlib.import_module(f"databuddy_source.cli.commands.{name}")
    print(name)
"""


def test_each_command_imports_what_it_needs_itself() -> None:
    """Most tests run commands where all has been imported before."""
    done = subprocess.run(
        [sys.executable, "-c", APART], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, list(commands())), done.stderr
