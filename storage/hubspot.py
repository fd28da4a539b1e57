"""HubSpot's portal, its inboxes and its channels, as the last complete look showed them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, func, select, update

from bot.domain.hubspot import HubSpotChannel, HubSpotInbox, HubSpotState, Pair, Portal
from bot.domain.ids import ChannelId, ConversationId, ProviderOutageId, WorkspaceId
from storage.column_types import Instant, folded
from storage.connection import Connection
from storage.tables import hubspot_channel, hubspot_inbox, hubspot_pair, hubspot_portal

# Built once: every turn of the loops runs them.
_PORTAL: Final = select(hubspot_portal).where(hubspot_portal.c.workspace_id == bindparam("its"))
_WRITING: Final = update(hubspot_portal).where(hubspot_portal.c.workspace_id == bindparam("its"))
_CLAIMING: Final = _WRITING.where(hubspot_portal.c.due_at <= bindparam("due_by", type_=Instant))
_NEXT_DUE: Final = select(func.min(hubspot_portal.c.due_at))
_INBOXES: Final = (
    select(hubspot_inbox)
    .where(
        hubspot_inbox.c.workspace_id == bindparam("workspace"),
        hubspot_inbox.c.portal_id == bindparam("of_portal"),
    )
    .order_by(hubspot_inbox.c.name)
)


class HubSpotRepository:
    """Rows of the four ``hubspot_`` tables."""

    def __init__(self, session: Connection) -> None:
        self._connection = session

    # --- the portal, and whose turn it is to look

    async def portal(self, workspace_id: WorkspaceId) -> Portal | None:
        row = await self._connection.first(_PORTAL, {"its": workspace_id})
        return _portal(row) if row else None

    async def put_portal(self, it: Portal) -> None:
        """Write all but when to look next, which ``claim`` and ``look_again`` decide."""
        values = {
            "portal_id": it.portal_id,
            "ui_domain": it.ui_domain,
            "hosting": it.hosting,
            "time_zone": it.time_zone,
            "account_type": it.account_type,
            "super_admins": list(it.super_admins),
            "is_people_read": it.is_people_read,
            "read_at": it.read_at,
            "looked_at": it.looked_at,
            "trouble": it.trouble,
        }
        await self._connection.count(_WRITING, {"its": it.workspace_id, **values})

    async def claim(self, workspace_id: WorkspaceId, now: datetime, until: datetime) -> bool:
        """Whether a look is due and nobody else is at it: it is then the caller's until ``until``."""
        taken = {"due_at": until, "began_at": now}
        if await self._connection.count(_CLAIMING, {"its": workspace_id, "due_by": now, **taken}):
            return True
        blank = dict.fromkeys(("portal_id", "ui_domain", "hosting", "time_zone", "account_type"), "")
        first = {"workspace_id": workspace_id, **blank, "super_admins": [], "trouble": "", **taken}
        return bool(
            await self._connection.count(
                self._connection.insert(hubspot_portal).values(first).on_conflict_do_nothing()
            )
        )

    async def look_again(self, workspace_id: WorkspaceId, at: datetime) -> None:
        await self._connection.count(_WRITING, {"its": workspace_id, "due_at": at})

    async def next_due(self) -> datetime | None:
        found: datetime | None = await self._connection.value(_NEXT_DUE)
        return found

    # --- inboxes

    async def inboxes(self, workspace_id: WorkspaceId, portal_id: str) -> tuple[HubSpotInbox, ...]:
        rows = await self._connection.rows(_INBOXES, {"workspace": workspace_id, "of_portal": portal_id})
        return tuple(map(_inbox, rows))

    async def put_inboxes(self, inboxes: Sequence[HubSpotInbox]) -> None:
        """What HubSpot says of them; the conversation that was chosen here stays."""
        insert = self._connection.insert(hubspot_inbox)
        said = {name: insert.excluded[name] for name in ("name", "type", "is_archived")}
        await self._connection.many(
            insert.on_conflict_do_update(index_elements=_INBOX, set_=said),
            [
                {
                    "workspace_id": it.workspace_id,
                    "portal_id": it.portal_id,
                    "inbox_id": it.inbox_id,
                    "name": it.name,
                    "type": it.type,
                    "is_archived": it.is_archived,
                }
                for it in inboxes
            ],
        )

    async def tell_in(
        self, workspace_id: WorkspaceId, portal_id: str, inbox_id: str, conversation: ConversationId | None
    ) -> bool:
        """Where an inbox's outages are told from now on; ``False`` if there is no such inbox."""
        it = (
            hubspot_inbox.c.workspace_id == workspace_id,
            hubspot_inbox.c.portal_id == portal_id,
            hubspot_inbox.c.inbox_id == inbox_id,
        )
        changed = update(hubspot_inbox).where(*it).values(conversation_id=conversation)
        return await self._connection.count(changed) == 1

    async def adopt(self, workspace_id: WorkspaceId, portal_id: str) -> None:
        """What was seen before the portal's own number could be read is that portal's."""
        for table in (hubspot_inbox, hubspot_channel):
            nameless = table.c.workspace_id == workspace_id, table.c.portal_id == ""
            await self._connection.count(update(table).where(*nameless).values(portal_id=portal_id))

    # --- channels

    async def channels(self, workspace_id: WorkspaceId, portal_id: str) -> tuple[HubSpotChannel, ...]:
        """All of a portal, by address."""
        return await self._found(
            hubspot_channel.c.workspace_id == workspace_id, hubspot_channel.c.portal_id == portal_id
        )

    async def by_ids(self, ids: Sequence[ChannelId]) -> dict[ChannelId, HubSpotChannel]:
        if not ids:
            return {}
        return {it.id: it for it in await self._found(self._connection.among(hubspot_channel.c.id, ids))}

    async def find(self, channel_id: ChannelId) -> HubSpotChannel | None:
        return (await self.by_ids([channel_id])).get(channel_id)

    async def at_address(self, workspace_id: WorkspaceId, address: str) -> HubSpotChannel | None:
        """The channel of an address in the portal that is watched; one that is there rather than one that
        is gone."""
        portal = select(hubspot_portal.c.portal_id).where(hubspot_portal.c.workspace_id == workspace_id)
        found = await self._found(
            hubspot_channel.c.workspace_id == workspace_id,
            hubspot_channel.c.address_key == folded(address),
            hubspot_channel.c.portal_id == portal.scalar_subquery(),
        )
        there = [it for it in found if it.state is not HubSpotState.GONE]
        return next(iter([*there, *found]), None)

    async def told_in(self, announcement: str) -> tuple[HubSpotChannel, ...]:
        """Those whose last quiet change was told in this message."""
        return await self._found(hubspot_channel.c.announcement == announcement)

    async def struck_by(self, outage_id: ProviderOutageId) -> tuple[HubSpotChannel, ...]:
        """Those that a mass loss holds, or held last."""
        return await self._found(hubspot_channel.c.held_by == outage_id)

    async def put_channels(self, channels: Sequence[HubSpotChannel]) -> None:
        """Write them, whether they were known or not."""
        insert = self._connection.insert(hubspot_channel)
        changed = {name: insert.excluded[name] for name in _CHANGING}
        await self._connection.many(
            insert.on_conflict_do_update(index_elements=[hubspot_channel.c.id], set_=changed),
            [_values(it) for it in channels],
        )

    async def _found(self, *which: ColumnElement[bool]) -> tuple[HubSpotChannel, ...]:
        rows = await self._connection.rows(_ALL.where(*which).order_by(hubspot_channel.c.address_key))
        return tuple(map(_channel, rows))

    # --- who is who

    async def pairs(self, workspace_id: WorkspaceId) -> tuple[Pair, ...]:
        theirs = hubspot_pair.c.workspace_id == workspace_id
        rows = await self._connection.rows(
            select(hubspot_pair).where(theirs).order_by(hubspot_pair.c.email_key)
        )
        return tuple(Pair(row.email, row.user_id, row.paired_by, row.paired_at) for row in rows)

    async def pair(self, workspace_id: WorkspaceId, it: Pair) -> None:
        """This HubSpot user is that person in Slack, whoever they were taken for before."""
        values = {
            "workspace_id": workspace_id,
            "email": it.email,
            "email_key": folded(it.email),
            "user_id": it.user_id,
            "paired_by": it.by,
            "paired_at": it.at,
        }
        key = [hubspot_pair.c.workspace_id, hubspot_pair.c.email_key]
        insert = self._connection.insert(hubspot_pair).values(values)
        await self._connection.count(insert.on_conflict_do_update(index_elements=key, set_=values))

    async def unpair(self, workspace_id: WorkspaceId, email: str) -> bool:
        it = hubspot_pair.c.workspace_id == workspace_id, hubspot_pair.c.email_key == folded(email)
        return await self._connection.count(delete(hubspot_pair).where(*it)) == 1


_INBOX: Final = [hubspot_inbox.c.workspace_id, hubspot_inbox.c.portal_id, hubspot_inbox.c.inbox_id]
_CHANGING: Final = tuple(
    column.name for column in hubspot_channel.c if column.name not in {"id", "workspace_id", "portal_id"}
)
_ALL: Final[Select[Any]] = select(
    hubspot_channel,
    *(hubspot_inbox.c[name].label(f"inbox_{name}") for name in ("name", "type", "is_archived")),
    hubspot_inbox.c.conversation_id.label("inbox_conversation_id"),
).outerjoin(
    hubspot_inbox,
    and_(
        hubspot_inbox.c.workspace_id == hubspot_channel.c.workspace_id,
        hubspot_inbox.c.portal_id == hubspot_channel.c.portal_id,
        hubspot_inbox.c.inbox_id == hubspot_channel.c.inbox_id,
    ),
)


def _portal(row: Row[Any]) -> Portal:
    return Portal(
        workspace_id=row.workspace_id,
        portal_id=row.portal_id,
        ui_domain=row.ui_domain,
        hosting=row.hosting,
        time_zone=row.time_zone,
        account_type=row.account_type,
        super_admins=tuple(row.super_admins),
        is_people_read=row.is_people_read,
        read_at=row.read_at,
        looked_at=row.looked_at,
        trouble=row.trouble,
        due_at=row.due_at,
        began_at=row.began_at,
    )


def _inbox(row: Row[Any]) -> HubSpotInbox:
    return HubSpotInbox(
        row.workspace_id,
        row.portal_id,
        row.inbox_id,
        row.name,
        row.type,
        row.is_archived,
        row.conversation_id,
    )


def _channel(row: Row[Any]) -> HubSpotChannel:
    inbox = None
    if row.inbox_name is not None:
        inbox = HubSpotInbox(
            row.workspace_id,
            row.portal_id,
            row.inbox_id,
            row.inbox_name,
            row.inbox_type,
            row.inbox_is_archived,
            row.inbox_conversation_id,
        )
    return HubSpotChannel(
        id=row.id,
        workspace_id=row.workspace_id,
        portal_id=row.portal_id,
        account_id=row.account_id,
        inbox_id=row.inbox_id,
        name=row.name,
        address=row.address,
        state=HubSpotState(row.state),
        since=row.since,
        not_before=row.not_before,
        suspect_at=row.suspect_at,
        suspect_after=row.suspect_after,
        held_by=row.held_by,
        announcement=row.announcement,
        inbox=inbox,
    )


def _values(it: HubSpotChannel) -> dict[str, Any]:
    own = {name: getattr(it, name) for name in _CHANGING if name != "address_key"}
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "portal_id": it.portal_id,
        "address_key": folded(it.address),
        **own,
    }
