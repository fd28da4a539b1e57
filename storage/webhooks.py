"""What became of team addresses, for programs, and where programs are told of it.

One rule: an event is written with the change that it tells of, and numbered afterwards, by one at a time,
when that change is there for all to see. Numbers of the database's own would be given before: whoever reads
after the newest would miss what was begun earlier and committed later.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, select, update

from bot.domain.api_key import ApiKey
from bot.domain.channel import Cause, Kind, State
from bot.domain.channel_event import ChannelEvent, EventType
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, UserId, WebhookId, WorkspaceId
from bot.domain.webhook import OffReason, Webhook, WebhookAccess
from storage.connection import Repository
from storage.tables import channel, channel_event, meta, webhook, webhook_channel, webhook_event

_PLACE: Final = "events"
"""Under which key the last number is kept; whoever numbers holds that row."""


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event, and the address as it is now."""

    event: ChannelEvent
    address: str


class ChannelEventRepository(Repository):
    """Rows of ``channel_event``."""

    async def add(self, new: ChannelEvent) -> None:
        values = {
            "name": new.name,
            "workspace_id": new.workspace_id,
            "channel_id": new.channel_id,
            "type": new.type,
            "at": new.at,
            "provider": new.provider,
            "state": new.state,
            "cause": new.cause,
            "since": new.since,
            "version": new.version,
        }
        await self._connection.count(self._connection.insert(channel_event).values(**values))

    async def last_state(self, channel_id: ChannelId) -> State | None:
        """What the latest one says; ``None`` if there is none."""
        theirs = select(channel_event.c.state).where(channel_event.c.channel_id == channel_id)
        found = await self._connection.value(theirs.order_by(channel_event.c.id.desc()).limit(1))
        return State(found) if found is not None else None

    async def is_waiting(self) -> bool:
        """Whether one has no position yet."""
        unplaced = select(channel_event.c.id).where(channel_event.c.position.is_(None)).limit(1)
        return await self._connection.value(unplaced) is not None

    async def place(self, limit: int) -> tuple[ChannelEvent, ...]:
        """Give up to ``limit`` of them their positions; those, in that order. Who does the same meanwhile
        waits until this transaction ends."""
        await self._connection.count(
            self._connection.insert(meta).values(key=_PLACE, value="0").on_conflict_do_nothing()
        )
        await self._connection.count(update(meta).where(meta.c.key == _PLACE).values(value=meta.c.value))
        last = int(await self._connection.value(select(meta.c.value).where(meta.c.key == _PLACE)))
        unplaced = select(channel_event).where(channel_event.c.position.is_(None))
        rows = await self._connection.rows(unplaced.order_by(channel_event.c.id).limit(limit))
        placed = tuple(replace(_event(row), position=place) for place, row in enumerate(rows, start=last + 1))
        put = update(channel_event).where(channel_event.c.id == bindparam("row"))
        await self._connection.many(
            put.values(position=bindparam("place")),
            [{"row": it.number, "place": it.position} for it in placed],
        )
        await self._connection.count(
            update(meta).where(meta.c.key == _PLACE).values(value=str(last + len(placed)))
        )
        return placed

    async def after(self, key: ApiKey, position: int, *, limit: int) -> tuple[ToldEvent, ...]:
        """What the key may see behind ``position``, in order."""
        theirs: list[ColumnElement[bool]] = [
            channel_event.c.position > position,
            channel_event.c.workspace_id == key.workspace_id,
            channel.c.kind == Kind.TEAM,
        ]
        if not key.is_for_team:
            theirs.append(channel_event.c.channel_id.in_(sorted(key.channels)))
        rows = await self._connection.rows(
            _told.where(*theirs).order_by(channel_event.c.position).limit(limit)
        )
        return tuple(ToldEvent(_event(row), row.address) for row in rows)


_told: Final = select(channel_event, channel.c.address).join(
    channel, channel.c.id == channel_event.c.channel_id
)


@dataclass(frozen=True, slots=True)
class Pending:
    """What a webhook has not taken yet of one channel."""

    told: ToldEvent
    attempts: int


class WebhookRepository(Repository):
    """Rows of ``webhook``, ``webhook_channel`` and ``webhook_event``."""

    async def add(self, new: Webhook, access: WebhookAccess) -> None:
        values = {
            "id": new.id,
            "workspace_id": new.workspace_id,
            "name": new.name,
            "host": new.host,
            "sealed": self._sealed(new.id, access),
            "is_for_team": new.is_for_team,
            "created_by": new.created_by,
            "created_at": new.created_at,
            "off_reason": "",
            "last_answer": "",
        }
        await self._connection.count(self._connection.insert(webhook).values(**values))
        await self._name(new)

    async def _name(self, it: Webhook) -> None:
        await self._connection.many(
            self._connection.insert(webhook_channel),
            [{"webhook_id": it.id, "channel_id": one} for one in sorted(it.channels)],
        )

    async def find(self, webhook_id: WebhookId) -> Webhook | None:
        found = await self._all(webhook.c.id == webhook_id)
        return found[0] if found else None

    async def hold(self, webhook_id: WebhookId) -> Webhook | None:
        """As it is now, and until this transaction ends: who would change it meanwhile waits. To be called
        before anything of it is written, lest two wait for each other."""
        mine = update(webhook).where(webhook.c.id == webhook_id)
        held = await self._connection.count(mine.values(name=webhook.c.name))
        return await self.find(webhook_id) if held else None

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[Webhook, ...]:
        """The oldest first."""
        return await self._all(webhook.c.workspace_id == workspace_id)

    async def made_by(self, workspace_id: WorkspaceId, maker: UserId) -> tuple[Webhook, ...]:
        """Those that this person made and nobody removed, the oldest first."""
        return await self._all(webhook.c.workspace_id == workspace_id, webhook.c.created_by == maker)

    async def on(self) -> tuple[Webhook, ...]:
        """Those that are told."""
        return await self._all(webhook.c.proven_at.is_not(None), webhook.c.off_at.is_(None))

    async def _all(self, *where: ColumnElement[bool]) -> tuple[Webhook, ...]:
        named = webhook_channel, webhook_channel.c.webhook_id == webhook.c.id
        here = select(webhook, webhook_channel.c.channel_id).outerjoin(*named).where(*where)
        rows = await self._connection.rows(here.order_by(webhook.c.created_at, webhook.c.id))
        channels: dict[str, set[ChannelId]] = {}
        for row in rows:
            channels.setdefault(row.id, set()).update([row.channel_id] if row.channel_id else [])
        return tuple(_webhook(row, channels[row.id]) for row in {row.id: row for row in rows}.values())

    async def access(self, webhook_id: WebhookId) -> WebhookAccess | None:
        """Raises ``KeyLost`` if no key opens it."""
        sealed = await self._connection.value(select(webhook.c.sealed).where(webhook.c.id == webhook_id))
        if sealed is None:
            return None
        held = json.loads(self._connection.cipher.open(sealed, owner=webhook_id).reveal())
        former = Secret(held["former"]) if "former" in held else None
        return WebhookAccess(Secret(held["url"]), Secret(held["secret"]), former)

    async def replace_access(
        self, webhook_id: WebhookId, access: WebhookAccess, at: datetime, *, before: datetime | None
    ) -> bool:
        """Its secret was rotated. Whether the last time had been at ``before``: else nothing is done."""
        mine = webhook.c.id == webhook_id, webhook.c.rotated_at.is_not_distinct_from(before)
        values = {"sealed": self._sealed(webhook_id, access), "rotated_at": at}
        return await self._connection.count(update(webhook).where(*mine).values(**values)) == 1

    async def edit(self, it: Webhook) -> None:
        """Name, inboxes and when it was edited are as ``it`` has them. What waits of other inboxes is
        dropped."""
        mine = update(webhook).where(webhook.c.id == it.id)
        values = {"name": it.name, "is_for_team": it.is_for_team, "edited_at": it.edited_at}
        await self._connection.count(mine.values(**values))
        await self._connection.count(delete(webhook_channel).where(webhook_channel.c.webhook_id == it.id))
        await self._name(it)
        if not it.is_for_team:
            others = ~self._connection.among(webhook_event.c.channel_id, it.channels)
            await self._connection.count(
                delete(webhook_event).where(webhook_event.c.webhook_id == it.id, others)
            )

    async def move(self, webhook_id: WebhookId, host: str, access: WebhookAccess, at: datetime) -> None:
        """It is told at another address, which took a test at ``at``."""
        mine = update(webhook).where(webhook.c.id == webhook_id)
        values = {"host": host, "sealed": self._sealed(webhook_id, access), "proven_at": at}
        await self._connection.count(mine.values(**values))

    def _sealed(self, webhook_id: WebhookId, access: WebhookAccess) -> bytes:
        held = {"url": access.url.reveal(), "secret": access.secret.reveal()}
        if access.former is not None:
            held["former"] = access.former.reveal()
        return self._connection.cipher.seal(Secret(json.dumps(held)), owner=webhook_id)

    async def revoke(self, webhook_id: WebhookId) -> bool:
        """It is no more, and neither is what waited for it. Whether it was there."""
        for table in (webhook_event, webhook_channel):
            await self._connection.count(delete(table).where(table.c.webhook_id == webhook_id))
        return await self._connection.count(delete(webhook).where(webhook.c.id == webhook_id)) == 1

    # --- how it goes

    async def took(self, webhook_id: WebhookId, answer: str, at: datetime) -> None:
        """It took something: whatever was wrong is over."""
        mine = update(webhook).where(webhook.c.id == webhook_id)
        well = {"failures": 0, "failing_since": None, "retry_at": None, "tried_at": at, "succeeded_at": at}
        await self._connection.count(mine.values(**well, last_answer=answer))

    async def proven(self, webhook_id: WebhookId, at: datetime) -> None:
        """It took a test: it is told from now on, again if it was switched off."""
        mine = update(webhook).where(webhook.c.id == webhook_id)
        first = func.coalesce(webhook.c.proven_at, bindparam("at", at, webhook.c.proven_at.type))
        await self._connection.count(mine.values(proven_at=first, off_at=None, off_reason=""))

    async def failed(self, webhook_id: WebhookId, answer: str, at: datetime, retry_at: datetime) -> None:
        """It took nothing, once more in a row."""
        mine = update(webhook).where(webhook.c.id == webhook_id)
        since = func.coalesce(webhook.c.failing_since, bindparam("at", at, webhook.c.failing_since.type))
        counted = {"failures": webhook.c.failures + 1, "failing_since": since}
        await self._connection.count(
            mine.values(**counted, tried_at=at, retry_at=retry_at, last_answer=answer)
        )

    async def switch_off(self, webhook_id: WebhookId, reason: OffReason, answer: str, at: datetime) -> bool:
        """Nothing is sent there any more, and what waited is dropped. Whether it was on."""
        mine = webhook.c.id == webhook_id, webhook.c.off_at.is_(None)
        values = {"off_at": at, "off_reason": reason, "tried_at": at, "last_answer": answer, "retry_at": None}
        done = await self._connection.count(update(webhook).where(*mine).values(**values)) == 1
        waiting = webhook_event.c.webhook_id == webhook_id
        await self._connection.count(delete(webhook_event).where(waiting))
        return done

    # --- what it has not taken yet

    async def ask(self, webhook_id: WebhookId, events: Sequence[ChannelEvent], now: datetime) -> None:
        """It is to be told; each takes the place of what waits of the same channel."""
        latest = {it.channel_id: it for it in events}
        insert = self._connection.insert(webhook_event)
        anew = {name: insert.excluded[name] for name in ("event_id", "attempts", "asked_at", "due_at")}
        await self._connection.many(
            insert.on_conflict_do_update(
                index_elements=[webhook_event.c.webhook_id, webhook_event.c.channel_id], set_=anew
            ),
            [
                {
                    "webhook_id": webhook_id,
                    "channel_id": it.channel_id,
                    "event_id": it.number,
                    "attempts": 0,
                    "asked_at": now,
                    "due_at": now,
                }
                for it in sorted(latest.values(), key=lambda it: it.channel_id)
            ],
        )

    async def next_pending(self, webhook_id: WebhookId, now: datetime) -> Pending | None:
        """What is due and was tried least often; of those what happened first."""
        order = webhook_event.c.attempts, channel_event.c.position
        due = webhook_event.c.webhook_id == webhook_id, webhook_event.c.due_at <= now
        here = _told.add_columns(webhook_event.c.attempts).join(
            webhook_event, webhook_event.c.event_id == channel_event.c.id
        )
        rows = await self._connection.rows(here.where(*due).order_by(*order).limit(1))
        return Pending(ToldEvent(_event(rows[0]), rows[0].address), rows[0].attempts) if rows else None

    async def waiting(self) -> dict[WebhookId, int]:
        """How many events each has not taken yet."""
        each = select(webhook_event.c.webhook_id, func.count().label("number"))
        return {
            row.webhook_id: row.number
            for row in await self._connection.rows(each.group_by(webhook_event.c.webhook_id))
        }

    async def next_due(self, webhook_id: WebhookId) -> datetime | None:
        """When the first of what waits may be tried."""
        here = select(func.min(webhook_event.c.due_at)).where(webhook_event.c.webhook_id == webhook_id)
        due: datetime | None = await self._connection.value(here)
        return due

    async def hasten(self, webhook_id: WebhookId, now: datetime) -> None:
        """Nothing of what waits need wait any longer."""
        late = webhook_event.c.webhook_id == webhook_id, webhook_event.c.due_at > now
        await self._connection.count(update(webhook_event).where(*late).values(asked_at=now, due_at=now))

    async def drop(self, webhook_id: WebhookId, event: ChannelEvent) -> None:
        """It need not be sent any more. What has taken its place stays."""
        await self._connection.count(delete(webhook_event).where(*_mine(webhook_id, event)))

    async def put_off(
        self, webhook_id: WebhookId, event: ChannelEvent, *, now: datetime, due_at: datetime
    ) -> None:
        """It was not taken: tried again at ``due_at``, unless another has taken its place."""
        mine = update(webhook_event).where(*_mine(webhook_id, event))
        more = {"attempts": webhook_event.c.attempts + 1, "asked_at": now, "due_at": due_at}
        await self._connection.count(mine.values(**more))


def _mine(webhook_id: WebhookId, event: ChannelEvent) -> Collection[ColumnElement[bool]]:
    return (
        webhook_event.c.webhook_id == webhook_id,
        webhook_event.c.channel_id == event.channel_id,
        webhook_event.c.event_id == event.number,
    )


def _event(row: Row[Any]) -> ChannelEvent:
    return ChannelEvent(
        name=row.name,
        workspace_id=row.workspace_id,
        channel_id=row.channel_id,
        type=EventType(row.type),
        at=row.at,
        provider=row.provider,
        state=State(row.state),
        cause=Cause(row.cause),
        since=row.since,
        version=row.version,
        number=row.id,
        position=row.position,
    )


def _webhook(row: Row[Any], channels: Collection[ChannelId]) -> Webhook:
    return Webhook(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        host=row.host,
        is_for_team=row.is_for_team,
        channels=frozenset(channels),
        created_by=row.created_by,
        created_at=row.created_at,
        edited_at=row.edited_at,
        rotated_at=row.rotated_at,
        proven_at=row.proven_at,
        off_at=row.off_at,
        off_reason=OffReason(row.off_reason) if row.off_reason else None,
        failures=row.failures,
        failing_since=row.failing_since,
        retry_at=row.retry_at,
        succeeded_at=row.succeeded_at,
        last_answer=row.last_answer,
    )
