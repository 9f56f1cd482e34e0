"""One pack to the server, its answers to where they are settled, and whether the server is well."""

from __future__ import annotations

from collections import defaultdict

from databuddy_source.api.answers import SENTENCES
from databuddy_source.api.client import Client
from databuddy_source.api.models import ParameterResult, Thrown
from databuddy_source.api.retry import DIVIDED, Patience
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import (
    DatabuddyError,
    NoSuchAddress,
    RequestRefused,
    ServerFailed,
    TimedOut,
    TooLarge,
)
from databuddy_source.fetch.bodies import bodies_of
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack, Question
from databuddy_source.fetch.queue import Queue
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Report


class Asking:
    """Asks, and remembers what has answered: that is asked again to learn whether a failure is the
    server's.

    Args:
        generation: of the server.
        pace: learns from each answer.
        queue: told what has answered, and where what threw is asked again.
        settling: takes answers.

    Attributes:
        proofs: a question that was answered, by website.
        failing: by website, the reports whose single questions failed since it last answered.
        answers_each_body: whether a body that throws takes no other with it.
    """

    def __init__(
        self, generation: Generation, pace: Pace, queue: Queue, settling: Settling
    ) -> None:
        self._generation = generation
        self._pace = pace
        self._queue = queue
        self._settling = settling
        self._sent = self._last_answered = self._last_failed = 0
        self.proofs: dict[str, Question] = {}
        self.failing: dict[str, set[Report]] = defaultdict(set)
        self.answers_each_body = generation.answers_each_body

    async def ask(self, client: Client, pack: Pack, patience: Patience) -> DatabuddyError | None:
        """Send a pack and settle its answers. Returns why there are none."""
        try:
            answers, request_id = await self._query(client, pack, patience)
        except NoSuchAddress as error:
            return _refusal(error) if error.code else error
        except DatabuddyError as error:
            return error
        taken = [(question, answers.get(name)) for name, question in pack.named().items()]
        if not pack.apart and len(pack.questions) > 1:
            thrown = tuple(each for each, answer in taken if isinstance(answer, Thrown))
            taken = [each for each in taken if not isinstance(each[1], Thrown)]
            if thrown:  # in bodies of their own, only the one at fault will
                self.answers_each_body = True
                self._queue.send_first(Pack(thrown, divided=True).with_bodies_apart())
        # good ones first: a type that has answered is not given up
        for question, answer in sorted(taken, key=lambda each: not (each[1] and each[1].success)):
            if answer and answer.success:
                self.proofs.setdefault(question.website_id, question)
            self._settling.take(question, answer, request_id)
        return None

    async def is_well(self, client: Client, website_id: str) -> bool:
        """Whether the server still answers what it has answered before."""
        if self._last_answered > self._last_failed:
            return True
        proof = self.proofs.get(website_id) or next(iter(self.proofs.values()), None)
        return proof is not None and await self.answers(client, proof, DIVIDED)

    async def answers_others(self, client: Client, website_id: str) -> bool:
        """Whether the server still answers what it has answered of another website."""
        others = (proof for own, proof in self.proofs.items() if own != website_id)
        proof = next(others, None)
        return proof is not None and await self.answers(client, proof, DIVIDED)

    async def answers(self, client: Client, question: Question, patience: Patience) -> bool:
        """Whether there is an answer to a question, which settles nothing."""
        try:
            answers, _ = await self._query(client, Pack((question,)), patience)
        except DatabuddyError:
            return False
        if any(answer.success for answer in answers.values()):
            self.proofs.setdefault(question.website_id, question)
        return True

    async def _query(
        self, client: Client, pack: Pack, patience: Patience
    ) -> tuple[dict[str, ParameterResult], str]:
        """The answers to a pack, by the names of its questions, and the server's id of the request.

        Raises:
            DatabuddyError: there are none.
        """
        self._sent += 1
        number, traffic = self._sent, Traffic()
        try:
            answers = await client.query(
                pack.website_id,
                bodies_of(pack, self._generation),
                pack.timezone,
                patience,
                traffic,
            )
        except DatabuddyError as error:
            self._last_failed = max(self._last_failed, number)
            if isinstance(error, TimedOut | ServerFailed):
                self._pace.failed(pack.kinds, traffic.seconds)
            elif isinstance(error, TooLarge):
                self._pace.too_large(pack.kinds, traffic.size)
            raise
        self._last_answered = max(self._last_answered, number)
        self.failing.pop(pack.website_id, None)
        self._queue.has_answered(pack)
        self._pace.answered(pack.kinds, traffic.seconds, traffic.size)
        return answers, traffic.request_id


def _refusal(error: NoSuchAddress) -> RequestRefused:
    """The API itself does not find what was asked for: it has the address."""
    what = error.what.replace(SENTENCES[NoSuchAddress], SENTENCES[RequestRefused])
    return RequestRefused(what, where=error.where, code=error.code)
