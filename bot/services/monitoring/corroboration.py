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

from bot.domain.channel import OUTAGE_LIKE, Cause, Channel
from bot.domain.errors import PersonMustAct, ProviderError, ProviderUnavailable
from bot.domain.grant import Grant
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from bot.domain.probe_policy import (
    MASS_VOTES,
    PEERS_FRESH_FOR,
    PEERS_WANTED,
    WITNESSES,
    PeerResult,
    Vote,
    Whose,
    shared_out,
    vote,
)
from bot.domain.provider_outage import (
    Fate,
    OutageTally,
    ProviderOutage,
    fate,
    is_held,
    is_mass,
    settles_for,
    vouching,
)
from bot.services.core.ports import Core
from bot.services.monitoring.probes import ProbedGrant, ProbeResult, Probes
from storage import UnitOfWork

_FEW: Final = 2
"""Others that are refused at the same time: as many make one look twice."""
_WHILE_BUSY: Final = (0.0, 0.5, 1.5)
"""Seconds to wait for peers that somebody else is refreshing right now, before they are left out."""


class BatchCache:
    """What peers said within one batch: a thousand mailboxes refused alike ask ten others, not ten
    thousand. All of the batch were refused before the first peer was asked, so that an answer is news
    about each of them."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.heard: dict[GrantId, ProbedGrant] = {}
        """Peers that have answered, by grant."""
        self._verdicts: dict[tuple[str, str, type, bool], Vote] = {}
        self._refused: defaultdict[tuple[WorkspaceId, str, Cause], dict[str, str]] = defaultdict(dict)

    def saw(self, grant: Grant, look: ProbeResult) -> None:
        """One of the batch that had worked so far is refused: all are known before any is judged."""
        theirs = self._refused[grant.workspace_id, grant.provider, refusal_of(look.error).cause]
        theirs[grant.signer.subject] = grant.identity.tenant

    def refused_beside(self, grant: Grant, cause: Cause) -> Counter[str]:
        """How many other sign-ins, by tenant."""
        theirs = self._refused[grant.workspace_id, grant.provider, cause]
        return Counter(tenant for signer, tenant in theirs.items() if signer != grant.signer.subject)

    def verdict(self, channel: Channel, grant: Grant, look: ProbeResult) -> Vote | None:
        return self._verdicts.get(self._key(channel, grant, look))

    def remember(self, channel: Channel, grant: Grant, look: ProbeResult, said: Vote) -> None:
        """A mass failure speaks for others, too. So does silence: asked one after the other, peers that
        time out would keep the whole batch waiting, and silence counts for no strike."""
        if said in MASS_VOTES or said is Vote.UNCLEAR:
            self._verdicts[self._key(channel, grant, look)] = said

    def _key(self, channel: Channel, grant: Grant, look: ProbeResult) -> tuple[str, str, type, bool]:
        # What a hold says of its own it does not say of others.
        return grant.provider, grant.identity.tenant, type(look.error), is_held(channel)


class Corroboration:
    """Judges a refusal by what others get."""

    def __init__(self, core: Core, probes: Probes) -> None:
        self._core = core
        self._probes = probes

    async def verdict(self, channel: Channel, grant: Grant, look: ProbeResult, cache: BatchCache) -> Vote:
        """What is to be thought of a refusal; of several alike in one batch, in turn."""
        async with cache.turn:
            return cache.verdict(channel, grant, look) or await self._judge(channel, grant, look, cache)

    async def _judge(self, channel: Channel, grant: Grant, look: ProbeResult, cache: BatchCache) -> Vote:
        """While a mass refusal lasts it speaks for all that it holds; what follows on the heels of one
        proves nothing."""
        async with self._core.storage.reading() as uow:
            provider_outage = await uow.provider_outages.open_for(
                channel.workspace_id, grant.provider, grant.identity.tenant
            )
            tally = await self._tally(uow, provider_outage, channel) if provider_outage else None
            meant = (
                await self._fate(uow, provider_outage, tally, channel)
                if provider_outage and tally
                else Fate.ALONE
            )
        if provider_outage is not None and meant is Fate.WAITS:
            said = Vote.TENANT if provider_outage.tenant else Vote.MASS
            # What a reconnect shows depends on when each was struck: then none speaks for another.
            if not (is_held(channel) and tally and tally.renewals):
                cache.remember(channel, grant, look, said)
            return said
        if meant is Fate.PROVEN:
            return Vote.PROVEN
        said = await self._ask_peers(grant, look, cache)
        cause = refusal_of(look.error).cause
        if said is Vote.VOUCHED and cause in OUTAGE_LIKE:
            said = await self._count(grant, cause, cache)
        goes_on = tally is not None and not is_held(channel) and not tally.everybody.is_small_rest
        if said is Vote.VOUCHED and goes_on:  # the hold's own are looked at before it counts
            said = Vote.FEW
        if said in WITNESSES and await self._is_just_over(channel, grant):
            said = Vote.UNCLEAR
        cache.remember(channel, grant, look, said)
        return said

    async def _tally(self, uow: UnitOfWork, provider_outage: ProviderOutage, channel: Channel) -> OutageTally:
        return await uow.provider_outages.tally(provider_outage, channel.id, channel.identity.tenant)

    async def _fate(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, tally: OutageTally, channel: Channel
    ) -> Fate:
        """Of what is held, all that is known of the hold tells; others are part of it as long as it spreads,
        or recovers: an outage that moves leaves some and strikes others."""
        now, witness = self._core.clock(), self._core.policy.cadence.witness
        if is_held(channel):
            return fate(provider_outage, tally, now=now, witness=witness)
        moved_at = max(
            await uow.provider_outages.last_joined(provider_outage) or provider_outage.opened_at,
            provider_outage.recovered_at or provider_outage.opened_at,
        )
        return Fate.ALONE if self._has_lasted(moved_at) else Fate.WAITS

    def _has_lasted(self, since: datetime) -> bool:
        return self._core.clock() - since >= settles_for(self._core.policy.cadence.witness)

    async def _is_just_over(self, channel: Channel, grant: Grant) -> bool:
        since = self._core.clock() - settles_for(self._core.policy.cadence.witness)
        async with self._core.storage.reading() as uow:
            return await uow.provider_outages.is_just_over(
                channel.workspace_id, grant.provider, grant.identity.tenant, since
            )

    async def _ask_peers(self, grant: Grant, look: ProbeResult, cache: BatchCache) -> Vote:
        """What other mailboxes of the provider get right now, those of its own organisation and others."""
        traits = self._core.providers.traits_of(grant.provider)
        heard = await self._hear(grant, await self._panel(grant), cache)
        heard += await self._hear_held(grant, heard, cache)
        if traits.peers_in_tenant:
            heard += await self._recall(grant, refusal_of(look.error))
        said = vote(refusal_of(look.error), heard, tenant=grant.identity.tenant)
        # Who hears only those of the same host can blame no more than that host.
        return Vote.TENANT if said is Vote.MASS and traits.peers_in_tenant else said

    async def _count(self, grant: Grant, cause: Cause, cache: BatchCache) -> Vote:
        """Those asked are served. But how many are refused at this time, of all?"""
        async with self._core.storage.reading() as uow:
            refused = await uow.probes.refused_now(grant, cause)
            beside = Counter(refused) + cache.refused_beside(grant, cause)
            if beside.total() < _FEW:
                return Vote.VOUCHED
            most = vouching(beside.total())
            own_served, all_served = await uow.probes.served(grant, most=most)
        own_beside = beside[grant.identity.tenant]
        if self._core.providers.traits_of(grant.provider).peers_in_tenant:
            return Vote.TENANT if is_mass(own_beside, own_served) else Vote.VOUCHED
        if is_mass(own_beside, own_served):
            is_own = own_beside == beside.total() and own_served < all_served
            return Vote.TENANT if is_own else Vote.MASS
        return Vote.MASS if is_mass(beside.total(), all_served) else Vote.FEW

    async def _recall(self, grant: Grant, mine: PersonMustAct) -> tuple[PeerResult, ...]:
        """What is known of peers that were refused when last looked at, where looking is a login that
        may be one too many: a host that locks everybody out must not be taken for many lost passwords."""
        since = self._core.clock() - PEERS_FRESH_FOR
        async with self._core.storage.reading() as uow:
            causes = await uow.probes.refused_lately(grant.identity, since=since, limit=PEERS_WANTED)
        alike = PeerResult(mine, grant.identity.tenant)
        return tuple(alike for cause in causes if cause is mine.cause)

    async def _panel(self, grant: Grant) -> tuple[ChannelId, ...]:
        """Those proven last, of its own organisation and of others."""
        async with self._core.storage.reading() as uow:
            own = await self._peers(uow, grant, Whose.OWN)
            if self._core.providers.traits_of(grant.provider).peers_in_tenant:
                return own
            return shared_out(own, await self._peers(uow, grant, Whose.OTHERS))

    async def _hear_held(
        self, grant: Grant, heard: Sequence[PeerResult], cache: BatchCache
    ) -> tuple[PeerResult, ...]:
        """Held ones are witnesses, too: a few that are served do not outvote many that are not. What other
        organisations are refused counts only where nobody of its own is served."""
        own = [one for one in heard if one.tenant == grant.identity.tenant]
        room = PEERS_WANTED - len(heard)
        async with self._core.storage.reading() as uow:
            kin = await self._peers(
                uow, grant, Whose.OWN, held=True, limit=max(room, PEERS_WANTED // 2 - len(own))
            )
            is_alone = not any(one.error is None for one in own)
            if is_alone and not self._core.providers.traits_of(grant.provider).peers_in_tenant:
                kin += await self._peers(uow, grant, Whose.OTHERS, held=True, limit=room - len(kin))
        return await self._hear(grant, kin, cache)

    async def _peers(
        self,
        uow: UnitOfWork,
        grant: Grant,
        whose: Whose,
        *,
        held: bool = False,
        limit: int = PEERS_WANTED,
    ) -> tuple[ChannelId, ...]:
        if limit <= 0:
            return ()
        since = self._core.clock() - PEERS_FRESH_FOR
        return await uow.probes.peers(grant.identity, proven_since=since, limit=limit, whose=whose, held=held)

    async def _hear(
        self, grant: Grant, peers: Sequence[ChannelId], cache: BatchCache
    ) -> tuple[PeerResult, ...]:
        """What they get right now, each asked once for a whole batch: else hundreds that are refused, and
        not known to be an outage yet, would keep each other waiting for minutes. Those that somebody else is
        looking at, a moment later."""
        async with self._core.storage.reading() as uow:
            channels = await uow.channels.by_ids(peers)
            found = await uow.grants.by_ids([c.grant_id for c in channels.values() if c.grant_id])
        wanted = {peer.id for peer in _one_each(found.values(), besides=grant)}
        seen = {one: cache.heard[one] for one in wanted & cache.heard.keys()}
        for pause in _WHILE_BUSY:
            if len(seen) == len(wanted):
                break
            await asyncio.sleep(pause)
            seen |= await self._probes.looks([one for one in wanted if one not in seen])
        cache.heard |= {key: one for key, one in seen.items() if one.look.put_off_until is None}
        return tuple(
            PeerResult(one.look.error, one.grant.identity.tenant)
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
