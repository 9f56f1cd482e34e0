"""Messages of drivers and servers without the secrets that they quote."""

from __future__ import annotations

import re
from typing import Final

_SECRETS: Final = (
    re.compile(r"(?<=://)[^\s\"']*@"),  # of an address, up to its last @
    re.compile(r"(?i)(?<=password=)[^\s&;\"']+"),
    re.compile(r"(?i)(?<=token=)[^\s&;\"']+"),
)


def redacted(text: str) -> str:
    """The text with `***` in place of what stands before the `@` of an address, and of values
    that are called a password or a token."""
    for secret in _SECRETS:
        text = secret.sub(lambda found: "***@" if found[0].endswith("@") else "***", text)
    return text
