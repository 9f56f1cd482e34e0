"""Draws docs/terminal.svg from a real run: `.venv/bin/python docs/picture.py`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the demo in an empty folder and draw what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        shown = subprocess.run(
            [sys.executable, str(PROJECT / "pipelines" / "sync.py"), "--demo"],
            cwd=folder,
            env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "88"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.replace(folder, "~/databuddy-source")
    shown = shown.replace(sys.executable, ".venv/bin/python")
    console = Console(record=True, width=100, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(Text("$ make demo\n\n") + Text.from_ansi(shown))
    picture = console.export_svg(title="databuddy-source")
    # rich names a host for its font; any monospaced one will do
    picture = re.sub(r"<!--.*?-->", "", picture, flags=re.DOTALL)
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    (PROJECT / "docs" / "terminal.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
