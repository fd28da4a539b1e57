"""Applies the table of a HubSpot channel's life: the one place that writes its state.

As in ``bot.services.core.transitions``: a step, its history line and what must follow are rows in the
caller's unit of work. One ``HubSpotSteps`` is made for each look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.channel import HistoryEntry
from bot.domain.hubspot import HUBSPOT, HubSpotChannel, HubSpotSignal, HubSpotState, Portal
from bot.domain.hubspot_lifecycle import HubSpotEffect, advance
from bot.domain.ids import ChannelId, ProviderOutageId, UserId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.notice import Notice, NoticeKind
from bot.domain.provider_outage import ProviderOutage
from bot.services.core.incidents import Incidents, Outage, reminders_of
from bot.services.core.notifications import Notifications, about_us
from bot.services.core.ports import new_id
from storage import UnitOfWork

BASELINE: Final = "baseline"
CHANGES: Final = "changes"
"""Why something is said once: what the first look found, or what changed since."""


class HubSpotSteps:
    """One look's changes."""

    def __init__(
        self,
        uow: UnitOfWork,
        portal: Portal,
        *,
        now: datetime,
        readers: Sequence[UserId],
        incidents: Incidents,
        notifications: Notifications,
    ) -> None:
        """``portal`` is as it was before the look; ``readers`` are told."""
        self._uow = uow
        self.portal = portal
        self.now = now
        self._readers = readers
        self._incidents = incidents
        self._notifications = notifications
        self._announcement = ""
        self._announced: list[HubSpotChannel] = []
        self.outage: ProviderOutage | None = None
        """The mass loss that what is lost with others belongs to."""
        self.changed: list[HubSpotChannel] = []
        """What must be written."""
        self.moved: set[ChannelId] = set()
        """Whose state is another than before."""
        self._effects: Mapping[
            HubSpotEffect, Callable[[HubSpotChannel, HubSpotChannel, HubSpotSignal], Awaitable[None]]
        ] = {
            HubSpotEffect.OPEN_INCIDENT: self._open,
            HubSpotEffect.RESOLVE_INCIDENT: self._resolve,
            HubSpotEffect.RECALL_INCIDENT: self._recall,
            HubSpotEffect.REVISE_ANNOUNCEMENT: self._revise,
        }

    async def apply(self, before: HubSpotChannel, signal: HubSpotSignal) -> HubSpotChannel:
        """Tell a channel what was seen of it. Returns it as it is then."""
        after, effects = advance(before, signal, now=self.now, looked_before=self.portal.looked_at)
        if after.state is before.state:
            self.changed.append(after)
            return after
        self.moved.add(after.id)
        if signal is HubSpotSignal.LOST_WITH_OTHERS and self.outage is not None:
            after = replace(after, held_by=self.outage.id)
        if HubSpotEffect.ANNOUNCE in effects and after.is_watched:
            after = self._to_announce(after)
        self.changed.append(after)
        await self._uow.history.add(_record_of(before, after, signal, self.now))
        if after.is_watched:
            for effect in effects:
                if effect is not HubSpotEffect.ANNOUNCE:
                    await self._effects[effect](before, after, signal)
        return after

    def found(self, channel: HubSpotChannel) -> None:
        """A channel that was not known. How the first look finds it is listed, once."""
        is_broken = channel.state is not HubSpotState.CONNECTED and channel.is_watched
        if self.portal.looked_at is None and is_broken:
            channel = self._to_announce(channel)
        self.changed.append(channel)

    async def finish(self) -> None:
        """Write what has changed, and say once what is only said once."""
        await self._uow.hubspot.put_channels(list({it.id: it for it in self.changed}.values()))
        if not self._announced:
            return
        why = BASELINE if self.portal.looked_at is None else CHANGES
        about = {"why": why, "announcement": self._announcement}
        conversations = dict.fromkeys(filter(None, (it.conversation_id for it in self._announced)))
        notices = [self._said(reader, about) for reader in self._readers]
        if why == CHANGES:
            notices += [
                replace(self._said(UserId(it), about), conversation_id=it) for it in conversations if it
            ]
        await self._notifications.tell_all(self._uow, notices)

    def _said(self, reader: UserId, about: Mapping[str, str]) -> Notice:
        return about_us(self.portal.workspace_id, reader, NoticeKind.HUBSPOT_SAID, about, self.now)

    def _to_announce(self, channel: HubSpotChannel) -> HubSpotChannel:
        """All quiet changes of a look stand in one message."""
        self._announcement = self._announcement or new_id()
        told = replace(channel, announcement=self._announcement)
        self._announced.append(told)
        return told

    # --- many at once

    async def open_outage(self) -> ProviderOutage:
        """One message for all, with the words to wait."""
        new = ProviderOutage(
            ProviderOutageId(new_id()),
            self.portal.workspace_id,
            HUBSPOT,
            self.portal.portal_id,
            self.now,
        )
        await self._uow.provider_outages.open_(new)
        about = {"outage": new.id}
        told = await self._notifications.tell_all(
            self._uow,
            [
                about_us(self.portal.workspace_id, reader, NoticeKind.HUBSPOT_HOLD, about, self.now)
                for reader in self._readers
            ],
        )
        await self._uow.jobs.put_all(reminders_of(told, self.now))
        return new

    async def show_outage(self, outage: ProviderOutage) -> None:
        """Its messages say what is so now."""
        notices = await self._uow.notices.of_subject(outage.workspace_id, outage.id, NoticeKind.HUBSPOT_HOLD)
        await self._notifications.changed(self._uow, notices, now=self.now)

    # --- effects

    async def _open(self, before: HubSpotChannel, after: HubSpotChannel, signal: HubSpotSignal) -> None:
        await self._incidents.open(
            self._uow,
            after,
            Outage(IncidentKind.HUBSPOT, signal.value),
            readers=self._readers,
            now=self.now,
        )

    async def _resolve(self, before: HubSpotChannel, after: HubSpotChannel, signal: HubSpotSignal) -> None:
        await self._incidents.resolve(self._uow, after, _resolution(after, signal), now=self.now, by=None)

    async def _recall(self, before: HubSpotChannel, after: HubSpotChannel, signal: HubSpotSignal) -> None:
        await self._incidents.resolve(self._uow, after, Resolution.DOUBTED, now=self.now, by=None)

    async def _revise(self, before: HubSpotChannel, after: HubSpotChannel, signal: HubSpotSignal) -> None:
        if not before.announcement:
            return
        for why in (CHANGES, BASELINE):
            subject = f"{why}:{before.announcement}"
            notices = await self._uow.notices.of_subject(
                self.portal.workspace_id, subject, NoticeKind.HUBSPOT_SAID
            )
            await self._notifications.changed(self._uow, notices, now=self.now)


def _resolution(after: HubSpotChannel, signal: HubSpotSignal) -> Resolution:
    """HubSpot says that it works, not who did it."""
    if signal is HubSpotSignal.UNWATCHED:
        return Resolution.OURS
    match after.state:
        case HubSpotState.SWITCHED_OFF:
            return Resolution.DISABLED
        case HubSpotState.GONE:
            return Resolution.REMOVED
    return Resolution.RECOVERED


def _record_of(
    before: HubSpotChannel, after: HubSpotChannel, signal: HubSpotSignal, now: datetime
) -> HistoryEntry:
    return HistoryEntry(
        workspace_id=after.workspace_id,
        channel_id=after.id,
        at=now,
        what=signal.value,
        details={"from": before.state.value, "to": after.state.value},
    )
