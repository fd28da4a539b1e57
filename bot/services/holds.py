"""Mass refusals: one message instead of many, one look a minute, and everything back when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.domain.cause import REFUSED_CAUSES, Cause
from bot.domain.channel import Channel, State
from bot.domain.errors import REFUSALS, ProviderError
from bot.domain.hold import (
    Hold,
    Renewal,
    canary_pause,
    is_held,
    news_pause,
    next_turn,
    proofs,
    ripe_at,
    settles_for,
)
from bot.domain.ids import HoldId, JobId, UserId
from bot.domain.incident import Notice, NoticeKind
from bot.domain.job import Job, JobKind
from bot.domain.lifecycle import Signal
from bot.services.core import Core, new_id
from bot.services.incidents import reminders_of
from bot.services.standing import standing_of
from bot.services.steps import Steps
from bot.services.telling import Telling, a_notice, about_us
from storage import UnitOfWork

_REFUSALS: Final = REFUSED_CAUSES | {Cause.HELD}
_RECALLS_WITNESSES: Final = 30
"""How far back a hold reaches: 15 min at the ordinary 30 s witness."""


class Holds:
    """Opens, feeds, ripens and ends holds."""

    def __init__(self, core: Core, *, steps: Steps, telling: Telling) -> None:
        self._core = core
        self._steps = steps
        self._telling = telling
        steps.followed_by(self.left)

    async def joined(
        self, uow: UnitOfWork, channel: Channel, *, only_tenant: bool, is_new: bool = True
    ) -> None:
        """``channel`` is held now: open a hold if none is, and send the channel to the end of the line.

        ``is_new`` is false for a canary that found everything as before: nobody needs to see that.
        """
        now = self._core.clock()
        tenant = channel.identity.tenant
        hold = await uow.holds.open_for(channel.workspace_id, channel.provider, tenant)
        if hold is None:
            hold = await self._open(uow, channel, tenant if only_tenant else "", now)
        elif is_new:
            await uow.holds.joined(hold.id, channel.id, now)
            await uow.holds.relapsed(hold.id, now)
            await self._show_later(uow, hold, now + news_pause(self._witness), now)
        elif await self._narrowed(uow, hold, tenant, now):
            await self._show_all(uow, hold, now)
        if is_new:
            await self._tell_owner(uow, hold, channel, now)
        turn = next_turn(
            await uow.holds.last_turn(hold, but=channel.id),
            now,
            witness=self._witness,
            least=self._core.providers.manner_of(channel.provider).least_interval,
        )
        await uow.probes.reschedule(channel.id, turn)

    async def _tell_owner(self, uow: UnitOfWork, hold: Hold, channel: Channel, now: datetime) -> None:
        """Whose inbox it is reads of that one alone, in one message for all that are theirs. Who reads of the
        whole hold anyway gets no other."""
        if channel.owner_id is None:
            return
        if (told := await self._told(uow, hold, channel.owner_id)) is None:
            own = about_us(hold.workspace_id, channel.owner_id, NoticeKind.HOLD, hold.id, now)
            await self._telling.tell(uow, own)
        elif told.channel_id is None:
            await self._telling.changed(uow, [told], now=now)

    async def _told(self, uow: UnitOfWork, hold: Hold, person: UserId) -> Notice | None:
        return await uow.notices.about(person, NoticeKind.HOLD, hold.workspace_id, hold.id)

    async def _narrowed(self, uow: UnitOfWork, hold: Hold, tenant: str, now: datetime) -> bool:
        """Whether the provider's trouble is but one organisation's from now on: all others are served, and
        have been for a while."""
        return (
            bool(tenant)
            and not hold.tenant
            and await uow.holds.narrow(hold, tenant, served_since=now - settles_for(self._witness))
        )

    async def left(self, uow: UnitOfWork, before: Channel, after: Channel) -> None:
        """After any step: a channel that is held no more. The last one ends the hold.

        A pass lets all others be looked at now. They stay held until that look: a provider recovers bit
        by bit, and what it still refuses then must neither be told one by one nor as a second outage.
        """
        if before.state is State.CONNECTED and after.cause in _REFUSALS:
            await uow.holds.refused_anew(after.id)
        if not is_held(before) or is_held(after):
            return
        now = self._core.clock()
        hold = await uow.holds.open_for(before.workspace_id, before.provider, before.identity.tenant)
        if hold is None:
            return
        await self._owner_sees(uow, hold, before, now)
        if after.state is State.CONNECTED and after.grant_id == before.grant_id:
            await self._came_back(uow, hold, after, now)
        elif after.state is State.DISCONNECTED:  # proven for it, and for all who wait: told in one go
            await uow.holds.settled(hold.id, now)
            await uow.holds.call(hold, now=now, rested_for=canary_pause(self._witness))
        elif after.state is State.IMPAIRED:  # judged on its own, as all of them are by now
            await uow.holds.call(hold, now=now, rested_for=canary_pause(self._witness))
        elif last := await uow.holds.last_in_line(hold):
            await uow.probes.reschedule(last, now)  # the line closes up: nobody waits for who has left it
        if await uow.holds.holds_any(hold):
            await self._show_later(uow, hold, now + news_pause(self._witness), now)
            return
        await uow.holds.end(hold.id, now)
        await self._show_later(uow, hold, now, now)

    async def _owner_sees(self, uow: UnitOfWork, hold: Hold, channel: Channel, now: datetime) -> None:
        """What others' inboxes do changes nothing in an owner's message: it is edited for their own alone."""
        told = await self._told(uow, hold, channel.owner_id) if channel.owner_id else None
        if told is not None and told.channel_id is None:
            await self._telling.changed(uow, [told], now=now)

    async def beside(self, uow: UnitOfWork, channel: Channel) -> None:
        """``channel`` is refused while others are held: look whether their outage moves."""
        hold = await uow.holds.open_for(channel.workspace_id, channel.provider, channel.identity.tenant)
        least = self._core.providers.manner_of(channel.provider).least_interval
        if hold is not None:
            rest = max(canary_pause(self._witness), least)
            await uow.holds.call(hold, now=self._core.clock(), rested_for=rest)

    async def reconnects(
        self, uow: UnitOfWork, channel: Channel, *, by: UserId, error: ProviderError | None
    ) -> None:
        """``channel``, which is held, is about to get a new grant that works. ``error`` is what its old one
        got at the same moment: refused, the reconnect was needed; served, the outage was simply over."""
        hold = await uow.holds.open_for(channel.workspace_id, channel.provider, channel.identity.tenant)
        if hold is None:
            return
        if error is None:
            await self._came_back(uow, hold, channel, self._core.clock())
        elif isinstance(error, REFUSALS):
            await uow.holds.renewed(hold.id, channel.id, self._core.clock(), by)

    async def proof_for(self, uow: UnitOfWork, channel: Channel) -> tuple[Renewal, Channel] | None:
        """The first reconnect that shows what ``channel``, which is held, needs."""
        hold = await uow.holds.open_for(channel.workspace_id, channel.provider, channel.identity.tenant)
        if hold is None:
            return None
        tally = await uow.holds.tally(hold, channel.id, channel.identity.tenant)
        for one in proofs(tally, witness=self._witness):
            if (renewed := await uow.channels.find(one.channel_id)) is not None:
                return one, renewed
        return None

    async def _came_back(self, uow: UnitOfWork, hold: Hold, channel: Channel, now: datetime) -> None:
        await uow.holds.came_back(hold.id, channel.id, now)
        await uow.holds.recovered(hold.id, now)
        await uow.holds.call(hold, now=now, rested_for=canary_pause(self._witness))

    async def show(self, job: Job) -> datetime | None:
        """The jobs ``SHOW_HOLD`` and ``RIPEN_HOLD``: its messages say what is so now."""
        async with self._core.storage.writing() as uow:
            hold = await uow.holds.find(HoldId(job.payload["hold"]))
            if hold is not None:
                is_all = job.kind is JobKind.RIPEN_HOLD or not hold.is_open
                await self._show_all(uow, hold, self._core.clock(), owners=is_all)
                await uow.commit()
        return None

    async def _show_all(self, uow: UnitOfWork, hold: Hold, now: datetime, *, owners: bool = True) -> None:
        notices = await uow.notices.of_subject(hold.workspace_id, hold.id, NoticeKind.HOLD)
        await self._telling.changed(uow, [it for it in notices if owners or it.channel_id], now=now)

    async def _open(self, uow: UnitOfWork, channel: Channel, tenant: str, now: datetime) -> Hold:
        hold = Hold(HoldId(new_id()), channel.workspace_id, channel.provider, tenant, now)
        await uow.holds.open_(hold)
        await uow.holds.joined(hold.id, channel.id, now)
        await self._recall(uow, hold, now)
        readers = (await standing_of(uow, self._core, hold.workspace_id)).everybody
        about = [a_notice(NoticeKind.HOLD, channel, reader, now, subject=hold.id) for reader in readers]
        told = await self._telling.tell_all(uow, about)
        await uow.jobs.put_all(reminders_of(told, now))
        await self._later(uow, hold, JobKind.RIPEN_HOLD, ripe_at(hold, self._witness), now)
        return hold

    async def _recall(self, uow: UnitOfWork, hold: Hold, now: datetime) -> None:
        """What was called disconnected just before was probably part of it: said to be a false alarm."""
        since = now - self._witness * _RECALLS_WITNESSES
        lately = await uow.channels.by_ids(await uow.holds.lately_disconnected(hold, since))
        for channel in lately.values():
            await self._steps.apply(uow, channel, Signal.HELD, grant_id=channel.grant_id)
            await uow.holds.joined(hold.id, channel.id, now)

    async def _show_later(self, uow: UnitOfWork, hold: Hold, due: datetime, now: datetime) -> None:
        """Once for all that happens until ``due``: a provider that fails takes its mailboxes in a rush."""
        await self._later(uow, hold, JobKind.SHOW_HOLD, due, now)

    async def _later(self, uow: UnitOfWork, hold: Hold, kind: JobKind, due: datetime, now: datetime) -> None:
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"hold:{hold.id}",
                kind=kind,
                dedupe=f"{kind.value}:{hold.id}",
                due_at=due,
                created_at=now,
                payload={"hold": hold.id},
            )
        )

    @property
    def _witness(self) -> timedelta:
        return self._core.policy.cadence.witness
