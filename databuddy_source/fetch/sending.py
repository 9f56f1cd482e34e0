"""One pack to the server: its answers are settled, and what fails is divided or given up."""

from __future__ import annotations

from dataclasses import replace

from databuddy_source.api.client import Client
from databuddy_source.api.retry import BRIEF, DIVIDED, DIVISIBLE, SETTLED, UNHEARD, Patience
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    NotInPlan,
    RateLimited,
    RequestRefused,
    Retriable,
    ServerFailed,
    ServiceUnavailable,
    TimedOut,
    TooLarge,
    UnknownQueryType,
    Unreachable,
    WebsiteNotAccessible,
)
from databuddy_source.fetch.asking import Asking
from databuddy_source.fetch.failures import named_in, says_unknown
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack
from databuddy_source.fetch.queue import Queue
from databuddy_source.fetch.search import FAILING_IN_A_ROW, Search
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.generations import Generation

ONE_MORE_TRY = 1.0
"""Seconds in which there is room for one: what the API fails for where it has answered others may
be a moment of its store, and then is the question's."""


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
        self._queue = queue
        self._settling = settling
        self._asking = Asking(generation, pace, queue, settling)
        self._search = Search(self._asking, queue, settling)
        self._closed_gates: dict[tuple[str, str], tuple[str, bool]] = {}
        self._closed_websites: dict[str, str] = {}
        self._unknown: dict[str, str] = {}
        self._beyond_plan: dict[tuple[str, str], str] = {}
        self._broken = broken

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
        left = replace(pack, questions=tuple(kept))
        return self._search.without_the_guilty(left) if kept else left

    async def send(self, client: Client, pack: Pack) -> None:
        """Send a pack. No error leaves: it fails questions, or divides them."""
        single = len(pack.questions) == 1
        if pack.apart and not (single or self._asking.answers_each_body):
            self._queue.divide(pack)  # the one that throws would take the others with it
            return
        patience = self._patience(pack)
        error = await self._asking.ask(client, pack, patience)
        if error is None:
            return
        if isinstance(error, ServerFailed | NotInPlan) and pack.is_mixed:
            self._queue.part_by_gate(pack)
            return
        if isinstance(error, ServerFailed):
            if pack.gate and self._asking.proofs and not single and not pack.divided:
                await self._try_gate(client, pack, error)
                return
            soon = patience is DIVIDED or (error.code and patience.throwing is not None)
            if (
                single
                and soon
                and self._asking.proofs
                and not await self._asking.is_well(client, pack.website_id)
            ):
                error = await self._asking.ask(client, pack, SETTLED)
        if error:
            await self._failed(client, pack, error)

    def _patience(self, pack: Pack) -> Patience:
        """For how long a pack is tried: once, where what has answered tells whose failure it is."""
        single = len(pack.questions) == 1
        if pack.divided and not single:
            return DIVIDED
        if pack.is_mixed or (pack.gate and self._asking.proofs):
            return DIVIDED
        if pack.divided and pack.website_id in self._asking.proofs:
            return DIVIDED
        if single:
            has_answered = pack.website_id in self._asking.proofs
            if has_answered:
                return SETTLED.for_what_throws(ONE_MORE_TRY)
            return BRIEF if self._search.can_tell(pack) else UNHEARD
        patience = BRIEF if self._search.can_tell(pack) else DIVISIBLE
        has_loose = not pack.apart and self._asking.answers_each_body
        return patience.for_what_throws(0.0) if has_loose else patience

    async def _try_gate(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        """A pack of a gate failed as a whole, in a server that has answered. Where its first and
        its last question fail alone, too, and the server is well, the gate is closed."""
        for end in (pack.questions[0], pack.questions[-1]):
            found = await self._asking.ask(client, Pack((end,), divided=True), DIVIDED)
            if found is None:  # it is one of the others
                others = tuple(each for each in pack.questions if each is not end)
                self._queue.send_first(self._loose(Pack(others, divided=True), error))
                return
            if not isinstance(found, ServerFailed):
                await self._failed(client, pack, found)
                return
        if await self._asking.is_well(client, pack.website_id):
            self._close_gate(
                pack, f"The server answers others, and fails for each of {pack.gate}: {error}"
            )
            return
        again = await self._asking.ask(client, pack, DIVISIBLE)
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
        elif isinstance(error, Unreachable | RateLimited | ServiceUnavailable | AccessDenied):
            self._give_up(pack, error)
        elif gone := self._vanished(pack, error):
            self._drop_unknown(pack, error, gone)
        elif (named := self._named(pack, error)) and len({q.spelling for q in pack.questions}) > 1:
            self._queue.part(pack, [named])
        elif not pack.apart and (loose := self._loose(pack, error)).apart:
            self._queue.send_first(loose)
        elif self._search.may_find(pack) and not isinstance(error, TimedOut | TooLarge):
            await self._find(client, pack, error)
        elif len(pack.questions) > 1:
            self._queue.divide(pack)
        else:
            await self._single_failed(client, pack, error)

    async def _find(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        """Find which report it is that a pack failed for."""
        left = await self._search.find(client, pack, error, self.without_the_hopeless)
        if left and left.nothing_answers:
            await self._nothing_answers(client, left.pack, left.error)
        elif left:
            await self._failed(client, left.pack, left.error)

    async def _nothing_answers(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        """Nothing of a website has an answer any more: it is the website, or the server."""
        if await self._asking.answers_others(client, pack.website_id):
            self._close_website(pack, str(error))
        else:
            self._give_up(pack, error)

    def _named(self, pack: Pack, error: DatabuddyError) -> str:
        """The only type of a pack that a refusal names."""
        if not isinstance(error, RequestRefused | UnknownQueryType):
            return ""
        return named_in(error.what, {each.spelling for each in pack.questions})

    def _vanished(self, pack: Pack, error: DatabuddyError) -> frozenset[str]:
        """The types of a pack that the server does not know, as it says itself."""
        if isinstance(error, UnknownQueryType):
            told = error.names or frozenset({self._named(pack, error)})
            return told & {each.spelling for each in pack.questions}
        filtered = any(each.conditions for each in pack.questions)  # it may be about their fields
        named = self._named(pack, error)
        return frozenset({named} if named and not filtered and says_unknown(error.what) else ())

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
        return pack.with_bodies_apart() if thrown and self._asking.answers_each_body else pack

    def _drop_unknown(self, pack: Pack, error: DatabuddyError, names: frozenset[str]) -> None:
        """The server knows some types no more: ask for the others again, and never for these."""
        reason = f"{error.what}. The server listed it when this run began."
        self._unknown.update(dict.fromkeys(names, reason))
        known = tuple(each for each in pack.questions if each.spelling not in self._unknown)
        gone = [each for each in pack.questions if each.spelling in self._unknown]
        self._settling.give_up(gone, reason, lacking=True)
        if known:
            self._queue.send_first(replace(pack, questions=known))

    async def _single_failed(self, client: Client, pack: Pack, error: DatabuddyError) -> None:
        (question,) = pack.questions
        error.at(website=question.website_id, report=question.report.name, window=str(question))
        broken = False
        if isinstance(error, ServerFailed) and question.website_id in self._asking.proofs:
            broken = not await self._asking.is_well(client, question.website_id)
        elif isinstance(error, Retriable) or question.website_id not in self._asking.proofs:
            self._asking.failing[question.website_id].add(question.report)
            broken = len(self._asking.failing[question.website_id]) >= FAILING_IN_A_ROW
        if not broken:
            self._settling.fail_or_halve(replace(question, apart=True), str(error))
        elif await self._asking.is_well(client, question.website_id):
            self._close_website(pack, str(error))
        else:
            self._give_up(pack, error)

    def _close_website(self, pack: Pack, reason: str) -> None:
        """Ask nothing more of this website in this run."""
        self._closed_websites[pack.website_id] = reason
        self._settling.outage(pack.questions, reason)

    def _give_up(self, pack: Pack, error: DatabuddyError) -> None:
        """The server is out of reach or refuses everything: ask nothing more in this run. What is
        said of it is said of all websites, so it names none."""
        error.where = replace(error.where, website="", report="", window="")
        self._broken = str(error)
        self._settling.outage(pack.questions, self._broken)
