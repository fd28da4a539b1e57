"""Tickets in the making: one trip through the browser, from its secret to the consent page's address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bot.domain.access import Actor
from bot.domain.channel import Channel, InboxSpec, Kind
from bot.domain.errors import InboxkeeperError, ProviderError, SignInClosed
from bot.domain.features import Feature
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, TicketId
from bot.domain.request import RequestedChange
from bot.domain.ticket import TICKET_LASTS, Purpose, Ticket, TicketOutcome
from bot.domain.view_models import AuthorizationStart
from bot.services.core.ports import Core, derived, digest, new_secret
from providers.base import Consent, Onward
from storage import UnitOfWork


@dataclass(eq=False)
class NotPossible(InboxkeeperError):
    """Something changed while the person was at the provider; ``code`` says what, where that has a word."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The way on from our own page, for the ticket with this secret."""

    secret: str = field(repr=False)
    step: Onward


def asked_for(core: Core, provider: str, *, is_shared: bool) -> frozenset[str]:
    """All that consent is asked for, whatever brought it about: what the provider needs itself, and what
    every feature needs that is switched on. Raises ``ProviderOff``."""
    asked = core.providers.get(provider)
    needed = asked.shared_scopes if is_shared else asked.needed_scopes
    return needed | core.policy.features.scopes_at(provider, is_shared=is_shared)


def callback_of(core: Core, provider: str) -> str:
    """Where the provider sends people back to."""
    return f"{core.policy.base_url}/callback/{provider}"


def lacking_after(core: Core, outcome: TicketOutcome) -> tuple[Feature, ...]:
    """Features that cannot use what was just connected, because their permission was left unticked."""
    if not outcome.ending.is_good:
        return ()
    ticket = outcome.ticket
    return core.policy.features.needing(ticket.provider, outcome.missing, is_shared=ticket.is_shared)


class Tickets:
    """Makes tickets; what is made is stored by whoever asked for it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def first(self, inbox: InboxSpec, actor: Actor) -> tuple[str, Ticket]:
        """A ticket for a channel that does not exist yet, and its secret."""
        return self._ticket(actor, Purpose.CONNECT, inbox)

    def again(self, old: Ticket, browser: str) -> tuple[str, Ticket]:
        """The same trip once more, for the same browser, and its secret."""
        secret, now = new_secret(), self._core.clock()
        return secret, replace(
            old,
            id=TicketId(digest(secret)),
            created_at=now,
            expires_at=now + TICKET_LASTS,
            verifier=Secret(new_secret()),
            nonce=new_secret(),
            memo=None,
            browser=browser,
        )

    def kept(self, secret: str, browser: str) -> str:
        """The secret of the one living ticket that ``secret`` leads to in this browser. A span of it is no
        longer than a ticket lasts, so what was begun in it is alive in all of it."""
        return derived(secret, browser, self._core.clock(), lasts=TICKET_LASTS)

    def _ticket(
        self, actor: Actor, purpose: Purpose, inbox: InboxSpec, channel_id: ChannelId | None = None
    ) -> tuple[str, Ticket]:
        secret, now = new_secret(), self._core.clock()
        return secret, Ticket(
            id=TicketId(digest(secret)),
            workspace_id=actor.workspace_id,
            user_id=actor.id,
            purpose=purpose,
            inbox=inbox,
            created_at=now,
            expires_at=now + TICKET_LASTS,
            verifier=Secret(new_secret()),
            nonce=new_secret(),
            channel_id=channel_id,
            locale=actor.person.locale,
        )

    async def renewal_by(self, uow: UnitOfWork, channel: Channel, actor: Actor) -> tuple[str, Ticket]:
        """A ticket for a new grant of the same channel, and its secret."""
        grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        is_shared = grant is not None and grant.delegate is not None
        inbox = InboxSpec(channel.address, channel.kind, provider=channel.provider, is_shared=is_shared)
        secret, ticket = self._ticket(actor, Purpose.RECONNECT, inbox, channel.id)
        return secret, replace(ticket, via=channel.via, claims=grant.claims if grant else "")

    def switch(self, change: RequestedChange, actor: Actor) -> tuple[str, Ticket]:
        """A ticket for the same channel at another provider, and its secret."""
        return self._ticket(actor, Purpose.SWITCH, change.inbox, change.channel_id)

    def begun(self, secret: str, ticket: Ticket) -> AuthorizationStart:
        """The ticket as Slack shows it."""
        provider = self._core.providers.get(ticket.provider)
        return AuthorizationStart(
            inbox=ticket.inbox,
            provider_label=self._core.providers.label_at(ticket.provider, ticket.address),
            scopes=asked_for(self._core, ticket.provider, is_shared=ticket.is_shared),
            url=f"{self._core.policy.base_url}/go/{secret}",
            purpose=ticket.purpose,
            ticket_id=ticket.id,
            takes_password=provider.traits.takes_password,
            may_be_shared=self._may_be_shared(ticket),
            others=self._others(ticket),
            account=ticket.account,
            features=self._core.policy.features.at(ticket.provider, is_shared=ticket.is_shared),
            sign_in_scopes=provider.traits.sign_in_scopes,
        )

    def _may_be_shared(self, ticket: Ticket) -> bool:
        """Only organisations have shared mailboxes, and only a team's address is one."""
        providers = self._core.providers
        if ticket.purpose is Purpose.RECONNECT or ticket.kind is not Kind.TEAM:
            return False
        is_private = providers.is_private(ticket.provider, ticket.address)
        return not is_private and bool(providers.get(ticket.provider).shared_scopes)

    def _others(self, ticket: Ticket) -> tuple[tuple[str, str], ...]:
        """What else could host a new channel's mailbox."""
        if ticket.purpose is not Purpose.CONNECT:
            return ()
        providers = self._core.providers
        return tuple((key, providers.label_of(key)) for key in providers.keys if key != ticket.provider)

    def consent(self, secret: str, ticket: Ticket) -> Consent:
        """What the provider is told, and must echo."""
        return Consent(
            state=Secret(secret),
            verifier=ticket.verifier,
            nonce=ticket.nonce,
            redirect_uri=callback_of(self._core, ticket.provider),
            address=ticket.account,
            scopes=asked_for(self._core, ticket.provider, is_shared=ticket.is_shared),
            is_shared=ticket.is_shared,
            claims=ticket.claims,
            memo=ticket.memo,
        )

    async def onward(self, secret: str, ticket: Ticket) -> NextStep:
        """Where the person goes on, once the ticket is stored. Raises ``SignInClosed``."""
        provider = self._core.providers.get(ticket.provider)
        try:
            step = await provider.begin(self.consent(secret, ticket))
        except ProviderError as error:
            raise SignInClosed(provider.label, error) from error
        return NextStep(secret, step)
