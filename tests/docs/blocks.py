"""The code blocks of the README and the manual, and a folder in which they run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

from docs import generate
from tests import forked

PROJECT = generate.PROJECT

NOT_RUN: Final[Mapping[str, str]] = {
    "python3 -m venv .venv && .venv/bin/pip install '.[cli,duckdb]'": "needs a package index",
    ".venv/bin/pip install --upgrade '.[cli,duckdb]'": "needs a package index",
    "DESTINATION__DUCKDB__CREDENTIALS=databuddy_warehouse.duckdb .venv/bin/dlt pipeline "
    "--pipelines-dir .databuddy NAME drop countries": "asks before it drops",
    ".venv/bin/databuddy-source why top_pages --date 2026-01-31 --key name=/pricing": (
        "names a day that the demo does not have"
    ),
    ".venv/bin/databuddy-source why summary_metrics_weekly --date 2026-01-31 --ask": (
        "names a report that the demo does not load"
    ),
    ".venv/bin/databuddy-source verify --since 2026-01-01 --until 2026-01-31 --report pages": (
        "names days that the demo does not have, and nothing to compare is no success"
    ),
    "git pull": "needs a remote repository",
    "make quick": "is a part of `make test`",
    "make test": "would run this test",
    "make campaigns": "takes hours",
    "make cut-off": "takes an hour; make test has a sample of it",
    "make mutants": "takes an hour",
    "make mutants SAMPLE=20 SEED=7 ROOMS=coverage": "takes minutes, and needs a package index",
    "make coverage": "would run this test",
    "make test-ducklake": "takes minutes, and needs a package index",
    "make test-airflow": "takes minutes",
    "make test-browser": "needs a Chromium and a package index",
    "pip install '.[cli,duckdb,dashboard]'": "needs a package index",
    "make test-dbt": "takes minutes, and needs a package index",
    "cd dbt && dbt build --profiles-dir .": "needs dbt; tests/dbt has it",
    "cd dbt && dbt source freshness --profiles-dir .": "as above",
    "mf query --metrics pageviews_of_top_pages --group-by metric_time__month,website__domain": (
        "needs MetricFlow; tests/dbt has it"
    ),
    "packages:\n  - local: ../dbt": "needs dbt; tests/dbt has it",
    "pip install 'dbt-core>=1.11,<1.12' 'dbt-duckdb>=1.10,<2'": "needs a package index",
    "make docs": "test_site.py builds the site",
    ".venv/bin/python docs/generate.py": "test_generated.py does the same",
    ".venv/bin/databuddy-source --demo": "is `make demo`, which the first steps run twice",
    ".venv/bin/databuddy-source demo": "as above",
    ".venv/bin/databuddy-source demo --report pages --report countries": "as above",
    "systemctl --user daemon-reload": "needs systemd's user manager; the units are verified",
    "systemctl --user enable --now databuddy.timer": "as above",
    'airflow pools set databuddy 1 "Databuddy"': "needs an Airflow; tests/airflow makes one",
    "airflow dags unpause databuddy": "as above",
    "airflow backfill create --dag-id databuddy --from-date 2026-11-10T00:00+01:00 "
    "--to-date 2026-11-11T23:59+01:00": "as above",
    "dagster dev -f pipelines/dagster_defs.py": "never ends; test_wrappers.py loads the file",
    "SET search_path TO databuddy": "needs Postgres",
    ".venv/bin/databuddy-source init": "asks; test_init_command.py answers",
    "pass databuddy | .venv/bin/databuddy-source init --api-key-stdin "
    "--timezone Europe/Berlin": "needs a password store; test_init_command.py has another one",
    ".venv/bin/databuddy-source init --yes --website example.com --destination postgres": (
        "writes over the configuration; test_init_command.py does it elsewhere"
    ),
    ".venv/bin/databuddy-source check --destination postgres": (
        "needs Postgres; tests/warehouses has it"
    ),
    "pip install '.[cli,bigquery]'": "needs a package index",
    "pip install '.[cli,snowflake]'": "needs a package index",
    'export DESTINATION__BIGQUERY__CREDENTIALS="$(cat service-account.json)"': (
        "needs an account at Google"
    ),
    "export DESTINATION__BIGQUERY__LOCATION=EU": "as above",
    "databuddy-source check --destination bigquery": "as above; tests/warehouses emulates",
    "export DESTINATION__SNOWFLAKE__CREDENTIALS="
    "'snowflake://user:password@account/database?warehouse=WH&role=LOADER'": (
        "needs an account at Snowflake"
    ),
    "databuddy-source check --destination snowflake": "as above; tests/warehouses emulates",
    "pip install '.[cli,ducklake]'": "needs a package index",
    "export DESTINATION__DUCKLAKE__CREDENTIALS__DUCKLAKE_NAME=lake": "tests/warehouses/ducklake.py",
    "export DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG="
    "postgresql://user:password@host:5432/database": (
        "needs a server; tests/warehouses/ducklake_in_postgres.py"
    ),
    "export DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE__BUCKET_URL=s3://bucket/lake": (
        "needs a bucket; tests/warehouses/ducklake.py has a folder"
    ),
    "databuddy-source check --destination ducklake": "needs DuckDB's extension; tests/warehouses",
}
"""Every command of the manual that no test runs, with the reason."""

EXITS: Final[Mapping[str, int]] = {
    ".venv/bin/databuddy-source status": 3,
    ".venv/bin/databuddy-source status --json": 3,
    ".venv/bin/databuddy-source status --since 2026-01-01 --report pages": 3,
    ".venv/bin/databuddy-source export --since 2026-01-01 --report pages --into exports": 1,
    ".venv/bin/databuddy-source export --since 2026-01-31 --report pages --format json": 1,
}
"""Commands that may end with another exit code than 0 here: days are lacking, and the demo server
is one of 2026, which exports nothing."""

OWN_TESTS: Final[Mapping[str, str]] = {
    "numbers.md": "its queries are about certain days of a demo server of their own",
}
"""Pages whose blocks are run by tests of their own."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: file name of its page.
        language: what stands behind the fence.
        text: without the indentation of its list.
        before: the last line of text before it.
    """

    page: str
    language: str
    text: str
    before: str


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^( *)```(\S*)\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE)
    return [
        Block(page.name, each[2], dedent(each[3]), text[: each.start()].strip().split("\n")[-1])
        for each in found
    ]


BLOCKS: Final = [
    block for page in generate.pages() if page.name not in OWN_TESTS for block in _blocks(page)
]


def in_language(language: str) -> list[Block]:
    """The blocks of a language, in the order of the pages."""
    return [block for block in BLOCKS if block.language == language]


def shell_of(page: str) -> list[str]:
    """The page's blocks of shell words, without the lines that `NOT_RUN` lists."""
    blocks = []
    for block in in_language("sh"):
        kept = [line for line in block.text.splitlines() if command(line) not in NOT_RUN]
        if block.page == page and kept:
            blocks.append("\n".join(kept))
    return blocks


def command(line: str) -> str:
    """A line of shell words without a comment."""
    return re.sub(r"\s+#.*", "", line)


def with_exits(words: str) -> str:
    """Shell words that go on after the exit codes that are expected of them."""
    lines = []
    for line in words.splitlines():
        code = EXITS.get(command(line))
        lines.append(line if code is None else f"{command(line)} || [ $? = {code} ]")
    return "\n".join(lines)


def commands_of(page: str) -> set[str]:
    """The page's lines of shell words that can be run."""
    return {command(line) for words in shell_of(page) for line in words.splitlines()}


def pages_to_run() -> list[str]:
    """Pages that together have every command. One whose commands all stand, word for word, on
    others is not run again: each takes seconds."""
    pages = {block.page: commands_of(block.page) for block in in_language("sh")}
    for page in sorted(pages, key=lambda page: len(pages[page])):
        if pages[page] <= set().union(*(own for other, own in pages.items() if other != page)):
            del pages[page]
    return sorted(pages)


@dataclass(frozen=True)
class Checkout:
    """What a user has after `git clone` and an installation, with `~` above it.

    Attributes:
        home: the user's home.
        environment: of what runs.
        key: that stands where the manual has `dbdy_...`.
    """

    home: Path
    environment: Mapping[str, str]
    key: str

    @property
    def folder(self) -> Path:
        return self.home / "databuddy-source"

    def make(self) -> None:
        """Link the project's files, and this Python, forked, as that of `.venv`."""
        bin_ = self.folder / ".venv" / "bin"
        bin_.mkdir(parents=True)
        for path in PROJECT.iterdir():
            if not path.name.startswith(".") and path.suffix != ".duckdb":
                (self.folder / path.name).symlink_to(path)
        anew, python = shlex.quote(sys.executable), shlex.join(forked.python())
        (bin_ / "python").write_text(
            f'#!/bin/sh\ncase "$*" in *pytest*) exec {anew} "$@" ;; esac\nexec {python} "$@"\n'
        )
        (bin_ / "databuddy-source").write_text(
            f'#!/bin/sh\nexec {python} -m databuddy_source "$@"\n'
        )
        for program in bin_.iterdir():
            program.chmod(0o755)
        (self.folder / ".venv" / ".installed-demo").touch()  # so that make installs nothing

    def run(self, words: str, folder: Path | None = None) -> str:
        """Run shell words as they stand there. Returns what they print; fails when they do."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", words.replace("dbdy_...", self.key)],
            cwd=folder or self.folder,
            env={
                **{name: value for name, value in os.environ.items() if name in {"PATH", "LANG"}},
                "HOME": str(self.home),
                "DLT_PROJECT_DIR": str(self.folder),
                "DLT_DATA_DIR": str(self.home / "dlt"),
                "PYTHONPATH": str(PROJECT),
                "PYTHONDONTWRITEBYTECODE": "1",
                # as in tests/conftest.py: seconds for each command
                "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
                **self.environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout
