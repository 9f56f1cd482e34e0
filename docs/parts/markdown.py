"""Tables and sentences in Markdown."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Iterable
from enum import Enum
from itertools import groupby
from textwrap import dedent


def docstrings(kind: type) -> dict[str, str]:
    """The text below each member of a class."""
    (body,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for member, text in zip(body.body, body.body[1:], strict=False):
        named = member.targets[0] if isinstance(member, ast.Assign) else None
        named = member.target if isinstance(member, ast.AnnAssign) else named
        if isinstance(named, ast.Name) and isinstance(text, ast.Expr):
            found[named.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def members(kind: type[Enum], title: str) -> str:
    told = docstrings(kind)
    return table(
        [title, "meaning"], [[f"`{each.value}`", sentence(told[each.name])] for each in kind]
    )


def sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(titles)]
    lines.append(["---"] * len(lines[0]))
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def servers(having: Collection[str], among: Collection[str]) -> str:
    """Generations in words, where not all of those in question are meant; those of one year that
    are all meant go by their year."""
    if len(having) == len(among):
        return ""
    by_year = groupby(sorted(among, reverse=True), key=lambda each: each[:4])
    words: list[str] = []
    for year, group in by_year:
        of_year = list(group)
        meant = [each for each in of_year if each in having]
        words += [year] if len(meant) == len(of_year) else meant
    return ", ".join(words)
