"""The websites of the demo server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Website:
    """A website as `GET websites` lists it. `created_at` is ISO 8601 in UTC."""

    id: str
    name: str | None
    domain: str
    is_public: bool
    created_at: str


SHOP = Website(
    "wq3ZkT8vYhJ-2mXnB5sRd",
    "Größe & Söhne “Shop”",
    "shop.example.com",
    False,
    "2024-01-15T09:30:00.000Z",
)
BLOG = Website(
    "p_7LcE1fUaG9oWxKtV4iN", "Blog 🦆", "blog.example.com", True, "2025-03-02T17:05:41.120Z"
)
# It never had a visitor.
QUIET = Website(
    "zD6yHb0rQeSjM-uPg3lCA", None, "quiet.example.com", False, "2026-02-28T23:59:59.999Z"
)
# Another organisation's, so that its key has something to see.
ELSEWHERE = Website(
    "n5FvO_xA8kwI1tTq9BhZy", "Elsewhere", "elsewhere.example.org", False, "2025-07-01T00:00:00.000Z"
)
