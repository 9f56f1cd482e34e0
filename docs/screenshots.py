"""Takes the manual's pictures of `dashboard`, of the demo, in a Chromium: `make picture`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).resolve().parent.parent

PICTURES = {"dashboard": (1280, 1240), "dashboard-narrow": (360, 1240)}
"""By file: width and height in pixels."""


def main(chromium: str) -> None:
    """Sync the demo, write its page, and look at it.

    Args:
        chromium: name or path of a Chromium.
    """
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environment = {**os.environ, "DLT_PROJECT_DIR": folder, "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-m", "databuddy_source"]
        chosen = ["--website", "shop.example.com"]
        for words in (["demo", "--quiet"], ["dashboard", "--demo", *chosen, "--days", "30"]):
            subprocess.run([*command, *words], cwd=folder, env=environment, check=True)
        browser = playwright.chromium.launch(
            executable_path=shutil.which(chromium), args=["--no-sandbox"]
        )
        for name, (width, height) in PICTURES.items():
            sheet = browser.new_page(viewport={"width": width, "height": height})
            sheet.goto((Path(folder) / "dashboard.html").as_uri())
            sheet.screenshot(path=PROJECT / "docs" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:] or ["chromium"])
