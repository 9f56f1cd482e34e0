"""The manual says what the code says. `UPDATE_DOCS=1` rewrites what is stale."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from databuddy_source.cli.failures import sentence_and_code
from databuddy_source.cli.program import Exit
from databuddy_source.config.accounts import Account
from databuddy_source.config.keys import HIDDEN, SETTINGS
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings
from databuddy_source.errors import DatabuddyError
from databuddy_source.model.reports import Condition
from docs import generate
from docs.parts.commands import every_command
from docs.parts.errors import error_classes
from docs.parts.markdown import docstrings

DOCS = Path(generate.__file__).parent


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_generated_parts_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(generate.renewed(text), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == generate.renewed(text), "run with UPDATE_DOCS=1"


def test_every_generated_part_has_a_place() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in generate.pages())
    assert {found[2] for found in generate.MARKED.finditer(texts)} == set(generate.PARTS)


def test_every_key_has_a_meaning_and_an_example_that_is_allowed() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for model in (Settings, Account, ReportSetting, Condition):
        told = docstrings(model)
        for name in model.model_fields:
            if name != "credential":
                assert f"\n| `{name}` |" in text
                assert told[name]
    example = tomllib.loads(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[-1])
    keys = example["sources"]["databuddy"]
    assert set(keys) == set(SETTINGS) - set(HIDDEN)  # these belong to another file
    chosen = Settings.of(**keys)
    assert all(getattr(chosen, name) != getattr(Settings(), name) for name in keys)


def test_every_option_and_exit_code_is_in_the_manual() -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for name, command in every_command().items():
        section = text.split(f"\n### {name}\n")[1].split("\n### ")[0]
        for option in command.params:
            assert option.help, option.name
            names = [each if each.startswith("-") else each.upper() for each in option.opts]
            assert all(f"`{name}`" in section for name in names)
    assert all(f"\n| `{code.value}` |" in text for code in Exit)


RAISED = [kind for kind in error_classes() if kind.default_todo or not kind.__subclasses__()]


@pytest.mark.parametrize("kind", sorted(RAISED, key=str), ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_manual(kind: type[DatabuddyError]) -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    section = text.split(f"\n### {kind.__name__}\n")[1].split("\n### ")[0]
    assert kind.default_todo in section
    assert f"Exit code {sentence_and_code(kind('It happened'))[1]}." in section
