"""The public names."""

from __future__ import annotations

import inspect

import databuddy_source
from docs.parts.markdown import sentence, table


def public_names() -> str:
    """Every name of the package, with the first sentence of its docstring."""
    rows = []
    for name in sorted(databuddy_source.__all__, key=str.lower):
        text = " ".join((inspect.getdoc(getattr(databuddy_source, name)) or "").split())
        rows.append([f"`{name}`", sentence(text.split(". ")[0])])
    return table(["name", "what it is"], rows)
