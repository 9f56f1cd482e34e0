"""Who asks, and which websites they may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databuddy_source.demo.websites import ELSEWHERE, Website

# Secrets of a toy: they open nothing but this server.
FULL_KEY = "dbdy_demo_reads_all_websites"
KEY_WITHOUT_SCOPE = "dbdy_demo_lacks_read_data"
KEY_OF_ANOTHER_ORGANISATION = "dbdy_demo_of_another_organisation"
KEY_WITHOUT_RESOURCES = "dbdy_demo_sees_no_website"
# Both are for the first website only; the second one has no scope but that website's.
KEY_OF_ONE_WEBSITE = "dbdy_demo_reads_one_website"
KEY_WITH_WEBSITE_SCOPE = "dbdy_demo_scoped_to_one_website"
SESSION_COOKIE = "better-auth.session_token=demo-dashboard-session"

SECRET_HEADERS = frozenset({"x-api-key", "authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    `listed` is what `GET websites` shows, None for somebody without a valid key or session.
    `is_global` callers may ask about all of them at once.
    """

    credential: str
    listed: tuple[Website, ...] | None
    dashboard: bool = False
    is_global: bool = True

    @property
    def authenticated(self) -> bool:
        """A wrong key, an expired one and one without `read:data` all count as nobody."""
        return self.listed is not None

    def owns(self, website_id: str) -> bool:
        """Whether the website is one of the caller's own."""
        return any(website.id == website_id for website in self.listed or ())

    def may_read(self, website_id: str, websites: Sequence[Website]) -> bool:
        """Public websites answer anybody."""
        public = any(website.id == website_id and website.is_public for website in websites)
        return public or self.owns(website_id)


def recognise(
    headers: Mapping[str, str], websites: Sequence[Website], *, website_scopes: bool
) -> Caller:
    """Read `x-api-key`, `Authorization: Bearer` or the session cookie.

    Header names are lower case. `website_scopes`: scopes of single websites count.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    if key == FULL_KEY:
        return Caller(key, tuple(websites))
    if key == KEY_OF_ANOTHER_ORGANISATION:
        return Caller(key, (ELSEWHERE,))
    if key == KEY_WITHOUT_RESOURCES:
        return Caller(key, ())
    if key == KEY_OF_ONE_WEBSITE or (key == KEY_WITH_WEBSITE_SCOPE and website_scopes):
        return Caller(key, tuple(websites[:1]), is_global=False)
    cookies = [cookie.strip() for cookie in headers.get("cookie", "").split(";")]
    if SESSION_COOKIE in cookies:
        return Caller(SESSION_COOKIE, tuple(websites), dashboard=True)
    return Caller(key, None)
