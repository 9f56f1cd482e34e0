"""What the environment says of proxies and certificates holds, or is named in one sentence."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.connection import proxy_for, trust
from databuddy_source.errors import BadEnvironment

SERVER = "https://api.example.com/v1"
PROXY = "http://proxy.example.com:3128"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("HTTP", "HTTPS", "ALL", "NO"):
        monkeypatch.delenv(f"{scheme}_PROXY", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "server", "used"),
    [
        ({}, SERVER, None),
        ({"HTTPS_PROXY": PROXY}, SERVER, PROXY),
        ({"https_proxy": PROXY}, SERVER, PROXY),
        ({"ALL_PROXY": PROXY}, SERVER, PROXY),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, SERVER, PROXY),
        ({"HTTP_PROXY": PROXY}, SERVER, None),
        ({"HTTP_PROXY": PROXY}, "http://stats.internal/v1", PROXY),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": "http://other:1"}, SERVER, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com"}, SERVER, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "other.com, .example.com"}, SERVER, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, SERVER, None),
        # no hosts, and nothing to do with the server
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::/8,[::1],10.0.0.0/8"}, SERVER, PROXY),
        ({"NO_PROXY": "fd00::/8"}, SERVER, None),
        # of another scheme, which nobody asks for here
        ({"HTTPS_PROXY": "socks5://127.0.0.1:1"}, "http://stats.internal/v1", None),
        ({"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}, "http://127.0.0.1:3001/v1", None),
        ({"HTTPS_PROXY": PROXY}, "https://localhost:3001/v1", None),
    ],
)
def test_the_environment_names_the_proxy(
    variables: dict[str, str], server: str, used: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = proxy_for(server)
    assert (str(proxy.url) if proxy else None) == used


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://user:hush@proxy:99999"),
        ("HTTPS_PROXY", "user:hush@proxy:port"),
        ("https_proxy", "ftp://user:hush@proxy"),
        ("ALL_PROXY", "http://"),
        ("ALL_PROXY", "socks5://user:hush@127.0.0.1:1080"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadEnvironment, match=f"^{variable.upper()} names ") as error:
        Client(SERVER, None, Budget(1))
    assert "hush" not in str(error.value)
    assert "socks5" not in value or "pip install 'httpx[socks]'" in str(error.value)


@pytest.mark.parametrize("server", [SERVER, "https://localhost:3001/v1"])
def test_a_file_of_certificates_that_cannot_be_used_is_named(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing" / "file"
    empty.touch()
    for name, file in (
        ("SSL_CERT_FILE", missing),
        ("SSL_CERT_FILE", empty),
        ("SSLKEYLOGFILE", missing),
    ):
        with monkeypatch.context() as variables:
            variables.setenv(name, str(file))
            with pytest.raises(BadEnvironment) as error:
                Client(server, None, Budget(1))
        assert str(error.value).startswith(f"{name} ({file}) cannot be used: ")


def test_an_authority_of_ones_own_holds_on_loopback_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = ssl.DER_cert_to_PEM_cert(
        httpx.create_ssl_context().get_ca_certs(binary_form=True)[0]
    )
    (tmp_path / "own.pem").write_text(authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert len(trust().get_ca_certs()) == 1
