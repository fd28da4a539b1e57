"""An organisation's admin at the provider has to approve our app: asked for, waited for, heard of.

Nobody here can say yes for them, and what their browser brings back proves nothing. So it only tells the
person who waits that they can go on; their own sign-in is the proof.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Operation
from bot.domain.address import same_address
from bot.domain.channel import ADMIN_CAUSES, Cause, Channel
from bot.domain.errors import TicketSpent
from bot.domain.features import Feature
from bot.domain.grant import Secret
from bot.domain.ids import RequestId, UserId
from bot.domain.notice import NoticeKind
from bot.domain.request import CONSENT_LASTS, Awaits, Request, RequestedChange, RequestState
from bot.domain.ticket import OutcomeKind, Purpose, Ticket, TicketOutcome
from bot.domain.view_models import Registration
from bot.services.connections.tickets import asked_for, callback_of
from bot.services.core.notifications import Notifications, about_request
from bot.services.core.ports import Core, new_id, new_secret
from bot.services.core.unfinished import Unfinished
from bot.services.people.approvals import Approvals
from storage import UnitOfWork

_DEEDS = {
    Purpose.CONNECT: Operation.CONNECT,
    Purpose.RECONNECT: Operation.RECONNECT,
    Purpose.SWITCH: Operation.SWITCH,
}

_LOOKS_APART: Final = timedelta(minutes=1)
"""How often news of approvals may make us look at a mailbox."""


class AdminConsents:
    """Asks for approvals and hears of them."""

    def __init__(self, core: Core, *, approvals: Approvals, notifications: Notifications) -> None:
        self._core = core
        self._approvals = approvals
        self._notifications = notifications
        self._unfinished = Unfinished(core, notifications)

    def may_help(self, outcome: TicketOutcome) -> bool:
        """Whether an organisation's approval may be what was missing. *Cancel* may have been the only way
        off a page that asked for it; private mailboxes have no organisation."""
        ticket = outcome.ticket
        if ticket.purpose not in _DEEDS or self._core.providers.is_private(ticket.provider, ticket.address):
            return False
        if not self._registration(ticket).approval_url:
            return False
        return outcome.ending is OutcomeKind.DECLINED or is_asked_for(outcome)

    async def ask_for(self, uow: UnitOfWork, outcome: TicketOutcome | None) -> Request:
        """As ``ask``, after an outcome. Raises ``TicketSpent`` when that would help nobody (any more)."""
        if outcome is None or not self.may_help(outcome):
            raise TicketSpent
        return await self.ask(uow, outcome.ticket)

    async def ask(self, uow: UnitOfWork, ticket: Ticket) -> Request:
        """Let the wish behind ``ticket`` wait for the organisation's admin. Asked again, the same request
        goes on waiting; asked otherwise, the newer one takes its place."""
        request = await self._new(uow, ticket)
        waiting = await uow.requests.add(request)
        if waiting.id != request.id and _is_as_good(waiting, request):
            return waiting
        if waiting.id != request.id:
            await self._replace(uow, waiting, now=request.created_at)
            await uow.requests.add(request)
        if request.follows:
            await self._extend(uow, request.follows, request.expires_at)
        await self._notifications.tell(
            uow, about_request(request, request.requester, NoticeKind.WISH, request.created_at)
        )
        await self._approvals.expire_later(uow, request)
        return request

    async def _extend(self, uow: UnitOfWork, approval_id: RequestId, until: datetime) -> None:
        """The approval waits as long as what rests on it, and its message says so."""
        if await uow.requests.extend(approval_id, until):
            approval = await uow.requests.find(approval_id)
            assert approval is not None
            await self._unfinished.request_changed(uow, approval, now=self._core.clock())

    async def _replace(self, uow: UnitOfWork, older: Request, *, now: datetime) -> None:
        await uow.requests.answer(older.id, RequestState.REPLACED, by=None, at=now)
        await self._unfinished.request_changed(uow, older, now=now)

    async def heard(self, provider: str, secret: str, *, is_given: bool) -> Request | None:
        """The admin's browser has come back. ``None`` if nobody waits for that.

        Whether it is true shows when the requester signs in, and at the next look at mailboxes that were
        refused for want of an approval: that look is made soon. Anybody can send what an admin's browser
        would bring, and as often as they like.
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            request = await self._waiting(uow, provider, secret)
            if is_given and request is not None:
                await self._say_yes(uow, request)
            if is_given:
                await uow.probes.hasten(provider, Cause.ADMIN_CONSENT, now=now, apart=_LOOKS_APART)
            await uow.commit()
        self._core.wake()
        return request

    async def _waiting(self, uow: UnitOfWork, provider: str, secret: str) -> Request | None:
        request = await uow.requests.by_secret(Secret(secret).digest) if secret else None
        return request if request is not None and request.requested_change.provider == provider else None

    async def _say_yes(self, uow: UnitOfWork, request: Request) -> None:
        now = self._core.clock()
        if await uow.requests.answer(request.id, RequestState.APPROVED, by=request.answered_by, at=now):
            await self._unfinished.request_changed(uow, request, now=now)
            await self._approvals.tell_answer(uow, request, now=now)

    async def settled(self, uow: UnitOfWork, ticket: Ticket) -> None:
        """The sign-in has succeeded: what it was approved for is done, and whoever still waited for the
        organisation to do just that waits no more. Said before the step, which ends what others wish for."""
        if ticket.request_id is not None:
            await self._approvals.done(uow, ticket.request_id)
        for request in await uow.requests.unfinished_by(ticket.workspace_id, ticket.user_id):
            if request.awaits is Awaits.TENANT and _is_fulfilled(request.requested_change, ticket):
                await self._approvals.done(uow, request.id)

    def registration_for(self, request: Request) -> Registration:
        """What the organisation's admin needs to grant ``request``."""
        requested_change, provider = (
            request.requested_change,
            self._core.providers.find(request.requested_change.provider),
        )
        if provider is None or request.awaits is not Awaits.TENANT:
            return Registration()
        url = provider.approval_url(
            asked_for(self._core, requested_change.provider, is_shared=requested_change.is_shared),
            redirect_uri=callback_of(self._core, requested_change.provider),
            tenant=request.tenant,
            state=request.secret.reveal() if request.secret else "",
        )
        return Registration(provider.app_id, url)

    def scopes_for(self, request: Request) -> frozenset[str]:
        """What an organisation's admin is asked to approve; nothing for other requests."""
        if request.awaits is not Awaits.TENANT or not self._core.providers.is_on(
            request.requested_change.provider
        ):
            return frozenset()
        return asked_for(
            self._core, request.requested_change.provider, is_shared=request.requested_change.is_shared
        )

    def features_for(self, request: Request) -> tuple[Feature, ...]:
        """Those that such an admin's approval is for, too."""
        requested_change = request.requested_change
        if request.awaits is not Awaits.TENANT:
            return ()
        return self._core.policy.features.at(requested_change.provider, is_shared=requested_change.is_shared)

    def registration_of(self, channel: Channel, cause: Cause, *, is_shared: bool) -> Registration:
        """What the organisation's admin needs to mend ``channel``; nothing where it is not theirs to mend."""
        provider = self._core.providers.find(channel.provider)
        if provider is None or cause not in ADMIN_CAUSES:
            return Registration()
        url = provider.approval_url(
            asked_for(self._core, channel.provider, is_shared=is_shared),
            redirect_uri=callback_of(self._core, channel.provider),
            tenant=channel.identity.tenant,
            state="",
        )
        return Registration(provider.app_id, url if cause is Cause.ADMIN_CONSENT else "")

    def registration_at(self, key: str) -> Registration:
        """What an admin finds our app by at a provider."""
        provider = self._core.providers.find(key)
        return Registration(provider.app_id) if provider else Registration()

    def _registration(self, ticket: Ticket) -> Registration:
        provider = self._core.providers.find(ticket.provider)
        if provider is None:
            return Registration()
        scopes = asked_for(self._core, ticket.provider, is_shared=ticket.is_shared)
        redirect_uri = callback_of(self._core, ticket.provider)
        url = provider.approval_url(scopes, redirect_uri=redirect_uri, tenant="", state="")
        return Registration(provider.app_id, url)

    def _requested_change(self, ticket: Ticket) -> RequestedChange:
        return RequestedChange(
            operation=_DEEDS[ticket.purpose], inbox=ticket.inbox, channel_id=ticket.channel_id
        )

    async def _new(self, uow: UnitOfWork, ticket: Ticket) -> Request:
        now = self._core.clock()
        approval = await self._approval(uow, ticket)
        channel = await uow.channels.find(ticket.channel_id) if ticket.channel_id else None
        return Request(
            id=RequestId(new_id()),
            workspace_id=ticket.workspace_id,
            requester=UserId(ticket.user_id),
            requested_change=self._requested_change(ticket),
            reason="",
            state=RequestState.WAITING,
            created_at=now,
            # However often the organisation is asked, what was approved here is not renewed by that.
            expires_at=(approval.created_at if approval else now) + CONSENT_LASTS,
            awaits=Awaits.TENANT,
            secret=Secret(new_secret()),
            tenant=channel.identity.tenant if channel and channel.provider == ticket.provider else "",
            follows=approval.id if approval else None,
        )

    async def _approval(self, uow: UnitOfWork, ticket: Ticket) -> Request | None:
        """The approval from here that it rests on, however often the organisation was asked since."""
        before = await uow.requests.find(ticket.request_id) if ticket.request_id else None
        if before is None or before.awaits is Awaits.ADMINS:
            return before
        return await uow.requests.find(before.follows) if before.follows else None


def is_asked_for(outcome: TicketOutcome) -> bool:
    """Whether the provider itself said that an organisation's admin must approve."""
    return outcome.ending is OutcomeKind.NOT_PROVEN and outcome.code == Cause.ADMIN_CONSENT.value


def _is_fulfilled(requested_change: RequestedChange, ticket: Ticket) -> bool:
    """Whether ``ticket`` has brought what was wished for. An address is connected wherever it is hosted; a
    switch leads to one provider."""
    if requested_change.operation is not _DEEDS[ticket.purpose]:
        return False
    if requested_change.operation is Operation.CONNECT:
        return requested_change.kind is ticket.kind and same_address(requested_change.address, ticket.address)
    is_there = (
        requested_change.operation is Operation.RECONNECT or requested_change.provider == ticket.provider
    )
    return is_there and requested_change.channel_id == ticket.channel_id


def _is_as_good(waiting: Request, newer: Request) -> bool:
    """Whether nothing is lost if ``waiting`` goes on waiting instead of ``newer``."""
    return waiting.requested_change == newer.requested_change and newer.follows in {None, waiting.follows}
