"""Switching an inbox to another provider, everything else kept: who may, whereto, and the swap itself.

The one rule: until the new provider's mailbox has been proven the old side stays exactly as it is; then all
of it changes in one transaction. Where there is no switch, the refusal says what to do instead.
"""

from __future__ import annotations

from dataclasses import replace

from bot.domain.access import Actor, Operation, Right, may, right_to_connect
from bot.domain.channel import Channel, InboxSpec, State
from bot.domain.errors import (
    AlreadyConnected,
    DisconnectFirst,
    Gone,
    NeedsApproval,
    ProviderOff,
    Refusal,
    SwitchInstead,
)
from bot.domain.grant import Grant
from bot.domain.ids import ChannelId, RequestId
from bot.domain.lifecycle import Facts, Signal
from bot.domain.provider_traits import SWITCHABLE, Ways, may_switch, ways_from
from bot.domain.request import Request, RequestedChange
from bot.domain.ticket import OutcomeKind, Ticket
from bot.domain.view_models import AuthorizationStart
from bot.services.connections.admin_consent import AdminConsents
from bot.services.connections.notices import SignInNotices, confirmed
from bot.services.connections.revocation import removal_of
from bot.services.connections.tickets import NotPossible, Tickets
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Core
from bot.services.core.roles import check_any_right, present, refuse_in_doubt, roles_in
from bot.services.core.transitions import Transitions
from bot.services.people.approvals import Approvals
from storage import UnitOfWork


class Switches:
    """From the request to the swap."""

    def __init__(
        self,
        core: Core,
        *,
        transitions: Transitions,
        notifications: Notifications,
        approvals: Approvals,
        admin_consents: AdminConsents,
    ) -> None:
        self._core = core
        self._transitions = transitions
        self._notices = SignInNotices(core, notifications)
        self._approvals = approvals
        self._admin_consents = admin_consents
        self._tickets = Tickets(core)

    def ways(self, channel: Channel) -> Ways:
        """Where the channel could go from where it is, of the providers that are on."""
        return ways_from(channel.provider, self._core.providers.keys)

    def instead(self, channel: Channel, wanted: str) -> Refusal:
        """What whoever wants to connect ``channel`` at another provider, ``wanted``, can do instead."""
        if not may_switch(channel.provider, wanted):
            return self._leave_first(channel, (wanted,))
        providers = self._core.providers
        to = (wanted, providers.label_at(wanted, channel.address))
        return SwitchInstead(channel, providers.label_for(channel.identity), to)

    # --- beginning

    async def begin(
        self, actor: Actor, channel_id: ChannelId, *, to: str = "", is_shared: bool = False
    ) -> AuthorizationStart:
        """Begin a switch to the provider with the key ``to``; empty takes the only one there is.
        ``is_shared``: to a shared mailbox, opened with the account of whoever signs in.

        Raises ``Gone``, ``NotAllowed``, ``ProviderOff``, ``AlreadyConnected`` (it is there already),
        ``DisconnectFirst``, and ``NeedsApproval`` with the change that an admin can grant.
        """
        async with self._core.storage.writing() as uow:
            channel = await self._present(uow, actor, channel_id)
            target = self._target(channel, to)
            requested_change = _elsewhere(channel, target, is_shared=is_shared)
            request_id = await self._approval(uow, actor, channel, requested_change)
            begun = await self._begun(uow, actor, channel, requested_change, request_id)
            await uow.commit()
        return begun

    async def begin_approved(self, actor: Actor, request_id: RequestId) -> AuthorizationStart:
        """Go on with a switch that somebody else's approval was needed for; each time with a fresh ticket.

        Raises ``RequestClosed``, and as ``begin``.
        """
        async with self._core.storage.writing() as uow:
            request = await self._approvals.approved(uow, request_id, actor.id)
            channel = await self._requested(uow, actor, request)
            self._target(channel, request.requested_change.provider)
            if not await self._approvals.vouches(uow, request_id, actor.id):
                await self._approval(uow, actor, channel, request.requested_change)
            begun = await self._begun(uow, actor, channel, request.requested_change, request_id)
            await uow.commit()
        return begun

    async def check_leaving(self, actor: Actor, channel_id: ChannelId, provider: str) -> bool:
        """Whether connecting the channel anew at ``provider``, once it is removed, will need an approval.

        Asked before the removal, so that nobody loses an inbox to what could have been known.
        Raises ``Gone``, ``NotAllowed``, ``ProviderOff``.
        """
        self._core.providers.get(provider)
        async with self._core.storage.reading() as uow:
            channel = await present(uow, actor, channel_id)
            await check_any_right(uow, self._core, actor, Operation.SWITCH, channel)
        return right_to_connect(actor, channel.kind, channel.address) is not Right.AT_ONCE

    async def begin_anew(self, actor: Actor, channel_id: ChannelId, provider: str) -> AuthorizationStart:
        """Begin to connect, at ``provider``, what was a channel until a moment ago, with its settings.

        Its conversation was greeted when it was chosen. Raises ``ProviderOff``, ``AlreadyConnected`` (it is
        still there, or again), ``NotAllowed``, and ``NeedsApproval``.
        """
        async with self._core.storage.writing() as uow:
            left = await present(uow, actor, channel_id)
            await check_any_right(uow, self._core, actor, Operation.SWITCH, left)
            await self._check_free(uow, left)
            requested_change = _anew(left, provider)
            await self._check_new(uow, actor, requested_change)
            secret, ticket = self._tickets.first(requested_change.inbox, actor)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._tickets.begun(secret, ticket)

    async def _begun(
        self,
        uow: UnitOfWork,
        actor: Actor,
        channel: Channel,
        requested_change: RequestedChange,
        request_id: RequestId | None = None,
    ) -> AuthorizationStart:
        secret, ticket = self._tickets.switch(requested_change, actor)
        ticket = replace(ticket, request_id=request_id)
        await uow.tickets.add(ticket)
        leaves = await removal_of(uow, self._core, channel, channel.grant_id, counting_own=True)
        others = self._named(self.ways(channel).by_leaving)
        return replace(self._tickets.begun(secret, ticket), leaves=leaves, others=others)

    # --- the swap

    async def swap(self, uow: UnitOfWork, ticket: Ticket, grant: Grant, *, is_in_doubt: bool) -> OutcomeKind:
        """Swap the other provider's grant in. Whoever was a moment faster with the same mailbox has switched
        it already: then the newer grant takes the place of theirs, as in a reconnect.

        Raises ``NotPossible``, and ``Refusal`` or ``lifecycle.TransitionRefused`` where it may not be done
        any more.
        """
        channel = replace(await self._still(uow, ticket, is_in_doubt=is_in_doubt), via=ticket.via)
        is_there = channel.identity == grant.identity
        await self._admin_consents.settled(uow, ticket)
        await self._notices.replaced(uow, channel, now=self._core.clock())
        after = await self._transitions.apply(
            uow,
            channel,
            Signal.RECONNECT_PROVEN if is_there else Signal.SWITCH_PROVEN,
            Facts(grant_id=grant.id, identity=grant.identity),
            actor=ticket.user_id,
        )
        if ticket.via and ticket.confirmed:
            await confirmed(uow, after, ticket)
        is_disabled = after.state is State.DISABLED
        ending = OutcomeKind.SWITCHED_STILL_DISABLED if is_disabled else OutcomeKind.SWITCHED
        if is_there:  # otherwise whoever did it reads the announcement of the switch
            now = self._core.clock()
            await self._notices.connected(uow, after, recipient=ticket.user_id, ending=ending, now=now)
        return ending

    async def _still(self, uow: UnitOfWork, ticket: Ticket, *, is_in_doubt: bool) -> Channel:
        """The channel, if it is there and may still be switched by whoever began: roles change meanwhile."""
        channel = await uow.channels.find(ticket.channel_id) if ticket.channel_id else None
        person = await uow.people.find(ticket.workspace_id, ticket.user_id)
        if channel is None or channel.state is State.REMOVED or person is None:
            raise NotPossible
        request_id = ticket.request_id
        if request_id is not None and await self._approvals.vouches(uow, request_id, ticket.user_id):
            return channel
        roles = await roles_in(uow, self._core, ticket.workspace_id)
        actor = roles.actor(person, is_in_doubt=is_in_doubt)
        if not may(actor, Operation.SWITCH, channel):
            refuse_in_doubt(actor, channel.kind, Operation.SWITCH)
            raise NotPossible
        return channel

    # --- checks

    async def _present(self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
        channel = await present(uow, actor, channel_id)
        await check_any_right(uow, self._core, actor, Operation.SWITCH, channel)
        if channel.state is State.REMOVED:
            raise Gone(channel.address)
        return channel

    async def _requested(self, uow: UnitOfWork, actor: Actor, request: Request) -> Channel:
        if request.requested_change.channel_id is None:
            raise Gone(request.requested_change.address)
        return await self._present(uow, actor, request.requested_change.channel_id)

    def _target(self, channel: Channel, to: str) -> str:
        """The key of the provider that is switched to. Raises where there is none."""
        ways = self.ways(channel)
        target = to or ways.directly
        if target == channel.provider:
            raise AlreadyConnected(channel.address, by_another=False)
        if target is None and ways.by_leaving:
            raise self._leave_first(channel, ways.by_leaving)
        if target is not None and not may_switch(channel.provider, target):
            raise self._leave_first(channel, (target,))
        if target is None or not self._core.providers.is_on(target):
            raise ProviderOff(target or _other_than(channel.provider))
        return target

    def _leave_first(self, channel: Channel, ways: tuple[str, ...]) -> DisconnectFirst:
        label = self._core.providers.label_for(channel.identity)
        return DisconnectFirst(channel, label, self._named(ways))

    def _named(self, keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        return tuple((key, self._core.providers.label_of(key)) for key in keys)

    async def _approval(
        self, uow: UnitOfWork, actor: Actor, channel: Channel, requested_change: RequestedChange
    ) -> RequestId | None:
        """The approval that it rests on, if it needs one. Raises ``NeedsApproval`` without."""
        if may(actor, Operation.SWITCH, channel):
            return None
        approval = await self._approvals.covering(uow, actor, requested_change)
        if approval is not None:
            return approval
        refuse_in_doubt(actor, channel.kind, Operation.SWITCH)
        roles = await roles_in(uow, self._core, channel.workspace_id)
        raise NeedsApproval(requested_change, who_can=roles.approvers(channel.kind, Operation.SWITCH))

    async def _check_free(self, uow: UnitOfWork, left: Channel) -> None:
        existing = await uow.channels.at_address(left.workspace_id, left.address)
        if existing is not None:
            raise AlreadyConnected(left.address, by_another=existing.id != left.id)

    async def _check_new(self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange) -> None:
        if right_to_connect(actor, requested_change.kind, requested_change.address) is not Right.AT_ONCE:
            refuse_in_doubt(actor, requested_change.kind, requested_change.operation)
            roles = await roles_in(uow, self._core, actor.workspace_id)
            raise NeedsApproval(
                requested_change,
                actor.person.email or None,
                roles.approvers(requested_change.kind, requested_change.operation),
            )


def _elsewhere(channel: Channel, provider: str, *, is_shared: bool) -> RequestedChange:
    """The requested change that switches a channel."""
    inbox = InboxSpec(channel.address, channel.kind, provider=provider, is_shared=is_shared)
    return RequestedChange(Operation.SWITCH, inbox, channel.id)


def _anew(left: Channel, provider: str) -> RequestedChange:
    """The requested change that connects what was this channel, as it was, at another provider."""
    inbox = InboxSpec(left.address, left.kind, left.use, left.name, left.conversation_id, provider)
    return RequestedChange(Operation.CONNECT, inbox)


def _other_than(provider: str) -> str:
    """The provider that it would be, were it on."""
    return min(SWITCHABLE - {provider})
