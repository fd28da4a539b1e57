"""Watches where team addresses' mail goes, daily: a grant can work where no mail arrives any more.

The one rule: this is advice. It changes no state, opens no outage and reminds nobody; what it tells is kept
true until the mail is back, the inbox switched, disabled or removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.domain.address import MailRouting, after_look, settled, shown_domain
from bot.domain.channel import Channel, HistoryEntry, Kind, State
from bot.domain.notice import Notice, NoticeKind
from bot.domain.view_models import Mail
from bot.services.core.notifications import Notifications, a_notice
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.core.transitions import Transitions
from providers.detect import UNKNOWN, Detected
from storage import UnitOfWork

MAIL_MOVED: Final = "mail_moved"
"""In the history: the mail goes elsewhere than before."""
_AT_ONCE: Final = 8
"""Domains looked up side by side: nobody waits, and name servers are shared."""
_BATCH: Final = 200


class MailRoutingWatch:
    """Looks, and tells when two looks agree."""

    def __init__(self, core: Core, *, transitions: Transitions, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications
        transitions.followed_by(self.followed)

    async def look(self) -> int:
        """The chore: look after every team address in use. Returns for how many something changed."""
        async with self._core.storage.reading() as uow:
            channels = await uow.channels.with_watched_mail()
        places = await self._places(channels)
        batches = [channels[start : start + _BATCH] for start in range(0, len(channels), _BATCH)]
        return sum([await self._note(batch, places) for batch in batches])

    async def followed(self, uow: UnitOfWork, before: Channel, after: Channel) -> None:
        """After any step: what was told of the mail must stay true, and a switch settles it."""
        if after.kind is not Kind.TEAM or _as_told(before) == _as_told(after):
            return
        known = await uow.whereabouts.find(after.id)
        if known is None:
            return
        if after.state is State.REMOVED:
            await uow.whereabouts.drop(after.id)
        elif after.provider != before.provider:
            await uow.whereabouts.put(settled(known))
        await self._shown_anew(uow, before, known, self._core.clock())

    # --- looking

    async def _places(self, channels: Sequence[Channel]) -> Mapping[str, Detected]:
        """Whose hosts take each domain's mail, each domain looked up once."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(address: str) -> Detected:
            async with gate:
                return await self._core.detector.detect(address)

        addresses = {domain_of(channel): channel.address for channel in channels}
        found = await asyncio.gather(*map(one, addresses.values()))
        return dict(zip(addresses, found, strict=True))

    async def _note(self, batch: Sequence[Channel], places: Mapping[str, Detected]) -> int:
        now, changed = self._core.clock(), 0
        ids = [channel.id for channel in batch]
        async with self._core.storage.writing() as uow:
            known = await uow.whereabouts.by_ids(ids)
            channels = await uow.channels.by_ids(ids)  # as they are by now
            for channel in channels.values():
                found = places.get(domain_of(channel), UNKNOWN)
                before, seen = known.get(channel.id), found.seen_from(channel.provider)
                after = after_look(
                    before,
                    channel.id,
                    home=channel.provider,
                    seen=seen,
                    now=now,
                    every=self._core.policy.mail_watch,
                )
                if after is None or after == before or channel.state is State.REMOVED:
                    continue
                await uow.whereabouts.put(after)
                if before is not None and before.place != after.place:
                    changed += 1
                    await self._tell(uow, channel, before, after, now)
            await uow.commit()
        return changed

    # --- telling

    async def _tell(
        self, uow: UnitOfWork, channel: Channel, before: MailRouting, after: MailRouting, now: datetime
    ) -> None:
        """The mail has left, has gone on elsewhere, or is back: one message, for as long as it is away."""
        details = {"left": before.place, "provider": after.place}
        await uow.history.add(HistoryEntry(channel.workspace_id, channel.id, now, MAIL_MOVED, None, details))
        if not after.has_left or before.has_left:
            await self._shown_anew(uow, channel, before, now)
            return
        roles = await roles_in(uow, self._core, channel.workspace_id)
        journey = journey_of(channel, after)
        for reader in roles.audience(channel):
            await self._notifications.tell(
                uow, a_notice(NoticeKind.MOVED, channel, reader, now, about=journey)
            )

    async def _shown_anew(self, uow: UnitOfWork, channel: Channel, known: MailRouting, now: datetime) -> None:
        told = await uow.notices.of_channel(channel.id, NoticeKind.MOVED)
        journey = journey_of(channel, known)
        await self._notifications.changed(uow, [one for one in told if one.about == journey], now=now)


def _as_told(channel: Channel) -> tuple[str, State]:
    """What a message about the mail says of the channel itself: trouble that may pass is not in it."""
    is_passing = channel.state is State.IMPAIRED
    return channel.provider, State.CONNECTED if is_passing else channel.state


def domain_of(channel: Channel) -> str:
    """As people read it."""
    return shown_domain(channel.address.rpartition("@")[2])


def journey_of(channel: Channel, known: MailRouting) -> dict[str, str]:
    """What a message about the mail is about: where it left, and when. It stays the same wherever it goes on
    to, and ends with its return."""
    return {"left": channel.provider, "at": known.left_at.isoformat() if known.left_at else ""}


def mail_shown(core: Core, channel: Channel, known: MailRouting) -> Mail:
    """Where a channel's mail goes, to be shown."""
    return Mail(
        domain=domain_of(channel),
        place=known.place,
        label=core.providers.label_of(known.place),
        is_home=known.place == channel.provider,
        has_left=known.has_left,
        since=known.since,
        is_on=core.providers.is_on(known.place),
    )


def is_still_away(notice: Notice, channel: Channel, known: MailRouting | None) -> bool:
    """Whether what ``notice`` tells is still so, and still matters to anybody."""
    is_used = channel.state not in {State.DISABLED, State.REMOVED}
    return is_used and known is not None and known.has_left and notice.about == journey_of(channel, known)
