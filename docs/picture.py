"""Draws the README's pictures from real runs: `.venv/bin/python docs/picture.py`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PROJECT = Path(__file__).resolve().parent.parent

PICTURES = {
    "terminal": ("make demo", ["--demo"]),
    "check": ("databuddy-source check", ["check", "--demo"]),
    "status": (
        "databuddy-source status --website blog.example.com --report pages ...",
        ["status", "--demo", "--website", "blog.example.com"]
        + [word for name in ("pages", "countries", "errors") for word in ("--report", name)],
    ),
}
"""By file: what a person types, and the words that give the same without an account."""


def main() -> None:
    """Run each command in one folder, which is empty at first, and draw what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (typed, words) in PICTURES.items():
            picture = drawn(typed, shown(words, folder))
            (PROJECT / "docs" / f"{name}.svg").write_text(picture, encoding="utf-8")


def shown(words: list[str], folder: str) -> str:
    """What the command line prints, with its colours, and nothing of this machine in it."""
    printed = subprocess.run(
        [sys.executable, "-m", "databuddy_source", *words],
        cwd=folder,
        env={
            **os.environ,
            "DLT_PROJECT_DIR": folder,
            "PYTHONPATH": str(PROJECT),
            "FORCE_COLOR": "1",
            "COLUMNS": "88",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for path in (str(Path(folder).resolve()), folder):
        printed = printed.replace(path, "~/databuddy-source")
    printed = re.sub(r"(127\.0\.0\.1):\d+", r"\1:8000", printed)  # any free port
    return printed.replace(sys.executable, ".venv/bin/python")


def drawn(typed: str, printed: str) -> str:
    """A picture of a terminal, as SVG."""
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(Text(f"$ {typed}\n\n") + Text.from_ansi(printed))
    # the same picture has the same ids each time
    picture = console.export_svg(title="databuddy-source", unique_id="terminal")
    # rich names a host for its font; any monospaced one will do
    picture = re.sub(r"<!--.*?-->", "", picture, flags=re.DOTALL)
    return re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)


if __name__ == "__main__":
    main()
