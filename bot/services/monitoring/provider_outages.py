"""Mass refusals: one message instead of many, one look a minute, and everything back when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.domain.channel import REFUSED_CAUSES, Cause, Channel, State
from bot.domain.errors import REFUSALS, ProviderError
from bot.domain.ids import JobId, ProviderOutageId, UserId
from bot.domain.job import Job, JobKind
from bot.domain.lifecycle import Facts, Signal
from bot.domain.notice import EDITS_APART, Notice, NoticeKind
from bot.domain.provider_outage import (
    ProviderOutage,
    Renewal,
    canary_pause,
    is_held,
    news_pause,
    next_turn,
    proofs,
    reconnect_offered_at,
    settles_for,
)
from bot.services.core.incidents import reminders_of
from bot.services.core.notifications import Notifications, a_notice
from bot.services.core.ports import Core, new_id
from bot.services.core.roles import roles_in
from bot.services.core.transitions import Transitions
from storage import Conflict, UnitOfWork

_REFUSALS: Final = REFUSED_CAUSES | {Cause.HELD}
_NEWS_WAIT_AT_MOST: Final = 5
"""How often news wait for those who have not got the last ones: somebody may not be reached for long."""
_ENDS_WITHIN: Final = timedelta(seconds=10)
"""Longer than any unit of work: what is due later sees what is being written now."""
_RECALLS_WITNESSES: Final = 30
"""How far back a hold reaches: 15 min at the ordinary 30 s witness."""


class ProviderOutages:
    """Opens, feeds, ripens and ends holds."""

    def __init__(self, core: Core, *, transitions: Transitions, notifications: Notifications) -> None:
        self._core = core
        self._transitions = transitions
        self._notifications = notifications
        transitions.followed_by(self.left)

    async def joined(
        self, uow: UnitOfWork, channel: Channel, *, only_tenant: bool, is_new: bool = True
    ) -> None:
        """``channel`` is held now: open a hold if none is, and send the channel to the end of the line.

        ``is_new`` is false for a canary that found everything as before: nobody needs to see that.
        """
        now = self._core.clock()
        tenant = channel.identity.tenant
        theirs = channel.workspace_id, channel.provider, tenant
        provider_outage = await uow.provider_outages.open_for(*theirs)
        opened = None
        if provider_outage is None:
            opened = await self._open(uow, channel, tenant if only_tenant else "", now)
            # Another process may have been first: its is the one.
            provider_outage = opened or await uow.provider_outages.open_for(*theirs)
        if provider_outage is None:
            raise Conflict  # and over again before we could join
        if opened is None:
            await self._join(uow, provider_outage, channel, is_new=is_new)
        turn = next_turn(
            await uow.provider_outages.last_turn(provider_outage, but=channel.id),
            now,
            witness=self._witness,
            least=self._core.providers.traits_of(channel.provider).least_interval,
        )
        await uow.provider_outages.lines_up(provider_outage.id, channel.id, turn)

    async def _join(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, channel: Channel, *, is_new: bool
    ) -> None:
        now = self._core.clock()
        if is_new:
            await uow.provider_outages.joined(provider_outage.id, channel.id, now)
            await uow.provider_outages.relapsed(provider_outage.id, now)
            await self._show_later(uow, provider_outage, now + news_pause(self._witness), now)
        elif await self._narrowed(uow, provider_outage, channel.identity.tenant, now):
            await self._show_all(uow, provider_outage, now)

    async def _narrowed(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, tenant: str, now: datetime
    ) -> bool:
        """Whether the provider's trouble is but one organisation's from now on: all others are served, and
        have been for a while."""
        return (
            bool(tenant)
            and not provider_outage.tenant
            and await uow.provider_outages.narrow(
                provider_outage, tenant, served_since=now - settles_for(self._witness)
            )
        )

    async def left(self, uow: UnitOfWork, before: Channel, after: Channel) -> None:
        """After any step: a channel that is held no more. The last one ends the hold.

        A pass lets all others be looked at now. They stay held until that look: a provider recovers bit
        by bit, and what it still refuses then must neither be told one by one nor as a second outage.
        """
        if before.state is State.CONNECTED and after.cause in _REFUSALS:
            await uow.provider_outages.refused_anew(after.id)
        if not is_held(before) or is_held(after):
            return
        await uow.provider_outages.leaves_line(after.id)
        now = self._core.clock()
        # Alone: of two that leave at once, each would see the other still held, and neither end it.
        provider_outage = await uow.provider_outages.open_for(
            before.workspace_id, before.provider, before.identity.tenant, alone=True
        )
        if provider_outage is None:
            return
        if after.state is State.CONNECTED and after.grant_id == before.grant_id:
            await self._came_back(uow, provider_outage, after, now)
        elif after.state is State.DISCONNECTED:  # proven for it, and for all who wait: told in one go
            await uow.provider_outages.settled(provider_outage.id, now)
            await uow.provider_outages.call(provider_outage, now=now, rested_for=canary_pause(self._witness))
        elif after.state is State.IMPAIRED:  # judged on its own, as all of them are by now
            await uow.provider_outages.call(provider_outage, now=now, rested_for=canary_pause(self._witness))
        elif last := await uow.provider_outages.last_in_line(provider_outage):
            await uow.probes.reschedule(last, now)  # the line closes up: nobody waits for who has left it
        if await uow.provider_outages.holds_any(provider_outage):
            await self._show_later(uow, provider_outage, now + news_pause(self._witness), now)
            return
        await uow.provider_outages.end(provider_outage.id, now)
        await self._show_later(uow, provider_outage, now, now)

    async def end_abandoned(self) -> int:
        """The chore: end those that nobody has left and that hold nobody, since their mailboxes were
        forgotten. Else their messages would stay, and the next outage join them in silence. Returns how many.
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            abandoned = await uow.provider_outages.abandoned()
            for provider_outage in abandoned:
                await uow.provider_outages.end(provider_outage.id, now)
                await self._show_later(uow, provider_outage, now, now)
            await uow.commit()
        return len(abandoned)

    async def beside(self, uow: UnitOfWork, channel: Channel) -> None:
        """``channel`` is refused while others are held: look whether their outage moves."""
        provider_outage = await uow.provider_outages.open_for(
            channel.workspace_id, channel.provider, channel.identity.tenant
        )
        least = self._core.providers.traits_of(channel.provider).least_interval
        if provider_outage is not None:
            rest = max(canary_pause(self._witness), least)
            await uow.provider_outages.call(provider_outage, now=self._core.clock(), rested_for=rest)

    async def reconnects(
        self, uow: UnitOfWork, channel: Channel, *, by: UserId, error: ProviderError | None
    ) -> None:
        """``channel``, which is held, is about to get a new grant that works. ``error`` is what its old one
        got at the same moment: refused, the reconnect was needed; served, the outage was simply over."""
        provider_outage = await uow.provider_outages.open_for(
            channel.workspace_id, channel.provider, channel.identity.tenant
        )
        if provider_outage is None:
            return
        if error is None:
            await self._came_back(uow, provider_outage, channel, self._core.clock())
        elif isinstance(error, REFUSALS):
            await uow.provider_outages.renewed(provider_outage.id, channel.id, self._core.clock(), by)

    async def proof_for(self, uow: UnitOfWork, channel: Channel) -> tuple[Renewal, Channel] | None:
        """The first reconnect that shows what ``channel``, which is held, needs."""
        provider_outage = await uow.provider_outages.open_for(
            channel.workspace_id, channel.provider, channel.identity.tenant
        )
        if provider_outage is None:
            return None
        tally = await uow.provider_outages.tally(provider_outage, channel.id, channel.identity.tenant)
        for one in proofs(tally, witness=self._witness):
            if (renewed := await uow.channels.find(one.channel_id)) is not None:
                return one, renewed
        return None

    async def _came_back(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, channel: Channel, now: datetime
    ) -> None:
        await uow.provider_outages.came_back(provider_outage.id, channel.id, now)
        await uow.provider_outages.recovered(provider_outage.id, now)
        await uow.provider_outages.call(provider_outage, now=now, rested_for=canary_pause(self._witness))

    async def show(self, job: Job) -> datetime | None:
        """The jobs ``SHOW_HOLD`` and ``RIPEN_HOLD``: its messages say what is so now. News of how many are
        held wait until the last ones are with everybody: Slack takes so many edits a minute, and the end must
        not stand behind them."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            provider_outage = await uow.provider_outages.find(ProviderOutageId(job.payload["hold"]))
            if provider_outage is None:
                return None
            can_wait = job.kind is JobKind.SHOW_HOLD and provider_outage.is_open
            if can_wait and job.attempts < _NEWS_WAIT_AT_MOST:
                told = await self._told(uow, provider_outage)
                behind = await uow.notices.count_to_edit([it.id for it in told])
                if behind:
                    return now + EDITS_APART * behind
            await self._show_all(uow, provider_outage, now)
            await uow.commit()
        return None

    async def _show_all(self, uow: UnitOfWork, provider_outage: ProviderOutage, now: datetime) -> None:
        await uow.provider_outages.changed(provider_outage.id)
        await self._notifications.changed(uow, await self._told(uow, provider_outage), now=now)

    async def _told(self, uow: UnitOfWork, provider_outage: ProviderOutage) -> tuple[Notice, ...]:
        workspace_id, kind = provider_outage.workspace_id, NoticeKind.HOLD
        return await uow.notices.of_subject(workspace_id, provider_outage.id, kind)

    async def _open(
        self, uow: UnitOfWork, channel: Channel, tenant: str, now: datetime
    ) -> ProviderOutage | None:
        """Open one and tell everybody; ``None`` if somebody else was first."""
        provider_outage = ProviderOutage(
            ProviderOutageId(new_id()), channel.workspace_id, channel.provider, tenant, now
        )
        if not await uow.provider_outages.open_(provider_outage):
            return None
        await uow.provider_outages.joined(provider_outage.id, channel.id, now)
        await self._recall(uow, provider_outage, now)
        readers = (await roles_in(uow, self._core, provider_outage.workspace_id)).everybody
        about = [
            a_notice(NoticeKind.HOLD, channel, reader, now, about={"outage": provider_outage.id})
            for reader in readers
        ]
        told = await self._notifications.tell_all(uow, about)
        await uow.jobs.put_all(reminders_of(told, now))
        await self._later(
            uow,
            provider_outage,
            JobKind.RIPEN_HOLD,
            reconnect_offered_at(provider_outage, self._witness),
            now,
        )
        return provider_outage

    async def _recall(self, uow: UnitOfWork, provider_outage: ProviderOutage, now: datetime) -> None:
        """What was called disconnected just before was probably part of it: said to be a false alarm."""
        since = now - self._witness * _RECALLS_WITNESSES
        lately = await uow.channels.by_ids(
            await uow.provider_outages.lately_disconnected(provider_outage, since)
        )
        for channel in lately.values():
            await self._transitions.apply(uow, channel, Signal.HELD, Facts(grant_id=channel.grant_id))
            await uow.provider_outages.joined(provider_outage.id, channel.id, now)
            await uow.provider_outages.lines_up(provider_outage.id, channel.id)

    async def _show_later(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, due: datetime, now: datetime
    ) -> None:
        """Once for all that happens until ``due``: a provider that fails takes its mailboxes in a rush. Who
        finds it asked for, and a while off, writes nothing: on PostgreSQL all would wait for that row."""
        asked = await uow.jobs.find_unfinished(_key(JobKind.SHOW_HOLD, provider_outage))
        if asked is None or asked.lease_token or not now + _ENDS_WITHIN < asked.due_at <= due:
            await self._later(uow, provider_outage, JobKind.SHOW_HOLD, due, now)

    async def _later(
        self, uow: UnitOfWork, provider_outage: ProviderOutage, kind: JobKind, due: datetime, now: datetime
    ) -> None:
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"hold:{provider_outage.id}",
                kind=kind,
                dedupe=_key(kind, provider_outage),
                due_at=due,
                created_at=now,
                payload={"hold": provider_outage.id},
            )
        )

    @property
    def _witness(self) -> timedelta:
        return self._core.policy.cadence.witness


def _key(kind: JobKind, provider_outage: ProviderOutage) -> str:
    return f"{kind.value}:{provider_outage.id}"
