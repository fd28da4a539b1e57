"""What is said, and written down, of a sign-in that went well."""

from __future__ import annotations

from datetime import datetime

from bot.domain.channel import Channel, HistoryEntry
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import UserId
from bot.domain.notice import NoticeKind
from bot.domain.ticket import OutcomeKind, Ticket
from bot.services.core.notifications import Notifications, a_notice, done_by
from bot.services.core.ports import Core
from storage import UnitOfWork


class SignInNotices:
    """Tells of connects, reconnects and switches that were proven."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    async def connected(
        self,
        uow: UnitOfWork,
        channel: Channel,
        *,
        recipient: UserId,
        ending: OutcomeKind,
        now: datetime,
        turned_alarm: bool = False,
    ) -> None:
        """The lasting word on a consent that went well, should the modal be closed by then. An alarm that
        turned to that says enough, unless a permission is missing."""
        if turned_alarm and not await self._lacks_something(uow, channel):
            return
        notice = a_notice(
            NoticeKind.CONNECTED,
            channel,
            recipient,
            now,
            grant_id=channel.grant_id,
            about={"ending": ending.value},
        )
        await self._notifications.tell(uow, notice)
        if ending in {OutcomeKind.CONNECTED, OutcomeKind.RESTORED}:
            await self._tell_addressee(uow, channel, connected_by=recipient, now=now)

    async def sees_alarm(self, uow: UnitOfWork, channel: Channel, reader: UserId) -> bool:
        """Whether a message of theirs is about the outage of ``channel``, and turns to what becomes of it."""
        incident = await uow.incidents.open_of(channel.id)
        told = await uow.notices.of_incident(incident.id) if incident else ()
        alarms = [one for one in told if one.recipient == reader and one.kind is NoticeKind.INCIDENT]
        return any((one.ts or one.nonce) and not one.unreachable for one in alarms)

    async def replaced(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """``channel``'s grant is about to be replaced: what was said of permissions that it lacks is then
        true no more."""
        if channel.grant_id is not None and await self._lacks_something(uow, channel):
            about = await uow.notices.of_grant(channel.grant_id)
            await self._notifications.changed(uow, about, now=now)

    async def _lacks_something(self, uow: UnitOfWork, channel: Channel) -> bool:
        granted = await uow.grants.granted_of(channel.grant_id) if channel.grant_id else None
        return granted is not None and bool(self._core.policy.features.lacking(channel.provider, granted))

    async def _tell_addressee(
        self, uow: UnitOfWork, channel: Channel, *, connected_by: UserId, now: datetime
    ) -> None:
        """Somebody connected an address that Slack knows as another person's: that person hears of it."""
        person = await uow.people.by_email(channel.workspace_id, channel.address)
        if person is None or person.id == connected_by:
            return
        about = done_by(connected_by, now)
        await self._notifications.tell(
            uow, a_notice(NoticeKind.SOMEBODY_ELSE, channel, person.id, now, about=about)
        )


async def confirmed(uow: UnitOfWork, channel: Channel, ticket: Ticket) -> None:
    """A super admin has said that this account receives the address: who, when, and which account."""
    await uow.history.add(
        HistoryEntry(
            workspace_id=channel.workspace_id,
            channel_id=channel.id,
            at=ticket.created_at,
            what="via_confirmed",
            actor=ticket.user_id,
            details={"via": ticket.via},
        )
    )


async def host_renamed(uow: UnitOfWork, channel: Channel, identity: MailboxIdentity, ticket: Ticket) -> None:
    """Somebody has said that its mail host goes by another name now: who, when, from which to which."""
    await uow.history.add(
        HistoryEntry(
            workspace_id=channel.workspace_id,
            channel_id=channel.id,
            at=ticket.created_at,
            what="host_renamed",
            actor=ticket.user_id,
            details={"left": channel.identity.tenant, "provider": identity.tenant},
        )
    )
