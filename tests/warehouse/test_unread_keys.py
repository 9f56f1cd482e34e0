"""A misspelled key of the destination is an error with the nearest right name, wherever it stands:
tables would come into another place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dlt
import pytest

from databuddy_source.dlt_seam import keys_of_destination
from databuddy_source.errors import BadSetting
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.unread_keys import entries_of, refuse

DESTINATIONS = {
    "duckdb": dlt.destinations.duckdb,
    "postgres": dlt.destinations.postgres,
    "bigquery": dlt.destinations.bigquery,
}


def looked_through(
    destination: str, document: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> None:
    keys = keys_of_destination(DESTINATIONS[destination]())
    refuse(keys, entries_of([("secrets.toml", document)], environment or {}))


@pytest.mark.parametrize(
    ("destination", "table", "key", "meant"),
    [
        ("duckdb", {"duckdb": {"credentails": "x"}}, "duckdb.credentails", "duckdb.credentials"),
        ("duckdb", {"duckdb": {"Credentials": "x"}}, "duckdb.Credentials", "duckdb.credentials"),
        ("duckdb", {"dukdb": {"credentials": "x"}}, "dukdb.credentials", "duckdb.credentials"),
        ("duckdb", {"duckdb": {"xyz": 1}}, "duckdb.xyz", None),
        ("duckdb", {"credentials": "x"}, "credentials", "duckdb.credentials"),
        (
            "duckdb",
            {"duckdb": {"credentials": {"databse": "x"}}},
            "duckdb.credentials.databse",
            "duckdb.credentials.database",
        ),
        (
            "postgres",
            {"postgres": {"credentials": {"host": "a", "usrname": "x"}}},
            "postgres.credentials.usrname",
            "postgres.credentials.username",
        ),
        (
            "postgres",
            {"postgres": {"credentials": {"sslmode": "require"}}},
            "postgres.credentials.sslmode",
            None,
        ),
        (
            "postgres",
            {"postgres": {"credntials": {"host": "x"}}},
            "postgres.credntials.host",
            "postgres.credentials.host",
        ),
        ("postgres", {"credentails": "x"}, "credentails", "credentials"),
        (
            "bigquery",
            {"bigquery": {"credentials": {"projct_id": "x"}}},
            "bigquery.credentials.projct_id",
            "bigquery.credentials.project_id",
        ),
    ],
)
def test_a_wrong_key_of_a_file(
    destination: str, table: Mapping[str, Any], key: str, meant: str | None
) -> None:
    for pipeline in ("", "mine."):
        document: Mapping[str, Any] = {"destination": table}
        with pytest.raises(BadSetting) as caught:
            looked_through(destination, {"mine": document} if pipeline else document)
        start = f"{pipeline}destination."
        assert caught.value.what == f"{start}{key} in secrets.toml is not read"
        assert caught.value.todo == (f"Did you mean {start}{meant}?" if meant else "Take it out.")


@pytest.mark.parametrize("section", ["destinaton", "destinations", "Destination"])
def test_a_wrong_section_of_a_file(section: str) -> None:
    with pytest.raises(BadSetting, match=r"Did you mean destination\.duckdb\.credentials\?"):
        looked_through("duckdb", {section: {"duckdb": {"credentials": "x"}}})


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("pipelines", "dataset_nam", "dataset_name"),
        ("pipeline", "dataset_name", "dataset_name"),
        ("pipelines", "destination_typ", "destination_type"),
    ],
)
def test_a_wrong_key_of_pipelines(section: str, key: str, meant: str) -> None:
    with pytest.raises(BadSetting) as caught:
        looked_through("duckdb", {section: {key: "x"}})
    assert caught.value.todo == f"Did you mean pipelines.{meant}?"
    variable = f"{section}__{key}".upper()
    with pytest.raises(BadSetting, match=f"{variable} is not read"):
        looked_through("duckdb", {}, {variable: "x"})


@pytest.mark.parametrize(
    ("variable", "todo"),
    [
        ("DESTINATION__DUCKDB__CREDENTALS", "Did you mean DESTINATION__DUCKDB__CREDENTIALS?"),
        ("DESTINATON__DUCKDB__CREDENTIALS", "Did you mean DESTINATION__DUCKDB__CREDENTIALS?"),
        ("DESTINATION__DUKDB__CREDENTIALS", "Did you mean DESTINATION__DUCKDB__CREDENTIALS?"),
        ("DESTINATION__CREDENTIALS", "Did you mean DESTINATION__DUCKDB__CREDENTIALS?"),
        (
            "MINE__DESTINATION__DUCKDB__CREDENTIALS__DATABSE",
            "Did you mean MINE__DESTINATION__DUCKDB__CREDENTIALS__DATABASE?",
        ),
        ("destination__duckdb__credentials", "Write DESTINATION__DUCKDB__CREDENTIALS."),
        ("DESTINATION__DUCKDB__QQQ", "Take it out."),
    ],
)
def test_a_wrong_variable(variable: str, todo: str) -> None:
    with pytest.raises(BadSetting) as caught:
        looked_through("duckdb", {}, {variable: "secret"})
    assert caught.value.what == f"{variable} is not read"
    assert caught.value.todo == todo


@pytest.mark.parametrize(
    ("destination", "document", "environment"),
    [
        ("duckdb", {"destination": {"duckdb": {"credentials": "x", "create_indexes": True}}}, {}),
        ("duckdb", {"destination": {"duckdb": {"credentials": {"database": "x"}}}}, {}),
        ("duckdb", {"mine": {"destination": {"duckdb": {"replace_strategy": "x"}}}}, {}),
        # of other destinations, and of a second one of the same kind
        ("duckdb", {"destination": {"postgres": {"credentails": "x"}}}, {}),
        ("duckdb", {"destination": {"duckdb2": {"credentials": "x"}}}, {}),
        ("duckdb", {"destination": {"duckdb_old": {"credentials": "x"}}}, {}),
        ("duckdb", {"destination": {"dukdb": {"destination_type": "duckdb", "x": 1}}}, {}),
        ("duckdb", {}, {"DESTINATION__POSTGRES__CREDENTAILS": "x"}),
        ("duckdb", {}, {"DESTINATION": "Berlin", "DESTINATIONS": "2", "DESTINATION_NAME": "x"}),
        ("duckdb", {"travel": {"destinations": {"duckdbs": 1}}, "destinations": {"x": 1}}, {}),
        (
            "duckdb",
            {"pipelines": {"dataset_name": "x", "destination_type": "x", "destination_name": "x"}},
            {"PIPELINES__DATASET_NAME": "x", "PIPELINES__MINE__DATASET_NAME": "x"},
        ),
        # for all destinations
        ("postgres", {"destination": {"credentials": "x", "replace_strategy": "x"}}, {}),
        ("postgres", {"destination": {"name": "x"}}, {"DESTINATION__NAME": "x"}),
        ("postgres", {"destination": {"postgres": {"credentials": {"query": {"a": "b"}}}}}, {}),
        ("postgres", {"destination": {"postgres": {"csv_format": {"delimiter": ";"}}}}, {}),
        ("postgres", {"destination": {"postgres": {"credentials": {"query": {}}}}}, {}),
        # a whole file of a service account
        (
            "bigquery",
            {
                "destination": {
                    "bigquery": {
                        "location": "EU",
                        "credentials": {
                            "type": "service_account",
                            "project_id": "x",
                            "private_key": "x",
                            "private_key_id": "x",
                            "client_email": "x",
                            "client_id": "x",
                            "token_uri": "x",
                            "auth_uri": "x",
                            "auth_provider_x509_cert_url": "x",
                            "client_x509_cert_url": "x",
                            "universe_domain": "x",
                        },
                    }
                }
            },
            {},
        ),
    ],
)
def test_what_is_read_and_what_is_of_others(
    destination: str, document: Mapping[str, Any], environment: Mapping[str, str]
) -> None:
    looked_through(destination, document, environment)


def test_a_choice_is_refused_and_that_of_the_demo_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTALS", "web.duckdb")
    with pytest.raises(BadSetting, match="Did you mean DESTINATION__DUCKDB__CREDENTIALS"):
        chosen()
    assert chosen(demo=True).file
