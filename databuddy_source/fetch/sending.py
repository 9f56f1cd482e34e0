"""One pack to the server: its answers are settled, and what fails is divided or given up."""

from __future__ import annotations

from dataclasses import replace

from databuddy_source.api.client import Client
from databuddy_source.api.retry import DIVIDED, DIVISIBLE, SETTLED
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    RateLimited,
    Retriable,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unreachable,
    WebsiteNotAccessible,
)
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack, Question, bodies_of
from databuddy_source.fetch.queue import Queue
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Report

FAILING_IN_A_ROW = 3
"""Reports whose single questions fail one after the other before the server counts as broken.
Questions of one report alone would show no more than that this report is."""


class Sending:
    """Sends packs and remembers which websites, or whether the whole server, are out of reach.

    Args:
        generation: of the server.
        pace: learns from each answer.
        queue: where halves of what failed wait.
        settling: takes answers.
    """

    def __init__(
        self, generation: Generation, pace: Pace, queue: Queue, settling: Settling
    ) -> None:
        self._generation = generation
        self._pace = pace
        self._queue = queue
        self._settling = settling
        self._closed_websites: dict[str, str] = {}
        self._broken = ""
        self._answered = False
        self._failing: set[Report] = set()

    def without_the_hopeless(self, pack: Pack) -> Pack:
        """Fail at once what is known to fail, and keep the rest."""
        kept = []
        for question in pack.questions:
            closed = self._broken or self._closed_websites.get(question.website_id, "")
            if closed:
                self._settling.outage([question], closed)
            elif not self._settling.is_moot(question):
                kept.append(question)
        return replace(pack, questions=tuple(kept))

    async def send(self, client: Client, pack: Pack) -> None:
        """Send a pack. No error leaves: it fails questions, or divides them."""
        single = len(pack.questions) == 1
        traffic = Traffic()
        try:
            answers = await client.query(
                pack.website_id,
                bodies_of(pack, self._generation),
                pack.timezone,
                SETTLED if single else DIVIDED if pack.divided else DIVISIBLE,
                traffic,
            )
        except WebsiteNotAccessible as error:
            self._closed_websites[pack.website_id] = str(error)
            self._settling.outage(pack.questions, str(error))
        except (Unreachable, RateLimited, AccessDenied) as error:
            self._give_up(str(error), pack)
        except DatabuddyError as error:
            if isinstance(error, TimedOut | ServerFailed):
                self._pace.failed(pack.kinds, traffic.seconds)
            elif isinstance(error, TooLarge):
                self._pace.too_large(pack.kinds, traffic.size)
            if single:
                self._single_failed(pack.questions[0], error)
            else:
                self._queue.divide(pack)
        else:
            self._pace.answered(pack.kinds, traffic.seconds, traffic.size)
            self._failing.clear()
            self._answered = True
            taken = [(question, answers.get(name)) for name, question in pack.named().items()]
            # good ones first: a type that has answered is not given up
            for question, answer in sorted(
                taken, key=lambda each: not (each[1] and each[1].success)
            ):
                self._settling.take(question, answer)

    def _single_failed(self, question: Question, error: DatabuddyError) -> None:
        if isinstance(error, Retriable) or not self._answered:
            self._failing.add(question.report)
        error.at(website=question.website_id, report=question.report.name, window=str(question))
        if len(self._failing) >= FAILING_IN_A_ROW:
            self._give_up(str(error), Pack((question,)))
        else:
            self._settling.fail_or_halve(question, str(error))

    def _give_up(self, reason: str, pack: Pack) -> None:
        """The server is out of reach or refuses everything: ask nothing more in this run."""
        self._broken = reason
        self._settling.outage(pack.questions, reason)
