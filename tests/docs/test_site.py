"""The manual builds as a website without a warning, and nothing in it comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs import generate

LOADED = r"""(?:src|data-src|xlink:href)=["']?(?:https?:)?//|<link[^>]*href=["'](?:https?:)?//"""
FROM_ELSEWHERE = r"""@import\s|url\(\s*["']?(?:https?:)?//"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    words = ["-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    done = subprocess.run(
        [sys.executable, *words, "-d", str(place / "trees"), "docs", str(place / "html")],
        cwd=generate.PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place / "html"


def test_every_page_is_built(site: Path) -> None:
    pages = {page.stem for page in (generate.PROJECT / "docs").glob("*.md")}
    assert pages <= {page.stem for page in site.glob("*.html")}


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not re.search(LOADED, page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(FROM_ELSEWHERE, style.read_text(encoding="utf-8")), style


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_beside_the_manual_lead_somewhere(name: str) -> None:
    text = (generate.PROJECT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = unquote(link).partition("#")
        if "://" in path:
            continue
        target = generate.PROJECT / (path or name)
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"\W+", "-", each.lower()) for each in headings}, link
