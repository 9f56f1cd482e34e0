"""`python pipelines/sync.py init`: asks, tests, writes; keeps comments and secrets."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from databuddy_source.demo import DemoServer
from tests.cli.conftest import PROGRAM, SYNC, Result
from tests.cli.terminal import Terminal
from tests.forked import python

HIDDEN = "API key (hidden): "
"""With the space behind: it is written once the terminal echoes no more."""

ZONE = ["--timezone", "Europe/Berlin"]


@pytest.fixture
def project(folder: Path) -> Path:
    """A project without any configuration."""
    path = folder / "project"
    (path / ".dlt").mkdir(parents=True)
    return path


@pytest.fixture
def unconfigured(project: Path, environment: dict[str, str]) -> dict[str, str]:
    """An environment that knows no account, only where the project is."""
    clean = {name: value for name, value in environment.items() if "DATABUDDY" not in name}
    return clean | {"DLT_PROJECT_DIR": str(project), "TZ": "Asia/Kolkata"}


@pytest.fixture
def init(project: Path, unconfigured: dict[str, str], server: DemoServer) -> Any:
    """Runs `init` with the key on stdin."""

    def call(*words: str, key: str = server.api_key, **changes: str) -> Result:
        return subprocess.run(
            [*python(), PROGRAM, "init", "--api-key-stdin", "--server", server.url, *words],
            cwd=project,
            env={**unconfigured, **changes},
            input=key + "\n",
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def config(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / ".dlt" / "config.toml").read_text())


def secrets(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / ".dlt" / "secrets.toml").read_text())


def test_a_person_is_asked_and_each_answer_is_tested(
    project: Path, unconfigured: dict[str, str], server: DemoServer
) -> None:
    with Terminal([*SYNC, "init"], project, unconfigured) as terminal:
        terminal.wait_for("Server [https://api.databuddy.cc/v1]:")
        terminal.type("http://127.0.0.1:9")
        terminal.wait_for("cannot be reached")
        terminal.wait_for("Server")
        terminal.type(server.url.removesuffix("/v1"))
        terminal.wait_for("generation 2026")
        terminal.wait_for(HIDDEN)
        terminal.type("dbdy_wrong_one")
        terminal.wait_for("rejects the key")
        terminal.wait_for(HIDDEN)
        terminal.type(server.api_key)
        terminal.wait_for("sees 3 websites")
        terminal.wait_for("2  blog.example.com  Blog 🦆")
        terminal.wait_for("[all]:")
        terminal.type("2, 9")
        terminal.wait_for("no website '9'")
        terminal.wait_for("[all]:")
        terminal.type("2,shop.example.com")
        terminal.wait_for("[Asia/Kolkata]:")
        terminal.type("Europe/Berln")
        terminal.wait_for("did you mean Europe/Berlin")
        terminal.wait_for("[Asia/Kolkata]:")
        terminal.type("")
        terminal.wait_for("[duckdb]:")
        terminal.type("filesystem")
        terminal.wait_for("cannot replace")
        terminal.wait_for("[duckdb]:")
        terminal.type("")
        terminal.wait_for(f"{shlex.quote(SYNC[-1])} check")
        assert terminal.finish() == 0
        assert server.api_key not in terminal.shown
        assert "dbdy_wrong_one" not in terminal.shown
    blog, shop = server.websites[1].id, server.websites[0].id
    assert config(project) == {
        "sources": {
            "databuddy": {
                "base_url": server.url,
                "websites": [blog, shop],
                "timezone": "Asia/Kolkata",
            }
        }
    }
    assert secrets(project) == {"sources": {"databuddy": {"api_key": server.api_key}}}


def test_ctrl_c_writes_nothing(
    project: Path, unconfigured: dict[str, str], server: DemoServer
) -> None:
    with Terminal([*SYNC, "init", "--server", server.url], project, unconfigured) as terminal:
        terminal.wait_for(HIDDEN)
        terminal.press("C")
        terminal.wait_for("Nothing was written")
        assert terminal.finish() == 130
        assert "Traceback" not in terminal.text
    assert list((project / ".dlt").iterdir()) == []


def test_a_script_gives_all_answers(project: Path, init: Any, server: DemoServer) -> None:
    done = init("--website", "blog.example.com", *ZONE, "--destination", "duckdb")
    assert done.returncode == 0, done.stderr
    assert server.api_key not in done.stdout + done.stderr
    assert config(project)["sources"]["databuddy"]["websites"] == [server.websites[1].id]
    assert stat.S_IMODE((project / ".dlt" / "secrets.toml").stat().st_mode) == 0o600
    checked = subprocess.run(
        [*python(), PROGRAM, "check"],
        cwd=project,
        env={**os.environ, "DLT_PROJECT_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "Europe/Berlin" in checked.stdout
    assert "blog.example.com" in checked.stdout


@pytest.mark.parametrize(
    ("words", "key", "code", "sentence"),
    [
        ([], "dbdy_wrong", 1, "rejects the key"),
        ([], "", 1, "No API key"),
        (["--website", "no.example"], None, 2, "sees no website 'no.example'"),
        (["--timezone", "berlin"], None, 2, "did you mean Europe/Berlin"),
        (["--server", "http://127.0.0.1:9"], None, 1, "cannot be reached"),
        (["--server", "not an address"], None, 2, "must look like https://"),
        (["--destination", "nosuch"], None, 2, "--destination nosuch"),
    ],
)
def test_an_answer_that_does_not_pass_writes_nothing(
    words: list[str],
    key: str | None,
    code: int,
    sentence: str,
    project: Path,
    init: Any,
    server: DemoServer,
) -> None:
    done = init(*words, key=server.api_key if key is None else key)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "dbdy_" not in done.stdout + done.stderr
    assert list((project / ".dlt").iterdir()) == []


def test_other_content_and_comments_stay(project: Path, init: Any) -> None:
    before = (
        "# ours\n[load]\nworkers = 3  # few\n\n"
        '[sources.databuddy]\n# the zone\ntimezone = "UTC"\nlookback_days = 5\n'
        "\n[sources.other]\nx = 1\n"
    )
    path = project / ".dlt" / "config.toml"
    path.write_text(before)
    (project / ".dlt" / "secrets.toml").write_text('[destination.x]\npassword = "p"  # theirs\n')
    assert init(*ZONE).returncode == 0
    after = path.read_text()
    for line in ("# ours", "workers = 3  # few", "# the zone", "lookback_days = 5", "x = 1"):
        assert line in after
    assert config(project)["sources"]["databuddy"]["timezone"] == "Europe/Berlin"
    assert 'password = "p"  # theirs' in (project / ".dlt" / "secrets.toml").read_text()
    assert stat.S_IMODE((project / ".dlt" / "secrets.toml").stat().st_mode) == 0o600
    assert init(*ZONE).returncode == 0
    assert path.read_text() == after


def test_no_key_is_written_beside_accounts(project: Path, init: Any) -> None:
    in_environment = init(SOURCES__DATABUDDY__ACCOUNTS__SHOP__API_KEY="dbdy_of_shop")
    assert in_environment.returncode == 2
    assert "Accounts are configured" in in_environment.stderr
    path = project / ".dlt" / "secrets.toml"
    path.write_text('[sources.databuddy.accounts.shop]\napi_key = "dbdy_of_shop"\n')
    in_file = init("--yes")
    assert in_file.returncode == 2
    assert "Accounts are configured" in in_file.stderr
    assert "dbdy_of_shop" not in in_file.stdout + in_file.stderr
    assert not (project / ".dlt" / "config.toml").exists()


def test_a_key_that_is_there_is_not_lost_by_accident(
    project: Path, init: Any, unconfigured: dict[str, str], server: DemoServer
) -> None:
    path = project / ".dlt" / "secrets.toml"
    path.write_text('[sources.databuddy]\napi_key = "dbdy_older"\n')
    refused = init()
    assert refused.returncode == 2
    assert "another key already" in refused.stderr
    assert "dbdy_older" not in refused.stdout + refused.stderr
    words = ["init", "--server", server.url, *ZONE]
    with Terminal([*SYNC, *words], project, unconfigured) as terminal:
        terminal.wait_for("Enter takes the one in secrets.toml): ")
        terminal.type(server.api_key)
        terminal.wait_for("Replace it? [y/N]:")
        terminal.type("n")
        assert terminal.finish() == 130
    assert "dbdy_older" in path.read_text()
    assert init("--yes").returncode == 0
    assert secrets(project)["sources"]["databuddy"]["api_key"] == server.api_key


def test_a_file_that_is_no_toml_is_left_alone(project: Path, init: Any) -> None:
    path = project / ".dlt" / "secrets.toml"
    path.write_text('api_key = "dbdy_half')
    done = init()
    assert done.returncode == 2
    assert "not valid TOML: " in done.stderr
    assert str(path) in done.stderr
    assert "dbdy_half" not in done.stderr
    assert path.read_text() == 'api_key = "dbdy_half'


def git(project: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(project), "-c", "user.name=n", "-c", "user.email=e@x.example", *words],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_git_ignores_the_secrets_and_sees_no_change(project: Path, init: Any) -> None:
    top = project.parent
    git(top, "init", "--quiet")
    (top / ".gitignore").write_text("*.log")
    git(top, "add", ".gitignore")
    git(top, "commit", "--quiet", "--message", "first")
    done = init(*ZONE)
    assert "git did not ignore" in done.stderr
    assert "add /project/.dlt/secrets.toml to the file .gitignore" in done.stderr
    assert git(top, "status", "--porcelain", "--untracked-files=all").splitlines() == [
        "?? project/.dlt/config.toml"
    ]
    assert "git did not" not in init(*ZONE).stderr
    (project / ".dlt" / "secrets.toml").unlink()
    (top / ".git" / "info" / "exclude").unlink()
    (top / ".gitignore").write_text("secrets.toml\n")
    assert "git" not in init(*ZONE).stderr


def test_a_configuration_that_git_tracks_is_left_alone(project: Path, init: Any) -> None:
    path = project / ".dlt" / "config.toml"
    path.write_text("[load]\nworkers = 3\n")
    git(project, "init", "--quiet")
    git(project, "add", ".dlt/config.toml")
    done = init("--website", "blog.example.com", *ZONE)
    assert done.returncode == 0
    assert path.read_text() == "[load]\nworkers = 3\n"
    assert f"git tracks {path}, so it was left as it is. Let it say:" in done.stdout
    lines = done.stdout.partition("Let it say:")[2].partition("Written: ")[0]
    assert tomllib.loads(lines)["sources"]["databuddy"]["timezone"] == "Europe/Berlin"
    assert f"Written: {project / '.dlt' / 'secrets.toml'}." in done.stdout
    path.write_text(f"[load]\nworkers = 3\n{lines}")
    again = init("--website", "blog.example.com", *ZONE)
    assert "git tracks" not in again.stdout


def test_no_key_is_written_where_git_would_take_it(project: Path, init: Any) -> None:
    path = project / ".dlt" / "secrets.toml"
    path.write_text("# ours\n")
    git(project, "init", "--quiet")
    git(project, "add", "--force", ".dlt/secrets.toml")
    done = init(*ZONE)
    assert done.returncode == 2
    assert "git rm --cached" in done.stderr
    assert path.read_text() == "# ours\n"
    assert not (project / ".dlt" / "config.toml").exists()


def test_the_files_that_were_written_are_named(project: Path, init: Any) -> None:
    folder = project / ".dlt"
    done = init(*ZONE)
    assert f"Written: {folder / 'config.toml'} and {folder / 'secrets.toml'}." in done.stdout


def test_a_variable_that_wins_over_the_file_is_named(init: Any) -> None:
    done = init(*ZONE, SOURCES__DATABUDDY__TIMEZONE="UTC")
    assert "another SOURCES__DATABUDDY__TIMEZONE" in done.stderr


def test_the_secret_is_never_open_to_others(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tomlkit

    from databuddy_source.cli import config_files

    modes: list[int] = []
    replace = Path.replace

    def looked_at(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.stat().st_mode))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", looked_at)
    before = os.umask(0)
    try:
        config_files.write(tmp_path / "secrets.toml", tomlkit.parse("a = 1\n"), secret=True)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["secrets.toml"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
    ],
)
def test_a_zone_that_is_meant_is_found(wrong: str, meant: str) -> None:
    from databuddy_source.config.settings import zones_like

    assert meant in zones_like(wrong)


def test_the_server_of_the_environment_gets_the_key_of_the_environment(
    project: Path, unconfigured: dict[str, str], server: DemoServer
) -> None:
    mine = {
        "SOURCES__DATABUDDY__API_KEY": server.api_key,
        "SOURCES__DATABUDDY__BASE_URL": server.url,
        "SOURCES__DATABUDDY__TIMEZONE": "Europe/Berlin",
    }
    done = subprocess.run(
        [*SYNC, "init", "--yes"],
        cwd=project,
        env={**unconfigured, **mine},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"Reached {server.url}" in done.stderr
    of_ours = config(project)["sources"]["databuddy"]
    assert (of_ours["base_url"], of_ours["timezone"]) == (server.url, "Europe/Berlin")


def test_a_folder_in_which_nothing_can_be_written_is_said_before_anything_is_asked(
    init: Any, server: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    asked = len(server.log)
    done = init(DLT_PROJECT_DIR=str(tmp_path / "a file" / "project"))
    assert done.returncode == 2
    assert "Nothing can be written into" in done.stderr
    assert (
        "Not a directory. Go to a folder of yours, or name one with DLT_PROJECT_DIR." in done.stderr
    )
    assert len(server.log) == asked
