"""Rule 9: the one place that asks a provider to revoke, and that decides whether it may.

Google's revoke ends everything that an account gave to our project. So the decision is made at the
moment of the call, while holding the identity's lane: no revoke while any live or staged grant of that
identity exists anywhere in the deployment. Connecting holds the same lane from redeeming the code to
the swap, so that the two never overlap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from bot.domain.errors import ProviderError
from bot.domain.grant import SECRET_KEPT_FOR, Grant, Phase, Revocation
from bot.domain.ids import GrantId
from bot.domain.job import Job
from bot.domain.manner import Manner
from bot.services.core import Core
from bot.services.guard import attempted
from bot.services.reaching import BUSY_FOR, Reaching, Turn
from bot.services.telling import Telling, lane_of_identity
from storage import UnitOfWork

_UNCONFIRMED_AFTER_LOOKS: Final = 4
"""A revocation may take a while to spread at the provider; then it is called unconfirmed, and still
looked at until the secret is erased."""
_HURRY: Final = 2.0
"""Seconds that a person waits for the provider's answer."""

FINAL: Final = frozenset({Revocation.CONFIRMED, Revocation.SHARED, Revocation.CANCELLED})


class GivingBack:
    """Returns grants to their provider and finds out whether they are really gone."""

    def __init__(self, core: Core, telling: Telling, reaching: Reaching) -> None:
        self._core = core
        self._telling = telling
        self._reaching = reaching
        self._hurried: set[asyncio.Future[Any]] = set()
        self._awaited: dict[GrantId, asyncio.Event] = {}
        """Grants that somebody waits to hear about."""
        self._run_lane: Callable[[str], Awaitable[None]] | None = None

    def hurried_by(self, run_lane: Callable[[str], Awaitable[None]]) -> None:
        """Bootstrap says how to work off a lane at once (the jobs and this service need each other)."""
        self._run_lane = run_lane

    async def hurry(self, grant_id: GrantId) -> None:
        """Try to have the answer while the person looks on; what takes longer goes on by itself."""
        async with self._core.storage.reading() as uow:
            grant = await uow.grants.find(grant_id)
        if self._run_lane is None or grant is None or grant.secret is None:
            return
        # Whoever does the job says so: the engine, woken by the same step, may be faster than this.
        looked = self._awaited.setdefault(grant_id, asyncio.Event())
        running = asyncio.ensure_future(attempted(self._run_lane(lane_of_identity(grant)), what="hurrying"))
        self._hurried.add(running)
        running.add_done_callback(self._hurried.discard)
        # The job goes on when the person has waited enough: half a revocation is worse than a late one.
        try:
            async with asyncio.timeout(_HURRY):
                await looked.wait()
        except TimeoutError:
            self._awaited.pop(grant_id, None)

    async def run(self, job: Job) -> datetime | None:
        """The job ``REVOKE_GRANT``. Returns when to look again, ``None`` when all is known."""
        grant_id = GrantId(job.payload["grant"])
        try:
            return await self._look(grant_id, job)
        finally:
            if looked := self._awaited.pop(grant_id, None):
                looked.set()

    async def _look(self, grant_id: GrantId, job: Job) -> datetime | None:
        async with self._reaching.turn(grant_id) as turn:
            grant = await self._to_ask(grant_id)
            if grant is None:
                return None
            if turn is None:  # a look from before the removal is still under way
                return self._core.clock() + BUSY_FOR
            return await self._ask_and_write(turn, grant, job)

    async def _ask_and_write(self, turn: Turn, grant: Grant, job: Job) -> datetime | None:
        manner = self._core.providers.manner_of(grant.provider)
        if not manner.looks_after and "by_person" not in job.payload:
            return None  # every look is a login: it waits for somebody who wants to know
        looks = await self._counted(grant) if manner.most_looks is not None else job.attempts + 1
        if manner.most_looks is not None and looks > manner.most_looks:
            return await self._write(grant, None, manner, looks=looks)
        return await self._write(grant, await self._ask(turn), manner, looks=looks)

    async def _counted(self, grant: Grant) -> int:
        """How often it was looked at, this time included: counted before, so that a crash counts too."""
        async with self._core.storage.writing() as uow:
            looks = await uow.grants.count_look(grant.id)
            await uow.commit()
        return looks

    async def _to_ask(self, grant_id: GrantId) -> Grant | None:
        """The grant, if it is still to be asked about; decides rule 9."""
        async with self._core.storage.writing() as uow:
            grant = await uow.grants.find(grant_id)
            if grant is None or grant.phase is not Phase.RETIRED or grant.revocation in FINAL:
                return None
            if grant.secret is None:  # erased, or its key is lost: nobody can ask any more
                await self._settle(uow, grant, Revocation.NOT_CONFIRMED)
                await uow.commit()
                return None
            if await uow.grants.in_use(grant.signer) > 0:
                await self._settle(uow, grant, Revocation.SHARED)
                await uow.commit()
                return None
        return grant

    async def _ask(self, turn: Turn) -> Revocation | None:
        """What the provider says; ``None`` when it could not be asked, and is asked again later."""
        grant = turn.grant
        if not self._core.providers.is_on(grant.provider):
            return None
        try:
            return await self._core.providers.get(grant.provider).revoke(grant, turn.renew)
        except ProviderError:
            return None

    async def _write(
        self, grant: Grant, outcome: Revocation | None, manner: Manner, *, looks: int
    ) -> datetime | None:
        now = self._core.clock()
        no_more = manner.most_looks is not None and looks >= manner.most_looks
        is_over = no_more or now - (grant.retired_at or now) >= SECRET_KEPT_FOR
        async with self._core.storage.writing() as uow:
            if outcome is not None and outcome in FINAL:
                await self._settle(uow, grant, outcome)
            elif is_over:
                await self._settle(uow, grant, Revocation.NOT_CONFIRMED)
            elif manner.revokes and looks >= _UNCONFIRMED_AFTER_LOOKS:
                await self._note(uow, grant, Revocation.NOT_CONFIRMED)
            await uow.commit()
        if outcome in FINAL or is_over or not manner.looks_after:
            return None
        return now + manner.looks_after[min(looks, len(manner.looks_after)) - 1]

    async def _note(self, uow: UnitOfWork, grant: Grant, outcome: Revocation) -> None:
        """Say what is known by now; we go on looking."""
        if grant.revocation is not outcome:
            now = self._core.clock()
            await uow.grants.set_revocation(grant.id, outcome, now)
            await self._telling.fate_changed(uow, grant.id, now=now)

    async def give_up(self, uow: UnitOfWork, grant_id: GrantId) -> None:
        """The secret has served its time: what is not known by now is not confirmed."""
        grant = await uow.grants.find(grant_id)
        if grant is None or grant.phase is not Phase.RETIRED or grant.revocation in FINAL:
            await uow.grants.erase(grant_id)
        else:
            await self._settle(uow, grant, Revocation.NOT_CONFIRMED)

    async def _settle(self, uow: UnitOfWork, grant: Grant, outcome: Revocation) -> None:
        now = self._core.clock()
        await uow.grants.set_revocation(grant.id, outcome, now)
        await uow.grants.erase(grant.id)
        await self._telling.fate_changed(uow, grant.id, now=now)

    async def cancel(self, uow: UnitOfWork, reconnected: Grant) -> None:
        """The same account was connected again: what was still to be revoked must not be any more, because
        it is this mailbox's again, or because the account serves another one now."""
        for grant in await uow.grants.pending_revocations(reconnected.signer):
            if grant.id != reconnected.id:
                await uow.jobs.cancel(f"revoke:{grant.id}")
                is_back = grant.identity == reconnected.identity
                await self._settle(uow, grant, Revocation.CANCELLED if is_back else Revocation.SHARED)
