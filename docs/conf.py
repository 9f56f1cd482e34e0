"""The manual as a website: `make docs`. Every page reads as plain Markdown, too."""

from __future__ import annotations

import re
from typing import Any

from pygments.lexers.special import TextLexer

project = "databuddy-source"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "databuddy-source"
html_copy_source = False
html_show_copyright = False

myst_heading_anchors = 4  # links to headings, as in Markdown, are checked


def add_contents(_: Any, page: str, source: list[str]) -> None:
    """Make the links of index.md the contents. A page that it does not name is an error."""
    if page == "index":
        names = re.findall(r"\]\((\S+)\.md\)", source[0])
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *names, "```\n"])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
    app.add_lexer("crontab", TextLexer)  # nobody colours it
