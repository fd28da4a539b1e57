"""Tickets and their outcomes, downloads, links. One rule: what can be had once is taken by one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, case, delete, literal, or_, select, update
from sqlalchemy.dialects.sqlite import Insert

from bot.domain.channel import InboxSpec, Kind
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, DownloadId, IncidentId, LinkId, TicketId, UserId
from bot.domain.ticket import (
    RENEWABLE_FOR,
    Download,
    File,
    Link,
    OutcomeKind,
    Purpose,
    Ticket,
    TicketOutcome,
)
from storage.cipher import Cipher
from storage.column_types import Instant, folded
from storage.connection import Repository, inserting
from storage.tables import download, link, ticket, ticket_outcome


@cache
def _keeping(dialect: str, names: tuple[str, ...]) -> Insert:
    """Built once."""
    insert = inserting(ticket_outcome, dialect)
    anew = {name: insert.excluded[name] for name in names}
    return insert.on_conflict_do_update(index_elements=[ticket_outcome.c.ticket_id], set_=anew)


class TicketRepository(Repository):
    """Rows of ``ticket`` and ``ticket_outcome``."""

    async def add(self, new: Ticket) -> None:
        cipher = self._connection.cipher
        values = {
            "id": new.id,
            **_trip(new),
            "expires_at": new.expires_at,
            "sealed": cipher.seal(new.verifier, owner=new.id),
            "nonce": new.nonce,
            "memo": None if new.memo is None else cipher.seal(new.memo, owner=new.id),
            "claims": new.claims or None,
        }
        await self._connection.count(self._connection.insert(ticket).values(**values))

    async def find(self, ticket_id: TicketId) -> Ticket | None:
        """Expired ones too, until they are purged: the page says which it is."""
        row = await self._connection.first(select(ticket).where(ticket.c.id == ticket_id))
        return _ticket(row, self._connection.cipher) if row else None

    async def begin(self, ticket_id: TicketId, browser: str, now: datetime) -> Ticket | None:
        """Bind it to this browser; ``None`` if another one began it, or it expired."""
        ours = or_(ticket.c.browser.is_(None), ticket.c.browser == browser)
        begun = update(ticket).where(ticket.c.id == ticket_id, ours, ticket.c.expires_at > now)
        row = await self._connection.first(begun.values(browser=browser).returning(ticket))
        return _ticket(row, self._connection.cipher) if row else None

    async def claim_expired(self, ticket_id: TicketId, browser: str, now: datetime) -> Ticket | None:
        """Bind an expired one to this browser, which may have a fresh one for it; ``None`` if another may."""
        ours = or_(ticket.c.browser.is_(None), ticket.c.browser == browser)
        claimed = update(ticket).where(ticket.c.id == ticket_id, ours, ticket.c.expires_at <= now)
        row = await self._connection.first(claimed.values(browser=browser).returning(ticket))
        return _ticket(row, self._connection.cipher) if row else None

    async def spend(self, ticket_id: TicketId, browser: str, now: datetime) -> Ticket | None:
        """Take it away, once, for the browser that began it."""
        mine = ticket.c.id == ticket_id, ticket.c.browser == browser, ticket.c.expires_at > now
        row = await self._connection.first(delete(ticket).where(*mine).returning(ticket))
        return _ticket(row, self._connection.cipher) if row else None

    async def count_try(self, ticket_id: TicketId, browser: str, now: datetime, *, most: int) -> bool:
        """Count one more attempt with this browser's ticket, unless there were ``most`` already."""
        mine = ticket.c.id == ticket_id, ticket.c.browser == browser, ticket.c.expires_at > now
        more = update(ticket).where(*mine, ticket.c.tries < most).values(tries=ticket.c.tries + 1)
        return await self._connection.count(more) == 1

    async def tries(self, ticket_id: TicketId) -> int:
        """How many attempts there were."""
        return await self._connection.value(select(ticket.c.tries).where(ticket.c.id == ticket_id)) or 0

    async def set_view(self, ticket_id: TicketId, view_id: str) -> None:
        """The modal that waits for this ticket, and from now on for no other."""
        others = ticket.c.view_id == view_id, ticket.c.id != ticket_id
        await self._connection.count(update(ticket).where(*others).values(view_id=None))
        await self._connection.count(update(ticket).where(ticket.c.id == ticket_id).values(view_id=view_id))

    async def set_memo(self, ticket_id: TicketId, memo: Secret) -> None:
        """Keep what the provider's library must find again."""
        sealed = self._connection.cipher.seal(memo, owner=ticket_id)
        await self._connection.count(update(ticket).where(ticket.c.id == ticket_id).values(memo=sealed))

    async def void_of(self, channel_id: ChannelId) -> None:
        await self._connection.count(delete(ticket).where(ticket.c.channel_id == channel_id))

    async def void_elsewhere(self, channel_id: ChannelId, provider: str) -> tuple[Ticket, ...]:
        """Take away this channel's tickets to any other provider, and return them."""
        theirs = ticket.c.channel_id == channel_id, ticket.c.provider != provider
        rows = await self._connection.rows(delete(ticket).where(*theirs).returning(ticket))
        return tuple(_ticket(row, self._connection.cipher) for row in rows)

    async def keep(self, it: TicketOutcome, expires_at: datetime) -> None:
        """Remember what came of it. The spent ticket's verifier and nonce are not kept."""
        values = {
            **_trip(it.ticket),
            "ticket_expires_at": it.ticket.expires_at,
            "expires_at": expires_at,
            "ending": it.ending,
            "at": it.at,
            "signed_in": it.signed_in,
            "missing": " ".join(sorted(it.missing)),
            "code": it.code,
            "signed_in_id": it.signed_in_id or None,
            "stands": it.stands,
            "claims": it.ticket.claims or None,
        }
        keeping = _keeping(self._connection.dialect, tuple(values))
        await self._connection.count(keeping, {"ticket_id": it.ticket.id, **values})

    async def outcome(self, ticket_id: TicketId, browser: str, now: datetime) -> TicketOutcome | None:
        """What came of it, for the browser that spent it."""
        row = await self._connection.first(select(ticket_outcome).where(*_readable(ticket_id, browser, now)))
        return _outcome(row) if row else None

    async def outcome_of(self, ticket_id: TicketId) -> TicketOutcome | None:
        """What came of it, for our own use: whoever asks from a browser asks ``outcome``."""
        kept = select(ticket_outcome).where(ticket_outcome.c.ticket_id == ticket_id)
        row = await self._connection.first(kept)
        return _outcome(row) if row else None

    async def pending(self) -> tuple[TicketOutcome, ...]:
        """What is still being checked, or was when its process died."""
        rows = await self._connection.rows(
            select(ticket_outcome).where(ticket_outcome.c.ending == OutcomeKind.PENDING)
        )
        return tuple(_outcome(row) for row in rows)

    async def was_spent(self, ticket_id: TicketId) -> bool:
        """Whether it was used, by whomever."""
        return await self.outcome_of(ticket_id) is not None

    async def purge(self, now: datetime) -> int:
        """Forget what expired, and cannot be renewed any more; how many rows."""
        is_over = ticket.c.expires_at <= now - RENEWABLE_FOR
        tickets = await self._connection.count(delete(ticket).where(is_over))
        over = ticket_outcome.c.expires_at <= now
        return tickets + await self._connection.count(delete(ticket_outcome).where(over))


class DownloadRepository(Repository):
    """Rows of ``download``."""

    async def add(self, new: Download) -> None:
        values = {field.name: getattr(new, field.name) for field in fields(new)}
        await self._connection.count(self._connection.insert(download).values(**values))

    async def find(self, download_id: DownloadId) -> Download | None:
        """Expired ones too, until they are purged: the page says which it is."""
        row = await self._connection.first(select(download).where(download.c.id == download_id))
        return _download(row) if row else None

    async def take(self, download_id: DownloadId, browser: str) -> bool:
        """Whether it was free, and is now this browser's."""
        free = download.c.id == download_id, download.c.browser.is_(None)
        return await self._connection.count(update(download).where(*free).values(browser=browser)) == 1

    async def has(self, download_id: DownloadId, browser: str) -> bool:
        """Whether it was this browser that took it."""
        taken = select(download.c.id).where(download.c.id == download_id, download.c.browser == browser)
        return await self._connection.first(taken) is not None


def _download(row: Row[Any]) -> Download:
    return Download(
        id=row.id,
        workspace_id=row.workspace_id,
        user_id=row.user_id,
        file=File(row.file),
        locale=row.locale,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _readable(ticket_id: TicketId, browser: str, now: datetime) -> tuple[Any, ...]:
    theirs = ticket_outcome.c.ticket_id == ticket_id, ticket_outcome.c.browser == browser
    return *theirs, ticket_outcome.c.expires_at > now


def _trip(it: Ticket) -> dict[str, Any]:
    return {
        "workspace_id": it.workspace_id,
        "user_id": it.user_id,
        "purpose": it.purpose,
        "address": it.address,
        "address_key": folded(it.address),
        "kind": it.kind,
        "provider": it.provider,
        "created_at": it.created_at,
        "channel_id": it.channel_id,
        "use": it.inbox.use,
        "name": it.inbox.name,
        "conversation_id": it.inbox.conversation_id,
        "request_id": it.request_id,
        "view_id": it.view_id,
        "browser": it.browser,
        "locale": it.locale,
        "is_shared": it.is_shared,
        "via": it.via or None,
        "confirmed": it.confirmed or None,
    }


def _ticket(row: Row[Any], cipher: Cipher) -> Ticket:
    verifier = cipher.open(row.sealed, owner=row.id)
    memo = None if row.memo is None else cipher.open(row.memo, owner=row.id)
    read = _of_trip(row, ticket_id=row.id, expires_at=row.expires_at, verifier=verifier, nonce=row.nonce)
    return replace(read, memo=memo, claims=row.claims or "")


def _outcome(row: Row[Any]) -> TicketOutcome:
    spent = _of_trip(
        row, ticket_id=row.ticket_id, expires_at=row.ticket_expires_at, verifier=Secret(""), nonce=""
    )
    return TicketOutcome(
        ticket=replace(spent, claims=row.claims or ""),
        ending=OutcomeKind(row.ending),
        at=row.at,
        signed_in=row.signed_in,
        missing=frozenset(row.missing.split()),
        code=row.code,
        signed_in_id=row.signed_in_id or "",
        stands=row.stands,
    )


def _of_trip(
    row: Row[Any], *, ticket_id: TicketId, expires_at: datetime, verifier: Secret, nonce: str
) -> Ticket:
    return Ticket(
        id=ticket_id,
        workspace_id=row.workspace_id,
        user_id=row.user_id,
        purpose=Purpose(row.purpose),
        inbox=InboxSpec(
            address=row.address,
            kind=Kind(row.kind),
            use=row.use,
            name=row.name or "",
            conversation_id=row.conversation_id,
            provider=row.provider,
            is_shared=row.is_shared,
        ),
        created_at=row.created_at,
        expires_at=expires_at,
        verifier=verifier,
        nonce=nonce,
        channel_id=row.channel_id,
        request_id=row.request_id,
        view_id=row.view_id,
        browser=row.browser,
        locale=row.locale,
        via=row.via or "",
        confirmed=row.confirmed or "",
    )


class LinkRepository(Repository):
    """Rows of ``link``."""

    async def add_all(self, new: Sequence[Link]) -> None:
        """Whoever has one for this incident and channel keeps that one."""
        insert = self._connection.insert(link).on_conflict_do_nothing()
        await self._connection.many(insert, [_values(it, self._connection.cipher) for it in new])

    async def of_reader(
        self, user_id: UserId, incident_ids: Collection[IncidentId]
    ) -> dict[IncidentId, Link]:
        """One person's links, by what they mend."""
        these = self._connection.among(link.c.incident_id, incident_ids)
        rows = await self._connection.rows(select(link).where(link.c.user_id == user_id, these))
        return {row.incident_id: _link(row, self._connection.cipher) for row in rows}

    async def find(self, link_id: LinkId) -> Link | None:
        row = await self._connection.first(select(link).where(link.c.id == link_id))
        return _link(row, self._connection.cipher) if row else None

    async def count_start(self, link_id: LinkId, now: datetime, *, most: int, within: timedelta) -> bool:
        """Count that it was gone on with; ``False`` if that happened ``most`` times ``within`` this span."""
        is_over = or_(link.c.starts_since.is_(None), link.c.starts_since <= now - within)
        counted = (
            update(link)
            .where(link.c.id == link_id, or_(is_over, link.c.starts < most))
            .values(
                starts=case((is_over, 1), else_=link.c.starts + 1),
                starts_since=case((is_over, literal(now, Instant)), else_=link.c.starts_since),
            )
        )
        return await self._connection.count(counted) == 1

    async def void_of(self, channel_id: ChannelId) -> None:
        await self._connection.count(delete(link).where(link.c.channel_id == channel_id))


def _values(it: Link, cipher: Cipher) -> dict[str, Any]:
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "user_id": it.user_id,
        "incident_id": it.incident_id,
        "channel_id": it.channel_id,
        "sealed": cipher.seal(it.secret, owner=it.id),
        "created_at": it.created_at,
    }


def _link(row: Row[Any], cipher: Cipher) -> Link:
    return Link(
        id=row.id,
        workspace_id=row.workspace_id,
        user_id=row.user_id,
        incident_id=row.incident_id,
        channel_id=row.channel_id,
        secret=cipher.open(row.sealed, owner=row.id),
        created_at=row.created_at,
    )
