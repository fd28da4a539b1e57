"""From a wish to a proven grant: tickets, the trip through the browser, the swap.

Nothing is connected until a probe has passed with the new grant; anything less leaves what was there
exactly as it was, and what Google gave us is given back as rule 9 allows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypedDict

from bot.domain.access import Actor, Operation, Right, may, right_to_connect
from bot.domain.address import plain_words
from bot.domain.channel import Channel, Kind, State
from bot.domain.errors import (
    AlreadyConnected,
    FormFault,
    Gone,
    HostUnknown,
    LinkBusy,
    LinkClosed,
    NeedsApproval,
    NotAllowed,
    OtherBrowser,
    OtherKind,
    ProviderError,
    Refusal,
    SignInElsewhere,
    TakesNoMail,
    TicketExpired,
    TicketSpent,
    TicketUnknown,
    TooManyLogins,
    TooManyTries,
)
from bot.domain.features import Feature
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    IncidentId,
    LinkId,
    RequestId,
    TicketId,
)
from bot.domain.provider_traits import may_switch
from bot.domain.request import Awaits, Request, RequestedChange
from bot.domain.ticket import (
    OUTCOME_LASTS,
    PENDING_LASTS,
    Link,
    OutcomeKind,
    Purpose,
    Ticket,
    TicketOutcome,
)
from bot.domain.workspace import Workspace
from bot.services.connections.activation import Activation, may_claim
from bot.services.connections.addresses import check_domain, read_address
from bot.services.connections.admin_consent import AdminConsents, is_asked_for
from bot.services.connections.greeting import Greeting
from bot.services.connections.switch import Switches
from bot.services.connections.tickets import AuthorizationStart, NextStep, Tickets, asked_for, lacking_after
from bot.services.core.ports import Core, DirectoryAway, Messenger, digest
from bot.services.core.roles import refuse_in_doubt, roles_in
from bot.services.monitoring.login_throttle import Guesses, is_refused_login
from bot.services.people.approvals import Approvals
from bot.services.people.people import People
from providers.base import Authorization, Claim, Consent, Redirect
from providers.detect import BELIEVED, UNKNOWN, Detected, How
from storage import Taken, UnitOfWork


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody typed into the connect form."""

    typed: str
    kind: Kind = Kind.PERSONAL
    use: str = ""
    name: str = ""
    conversation_id: ConversationId | None = None
    provider: str = ""
    """Whose sign-in it is to be; empty finds out."""
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Landing:
    """What the first page says before anything happens."""

    address: str
    requester_name: str
    workspace_name: str
    purpose: Purpose
    provider_label: str
    locale: str
    takes_password: bool = False
    """A form of ours comes next, not the provider's page."""
    is_shared: bool = False
    """A shared mailbox: whoever signs in does so as themselves."""
    account: str = ""
    """As whom to sign in, where the address is not the account's own."""
    scopes: frozenset[str] = frozenset()
    """All that the provider will ask for."""
    features: tuple[Feature, ...] = ()
    """What some of it is for."""


class _Asking(TypedDict):
    """The part of a landing that the provider decides."""

    takes_password: bool
    is_shared: bool
    scopes: frozenset[str]
    features: tuple[Feature, ...]


MOST_STARTS: Final = 5
STARTS_COUNT_FOR: Final = timedelta(minutes=1)
"""How often a notice's link leads to another ticket: each costs a question to Slack, who answers so many."""
MOST_TRIES: Final = 5
"""How often a form can be sent with one ticket: hosts lock accounts, and nobody is to guess here."""


@dataclass(frozen=True, slots=True)
class Refilled:
    """What was filled in did not do: the form is shown again."""

    ticket: Ticket
    error: ProviderError | FormFault | SignInElsewhere | TooManyLogins
    tries_left: int


class Connections:
    """Tickets and links, from the slash command to the outcome."""

    def __init__(
        self,
        core: Core,
        *,
        people: People,
        approvals: Approvals,
        admin_consents: AdminConsents,
        activation: Activation,
        switches: Switches,
        messenger: Messenger,
        workspace: Workspace,
    ) -> None:
        self._core = core
        self._people = people
        self._approvals = approvals
        self._admin_consents = admin_consents
        self._greeting = Greeting(core, messenger)
        self._activation = activation
        self._switches = switches
        self._workspace = workspace
        self._tickets = Tickets(core)
        self._guesses = Guesses(core)

    # --- in Slack

    async def begin(self, actor: Actor, plan: Plan) -> AuthorizationStart:
        """Begin connecting an inbox; an address that is under management already is reconnected.

        Raises ``NotAnAddress``, ``DomainNotAllowed``, ``TakesNoMail``, ``HostUnknown``, ``ProviderOff``,
        ``AlreadyConnected`` (somebody else's), ``SwitchInstead`` and ``DisconnectFirst`` (it is connected at
        another provider), ``OtherKind``, ``CannotPostThere``, and ``NeedsApproval`` with the wish that an
        admin can grant.
        """
        requested_change = self._requested_change(plan)
        async with self._core.storage.reading() as uow:
            existing = await self._checked(uow, actor, requested_change)
        if existing is None:
            requested_change = await self._hosted(requested_change)
            await self.say_hello(actor, requested_change.address, requested_change.conversation_id)
        else:
            await self._check_place(existing, requested_change)
        async with self._core.storage.writing() as uow:
            existing = await self._checked(uow, actor, requested_change)
            if existing is not None:
                secret, ticket = await self._renewal(uow, existing, actor)
            else:
                secret, ticket = self._tickets.first(requested_change, actor)
                ticket = replace(ticket, request_id=await self._check_new(uow, actor, requested_change))
            await uow.tickets.add(ticket)
            await uow.commit()
        return replace(
            self._tickets.begun(secret, ticket), requested_change=None if existing else requested_change
        )

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
                await self.say_hello(actor, requested_change.address, requested_change.conversation_id)
        async with self._core.storage.writing() as uow:
            await self._approved(uow, actor, request_id)
            secret, ticket = await self._approved_trip(uow, actor, requested_change)
            ticket = replace(ticket, request_id=request_id)
            await uow.tickets.add(ticket)
            await uow.commit()
        return replace(
            self._tickets.begun(secret, ticket),
            requested_change=requested_change if requested_change.operation is Operation.CONNECT else None,
        )

    async def _approved_trip(
        self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange
    ) -> tuple[str, Ticket]:
        if requested_change.operation is Operation.RECONNECT and requested_change.channel_id is not None:
            channel = await self._reconnectable(uow, actor, requested_change.channel_id)
            return await self._renewal(uow, channel, actor)
        return self._tickets.first(requested_change, actor)

    async def begin_reconnect(self, actor: Actor, channel_id: ChannelId) -> AuthorizationStart:
        """Begin a new grant for the same channel and the same mailbox. Raises ``Gone``, ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            channel = await self._reconnectable(uow, actor, channel_id)
            self._core.providers.get(channel.provider)
            secret, ticket = await self._renewal(uow, channel, actor)
            await uow.tickets.add(ticket)
            await uow.commit()
        return self._tickets.begun(secret, ticket)

    async def say_hello(self, actor: Actor, address: str, conversation_id: ConversationId | None) -> None:
        """The conversation that will be told is told so now: that is how we know that we may post there.

        Raises ``CannotPostThere``.
        """
        if conversation_id is not None:
            await self._greeting.greet(actor, address, conversation_id)

    async def waits_in(self, ticket_id: TicketId, view_id: str) -> None:
        """Remember the modal that waits for this ticket's outcome."""
        async with self._core.storage.writing() as uow:
            await uow.tickets.set_view(ticket_id, view_id)
            await uow.commit()

    # --- in the browser

    async def landing(self, secret: str) -> Landing:
        """What a ticket is for. Spends nothing, so that a link preview is harmless.

        Raises ``TicketUnknown``, ``TicketExpired``, ``TicketSpent``, ``ProviderOff``.
        """
        async with self._core.storage.reading() as uow:
            ticket = await self._open_ticket(uow, TicketId(digest(secret)))
        return Landing(
            address=ticket.address,
            requester_name=await self._people.name_of(ticket.user_id),
            workspace_name=self._workspace.name,
            purpose=ticket.purpose,
            provider_label=self._core.providers.label_at(ticket.provider, ticket.address),
            locale=ticket.locale,
            account=ticket.account,
            **self._asking(ticket.provider, is_shared=ticket.is_shared),
        )

    async def start(self, secret: str, browser: str) -> NextStep:
        """Bind the ticket to this browser and say where the person goes on.

        Raises ``OtherBrowser`` if another browser has begun it, ``SignInClosed``, and as ``landing``.
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            await self._open_ticket(uow, TicketId(digest(secret)))
            ticket = await uow.tickets.begin(TicketId(digest(secret)), browser, now)
            if ticket is None:
                raise OtherBrowser
            await uow.commit()
        return await self._way(secret, ticket)

    async def link_landing(self, secret: str) -> Landing:
        """What a notice's link is for. Raises ``LinkClosed`` when the outage is over, ``ProviderOff``."""
        async with self._core.storage.reading() as uow:
            link, channel = await self._open_link(uow, secret)
            person = await uow.people.find(link.workspace_id, link.user_id)
            grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        return Landing(
            address=channel.address,
            requester_name=await self._people.name_of(link.user_id),
            workspace_name=self._workspace.name,
            purpose=Purpose.RECONNECT,
            provider_label=self._core.providers.label_for(channel.identity),
            locale=person.locale if person else "en-US",
            account=channel.account,
            **self._asking(channel.provider, is_shared=grant is not None and grant.delegate is not None),
        )

    def _asking(self, provider: str, *, is_shared: bool) -> _Asking:
        """What comes next at this provider. Raises ``ProviderOff``."""
        return {
            "takes_password": self._core.providers.traits_of(provider).takes_password,
            "is_shared": is_shared,
            "scopes": asked_for(self._core, provider, is_shared=is_shared),
            "features": self._core.policy.features.at(provider, is_shared=is_shared),
        }

    async def link_start(self, secret: str, browser: str) -> NextStep:
        """Turn a notice's link into a ticket, after asking again who this person is now. A browser that has
        begun already goes on with its own.

        Raises ``LinkBusy`` when that is asked of Slack too often, ``LinkClosed``, ``NotAllowed``.
        """
        async with self._core.storage.reading() as uow:
            link, channel = await self._open_link(uow, secret)
        kept = self._tickets.kept(secret, browser)
        if living := await self._living(kept, browser):
            return await self._way(kept, living)
        await self._count_start(link)
        actor = await self._people.member(link.workspace_id, link.user_id, fresh=True)

        async def once() -> tuple[str, Ticket]:
            async with self._core.storage.writing() as uow:
                found = await self._reconnectable(uow, actor, channel.id)
                fresh = await self._renewal(uow, found, actor)
                return await self._added(uow, kept, fresh, browser)

        return await self._way(*await self._first_of_two(once, kept, browser))

    async def _count_start(self, link: Link) -> None:
        """Counted before Slack is asked, so that what fails counts, too."""
        async with self._core.storage.writing() as uow:
            now = self._core.clock()
            if not await uow.links.count_start(link.id, now, most=MOST_STARTS, within=STARTS_COUNT_FOR):
                raise LinkBusy
            await uow.commit()

    async def _living(self, secret: str, browser: str) -> Ticket | None:
        """The ticket that this browser has begun with already, if it can still be used."""
        async with self._core.storage.reading() as uow:
            ticket = await uow.tickets.find(TicketId(digest(secret)))
        is_alive = ticket is not None and ticket.expires_at > self._core.clock()
        return ticket if is_alive and ticket is not None and ticket.browser == browser else None

    async def _added(
        self, uow: UnitOfWork, kept: str, fresh: tuple[str, Ticket], browser: str
    ) -> tuple[str, Ticket]:
        """Store a new ticket under the secret that this browser finds again, unless that was used already.
        A second click that was as fast finds the first one's."""
        secret, ticket = fresh
        ticket_id = TicketId(digest(kept))
        there = await uow.tickets.find(ticket_id)
        if there is not None and there.browser == browser:
            return kept, there
        if there is None and not await uow.tickets.was_spent(ticket_id):
            secret, ticket = kept, replace(ticket, id=ticket_id)
        ticket = replace(ticket, browser=browser)
        await uow.tickets.add(ticket)
        await uow.commit()
        return secret, ticket

    async def _first_of_two(
        self, once: Callable[[], Awaitable[tuple[str, Ticket]]], kept: str, browser: str
    ) -> tuple[str, Ticket]:
        """Two processes may add the same ticket: the second goes on with the first one's."""
        try:
            return await once()
        except Taken:
            living = await self._living(kept, browser)
            if living is None:
                raise
            return kept, living

    async def _way(self, secret: str, ticket: Ticket) -> NextStep:
        """The way on, with what the provider wants to find again kept beside the ticket."""
        way = await self._tickets.onward(secret, ticket)
        if isinstance(way.step, Redirect) and way.step.memo is not None:
            async with self._core.storage.writing() as uow:
                await uow.tickets.set_memo(ticket.id, way.step.memo)
                await uow.commit()
        return way

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
        return await self._activation.prove(ticket, self._tickets.consent(secret, ticket), callback)

    async def fill(
        self, secret: str, fields: Mapping[str, str], browser: str | None
    ) -> TicketOutcome | Refilled:
        """Try what a form of ours brought. Only a login that is proven spends the ticket; five may fail.

        Whose mailbox a login name claims is judged before anybody is asked: nobody is to guess the passwords
        of others here. A reload finds the kept outcome. Raises ``TooManyTries``, and as ``complete``.
        """
        ticket_id = TicketId(digest(secret))
        ticket, tries = await self._trying(ticket_id, browser)
        if isinstance(ticket, TicketOutcome):
            return ticket
        consent = self._tickets.consent(secret, ticket)
        try:
            claim = self._core.providers.form_of(ticket.provider).claim(consent, fields)
            if may_claim(ticket, claim):
                authorization = await self._redeemed(ticket, consent, fields, claim)
        except (ProviderError, FormFault, SignInElsewhere, TooManyLogins) as error:
            return Refilled(ticket, error, MOST_TRIES - tries)
        async with self._core.storage.writing() as uow:
            spent = await uow.tickets.spend(ticket_id, browser or "", self._core.clock())
            if spent is None:
                return await self._kept(uow, ticket_id, browser)
            await self._begin_proving(uow, spent)
            await uow.commit()
        if not may_claim(spent, claim):
            return await self._activation.refuse_claim(spent, claim)
        return await self._activation.prove_authorized(spent, authorization)

    async def _redeemed(
        self, ticket: Ticket, consent: Consent, fields: Mapping[str, str], claim: Claim
    ) -> Authorization:
        """One login, if there have not been too many refused ones. Raises ``TooManyLogins``, and as
        ``Provider.redeem``."""
        host = claim.identity.tenant
        async with self._guesses.turn(ticket.workspace_id, ticket.user_id, host) as turn:
            if turn.put_off_until is not None:
                raise TooManyLogins(turn.put_off_until - self._core.clock())
            try:
                return await self._core.providers.get(ticket.provider).redeem(consent, fields)
            except ProviderError as error:
                turn.was_refused = is_refused_login(error)
                raise

    async def end_interrupted(self) -> int:
        """At the start of a process that is alone with its database: as ``Activation.end_interrupted``."""
        return await self._activation.end_interrupted()

    def lacking(self, outcome: TicketOutcome) -> tuple[Feature, ...]:
        """Features that cannot use what was just connected, because their permission was left unticked."""
        return lacking_after(self._core, outcome)

    async def _trying(self, ticket_id: TicketId, browser: str | None) -> tuple[Ticket | TicketOutcome, int]:
        """The ticket, with one more try counted: before it is made, so that a crash counts, too."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            counted = await uow.tickets.count_try(ticket_id, browser or "", now, most=MOST_TRIES)
            ticket, tries = await uow.tickets.find(ticket_id), await uow.tickets.tries(ticket_id)
            if not counted and ticket is not None and browser and ticket.browser == browser:
                await self._open_ticket(uow, ticket_id)
                raise TooManyTries
            if not counted or ticket is None:
                return await self._kept(uow, ticket_id, browser), tries
            await uow.commit()
        return ticket, tries

    async def _begin_proving(self, uow: UnitOfWork, ticket: Ticket) -> None:
        """A double click at the provider sends two callbacks, and the browser shows the second."""
        now = self._core.clock()
        pending = TicketOutcome(ticket, OutcomeKind.PENDING, now)
        await uow.tickets.keep(pending, now + OUTCOME_LASTS)

    async def again(self, secret: str, browser: str) -> NextStep:
        """After an outcome that can be mended: a fresh ticket for the same browser, at once."""
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome(TicketId(digest(secret)), browser, now)
        if outcome is None or not _unless_interrupted(outcome, now).ending.may_try_again:
            raise TicketSpent
        old, kept = outcome.ticket, self._tickets.kept(secret, browser)
        if living := await self._living(kept, browser):
            return await self._way(kept, living)
        await self._people.member(old.workspace_id, old.user_id, fresh=True)
        return await self._again(old, browser, kept)

    async def _again(self, old: Ticket, browser: str, kept: str) -> NextStep:
        async def once() -> tuple[str, Ticket]:
            async with self._core.storage.writing() as uow:
                return await self._added(uow, kept, self._tickets.again(old, browser), browser)

        return await self._way(*await self._first_of_two(once, kept, browser))

    async def may_confirm(self, outcome: TicketOutcome) -> bool:
        """Whether whoever signed in may say that this account receives the address. Asked again then."""
        ticket = outcome.ticket
        if not outcome.may_be_confirmed:
            return False
        try:
            actor = await self._people.member(ticket.workspace_id, ticket.user_id)
        except (Refusal, DirectoryAway):
            return False
        return _may_confirm(actor, outcome)

    async def confirm(self, secret: str, browser: str) -> NextStep:
        """A super admin says that the account which was signed in to receives the address, or that the mail
        host has only been renamed (which the owner of a personal inbox may say, too): the trip begins again,
        and only that account will do.

        Raises ``TicketSpent`` without such an outcome in this browser, ``NotAllowed``, and as ``start``.
        """
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome(TicketId(digest(secret)), browser, now)
        if outcome is None or not outcome.may_be_confirmed:
            raise TicketSpent
        old = outcome.ticket
        actor = await self._people.member(old.workspace_id, old.user_id, fresh=True)
        if not _may_confirm(actor, outcome):
            raise NotAllowed("confirm")
        via = old.via if outcome.is_renamed else outcome.signed_in
        confirmed = replace(old, via=via, confirmed=outcome.signed_in_id)
        # Never a ticket that was begun without that word.
        return await self._again(confirmed, browser, self._tickets.kept(f"{secret}:confirmed", browser))

    async def ask_their_admin(self, secret: str, browser: str) -> Request:
        """The page of an outcome was asked for the approval of the organisation's admin.

        Raises ``TicketSpent`` when that would help nobody (any more).
        """
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            outcome = await uow.tickets.outcome(TicketId(digest(secret)), browser, now)
            request = await self._asked(uow, outcome)
            await uow.commit()
        self._core.wake()
        return request

    async def ask_their_admin_for(self, actor: Actor, ticket_id: TicketId) -> Request:
        """The same from the modal in Slack. Raises ``TicketSpent``, ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            outcome = await uow.tickets.outcome_of(ticket_id)
            if outcome is not None and outcome.ticket.user_id != actor.id:
                raise NotAllowed("go_on", (outcome.ticket.user_id,))
            request = await self._asked(uow, outcome)
            await uow.commit()
        self._core.wake()
        return request

    def may_ask_their_admin(self, outcome: TicketOutcome) -> bool:
        """Whether an outcome should offer it: where it was not asked by itself."""
        return self._admin_consents.may_help(outcome) and not is_asked_for(outcome)

    async def heard_of_approval(self, provider: str, secret: str, *, is_given: bool) -> Request | None:
        """An organisation's admin has decided. ``None`` if nobody waits for that."""
        return await self._admin_consents.heard(provider, secret, is_given=is_given)

    async def _asked(self, uow: UnitOfWork, outcome: TicketOutcome | None) -> Request:
        if outcome is None or not self._admin_consents.may_help(outcome):
            raise TicketSpent
        return await self._admin_consents.ask(uow, outcome.ticket)

    # --- checks

    def _requested_change(self, plan: Plan) -> RequestedChange:
        address = read_address(plan.typed)
        check_domain(address, self._core.policy.allowed_domains)
        self._core.providers.get(plan.provider or next(iter(self._core.providers.keys), "google"))
        return RequestedChange(
            operation=Operation.CONNECT,
            address=address,
            kind=plan.kind,
            use=plain_words(plan.use),
            name=plain_words(plan.name) if plan.kind is Kind.TEAM else "",
            conversation_id=plan.conversation_id if plan.kind is Kind.TEAM else None,
            provider=plan.provider,
            is_shared=plan.is_shared,
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
        return replace(requested_change, provider=provider)

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

    async def _renewal(self, uow: UnitOfWork, channel: Channel, actor: Actor) -> tuple[str, Ticket]:
        grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        return self._tickets.renewal(channel, grant, actor.id, actor.person.locale)

    async def _reconnectable(self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
        channel = await uow.channels.find(channel_id)
        if channel is None or channel.workspace_id != actor.workspace_id:
            raise Gone("")
        if not may(actor, Operation.RECONNECT, channel):
            raise NotAllowed(Operation.RECONNECT.value, (channel.owner_id,) if channel.owner_id else ())
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


def _may_confirm(actor: Actor, outcome: TicketOutcome) -> bool:
    """Asked again at the swap. Whose inbox it is knows where it is, too; for a team's address that is an
    admin's word."""
    is_own = outcome.ticket.kind is Kind.PERSONAL and outcome.ticket.user_id == actor.id
    return actor.is_super_admin or (outcome.is_renamed and is_own)


def _unless_interrupted(outcome: TicketOutcome, now: datetime) -> TicketOutcome:
    """A check that never ended (the process died) offers to begin again instead of waiting for ever."""
    if outcome.ending is OutcomeKind.PENDING and now - outcome.at > PENDING_LASTS:
        return outcome.interrupted
    return outcome
