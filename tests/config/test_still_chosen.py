"""What was taken out and is still chosen is named with its setting."""

from __future__ import annotations

from typing import Any

import pytest

from databuddy_source.api.models import Website
from databuddy_source.config.settings import Settings
from databuddy_source.config.still_chosen import still_chosen

KNOWN = {
    "shop": Website(id="shop", domain="shop.example.com"),
    "blog": Website(id="blog", domain="blog.example.com"),
    "gone": Website(id="gone", domain="gone.example.com"),
}
SEEN = {"shop", "blog"}
MINE = {"query_type": "country", "name": "mine", "websites": ["blog"]}
GERMANS = {"filters": [{"field": "country", "op": "eq", "value": "DE"}]}


def told(gone: list[str], taken: list[str], **given: Any) -> list[tuple[str, str]]:
    """What is still chosen of websites and reports that are gone, and by which key."""
    settings = Settings.of(**{"query_types": ["top_pages"], **given})
    found = still_chosen(settings, gone, taken, KNOWN, SEEN)
    return [(each.what, each.setting.removeprefix("sources.databuddy.")) for each in found]


@pytest.mark.parametrize("name", ["shop", "shop.example.com"])
def test_a_website_is_named_as_it_is_configured(name: str) -> None:
    assert told(["shop"], [], websites=["blog", name]) == [(name, "websites")]
    assert told(["blog"], [], websites=[name]) == []


def test_where_no_website_is_named_all_that_the_key_sees_are_chosen() -> None:
    (found,) = told(["shop", "gone"], [])
    assert found == (
        "shop.example.com",
        "websites, which names none and so means all that the key sees",
    )


def test_a_report_may_have_websites_of_its_own() -> None:
    own = {"query_types": [], "reports": [MINE | GERMANS]}
    found = [("blog", "the websites of the report mine in sources.databuddy.reports")]
    assert told(["shop", "blog"], [], **own) == found
    assert told(["shop"], ["mine"], **own) == []
    assert told(["blog"], ["mine"], **own) == [("mine of blog", "reports")]


@pytest.mark.parametrize("name", ["top_pages", "pages", "default", "all"])
def test_a_report_is_chosen_by_any_of_its_names_and_by_its_group(name: str) -> None:
    settings = Settings.of(query_types=[name])
    (found,) = still_chosen(settings, [], ["top_pages"], KNOWN, SEEN)
    assert (found.what, found.setting) == ("top_pages", "sources.databuddy.query_types")
    is_group = name in {"default", "all"}
    assert found.todo == (
        "Name there the query types that you want." if is_group else f"Take {name} out there."
    )
    assert str(found).startswith("top_pages is still chosen by sources.databuddy.query_types, so ")


def test_a_report_of_a_website_is_chosen_where_both_are() -> None:
    assert told(["shop"], ["top_pages"], websites=["shop"]) == [
        ("top_pages of shop", "query_types")
    ]
    assert told(["shop"], ["top_pages"], websites=["blog"]) == []
    assert told(["shop"], ["country"], websites=["shop"]) == []
    assert told([], ["top_pages", "country"]) == [("top_pages", "query_types")]


def test_a_website_of_an_account_is_named_with_the_account() -> None:
    own = {
        "main": {"api_key": "dbdy_one", "websites": ["shop", "blog"]},
        "other": {"api_key": "dbdy_two", "websites": ["blog", "gone"]},
        "last": {"api_key": "dbdy_three", "websites": ["lone"]},
    }
    assert told(["shop"], [], accounts=own) == [("shop", "accounts.main.websites")]
    both = "accounts.main.websites and sources.databuddy.accounts.other.websites"
    assert told(["blog"], [], accounts=own) == [("blog", both)]
    # where some of them are chosen, that is the place
    assert told(["shop"], [], accounts=own, websites=["shop", "gone"]) == [("shop", "websites")]
    settings = Settings.of(query_types=["top_pages"], accounts=own)
    (found,) = still_chosen(settings, ["lone"], [], {}, {"lone"})
    assert str(found).endswith("again. Take it out there, and an account that has no other one.")
