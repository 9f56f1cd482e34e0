"""Writes the parts of the manual that the code knows: `.venv/bin/python docs/generate.py`.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test fails when one is
stale; `UPDATE_DOCS=1` makes the test write it instead.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from docs.parts import columns, commands, errors, house, names, reports, settings  # noqa: E402  # found by the line above


def _code(file: Path) -> str:
    return f"```python\n{file.read_text(encoding='utf-8').strip()}\n```"


PARTS: Final[dict[str, Callable[[], str]]] = {
    part.__name__.replace("_", "-"): part
    for part in (
        settings.settings_table,
        settings.settings_example,
        settings.account_table,
        settings.report_table,
        settings.filter_table,
        settings.operators,
        reports.default_reports,
        reports.personal_reports,
        reports.query_types,
        reports.not_loadable,
        reports.shapes,
        reports.statuses,
        reports.meanings,
        reports.tables,
        columns.columns,
        columns.units,
        reports.coverage_columns,
        reports.restatement_columns,
        commands.commands,
        commands.exit_codes,
        errors.errors,
        house.house,
        names.public_names,
    )
}

PARTS |= {
    f"example-{file.stem.replace('_', '-')}": partial(_code, file)
    for file in sorted((PROJECT / "examples").glob("*.py"))
}

MARKED: Final = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The Markdown files of the project."""
    return [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]


def renewed(text: str) -> str:
    """The text of a page with its generated parts as they have to be."""
    return MARKED.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", text)


def main() -> None:
    """Rewrite the generated parts of all pages."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
