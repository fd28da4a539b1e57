"""Applies the lifecycle: the one place that writes a channel's state.

A step is the channel's new state, its history line and the rows of what must follow, all in the
caller's unit of work. Nothing here talks to Slack or a provider.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import DOUBT_CAUSES, Cause, Channel, HistoryEntry, State
from bot.domain.grant import Phase, Revocation
from bot.domain.ids import GrantId, UserId, WorkspaceId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.lifecycle import NEWS, NO_MORE, PROOFS, Effect, Facts, Signal, advance
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Probe, ProbeOutcome, next_pause
from bot.domain.request import GOES_ON, RequestState
from bot.services.core.grants import Retirement
from bot.services.core.incidents import Incidents, Outage
from bot.services.core.notifications import Notifications, Operators, a_notice, done_by
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.core.schedule import Schedule
from bot.services.core.unfinished import Unfinished
from storage import UnitOfWork

JITTER = 0.1
"""Share of a pause by which a probe may come earlier or later."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step, as its effects need to know it."""

    before: Channel
    after: Channel
    signal: Signal
    actor: UserId | None
    now: datetime
    facts: Facts


Follower = Callable[[UnitOfWork, Channel, Channel], Awaitable[None]]
"""Told a channel before and after a step."""


class Transitions:
    """Moves channels through their life."""

    def __init__(
        self, core: Core, *, notifications: Notifications, incidents: Incidents, schedule: Schedule
    ) -> None:
        self._core = core
        self._schedule = schedule
        self._notifications = notifications
        self._operators = Operators(core, notifications)
        self._retirement = Retirement(core, notifications)
        self._unfinished = Unfinished(core, notifications)
        self._incidents = incidents
        self._followers: list[Follower] = []
        self._effects: Mapping[Effect, Callable[[UnitOfWork, Transition], Awaitable[None]]] = {
            Effect.PROBE_NOW: self._probe_now,
            Effect.SUPERSEDE_GRANT: self._supersede_grant,
            Effect.RETIRE_GRANT: self._retire_grant,
            Effect.ERASE_GRANT: self._erase_grant,
            Effect.VOID_ASKS: self._void_asks,
            Effect.CLOSE_OLD_WAYS: self._close_old_ways,
            Effect.SETTLE_RECONNECTS: self._settle_reconnects,
            Effect.OPEN_INCIDENT: self._open_incident,
            Effect.OPEN_UNVERIFIABLE: self._open_unverifiable,
            Effect.RESOLVE_INCIDENT: self._resolve_incident,
            Effect.RECALL_INCIDENT: self._recall_incident,
            Effect.ANNOUNCE: self._announce,
            Effect.TELL_OPERATOR: self._tell_operator,
            Effect.ASK_ABOUT_OWNER: self._ask_about_owner,
        }

    def followed_by(self, follow: Follower) -> None:
        """Let ``follow`` see every step in the same unit of work. Said while ``services_of`` builds: what
        follows needs steps, and steps need what follows."""
        self._followers.append(follow)

    async def apply(
        self,
        uow: UnitOfWork,
        channel: Channel,
        signal: Signal,
        facts: Facts = NO_MORE,
        *,
        actor: UserId | None = None,
    ) -> Channel:
        """Tell ``channel`` the ``signal`` and write all that follows. Returns the channel as it is then.

        ``actor`` is the person who did it, ``None`` for the system.
        Raises ``lifecycle.TransitionRefused``, and ``storage.Conflict`` if somebody else was first.
        """
        now = self._core.clock()
        after, effects = advance(channel, signal, facts, now=now)
        if after == channel and not effects:
            return channel
        if after == channel and signal is Signal.OURS_BROKEN:  # the same again, for as long as it lasts
            same = Transition(channel, channel, signal, actor, now, facts)
            await self._follow(uow, same, effects)
            return channel
        saved = await uow.channels.save(after)
        transition = Transition(channel, saved, signal, actor, now, facts)
        await uow.history.add(_record_of(transition))
        if signal in PROOFS and facts.grant_id is not None:
            await uow.grants.set_phase(facts.grant_id, Phase.LIVE, now, channel_id=saved.id)
        await self._schedule_probe(uow, transition)
        await self._follow(uow, transition, effects)
        if signal in _UNSEEN:
            await self._home_changed(uow, transition)
        if signal in _ANSWERS:
            await self._answered_about_owner(uow, saved, now=now)
        if State.REMOVED in (channel.state, saved.state):
            await self._shown_anew(uow, saved, (NoticeKind.KEY_ASKS,), now=now)
        await self.seen(uow, channel, saved)
        self._core.wake()
        return saved

    async def seen(self, uow: UnitOfWork, before: Channel, after: Channel) -> None:
        """Let whoever follows see a step. One that no signal makes is for the caller to say."""
        for follow in self._followers:
            await follow(uow, before, after)

    async def _follow(self, uow: UnitOfWork, transition: Transition, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            await self._effects[effect](uow, transition)

    async def born(self, uow: UnitOfWork, draft: Channel, *, actor: UserId) -> Channel:
        """Write a new channel, proven before it exists: it goes from *checking* straight to connected."""
        await uow.channels.add(replace(draft, grant_id=None))
        return await self.apply(
            uow,
            replace(draft, grant_id=None),
            Signal.CONNECT_PROVEN,
            Facts(draft.grant_id),
            actor=actor,
        )

    async def tell_again(self, uow: UnitOfWork, workspace_id: WorkspaceId) -> None:
        """What could not be delivered for a while is shown as it is now."""
        await self._notifications.changed(uow, await uow.notices.stale(workspace_id), now=self._core.clock())

    # --- probing follows the state

    async def _schedule_probe(self, uow: UnitOfWork, transition: Transition) -> None:
        after = transition.after
        if after.state is State.REMOVED or after.grant_id is None:
            await uow.probes.drop(after.id)
            return
        if after.state is transition.before.state and after.grant_id == transition.before.grant_id:
            return
        proven = transition.signal in PROOFS
        row = await uow.probes.find(after.id) if not proven else None
        row = row or _new_row(after, after.grant_id, transition)
        await uow.probes.put(replace(row, due_at=self.next_due(after, row), lease_token=None))

    def next_due(self, channel: Channel, row: Probe) -> datetime:
        """When ``channel`` is to be probed next, spread by the jitter."""
        now = self._core.clock()
        traits = self._core.providers.traits_of(channel.provider)
        pause = next_pause(channel, row, cadence=self._schedule.cadence, now=now, traits=traits)
        # Where a provider bears no shorter pause, the spread only makes it longer.
        spread = JITTER * self._core.jitter()
        return now + (pause or timedelta(days=1)) * (1 + (abs(spread) if traits.least_interval else spread))

    async def _probe_now(self, uow: UnitOfWork, transition: Transition) -> None:
        await uow.probes.reschedule(transition.after.id, transition.now, fresh=True)

    # --- grants

    async def _supersede_grant(self, uow: UnitOfWork, transition: Transition) -> None:
        old = transition.before.grant_id
        if old is not None and old != transition.after.grant_id:
            await uow.grants.set_phase(old, Phase.SUPERSEDED, transition.now)
            await uow.grants.erase(old)

    async def _retire_grant(self, uow: UnitOfWork, transition: Transition) -> None:
        if transition.before.grant_id is not None:
            await self._retirement.give_back(uow, transition.before.grant_id, now=transition.now)

    async def _erase_grant(self, uow: UnitOfWork, transition: Transition) -> None:
        old = transition.before.grant_id
        if old is not None:
            await uow.grants.set_phase(old, Phase.RETIRED, transition.now)
            await uow.grants.set_revocation(old, Revocation.NOT_ASKED, transition.now)
            await uow.grants.erase(old)

    # --- people

    async def audience_changed(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """Its state stays; who is to know of it has changed."""
        await self._incidents.audience_changed(uow, channel, await self._audience(uow, channel), now=now)

    async def _void_asks(self, uow: UnitOfWork, transition: Transition) -> None:
        await uow.tickets.void_of(transition.after.id)
        await uow.links.void_of(transition.after.id)
        await self._unfinished.end_requests(uow, transition.after, RequestState.CANCELLED, now=transition.now)

    async def _close_old_ways(self, uow: UnitOfWork, transition: Transition) -> None:
        await self._unfinished.void_tickets_elsewhere(uow, transition.after, now=transition.now)
        await self._unfinished.end_requests(
            uow, transition.after, RequestState.CANCELLED, now=transition.now, operations=GOES_ON
        )

    async def _settle_reconnects(self, uow: UnitOfWork, transition: Transition) -> None:
        await self._unfinished.end_requests(
            uow, transition.after, RequestState.DONE, now=transition.now, operations=(Operation.RECONNECT,)
        )

    async def _open_incident(self, uow: UnitOfWork, transition: Transition) -> None:
        await self._incidents.open(
            uow,
            transition.after,
            Outage(IncidentKind.DEAD, transition.facts.code, transition.facts.is_uncorroborated),
            readers=await self._audience(uow, transition.after),
            now=transition.now,
        )

    async def _open_unverifiable(self, uow: UnitOfWork, transition: Transition) -> None:
        # A personal inbox that cannot be checked is nothing its owner could mend: shown, not sent. What its
        # host refuses without a reason may well be.
        if not transition.after.is_personal or transition.after.cause in DOUBT_CAUSES:
            await self._incidents.open(
                uow,
                transition.after,
                Outage(IncidentKind.UNVERIFIABLE, transition.facts.code, transition.facts.is_uncorroborated),
                readers=await self._audience(uow, transition.after),
                now=transition.now,
            )

    async def _audience(self, uow: UnitOfWork, channel: Channel) -> tuple[UserId, ...]:
        """Its owner; for a team address everybody who is told of an outage."""
        return (await roles_in(uow, self._core, channel.workspace_id)).audience(channel)

    async def _resolve_incident(self, uow: UnitOfWork, transition: Transition) -> None:
        await self._incidents.resolve(
            uow, transition.after, _RESOLUTIONS[transition.signal], now=transition.now, by=transition.actor
        )

    async def _recall_incident(self, uow: UnitOfWork, transition: Transition) -> None:
        is_ours = transition.signal is Signal.OURS_BROKEN
        why = Resolution.OURS if is_ours else Resolution.DOUBTED
        await self._incidents.resolve(uow, transition.after, why, now=transition.now, by=None)

    async def _announce(self, uow: UnitOfWork, transition: Transition) -> None:
        """Tell those concerned what somebody did on purpose: once, without reminders. Whoever did it hears of
        the provider's side, too."""
        channel, actor, now = transition.after, transition.actor, transition.now
        kind = _ANNOUNCED[transition.signal]
        readers = dict.fromkeys([*await self._audience(uow, channel), *([actor] if actor else [])])
        has_sides = kind is not NoticeKind.DISABLED
        of_grant = transition.before.grant_id if has_sides else None
        about = {"to": channel.identity.family, **(done_by(actor, now) if actor else {})}
        for reader in readers:
            if has_sides or reader != actor:
                notice = a_notice(kind, channel, reader, now, grant_id=of_grant, about=about)
                await self._notifications.tell(uow, notice)

    async def _tell_operator(self, uow: UnitOfWork, transition: Transition) -> None:
        after = transition.after
        await self._operators.client_refused(
            uow, after.workspace_id, after.provider, code=transition.facts.code, now=transition.now
        )

    async def _ask_about_owner(self, uow: UnitOfWork, transition: Transition) -> None:
        """A personal inbox has lost its owner: the super admins see whose it was and what they can do."""
        channel = transition.after
        about = {"channel": channel.id, "version": str(channel.version)}
        # Who came back and leaves again is asked about again
        for admin in (await roles_in(uow, self._core, channel.workspace_id)).super_admins:
            asked = a_notice(NoticeKind.OWNER_GONE, channel, admin.id, transition.now, about=about)
            await self._notifications.tell(uow, asked)

    async def _answered_about_owner(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """Somebody decided what becomes of an inbox that people were asked about: they see that."""
        kinds = NoticeKind.OWNER_GONE, NoticeKind.SOMEBODY_ELSE, NoticeKind.DELEGATE_GONE
        await self._shown_anew(uow, channel, kinds, now=now)

    async def _shown_anew(
        self, uow: UnitOfWork, channel: Channel, kinds: Iterable[NoticeKind], *, now: datetime
    ) -> None:
        for kind in kinds:
            about = await uow.notices.of_channel(channel.id, kind)
            await self._notifications.changed(uow, about, now=now)

    async def _home_changed(self, uow: UnitOfWork, transition: Transition) -> None:
        workspace_id = transition.after.workspace_id
        await self._notifications.home_changed(uow, workspace_id, actor=transition.actor, now=transition.now)


_ANNOUNCED: Final = {
    Signal.REMOVE_ASKED: NoticeKind.REMOVED,
    Signal.SWITCH_PROVEN: NoticeKind.SWITCHED,
    Signal.DISABLE_ASKED: NoticeKind.DISABLED,
}
"""What is said of what a person did on purpose."""
_UNSEEN: Final = PROOFS | NEWS
"""What happens in a browser or by itself: no click in Slack follows it with a fresh Home."""

_ANSWERS: Final = PROOFS | {Signal.DISABLE_ASKED, Signal.REMOVE_ASKED}
"""What decides about an inbox whose owner, or whose delegate, has left."""

_RESOLUTIONS: Mapping[Signal, Resolution] = {
    Signal.RECONNECT_PROVEN: Resolution.RECONNECTED,
    Signal.SWITCH_PROVEN: Resolution.SWITCHED,
    Signal.PROBE_PASSED: Resolution.RECOVERED,
    Signal.DISABLE_ASKED: Resolution.DISABLED,
    Signal.REMOVE_ASKED: Resolution.REMOVED,
    Signal.WORKSPACE_GONE: Resolution.REMOVED,
}


def _new_row(channel: Channel, grant_id: GrantId, transition: Transition) -> Probe:
    return Probe(
        channel_id=channel.id,
        workspace_id=channel.workspace_id,
        grant_id=grant_id,
        provider=channel.provider,
        due_at=transition.now,
        last_ok_at=transition.now if transition.signal in PROOFS else None,
        last_done_at=transition.now if transition.signal in PROOFS else None,
        outcome=ProbeOutcome.PASSED.value if transition.signal in PROOFS else "",
    )


def _record_of(transition: Transition) -> HistoryEntry:
    before, after = transition.before, transition.after
    details = {"from": before.state.value, "to": after.state.value}
    if after.cause is not Cause.NONE:
        details["cause"] = after.cause.value
    if transition.facts.code:
        details["code"] = transition.facts.code
    if after.provider != before.provider:
        details |= {"left": before.provider, "provider": after.provider}
    return HistoryEntry(
        workspace_id=after.workspace_id,
        channel_id=after.id,
        at=transition.now,
        what=transition.signal.value,
        actor=transition.actor,
        details=details,
    )
