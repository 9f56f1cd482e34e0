"""By which proxy a server is reached, and by which certificates it is believed."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from databuddy_source.api.credential import is_loopback
from databuddy_source.api.traffic import CONNECT_SECONDS
from databuddy_source.errors import BadEnvironment

_AUTHORITIES = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
"""The HTTP library reads the first of them that is set."""

_KEYS = "SSLKEYLOGFILE"
"""Python writes the keys of connections there."""


def http_client(base_url: str, headers: Mapping[str, str], seconds: float) -> httpx.AsyncClient:
    """The HTTP library's client for one server. It follows no redirect, so that nothing that proves
    who asks comes to another host.

    Args:
        base_url: of the server.
        headers: of each request.
        seconds: that an answer may take.

    Raises:
        BadEnvironment: the environment's proxy or certificates cannot be used.
    """
    return httpx.AsyncClient(
        headers=headers,
        timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        follow_redirects=False,
        proxy=proxy_for(base_url),
        verify=trust(),
        trust_env=False,  # it is asked for here
    )


def proxy_for(base_url: str) -> httpx.Proxy | None:
    """The proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name for a server.

    Python's own reading of `NO_PROXY` is asked, since httpx raises on what is no host, such as a
    network, though the server may have nothing to do with it.

    Args:
        base_url: of the server. Loopback has no proxy: it would read what loopback alone may, the
            key over http.

    Raises:
        BadEnvironment: a variable names no proxy that can be used.
    """
    parts = urlsplit(base_url)
    if is_loopback(base_url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    scheme = parts.scheme if parts.scheme in proxies else "all"
    if not (address := proxies.get(scheme)):
        return None
    variable = f"{scheme.upper()}_PROXY"
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        usable = proxy.url.host and (proxy.url.port or 0) < 2**16
    except (httpx.InvalidURL, ValueError):  # which quote the address, and so its password
        usable = False
    if not usable:
        raise BadEnvironment(f"{variable} names no proxy, such as http://proxy.example.com:3128")
    if proxy.url.scheme.startswith("socks") and not find_spec("socksio"):
        raise BadEnvironment(
            f"{variable} names a SOCKS proxy, for which a package is lacking",
            "Install it: pip install 'httpx[socks]'",
        )
    return proxy


def trust() -> ssl.SSLContext:
    """The certificate authorities that prove a server: those of `SSL_CERT_FILE` or `SSL_CERT_DIR`,
    else the HTTP library's own.

    Raises:
        BadEnvironment: a variable names a file that cannot be used.
    """
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:  # of which SSLError is one
        # of all that can be wrong, only the file for keys is named in the error
        names = [_KEYS] if getattr(error, "filename", None) else _AUTHORITIES
        name = next((each for each in names if os.environ.get(each)), None)
        if name is None:
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise BadEnvironment(f"{name} ({os.environ[name]}) cannot be used: {reason}") from None
