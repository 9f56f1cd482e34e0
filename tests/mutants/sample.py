"""Does a test notice? Changes the code in one place at a time, by mutmut, and runs those tests of
its room that reach it: `make mutants`.

Works on copies in build/mutants, one for each room. rooms.toml says what is changed there and which
tests are run; equal.toml lists changes that mean the same, with the reason.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
COPIES: Final = PROJECT / "build" / "mutants"
COPIED: Final = ("databuddy_source", "docs", "pipelines", "tests", "README.md", "pyproject.toml")

NOTICED: Final = {"killed", "timeout", "segfault", "suspicious"}
"""What never ends, or ends Python, fails a test."""

SETTINGS: Final = """\
[mutmut]
source_paths = databuddy_source
only_mutate =
    {changed}
also_copy =
    README.md
    docs
    pipelines
track_dependencies = false
pytest_add_cli_args =
    -m
    not outside
    -p
    no:cacheprovider
    -p
    tests.mutants.quick_first
pytest_add_cli_args_test_selection =
    {tests}
"""


@dataclass(frozen=True)
class Change:
    """One place in the code, changed.

    Attributes:
        name: mutmut's.
        outcome: in mutmut's word.
        before, after: the lines as they are, and as they would be.
    """

    name: str
    outcome: str
    before: str
    after: str

    @property
    def function(self) -> str:
        """Where it is, as people write it."""
        mangled = self.name.removeprefix("databuddy_source.").rpartition("__mutmut_")[0]
        return mangled.replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")


@dataclass(frozen=True)
class Room:
    """A copy of the project, in which the code of one room is changed.

    Attributes:
        name: of the room.
        changed: its modules.
        tests: folders of tests.
    """

    name: str
    changed: Sequence[str]
    tests: Sequence[str]

    @property
    def folder(self) -> Path:
        return COPIES / self.name

    @cached_property
    def changes(self) -> Sequence[str]:
        """The names of all changes. Makes them, and finds the tests that reach each."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in COPIED:
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy2
            copy(PROJECT / name, self.folder / name)
        changed = (f"databuddy_source/{self.name}/{module}.py" for module in self.changed)
        tests = (f"tests/{folder}" for folder in self.tests)
        settings = {"changed": "\n    ".join(changed), "tests": "\n    ".join(tests)}
        (self.folder / "setup.cfg").write_text(SETTINGS.format(**settings), encoding="utf-8")
        # mutmut makes all changes before it says that it has none of this name
        self._mutmut("run", "--max-children", "1", "none", fails_with="nothing matches")
        return sorted(self.outcomes())

    def outcomes(self) -> Mapping[str, str]:
        """What came of each change, by its name."""
        told = self._mutmut("results", "--all", "true")
        return dict(re.findall(r"^ +(\S+): (.+)$", told, re.MULTILINE))

    def tried(self, names: Sequence[str]) -> list[Change]:
        """Run the tests with each of these changes. Returns those that no test noticed."""
        self._mutmut("run", "--max-children", "1", *names)
        found = self.outcomes()
        return [self._shown(each, found[each]) for each in names if found[each] not in NOTICED]

    def _shown(self, name: str, outcome: str) -> Change:
        lines = [
            line
            for line in self._mutmut("show", name).splitlines()
            if line[:1] in {"-", "+"} and not line.startswith(("---", "+++"))
        ]
        before, after = (
            "\n".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+"
        )
        return Change(name, outcome, before, after)

    def _mutmut(self, *words: str, fails_with: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mutmut", *words],
            cwd=self.folder,
            env={"EXAMPLES": "0.2", **os.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and not (fails_with and fails_with in done.stderr):
            sys.exit(f"{done.stdout[-5_000:]}\n{done.stderr}\nmutmut fails in {self.folder}")
        return done.stdout


def is_equal(change: Change, known: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a change is listed as one that means the same."""
    told = {"function": change.function, "is": change.before, "would_be": change.after}
    return any(told.items() <= each.items() for each in known)


def tell(room: Room, count: int, unnoticed: Sequence[Change]) -> str:
    """Print what no test of a room noticed. Returns its rate in a line.

    Args:
        count: of the changes that were tried.
        unnoticed: those of them that no test noticed.
    """
    known = tomllib.loads((HERE / "equal.toml").read_text(encoding="utf-8")).get("change", [])
    equal = [each for each in unnoticed if is_equal(each, known)]
    unreached = [each for each in unnoticed if each.outcome == "no tests"]
    for each in unnoticed:
        if each not in equal and each not in unreached:
            print(f"\n{each.name}: {each.outcome}\n- {each.before}\n+ {each.after}")
    if unreached:
        functions = Counter(each.function for each in unreached)
        where = ", ".join(f"{name} ({number})" for name, number in sorted(functions.items()))
        print(f"\nReached by none of these tests: {where}")
    judged, noticed = count - len(equal) - len(unreached), count - len(unnoticed)
    share = f"{noticed / judged:.0%}" if judged else "-"
    return (
        f"{room.name:9} {share:>4}: {noticed} of {judged} noticed; {len(equal)} mean the same, "
        f"{len(unreached)} are reached by no test without a server or a database"
    )


def main() -> None:
    known = tomllib.loads((HERE / "rooms.toml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="100", help="how many changes of each room, or all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("rooms", nargs="*", metavar="room", help=f"default: {', '.join(known)}")
    given = parser.parse_args()
    rates = []
    for name in given.rooms or known:
        room = Room(name, **known[name])
        chosen = room.changes
        if given.sample != "all" and int(given.sample) < len(chosen):
            chosen = random.Random(given.seed).sample(chosen, int(given.sample))
        counted = f"{len(chosen)} of {len(room.changes)} changes"
        print(f"\n{name}: {counted}, SEED={given.seed}", flush=True)
        rates.append(tell(room, len(chosen), room.tried(chosen)))
        print(rates[-1], flush=True)
    print("\n" + "\n".join(rates))


if __name__ == "__main__":
    main()
