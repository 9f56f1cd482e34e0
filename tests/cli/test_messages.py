"""What is said of mistakes: by the name that was typed, with the place, in a sentence."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dlt
import duckdb
import pytest

from databuddy_source.cli import program
from databuddy_source.cli.failures import no_toml_in, sentence_and_code
from databuddy_source.cli.load import full_disk_named
from databuddy_source.cli.summaries import first_query
from databuddy_source.coverage.queries import Loaded
from databuddy_source.demo import DemoServer
from databuddy_source.warehouse.target import Warehouse
from tests.cli.conftest import PROJECT, Outcome, Run

TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--since", "soon"], "--since = 'soon' is wrong: must be a day"),
        (["--since", "2026-01-01", "--until", "x"], "--until = 'x' is wrong: must be a day"),
        (["--website", "no.example"], "--website has 'no.example', which the key does not see"),
        (
            ["plan", "--website", "shop"],
            "--website has 'shop', which the key does not see. Did you ",
        ),
        (
            ["sync", "--website", "shop"],
            "Did you mean shop.example.com? It sees: blog.example.com,",
        ),
        (["explain", "pages", "--website", "shop"], "--website has 'shop', which the key does"),
        (["plan", "--report", ""], "--report = [''] is wrong: has an empty name"),
        (["init", "--yes", "--server", "ftp://x"], "--server = 'ftp://x' is wrong: must look like"),
    ],
)
def test_an_option_is_called_by_its_name(
    words: list[str], says: str, invoke: Callable[..., Outcome]
) -> None:
    done = invoke(*words)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "sources.databuddy" not in done.stderr


def test_a_key_of_the_configuration_is_called_by_its_place(invoke: Callable[..., Outcome]) -> None:
    done = invoke("--since", str(TODAY), SOURCES__DATABUDDY__WEBSITES="no.example")
    assert "sources.databuddy.websites has 'no.example'" in done.stderr


def test_a_short_name_that_is_no_id_is_refused_before_anything_is_written(
    invoke: Callable[..., Outcome], folder: Path, server: DemoServer
) -> None:
    for command in ("plan", "sync", "check"):
        done = invoke(command, SOURCES__DATABUDDY__WEBSITES="shop")
        assert done.exit_code == 2
        told = " ".join((done.stdout + done.stderr).split())
        assert "sources.databuddy.websites has 'shop', which the key does not see" in told
        assert "Did you mean shop.example.com?" in told
    assert not list(folder.glob("*.duckdb"))


def test_an_id_that_the_key_does_not_see_keeps_the_others_from_nothing(
    invoke: Callable[..., Outcome], server: DemoServer
) -> None:
    gone = "a" * 21
    done = invoke("plan", SOURCES__DATABUDDY__WEBSITES=f"{server.websites[0].id},{gone}")
    assert done.exit_code == 0, done.stderr
    assert gone in done.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'[sources.databuddy]\napi_key = "dbdy_secret\n', "line 2"),
        (b"a = 1\na = 2\n", "line 2"),
        (b'a = "dbdy_secret', "end of document"),
        (b"a = '\xff'", "not UTF-8"),
        (
            b"\xef\xbb\xbfa = 1\n",
            "(BOM): save it as UTF-8 without one",
        ),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_line(
    text: bytes, line: str, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_bytes(text)
    told = no_toml_in(tmp_path / "none.toml", file)
    assert str(file) in told
    assert told.endswith(line)
    assert "dbdy_secret" not in told


def test_an_empty_key_in_the_environment_is_what_is_told(invoke: Callable[..., Outcome]) -> None:
    done = invoke("plan", SOURCES__DATABUDDY__API_KEY="")
    assert done.exit_code == 1
    assert "the environment variable SOURCES__DATABUDDY__API_KEY has an empty one" in done.stderr


@pytest.mark.parametrize(
    ("destination", "says"),
    [("duckdbb", "Did you mean duckdb? Use duckdb, "), ("sqlite", "is none that dlt knows. Use ")],
)
def test_a_destination_that_is_none_is_told_with_those_that_are(
    destination: str, says: str, invoke: Callable[..., Outcome]
) -> None:
    done = invoke("plan", "--destination", destination)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "resolved" not in done.stderr


def test_a_key_that_is_rejected_is_told_with_the_place_it_came_from(
    invoke: Callable[..., Outcome], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "dbdy_test_wrong"
    for command in ("plan", "check"):
        done = invoke(command, SOURCES__DATABUDDY__API_KEY=wrong)
        told = done.stdout + done.stderr
        assert "It came from the environment variable SOURCES__DATABUDDY__API_KEY." in told
        assert wrong not in told
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder))
    secrets = folder / ".dlt" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text(f'[sources.databuddy]\napi_key = "{wrong}"\n')
    dlt.current.run_context().reload()
    try:
        done = invoke("plan", SOURCES__DATABUDDY__API_KEY=None)
    finally:
        secrets.unlink()
        dlt.current.run_context().reload()
    assert "secrets.toml" in done.stderr
    assert "It came from" in done.stderr
    assert wrong not in done.stderr


def test_check_without_a_key_says_what_to_do_for_each_line(invoke: Callable[..., Outcome]) -> None:
    done = invoke("check", SOURCES__DATABUDDY__API_KEY=None)
    assert done.exit_code == 1
    assert done.stdout.count("untested") == done.stdout.count("first, then check again.") > 1


def test_the_version_is_told(invoke: Callable[..., Outcome]) -> None:
    done = invoke("--version")
    assert (done.exit_code, done.stdout) == (
        0,
        f"databuddy-source {program.version_of(program.NAME)}\n",
    )
    assert done.stdout.split()[1][0].isdigit()


@pytest.mark.parametrize("words", [["discover"], ["discover", "--json"], ["explain", "pages"]])
def test_who_reads_enough_ends_it_quietly(words: list[str], environment: dict[str, str]) -> None:
    reader, writer = socket.socketpair()
    reader.close()
    with writer:
        done = subprocess.run(
            [sys.executable, "-m", "databuddy_source", *words],
            stdout=writer,
            stderr=subprocess.PIPE,
            env={**environment, "PYTHONPATH": str(PROJECT)},
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("stem", ["", "shop"], ids=["called alike", "another name"])
@pytest.mark.parametrize("dataset", ["select", "Order", "databuddy"])
def test_the_offered_query_runs_whatever_the_dataset_is_called(
    dataset: str, stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"{stem or dataset}.duckdb"
    table = f'"{file.stem}"."{dataset}".top_pages'
    with duckdb.connect(str(file)) as connection:
        connection.execute(f'CREATE SCHEMA "{dataset}"')
        connection.execute(f"CREATE TABLE {table} AS SELECT 1 AS date, 42 AS n")
    query = first_query(file, dataset, [Loaded("top_pages", 1, 1, 0, TODAY, TODAY, "UTC")])
    assert query
    done = subprocess.run(query, shell=True, capture_output=True, text=True, check=True)
    assert "42" in done.stdout


def test_a_demo_server_on_a_used_port_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "databuddy_source.demo", "--days", "1", "--port", port],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} cannot be listened on" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_without_the_packages_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(PROJECT / "pipelines" / "sync.py"), "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"This Python, {sys.executable}, lacks dlt: run ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        ("/somewhere/bin/databuddy-source", "/somewhere/bin/databuddy-source"),
        ("/on/path/databuddy-source", "databuddy-source"),
        ("pipelines/sync.py", "/a/python pipelines/sync.py"),
        ("/x/databuddy_source/__main__.py", "/a/python -m databuddy_source"),
    ],
)
def test_what_comes_next_can_be_typed(
    called: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {"databuddy-source": "/on/path/databuddy-source", "python": "/usr/bin/python"}
    monkeypatch.setattr("shutil.which", paths.get)
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(sys, "executable", "/a/python")
    assert program.to_type() == typed
    monkeypatch.setattr(sys, "executable", "/usr/bin/python")
    assert program.to_type() == typed.replace("/a/python", "python")


@pytest.mark.parametrize(
    ("variable", "wrong", "says"),
    [
        ("LOAD__WORKERS", "abc", "LOAD__WORKERS is wrong: it has to be of type int. Mend it."),
        (
            "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS",
            "many",
            "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS is wrong: it has to be of type int. Mend it.",
        ),
        (
            "DESTINATION__DUCKDB__REPLACE_STRATEGY",
            "x",
            "REPLACE_STRATEGY is wrong: it has to be one of truncate-and-insert, ",
        ),
        (
            "SCHEMA__NAMING",
            "direct",
            "convention snake_case, and this run would spell them by direct. Take schema.naming",
        ),
    ],
)
def test_a_setting_of_dlt_that_is_wrong_is_named(
    variable: str, wrong: str, says: str, invoke: Callable[..., Outcome]
) -> None:
    words = ["--since", str(TODAY), "--report", "pages"]
    assert invoke(*words).exit_code == 0
    done = invoke(*words, **{variable: wrong})
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_setting_of_dlt_in_a_file_is_named_with_its_place(run: Run, folder: Path) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "config.toml").write_text("[load]\nworkers = 'abc'\n")
    done = run("--since", str(TODAY), "--report", "pages", DLT_PROJECT_DIR=str(folder))
    assert done.returncode == 2
    assert "load.workers in config.toml is wrong: it has to be of type int." in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SOURCES__DATABUDDY__BASE_URL", b"http://127.0.0.1:1/\xff", "must look like https://"),
        (
            "DESTINATION__POSTGRES__CREDENTIALS",
            b"postgresql://me:b\xff@127.0.0.1:1/web",
            "Not UTF-8: DESTINATION__POSTGRES__CREDENTIALS in the environment. Write it in UTF-8.",
        ),
    ],
)
def test_what_is_not_utf_8_in_the_environment_is_named(
    variable: str, value: bytes, told: str, invoke: Callable[..., Outcome]
) -> None:
    done = invoke("sync", "--destination", "postgres", **{variable: os.fsdecode(value)})
    assert done.exit_code == 2, done.stderr
    assert told in done.stderr
    assert "b\\xff" not in done.stderr
    assert "udcff@" not in done.stderr


def test_a_full_disk_is_told_with_its_place(tmp_path: Path) -> None:
    copied = shutil.Error([("from", "/data/to", "[Errno 28] No space left on device: '/data/to'")])
    told, code = sentence_and_code(copied)
    assert told == "No space left on device (/data/to). Make room or rights, then go on."
    assert code == program.Exit.FAILED
    warehouse = Warehouse.of(state_dir=tmp_path)
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ValueError, match="a step failed") as caught, full_disk_named(warehouse):
        raise ValueError("a step failed") from full
    told, _ = sentence_and_code(caught.value)
    assert told == f"No space left on device ({tmp_path}). Make room or rights, then go on."
