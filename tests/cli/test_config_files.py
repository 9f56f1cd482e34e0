"""The files of the configuration, where git does not tell whether it tracks them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from databuddy_source.cli.config_files import in_git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With one tracked file of the configuration."""
    config = tmp_path / "repository" / ".dlt" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("")
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", "-C", str(config.parents[1]), *words], check=True)
    return config.parents[1]


def test_git_is_asked(repository: Path) -> None:
    assert in_git(repository / ".dlt" / "config.toml")
    (repository / ".dlt" / "secrets.toml").write_text("")
    assert not in_git(repository / ".dlt" / "secrets.toml")


def test_what_is_there_counts_as_tracked_where_git_is_missing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path / "nowhere"))
    assert in_git(repository / ".dlt" / "config.toml")
    assert not in_git(repository / ".dlt" / "secrets.toml")  # to be made
    (tmp_path / "file").write_text("")
    assert not in_git(tmp_path / "file")  # in no repository
