"""What a server refuses as a whole costs a request or a few, and never what it would have
answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from databuddy_source.errors import (
    DatabuddyError,
    NoSuchAddress,
    NotInPlan,
    RequestRefused,
    ServerFailed,
    UnknownQueryType,
    Unreachable,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from tests.cells import DAY
from tests.fetch.fake_client import (
    BREAKDOWNS,
    Answer,
    FakeClient,
    Question,
    a_row_a_day,
    every,
    fetch,
    month,
    named_month,
    of,
    of_types,
    refusing,
    requests_with,
    statuses,
    two_rows,
)

ERRORS = ["error_types", "errors_by_page", "error_summary"]
GONE = "country"
OTHERS = [name for name in BREAKDOWNS if name != GONE][:12]
LAST = DAY + 29 * ONE_DAY


# -- a part of the server that always fails


@pytest.mark.parametrize("days", [1, 2, 30, 400])
def test_a_part_that_always_fails_is_found_with_a_few_requests_and_costs_no_other(
    days: int,
) -> None:
    client = refusing(ServerFailed("It failed (HTTP 500)"), *ERRORS)
    failing, well = of_types(*ERRORS, days=days), of_types(*BREAKDOWNS[:7], days=days)
    results = fetch(client, *failing, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 7 * days}
    assert statuses(of(results, every(failing))) == {Status.UNAVAILABLE: 3 * days}
    assert requests_with(client, *ERRORS) == 3, "a pack, and its first and last question"
    assert all("It failed (HTTP 500)" in each.reason for each in of(results, failing[0]))


def test_a_part_that_always_fails_is_found_as_soon_for_each_website() -> None:
    client = refusing(ServerFailed("It failed (HTTP 500)"), *ERRORS)
    client.work = lambda question: 0.01
    websites = "abcd"
    failing = [month(name, 10, each) for name in ERRORS for each in websites]
    well = [month(name, 10, each) for name in BREAKDOWNS[:7] for each in websites]
    results = fetch(client, *failing, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 280}
    assert statuses(of(results, every(failing))) == {Status.UNAVAILABLE: 120}
    assert requests_with(client, *ERRORS) == 3 * len(websites)


def test_a_part_that_was_named_fails_loudly() -> None:
    client = refusing(ServerFailed("It failed (HTTP 500)"), *ERRORS)
    named = named_month("error_types", 30)
    results = fetch(client, named, month())
    assert statuses(of(results, named)) == {Status.FAILED: 30}
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}


@pytest.mark.parametrize("place", [0, 17, 29])
def test_a_question_that_fails_alone_costs_none_of_its_part(place: int) -> None:
    def refuse(questions: list[Question]) -> None:
        if any(
            question.name == "error_types" and question.start == DAY + place * ONE_DAY
            for question in questions
        ):
            raise ServerFailed("It failed (HTTP 500)")

    client = FakeClient(refuse=refuse)
    results = fetch(client, *of_types(*ERRORS), month())
    assert statuses(results.values()) == {Status.COMPLETE: 119, Status.FAILED: 1}


def test_a_part_that_works_is_asked_once() -> None:
    client = FakeClient()
    results = fetch(client, *of_types(*ERRORS), month())
    assert statuses(results.values()) == {Status.COMPLETE: 120}
    assert [len(request) for request in client.requests] == [30, 90]


def test_a_part_that_worked_before_travels_with_the_others() -> None:
    client = FakeClient()
    results = fetch(client, *of_types(*ERRORS, days=3), month(days=3), proven=True)
    assert statuses(results.values()) == {Status.COMPLETE: 12}
    assert [len(request) for request in client.requests] == [12]


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        (ServerFailed("It failed (HTTP 500)"), 4),
        (NotInPlan("Error tracking is not available on the free plan"), 2),
    ],
)
@pytest.mark.parametrize("days", [1, 6, 300])
def test_a_part_that_worked_before_and_closes_is_parted_from_the_others(
    error: DatabuddyError, requests: int, days: int
) -> None:
    client = refusing(error, *ERRORS)
    failing, well = of_types(*ERRORS, days=days), of_types(*BREAKDOWNS[:7], days=days)
    results = fetch(client, *failing, *well, proven=True)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 7 * days}
    assert statuses(of(results, every(failing))) == {Status.UNAVAILABLE: 3 * days}
    assert requests_with(client, *ERRORS) == requests


def test_a_server_that_goes_down_is_not_taken_for_a_part_that_fails() -> None:
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if len(client.requests) > 1:
            raise ServerFailed("It is down (HTTP 500)")

    client.refuse = refuse
    failing = of_types(*ERRORS)
    results = fetch(client, *failing, month())
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}
    assert statuses(of(results, every(failing))) == {Status.FAILED: 90}
    assert all(each.outage for each in of(results, failing[0]))


def test_a_website_that_goes_down_beside_another_is_not_taken_for_a_part_that_fails() -> None:
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if questions[0].website == "ill" and requests_of("ill") > 1:
            raise ServerFailed("It is down (HTTP 500)")

    def requests_of(website: str) -> int:
        return sum(request[0].website == website for request in client.requests)

    client.refuse = refuse
    failing, others = of_types(*ERRORS, website="ill"), month(website="ill")
    well = month(days=40, website="well")
    results = fetch(client, well, *failing, others)
    assert statuses(of(results, well)) == {Status.COMPLETE: 40}
    assert statuses(of(results, others)) == {Status.COMPLETE: 30}
    assert statuses(of(results, every(failing))) == {Status.FAILED: 90}


def test_a_server_that_is_gone_while_a_part_is_tried_ends_the_run() -> None:
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if any(each.name in ERRORS for each in questions):
            if len(questions) == 1:
                raise Unreachable("The server cannot be reached")
            raise ServerFailed("It failed (HTTP 500)")

    client.refuse = refuse
    failing = of_types(*ERRORS)
    results = fetch(client, *failing, month())
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}
    assert {each.outage for each in of(results, every(failing))} == {True}
    assert requests_with(client, *ERRORS) == 2


# -- what the plan does not include


def test_a_plan_that_lacks_a_part_is_asked_for_it_once() -> None:
    client = refusing(NotInPlan("Error tracking is not available on the free plan"), *ERRORS)
    lacking, well = of_types(*ERRORS), of_types(*BREAKDOWNS[:7])
    results = fetch(client, *lacking, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 210}
    assert statuses(of(results, every(lacking))) == {Status.UNAVAILABLE: 90}
    assert requests_with(client, *ERRORS) == 1
    assert {each.reason for each in of(results, every(lacking))} == {
        "Error tracking is not available on the free plan. "
        "Choose another plan in Databuddy, or leave these reports out."
    }
    assert all(each.lacking for each in of(results, every(lacking)))


def test_what_a_plan_lacks_fails_where_it_was_named() -> None:
    client = refusing(NotInPlan("Error tracking is not available on the free plan"), *ERRORS)
    named = named_month("error_types", 30)
    results = fetch(client, named, month())
    assert statuses(of(results, named)) == {Status.FAILED: 30}
    assert requests_with(client, *ERRORS) == 1


def test_a_plan_is_one_websites_own() -> None:
    def refuse(questions: list[Question]) -> None:
        if any(each.website == "free" and each.name in ERRORS for each in questions):
            raise NotInPlan("Error tracking is not available on the free plan")

    client = FakeClient(refuse=refuse)
    free, paid = month("error_types", 30, "free"), month("error_types", 30, "paid")
    results = fetch(client, free, paid)
    assert statuses(of(results, free)) == {Status.UNAVAILABLE: 30}
    assert statuses(of(results, paid)) == {Status.COMPLETE: 30}


def test_a_type_of_no_known_gate_that_a_plan_lacks_costs_no_other() -> None:
    client = refusing(NotInPlan("No languages on the free plan"), "language")
    results = fetch(client, month("language"), month("country"))
    assert statuses(of(results, month("country"))) == {Status.COMPLETE: 30}
    assert statuses(of(results, month("language"))) == {Status.UNAVAILABLE: 30}


@pytest.mark.parametrize("days", [1, 10, 300])
def test_types_of_no_known_gate_are_found_with_a_few_requests_and_name_the_plan(days: int) -> None:
    lacking = ["country", "language", "timezone"]
    client = refusing(NotInPlan("Geography is not available on the free plan"), *lacking)
    without, well = (
        [month(name, days) for name in names]
        for names in (lacking, [each for each in BREAKDOWNS if each not in lacking][:17])
    )
    results = fetch(client, *without, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 17 * days}
    assert statuses(of(results, every(without))) == {Status.UNAVAILABLE: 3 * days}
    assert {each.reason for each in of(results, every(without))} == {
        "Geography is not available on the free plan. "
        "Choose another plan in Databuddy, or leave these reports out."
    }
    assert all(each.lacking for each in of(results, every(without)))
    assert requests_with(client, *lacking) <= 10


# -- types that vanished after they were listed


def without(*names: str) -> FakeClient:
    """A server that knows these types no more."""

    def refuse(questions: list[Question]) -> None:
        if gone := frozenset(each.name for each in questions) & set(names):
            error = UnknownQueryType("The server refuses the request (HTTP 400)")
            error.names = gone
            raise error

    return FakeClient(refuse=refuse)


def test_a_type_that_vanished_is_dropped_and_the_pack_is_sent_once_more() -> None:
    client = without("country", "language")
    gone, well = of_types("country", "language"), of_types("top_pages", "entry_pages")
    results = fetch(client, *gone, *well, month("country", 30, "blog"))
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 60}
    gone.append(month("country", 30, "blog"))
    assert statuses(of(results, every(gone))) == {Status.UNAVAILABLE: 90}
    assert requests_with(client, "country", "language") == 1
    assert len(client.requests) == 3, "the refused one, what was left of it, and the rest"


def test_a_type_that_vanished_fails_where_it_was_named() -> None:
    named = named_month("country", 30)
    results = fetch(without("country"), named, month())
    assert statuses(of(results, named)) == {Status.FAILED: 30}
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}


def test_a_pack_is_divided_where_the_server_names_a_type_that_was_not_asked_for() -> None:
    def refuse(questions: list[Question]) -> None:
        if any(each.name == "country" for each in questions):
            error = UnknownQueryType("The server refuses the request (HTTP 400)")
            error.names = frozenset({"another"})
            raise error

    results = fetch(FakeClient(refuse=refuse), month("country"), month())
    assert statuses(of(results, month("country"))) == {Status.UNAVAILABLE: 30}
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}


WORDS = [
    ('Unknown query type "country"', "VALIDATION_ERROR"),
    ("Query type 'country' is not supported", "INVALID_QUERY_TYPE"),
    ("The type country is no longer available", ""),
    ("no such type: country.", ""),
]


@pytest.mark.parametrize(("words", "code"), WORDS)
def test_a_type_that_vanished_is_dropped_in_whichever_words_it_is_said(
    words: str, code: str
) -> None:
    kind = UnknownQueryType if code == "INVALID_QUERY_TYPE" else RequestRefused
    client = refusing(lambda: kind(f"The server refuses it (HTTP 400): {words}", code=code), GONE)
    well = of_types(*OTHERS, days=4)
    gone = [month(GONE, 4), month(GONE, 4, "blog")]
    results = fetch(client, *gone, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 4 * len(OTHERS)}
    assert statuses(of(results, every(gone))) == {Status.UNAVAILABLE: 8}
    assert all(each.lacking for each in of(results, every(gone)))
    assert requests_with(client, GONE) == 1


def test_a_type_that_a_refusal_only_names_is_asked_for_alone_before_it_is_given_up() -> None:
    """It may be about a filter that has the name of a type, or about single windows."""
    first = DAY

    def refuse(questions: list[Question]) -> None:
        if any(each.name == GONE and each.start == first for each in questions):
            raise RequestRefused("The server refuses it (HTTP 400): country has no such day")

    client = FakeClient(refuse=refuse)
    results = fetch(client, month(GONE, 8), *of_types(*OTHERS, days=4))
    assert statuses(results.values()) == {Status.COMPLETE: 4 * len(OTHERS) + 7, Status.FAILED: 1}


def test_a_type_that_the_api_does_not_find_is_not_said_of_its_address() -> None:
    error = NoSuchAddress(
        "There is no API at this address (HTTP 404, NOT_FOUND): type not found", code="NOT_FOUND"
    )
    results = fetch(refusing(error, GONE), month(GONE), *of_types(*OTHERS))
    (reason,) = {each.reason for each in of(results, month(GONE))}
    assert reason.startswith("The server refuses the request (HTTP 404, NOT_FOUND): type not found")
    assert "base_url" not in reason


# -- a body that throws


def with_second_pages(question: Question) -> Answer:
    """Rows of which there is a second page for entry pages."""
    full = question.name == "entry_pages" and question.page == 1
    rows = range(10_000 if full else 2)
    return [{"name": f"{question.page} {n}", "pageviews": 1} for n in rows]


def test_a_question_that_throws_in_an_array_is_found_with_one_more_request() -> None:
    bad = DAY + ONE_DAY
    client = FakeClient(
        with_second_pages, throws=lambda each: each.name == "language" and each.start == bad
    )
    language = month("language", 9)
    wanted = month("entry_pages", 3), month("top_pages", 97), language
    results = fetch(client, *wanted, generation=Generation.G2026_06)
    assert statuses(results.values()) == {Status.COMPLETE: 108, Status.FAILED: 1}
    assert (results[language[1]].status, results[language[1]].reason) == (Status.FAILED, "It threw")
    # second pages travel beside the type in a body of their own; then that body's questions apart
    assert [len(request) for request in client.requests] == [100, 12, 9]


def test_a_question_that_throws_once_beside_a_single_other_is_asked_again() -> None:
    left = [True]

    def throws(question: Question) -> bool:
        return question.name == "language" and bool(left) and left.pop()

    client = FakeClient(with_second_pages, throws=throws)
    wanted = month("entry_pages", 1), month("top_pages", 99), month("language", 1)
    results = fetch(client, *wanted, generation=Generation.G2026_06)
    assert [len(request) for request in client.requests] == [100, 2, 1]
    assert statuses(results.values()) == {Status.COMPLETE: 101}


def throwing(name: str, *days: date, arrays_throw: bool = False) -> FakeClient:
    """A server where the query of a type throws when it is to answer any of these days."""

    def throws(question: Question) -> bool:
        asked = question.days[:-1] or question.days  # a range is asked for to the next midnight
        return question.name == name and not set(asked).isdisjoint(days)

    def answer(question: Question) -> Answer:
        series = question.name == "sessions_time_series"
        return a_row_a_day(question) if series else two_rows(question)

    return FakeClient(answer, throws=throws, arrays_throw=arrays_throw)


def test_a_question_that_makes_its_request_throw_is_found_with_one_more_request() -> None:
    client = throwing("language", DAY + ONE_DAY)
    language = month("language", 9)
    wanted = month("top_pages", 91), language
    results = fetch(client, *wanted, generation=Generation.G2026_06)
    assert statuses(results.values()) == {Status.COMPLETE: 99, Status.FAILED: 1}
    assert results[language[1]].status is Status.FAILED
    assert [len(request) for request in client.requests] == [100, 100]


def test_a_type_that_always_throws_is_found_with_one_more_request() -> None:
    language = month("language", 9)
    client = throwing("language", *(cell.window.date for cell in language))
    wanted = month("top_pages", 91), language
    results = fetch(client, *wanted, generation=Generation.G2026_06)
    assert statuses(of(results, wanted[0])) == {Status.COMPLETE: 91}
    assert statuses(of(results, language)) == {Status.UNAVAILABLE: 9}
    assert [len(request) for request in client.requests] == [100, 100]


@pytest.mark.parametrize(
    ("generation", "requests"), [(Generation.G2026_06, 7), (Generation.G2026_04, 20)]
)
def test_the_day_of_a_series_that_throws_costs_a_few_requests(
    generation: Generation, requests: int
) -> None:
    client = throwing(
        "sessions_time_series", DAY + 7 * ONE_DAY, arrays_throw=not generation.answers_each_body
    )
    series = month("sessions_time_series")
    results = fetch(client, month(), series, generation=generation)
    assert statuses(results.values()) == {Status.COMPLETE: 59, Status.FAILED: 1}
    assert results[series[7]].status is Status.FAILED
    assert len(client.requests) == requests


def test_a_server_that_fails_as_a_whole_is_not_asked_for_each_question_of_its_own() -> None:
    """A proxy before it says so, and not the API."""
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if len(client.requests) == 1:
            raise ServerFailed("Bad gateway (HTTP 502)")

    client.refuse = refuse
    results = fetch(client, month(days=40), generation=Generation.G2026_06)
    assert statuses(results.values()) == {Status.COMPLETE: 40}
    assert [len(request) for request in client.requests] == [40, 20, 20]


# -- one question that fails inside of an answer


@dataclass
class Forgetful:
    """Gives these answers to a question, each once, then its rows."""

    bad: dict[tuple[str, date], list[str | None]]

    def __call__(self, question: Question) -> Answer:
        left = self.bad.get((question.name, question.start))
        return left.pop(0) if left else two_rows(question)


@pytest.mark.parametrize("failure", ["Timeout error.", None])
def test_a_question_that_fails_once_is_asked_again_and_costs_nothing(failure: str | None) -> None:
    client = FakeClient(Forgetful({("country", DAY): [failure]}))
    results = fetch(client, month("country"), month())
    assert statuses(results.values()) == {Status.COMPLETE: 60}
    assert [len(request) for request in client.requests] == [60, 1]


@pytest.mark.parametrize("failure", ["Timeout error.", None])
def test_a_question_that_fails_twice_has_failed(failure: str | None) -> None:
    client = FakeClient(Forgetful({("country", DAY): [failure, failure]}))
    results = fetch(client, month("country"), month())
    assert statuses(results.values()) == {Status.COMPLETE: 59, Status.FAILED: 1}
    assert [len(request) for request in client.requests] == [60, 1]


def test_a_whole_type_that_fails_once_costs_nothing() -> None:
    days = [cell.window.date for cell in month("country")]
    client = FakeClient(Forgetful({("country", day): ["Timeout error."] for day in days}))
    results = fetch(client, month("country"), month())
    assert statuses(results.values()) == {Status.COMPLETE: 60}
    assert [len(request) for request in client.requests] == [60, 3, 27]


def test_a_whole_type_that_always_fails_is_asked_for_three_windows_more() -> None:
    client = FakeClient(lambda q: "no such column" if q.name == "country" else two_rows(q))
    results = fetch(client, month("country"), month())
    assert statuses(of(results, month("country"))) == {Status.UNAVAILABLE: 30}
    assert statuses(of(results, month())) == {Status.COMPLETE: 30}
    assert [len(request) for request in client.requests] == [60, 3]
    assert {each.reason for each in of(results, month("country"))} == {"no such column"}
