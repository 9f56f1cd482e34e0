"""What proves who asks, and where it may be sent without protection."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from databuddy_source.errors import BadSetting, NoKey

_NEVER = "\"'` "
"""What no key has, and people put around one."""


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves who asks: an API key, or the session cookie of a dashboard."""

    api_key: str = field(default="", repr=False)
    """Of Databuddy, with the scope `read:data`."""
    session_cookie: str = field(default="", repr=False)
    """Of a dashboard, instead of a key."""
    # no key of the configuration: the variable or file that had it; empty where code gave it
    origin: str = field(default="", compare=False)

    def headers(self) -> dict[str, str]:
        """The one header that carries the credential.

        Raises:
            NoKey: neither is set.
            BadSetting: it cannot be sent. Checked here, since the HTTP library would complain with
                the whole value in its message.
        """
        setting, name, value = (
            ("api_key", "x-api-key", self.api_key)
            if self.api_key
            else ("session_cookie", "cookie", self.session_cookie)
        )
        if not value and self.origin:
            raise NoKey(
                f"No API key is configured: {self.origin} has an empty one, which hides any other",
                "Take the empty one away, or put the key there.",
            )
        if not value:
            raise NoKey("No API key is configured")
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            raise BadSetting(
                f"sources.databuddy.{setting} is wrong: it has a line break, a space around it or "
                "a letter beyond ASCII",
                "Copy it from Databuddy's settings again.",
            )
        if setting == "api_key" and set(value) & set(_NEVER):
            raise BadSetting(
                "sources.databuddy.api_key is wrong: there are quotes, or a word such as Bearer, "
                "around the key",
                "Leave the key alone, as Databuddy's settings show it.",
            )
        return {name: value}
