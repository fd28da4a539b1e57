"""The history as a file: asked for in Slack, fetched once in a browser.

The one rule: the link is no key. What counts is who asked for it, and what that person may do at the
moment of the download.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.access import Actor
from bot.domain.channel import Kind
from bot.domain.errors import ExportTaken, OtherBrowser, TicketExpired, TicketUnknown
from bot.domain.grant import Secret
from bot.domain.ids import TicketId
from bot.domain.ticket import TICKET_LASTS, Purpose, Ticket
from bot.domain.workspace import Workspace
from bot.services.core import Core, digest, new_secret
from bot.services.evidence import Evidences
from bot.services.people import People
from storage import UnitOfWork


@dataclass(frozen=True, slots=True)
class Offer:
    """A download that is ready to be fetched."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExportLanding:
    """What the page says before anything is downloaded."""

    requester_name: str
    workspace_name: str
    locale: str


class Exporting:
    """Tickets for downloads."""

    def __init__(self, core: Core, *, people: People, evidences: Evidences, workspace: Workspace) -> None:
        self._core = core
        self._people = people
        self._evidences = evidences
        self._workspace = workspace

    async def begin(self, actor: Actor) -> Offer:
        """A link to the file, for this person. Raises ``NotAllowed``."""
        await self._evidences.may_export(actor)
        now, secret = self._core.clock(), new_secret()
        ticket = Ticket(
            id=_id(secret),
            workspace_id=actor.workspace_id,
            user_id=actor.id,
            purpose=Purpose.EXPORT,
            address="",
            kind=Kind.TEAM,
            provider="",
            created_at=now,
            expires_at=now + TICKET_LASTS,
            verifier=Secret(""),
            locale=actor.person.locale,
        )
        async with self._core.storage.writing() as uow:
            await uow.tickets.add(ticket)
            await uow.commit()
        return Offer(f"{self._core.policy.base_url}/export/{secret}", ticket.expires_at)

    async def landing(self, secret: str) -> ExportLanding:
        """What the link is for. Spends nothing. Raises ``TicketUnknown``, ``TicketExpired``."""
        async with self._core.storage.reading() as uow:
            ticket = await self._ticket(uow, secret)
        name = await self._people.name_of(ticket.user_id)
        return ExportLanding(name, self._workspace.name, ticket.locale)

    async def fetch(self, secret: str, browser: str) -> str:
        """The file's text, once, for the browser that asks first.

        Raises ``ExportTaken``, ``OtherBrowser``, ``NotAllowed`` (the rights are those of now), and as
        ``landing``.
        """
        async with self._core.storage.reading() as uow:
            ticket = await self._ticket(uow, secret)
        actor = await self._people.member(ticket.workspace_id, ticket.user_id, fresh=True)
        text = await self._evidences.export(actor)
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            if await uow.tickets.begin(ticket.id, browser, now) is None:
                raise OtherBrowser
            if not await uow.seen.first_time(f"export:{ticket.id}", now):
                raise ExportTaken
            await uow.commit()
        return text

    async def _ticket(self, uow: UnitOfWork, secret: str) -> Ticket:
        ticket = await uow.tickets.find(_id(secret))
        if ticket is None:
            raise TicketUnknown
        if ticket.expires_at <= self._core.clock():
            raise TicketExpired
        return ticket


def _id(secret: str) -> TicketId:
    """Of another kind than the tickets that lead to a provider, so that neither page takes the other's."""
    return TicketId(digest(f"export:{secret}"))
