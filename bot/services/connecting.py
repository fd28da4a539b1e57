"""From a wish to a proven grant: tickets, the trip through the browser, the swap.

Nothing is connected until a probe has passed with the new grant; anything less leaves what was there
exactly as it was, and what Google gave us is given back as rule 9 allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.access import Actor, Deed, Right, may, right_to_connect
from bot.domain.channel import Channel, Kind, State
from bot.domain.errors import (
    AlreadyConnected,
    CannotPostThere,
    Gone,
    LinkClosed,
    NeedsApproval,
    NotAllowed,
    OtherBrowser,
    OtherKind,
    PersonUnreachable,
    TicketExpired,
    TicketSpent,
    TicketUnknown,
)
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    IncidentId,
    LinkId,
    RequestId,
    TicketId,
    UserId,
)
from bot.domain.request import Request, Wish
from bot.domain.ticket import (
    OUTCOME_LASTS,
    PENDING_LASTS,
    Ending,
    Link,
    Purpose,
    Ticket,
    TicketOutcome,
)
from bot.domain.workspace import Workspace
from bot.services.addresses import check_domain, read_address
from bot.services.core import Core, digest
from bot.services.delivering import Messenger
from bot.services.people import People
from bot.services.proving import Proving
from bot.services.requests import Requests
from bot.services.standing import standing_of
from bot.services.trips import PROVIDER, Begun, Trips
from storage import UnitOfWork


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody typed into the connect form."""

    typed: str
    kind: Kind = Kind.PERSONAL
    use: str = ""
    name: str = ""
    conversation_id: ConversationId | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """What the first page says before anything happens."""

    address: str
    requester_name: str
    workspace_name: str
    purpose: Purpose
    provider_label: str
    locale: str


class Connecting:
    """Tickets and links, from the slash command to the outcome."""

    def __init__(
        self,
        core: Core,
        *,
        people: People,
        requests: Requests,
        proving: Proving,
        messenger: Messenger,
        workspace: Workspace,
    ) -> None:
        self._core = core
        self._people = people
        self._requests = requests
        self._messenger = messenger
        self._proving = proving
        self._workspace = workspace
        self._trips = Trips(core)

    # --- in Slack

    async def begin(self, actor: Actor, plan: Plan) -> Begun:
        """Begin connecting an inbox; an address that is under management already is reconnected.

        Raises ``NotAnAddress``, ``DomainNotAllowed``, ``ProviderOff``, ``AlreadyConnected`` (somebody
        else's), ``OtherKind``, ``CannotPostThere``, and ``NeedsApproval`` with the wish that an admin can
        grant.
        """
        wish = self._wish(plan)
        async with self._core.storage.reading() as uow:
            existing = await self._checked(uow, actor, wish)
        if existing is None:
            await self.say_hello(actor, wish.address, wish.conversation_id)
        async with self._core.storage.writing() as uow:
            existing = await self._checked(uow, actor, wish)
            if existing is not None:
                secret, ticket = self._trips.renewal(existing, actor.id, actor.person.locale)
            else:
                secret, ticket = self._trips.first(wish, actor)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._trips.begun(secret, ticket)

    async def begin_approved(self, actor: Actor, request_id: RequestId) -> Begun:
        """Go on with a connect that an admin approved; each time with a fresh ticket.

        Raises ``RequestClosed``, ``NotAllowed``, and as ``begin``.
        """
        async with self._core.storage.reading() as uow:
            request = await self._approved(uow, actor, request_id)
        await self.say_hello(actor, request.wish.address, request.wish.conversation_id)
        async with self._core.storage.writing() as uow:
            request = await self._approved(uow, actor, request_id)
            secret, ticket = self._trips.first(request.wish, actor)
            ticket = replace(ticket, request_id=request_id)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._trips.begun(secret, ticket)

    async def begin_reconnect(self, actor: Actor, channel_id: ChannelId) -> Begun:
        """Begin a new grant for the same channel and the same mailbox. Raises ``Gone``, ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            channel = await self._reconnectable(uow, actor, channel_id)
            self._core.providers.get(channel.provider)
            secret, ticket = self._trips.renewal(channel, actor.id, actor.person.locale)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._trips.begun(secret, ticket)

    async def say_hello(self, actor: Actor, address: str, conversation_id: ConversationId | None) -> None:
        """The conversation that will be told is told so now: that is how we know that we may post there.

        Raises ``CannotPostThere``.
        """
        if conversation_id is None:
            return
        try:
            await self._messenger.hello(conversation_id, address, actor.id, actor.person.locale)
        except PersonUnreachable as error:
            raise CannotPostThere(conversation_id) from error

    async def waits_in(self, ticket_id: TicketId, view_id: str) -> None:
        """Remember the modal that waits for this ticket's outcome."""
        async with self._core.storage.writing() as uow:
            await uow.tickets.set_view(ticket_id, view_id)
            await uow.commit()

    # --- in the browser

    async def landing(self, secret: str) -> Landing:
        """What a ticket is for. Spends nothing, so that a link preview is harmless.

        Raises ``TicketUnknown``, ``TicketExpired``, ``TicketSpent``.
        """
        async with self._core.storage.reading() as uow:
            ticket = await self._open_ticket(uow, TicketId(digest(secret)))
        return await self._landing(
            ticket.user_id, ticket.address, ticket.purpose, ticket.provider, ticket.locale
        )

    async def start(self, secret: str, browser: str) -> str:
        """Bind the ticket to this browser and say where the provider asks for consent.

        Raises ``OtherBrowser`` if another browser has begun it, and as ``landing``.
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            await self._open_ticket(uow, TicketId(digest(secret)))
            ticket = await uow.tickets.begin(TicketId(digest(secret)), browser, now)
            if ticket is None:
                raise OtherBrowser
            await uow.commit()
        return self._trips.consent_url(secret, ticket)

    async def link_landing(self, secret: str) -> Landing:
        """What a notice's link is for. Raises ``LinkClosed`` when the outage is over, ``TicketUnknown``."""
        async with self._core.storage.reading() as uow:
            link, channel = await self._open_link(uow, secret)
            person = await uow.people.find(link.workspace_id, link.user_id)
        locale = person.locale if person else "en-US"
        return await self._landing(link.user_id, channel.address, Purpose.RECONNECT, channel.provider, locale)

    async def link_start(self, secret: str, browser: str) -> str:
        """Turn a notice's link into a fresh ticket, after asking again who this person is now."""
        async with self._core.storage.reading() as uow:
            link, channel = await self._open_link(uow, secret)
        actor = await self._people.member(link.workspace_id, link.user_id, fresh=True)
        async with self._core.storage.writing() as uow:
            channel = await self._reconnectable(uow, actor, channel.id)
            fresh, ticket = self._trips.renewal(channel, actor.id, actor.person.locale)
            ticket = replace(ticket, browser=browser)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._trips.consent_url(fresh, ticket)

    async def complete(
        self, provider: str, callback: Mapping[str, str], browser: str | None
    ) -> TicketOutcome:
        """Spend the ticket that the provider echoes, prove the grant and swap it in.

        A reload finds the kept outcome. Raises ``TicketUnknown``, ``TicketExpired``, ``TicketSpent``,
        ``OtherBrowser``.
        """
        secret = callback.get("state", "")
        ticket_id = TicketId(digest(secret))
        async with self._core.storage.writing() as uow:
            ticket = await uow.tickets.spend(ticket_id, browser or "", self._core.clock())
            if ticket is None or ticket.provider != provider:
                return await self._kept(uow, ticket_id, browser)
            await self._begin_proving(uow, ticket)
            await uow.commit()
        return await self._proving.prove(ticket, self._trips.consent(secret, ticket), callback)

    async def _begin_proving(self, uow: UnitOfWork, ticket: Ticket) -> None:
        """A double click at the provider sends two callbacks, and the browser shows the second."""
        now = self._core.clock()
        pending = TicketOutcome(ticket, Ending.PENDING, now)
        await uow.tickets.keep(pending, now + OUTCOME_LASTS)

    async def again(self, secret: str, browser: str) -> str:
        """After an outcome that can be mended: a fresh ticket for the same browser, at once."""
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome(TicketId(digest(secret)), browser, now)
        if outcome is None or not _unless_interrupted(outcome, now).ending.may_try_again:
            raise TicketSpent
        old = outcome.ticket
        await self._people.member(old.workspace_id, old.user_id, fresh=True)
        async with self._core.storage.writing() as uow:
            fresh, ticket = self._trips.again(old, browser)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._trips.consent_url(fresh, ticket)

    # --- checks

    def _wish(self, plan: Plan) -> Wish:
        address = read_address(plan.typed)
        check_domain(address, self._core.policy.allowed_domains)
        self._core.providers.get(PROVIDER)
        return Wish(
            deed=Deed.CONNECT,
            address=address,
            kind=plan.kind,
            use=plan.use.strip(),
            name=plan.name.strip() if plan.kind is Kind.TEAM else "",
            conversation_id=plan.conversation_id if plan.kind is Kind.TEAM else None,
        )

    async def _checked(self, uow: UnitOfWork, actor: Actor, wish: Wish) -> Channel | None:
        """What is at the address already, if ``actor`` may connect it at all."""
        existing = await uow.channels.at_address(actor.workspace_id, wish.address)
        if existing is not None and may(actor, Deed.SEE, existing):
            self._check_existing(actor, wish, existing)
            return existing
        # What somebody may not see is refused like an address that nobody has connected.
        await self._check_new(uow, actor, wish)
        if existing is not None:
            raise AlreadyConnected(wish.address, by_another=True)
        return None

    async def _approved(self, uow: UnitOfWork, actor: Actor, request_id: RequestId) -> Request:
        request = await self._requests.approved(uow, request_id, actor.id)
        existing = await uow.channels.at_address(actor.workspace_id, request.wish.address)
        if existing is not None:
            raise AlreadyConnected(request.wish.address, by_another=existing.owner_id != actor.id)
        return request

    def _check_existing(self, actor: Actor, wish: Wish, existing: Channel) -> None:
        if existing.kind is not wish.kind:
            raise OtherKind(wish.address, is_team=existing.kind is Kind.TEAM)
        if not may(actor, Deed.RECONNECT, existing):
            raise AlreadyConnected(wish.address, by_another=True)

    async def _check_new(self, uow: UnitOfWork, actor: Actor, wish: Wish) -> None:
        if right_to_connect(actor, wish.kind, wish.address) is not Right.AT_ONCE:
            standing = await standing_of(uow, self._core, actor.workspace_id)
            who = standing.approvers(wish.kind, wish.deed)
            raise NeedsApproval(wish, actor.person.email or None, who)

    async def _reconnectable(self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
        channel = await uow.channels.find(channel_id)
        if channel is None or channel.workspace_id != actor.workspace_id:
            raise Gone("")
        if not may(actor, Deed.RECONNECT, channel):
            raise NotAllowed(Deed.RECONNECT.value, (channel.owner_id,) if channel.owner_id else ())
        if channel.state is State.REMOVED:
            raise Gone(channel.address)
        return channel

    async def _open_ticket(self, uow: UnitOfWork, ticket_id: TicketId) -> Ticket:
        ticket = await uow.tickets.find(ticket_id)
        if ticket is not None and ticket.expires_at > self._core.clock():
            return ticket
        if ticket is not None:
            raise TicketExpired
        if await uow.tickets.was_spent(ticket_id):
            raise TicketSpent
        raise TicketUnknown

    async def _kept(self, uow: UnitOfWork, ticket_id: TicketId, browser: str | None) -> TicketOutcome:
        """The outcome of a ticket that this browser has spent, or the reason why there is none."""
        if browser:
            outcome = await uow.tickets.outcome(ticket_id, browser, self._core.clock())
            if outcome is not None:
                return _unless_interrupted(outcome, self._core.clock())
        await self._open_ticket(uow, ticket_id)
        raise OtherBrowser

    async def _open_link(self, uow: UnitOfWork, secret: str) -> tuple[Link, Channel]:
        link = await uow.links.find(LinkId(digest(secret)))
        if link is None:
            raise LinkClosed
        incident = await uow.incidents.find(IncidentId(link.incident_id))
        channel = await uow.channels.find(link.channel_id)
        if incident is None or incident.resolved_at is not None or channel is None:
            raise LinkClosed
        return link, channel

    async def _landing(
        self, user_id: UserId, address: str, purpose: Purpose, provider: str, locale: str
    ) -> Landing:
        return Landing(
            address=address,
            requester_name=await self._people.name_of(user_id),
            workspace_name=self._workspace.name,
            purpose=purpose,
            provider_label=self._core.providers.label_of(provider),
            locale=locale,
        )


def _unless_interrupted(outcome: TicketOutcome, now: datetime) -> TicketOutcome:
    """A check that never ended (the process died) offers to begin again instead of waiting for ever."""
    if outcome.ending is Ending.PENDING and now - outcome.at > PENDING_LASTS:
        return replace(outcome, ending=Ending.PROVIDER_AWAY, code="interrupted")
    return outcome
