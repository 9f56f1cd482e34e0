"""The manual as a website: `make docs`. Every page reads as plain Markdown, too."""

project = "databuddy-source"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "databuddy-source"
html_copy_source = False
html_show_copyright = False

myst_heading_anchors = 4  # links to headings, as in Markdown, are checked
suppress_warnings = ["misc.highlighting_failure"]  # nobody colours a crontab
exclude_patterns = ["_build"]
