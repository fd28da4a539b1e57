"""Tickets in the making: one trip through the browser, from its secret to the consent page's address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.access import Actor
from bot.domain.channel import Channel, Kind
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, TicketId, UserId, WorkspaceId
from bot.domain.request import Wish
from bot.domain.ticket import TICKET_LASTS, Purpose, Ticket
from bot.services.core import Core, digest, new_secret
from providers.base import Consent

PROVIDER: Final = "google"
"""The provider of every new channel, as long as there is only one."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A ticket, ready to be opened in a browser."""

    address: str
    provider_label: str
    scopes: frozenset[str]
    url: str = field(repr=False)
    reconnect: bool
    ticket_id: TicketId


class Trips:
    """Makes tickets; what is made is stored by whoever asked for it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def first(self, wish: Wish, actor: Actor) -> tuple[str, Ticket]:
        """A ticket for a channel that does not exist yet, and its secret."""
        secret, ticket = self._ticket(
            actor.workspace_id,
            actor.id,
            Purpose.CONNECT,
            address=wish.address,
            kind=wish.kind,
            channel_id=None,
            locale=actor.person.locale,
        )
        return secret, replace(ticket, use=wish.use, name=wish.name, conversation_id=wish.conversation_id)

    def again(self, old: Ticket, browser: str) -> tuple[str, Ticket]:
        """The same trip once more, for the same browser, and its secret."""
        secret, ticket = self._ticket(
            old.workspace_id,
            old.user_id,
            old.purpose,
            address=old.address,
            kind=old.kind,
            channel_id=old.channel_id,
            locale=old.locale,
        )
        return secret, replace(
            ticket,
            provider=old.provider,
            browser=browser,
            view_id=old.view_id,
            use=old.use,
            name=old.name,
            conversation_id=old.conversation_id,
            request_id=old.request_id,
        )

    def _ticket(
        self,
        workspace_id: WorkspaceId,
        user_id: UserId,
        purpose: Purpose,
        *,
        address: str,
        kind: Kind,
        channel_id: ChannelId | None,
        locale: str,
    ) -> tuple[str, Ticket]:
        secret, now = new_secret(), self._core.clock()
        return secret, Ticket(
            id=TicketId(digest(secret)),
            workspace_id=workspace_id,
            user_id=user_id,
            purpose=purpose,
            address=address,
            kind=kind,
            provider=PROVIDER,
            created_at=now,
            expires_at=now + TICKET_LASTS,
            verifier=Secret(new_secret()),
            nonce=new_secret(),
            channel_id=channel_id,
            locale=locale,
        )

    def renewal(self, channel: Channel, user_id: UserId, locale: str) -> tuple[str, Ticket]:
        """A ticket for a new grant of the same channel, and its secret."""
        secret, ticket = self._ticket(
            channel.workspace_id,
            user_id,
            Purpose.RECONNECT,
            address=channel.address,
            kind=channel.kind,
            channel_id=channel.id,
            locale=locale,
        )
        return secret, replace(ticket, provider=channel.provider)

    def begun(self, secret: str, ticket: Ticket) -> Begun:
        """The ticket as Slack shows it."""
        provider = self._core.providers.get(ticket.provider)
        return Begun(
            address=ticket.address,
            provider_label=provider.label,
            scopes=provider.needed_scopes,
            url=f"{self._core.policy.base_url}/go/{secret}",
            reconnect=ticket.purpose is Purpose.RECONNECT,
            ticket_id=ticket.id,
        )

    def consent(self, secret: str, ticket: Ticket) -> Consent:
        """What the provider is told, and must echo."""
        return Consent(
            state=Secret(secret),
            verifier=ticket.verifier,
            nonce=ticket.nonce,
            redirect_uri=f"{self._core.policy.base_url}/callback/{ticket.provider}",
            address=ticket.address,
        )

    def consent_url(self, secret: str, ticket: Ticket) -> str:
        """Where the provider asks for consent."""
        return self._core.providers.get(ticket.provider).consent_url(self.consent(secret, ticket))
