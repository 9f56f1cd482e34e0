"""The README tells the truth: lists and options in it are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from databuddy_source.catalog import load_catalog
from databuddy_source.settings import Settings

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_default_reports_are_listed() -> None:
    section = README.split("<!-- default reports: checked by a test -->")[1].split("<!-- end -->")[
        0
    ]
    assert re.findall(r"`(\w+)`", section) == load_catalog().selection("default")


def test_all_personal_types_of_websites_are_listed() -> None:
    section = README.split("**Personal data.**")[1].split("\n\n")[0]
    personal = {
        query_type.name
        for query_type in load_catalog()
        if query_type.personal and not query_type.why_not_loadable
    }
    assert personal == set(re.findall(r"`(\w+)`", section))


def test_every_key_of_the_configuration_is_listed() -> None:
    section = README.split("## Configuration")[1].split("## The tables")[0]
    keys = set(Settings.model_fields) - {"credential", "since", "until", "refetch", "only_gaps"} | {
        "api_key",
        "session_cookie",
    }
    assert keys <= set(re.findall(r"`(\w+)`", section))


def test_every_command_and_option_is_listed() -> None:
    from pipelines.sync import app  # sets DLT_PROJECT_DIR where it is unset

    section = README.split("## The command line")[1].split("## Configuration")[0]
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        assert re.search(rf"\| `{name}( [A-Z]+)?` \|", section)
        for parameter in command.params:
            is_option = parameter.param_type_name == "option"
            named = parameter.opts if is_option else [parameter.name.upper()]
            assert any(option in section for option in named), parameter.opts


def test_the_python_example_runs_as_far_as_it_can_without_an_account() -> None:
    code = README.split("```python\n")[1].split("```")[0]
    from databuddy_source.api.errors import NoKey

    with pytest.raises(NoKey):
        exec(compile(code, "README.md", "exec"), {})
