"""The page of `dashboard` as a browser shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import NAME, Written

WIDTHS = (360, 768, 1600)


@pytest.fixture
def look(browser: Any, written: Written) -> Iterator[Callable[..., Any]]:
    """Opens the page from the disk; what it says on the console or asks for is an error."""
    opened = []

    def at(width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        said: list[str] = []
        sheet = context.new_page()
        sheet.on("console", lambda message: said.append(message.text))
        sheet.on("pageerror", lambda error: said.append(str(error)))
        sheet.on("dialog", lambda dialog: said.append(dialog.message))
        sheet.on("request", lambda request: said.append(request.url))
        sheet.goto(written.file.as_uri())
        opened.append((context, said))
        return sheet

    yield at
    for context, said in opened:
        assert said == [written.file.as_uri()]
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits(look: Callable[..., Any], width: int) -> None:
    sheet = look(width, java_script_enabled=True)
    assert sheet.evaluate("document.documentElement.scrollWidth") <= width
    shown = sheet.locator("figure:first-of-type .narrow, figure:first-of-type .wide")
    visible = [each.get_attribute("class") for each in shown.all() if each.is_visible()]
    assert set(visible) == {"narrow" if width <= 560 else "wide"}


def test_it_needs_no_script(look: Callable[..., Any]) -> None:
    sheet = look(java_script_enabled=False)
    assert sheet.locator("section.site").count() == 4
    assert sheet.locator("svg:visible").count() > 10
    assert sheet.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_keeps_people_out(look: Callable[..., Any], scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    # axe is a script, which the page itself forbids
    sheet = look(width, color_scheme=scheme, bypass_csp=True)
    sheet.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = Axe().run(sheet).response["violations"]
    told = [(each["id"], each["impact"], each["nodes"][0]["html"][:200]) for each in found]
    assert not told


def test_dark_is_dark_and_paper_is_white(look: Callable[..., Any]) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    line = "getComputedStyle(document.querySelector('.wide path[stroke*=line]')).stroke"
    dark, light = look(color_scheme="dark"), look(color_scheme="light")
    assert dark.evaluate(back) == "rgb(20, 23, 27)"
    assert dark.evaluate(line) == "rgb(118, 179, 245)"
    assert light.evaluate(line) == "rgb(11, 92, 173)"
    dark.emulate_media(media="print")
    assert dark.evaluate(back) == "rgb(255, 255, 255)"
    assert not dark.locator("nav").is_visible()


def test_text_of_a_table_is_what_sql_says(look: Callable[..., Any], written: Written) -> None:
    sheet = look()
    for row in written.query("SELECT domain FROM websites"):
        site = sheet.locator("section.site").filter(
            has=sheet.locator("h2").get_by_text(row[0], exact=True)
        )
        if not site.count():
            continue
        site.locator("summary").click()
        shown = [
            each.split("\t")
            for each in site.locator("table.days tbody").last.inner_text().split("\n")
        ]
        tables = written.query(
            "SELECT CAST(date AS VARCHAR), format('{:,}', pageviews), format('{:,}', visitors), "
            "state FROM daily_summary WHERE domain = '" + row[0].replace("'", "''") + "' "
            "ORDER BY date DESC LIMIT 90"
        )
        assert len(tables) == 90
        assert [[*each[:3], each[-1]] for each in shown] == [
            ["?" if cell is None else cell for cell in each] for each in tables
        ]


def test_a_keyboard_reaches_websites_and_numbers(look: Callable[..., Any]) -> None:
    sheet = look()
    sheet.keyboard.press("Tab")
    assert sheet.evaluate("document.activeElement.getAttribute('href')") == "#site-1"
    first = sheet.locator("summary").first
    first.focus()
    sheet.keyboard.press("Enter")
    assert sheet.locator("details").first.get_attribute("open") is not None


def test_names_are_shown_as_they_are(look: Callable[..., Any]) -> None:
    sheet = look()
    assert sheet.locator("h2").get_by_text(NAME, exact=True).count() == 1
    for text in ("/<script>alert('page')</script>", "/left\\u202eright"):
        assert sheet.get_by_text(text, exact=True).first.is_visible()


def test_it_is_small_and_soon_there(written: Written) -> None:
    size = written.file.stat().st_size
    print(f"{size:,} bytes in {written.seconds:.1f} s")
    assert size <= 2_000_000
