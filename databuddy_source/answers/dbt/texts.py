"""Texts in which nothing is carried out: dbt reads each of its files by YAML or SQL, and by Jinja,
whose `env_var` reads what is secret. What servers and users say comes into none but as text. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

HEAD: Final = "Written by `databuddy-source dbt init`, and anew each time: changes are lost."
"""Of each file that is ours."""

SAID: Final = frozenset({"description", "label"})
"""Keys of what people read. dbt takes it for Jinja, some of it later than the rest."""

_OPENS: Final = re.compile(r"\{(?=[{%#])")
_NOT_QUOTED: Final = re.compile(r"[{}\"`\\\x00-\x1f]")


def inert(text: str) -> str:
    """A text with nothing for Jinja in it, however often it is read: the braces that would open
    something stand apart.

    Args:
        text: to be read by people.
    """
    return _OPENS.sub("{ ", text)


def literal(text: str) -> str:
    """A text as a string within an expression of Jinja.

    Args:
        text: any.
    """
    inside = json.dumps(text, ensure_ascii=False)[1:-1].replace(r"\"", r"\u0022")
    for each in "{}'%#":  # what is no end and no beginning for those who only look for such
        inside = inside.replace(each, f"\\u{ord(each):04x}")
    return f"'{inside}'"


def can_be_named(column: str) -> bool:
    """Whether a column may stand in a project: none with what ends a quoted name or opens Jinja.
    dlt's usual naming makes none.

    Args:
        column: as the table has it.
    """
    return not _NOT_QUOTED.search(column)


def as_yaml(content: Mapping[str, Any], head: str = HEAD) -> str:
    """The text of a file.

    Args:
        content: of the file.
        head: its first line, in words.
    """
    text = yaml.safe_dump(_said(content), sort_keys=False, width=100, allow_unicode=True)
    return f"# {head}\n{text}"


def headed(name: str, text: str) -> str:
    """The text of a file that is written by hand, with the line that says whose it is.

    Args:
        name: of the file.
        text: of it.
    """
    return f"{{# {HEAD} #}}\n{text}" if name.endswith(".sql") else f"# {HEAD}\n{text}"


def _said(content: Any) -> Any:
    """The same, with nothing for Jinja in what is said."""
    if isinstance(content, Mapping):
        return {
            key: inert(value) if key in SAID and isinstance(value, str) else _said(value)
            for key, value in content.items()
        }
    return [_said(each) for each in content] if isinstance(content, list) else content
