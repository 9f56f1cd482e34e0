"""One pack to the server: its answers are settled, and what fails is divided or given up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from databuddy_source.api.client import Client
from databuddy_source.api.models import ParameterResult, Thrown
from databuddy_source.api.retry import DIVIDED, DIVISIBLE, SETTLED, Patience
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    NotInPlan,
    RateLimited,
    Retriable,
    ServerFailed,
    ServiceUnavailable,
    TimedOut,
    TooLarge,
    UnknownQueryType,
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
"""Reports of a website whose single questions fail one after the other before it counts as out of
reach. Questions of one report alone would show no more than that this report is."""


ONE_MORE_TRY = 1.0
"""Seconds in which there is room for one: what the API fails for where it has answered others may
be a moment of its store, and then is the question's."""

LOOSELY = DIVISIBLE.for_what_throws(0.0)
"""Each question has a body of its own next."""


class Sending:
    """Sends packs and remembers what is out of reach: types that are unknown, the parts of a
    website behind a gate, whole websites, or the server.

    Whether a failure is the server's or the question's is decided by asking again what has
    answered before.

    Args:
        generation: of the server.
        pace: learns from each answer.
        queue: where parts of what failed wait.
        settling: takes answers.
        broken: why the server is out of reach, where that is known.
    """

    def __init__(
        self,
        generation: Generation,
        pace: Pace,
        queue: Queue,
        settling: Settling,
        broken: str = "",
    ) -> None:
        self._generation = generation
        self._pace = pace
        self._queue = queue
        self._settling = settling
        self._closed_gates: dict[tuple[str, str], tuple[str, bool]] = {}
        self._closed_websites: dict[str, str] = {}
        self._unknown: dict[str, str] = {}
        self._beyond_plan: dict[tuple[str, str], str] = {}
        self._broken = broken
        self._answers_each_body = generation.answers_each_body
        self._failing: dict[str, set[Report]] = defaultdict(set)
        self._proofs: dict[str, Question] = {}
        self._sent = self._last_answered = self._last_failed = 0

    def without_the_hopeless(self, pack: Pack) -> Pack:
        """Fail at once what is known to fail, and keep the rest."""
        kept = []
        for question in pack.questions:
            website_id = question.website_id
            if closed := self._broken or self._closed_websites.get(website_id, ""):
                self._settling.outage([question], closed)
            elif gate := self._closed_gates.get((website_id, question.gate)):
                reason, lacking = gate
                self._settling.give_up([question], reason, lacking=lacking)
            elif lacking_type := self._unknown.get(question.spelling) or self._beyond_plan.get(
                (website_id, question.spelling)
            ):
                self._settling.give_up([question], lacking_type, lacking=True)
            elif not self._settling.is_moot(question):
                kept.append(question)
        return replace(pack, questions=tuple(kept))

    async def send(self, client: Client, pack: Pack) -> None:
        """Send a pack. No error leaves: it fails questions, or divides them."""
        single = len(pack.questions) == 1
        if pack.apart and not (single or self._answers_each_body):
            self._queue.divide(pack)  # the one that throws would take the others with it
            return
        patience = self._patience(pack)
        error = await self._ask(client, pack, patience)
        if error is None:
            return
        if isinstance(error, ServerFailed | NotInPlan) and pack.is_mixed:
            self._queue.part_by_gate(pack)
            return
        if isinstance(error, ServerFailed):
            if pack.gate and self._proofs and not single and not pack.divided:
                await self._try_gate(client, pack, error)
                return
            soon = patience is DIVIDED or error.code
            if single and soon and not await self._is_well(client, pack.website_id):
                error = await self._ask(client, pack, SETTLED)
        if error:
            await self._failed(client, pack, error)

    def _patience(self, pack: Pack) -> Patience:
        """For how long a pack is tried: once, where what has answered tells whose failure it is."""
        single = len(pack.questions) == 1
        if pack.divided and not single:
            return DIVIDED
        if pack.is_mixed or (pack.gate and self._proofs):
            return DIVIDED
        if pack.divided and pack.website_id in self._proofs:
            return DIVIDED
        if single:
            has_answered = pack.website_id in self._proofs
            return SETTLED.for_what_throws(ONE_MORE_TRY) if has_answered else SETTLED
        return DIVISIBLE if pack.apart or not self._answers_each_body else LOOSELY

    async def _ask(self, client: Client, pack: Pack, patience: Patience) -> DatabuddyError | None:
        """Send a pack and settle its answers. Returns why there are none."""
        try:
            answers, request_id = await self._query(client, pack, patience)
        except DatabuddyError as error:
            return error
        taken = [(question, answers.get(name)) for name, question in pack.named().items()]
        if not pack.apart and len(pack.questions) > 1:
            thrown = tuple(each for each, answer in taken if isinstance(answer, Thrown))
            taken = [each for each in taken if not isinstance(each[1], Thrown)]
            if thrown:  # in bodies of their own, only the one at fault will
                self._answers_each_body = True
                self._queue.send_first(Pack(thrown, divided=True).with_bodies_apart())
        # good ones first: a type that has answered is not given up
        for question, answer in sorted(taken, key=lambda each: not (each[1] and each[1].success)):
            if answer and answer.success:
                self._proofs.setdefault(question.website_id, question)
            self._settling.take(question, answer, request_id)
        return None

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
        self._failing.pop(pack.website_id, None)
        self._queue.has_answered(pack)
        self._pace.answered(pack.kinds, traffic.seconds, traffic.size)
        return answers, traffic.request_id

    async def _is_well(self, client: Client, website_id: str) -> bool:
        """Whether the server still answers what it has answered before."""
        if self._last_answered > self._last_failed:
            return True
        proof = self._proofs.get(website_id) or next(iter(self._proofs.values()), None)
        if proof is None:
            return False
        try:
            await self._query(client, Pack((proof,)), DIVIDED)
        except DatabuddyError:
            return False
        return True

    async def _try_gate(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        """A pack of a gate failed as a whole, in a server that has answered. Where its first and
        its last question fail alone, too, and the server is well, the gate is closed."""
        for end in (pack.questions[0], pack.questions[-1]):
            found = await self._ask(client, Pack((end,), divided=True), DIVIDED)
            if found is None:  # it is one of the others
                others = tuple(each for each in pack.questions if each is not end)
                self._queue.send_first(self._loose(Pack(others, divided=True), error))
                return
            if not isinstance(found, ServerFailed):
                await self._failed(client, pack, found)
                return
        if await self._is_well(client, pack.website_id):
            self._close_gate(
                pack, f"The server answers others, and fails for each of {pack.gate}: {error}"
            )
            return
        again = await self._ask(client, pack, DIVISIBLE)
        if again:
            await self._failed(client, pack, again)

    def _close_gate(self, pack: Pack, reason: str, *, lacking: bool = False) -> None:
        """Ask nothing more of this website behind the gate of a pack."""
        self._closed_gates[pack.website_id, pack.gate] = reason, lacking
        self._settling.give_up(pack.questions, reason, lacking=lacking)

    async def _failed(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        """There was no answer, for good: give up what the error is about, or divide the pack."""
        if isinstance(error, WebsiteNotAccessible):
            self._close_website(pack, str(error))
        elif isinstance(error, NotInPlan) and pack.gate:
            self._close_gate(pack, f"{error.what}. {error.todo}", lacking=True)
        elif isinstance(error, NotInPlan):
            self._not_in_plan(pack, f"{error.what}. {error.todo}")
        elif isinstance(error, UnknownQueryType) and any(
            each.spelling in error.names for each in pack.questions
        ):
            self._drop_unknown(pack, error)
        elif isinstance(error, Unreachable | RateLimited | ServiceUnavailable | AccessDenied):
            self._give_up(pack, str(error))
        elif len(pack.questions) == 1:
            await self._single_failed(client, pack, error)
        elif not pack.apart and (loose := self._loose(pack, error)).apart:
            self._queue.send_first(loose)
        else:
            self._queue.divide(pack)

    def _not_in_plan(self, pack: Pack, reason: str) -> None:
        """The plan lacks a type that the catalogue puts behind no gate: find which one."""
        names = {each.spelling for each in pack.questions}
        if len(names) > 1:
            self._queue.divide_by_type(pack)
            return
        self._beyond_plan[pack.website_id, names.pop()] = reason
        self._settling.give_up(pack.questions, reason, lacking=True)

    def _loose(self, pack: Pack, error: DatabuddyError) -> Pack:
        """The same questions in bodies of their own, where one that throws takes no other with it
        and it may be such a one that made the pack fail."""
        thrown = isinstance(error, ServerFailed) and error.code
        return pack.with_bodies_apart() if thrown and self._answers_each_body else pack

    def _drop_unknown(self, pack: Pack, error: UnknownQueryType) -> None:
        """The server knows some types no more: ask for the others again, and never for these."""
        reason = f"{error.what}. The server listed it when this run began."
        self._unknown.update(dict.fromkeys(error.names, reason))
        known = tuple(each for each in pack.questions if each.spelling not in self._unknown)
        gone = [each for each in pack.questions if each.spelling in self._unknown]
        self._settling.give_up(gone, reason, lacking=True)
        if known:
            self._queue.send_first(replace(pack, questions=known))

    async def _single_failed(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        (question,) = pack.questions
        error.at(website=question.website_id, report=question.report.name, window=str(question))
        broken = False
        if isinstance(error, ServerFailed) and question.website_id in self._proofs:
            broken = not await self._is_well(client, question.website_id)
        elif isinstance(error, Retriable) or question.website_id not in self._proofs:
            self._failing[question.website_id].add(question.report)
            broken = len(self._failing[question.website_id]) >= FAILING_IN_A_ROW
        if not broken:
            self._settling.fail_or_halve(replace(question, apart=True), str(error))
        elif await self._is_well(client, question.website_id):
            self._close_website(pack, str(error))
        else:
            self._give_up(pack, str(error))

    def _close_website(self, pack: Pack, reason: str) -> None:
        """Ask nothing more of this website in this run."""
        self._closed_websites[pack.website_id] = reason
        self._settling.outage(pack.questions, reason)

    def _give_up(self, pack: Pack, reason: str) -> None:
        """The server is out of reach or refuses everything: ask nothing more in this run."""
        self._broken = reason
        self._settling.outage(pack.questions, reason)
