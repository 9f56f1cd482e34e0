"""What can go wrong."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import databuddy_source
from databuddy_source import errors as tree
from databuddy_source.api.answers import SENTENCES
from databuddy_source.config.settings import SECTION
from databuddy_source.errors import DatabuddyError


def errors() -> str:
    """Every error: what it is, how it is worded, what to do."""
    worded = _wordings()
    parts = []
    for kind in sorted(error_classes(), key=lambda each: each.__name__):
        sentences = worded.get(kind.__name__)
        if kind.__subclasses__() and not (sentences or kind.default_todo):
            continue  # a branch of the tree that is never raised itself
        lines = [f"### {kind.__name__}", " ".join((inspect.getdoc(kind) or "").split())]
        if sentences:
            lines.append("\n".join(f"- “{sentence}”" for sentence in sentences))
        todo = kind.default_todo or "The message says what is allowed."
        lines.append(f"**What to do:** {todo} Exit code {kind.exit}.")
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


def error_classes() -> set[type[DatabuddyError]]:
    """Every error that the package and its command line raise on purpose."""
    classes = {kind for kind in vars(tree).values() if isinstance(kind, type)}
    return {kind for kind in classes if issubclass(kind, DatabuddyError)} - {DatabuddyError}


def _wordings() -> Mapping[str, list[str]]:
    """The first arguments of errors in the source, with … for what differs, by alphabet, so that
    a move of code leaves the manual as it is."""
    names = {kind.__name__ for kind in error_classes()}
    found = {kind.__name__: {f"{text} (HTTP …)": None} for kind, text in SENTENCES.items()}
    for file in sorted(Path(databuddy_source.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in names
                and node.args
                and (sentence := _sentence_of(node.args[0]))
            ):
                found.setdefault(node.func.id, {})[sentence] = None
    return {name: sorted(sentences) for name, sentences in found.items()}


def _sentence_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    return re.sub("…+", "…", "".join(map(_part, node.values)))


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return SECTION if ast.unparse(node) == "f'{SECTION}'" else "…"
