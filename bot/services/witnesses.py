"""Who is heard about a refusal: other mailboxes of the provider, and the mass refusal that it may be part of.

One refusal is no fact. Those asked may be served although the provider is not well, so what they say counts
only where no outage lasts, spreads or has just ended.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bot.domain.cause import OUTAGE_LIKE, Cause
from bot.domain.channel import Channel
from bot.domain.errors import PersonMustAct, ProviderError, ProviderUnavailable
from bot.domain.grant import Grant
from bot.domain.hold import Fate, Hold, fate, is_held, is_mass, settles_for
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from bot.domain.probing import (
    MASS_VOTES,
    SIBLINGS_FRESH_FOR,
    SIBLINGS_WANTED,
    WITNESSES,
    Testimony,
    Vote,
    Whose,
    shared_out,
    vote,
)
from bot.services.core import Core
from bot.services.reaching import Look, Reaching, Seen
from storage import UnitOfWork

_FEW: Final = 2
"""Others that are refused at the same time: as many make one look twice."""
_WHILE_BUSY: Final = (0.0, 0.5, 1.5)
"""Seconds to wait for siblings that somebody else is refreshing right now, before they are left out."""


class Jury:
    """What siblings said within one batch: a thousand mailboxes refused alike ask ten others, not ten
    thousand."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self._verdicts: dict[tuple[str, str, type, bool], Vote] = {}
        self._refused: defaultdict[tuple[WorkspaceId, str, Cause], dict[str, str]] = defaultdict(dict)

    def saw(self, grant: Grant, look: Look) -> None:
        """One of the batch that had worked so far is refused: all are known before any is judged."""
        theirs = self._refused[grant.workspace_id, grant.provider, refusal_of(look.error).cause]
        theirs[grant.signer.subject] = grant.identity.tenant

    def refused_beside(self, grant: Grant, cause: Cause) -> Counter[str]:
        """How many other sign-ins, by tenant."""
        theirs = self._refused[grant.workspace_id, grant.provider, cause]
        return Counter(tenant for signer, tenant in theirs.items() if signer != grant.signer.subject)

    def verdict(self, channel: Channel, grant: Grant, look: Look) -> Vote | None:
        return self._verdicts.get(self._key(channel, grant, look))

    def remember(self, channel: Channel, grant: Grant, look: Look, said: Vote) -> None:
        """A mass failure speaks for others, too. So does silence: asked one after the other, siblings that
        time out would keep the whole batch waiting, and silence counts for no strike."""
        if said in MASS_VOTES or said is Vote.UNCLEAR:
            self._verdicts[self._key(channel, grant, look)] = said

    def _key(self, channel: Channel, grant: Grant, look: Look) -> tuple[str, str, type, bool]:
        # What a hold says of its own it does not say of others.
        return grant.provider, grant.identity.tenant, type(look.error), is_held(channel)


class Witnesses:
    """Judges a refusal by what others get."""

    def __init__(self, core: Core, reaching: Reaching) -> None:
        self._core = core
        self._reaching = reaching

    async def verdict(self, channel: Channel, grant: Grant, look: Look, jury: Jury) -> Vote:
        """What is to be thought of a refusal; of several alike in one batch, in turn."""
        async with jury.turn:
            said = jury.verdict(channel, grant, look) or await self._judge(channel, grant, look, jury)
            jury.remember(channel, grant, look, said)
        return said

    async def _judge(self, channel: Channel, grant: Grant, look: Look, jury: Jury) -> Vote:
        """While a mass refusal lasts it speaks for all that it holds; what follows on the heels of one
        proves nothing."""
        async with self._core.storage.reading() as uow:
            hold = await uow.holds.open_for(channel.workspace_id, grant.provider, grant.identity.tenant)
            meant = await self._fate(uow, hold, channel) if hold else Fate.ALONE
            goes_on = hold is not None and not is_held(channel) and await self._goes_on(uow, hold, channel)
        if hold is not None and meant is Fate.WAITS:
            return Vote.TENANT if hold.tenant else Vote.MASS
        if meant is Fate.PROVEN:
            return Vote.PROVEN
        said = await self._ask_siblings(grant, look)
        cause = refusal_of(look.error).cause
        if said is Vote.VOUCHED and cause in OUTAGE_LIKE:
            said = await self._count(grant, cause, jury)
        if said is Vote.VOUCHED and goes_on:  # the hold's own are looked at before it counts
            said = Vote.FEW
        return Vote.UNCLEAR if said in WITNESSES and await self._is_just_over(channel, grant) else said

    async def _fate(self, uow: UnitOfWork, hold: Hold, channel: Channel) -> Fate:
        """Of what is held, all that is known of the hold tells; others are part of it as long as it spreads,
        or recovers: an outage that moves leaves some and strikes others."""
        now, witness = self._core.clock(), self._core.policy.cadence.witness
        if is_held(channel):
            tally = await uow.holds.tally(hold, channel.id, channel.identity.tenant)
            return fate(hold, tally, now=now, witness=witness)
        moved_at = max(
            await uow.holds.last_joined(hold) or hold.opened_at, hold.recovered_at or hold.opened_at
        )
        return Fate.ALONE if self._has_lasted(moved_at) else Fate.WAITS

    async def _goes_on(self, uow: UnitOfWork, hold: Hold, channel: Channel) -> bool:
        """Whether more are left in it than a small rest."""
        tally = await uow.holds.tally(hold, channel.id, channel.identity.tenant)
        return not tally.everybody.is_small_rest

    def _has_lasted(self, since: datetime) -> bool:
        return self._core.clock() - since >= settles_for(self._core.policy.cadence.witness)

    async def _is_just_over(self, channel: Channel, grant: Grant) -> bool:
        since = self._core.clock() - settles_for(self._core.policy.cadence.witness)
        async with self._core.storage.reading() as uow:
            return await uow.holds.is_just_over(
                channel.workspace_id, grant.provider, grant.identity.tenant, since
            )

    async def _ask_siblings(self, grant: Grant, look: Look) -> Vote:
        """What other mailboxes of the provider get right now, those of its own organisation and others."""
        manner = self._core.providers.manner_of(grant.provider)
        heard = await self._hear(grant, await self._panel(grant))
        heard += await self._hear_held(grant, heard)
        if manner.siblings_in_tenant:
            heard += await self._recall(grant, refusal_of(look.error))
        said = vote(refusal_of(look.error), heard, tenant=grant.identity.tenant)
        # Who hears only those of the same host can blame no more than that host.
        return Vote.TENANT if said is Vote.MASS and manner.siblings_in_tenant else said

    async def _count(self, grant: Grant, cause: Cause, jury: Jury) -> Vote:
        """Those asked are served. But how many are refused at this time, of all?"""
        async with self._core.storage.reading() as uow:
            refused = await uow.probes.refused_now(grant, cause)
            beside = Counter(refused) + jury.refused_beside(grant, cause)
            if beside.total() < _FEW:
                return Vote.VOUCHED
            served = await uow.probes.served(grant.workspace_id, grant.provider)
        tenant, all_served = grant.identity.tenant, sum(served.values())
        is_own = beside[tenant] == beside.total() and served.get(tenant, 0) < all_served
        if self._core.providers.manner_of(grant.provider).siblings_in_tenant:
            return Vote.TENANT if is_mass(beside[tenant], served.get(tenant, 0)) else Vote.VOUCHED
        if is_mass(beside[tenant], served.get(tenant, 0)):
            return Vote.TENANT if is_own else Vote.MASS
        return Vote.MASS if is_mass(beside.total(), all_served) else Vote.FEW

    async def _recall(self, grant: Grant, mine: PersonMustAct) -> tuple[Testimony, ...]:
        """What is known of siblings that were refused when last looked at, where looking is a login that
        may be one too many: a host that locks everybody out must not be taken for many lost passwords."""
        since = self._core.clock() - SIBLINGS_FRESH_FOR
        async with self._core.storage.reading() as uow:
            causes = await uow.probes.refused_lately(grant.identity, since=since, limit=SIBLINGS_WANTED)
        alike = Testimony(mine, grant.identity.tenant)
        return tuple(alike for cause in causes if cause is mine.cause)

    async def _panel(self, grant: Grant) -> tuple[ChannelId, ...]:
        """Those proven last, of its own organisation and of others."""
        async with self._core.storage.reading() as uow:
            own = await self._siblings(uow, grant, Whose.OWN)
            if self._core.providers.manner_of(grant.provider).siblings_in_tenant:
                return own
            return shared_out(own, await self._siblings(uow, grant, Whose.OTHERS))

    async def _hear_held(self, grant: Grant, heard: Sequence[Testimony]) -> tuple[Testimony, ...]:
        """Held ones are witnesses, too: a few that are served do not outvote many that are not. What other
        organisations are refused counts only where nobody of its own is served."""
        own = [one for one in heard if one.tenant == grant.identity.tenant]
        room = SIBLINGS_WANTED - len(heard)
        async with self._core.storage.reading() as uow:
            kin = await self._siblings(
                uow, grant, Whose.OWN, held=True, limit=max(room, SIBLINGS_WANTED // 2 - len(own))
            )
            is_alone = not any(one.error is None for one in own)
            if is_alone and not self._core.providers.manner_of(grant.provider).siblings_in_tenant:
                kin += await self._siblings(uow, grant, Whose.OTHERS, held=True, limit=room - len(kin))
        return await self._hear(grant, kin)

    async def _siblings(
        self,
        uow: UnitOfWork,
        grant: Grant,
        whose: Whose,
        *,
        held: bool = False,
        limit: int = SIBLINGS_WANTED,
    ) -> tuple[ChannelId, ...]:
        if limit <= 0:
            return ()
        since = self._core.clock() - SIBLINGS_FRESH_FOR
        return await uow.probes.siblings(
            grant.identity, proven_since=since, limit=limit, whose=whose, held=held
        )

    async def _hear(self, grant: Grant, siblings: Sequence[ChannelId]) -> tuple[Testimony, ...]:
        """What they get right now; those that somebody else is looking at, a moment later."""
        async with self._core.storage.reading() as uow:
            channels = await uow.channels.by_ids(siblings)
            found = await uow.grants.by_ids([c.grant_id for c in channels.values() if c.grant_id])
        wanted = {sibling.id for sibling in _one_each(found.values(), besides=grant)}
        seen: dict[GrantId, Seen] = {}
        for pause in _WHILE_BUSY:
            await asyncio.sleep(pause)
            seen |= await self._reaching.looks([one for one in wanted if one not in seen])
            if len(seen) == len(wanted):
                break
        return tuple(
            Testimony(one.look.error, one.grant.identity.tenant)
            for one in seen.values()
            if one.look.put_off_until is None
        )


def _one_each(grants: Iterable[Grant], *, besides: Grant) -> tuple[Grant, ...]:
    """One grant per sign-in, other than that of ``besides``: five shared mailboxes that one person opens are
    one witness, and none for a sixth."""
    by_signer = {grant.signer.subject: grant for grant in grants}
    by_signer.pop(besides.signer.subject, None)
    return tuple(by_signer.values())


def refusal_of(error: ProviderError | None) -> PersonMustAct:
    assert error is not None and not isinstance(error, ProviderUnavailable)
    return error  # type: ignore[return-value]
