"""Looks at mailboxes when they are due and judges what it sees.

The network is never waited for inside a transaction: claim, look, re-read, judge, write back. A refusal
is believed only after the row was read again and other mailboxes of the provider were asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.errors import ProviderError, ProviderUnavailable
from bot.domain.grant import Grant
from bot.domain.ids import ChannelId
from bot.domain.lifecycle import Signal
from bot.domain.probing import (
    MASS_VOTES,
    Outcome,
    Probe,
    Vote,
    is_first_again,
    is_second_witness,
    is_too_old,
    outcome_of,
    witness_delay,
)
from bot.domain.record import Record
from bot.services.core import Core
from bot.services.guard import attempted
from bot.services.holds import Holds
from bot.services.reaching import Look, Reaching
from bot.services.steps import Steps
from bot.services.telling import Telling
from bot.services.witnesses import Jury, Witnesses, refusal_of
from storage import Conflict, UnitOfWork

BATCH: Final = 128
_JUDGED_BY_SIBLINGS: Final = frozenset({State.CONNECTED, State.IMPAIRED})
AT_ONCE: Final = 64
"""Mailboxes looked at side by side: enough to hide the network, few enough to be a polite client."""
LEASE: Final = timedelta(minutes=3)
"""Longer than the slowest batch: two waves, each of two calls of 10 s for a mailbox and for its siblings."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """One look, with all that judging it needs."""

    probe: Probe
    channel: Channel
    grant: Grant
    look: Look
    said: Vote | None
    """What siblings said, where they were asked."""

    @property
    def is_refused(self) -> bool:
        """Whether it is to be judged by what others get."""
        was_looked_at = self.look.put_off_until is None
        is_judged = self.channel.state in _JUDGED_BY_SIBLINGS
        return was_looked_at and is_judged and outcome_of(self.look.error) is Outcome.REFUSED

    @classmethod
    def spoilt(cls, probe: Probe, channel: Channel, grant: Grant) -> _Sight:
        """A look that ended in an error nobody had foreseen (it is logged): no news about the mailbox."""
        return cls(probe, channel, grant, Look(ProviderUnavailable("unforeseen")), None)


class Monitoring:
    """Probes, siblings, witnesses."""

    def __init__(
        self, core: Core, *, steps: Steps, telling: Telling, reaching: Reaching, holds: Holds
    ) -> None:
        self._core = core
        self._holds = holds
        self._steps = steps
        self._telling = telling
        self._reaching = reaching
        self._witnesses = Witnesses(core, reaching)

    async def run_due(self, *, limit: int = BATCH) -> int:
        """Claim and work off what is due. Returns how many probes were claimed."""
        async with self._core.storage.writing() as uow:
            claimed = await uow.probes.claim(now=self._core.clock(), limit=limit, lease_for=LEASE)
            await uow.commit()
        await self.work_off(claimed)
        return len(claimed)

    async def claim(self, uow: UnitOfWork, channel_id: ChannelId) -> tuple[Probe, ...]:
        """One channel's row, due or not, unless another look is under way. ``work_off`` it once committed."""
        return await uow.probes.claim(now=self._core.clock(), limit=1, lease_for=LEASE, only=channel_id)

    async def work_off(self, claimed: Sequence[Probe]) -> None:
        """Look at what was claimed, judge it and free the rows."""
        if not claimed:
            return
        async with self._core.storage.reading() as uow:
            channels = await uow.channels.by_ids([probe.channel_id for probe in claimed])
            grants = await uow.grants.by_ids([probe.grant_id for probe in claimed])
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(probe: Probe) -> _Sight | None:
            channel, grant = channels.get(probe.channel_id), grants.get(probe.grant_id)
            if channel is None or grant is None or channel.state is State.REMOVED:
                return None
            async with gate:
                # Whatever goes wrong with one must not cost the others of its batch their turn.
                sight, failure = await attempted(self._see(probe, channel, grant), what="probe")
            return _Sight.spoilt(probe, channel, grant) if failure is not None else sight

        sights = await asyncio.gather(*(one(probe) for probe in claimed))
        await self._write(claimed, await self._weighed(sights))

    async def _weighed(self, sights: Sequence[_Sight | None]) -> list[_Sight | None]:
        """With what others say of each refusal, once all of the batch are known."""
        jury = Jury()
        for sight in sights:
            if sight is not None and sight.is_refused and sight.channel.state is State.CONNECTED:
                jury.saw(sight.grant, sight.look)
        return [await self._weigh(sight, jury) if sight and sight.is_refused else sight for sight in sights]

    async def _weigh(self, sight: _Sight, jury: Jury) -> _Sight:
        said, failure = await attempted(
            self._witnesses.verdict(sight.channel, sight.grant, sight.look, jury), what="witnesses"
        )
        if failure is not None:
            return _Sight.spoilt(sight.probe, sight.channel, sight.grant)
        return replace(sight, said=said)

    # --- looking

    async def _see(self, probe: Probe, channel: Channel, grant: Grant) -> _Sight:
        look = await self._reaching.look(grant, refresh_only=channel.state is State.DISABLED)
        if look.put_off_until is None:
            self._core.telemetry.probe(grant.provider, outcome_of(look.error).value)
        return _Sight(probe, channel, grant, look, None)

    # --- writing

    async def _write(self, claimed: Sequence[Probe], sights: Sequence[_Sight | None]) -> None:
        """Ordinary passes go back in one statement; everything else is judged one by one."""
        plain = [sight for sight in sights if sight is not None and _is_plain(sight)]
        if plain:
            async with self._core.storage.writing() as uow:
                await uow.probes.passed([self._passed(sight) for sight in plain])
                await uow.commit()
        for probe, sight in zip(claimed, sights, strict=True):
            if sight is None:
                await self._let_go(probe)
            elif not _is_plain(sight):
                await attempted(self._judge_safely(sight), what="judging")

    async def _judge_safely(self, sight: _Sight) -> None:
        try:
            await self._judge(sight)
        except Conflict:
            await self._judge(sight)

    def _passed(self, sight: _Sight) -> Probe:
        now = self._core.clock()
        row = replace(
            sight.probe,
            strikes=0,
            tries=0,
            first_refused_at=None,
            last_ok_at=now,
            last_done_at=now,
            outcome=Outcome.PASSED.value,
        )
        return replace(row, due_at=self._steps.next_due(sight.channel, row))

    async def _let_go(self, probe: Probe) -> None:
        """The channel has gone or has another grant: this row means nothing any more."""
        async with self._core.storage.writing() as uow:
            channel = await uow.channels.find(probe.channel_id)
            if channel is None or channel.grant_id is None or channel.state is State.REMOVED:
                await uow.probes.drop(probe.channel_id)
            else:
                fresh = replace(probe, grant_id=channel.grant_id, due_at=self._core.clock())
                await uow.probes.write_back(fresh, lease_token=probe.lease_token or "")
            await uow.commit()

    async def _judge(self, sight: _Sight) -> None:
        async with self._core.storage.writing() as uow:
            channel = await uow.channels.find(sight.channel.id)
            if channel is None or channel.grant_id != sight.grant.id:
                return  # news about a replaced grant: the swap has made a row of its own
            if sight.look.put_off_until is not None:
                await self._give_row_back(uow, sight, sight.look.put_off_until)
            elif not await self._is_believable(uow, sight):
                await self._give_row_back(uow, sight, self._core.clock())
            else:
                await self._believe(uow, channel, sight)
            await uow.commit()

    async def _is_believable(self, uow: UnitOfWork, sight: _Sight) -> bool:
        """A refusal counts only for the secret that is stored now (rule 8)."""
        if sight.look.error is None or not sight.look.fingerprint:
            return True
        return await uow.grants.fingerprint(sight.grant.id) == sight.look.fingerprint

    async def _give_row_back(self, uow: UnitOfWork, sight: _Sight, due_at: datetime) -> None:
        row = replace(sight.probe, due_at=due_at)
        await uow.probes.write_back(row, lease_token=sight.probe.lease_token or "")

    async def _believe(self, uow: UnitOfWork, channel: Channel, sight: _Sight) -> None:
        row = self._counted(sight)
        signal, cause = self._signal(channel, sight, row)
        row = replace(row, due_at=self._due_after(channel, sight, row))
        # The row goes back first: a step into another state sets its own pause over it.
        if not await uow.probes.write_back(row, lease_token=sight.probe.lease_token or ""):
            return  # our lease ran out or a person was faster: somebody else judges
        proof = await self._holds.proof_for(uow, channel) if sight.said is Vote.PROVEN else None
        after = await self._steps.apply(
            uow,
            channel,
            signal,
            cause=cause,
            grant_id=sight.grant.id,
            code=sight.look.code,
            is_lonely=sight.said is Vote.LONELY,
        )
        if proof is not None:
            one, renewed = proof
            address = "" if renewed.is_personal else renewed.address
            await uow.incidents.proven(after.id, at=one.at, by=one.by, address=address)
        await self._remember_strike(uow, sight, after)
        await self._remember_claims(uow, sight)
        await self._after_step(uow, channel, after, sight, row)

    async def _after_step(
        self, uow: UnitOfWork, before: Channel, after: Channel, sight: _Sight, row: Probe
    ) -> None:
        if after.cause is Cause.HELD and sight.said is not None:
            await self._holds.joined(
                uow,
                after,
                only_tenant=sight.said is Vote.TENANT,
                is_new=before.cause is not Cause.HELD,
            )
        elif after.state is State.IMPAIRED and (sight.said is not None or _retry_after(sight.look.error)):
            await uow.probes.reschedule(after.id, self._due_after(after, sight, row))
        if sight.said is Vote.FEW:
            await self._holds.beside(uow, after)
        if before.cause is Cause.OURS_BROKEN and after.cause is not Cause.OURS_BROKEN:
            await self._telling.operator_matter_changed(
                uow, after.workspace_id, after.provider, now=self._core.clock()
            )
        if is_too_old(after, now=self._core.clock()) and not _was_too_old(before, sight.probe):
            await self._steps.apply(uow, after, Signal.TOO_OLD, grant_id=sight.grant.id)

    def _counted(self, sight: _Sight) -> Probe:
        """The row with this look counted: strikes for refusals, tries for every failure."""
        now = self._core.clock()
        outcome = outcome_of(sight.look.error)
        row = replace(sight.probe, last_done_at=now, outcome=outcome.value)
        if outcome is Outcome.PASSED:
            return replace(row, strikes=0, tries=0, first_refused_at=None, last_ok_at=now)
        row = replace(row, tries=row.tries + 1)
        if sight.said in MASS_VOTES:  # strikes of before an outage prove nothing after it
            return replace(row, strikes=0, first_refused_at=None)
        if outcome is not Outcome.REFUSED or sight.said is Vote.UNCLEAR:
            return row
        if is_first_again(sight.probe, now=now):
            return replace(row, strikes=1, first_refused_at=now)
        return replace(row, strikes=row.strikes + 1, first_refused_at=row.first_refused_at or now)

    def _signal(self, channel: Channel, sight: _Sight, row: Probe) -> tuple[Signal, Cause]:
        match outcome_of(sight.look.error):
            case Outcome.PASSED:
                return Signal.PROBE_PASSED, Cause.NONE
            case Outcome.UNREACHABLE:
                return Signal.UNREACHABLE, Cause.NONE
            case Outcome.OURS_BROKEN:
                return Signal.OURS_BROKEN, Cause.NONE
        if sight.said in MASS_VOTES:
            return Signal.HELD, Cause.NONE
        cause = refusal_of(sight.look.error).cause
        manner = self._core.providers.manner_of(sight.grant.provider)
        cadence = self._core.policy.cadence
        if is_second_witness(row, sight.said, now=self._core.clock(), cadence=cadence, manner=manner):
            return Signal.REFUSED_AGAIN, cause
        return Signal.REFUSED, cause

    def _due_after(self, channel: Channel, sight: _Sight, row: Probe) -> datetime:
        if sight.said is not None and sight.said not in MASS_VOTES:
            manner = self._core.providers.manner_of(channel.provider)
            return self._core.clock() + witness_delay(sight.said, self._core.policy.cadence, manner)
        retry_after = _retry_after(sight.look.error)
        state = State.IMPAIRED if sight.look.error and channel.state is State.CONNECTED else channel.state
        due = self._steps.next_due(replace(channel, state=state), row)
        return max(due, self._core.clock() + retry_after)

    async def _remember_claims(self, uow: UnitOfWork, sight: _Sight) -> None:
        """What the provider wants to be told at the next sign-in; forgotten once it is content."""
        error = sight.look.error
        claims = "" if error is None else error.claims or sight.grant.claims
        if claims != sight.grant.claims:
            await uow.grants.set_claims(sight.grant.id, claims)

    async def _remember_strike(self, uow: UnitOfWork, sight: _Sight, after: Channel) -> None:
        """Refusals and what siblings said are evidence: *why* shows them."""
        if sight.said is None:
            return
        await uow.history.add(
            Record(
                workspace_id=after.workspace_id,
                channel_id=after.id,
                at=self._core.clock(),
                what="strike",
                details={"code": sight.look.code, "siblings": sight.said.value},
            )
        )


def _is_plain(sight: _Sight) -> bool:
    """A pass that changes nothing but the row."""
    return sight.look.error is None and sight.channel.state is State.CONNECTED


def _was_too_old(channel: Channel, last: Probe) -> bool:
    """Whether the look before this one found it too old already: that is news only once."""
    return last.last_done_at is not None and is_too_old(channel, now=last.last_done_at)


def _retry_after(error: ProviderError | None) -> timedelta:
    if isinstance(error, ProviderUnavailable) and error.retry_after:
        return error.retry_after
    return timedelta(0)
