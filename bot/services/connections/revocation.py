"""Both sides of a removal: the one place that asks a provider to revoke, and decides whether it may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from bot.domain.address import same_address
from bot.domain.channel import Channel, State
from bot.domain.errors import ProviderError
from bot.domain.grant import SECRET_KEPT_FOR, Grant, Phase, Revocation
from bot.domain.ids import GrantId
from bot.domain.job import Job
from bot.domain.provider_traits import ProviderTraits
from bot.domain.view_models import Removal
from bot.services.core.grants import Retirement, lane_of_identity
from bot.services.core.jobs import NotYet, attempted
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Core
from bot.services.monitoring.probes import BUSY_FOR, Probes, RefreshTurn
from storage import UnitOfWork

_UNCONFIRMED_AFTER_LOOKS: Final = 4
"""A revocation may take a while to spread at the provider; then it is called unconfirmed, and still
looked at until the secret is erased."""
_HURRY: Final = 2.0
"""Seconds that a person waits for the provider's answer."""

FINAL: Final = frozenset({Revocation.CONFIRMED, Revocation.SHARED, Revocation.CANCELLED})


class Revocations:
    """Returns grants to their provider and finds out whether they are really gone."""

    def __init__(self, core: Core, notifications: Notifications, probes: Probes) -> None:
        self._core = core
        self._retirement = Retirement(core, notifications)
        self._probes = probes
        self._hurried: set[asyncio.Future[Any]] = set()
        self._awaited: dict[GrantId, asyncio.Event] = {}
        """Grants that somebody waits to hear about."""
        self._run_lane: Callable[[str], Awaitable[None]] | None = None

    def hurried_by(self, run_lane: Callable[[str], Awaitable[None]]) -> None:
        """``services_of`` says how to work off a lane at once (the jobs and this service need each other)."""
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

    async def run(self, job: Job) -> datetime | NotYet | None:
        """The job ``REVOKE_GRANT``. Returns when to look again, ``None`` when all is known."""
        grant_id = GrantId(job.payload["grant"])
        try:
            return await self._look(grant_id, job)
        finally:
            if looked := self._awaited.pop(grant_id, None):
                looked.set()

    async def _look(self, grant_id: GrantId, job: Job) -> datetime | NotYet | None:
        async with self._probes.turn(grant_id) as turn:
            grant = await self._to_ask(grant_id)
            if grant is None:
                return None
            if turn is None:  # a look from before the removal is still under way
                return NotYet(self._core.clock() + BUSY_FOR)
            return await self._ask_and_write(turn, grant, job)

    async def _ask_and_write(self, turn: RefreshTurn, grant: Grant, job: Job) -> datetime | None:
        traits = self._core.providers.traits_of(grant.provider)
        if not traits.looks_after and "by_person" not in job.payload:
            return None  # every look is a login: it waits for somebody who wants to know
        looks = await self._counted(grant) if traits.most_looks is not None else job.attempts + 1
        if traits.most_looks is not None and looks > traits.most_looks:
            return await self._write(grant, None, traits, looks=looks)
        return await self._write(grant, await self._ask(turn), traits, looks=looks)

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

    async def _ask(self, turn: RefreshTurn) -> Revocation | None:
        """What the provider says; ``None`` when it could not be asked, and is asked again later."""
        grant = turn.grant
        if not self._core.providers.is_on(grant.provider):
            return None
        try:
            return await self._core.providers.get(grant.provider).revoke(grant, turn.renew)
        except ProviderError:
            return None

    async def _write(
        self, grant: Grant, outcome: Revocation | None, traits: ProviderTraits, *, looks: int
    ) -> datetime | None:
        now = self._core.clock()
        no_more = traits.most_looks is not None and looks >= traits.most_looks
        is_over = no_more or now - (grant.retired_at or now) >= SECRET_KEPT_FOR
        async with self._core.storage.writing() as uow:
            if outcome is not None and outcome in FINAL:
                await self._settle(uow, grant, outcome)
            elif is_over:
                await self._settle(uow, grant, Revocation.NOT_CONFIRMED)
            elif traits.revokes and looks >= _UNCONFIRMED_AFTER_LOOKS:
                await self._note(uow, grant, Revocation.NOT_CONFIRMED)
            await uow.commit()
        if outcome in FINAL or is_over or not traits.looks_after:
            return None
        return now + traits.looks_after[min(looks, len(traits.looks_after)) - 1]

    async def _note(self, uow: UnitOfWork, grant: Grant, outcome: Revocation) -> None:
        """Say what is known by now; we go on looking."""
        if grant.revocation is not outcome:
            now = self._core.clock()
            await uow.grants.set_revocation(grant.id, outcome, now)
            await self._retirement.fate_changed(uow, grant.id, now=now)

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
        await self._retirement.fate_changed(uow, grant.id, now=now)

    async def cancel(self, uow: UnitOfWork, reconnected: Grant) -> None:
        """The same account was connected again: what was still to be revoked must not be any more, because
        it is this mailbox's again, or because the account serves another one now."""
        for grant in await uow.grants.pending_revocations(reconnected.signer):
            if grant.id != reconnected.id:
                await uow.jobs.cancel(f"revoke:{grant.id}")
                is_back = grant.identity == reconnected.identity
                await self._settle(uow, grant, Revocation.CANCELLED if is_back else Revocation.SHARED)


async def removal_of(
    uow: UnitOfWork,
    core: Core,
    channel: Channel,
    grant_id: GrantId | None,
    *,
    reader: str = "",
    counting_own: bool = False,
) -> Removal:
    """What removing means at the provider, or what became of it there. The grant decides whose side it is:
    after a switch that is no longer the channel's provider.

    ``reader`` is the e-mail address of whoever is shown it. ``counting_own`` leaves the grant itself out of
    those that share the permission: it is still in use.
    """
    grant = await uow.grants.find(grant_id) if grant_id else None
    identity = grant.identity if grant else channel.identity
    own = 1 if counting_own and grant else 0
    delegate = grant.delegate.address if grant and grant.delegate else ""
    signer = grant.signer if grant else channel.identity
    everywhere = await uow.grants.in_use(signer) - own
    elsewhere = await uow.grants.in_use_elsewhere(signer, channel.workspace_id)
    return Removal(
        channel=channel,
        revocation=grant.revocation if grant else Revocation.NOT_ASKED,
        shared_here=max(everywhere - elsewhere, 0),
        shared_elsewhere=elsewhere,
        provider_label=core.providers.label_for(identity),
        family=identity.family,
        by_hand=not core.providers.traits_of(identity.provider).revokes,
        delegate=delegate,
        is_delegate=same_address(delegate, reader),
        grant_id=grant_id,
        revocation_at=grant.revocation_at if grant else None,
        kept_until=_kept_until(grant),
        now_at=core.providers.label_for(channel.identity) if channel.state is not State.REMOVED else "",
    )


def _kept_until(grant: Grant | None) -> datetime | None:
    if grant is None or grant.secret is None or grant.retired_at is None:
        return None
    return grant.retired_at + SECRET_KEPT_FOR
