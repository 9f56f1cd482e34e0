"""The command line."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from databuddy_source.cli.app import every_command
from databuddy_source.cli.program import Exit
from docs.parts.markdown import docstrings, sentence, table


def commands() -> str:
    """Every command with its options and examples."""
    return "\n\n".join(_command(name, each) for name, each in every_command().items())


def _command(name: str, command: Any) -> str:
    told, _, examples = dedent(command.help or "").partition("Examples:")
    examples = examples.replace("\b", "")  # by which click breaks no line
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    shown = [
        "```sh",
        *(line.replace("databuddy-source ", ".venv/bin/databuddy-source ", 1) for line in lines),
        "```",
    ]
    rows = []
    for each in command.params:
        is_argument = each.param_type_name == "argument"
        names = ", ".join(f"`{name.upper() if is_argument else name}`" for name in each.opts)
        is_plain = is_argument or each.is_flag or each.default in (None, [], ())
        default = "" if is_plain else f"`{each.default}`"
        rows.append([names, "required" if each.required else default, each.help or ""])
    parts = [f"### {name}", " ".join(told.split()), "\n".join(shown) if lines else ""]
    if rows:
        parts.append(table(["option", "default", "meaning"], rows))
    return "\n\n".join(filter(None, parts))


def exit_codes() -> str:
    """Every exit code."""
    told = docstrings(Exit)
    rows = [[f"`{each.value}`", sentence(told[each.name])] for each in Exit]
    return table(["exit code", "meaning"], rows)
