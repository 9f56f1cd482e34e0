"""What the suite leaves to a campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import campaign


class Collected:
    """A plugin that keeps the names of the tests that would run."""

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        campaign.leave_out(config, items)
        self.names = {item.name for item in items}


@pytest.fixture
def module(tmp_path: Path) -> str:
    file = tmp_path / "test_many.py"
    file.write_text(
        "import pytest\n"
        "@pytest.mark.sampled(4)\n"
        "@pytest.mark.parametrize('number', range(9))\n"
        "@pytest.mark.parametrize('generation', ['old', 'new', 'newest'])\n"
        "def test_it(generation, number): pass\n"
        "def test_other(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers = sampled(most)\naddopts = --import-mode=importlib\n"
    )
    return str(file)


def collected(name: str) -> set[str]:
    found = Collected()
    assert not pytest.main(["--collect-only", "-qq", "-p", "no:xdist", name], plugins=[found])
    return found.names


@pytest.fixture
def every(module: str) -> set[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaign, "IS_CAMPAIGN", True)
        return collected(module)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_has_few_of_the_cases_and_each_value_first(
    module: str, every: set[str], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "SEED", seed)
    sample = collected(module)
    assert len(every) == 28
    assert "test_other" in sample < every
    drawn = [case.removesuffix("]").split("[")[1].split("-") for case in sample - {"test_other"}]
    assert {generation for generation, _ in drawn} == {"old", "new", "newest"}
    assert len({number for _, number in drawn}) == len(drawn) == 4


def test_who_names_a_case_gets_it(module: str, every: set[str]) -> None:
    left_out = min(every - collected(module))
    assert collected(f"{module}::{left_out}") == {left_out}
