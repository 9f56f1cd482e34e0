"""No secret of a warehouse is in a message."""

from __future__ import annotations

import pytest

from databuddy_source.warehouse.redaction import redacted


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            'invalid dsn: in URI: "postgresql://u:S3C@RET@[[::1]]:5432/d"',
            'invalid dsn: in URI: "postgresql://***@[[::1]]:5432/d"',
        ),
        ("md:///db?motherduck_token=S3CRET&x=1", "md:///db?motherduck_token=***&x=1"),
        ("host=h password=S3CRET user=u", "host=h password=*** user=u"),
        ("connection to server at 127.0.0.1 refused", "connection to server at 127.0.0.1 refused"),
    ],
)
def test_secrets_of_addresses_are_left_out(said: str, shown: str) -> None:
    assert redacted(said) == shown
