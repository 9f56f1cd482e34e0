"""Which report of a pack a server fails for: found once in a run, and for all its websites."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from databuddy_source.api.client import Client
from databuddy_source.api.retry import DIVIDED, SETTLED, UNHEARD
from databuddy_source.errors import DatabuddyError, ServerFailed
from databuddy_source.fetch.asking import Asking
from databuddy_source.fetch.failures import ENOUGH, Series
from databuddy_source.fetch.packing import Pack, Question
from databuddy_source.fetch.queue import Queue
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.reports import Report

FAILING_IN_A_ROW = 3
"""Reports of a website whose single questions fail one after the other before it counts as out of
reach. Questions of one report alone would show no more than that this report is."""


class Left(NamedTuple):
    """What a search leaves to whoever began it.

    Attributes:
        pack: that failed.
        error: why.
        nothing_answers: whether nothing else of its website has an answer either.
    """

    pack: Pack
    error: DatabuddyError
    nothing_answers: bool = False


class Search:
    """Divides what failed as a whole by reports, until the one at fault is alone.

    Args:
        asking: asks, and knows what has answered.
        queue: where the others wait meanwhile.
        settling: told which reports need not be asked for.
    """

    def __init__(self, asking: Asking, queue: Queue, settling: Settling) -> None:
        self._asking = asking
        self._queue = queue
        self._settling = settling
        self._guilty: set[Report] = set()
        self._tried: set[Series] = set()
        self._one = asyncio.Lock()

    def without_the_guilty(self, pack: Pack) -> Pack:
        """Let reports that failed for another website leave alone, and keep the others."""
        guilty = [each for each in pack.reports if each in self._guilty]
        if not guilty or len(pack.reports) == 1:
            return pack
        for report in guilty:
            own = tuple(each for each in pack.questions if each.report == report)
            self._queue.send_first(Pack(own, divided=True))
        return pack.without(guilty)

    def can_tell(self, pack: Pack) -> bool:
        """Whether a search would show whether the server fails, or a report of a pack."""
        return self.may_find(pack) if self._asking.proofs else self._is_unheard(pack)

    def may_find(self, pack: Pack) -> bool:
        """Whether more can be found out of a pack that failed than which windows it failed for."""
        return len(pack.reports) > 1 or self._may_be_its_report(pack) or self._is_unheard(pack)

    def _is_unheard(self, pack: Pack) -> bool:
        """Whether nothing was answered yet, and there are reports enough to learn from them whether
        anything is."""
        return not self._asking.proofs and len(self._probes(pack)) == FAILING_IN_A_ROW

    def _probes(self, pack: Pack) -> list[Question]:
        """Questions of several reports of the website of a pack, its own first."""
        waiting = (each for each in self._queue.samples() if each.website_id == pack.website_id)
        found: dict[Report, Question] = {}
        for question in (*pack.questions, *waiting):
            found.setdefault(question.report, question)
        return list(found.values())[:FAILING_IN_A_ROW]

    def _may_be_its_report(self, pack: Pack) -> bool:
        """Whether a pack of one report may have failed for all that it is, and none has tried."""
        first = pack.questions[0]
        cells = sum(len(each.cells) for each in pack.questions)
        return (
            bool(self._asking.proofs)
            and first.series not in self._tried
            and not self._settling.has_answered(first.series)
            and (cells >= ENOUGH or first.report in self._guilty)
            and all(each.page == 1 and each.piece is None for each in pack.questions)
        )

    async def find(
        self,
        client: Client,
        pack: Pack,
        error: DatabuddyError,
        still_wanted: Callable[[Pack], Pack],
    ) -> Left | None:
        """Find which reports of a pack it failed for. The others are answered, or wait. One search
        comes after the other, so that what one finds costs the next nothing.

        Args:
            client: to ask.
            pack: of several questions, or one of several windows.
            error: why it failed.
            still_wanted: what is left of a pack by what is known by now.

        Returns:
            What failed for another reason, if anything did.
        """
        waited = self._one.locked()
        async with self._one:
            left = still_wanted(pack)
            if len(left.questions) < len(pack.questions):
                if left.questions:
                    self._queue.send_first(left)
                return None
            if waited:  # the server may be well again
                again = await self._asking.ask(client, pack, DIVIDED)
                if again is None or not _alike(again, error):
                    return Left(pack, again) if again else None
            if self._is_unheard(pack):
                return await self._first_answer(client, pack, error)
            if isinstance(error, ServerFailed) and self._asking.proofs and not pack.divided:
                website_id = pack.website_id
                if not await self._asking.is_well(client, website_id):
                    again = await self._asking.ask(client, pack, SETTLED)
                    if again is None or not _alike(again, error):
                        return Left(pack, again) if again else None
                    if not await self._asking.is_well(client, website_id):
                        return Left(pack, again, nothing_answers=True)
            return await self._narrowed(client, pack, error)

    async def _first_answer(self, client: Client, pack: Pack, error: DatabuddyError) -> Left | None:
        """The server has answered nothing yet: ask it for single questions of several reports, and
        at last with patience."""
        probes, single = self._probes(pack), len(pack.questions) == 1
        others = (each for each in self._queue.samples() if each.website_id != pack.website_id)
        other = next(others, None)
        for probe in probes[single:]:
            is_last = probe is probes[-1] and other is None
            patience = UNHEARD if is_last else DIVIDED
            if probe not in pack.questions:
                if await self._asking.answers(client, probe, patience):
                    break
                continue
            alone = Pack((probe,), divided=True)
            found = await self._asking.ask(client, alone, patience)
            if found and _alike(found, error):
                continue
            pack = replace(
                pack, questions=tuple(each for each in pack.questions if each is not probe)
            )
            if found:
                self._queue.send_first(pack)
                return Left(alone, found)
            break
        else:
            return await self._nothing(client, pack, error, other)
        if single:  # it was not tried for long
            self._queue.send_first(pack)
            return None
        return await self._narrowed(client, pack, error)

    async def _nothing(
        self, client: Client, pack: Pack, error: DatabuddyError, other: Question | None
    ) -> Left:
        """No report of a website was answered."""
        if other:  # which tells whether it is this website, or the server
            await self._asking.answers(client, other, UNHEARD)
        return Left(pack, error, nothing_answers=True)

    async def _narrowed(self, client: Client, pack: Pack, error: DatabuddyError) -> Left | None:
        while len(pack.reports) > 1:
            first, second = pack.halves_by_type()
            found = await self._asking.ask(client, first, DIVIDED)
            if found is None:  # so it is the other half that fails
                pack = second
                continue
            self._queue.send_first(second)
            if not _alike(found, error):
                return Left(first, found)
            pack, error = first, found
        return await self._of_one_report(client, pack, error)

    async def _of_one_report(
        self, client: Client, pack: Pack, error: DatabuddyError
    ) -> Left | None:
        """A pack of one report failed. Where its first and its last window fail alone, too, and the
        server is well, the report is given up; on other websites as soon as a pack of it fails."""
        if self._may_be_its_report(pack):
            report = pack.questions[0].report
            self._tried.add(pack.questions[0].series)
            for last in (False, True) if report not in self._guilty else ():
                end, rest = pack.without_end(last=last)
                alone = Pack((end,), divided=True)
                found = await self._asking.ask(client, alone, DIVIDED)
                if found and _alike(found, error):
                    continue
                self._queue.send_first(rest)
                return Left(alone, found) if found else None
            if await self._asking.is_well(client, pack.website_id):
                self._guilty.add(report)
                error.at(website=pack.website_id, report=report.name)
                self._settling.give_up(pack.questions, str(error), lacking=False)
                return None
        if len(pack.questions) == 1:
            return Left(pack, error)
        self._queue.divide(pack)
        return None


def _alike(error: DatabuddyError, other: DatabuddyError) -> bool:
    """Whether a part failed as the whole did, so that the same may be at fault."""
    if isinstance(error, ServerFailed):
        return isinstance(other, ServerFailed)
    return type(error) is type(other) and error.what == other.what
