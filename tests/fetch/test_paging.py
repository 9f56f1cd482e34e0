"""Pages to one complete result, or an honest "not complete"."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.fetch.limits import SPELLINGS, fills_limit
from databuddy_source.fetch.paging import MOST_PAGES, Pages, Verdict
from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.results import Row

BREAKDOWN = QueryType(name="top_pages", key=("name",))
LOG = QueryType(name="custom_events_recent", shape=Shape.LOG)
UNKNOWN = QueryType(name="brand_new", known=False)

Page = Callable[[int, int], list[Row]]
"""A server: limit and number of a page to its rows."""


def named_rows(number: int, *, first: int = 0) -> list[Row]:
    return [{"name": f"/{index}", "pageviews": 1} for index in range(first, first + number)]


def fetch(query_type: QueryType, limit: int, page: Page) -> tuple[Verdict, Pages]:
    """Ask for pages until there is a verdict."""
    pages = Pages(query_type, limit)
    for _ in range(MOST_PAGES + 1):
        if (verdict := pages.add(page(pages.limit, pages.page))) is not Verdict.MORE:
            return verdict, pages
    raise AssertionError("it asks for ever")


def as_bag(rows: list[Row]) -> Counter[str]:
    return Counter(repr(sorted(row.items())) for row in rows)


# -- servers


def honours(rows: list[Row], chance: random.Random | None = None) -> Page:
    """Pages of one fixed order."""
    return lambda limit, number: rows[(number - 1) * limit : number * limit]


def ignores(rows: list[Row], chance: random.Random | None = None) -> Page:
    """Each page is page 1 again."""
    return lambda limit, number: rows[:limit]


def overlaps(rows: list[Row], chance: random.Random) -> Page:
    """Ordered by a metric without a tie-break, so that rows change places from call to call."""

    def page(limit: int, number: int) -> list[Row]:
        shuffled = sorted(
            chance.sample(rows, len(rows)), key=lambda row: str(row["pageviews"]), reverse=True
        )
        return shuffled[(number - 1) * limit : number * limit]

    return page


def ignores_and_shuffles(rows: list[Row], chance: random.Random) -> Page:
    first = overlaps(rows, chance)
    return lambda limit, number: first(limit, 1)


def merges(page: Page) -> Page:
    """Adds up the rows of one country once the page is cut."""

    def merged(limit: int, number: int) -> list[Row]:
        sums: dict[object, int] = defaultdict(int)
        for row in page(limit, number):
            sums[row["name"]] += int(str(row["pageviews"]))
        return [{"name": name, "pageviews": total} for name, total in sums.items()]

    return merged


SERVERS: dict[str, Callable[[list[Row], random.Random], Page]] = {
    "honours": honours,
    "ignores": ignores,
    "overlaps": overlaps,
    "ignores and shuffles": ignores_and_shuffles,
}


# -- laws

metrics = st.lists(st.integers(1, 3), max_size=30)
limits = st.integers(1, 12)
# of a seed: what hypothesis draws one by one is nearly always zero
chances = st.integers(0, 2**32).map(random.Random)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "query_type",
    [
        BREAKDOWN,
        LOG,
        UNKNOWN,
        BREAKDOWN.model_copy(update={"pages": False}),
        BREAKDOWN.model_copy(update={"shape": Shape.TIME_SERIES}),
        LOG.model_copy(update={"key": ("name",)}),
    ],
    ids=["keyed", "log", "unknown", "one page", "series", "keyed log"],
)
@given(values=metrics, limit=limits, chance=chances)
def test_a_result_is_exact_or_truncated_with_a_reason(
    query_type: QueryType, values: list[int], limit: int, server: str, chance: random.Random
) -> None:
    rows: list[Row] = [{"name": f"/{n}", "pageviews": value} for n, value in enumerate(values)]
    verdict, pages = fetch(query_type, limit, SERVERS[server](rows, chance))
    if verdict is Verdict.COMPLETE:
        assert as_bag(pages.rows) == as_bag(rows)
        assert (pages.expected, pages.reason) == (len(rows), "")
    else:
        assert len(rows) >= limit, "what fits into one page is never cut"
        assert pages.reason
        assert not as_bag(pages.rows) - as_bag(rows) or not query_type.key


@given(values=metrics, limit=limits, chance=chances)
def test_whatever_a_server_answers_no_row_comes_twice_and_no_page_is_asked_for_ever(
    values: list[int], limit: int, chance: random.Random
) -> None:
    rows: list[Row] = [{"name": f"/{n}", "pageviews": value} for n, value in enumerate(values)]

    def anything(limit: int, number: int) -> list[Row]:
        full = min(limit, len(rows))
        return chance.sample(rows, chance.choice([full, full, chance.randint(0, full)]))

    _, pages = fetch(BREAKDOWN, limit, anything)
    assert max(as_bag(pages.rows).values(), default=1) == 1
    assert pages.expected >= len(pages.rows)


@given(query_type=st.sampled_from([BREAKDOWN, LOG]), number=st.integers(0, 40), limit=limits)
def test_a_server_that_pages_properly_gives_all_rows(
    query_type: QueryType, number: int, limit: int
) -> None:
    rows = named_rows(number)
    verdict, pages = fetch(query_type, limit, honours(rows))
    assert verdict is Verdict.COMPLETE
    assert pages.rows == rows
    assert pages.pages == number // limit + 1


@pytest.mark.parametrize("server", SERVERS)
@given(
    countries=st.lists(st.integers(1, SPELLINGS), max_size=20),
    limit=limits,
    page_works=st.booleans(),
    chance=chances,
)
def test_rows_merged_after_the_limit_are_never_taken_for_whole(
    countries: list[int], limit: int, server: str, page_works: bool, chance: random.Random
) -> None:
    raw: list[Row] = [
        {"name": f"country {number}", "pageviews": 1}
        for number, spellings in enumerate(countries)
        for _ in range(spellings)
    ]
    query_type = BREAKDOWN.model_copy(update={"merged": True, "pages": page_works})
    verdict, pages = fetch(query_type, limit, merges(SERVERS[server](raw, chance)))
    if verdict is Verdict.COMPLETE:
        assert as_bag(pages.rows) == as_bag(merges(honours(raw))(len(raw), 1))
    else:
        assert pages.reason
        assert len(countries) * SPELLINGS >= limit


@pytest.mark.parametrize("server", SERVERS)
@given(sessions=st.lists(st.sampled_from([1, 9]), max_size=15), limit=limits, chance=chances)
def test_a_limit_that_counts_visitors_is_understood(
    sessions: list[int], limit: int, chance: random.Random, server: str
) -> None:
    visitors: list[Row] = [
        {"name": f"v{number}", "pageviews": 1} for number in range(len(sessions))
    ]
    by_visitor: dict[object, list[Row]] = {
        f"v{number}": [
            {"visitor_id": f"v{number}", "session_id": f"s{each}"} for each in range(many)
        ]
        for number, many in enumerate(sessions)
    }
    page = SERVERS[server](visitors, chance)
    query_type = QueryType(
        name="profile_list",
        shape=Shape.LOG,
        key=("session_id", "visitor_id"),
        limit_counts=("visitor_id",),
    )
    verdict, pages = fetch(
        query_type,
        limit,
        lambda limit, number: [row for v in page(limit, number) for row in by_visitor[v["name"]]],
    )
    if verdict is Verdict.COMPLETE:
        assert as_bag(pages.rows) == as_bag([row for rows in by_visitor.values() for row in rows])
    else:
        assert pages.reason
        assert len(visitors) >= limit
    if server == "honours":
        assert verdict is Verdict.COMPLETE


def test_visitors_that_overlapping_pages_lost_are_counted_as_visitors() -> None:
    query_type = LOG.model_copy(update={"key": ("name", "visit"), "limit_counts": ("name",)})
    # first two of five are lost; then one comes back, with more rows than five
    parts = {3: ["ace", "ac"], 2: ["ab", "cd", "e"]}

    def page(limit: int, number: int) -> list[Row]:
        return [
            {"name": name, "visit": visit}
            for name in parts[limit][number - 1]
            for visit in range(9 if name in "bd" else 1)
        ]

    verdict, pages = fetch(query_type, 3, page)
    assert (verdict, {row["name"] for row in pages.rows}) == (Verdict.COMPLETE, set("abcde"))


# -- single stories


@pytest.mark.parametrize("number", [0, 1, 9])
def test_one_page_that_is_not_full_is_complete(number: int) -> None:
    verdict, pages = fetch(BREAKDOWN, 10, honours(named_rows(number)))
    assert (verdict, pages.pages, pages.rows) == (Verdict.COMPLETE, 1, named_rows(number))


@pytest.mark.parametrize("number", [10, 20, 30])
def test_a_result_of_exactly_so_many_pages_takes_an_empty_one(number: int) -> None:
    verdict, pages = fetch(BREAKDOWN, 10, honours(named_rows(number)))
    assert (verdict, pages.pages, len(pages.rows)) == (Verdict.COMPLETE, number // 10 + 1, number)


def test_a_server_that_ignores_page_is_asked_twice_and_its_rows_are_kept_once() -> None:
    verdict, pages = fetch(BREAKDOWN, 10, ignores(named_rows(25)))
    assert (verdict, pages.reason) == (Verdict.TRUNCATED, "the server repeats its pages")
    assert (pages.pages, pages.seen, pages.rows) == (1, 10, named_rows(10))


def test_a_server_that_ignores_page_is_left_soon_though_some_events_come_in() -> None:
    def page(limit: int, number: int) -> list[Row]:
        return named_rows(100, first=5 * (number - 1))

    verdict, pages = fetch(LOG, 100, page)
    assert (verdict, pages.reason) == (Verdict.TRUNCATED, "the server repeats its pages")
    assert (pages.pages, pages.rows) == (1, named_rows(100))


def test_a_type_known_to_ignore_page_is_asked_once() -> None:
    query_type = BREAKDOWN.model_copy(update={"pages": False})
    verdict, pages = fetch(query_type, 10, ignores(named_rows(25)))
    assert (verdict, pages.pages) == (Verdict.TRUNCATED, 1)
    assert pages.reason == "the server has one page only for this query type"


def test_overlapping_pages_keep_each_row_once_and_say_how_many_there_should_be() -> None:
    lost = {"name": "/5", "pageviews": 1}

    def page(limit: int, number: int) -> list[Row]:
        shown = [row if row != lost else named_rows(1)[0] for row in named_rows(23)]
        return shown[(number - 1) * limit : number * limit]

    verdict, pages = fetch(BREAKDOWN, 10, page)
    assert (verdict, pages.reason) == (Verdict.TRUNCATED, "pages overlap, whatever their size")
    assert pages.rows == [row for row in named_rows(23) if row != lost]
    assert pages.expected == 23


def test_how_many_rows_there_should_be_is_known_from_the_first_pass() -> None:
    def page(limit: int, number: int) -> list[Row]:
        rows = [*named_rows(20), *named_rows(3)] if limit == 10 else named_rows(limit) * 3
        return rows[(number - 1) * limit : number * limit]

    verdict, pages = fetch(BREAKDOWN, 10, page)
    assert (verdict, pages.reason) == (Verdict.TRUNCATED, "the server repeats its pages")
    assert (len(pages.rows), pages.expected) == (20, 23)


def test_a_list_that_got_shorter_between_two_passes_brings_no_row_twice() -> None:
    parts = {10: [named_rows(10), named_rows(5, first=7)], 8: [named_rows(5)]}
    _, pages = fetch(BREAKDOWN, 10, lambda limit, number: parts.get(limit, [[]])[number - 1])
    assert pages.rows == named_rows(12)
    assert pages.expected == 15


def test_what_was_missing_ends_a_pass_as_soon_as_it_is_found() -> None:
    parts = {10: [named_rows(10), named_rows(5, first=8)], 8: [named_rows(8, first=7)]}
    verdict, pages = fetch(BREAKDOWN, 10, lambda limit, number: parts[limit][number - 1])
    assert (verdict, pages.rows) == (Verdict.COMPLETE, named_rows(15))


def test_overlap_is_remembered_when_the_last_page_repeats() -> None:
    parts = [named_rows(10), named_rows(10, first=8), named_rows(10, first=8)]
    verdict, pages = fetch(BREAKDOWN, 10, lambda limit, number: parts[number - 1])
    assert verdict is Verdict.TRUNCATED
    assert pages.rows == named_rows(18), "no row twice"


@given(number=st.integers(0, 40), limit=limits, chance=chances)
def test_other_page_sizes_fill_the_holes_of_overlapping_pages(
    number: int, limit: int, chance: random.Random
) -> None:
    rows = named_rows(number)
    verdict, pages = fetch(BREAKDOWN, limit, overlaps(rows, chance))
    assert as_bag(pages.rows) - as_bag(rows) == Counter()
    if verdict is Verdict.COMPLETE:
        assert as_bag(pages.rows) == as_bag(rows)
    else:
        assert pages.reason
        assert len(pages.rows) < number


def test_a_few_rows_lost_between_pages_are_found_with_other_pages() -> None:
    rows = named_rows(300)
    whole = [
        fetch(BREAKDOWN, 250, overlaps(rows, random.Random(seed)))[0] is Verdict.COMPLETE
        for seed in range(20)
    ]
    once = [
        len(as_bag([*server(250, 1), *server(250, 2)])) == 300
        for server in (overlaps(rows, random.Random(seed)) for seed in range(20))
    ]
    assert (sum(once), sum(whole)) == (0, 20)


def test_rows_of_a_log_that_are_equal_on_one_page_are_different_events() -> None:
    event: Row = {"event_name": "click", "timestamp": "2026-03-02 10:00:00.000"}
    parts = [[{**event, "path": path}] * 2 for path in ("/", "/a", "/b")] + [[event]]
    verdict, pages = fetch(LOG, 2, lambda limit, number: parts[number - 1])
    assert (verdict, len(pages.rows)) == (Verdict.COMPLETE, 7)


def test_a_log_whose_pages_overlap_is_not_complete() -> None:
    parts = [named_rows(10), named_rows(5, first=9)]
    verdict, pages = fetch(LOG, 10, lambda limit, number: parts[number - 1])
    assert (verdict, pages.reason) == (Verdict.TRUNCATED, "pages overlap")


def test_rows_without_a_key_are_not_paged() -> None:
    verdict, pages = fetch(UNKNOWN, 10, honours(named_rows(15)))
    assert (verdict, pages.rows) == (Verdict.TRUNCATED, named_rows(10))
    assert pages.reason == "rows have no key, so more pages could not be checked"


def test_a_merged_result_that_is_nearly_full_is_probed_with_a_second_page() -> None:
    query_type = BREAKDOWN.model_copy(update={"merged": True})
    parts = [named_rows(4), named_rows(1)]
    verdict, pages = fetch(query_type, 10, lambda limit, number: parts[number - 1])
    assert (verdict, pages.rows) == (Verdict.TRUNCATED, named_rows(4))
    assert pages.reason == "rows are merged after the limit, so only one page is right"


def test_a_small_merged_result_takes_one_page() -> None:
    query_type = BREAKDOWN.model_copy(update={"merged": True})
    verdict, pages = fetch(query_type, 1000, honours(named_rows(66), 1000))
    assert (verdict, pages.pages) == (Verdict.COMPLETE, 1)


def alternating() -> Iterator[list[Row]]:
    return ([named_rows(10), named_rows(10, first=10)][number % 2] for number in count())


def changing_averages() -> Iterator[list[Row]]:
    """Page 1 for ever, with other last digits each time."""
    return ([{**row, "avg": number / 7} for row in named_rows(10)] for number in count())


def growing_log() -> Iterator[list[Row]]:
    """Page 1 for ever, while events come in."""
    return (list(reversed(named_rows(10, first=number))) for number in count())


def endless() -> Iterator[list[Row]]:
    return (named_rows(10, first=10 * number) for number in count())


def all_the_same() -> Iterator[list[Row]]:
    return ([{}] * 10 for _ in count())


@pytest.mark.parametrize("query_type", [BREAKDOWN, LOG, UNKNOWN], ids=["keyed", "log", "unknown"])
@pytest.mark.parametrize(
    "pages_of", [alternating, changing_averages, growing_log, endless, all_the_same]
)
def test_it_never_asks_for_ever(
    query_type: QueryType, pages_of: Callable[[], Iterator[list[Row]]]
) -> None:
    source = pages_of()
    verdict, pages = fetch(query_type, 10, lambda limit, number: next(source))
    assert verdict is Verdict.TRUNCATED
    assert pages.reason
    assert pages.pages <= MOST_PAGES


@pytest.mark.parametrize(
    ("query_type", "page", "full"),
    [
        (BREAKDOWN, named_rows(2), False),
        (BREAKDOWN, named_rows(3), True),
        (BREAKDOWN, named_rows(4), True),
        (BREAKDOWN.model_copy(update={"limit": False}), named_rows(99), False),
        (BREAKDOWN.model_copy(update={"limit_counts": ("v",)}), [{"v": 1}] * 9, False),
        (BREAKDOWN.model_copy(update={"limit_counts": ("v",)}), [{"v": n} for n in "abc"], True),
        (BREAKDOWN.model_copy(update={"limit_per": ("p",)}), [{"p": n} for n in "abcd"], False),
        (BREAKDOWN.model_copy(update={"limit_per": ("p",)}), [{"p": 1}] * 3, True),
        (BREAKDOWN.model_copy(update={"limit_per": ("p",)}), [], False),
        (BREAKDOWN.model_copy(update={"merged": True}), named_rows(1), True),
        (BREAKDOWN.model_copy(update={"merged": True}), [], False),
    ],
)
def test_a_page_is_full_by_what_the_limit_counts(
    query_type: QueryType, page: list[Row], full: bool
) -> None:
    assert fills_limit(query_type, page, 3) is full


def test_values_that_have_no_hash_may_be_in_a_key() -> None:
    rows: list[Row] = [{"name": ["a", {"b": n}]} for n in range(15)]
    verdict, pages = fetch(BREAKDOWN, 10, honours(rows))
    assert (verdict, pages.rows) == (Verdict.COMPLETE, rows)


def test_the_servers_of_these_tests_do_what_they_say() -> None:
    rows = named_rows(30)
    assert [honours(rows)(10, number) for number in (1, 2, 3)] == [
        rows[:10],
        rows[10:20],
        rows[20:],
    ]
    shuffling = overlaps(rows, random.Random(1))
    seen = [row for number in (1, 2, 3) for row in shuffling(10, number)]
    assert len(seen) == 30
    assert len(as_bag(seen)) < 30, "some rows are lost, others repeated"


# -- what is beyond a page by a filter

BY_FILTER = BREAKDOWN.model_copy(
    update={"rest_by": "path", "shares": {"percentage": "pageviews"}, "pages": True}
)
FilteredPage = Callable[[int, int, tuple[str, ...]], list[Row]]
"""A server: limit, number of a page, and the names to leave out, to its rows."""


def fetch_rest(limit: int, page: FilteredPage) -> tuple[Verdict, Pages]:
    pages = Pages(BY_FILTER, limit)
    for _ in range(MOST_PAGES + 1):
        verdict = pages.add(page(pages.limit, pages.page, pages.without))
        if verdict is not Verdict.MORE:
            return verdict, pages
    raise AssertionError("it asks for ever")


def shared(rows: list[Row], of: str = "pageviews") -> list[Row]:
    total = sum(int(str(row[of])) for row in rows)
    return [{**row, "percentage": round(10_000 * int(str(row[of])) / total) / 100} for row in rows]


def filters(rows: list[Row], chance: random.Random) -> FilteredPage:
    """Rows with equal metrics change places from call to call; shares are of what is left."""

    def filtered(limit: int, number: int, without: tuple[str, ...]) -> list[Row]:
        left = shared([row for row in rows if row["name"] not in without])
        return overlaps(left, chance)(limit, number)

    return filtered


@given(
    values=st.lists(st.integers(1, 3), min_size=1, max_size=40),
    limit=st.integers(1, 12),
    chance=chances,
)
def test_a_filter_brings_all_rows_with_their_shares_in_as_few_pages_as_there_are(
    values: list[int], limit: int, chance: random.Random
) -> None:
    rows: list[Row] = [{"name": f"/{n}", "pageviews": value} for n, value in enumerate(values)]
    verdict, pages = fetch_rest(limit, filters(rows, chance))
    assert verdict is Verdict.COMPLETE
    assert as_bag(pages.rows) == as_bag(shared(rows))
    assert pages.pages == len(rows) // limit + 1


@pytest.mark.parametrize("of", ["ignored", "other shares", "no numbers"])
def test_where_a_filter_does_not_do_pages_have_numbers(of: str) -> None:
    rows: list[Row] = [{"name": f"/{n}", "pageviews": 9 - n % 3, "visitors": 1} for n in range(25)]
    if of == "no numbers":
        rows = [{**row, "pageviews": str(row["pageviews"])} for row in rows]
    whole = shared(rows, "visitors" if of == "other shares" else "pageviews")
    asked: list[tuple[int, int]] = []

    def page(limit: int, number: int, without: tuple[str, ...]) -> list[Row]:
        asked.append((number, len(without)))
        left = whole if of == "ignored" else [r for r in whole if r["name"] not in without]
        return left[(number - 1) * limit : number * limit]

    verdict, pages = fetch_rest(10, page)
    assert verdict is Verdict.COMPLETE
    assert as_bag(pages.rows) == as_bag(whole)
    tries = [(1, 10)] if of == "ignored" else [(1, 10), (1, 20)]
    assert asked == [(1, 0), *tries, (2, 0), (3, 0)]
