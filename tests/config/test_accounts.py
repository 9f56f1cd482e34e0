"""Several accounts as settings: which key asks for which website, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from databuddy_source import configured, databuddy_source
from databuddy_source.api.credential import Credential
from databuddy_source.config.accounts import with_variables
from databuddy_source.config.connect import budget_of, budgets_of
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting, InsecureAddress, NoKey
from databuddy_source.extract.source import websites_of

SECRET = "dbdy_secret"
SHOP = {"api_key": SECRET, "websites": ["a", "b"]}
STUDIO = {"api_key": "dbdy_other", "websites": "b,c", "base_url": "https://studio.example.com"}
BOTH = {"shop": SHOP, "studio": STUDIO}


def test_each_website_is_asked_for_by_one_account() -> None:
    settings = Settings.of(accounts=BOTH)
    assert settings.websites == ("a", "b", "c")
    assert [settings.account_of(each) for each in settings.websites] == ["shop", "shop", "studio"]
    shop, studio = settings.by_account().values()
    assert (shop.websites, studio.websites) == (("a", "b"), ("c",))
    assert (shop.base_url, studio.base_url) == (
        "https://api.databuddy.cc/v1",
        "https://studio.example.com/v1",
    )
    assert shop.credential == Credential(SECRET)
    assert settings.of_website("c") == studio


def test_an_account_that_is_not_needed_is_not_asked() -> None:
    settings = Settings.of(accounts=BOTH, websites=["c"])
    assert list(settings.by_account()) == ["studio"]
    with_report = Settings.of(
        accounts=BOTH, websites=["c"], reports=[{"query_type": "pages", "websites": ["a"]}]
    )
    assert list(with_report.by_account()) == ["shop", "studio"]


def test_with_one_key_nothing_is_divided() -> None:
    settings = Settings.of(api_key=SECRET, websites=["a"])
    assert settings.by_account() == {"": settings}
    assert settings.of_website("another") is settings
    assert settings.account_of("a") == ""


def test_a_website_that_no_account_names_is_told() -> None:
    with pytest.raises(BadSetting, match=r"No account in .* names 'z'"):
        Settings.of(accounts=BOTH).of_website("z")


def test_accounts_have_their_keys() -> None:
    Settings.of(accounts=BOTH).refuse_no_key()
    with pytest.raises(NoKey):
        Settings.of().refuse_no_key()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"accounts": {"shop": {"websites": ["a"]}}}, "accounts.shop.api_key"),
        ({"accounts": {"shop": {"api_key": SECRET}}}, "accounts.shop.websites"),
        ({"accounts": {"shop": SHOP | {"websites": []}}}, "must name the websites"),
        ({"accounts": {"shop": SHOP | {"websites": ["a.example"]}}}, "a.example is a domain"),
        ({"accounts": {"shop": SHOP | {"api_key": " "}}}, "must be a key"),
        ({"accounts": {"shop": SHOP | {"api_key": f"{SECRET}\nx"}}}, "line break"),
        ({"accounts": {"shop": SHOP | {"api_key": f"{SECRET}ö"}}}, "beyond ASCII"),
        ({"accounts": {"shop": SHOP | {"weeks": "iso"}}}, "accounts.shop.weeks"),
        ({"accounts": {"shop": SHOP | {"base_url": "nonsense"}}}, "accounts.shop.base_url"),
        ({"accounts": {"Shop": SHOP}}, "the name 'Shop' must be small"),
        ({"accounts": {"a__b": SHOP}}, "the name 'a__b' must be small"),
        ({"accounts": {"shop": SECRET}}, "accounts.shop"),
        ({"accounts": SECRET}, "must be tables"),
        ({"accounts": [SHOP]}, "must be tables"),
        ({"accounts": BOTH, "api_key": SECRET}, "another besides"),
        ({"accounts": BOTH, "session_cookie": SECRET}, "another besides"),
        ({"accounts": BOTH, "websites": ["z"]}, "websites has 'z', which no account names"),
        (
            {"accounts": BOTH, "reports": [{"query_type": "pages", "websites": ["z"]}]},
            "has 'z', which no account names",
        ),
    ],
)
def test_what_is_wrong_is_named_and_no_key_shown(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSetting) as caught:
        Settings.of(**given)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(Settings.of(accounts=BOTH))


def test_no_key_of_an_account_travels_unprotected() -> None:
    open_ = {"shop": SHOP, "studio": STUDIO | {"base_url": "http://studio.example.com"}}
    with pytest.raises(InsecureAddress, match=r"http://studio\.example\.com"):
        Settings.of(accounts=open_)
    assert Settings.of(accounts=open_, allow_http=True)


def test_each_key_has_a_budget_and_one_key_has_one() -> None:
    settings = Settings.of(accounts=BOTH, requests_per_minute=60)
    budgets = budgets_of(settings)
    assert [*map(id, budgets.each)] == [
        id(budget_of(part)) for part in settings.by_account().values()
    ]
    assert (budgets.per_minute, budgets.left, budgets.spent) == (120, 120, 0)
    alike = {"shop": SHOP, "blog": {"api_key": SECRET, "websites": ["d"]}}
    assert len(budgets_of(Settings.of(accounts=alike)).each) == 1


def test_variables_go_before_the_file_and_new_accounts_come_last() -> None:
    section = "SOURCES__DATABUDDY__ACCOUNTS__"
    environment = {
        f"{section}Z__API_KEY": "dbdy_z",
        f"{section}B_2__API_KEY": "dbdy_b",
        f"{section}SHOP__API_KEY": "dbdy_new",
        f"{section}SHOP__NOTHING": "x",
        "SOURCES__OTHER__ACCOUNTS__SHOP__API_KEY": "x",
    }
    found = with_variables({"weeks": "iso", "accounts": {"shop": SHOP}}, environment)
    assert found == {
        "weeks": "iso",
        "accounts": {
            "shop": SHOP | {"api_key": "dbdy_new"},
            "b_2": {"api_key": "dbdy_b"},
            "z": {"api_key": "dbdy_z"},
        },
    }
    assert list(found["accounts"]) == ["shop", "b_2", "z"]
    assert with_variables({"accounts": None}, {}) == {"accounts": None}
    assert with_variables({"accounts": SECRET}, environment) == {"accounts": SECRET}


def test_what_stands_in_code_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    section = "SOURCES__DATABUDDY__ACCOUNTS__STUDIO__"
    monkeypatch.setenv(f"{section}API_KEY", SECRET)
    monkeypatch.setenv(f"{section}WEBSITES", "c")
    assert websites_of(databuddy_source()) == {"c"}
    assert websites_of(databuddy_source(accounts={"shop": SHOP})) == {"a", "b"}
    assert configured().websites == ("c",)
    assert configured(accounts={"shop": SHOP}).websites == ("a", "b")
