"""Every code block of the README and the manual works as it stands there."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import tomllib

import duckdb
import pytest

from databuddy_source.config.settings import Settings
from tests.docs.blocks import (
    BLOCKS,
    EXITS,
    NOT_RUN,
    PROJECT,
    Block,
    Checkout,
    commands_of,
    in_language,
    pages_to_run,
    shell_of,
    with_exits,
)
from tests.docs.queries import QUERIES


@pytest.mark.parametrize("page", pages_to_run())
def test_the_commands_of_a_page_run_in_its_order(page: str, checkout: Checkout) -> None:
    for words in shell_of(page):
        checkout.run(with_exits(words))


def test_every_command_is_run_somewhere() -> None:
    run = {command for page in pages_to_run() for command in commands_of(page)}
    assert run == {command for block in BLOCKS for command in commands_of(block.page)}
    assert len(run) > 20
    assert set(EXITS) <= run


@pytest.mark.parametrize("block", in_language("toml"), ids=lambda block: block.page)
def test_a_configuration_is_accepted(block: Block) -> None:
    match tomllib.loads(block.text):
        case {"sources": {"databuddy": keys}}:
            assert keys
            Settings.of(**keys)
        case other:
            assert set(other) == {"destination"}


def test_files_are_read_as_the_manual_says(checkout: Checkout) -> None:
    of_page = [block.text for block in in_language("toml") if block.page == "configuration.md"]
    (checkout.folder / ".dlt").mkdir()
    for name, text in zip(("secrets.toml", "config.toml"), of_page, strict=False):
        (checkout.folder / ".dlt" / name).write_text(text, encoding="utf-8")
    checkout.run(".venv/bin/databuddy-source")
    with duckdb.connect(str(checkout.folder / "web.duckdb")) as connection:
        connection.execute("USE web.databuddy")
        found = connection.execute(
            "SELECT DISTINCT report, grain, filters FROM coverage"
        ).fetchall()
    filters = {report: (grain, conditions) for report, grain, conditions in found}
    assert filters["phone_pages"][0] == "week"
    assert "tablet" in filters["phone_pages"][1]


def test_sql_reads_what_a_sync_loads(checkout: Checkout) -> None:
    own = {query.sql for query in QUERIES.values()}  # test_queries.py runs these
    statements = [
        block.text.strip().removesuffix(";")
        for block in in_language("sql")
        if block.text not in own
    ]
    assert len(statements) >= 3
    reports = ("top_pages", "summary_metrics", "summary_metrics_weekly")
    checkout.run(" --report ".join([".venv/bin/databuddy-source", *reports]))
    assert statements.count("USE databuddy") == 1
    for statement in statements:
        code = (
            "import duckdb\n"
            "with duckdb.connect('databuddy_warehouse.duckdb') as connection:\n"
            "    connection.execute('USE databuddy')\n"
            f"    connection.execute({statement!r}).fetchall()\n"
        )
        (checkout.folder / "query.py").write_text(code, encoding="utf-8")
        checkout.run(".venv/bin/python query.py")


def test_python_is_that_of_the_examples() -> None:
    files = {file.read_text(encoding="utf-8") for file in (PROJECT / "examples").glob("*.py")}
    assert {block.text for block in in_language("python")} == files


@pytest.mark.parametrize("block", in_language("crontab"), ids=lambda block: block.page)
def test_a_line_of_cron_runs(block: Block, checkout: Checkout) -> None:
    *when, words = block.text.strip().split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*,/-]+", field) for field in when)
    assert "%" not in words  # which cron reads as a line break
    checkout.run(words, checkout.home)
    assert "rows in 1 table," in (checkout.folder / "sync.log").read_text()


def test_the_units_of_systemd_are_sound(checkout: Checkout) -> None:
    units = checkout.home / "units"
    units.mkdir()
    for block in in_language("ini"):
        name = re.findall(r"([\w.]+)`", block.before)[-1]
        (units / name).write_text(block.text, encoding="utf-8")
    service = configparser.ConfigParser(interpolation=None)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read(units / "databuddy.service")
    place, words = (
        service["Service"][key].replace("%h", str(checkout.home))
        for key in ("WorkingDirectory", "ExecStart")
    )
    assert place == str(checkout.folder)
    assert "rows in 1 table," in checkout.run(words)
    if verify := shutil.which("systemd-analyze"):
        done = subprocess.run(
            [verify, "--user", "verify", *sorted(map(str, units.iterdir()))],
            env={"HOME": str(checkout.home), "XDG_RUNTIME_DIR": str(checkout.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_messages_are_worded_as_in_the_manual() -> None:
    page = (PROJECT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = page.split("## Other messages")[1].split("##")[0]
    messages = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)[2:]
    said = [
        node.value
        for file in (PROJECT / "databuddy_source" / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(messages) >= 5
    for message in messages:
        for part in filter(None, map(str.strip, message.split("…"))):
            assert any(part in each for each in said), part


def test_no_block_is_left_out() -> None:
    looked_at = {"sh", "toml", "sql", "python", "crontab", "ini"}
    pictures = {
        (page, "text") for page in ("how-it-works.md", "CONTRIBUTING.md", "command-line.md")
    }
    for block in BLOCKS:
        assert (
            block.language in looked_at
            or (block.page, block.language) in pictures
            or block.text.strip() in NOT_RUN
        ), block


def test_every_exception_is_in_the_manual() -> None:
    lines = {re.sub(r"\s+#.*", "", line) for block in BLOCKS for line in block.text.splitlines()}
    assert set(NOT_RUN) <= lines | {block.text.strip() for block in BLOCKS}
