"""In the browser: landing, consent page, callback or form, and once more after an outcome.

Nothing is connected until a probe has passed with the new grant; anything less leaves what was there exactly
as it was, and what Google gave us is given back as rule 9 allows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypedDict

from bot.domain.access import Actor, Workspace
from bot.domain.channel import Channel, Kind
from bot.domain.errors import (
    DirectoryAway,
    FormFault,
    LinkBusy,
    LinkClosed,
    NotAllowed,
    OtherBrowser,
    ProviderError,
    Refusal,
    SignInElsewhere,
    TicketExpired,
    TicketSpent,
    TicketUnknown,
    TooManyLogins,
    TooManyTries,
)
from bot.domain.features import Feature
from bot.domain.ids import (
    IncidentId,
    LinkId,
    TicketId,
)
from bot.domain.request import Request
from bot.domain.ticket import (
    OUTCOME_LASTS,
    PENDING_LASTS,
    RENEWABLE_FOR,
    Link,
    OutcomeKind,
    Purpose,
    Ticket,
    TicketOutcome,
)
from bot.domain.view_models import Completion, Landing
from bot.services.connections.activation import Activation, may_claim
from bot.services.connections.admin_consent import AdminConsents, is_asked_for
from bot.services.connections.tickets import NextStep, Tickets, asked_for, lacking_after
from bot.services.core.ports import Core, digest
from bot.services.core.roles import reconnectable
from bot.services.monitoring.probes import Guesses, is_refused_login
from bot.services.people.people import People
from providers.base import Authorization, Claim, Consent, Redirect
from storage import Taken, UnitOfWork


class _Asking(TypedDict):
    """The part of a landing that the provider decides."""

    takes_password: bool
    is_shared: bool
    scopes: frozenset[str]
    features: tuple[Feature, ...]
    sign_in_scopes: frozenset[str]


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


class OAuthFlow:
    """Tickets and links, from the first page to the outcome."""

    def __init__(
        self,
        core: Core,
        *,
        people: People,
        admin_consents: AdminConsents,
        activation: Activation,
        workspace: Workspace,
    ) -> None:
        self._core = core
        self._people = people
        self._admin_consents = admin_consents
        self._activation = activation
        self._workspace = workspace
        self._tickets = Tickets(core)
        self._guesses = Guesses(core)

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
        traits = self._core.providers.traits_of(provider)
        return {
            "takes_password": traits.takes_password,
            "is_shared": is_shared,
            "scopes": asked_for(self._core, provider, is_shared=is_shared),
            "features": self._core.policy.features.at(provider, is_shared=is_shared),
            "sign_in_scopes": traits.sign_in_scopes,
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
                found = await reconnectable(uow, actor, channel.id)
                fresh = await self._tickets.renewal_by(uow, found, actor)
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

    async def complete(self, provider: str, callback: Mapping[str, str], browser: str | None) -> Completion:
        """Spend the ticket that the provider echoes, prove the grant and swap it in.

        A reload finds the kept outcome. Raises ``TicketUnknown``, ``TicketExpired``, ``TicketSpent``,
        ``OtherBrowser``.
        """
        return await self.completion(await self._complete(provider, callback, browser))

    async def _complete(
        self, provider: str, callback: Mapping[str, str], browser: str | None
    ) -> TicketOutcome:
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
    ) -> Completion | Refilled:
        """Try what a form of ours brought. Only a login that is proven spends the ticket; five may fail.

        Whose mailbox a login name claims is judged before anybody is asked: nobody is to guess the passwords
        of others here. A reload finds the kept outcome. Raises ``TooManyTries``, and as ``complete``.
        """
        done = await self._fill(secret, fields, browser)
        return done if isinstance(done, Refilled) else await self.completion(done)

    async def completion(self, outcome: TicketOutcome) -> Completion:
        """What the page of an outcome must know, as of now."""
        ticket = outcome.ticket
        return Completion(
            outcome,
            self._core.providers.label_at(ticket.provider, ticket.address),
            lacking=lacking_after(self._core, outcome),
            may_ask_admin=self._admin_consents.may_help(outcome) and not is_asked_for(outcome),
            may_confirm=await self._may_confirm(outcome),
        )

    async def _may_confirm(self, outcome: TicketOutcome) -> bool:
        ticket = outcome.ticket
        if not outcome.may_be_confirmed:
            return False
        try:
            actor = await self._people.member(ticket.workspace_id, ticket.user_id)
        except (Refusal, DirectoryAway):
            return False
        return _may_confirm(actor, outcome)

    async def _fill(
        self, secret: str, fields: Mapping[str, str], browser: str | None
    ) -> TicketOutcome | Refilled:
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
            outcome = await self._outcome(uow, secret, browser)
        if not _unless_interrupted(outcome, now).ending.may_try_again:
            raise TicketSpent
        old, kept = outcome.ticket, self._tickets.kept(secret, browser)
        if living := await self._living(kept, browser):
            return await self._way(kept, living)
        await self._people.member(old.workspace_id, old.user_id, fresh=True)
        return await self._again(old, browser, kept)

    async def renew(self, secret: str, browser: str) -> str:
        """The secret of a fresh ticket for the same trip, in place of one that has expired. Only the first
        browser that asks gets one, or the one that had begun; asked twice, it is the same ticket.

        Raises ``TicketUnknown`` once the expired one is forgotten, ``OtherBrowser``, ``TicketSpent``, and for
        somebody who is no member any more as ``People.member``.
        """
        now, ticket_id = self._core.clock(), TicketId(digest(secret))
        async with self._core.storage.writing() as uow:
            found = await uow.tickets.find(ticket_id)
            if found is None or found.expires_at <= now - RENEWABLE_FOR:
                await self._outcome(uow, secret, browser)
                raise TicketSpent
            if found.expires_at > now:
                return secret
            if await uow.tickets.claim_expired(ticket_id, browser, now) is None:
                raise OtherBrowser
            await uow.commit()
        kept = self._tickets.kept(f"{secret}:renewed", browser)
        if await self._living(kept, browser) is not None:
            return kept
        await self._people.member(found.workspace_id, found.user_id, fresh=True)
        fresh, _ = await self._begun_again(found, browser, kept)
        return fresh

    async def _again(self, old: Ticket, browser: str, kept: str) -> NextStep:
        return await self._way(*await self._begun_again(old, browser, kept))

    async def _begun_again(self, old: Ticket, browser: str, kept: str) -> tuple[str, Ticket]:
        async def once() -> tuple[str, Ticket]:
            async with self._core.storage.writing() as uow:
                return await self._added(uow, kept, self._tickets.again(old, browser), browser)

        return await self._first_of_two(once, kept, browser)

    async def confirm(self, secret: str, browser: str) -> NextStep:
        """A super admin says that the account which was signed in to receives the address, or that the mail
        host has only been renamed (which the owner of a personal inbox may say, too): the trip begins again,
        and only that account will do.

        Raises ``TicketSpent`` without such an outcome in this browser, ``NotAllowed``, and as ``start``.
        """
        async with self._core.storage.reading() as uow:
            outcome = await self._outcome(uow, secret, browser)
        if not outcome.may_be_confirmed:
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
        async with self._core.storage.writing() as uow:
            outcome = await self._outcome(uow, secret, browser)
            request = await self._admin_consents.ask_for(uow, outcome)
            await uow.commit()
        self._core.wake()
        return request

    async def heard_of_approval(self, provider: str, secret: str, *, is_given: bool) -> Request | None:
        """An organisation's admin has decided. ``None`` if nobody waits for that."""
        return await self._admin_consents.heard(provider, secret, is_given=is_given)

    async def _outcome(self, uow: UnitOfWork, secret: str, browser: str) -> TicketOutcome:
        """What this browser's ticket came to. Raises ``TicketSpent``, and ``TicketUnknown`` for an invented
        one: a stranger is not told that it ever was."""
        ticket_id = TicketId(digest(secret))
        outcome = await uow.tickets.outcome(ticket_id, browser, self._core.clock())
        if outcome is None:
            raise TicketSpent if await uow.tickets.was_spent(ticket_id) else TicketUnknown
        return outcome

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
