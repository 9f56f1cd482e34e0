"""A file of the configuration whose name is misspelled is named, with the right one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from databuddy_source import configured
from databuddy_source.config.misnamed_files import misnamed_in
from databuddy_source.errors import UnreadableFile


def in_dlt(folder: Path, *names: str) -> Path:
    place = folder / ".dlt"
    place.mkdir(exist_ok=True)
    for name in names:
        (place / name).write_text('[sources.databuddy]\ntimezone = "Europe/Berlin"\n')
    return place


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("config.tml", "config.toml"),
        ("confg.toml", "config.toml"),
        ("Config.toml", "config.toml"),
        ("config.yaml", "config.toml"),
        ("secret.toml", "secrets.toml"),
        ("secrets.tom", "secrets.toml"),
    ],
)
def test_a_misspelled_name_is_refused(
    name: str, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = in_dlt(tmp_path, name) / name
    with pytest.raises(UnreadableFile) as caught:
        configured(api_key="dbdy_x")
    assert caught.value.what == f"{file} is not read"
    assert caught.value.todo == f"Did you mean {right}?"


def test_one_beside_the_right_one_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    in_dlt(tmp_path, "config.toml", "config.tml")
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        for _ in range(2):
            assert configured(api_key="dbdy_x").timezone == "UTC"  # dlt has read its files before
    assert [each.message.split(". ", 1)[-1] for each in caplog.records] == [
        "Did you mean config.toml? Rename it, or move it away."
    ]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    names = ["config.toml", "secrets.toml", "config.toml.bak", "config.toml~", "dev.secrets.toml"]
    names += [".config.tml", "secrets.toml.example", "notes.txt", "contacts.toml"]
    place = in_dlt(tmp_path, *names)
    (place / "config.tml").mkdir()
    assert list(misnamed_in(place)) == []
    assert list(misnamed_in(tmp_path / "nowhere")) == []
