"""Looks at mailboxes when they are due and judges what it sees.

The network is never waited for inside a transaction: claim, look, re-read, judge, write back. A refusal
is believed only after the row was read again and other mailboxes of the provider were asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.channel import (
    DOUBT_CAUSES,
    EXCUSED_CAUSES,
    REFUSED_CAUSES,
    Cause,
    Channel,
    HistoryEntry,
    State,
)
from bot.domain.errors import ProviderError, ProviderUnavailable
from bot.domain.grant import Grant
from bot.domain.ids import ChannelId, GrantId
from bot.domain.lifecycle import Facts, Signal
from bot.domain.probe_policy import (
    MASS,
    MASS_VOTES,
    MAX_IMPAIRED_FOR,
    Probe,
    ProbeOutcome,
    Vote,
    Whose,
    doubt_of,
    is_first_again,
    is_second_witness,
    is_settled_doubt,
    is_too_old,
    outcome_of,
    passed,
    with_heard,
    witness_delay,
)
from bot.services.core.courtesy import unhurried
from bot.services.core.jobs import attempted
from bot.services.core.notifications import Notifications, Operators
from bot.services.core.ports import Core
from bot.services.core.transitions import Transitions
from bot.services.monitoring.corroboration import BatchCache, Corroboration, refusal_of
from bot.services.monitoring.probes import BUSY_FOR, LEASED_FOR, ProbedGrant, ProbeResult, Probes
from bot.services.monitoring.provider_outages import ProviderOutages
from storage import Conflict, StorageAway, UnitOfWork

BATCH: Final = 256
"""Two waves of those that are looked at side by side: what a lease lasts for."""
_JUDGED_BY_PEERS: Final = frozenset({State.CONNECTED, State.IMPAIRED})
LEASE: Final = LEASED_FOR
"""A row is held as long as its grant may be."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """One look, with all that judging it needs."""

    probe: Probe
    channel: Channel
    grant: Grant
    look: ProbeResult
    said: Vote | None
    """What peers said, where they were asked."""

    @property
    def needs_peers(self) -> bool:
        """Whether it is a refusal, to be judged by what others get."""
        was_looked_at = self.look.put_off_until is None
        is_judged = self.channel.state in _JUDGED_BY_PEERS
        return was_looked_at and is_judged and outcome_of(self.look.error) is ProbeOutcome.REFUSED

    @classmethod
    def spoilt(cls, probe: Probe, channel: Channel, grant: Grant) -> _Observation:
        """A look that ended in an error nobody had foreseen (it is logged): no news about the mailbox."""
        return cls(probe, channel, grant, ProbeResult(ProviderUnavailable("unforeseen")), None)


class Monitoring:
    """Probes, peers, witnesses."""

    def __init__(
        self,
        core: Core,
        *,
        transitions: Transitions,
        notifications: Notifications,
        probes: Probes,
        provider_outages: ProviderOutages,
    ) -> None:
        self._core = core
        self._provider_outages = provider_outages
        self._transitions = transitions
        self._operators = Operators(core, notifications)
        self._probes = probes
        self._corroboration = Corroboration(core, probes)
        self._left_behind: set[str] = set()
        """Leases of ours that nobody works on any more."""

    async def run_due(self, *, limit: int = BATCH) -> int:
        """Claim and work off what is due. Returns how many probes were claimed."""
        await self._core.courtesy.gives_way()
        left = frozenset(self._left_behind)
        async with self._core.storage.writing() as uow:
            if left:
                await uow.locks.release_held(left)
            now = self._core.clock()
            claimed = await uow.probes.claim(now=now, limit=limit, lease_for=LEASE)
            await uow.commit()
        self._core.telemetry.looks_begin((now - probe.due_at).total_seconds() for probe in claimed)
        self._left_behind -= left
        await self.work_off(claimed)
        return len(claimed)

    async def claim(self, uow: UnitOfWork, channel_id: ChannelId) -> tuple[Probe, ...]:
        """One channel's row, due or not, unless another look is under way. ``work_off`` it once committed."""
        return await uow.probes.claim(now=self._core.clock(), limit=1, lease_for=LEASE, only=channel_id)

    async def work_off(self, claimed: Sequence[Probe], *, is_awaited: bool = False) -> None:
        """Look at what was claimed, judge it and free the rows. ``is_awaited``: somebody is waiting for it.

        What could not be written down because the database was away is freed by the next turn, not only when
        its lease runs out; what was cut off, because the process ends, at once.
        """
        try:
            if claimed:
                await self._work_off(claimed, is_awaited=is_awaited)
        except StorageAway:
            self._leave(claimed)
            raise
        except asyncio.CancelledError:
            with suppress(StorageAway):
                await self._let_others(claimed)
            raise

    async def _let_others(self, claimed: Sequence[Probe]) -> None:
        async with self._core.storage.writing() as uow:
            await uow.locks.release_held({probe.lease_token for probe in claimed if probe.lease_token})
            await uow.commit()

    def _leave(self, claimed: Sequence[Probe]) -> None:
        self._left_behind.update(probe.lease_token for probe in claimed if probe.lease_token)

    async def _work_off(self, claimed: Sequence[Probe], *, is_awaited: bool) -> None:
        async with self._core.storage.reading() as uow:
            channels = await uow.channels.by_ids([probe.channel_id for probe in claimed])
        theirs = {
            probe.grant_id: channel.state
            for probe in claimed
            if (channel := channels.get(probe.channel_id)) and _is_about(probe, channel)
        }
        refreshed = [grant_id for grant_id, state in theirs.items() if state is State.DISABLED]
        seen = await self._probes.looks(list(theirs), only_refresh=refreshed, is_awaited=is_awaited)

        observations = [
            self._observed(probe, channel, seen[probe.grant_id])
            if (channel := channels.get(probe.channel_id)) and probe.grant_id in seen
            else None
            for probe in claimed
        ]
        weighed = await self._weighed(observations)
        if not is_awaited:
            await self._core.courtesy.gives_way()
        await self._write(claimed, weighed, busy=theirs.keys() - seen.keys())

    async def _weighed(self, observations: Sequence[_Observation | None]) -> list[_Observation | None]:
        """With what others say of each refusal, once all of the batch are known. By now the grants of the
        batch are free again, so that those who are refused in another process can be heard, and hear
        these."""
        cache = BatchCache()
        for observation in observations:
            if (
                observation is not None
                and observation.needs_peers
                and observation.channel.state is State.CONNECTED
            ):
                cache.saw(observation.grant, observation.look)
        return [
            await self._weigh(observation, cache) if observation and observation.needs_peers else observation
            for observation in observations
        ]

    async def _weigh(self, observation: _Observation, cache: BatchCache) -> _Observation:
        said, failure = await attempted(
            self._corroboration.verdict(observation.channel, observation.grant, observation.look, cache),
            what="witnesses",
        )
        if failure is not None:
            return _Observation.spoilt(observation.probe, observation.channel, observation.grant)
        return replace(observation, said=said)

    def _observed(self, probe: Probe, channel: Channel, seen: ProbedGrant) -> _Observation:
        if seen.look.put_off_until is None:
            self._core.telemetry.probe(seen.grant.provider, outcome_of(seen.look.error).value)
        return _Observation(probe, channel, seen.grant, seen.look, None)

    # --- writing

    async def _write(
        self,
        claimed: Sequence[Probe],
        observations: Sequence[_Observation | None],
        *,
        busy: Collection[GrantId],
    ) -> None:
        """Ordinary passes go back in one statement; everything else is judged one by one."""
        plain = [
            observation for observation in observations if observation is not None and _is_plain(observation)
        ]
        if plain:
            found = [self._passed(observation) async for observation in unhurried(plain)]
            async with self._core.storage.writing() as uow:
                await uow.probes.passed(found)
                await uow.commit()
        for probe, observation in zip(claimed, observations, strict=True):
            if observation is None and probe.grant_id in busy:
                await self._put_off(probe)
            elif observation is None:
                await self._let_go(probe)
            elif not _is_plain(observation):
                _, failure = await attempted(self._judge_safely(observation), what="judging")
                if isinstance(failure, StorageAway):
                    self._leave([probe])

    async def _judge_safely(self, observation: _Observation) -> None:
        try:
            await self._judge(observation)
        except Conflict:
            await self._judge(observation)

    def _passed(self, observation: _Observation) -> Probe:
        now = self._core.clock()
        due_at = self._transitions.next_due(observation.channel, observation.probe)
        return passed(observation.probe, due_at=due_at, now=now)

    async def _put_off(self, probe: Probe) -> None:
        """Somebody else is refreshing its grant, or has taken it over: what they find out counts."""
        async with self._core.storage.writing() as uow:
            row = replace(probe, due_at=self._core.clock() + BUSY_FOR)
            await uow.probes.write_back(row, lease_token=probe.lease_token or "")
            await uow.commit()

    async def _let_go(self, probe: Probe) -> None:
        """The channel has gone or has another grant: this row means nothing any more."""
        async with self._core.storage.writing() as uow:
            channel = await uow.channels.find(probe.channel_id)
            if channel is None or channel.grant_id is None or channel.state is State.REMOVED:
                await uow.probes.drop(probe.channel_id)
            else:
                now = self._core.clock()
                if await uow.probes.write_back(probe, lease_token=probe.lease_token or ""):
                    await uow.probes.reschedule(channel.id, now, grant_id=channel.grant_id)
            await uow.commit()

    async def _judge(self, observation: _Observation) -> None:
        async with self._core.storage.writing() as uow:
            # In the order of everybody else: the channel, its look, the outage that it is part of.
            channel = await uow.channels.hold(observation.channel.id)
            if channel is None or channel.grant_id != observation.grant.id:
                return  # news about a replaced grant: the swap has made a row of its own
            if observation.look.put_off_until is not None:
                await self._give_row_back(uow, observation, observation.look.put_off_until)
            elif not await self._is_believable(uow, observation):
                await self._give_row_back(uow, observation, self._core.clock())
            else:
                await self._believe(uow, channel, observation)
            await uow.commit()

    async def _is_believable(self, uow: UnitOfWork, observation: _Observation) -> bool:
        """A refusal counts only for the secret that is stored now (rule 8)."""
        if observation.look.error is None or not observation.look.fingerprint:
            return True
        return await uow.grants.is_as_used(
            observation.probe.grant_id,
            fingerprint=observation.look.fingerprint,
            renewals=observation.look.renewals,
        )

    async def _give_row_back(self, uow: UnitOfWork, observation: _Observation, due_at: datetime) -> None:
        row = replace(observation.probe, due_at=due_at)
        await uow.probes.write_back(row, lease_token=observation.probe.lease_token or "")

    async def _believe(self, uow: UnitOfWork, channel: Channel, observation: _Observation) -> None:
        row = self._counted(observation)
        signal, cause = await self._doubted(uow, channel, observation, row) or self._signal(observation, row)
        row = replace(row, due_at=self._due_after(channel, observation, row))
        # The row goes back first: a step into another state sets its own pause over it.
        if not await uow.probes.write_back(row, lease_token=observation.probe.lease_token or ""):
            return  # our lease ran out or a person was faster: somebody else judges
        proof = (
            await self._provider_outages.proof_for(uow, channel) if observation.said is Vote.PROVEN else None
        )
        after = await self._transitions.apply(
            uow,
            channel,
            signal,
            Facts(
                cause=cause,
                grant_id=observation.grant.id,
                code=observation.look.code,
                is_uncorroborated=observation.said is Vote.UNCORROBORATED,
                said=self._news(observation, row),
            ),
        )
        if proof is not None:
            one, renewed = proof
            address = "" if renewed.is_personal else renewed.address
            await uow.incidents.proven(after.id, at=one.at, by=one.by, address=address)
        await self._remember_strike(uow, observation, after)
        await self._remember_claims(uow, observation)
        await self._after_step(uow, channel, after, observation, row)

    async def _after_step(
        self, uow: UnitOfWork, before: Channel, after: Channel, observation: _Observation, row: Probe
    ) -> None:
        if after.cause is Cause.HELD and observation.said is not None:
            await self._provider_outages.joined(
                uow,
                after,
                only_tenant=observation.said is Vote.TENANT,
                is_new=before.cause is not Cause.HELD,
            )
        elif after.state is State.IMPAIRED and (
            observation.said is not None or _retry_after(observation.look.error)
        ):
            await uow.probes.reschedule(after.id, self._due_after(after, observation, row))
        if observation.said is Vote.FEW:
            await self._provider_outages.beside(uow, after)
        if before.cause is Cause.OURS_BROKEN and after.cause is not Cause.OURS_BROKEN:
            await self._operators.client_accepted(
                uow, after.workspace_id, after.provider, now=self._core.clock()
            )
        is_new = not _was_too_old(before, observation.probe) or _is_new_doubt(before, after)
        if is_new and is_too_old(after, now=self._core.clock()):
            code = row.unknown_code or ""
            await self._transitions.apply(
                uow,
                after,
                Signal.TOO_OLD,
                Facts(
                    grant_id=observation.grant.id,
                    code=code,
                    is_uncorroborated=bool(code) and not await self._others_work(uow, observation.grant),
                ),
            )

    async def _others_work(self, uow: UnitOfWork, grant: Grant) -> bool:
        """Whether the provider has served other mailboxes while it refused this one."""
        since = self._core.clock() - MAX_IMPAIRED_FOR
        for whose in Whose:
            if await uow.probes.peers(grant.identity, proven_since=since, limit=1, whose=whose):
                return True
        return False

    def _counted(self, observation: _Observation) -> Probe:
        """The row with this look counted: strikes for refusals, tries for every failure."""
        now = self._core.clock()
        outcome = outcome_of(observation.look.error)
        row = replace(observation.probe, last_done_at=now, outcome=outcome.value)
        row = with_heard(row, observation.look.error, now=now)
        row = _with_unknown(row, observation.look.error, now)
        if outcome is ProbeOutcome.PASSED:
            return replace(row, strikes=0, tries=0, first_refused_at=None, last_ok_at=now)
        row = replace(row, tries=row.tries + 1)
        if observation.said in MASS_VOTES:  # strikes of before an outage prove nothing after it
            return replace(row, strikes=0, first_refused_at=None)
        if outcome is not ProbeOutcome.REFUSED or observation.said is Vote.UNCLEAR:
            return row
        if is_first_again(observation.probe, now=now):
            return replace(row, strikes=1, first_refused_at=now)
        return replace(row, strikes=row.strikes + 1, first_refused_at=row.first_refused_at or now)

    async def _doubted(
        self, uow: UnitOfWork, channel: Channel, observation: _Observation, row: Probe
    ) -> tuple[Signal, Cause] | None:
        """What an answer without a reason means; ``None`` if it was none, or if more is known already."""
        doubt = doubt_of(observation.look.error)
        if doubt not in DOUBT_CAUSES or channel.cause in REFUSED_CAUSES | EXCUSED_CAUSES:
            return None
        if doubt is not Cause.LOGIN_UNCLEAR:
            return Signal.REFUSED, doubt
        is_shared = await self._is_shared(uow, observation.grant, row)
        is_known = is_settled_doubt(row, now=self._core.clock(), is_shared=is_shared)
        return Signal.REFUSED_AGAIN if is_known else Signal.REFUSED, doubt

    async def _is_shared(self, uow: UnitOfWork, grant: Grant, row: Probe) -> bool:
        """Whether others at the same host are refused without a reason, too, and as many as it serves."""
        others = await uow.probes.count_in_doubt(grant.identity)
        if others < MASS or row.heard_since is None:
            return False
        served = await uow.probes.peers(
            grant.identity, proven_since=row.heard_since, limit=others + 1, whose=Whose.OWN
        )
        return len(served) <= others

    def _news(self, observation: _Observation, row: Probe) -> str:
        """The host's own words, where they are others than before: a number in them is no news."""
        is_same = row.heard and row.heard_times > 1
        return "" if is_same or observation.look.error is None else observation.look.error.said

    def _signal(self, observation: _Observation, row: Probe) -> tuple[Signal, Cause]:
        match outcome_of(observation.look.error):
            case ProbeOutcome.PASSED:
                return Signal.PROBE_PASSED, Cause.NONE
            case ProbeOutcome.UNREACHABLE:
                return Signal.UNREACHABLE, Cause.NONE
            case ProbeOutcome.OURS_BROKEN:
                return Signal.OURS_BROKEN, Cause.NONE
        if observation.said in MASS_VOTES:
            return Signal.HELD, Cause.NONE
        cause = refusal_of(observation.look.error).cause
        traits = self._core.providers.traits_of(observation.grant.provider)
        cadence = self._core.policy.cadence
        if is_second_witness(row, observation.said, now=self._core.clock(), cadence=cadence, traits=traits):
            return Signal.REFUSED_AGAIN, cause
        return Signal.REFUSED, cause

    def _due_after(self, channel: Channel, observation: _Observation, row: Probe) -> datetime:
        if observation.said is not None and observation.said not in MASS_VOTES:
            traits = self._core.providers.traits_of(channel.provider)
            return self._core.clock() + witness_delay(observation.said, self._core.policy.cadence, traits)
        retry_after = _retry_after(observation.look.error)
        state = (
            State.IMPAIRED if observation.look.error and channel.state is State.CONNECTED else channel.state
        )
        due = self._transitions.next_due(replace(channel, state=state), row)
        return max(due, self._core.clock() + retry_after)

    async def _remember_claims(self, uow: UnitOfWork, observation: _Observation) -> None:
        """What the provider wants to be told at the next sign-in; forgotten once it is content."""
        error = observation.look.error
        claims = "" if error is None else error.claims or observation.grant.claims
        if claims != observation.grant.claims:
            await uow.grants.set_claims(observation.grant.id, claims)

    async def _remember_strike(self, uow: UnitOfWork, observation: _Observation, after: Channel) -> None:
        """Refusals and what peers said are evidence: *why* shows them."""
        if observation.said is None:
            return
        await uow.history.add(
            HistoryEntry(
                workspace_id=after.workspace_id,
                channel_id=after.id,
                at=self._core.clock(),
                what="strike",
                details={"code": observation.look.code, "siblings": observation.said.value},
            )
        )


def _is_about(probe: Probe, channel: Channel) -> bool:
    """Whether the row means the channel's present grant."""
    return channel.state is not State.REMOVED and channel.grant_id == probe.grant_id


def _is_plain(observation: _Observation) -> bool:
    """A pass that changes nothing but the row."""
    return observation.look.error is None and observation.channel.state is State.CONNECTED


def _is_new_doubt(before: Channel, after: Channel) -> bool:
    """What could not be reached so far is refused without a reason: its owner may know why."""
    return after.cause in DOUBT_CAUSES and before.cause not in DOUBT_CAUSES


def _with_unknown(row: Probe, error: ProviderError | None, now: datetime) -> Probe:
    """A refusal that nobody knows is remembered for as long as it stays the same; other answers end that."""
    if not isinstance(error, ProviderUnavailable) or not error.unknown_code:
        return replace(row, unknown_code=None, unknown_since=None)
    is_same = row.unknown_code == error.code and row.unknown_since is not None
    return replace(row, unknown_code=error.code, unknown_since=row.unknown_since if is_same else now)


def _was_too_old(channel: Channel, last: Probe) -> bool:
    """Whether the look before this one found it too old already: that is news only once."""
    return last.last_done_at is not None and is_too_old(channel, now=last.last_done_at)


def _retry_after(error: ProviderError | None) -> timedelta:
    if isinstance(error, ProviderUnavailable) and error.retry_after:
        return error.retry_after
    return timedelta(0)
