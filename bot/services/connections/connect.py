"""In Slack: what somebody types as an address, where it is hosted, and who may connect or reconnect it.

What happens in the browser stands in ``oauth_flow``. Where an address's outages will be told, it says hello
once, however often somebody tries to connect it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.access import Actor, Operation, Right, may, right_to_connect
from bot.domain.address import domain_of, has_control, key_of, legible, plain_words, read_parts, visible
from bot.domain.channel import Channel, InboxSpec, Kind
from bot.domain.errors import (
    AlreadyConnected,
    CannotPostThere,
    DomainNotAllowed,
    HostUnknown,
    InOrder,
    NeedsApproval,
    NotAllowed,
    NotAnAddress,
    OtherKind,
    PersonUnreachable,
    SlackError,
    TakesNoMail,
    TicketSpent,
    TicketUnknown,
)
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    RequestId,
    TicketId,
)
from bot.domain.provider_traits import may_switch
from bot.domain.request import Awaits, Request, RequestedChange
from bot.domain.ticket import Ticket
from bot.domain.view_models import AuthorizationStart
from bot.services.connections.admin_consent import AdminConsents
from bot.services.connections.switch import Switches
from bot.services.connections.tickets import Tickets
from bot.services.core.ports import Core, Messenger, digest
from bot.services.core.roles import reconnectable, refuse_in_doubt, roles_in
from bot.services.core.unfinished import closing_job
from bot.services.people.approvals import Approvals
from providers.detect import BELIEVED, UNKNOWN, Detected, How
from storage import UnitOfWork


class Connections:
    """Begins connects and reconnects; each ends in a ticket."""

    def __init__(
        self,
        core: Core,
        *,
        approvals: Approvals,
        admin_consents: AdminConsents,
        switches: Switches,
        messenger: Messenger,
    ) -> None:
        self._core = core
        self._approvals = approvals
        self._admin_consents = admin_consents
        self._greeting = Greeting(core, messenger)
        self._switches = switches
        self._tickets = Tickets(core)

    async def begin(self, actor: Actor, inbox: InboxSpec) -> AuthorizationStart:
        """Begin connecting an inbox; an address that is under management already is reconnected.

        Raises ``NotAnAddress``, ``DomainNotAllowed``, ``TakesNoMail``, ``HostUnknown``, ``ProviderOff``,
        ``AlreadyConnected`` (somebody else's), ``InOrder`` (nothing has to be done),
        ``SwitchInstead`` and ``DisconnectFirst`` (it is connected at
        another provider), ``OtherKind``, ``CannotPostThere``, and ``NeedsApproval`` with the wish that an
        admin can grant.
        """
        requested_change = RequestedChange(Operation.CONNECT, self._read(inbox))
        async with self._core.storage.reading() as uow:
            existing = await self._checked(uow, actor, requested_change)
        if existing is None:
            requested_change = await self._hosted(requested_change)
            await self._greet(actor, requested_change)
        else:
            await self._check_place(existing, requested_change)
            if existing.is_in_order:
                may_edit, may_enable = (may(actor, it, existing) for it in (Operation.EDIT, Operation.ENABLE))
                raise InOrder(existing, requested_change.inbox, may_edit, may_enable)
        async with self._core.storage.writing() as uow:
            existing = await self._checked(uow, actor, requested_change)
            if existing is not None:
                secret, ticket = await self._tickets.renewal_by(uow, existing, actor)
            else:
                secret, ticket = self._tickets.first(requested_change.inbox, actor)
                ticket = replace(ticket, request_id=await self._check_new(uow, actor, requested_change))
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._tickets.begun(secret, ticket)

    async def begin_approved(self, actor: Actor, request_id: RequestId) -> AuthorizationStart:
        """Go on with a connect or a switch that an admin approved; each time with a fresh ticket.

        Raises ``RequestClosed``, ``NotAllowed``, and as ``begin``.
        """
        async with self._core.storage.reading() as uow:
            request = await self._approved(uow, actor, request_id)
        requested_change = request.requested_change
        if requested_change.operation is Operation.SWITCH:
            return await self._switches.begin_approved(actor, request_id)
        if requested_change.operation is Operation.CONNECT:
            requested_change = await self._hosted(requested_change)
            if request.awaits is Awaits.ADMINS:
                await self._greet(actor, requested_change)
        async with self._core.storage.writing() as uow:
            await self._approved(uow, actor, request_id)
            secret, ticket = await self._approved_ticket(uow, actor, requested_change)
            ticket = replace(ticket, request_id=request_id)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._tickets.begun(secret, ticket)

    async def _approved_ticket(
        self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange
    ) -> tuple[str, Ticket]:
        if requested_change.operation is Operation.RECONNECT and requested_change.channel_id is not None:
            channel = await reconnectable(uow, actor, requested_change.channel_id)
            return await self._tickets.renewal_by(uow, channel, actor)
        return self._tickets.first(requested_change.inbox, actor)

    async def begin_reconnect(self, actor: Actor, channel_id: ChannelId) -> AuthorizationStart:
        """Begin a new grant for the same channel and the same mailbox. Raises ``Gone``, ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            channel = await reconnectable(uow, actor, channel_id)
            self._core.providers.get(channel.provider)
            secret, ticket = await self._tickets.renewal_by(uow, channel, actor)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._tickets.begun(secret, ticket)

    async def say_hello(self, actor: Actor, address: str, conversation_id: ConversationId | None) -> None:
        """The conversation that will be told is told so now: that is how we know that we may post there.

        Raises ``CannotPostThere``.
        """
        if conversation_id is not None:
            await self._greeting.greet(actor, address, conversation_id)

    async def _greet(self, actor: Actor, wanted: RequestedChange) -> None:
        await self.say_hello(actor, wanted.address, wanted.inbox.conversation_id)

    async def waits_in(self, ticket_id: TicketId, view_id: str) -> None:
        """Remember the modal that waits for this ticket's outcome. Should none come, it says in time that the
        link has expired."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            await uow.tickets.set_view(ticket_id, view_id)
            ticket = await uow.tickets.find(ticket_id)
            if ticket is not None:
                await uow.jobs.put(closing_job(ticket, due_at=ticket.expires_at, now=now))
            await uow.commit()

    async def expired(self, actor: Actor, ticket_id: TicketId) -> Ticket:
        """The trip to begin anew, in Slack, for the person whose link has expired. Raises ``TicketSpent`` and
        ``TicketUnknown`` when there is none (any more), ``NotAllowed``."""
        async with self._core.storage.reading() as uow:
            ticket = await uow.tickets.find(ticket_id)
            if ticket is None:
                raise TicketSpent if await uow.tickets.was_spent(ticket_id) else TicketUnknown
        if ticket.user_id != actor.id:
            raise NotAllowed("go_on", (ticket.user_id,))
        return ticket

    async def ask_their_admin_for(self, actor: Actor, ticket_id: TicketId) -> Request:
        """The same from the modal in Slack. Raises ``TicketSpent``, ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            outcome = await uow.tickets.outcome_of(ticket_id)
            if outcome is not None and outcome.ticket.user_id != actor.id:
                raise NotAllowed("go_on", (outcome.ticket.user_id,))
            request = await self._admin_consents.ask_for(uow, outcome)
            await uow.commit()
        self._core.wake()
        return request

    # --- checks

    def _read(self, inbox: InboxSpec) -> InboxSpec:
        """What was typed, as it is kept. A personal inbox has neither a name nor a conversation."""
        address = read_address(inbox.address)
        check_domain(address, self._core.policy.allowed_domains)
        self._core.providers.get(inbox.provider or next(iter(self._core.providers.keys), "google"))
        is_team = inbox.kind is Kind.TEAM
        return replace(
            inbox,
            address=address,
            use=plain_words(inbox.use),
            name=plain_words(inbox.name) if is_team else "",
            conversation_id=inbox.conversation_id if is_team else None,
        )

    async def _checked(
        self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange
    ) -> Channel | None:
        """What is at the address already, if ``actor`` may connect it at all."""
        existing = await uow.channels.at_address(actor.workspace_id, requested_change.address)
        if existing is not None and may(actor, Operation.SEE, existing):
            self._check_existing(actor, requested_change, existing)
            return existing
        # What somebody may not see is refused like an address that nobody has connected.
        await self._check_new(uow, actor, requested_change)
        if existing is not None:
            raise AlreadyConnected(requested_change.address, by_another=True)
        return None

    async def _approved(self, uow: UnitOfWork, actor: Actor, request_id: RequestId) -> Request:
        request = await self._approvals.approved(uow, request_id, actor.id)
        if request.requested_change.operation is not Operation.CONNECT:
            return request
        existing = await uow.channels.at_address(actor.workspace_id, request.requested_change.address)
        if existing is not None:
            raise AlreadyConnected(request.requested_change.address, by_another=existing.owner_id != actor.id)
        return request

    def _check_existing(self, actor: Actor, requested_change: RequestedChange, existing: Channel) -> None:
        if existing.kind is not requested_change.kind:
            raise OtherKind(requested_change.address, is_team=existing.kind is Kind.TEAM)
        if not may(actor, Operation.RECONNECT, existing):
            raise AlreadyConnected(requested_change.address, by_another=True)

    async def _check_new(
        self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange
    ) -> RequestId | None:
        """The approval that it rests on, if it needs one. Raises ``NeedsApproval`` without."""
        if right_to_connect(actor, requested_change.kind, requested_change.address) is Right.AT_ONCE:
            return None
        approval = await self._approvals.covering(uow, actor, requested_change)
        if approval is None:
            refuse_in_doubt(actor, requested_change.kind, requested_change.operation)
            roles = await roles_in(uow, self._core, actor.workspace_id)
            who = roles.approvers(requested_change.kind, requested_change.operation)
            raise NeedsApproval(requested_change, actor.person.email or None, who)
        return approval

    async def _hosted(self, requested_change: RequestedChange) -> RequestedChange:
        """The wish with who most likely hosts its address, unless somebody chose; where the domain names no
        mail host at all, the first provider that is on. Raises ``HostUnknown`` where nobody can say who is
        behind its mail hosts, ``ProviderOff`` if the one found is off, ``TakesNoMail``."""
        if requested_change.provider:
            return requested_change
        found = await self._found(requested_change.address)
        if found.how is How.NO_MAIL:
            raise TakesNoMail(requested_change.address)
        if found.how is How.HIDDEN:
            providers = self._core.providers
            raise HostUnknown(
                requested_change, tuple((key, providers.label_of(key)) for key in providers.keys)
            )
        provider = found.provider or next(iter(self._core.providers.keys), "google")
        self._core.providers.get(provider)
        return replace(requested_change, inbox=replace(requested_change.inbox, provider=provider))

    async def _check_place(self, existing: Channel, requested_change: RequestedChange) -> None:
        """What is connected already may be wanted at another provider, or be hosted there by now. Where its
        mail goes is only a guess: it may offer a switch, and must not stand in a reconnect's way."""
        if requested_change.provider:
            wanted = requested_change.provider
        else:
            found = await self._found(requested_change.address)
            wanted = found.provider or ""
            if found.how not in BELIEVED or not self._may_switch(existing, wanted):
                return
        if wanted != existing.provider:
            raise self._switches.instead(existing, wanted)

    def _may_switch(self, existing: Channel, wanted: str) -> bool:
        return may_switch(existing.provider, wanted) and self._core.providers.is_on(wanted)

    async def _found(self, address: str) -> Detected:
        """Who most likely hosts it. Nobody is asked where there is only one provider."""
        several = len(self._core.providers.keys) > 1
        return await self._core.detector.detect(address) if several else UNKNOWN


_MOST_READ: Final = 4_000
"""Characters; an address has at most 254 octets."""
_MAILTO: Final = re.compile(r"^<mailto:([^|>]+)(?:\|[^>]*)?>$", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^mailto:", re.IGNORECASE)
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("‘’‛´", "'"))
"""Around an address they are quotes; inside one they are an Irish name as editors type it."""
_BEFORE: Final = " \"'“”‘’„«「『<([,;:"
_AFTER: Final = " \"'“”‘’»」』>)],;:.!?。、…"
"""What stands around an address in a sentence. A dot before it does not: that would be another address."""
_SHOWN: Final = 60
_NAMED: Final = 3
_LOCALS_ALIKE: Final = 0.72
_DOMAINS_ALIKE: Final = 0.8


def read_address(typed: str) -> str:
    """The address in ``typed``: folded (full-width, quotes, ``<mailto:…|…>``), in small letters and without
    what nobody sees; its domain as it was typed, not as the DNS writes it.

    Raises ``NotAnAddress`` with a shortened copy of what was typed.
    """
    folded = legible(unicodedata.normalize("NFKC", typed[:_MOST_READ])).strip()
    linked = _MAILTO.match(folded)
    bare = _SCHEME.sub("", linked.group(1) if linked else folded.lstrip(_BEFORE), count=1)
    bare = bare.lstrip(_BEFORE).rstrip(_AFTER).translate(_APOSTROPHES)
    try:
        local, domain = read_parts(bare)
    except ValueError:
        raise NotAnAddress(_shortened(visible(folded))) from None
    return f"{local}@{domain}"


def check_domain(address: str, allowed: Iterable[str]) -> None:
    """Raises ``DomainNotAllowed`` when the operator allows only other domains."""
    domains = tuple(allowed)
    if domains and domain_of(address) not in {domain_of(f"@{domain}") for domain in domains}:
        raise DomainNotAllowed(address, domains)


def near_misses(address: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known addresses that look like ``address``, best first. What stands before the @ is
    compared: a long domain in common makes nobody alike. Costs some µs for each that is known."""
    scored = ((_likeness(address, one), one) for one in known)
    best = sorted(((score, one) for score, one in scored if score), key=lambda it: (-it[0], it[1]))
    return tuple(one for _, one in best[:_NAMED])


def _likeness(typed: str, known: str) -> float:
    """Between 0, not alike, and 1."""
    local, _, domain = typed.rpartition("@")
    its_local, _, its_domain = known.casefold().rpartition("@")
    alike = _ratio(local, its_local, least=_LOCALS_ALIKE)
    if not alike or domain == its_domain:
        return alike
    return alike * _ratio(domain, its_domain, least=_DOMAINS_ALIKE)


def _ratio(one: str, other: str, *, least: float) -> float:
    """How alike two texts are; 0 below ``least``, found out as cheaply as possible."""
    compared = difflib.SequenceMatcher(None, one, other)
    if min(compared.real_quick_ratio(), compared.quick_ratio()) < least:
        return 0.0
    ratio = compared.ratio()
    return ratio if ratio >= least else 0.0


def _shortened(text: str) -> str:
    text = "".join(sign for sign in text if not has_control(sign))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


STANDS_FOR: Final = timedelta(days=30)
"""Whoever begins with the address again after this long says it anew."""


class Greeting:
    """Greets conversations."""

    def __init__(self, core: Core, messenger: Messenger) -> None:
        self._core = core
        self._messenger = messenger

    async def greet(self, actor: Actor, address: str, conversation: ConversationId) -> None:
        """Post it, unless it stands there. Raises ``CannotPostThere``, and ``SlackError``s."""
        key = f"hello:{conversation}:{digest(key_of(address))}"
        if not await self._is_first(key):
            return
        try:
            await self._messenger.hello(conversation, address, actor.id, actor.person.locale)
        except SlackError as error:
            await self._forget(key)
            if isinstance(error, PersonUnreachable):
                raise CannotPostThere(conversation, error.code) from error
            raise

    async def _is_first(self, key: str) -> bool:
        # What was seen is forgotten by its instant: this one's lies ahead.
        until = self._core.clock() + STANDS_FOR
        async with self._core.storage.writing() as uow:
            is_first = await uow.seen.first_time(key, until)
            await uow.commit()
        return is_first

    async def _forget(self, key: str) -> None:
        async with self._core.storage.writing() as uow:
            await uow.seen.forget(key)
            await uow.commit()
