"""Grants that are used no more: retired here, and returned to their provider where it takes them back."""

from __future__ import annotations

from datetime import datetime

from bot.domain.grant import Grant, Phase, Revocation
from bot.domain.ids import GrantId, JobId
from bot.domain.job import Job, JobKind
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Core, new_id
from storage import UnitOfWork


class Retirement:
    """Retires grants, and asks for their revocation; ``Revocations`` does what is asked."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    async def give_back(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """Retire a grant and let it be returned to the provider, as rule 9 allows at that moment."""
        grant = await uow.grants.find(grant_id)
        if grant is None or grant.phase is Phase.RETIRED:
            return
        by_us = self._core.providers.traits_of(grant.provider).revokes
        asked = Revocation.REQUESTED if by_us else Revocation.BY_HAND
        await uow.grants.set_phase(grant_id, Phase.RETIRED, now)
        await uow.grants.set_revocation(grant_id, asked, now)
        await self.ask_revocation(uow, grant, now=now)

    async def drop(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> bool:
        """Retire a grant that was never used: returned where we can, else forgotten here at once, since
        no message follows what becomes of it. Whether what was allowed stays at the provider."""
        grant = await uow.grants.find(grant_id)
        if grant is None:
            return False
        if self._core.providers.traits_of(grant.provider).revokes:
            await self.give_back(uow, grant_id, now=now)
            return await uow.grants.in_use(grant.signer) > 0
        await uow.grants.set_phase(grant_id, Phase.RETIRED, now)
        await uow.grants.set_revocation(grant_id, Revocation.NOT_CONFIRMED, now)
        await uow.grants.erase(grant_id)
        return True

    async def ask_revocation(
        self, uow: UnitOfWork, grant: Grant, *, now: datetime, by_person: bool = False
    ) -> None:
        """Put the revocation on its lane: one at a time per mailbox identity. ``by_person`` says that
        somebody waits for a look."""
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=lane_of_identity(grant),
                kind=JobKind.REVOKE_GRANT,
                dedupe=f"revoke:{grant.id}",
                due_at=now,
                created_at=now,
                payload={"grant": grant.id, **({"by_person": "yes"} if by_person else {})},
            )
        )
        self._core.wake()

    async def fate_changed(self, uow: UnitOfWork, grant_id: GrantId, *, now: datetime) -> None:
        """What is known of a grant has changed: the messages that tell it follow."""
        await self._notifications.changed(uow, await uow.notices.of_grant(grant_id), now=now)


def lane_of_identity(grant: Grant) -> str:
    """The lane, and the lock, of everything that gives or takes access of one account at a provider."""
    return f"identity:{grant.provider}:{grant.signer.subject}"
