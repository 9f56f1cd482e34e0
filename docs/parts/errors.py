"""What can go wrong."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import databuddy_source
import pipelines
from databuddy_source.api.answers import SENTENCES
from databuddy_source.config.settings import SECTION
from databuddy_source.errors import BadConfiguration, DatabuddyError


def errors() -> str:
    """Every error: what it is, how it is worded, what to do."""
    worded = _wordings()
    parts = []
    for kind in sorted(error_classes(), key=lambda each: each.__name__):
        sentences = worded.get(kind.__name__)
        if kind.__subclasses__() and not (sentences or kind.default_todo):
            continue  # a branch of the tree that is never raised itself
        code = "2" if issubclass(kind, BadConfiguration) else "1"
        lines = [f"### {kind.__name__}", " ".join((inspect.getdoc(kind) or "").split())]
        if sentences:
            lines.append("\n".join(f"- “{sentence}”" for sentence in sentences))
        todo = kind.default_todo or "The message says what is allowed."
        lines.append(f"**What to do:** {todo} Exit code {code}.")
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


def error_classes() -> set[type[DatabuddyError]]:
    """Every error that the package and its command line raise on purpose."""
    for package in (databuddy_source, pipelines):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not re.search(r"\.demo|dagster|airflow", module.name):
                import_module(module.name)
    found, queue = set(), [DatabuddyError]
    while queue:
        for kind in queue.pop().__subclasses__():
            if kind.__module__.split(".")[0] in {"databuddy_source", "pipelines"}:
                found.add(kind)
                queue.append(kind)
    return found


def _wordings() -> Mapping[str, list[str]]:
    """The first arguments of errors in the source, with … for what differs."""
    names = {kind.__name__ for kind in error_classes()}
    found = {kind.__name__: {f"{text} (HTTP …)": None} for kind, text in SENTENCES.items()}
    for package in (databuddy_source, pipelines):
        for file in sorted(Path(package.__path__[0]).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in names
                    and node.args
                    and (sentence := _sentence_of(node.args[0]))
                ):
                    found.setdefault(node.func.id, {})[sentence] = None
    return {name: list(sentences) for name, sentences in found.items()}


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
