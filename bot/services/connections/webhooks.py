"""Programs are told what becomes of team addresses: where, of what, and again until it is taken.

The one rule: a receiver is a stranger. What it answers, or that it does not, changes nothing but its own
lane; what it was not given in time is replaced by what is so now; and it can always ask for the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog

from bot.domain.api_key import LONGEST_NAME, OPERATOR, ApiKey
from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.channel_event import ChannelEvent, EventType, news_of
from bot.domain.errors import OutOfDate
from bot.domain.grant import Secret
from bot.domain.ids import ChannelId, JobId, WebhookId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.notice import NoticeKind, subject_of
from bot.domain.webhook import (
    BOTH_FOR,
    LONGEST_PAUSE,
    OffReason,
    Webhook,
    WebhookAccess,
    WebhookFault,
    WebhookRefused,
    mint,
    pause_after,
    signed,
)
from bot.services.connections.api_keys import ApiKeys, note, still_there
from bot.services.core.notifications import Notifications, about_us, told_of_programs
from bot.services.core.ports import Aside, Clock, Core, new_id
from storage import KeyLost, Storage, UnitOfWork
from storage.webhooks import Pending, ToldEvent

TEST: Final = "endpoint.test"
_PLACED_AT_ONCE: Final = 500
_SENT_AT_ONCE: Final = 5
"""Events in one turn of a lane: with the receiver's time for each, less than the lane's lease."""
_GONE: Final = 410
_LONGEST_HOST: Final = 253
_KEY_LOST_FOR: Final = timedelta(minutes=15)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came of an attempt."""

    status: int | None
    """``None`` if there was no answer."""
    trouble: str = ""
    """Why not, in one word."""
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def in_a_word(self) -> str:
        return str(self.status) if self.status is not None else self.trouble


class SendsWebhooks(Protocol):
    """The way out. Only hosts that may be dialled are reached, no redirect is followed, nothing is raised."""

    async def send(self, url: Secret, headers: Mapping[str, str], body: bytes) -> WebhookAnswer: ...


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """What somebody wants a webhook for."""

    name: str
    url: Secret
    addresses: Sequence[str] = ()
    channels: Sequence[ChannelId] = ()
    """Named by address, or chosen in a list."""
    is_for_team: bool = False
    created_by: str = ""
    once: str = ""
    """Names the form that was filled in: it makes one webhook, however often it is sent."""


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """How somebody wants a webhook. What is ``None`` stays as it is."""

    name: str | None = None
    url: Secret | None = None
    is_for_team: bool | None = None
    """If not, it is for the inboxes named; ``None`` if none are."""
    addresses: Sequence[str] = ()
    channels: Sequence[ChannelId] = ()
    """Named by address, or chosen in a list that began with those it is for."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A webhook before and after somebody edited it."""

    before: Webhook
    after: Webhook
    is_moved: bool = False
    """Another address has taken a test, and is told from now on."""

    @property
    def is_unchanged(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True, slots=True)
class Tested:
    """A test, and what came of it."""

    webhook: Webhook
    answer: WebhookAnswer


@dataclass
class Webhooks:
    """Makes, edits, tests, rotates and revokes them."""

    storage: Storage
    clock: Clock
    sender: SendsWebhooks = field(repr=False)
    wake: Callable[[], None] = field(default=lambda: None, repr=False)
    """Tells the engine that there is something to do; beside the bot, nobody."""

    async def create(self, workspace_id: WorkspaceId, spec: WebhookSpec) -> tuple[Webhook, Secret]:
        """A new one, and the secret that is shown this once. Nothing is sent before it has taken a test.
        Raises ``WebhookRefused``."""
        name, host = _name(spec.name), _host(spec.url)
        named = [*spec.addresses, *spec.channels]
        if spec.is_for_team == bool(named):
            raise WebhookRefused(WebhookFault.NOTHING_NAMED, *named[:1])
        secret = mint()
        async with self.storage.writing() as uow:
            channels = [await _named(uow, workspace_id, address) for address in spec.addresses]
            channels += [await _chosen(uow, workspace_id, one) for one in spec.channels]
            if spec.once and not await uow.seen.first_time(f"webhook:{spec.once}", self.clock()):
                raise WebhookRefused(WebhookFault.MADE)
            webhook = Webhook(
                id=WebhookId(f"wh_{new_id()[:12]}"),
                workspace_id=workspace_id,
                name=name,
                host=host,
                is_for_team=spec.is_for_team,
                channels=frozenset(channels),
                created_by=spec.created_by,
                created_at=self.clock(),
            )
            await uow.webhooks.add(webhook, WebhookAccess(spec.url, secret))
            await note(uow, webhook, "webhook_made", webhook.created_at, by=spec.created_by)
            await uow.commit()
        return webhook, secret

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[Webhook, ...]:
        async with self.storage.reading() as uow:
            return await uow.webhooks.of_workspace(workspace_id)

    async def test(self, webhook_id: WebhookId) -> Tested | None:
        """Send a test. One that is taken switches it on, again if it was off, and what waits is sent at once.
        ``None`` if there is none, or no more when the answer comes. Raises ``KeyLost``."""
        async with self.storage.reading() as uow:
            webhook = await uow.webhooks.find(webhook_id)
            access = await uow.webhooks.access(webhook_id)
        if webhook is None or access is None:
            return None
        answer = await self._tested(webhook, access)
        if answer.is_taken:
            async with self.storage.writing() as uow:
                held, present = await uow.webhooks.hold(webhook_id), await uow.webhooks.access(webhook_id)
                if held is None or present is None:
                    return None
                if present.url == access.url:  # what an address took that it had before proves nothing
                    await self._proven(uow, held, answer)
                    await uow.commit()
            self.wake()
        return Tested(webhook, answer)

    async def edit(
        self,
        webhook_id: WebhookId,
        wanted: WebhookChanges,
        *,
        seen: Webhook | None = None,
        by: str = OPERATOR,
    ) -> Edited | None:
        """Make it what is wanted, all or nothing; its secret stays. Another address counts once it has taken
        a test: until then the one before is told. ``seen``: only if nobody has edited it since. ``None`` if
        there is none. Raises ``WebhookRefused``, ``OutOfDate``, ``KeyLost``."""
        async with self.storage.reading() as uow:
            before = await uow.webhooks.find(webhook_id)
            if before is None:
                return None
            after = await _changed(uow, before, wanted)
            access = await uow.webhooks.access(webhook_id) if wanted.url is not None else None
        target = _target(access, wanted.url)
        if after == before and target is None:
            return Edited(before, before)
        if seen is not None and seen.edited_at != before.edited_at:
            raise OutOfDate
        answer = await self._tested(before, target) if target is not None else None
        if answer is not None and not answer.is_taken:
            raise WebhookRefused(WebhookFault.NOT_TAKEN, answer.in_a_word)
        async with self.storage.writing() as uow:
            held = await uow.webhooks.hold(webhook_id)
            if held is None:
                return None
            if held.edited_at != before.edited_at:
                raise OutOfDate
            after = replace(after, edited_at=_moment_after(before.edited_at, self.clock()))
            await uow.webhooks.edit(after)
            if target is not None and answer is not None:
                await self._move(uow, after, target.url)
                await self._proven(uow, held, answer)
            await self._note_edit(uow, before, after, by=by)
            await uow.commit()
        self.wake()
        return Edited(before, after, is_moved=target is not None)

    async def _move(self, uow: UnitOfWork, webhook: Webhook, url: Secret) -> None:
        """The secrets are those it has by now: they may have been rotated during the test."""
        access = await uow.webhooks.access(webhook.id)
        if access is not None:
            moved = replace(access, url=url)
            at = _moment_after(webhook.proven_at, self.clock())
            await uow.webhooks.move(webhook.id, webhook.host, moved, at)

    async def _note_edit(self, uow: UnitOfWork, before: Webhook, after: Webhook, *, by: str) -> None:
        """It stands in the history of each inbox that it was or is for; messages about it say what it is."""
        concerned = replace(after, channels=before.channels | after.channels)
        host = after.host if after.host != before.host else ""
        await note(uow, concerned, "webhook_edited", self.clock(), by=by, host=host)
        await self._shown_anew(uow, after, NoticeKind.WEBHOOK_OFF, NoticeKind.WEBHOOK_ORPHANED)

    async def _tested(self, webhook: Webhook, access: WebhookAccess) -> WebhookAnswer:
        """What comes of a test that is sent to the address in ``access``."""
        now, name = self.clock(), f"test_{new_id()}"
        body = _bytes({"type": TEST, "timestamp": _instant(now), "data": {"webhook": webhook.id}})
        return await self.sender.send(access.url, signed(_keys(webhook, access, now), name, body, now), body)

    async def _proven(self, uow: UnitOfWork, webhook: Webhook, answer: WebhookAnswer) -> None:
        """Its address took a test: it is told from now on, and of what waits at once."""
        now = self.clock()
        await self._settled(uow, webhook)
        await uow.webhooks.took(webhook.id, answer.in_a_word, now)
        await uow.webhooks.proven(webhook.id, now)
        await uow.webhooks.hasten(webhook.id, now)
        await uow.jobs.put(_telling(webhook.id, now))

    async def rotate(
        self, webhook_id: WebhookId, *, seen: Webhook | None = None, by: str = OPERATOR
    ) -> Secret | None:
        """A new secret, shown this once; the former counts, too, for ``BOTH_FOR``. ``seen``: only if it was
        not rotated since, for a second rotation voids the secret that the receiver has. ``None`` if there is
        none. Raises ``KeyLost``, ``OutOfDate``."""
        secret, now = mint(), self.clock()
        async with self.storage.writing() as uow:
            webhook, access = await uow.webhooks.hold(webhook_id), await uow.webhooks.access(webhook_id)
            if access is None or webhook is None:
                return None
            before = (seen or webhook).rotated_at
            renewed = WebhookAccess(access.url, secret, former=access.secret)
            if not await uow.webhooks.replace_access(webhook_id, renewed, now, before=before):
                raise OutOfDate
            await note(uow, webhook, "webhook_rotated", now, by=by)
            await uow.commit()
        return secret

    async def revoke(self, webhook_id: WebhookId, *, by: str = OPERATOR) -> bool:
        """It is told nothing any more. Whether there was one."""
        async with self.storage.writing() as uow:
            webhook = await uow.webhooks.hold(webhook_id)
            if webhook is None:
                return False
            await self._settled(uow, webhook)
            await uow.webhooks.revoke(webhook_id)
            await note(uow, webhook, "webhook_revoked", self.clock(), by=by)
            # Whoever was asked about it sees that it is over.
            await self._shown_anew(uow, webhook, NoticeKind.WEBHOOK_ORPHANED)
            await uow.commit()
        return True

    async def _shown_anew(self, uow: UnitOfWork, webhook: Webhook, *kinds: NoticeKind) -> None:
        notifications = Notifications(Aside(self.clock, self.wake))
        await notifications.settled(uow, webhook.workspace_id, kinds, f"{webhook.id}:")

    async def _settled(self, uow: UnitOfWork, webhook: Webhook) -> None:
        """If it was switched off, that is over: whoever was told sees it, once this is committed."""
        if webhook.off_at is not None:
            about = {"webhook": webhook.id, "at": webhook.off_at.isoformat()}
            await Notifications(Aside(self.clock, self.wake)).settled(
                uow,
                webhook.workspace_id,
                [NoticeKind.WEBHOOK_OFF],
                subject_of(NoticeKind.WEBHOOK_OFF, about),
            )


class ChannelEvents:
    """Writes down what is news to programs, with the step that it tells of."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def follow(self, uow: UnitOfWork, before: Channel, after: Channel) -> None:
        """Personal inboxes are no program's to hear of."""
        if after.kind is not Kind.TEAM:
            return
        told = await uow.channel_events.last_state(after.id) if _may_be_recovery(before, after) else None
        news = news_of(before, after, told=told)
        if news is not None:
            await uow.channel_events.add(_event(after, news, self._core.clock()))


class EventFeed:
    """The same news, for programs that come and ask: what is kept of the last 30 days."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def after(self, key: ApiKey, position: int, *, limit: int) -> tuple[ToldEvent, ...]:
        """What the key may see behind ``position``, in an order that stays."""
        async with self._keys.reading() as uow:
            return await uow.channel_events.after(key, position, limit=limit)


class WebhookDelivery:
    """Hands events to webhooks, one lane for each."""

    def __init__(self, core: Core, notifications: Notifications, sender: SendsWebhooks) -> None:
        self._core = core
        self._notifications = notifications
        self._sender = sender

    async def publish(self) -> int:
        """Number what has happened, and let those be told who should. Returns how many events."""
        async with self._core.storage.reading() as uow:
            if not await uow.channel_events.is_waiting():
                return 0
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            events = await uow.channel_events.place(_PLACED_AT_ONCE)
            channels = await uow.channels.by_ids(sorted({it.channel_id for it in events}))
            for webhook in await uow.webhooks.on():
                theirs = [it for it in events if _is_for(webhook, channels.get(it.channel_id), it)]
                if theirs:
                    await uow.webhooks.ask(webhook.id, theirs, now)
                    await uow.jobs.put(_telling(webhook.id, now))
            await uow.commit()
        return len(events)

    async def run(self, job: Job) -> datetime | None:
        """The job ``TELL_WEBHOOK``. What must wait is a job of its own: new events are asked for meanwhile,
        and must not wait with it."""
        webhook_id = WebhookId(job.payload["webhook"])
        later = await self._tell(webhook_id)
        if "later" in job.payload or later is None:
            return later
        async with self._core.storage.writing() as uow:
            await uow.jobs.put(_telling(webhook_id, self._core.clock(), later=later))
            await uow.commit()
        return None

    async def _tell(self, webhook_id: WebhookId) -> datetime | None:
        """Returns when to go on; ``None`` if there is nothing left."""
        for _ in range(_SENT_AT_ONCE):
            now = self._core.clock()
            async with self._core.storage.reading() as uow:
                webhook = await uow.webhooks.find(webhook_id)
                if webhook is None or not webhook.is_on:
                    return None
                if webhook.retry_at is not None and webhook.retry_at > now:
                    return webhook.retry_at
                pending = await uow.webhooks.next_pending(webhook_id, now)
                if pending is None:
                    return await uow.webhooks.next_due(webhook_id)
                access = await _access(uow, webhook_id)
            if access is None:
                # Our trouble: the receiver has failed in nothing, and what waits, waits.
                _log.error("no key opens a webhook", webhook=webhook_id)
                return now + _KEY_LOST_FOR
            answer = await self._sent(webhook, access, pending.told)
            await self._settle(webhook, pending, answer)
        return self._core.clock()

    async def _sent(self, webhook: Webhook, access: WebhookAccess, told: ToldEvent) -> WebhookAnswer:
        now, body = self._core.clock(), _bytes(told_as(told))
        return await self._sender.send(
            access.url, signed(_keys(webhook, access, now), told.event.name, body, now), body
        )

    async def _settle(self, webhook: Webhook, pending: Pending, answer: WebhookAnswer) -> None:
        event, now = pending.told.event, self._core.clock()
        self._core.telemetry.webhook("taken" if answer.is_taken else "not_taken")
        async with self._core.storage.writing() as uow:
            held = await uow.webhooks.hold(webhook.id)
            if held is None or held.proven_at != webhook.proven_at:
                return  # told at another address by now: it is that one's turn
            if answer.is_taken:
                await uow.webhooks.drop(webhook.id, event)
                await uow.webhooks.took(webhook.id, answer.in_a_word, now)
            elif answer.status == _GONE:
                await self._switch_off(uow, webhook, OffReason.GONE, answer)
            else:
                await self._failed(uow, webhook, pending, answer)
            await uow.commit()

    async def _failed(
        self, uow: UnitOfWork, webhook: Webhook, pending: Pending, answer: WebhookAnswer
    ) -> None:
        now, event = self._core.clock(), pending.told.event
        pause = pause_after(webhook.failures + 1, self._core.jitter())
        if pause is None:
            await self._switch_off(uow, webhook, OffReason.FAILING, answer)
            return
        asked = min(answer.retry_after or timedelta(), LONGEST_PAUSE)
        await uow.webhooks.failed(webhook.id, answer.in_a_word, now, now + max(pause, asked))
        own_pause = pause_after(pending.attempts + 1, self._core.jitter())
        if own_pause is None:  # it alone is not taken: the receiver can ask for it
            _log.warning("a webhook does not take an event", webhook=webhook.id, answer=answer.in_a_word)
            await uow.webhooks.drop(webhook.id, event)
        else:
            due_at = now + max(own_pause, asked)
            await uow.webhooks.put_off(webhook.id, event, now=now, due_at=due_at)

    async def _switch_off(
        self, uow: UnitOfWork, webhook: Webhook, reason: OffReason, answer: WebhookAnswer
    ) -> None:
        """The super admins hear of it: nobody else would."""
        now = self._core.clock()
        if not await uow.webhooks.switch_off(webhook.id, reason, answer.in_a_word, now):
            return
        _log.warning("a webhook is switched off", webhook=webhook.id, reason=reason.value)
        about = {"webhook": webhook.id, "at": now.isoformat()}
        readers = await told_of_programs(uow, self._core, webhook.workspace_id)
        await self._notifications.tell_all(
            uow,
            [about_us(webhook.workspace_id, it, NoticeKind.WEBHOOK_OFF, about, now) for it in readers],
        )


def told_as(told: ToldEvent) -> Mapping[str, object]:
    """An event as programs read it: enough to know what to ask, and nothing secret."""
    event = told.event
    return {
        "type": event.type.value,
        "timestamp": _instant(event.at),
        "data": {
            "channel": {"id": event.channel_id, "address": told.address, "provider": event.provider},
            "state": event.state.value,
            **({"cause": event.cause.value} if event.cause is not Cause.NONE else {}),
            "since": _instant(event.since),
            "version": event.version,
        },
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _bytes(told: Mapping[str, object]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _keys(webhook: Webhook, access: WebhookAccess, now: datetime) -> tuple[Secret, ...]:
    is_fresh = webhook.rotated_at is not None and now < webhook.rotated_at + BOTH_FOR
    return (access.secret, access.former) if access.former and is_fresh else (access.secret,)


async def _access(uow: UnitOfWork, webhook_id: WebhookId) -> WebhookAccess | None:
    try:
        return await uow.webhooks.access(webhook_id)
    except KeyLost:
        return None


def _name(typed: str) -> str:
    """Raises ``WebhookRefused``."""
    name = typed.strip()
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise WebhookRefused(WebhookFault.NAME)
    return name


def _host(url: Secret) -> str:
    """Whose it is. Raises ``WebhookRefused``; whether it may be dialled is asked at each attempt."""
    try:
        parts = urlsplit(url.reveal())
        _ = parts.port
    except ValueError:
        raise WebhookRefused(WebhookFault.URL) from None
    is_read = parts.scheme in ("https", "http") and 0 < len(parts.hostname or "") <= _LONGEST_HOST
    if not is_read or not parts.hostname or not url.reveal().isprintable() or " " in url.reveal():
        raise WebhookRefused(WebhookFault.URL)
    return parts.hostname


def _may_be_recovery(before: Channel, after: Channel) -> bool:
    return before.state is State.IMPAIRED and after.state is State.CONNECTED


def _event(channel: Channel, news: EventType, now: datetime) -> ChannelEvent:
    return ChannelEvent(
        name=f"evt_{new_id()}",
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        type=news,
        at=now,
        provider=channel.provider,
        state=channel.state,
        cause=channel.cause,
        since=channel.since,
        version=channel.version,
    )


def _is_for(webhook: Webhook, channel: Channel | None, event: ChannelEvent) -> bool:
    is_team = channel is not None and channel.kind is Kind.TEAM
    is_theirs = webhook.workspace_id == event.workspace_id
    return is_theirs and webhook.is_for(event.channel_id, is_team=is_team)


def _telling(webhook_id: WebhookId, now: datetime, *, later: datetime | None = None) -> Job:
    lane = f"webhook:{webhook_id}"
    return Job(
        id=JobId(new_id()),
        lane=lane,
        kind=JobKind.TELL_WEBHOOK,
        dedupe=lane if later is None else f"{lane}:later",
        due_at=later or now,
        created_at=now,
        payload={"webhook": webhook_id, **({"later": "yes"} if later else {})},
    )


async def _named(uow: UnitOfWork, workspace_id: WorkspaceId, address: str) -> ChannelId:
    """A team address."""
    channel = await uow.channels.at_address(workspace_id, address)
    if channel is None:
        raise WebhookRefused(WebhookFault.UNKNOWN_ADDRESS, address)
    if channel.kind is not Kind.TEAM:
        raise WebhookRefused(WebhookFault.PERSONAL, address)
    return channel.id


async def _chosen(uow: UnitOfWork, workspace_id: WorkspaceId, channel_id: ChannelId) -> ChannelId:
    channel = await still_there(uow, workspace_id, channel_id)
    if channel is None or channel.state is State.REMOVED:
        raise WebhookRefused(WebhookFault.UNKNOWN_ADDRESS, channel.address if channel else "–")
    if channel.kind is not Kind.TEAM:
        raise WebhookRefused(WebhookFault.PERSONAL, channel.address)
    return channel.id


def _target(access: WebhookAccess | None, url: Secret | None) -> WebhookAccess | None:
    """Where it is to be told, if not where it is told already."""
    if access is None or url is None or access.url == url:
        return None
    return replace(access, url=url)


def _moment_after(before: datetime | None, now: datetime) -> datetime:
    """Later than the last time, by whatever clock: each edit is told from the one before."""
    return now if before is None else max(now, before + timedelta.resolution)


async def _changed(uow: UnitOfWork, before: Webhook, wanted: WebhookChanges) -> Webhook:
    """As it is wanted. Raises ``WebhookRefused``."""
    after = before
    if wanted.name is not None:
        after = replace(after, name=_name(wanted.name))
    if wanted.url is not None:
        after = replace(after, host=_host(wanted.url))
    if wanted.is_for_team is None:
        return after
    channels = await _inboxes(uow, before, wanted)
    return replace(after, is_for_team=wanted.is_for_team, channels=channels)


async def _inboxes(uow: UnitOfWork, before: Webhook, wanted: WebhookChanges) -> frozenset[ChannelId]:
    """Those that it is for already need not be asked for anew, and stay named where nobody can choose them:
    removed ones stand in no list. Raises ``WebhookRefused``."""
    added = [one for one in wanted.channels if one not in before.channels]
    if wanted.is_for_team:
        if named := [*wanted.addresses, *added]:
            raise WebhookRefused(WebhookFault.NOTHING_NAMED, named[0])
        return frozenset()
    if not wanted.addresses and not wanted.channels:
        raise WebhookRefused(WebhookFault.NOTHING_NAMED)
    channels = set(wanted.channels) & before.channels
    channels |= {await _named(uow, before.workspace_id, address) for address in wanted.addresses}
    channels |= {await _chosen(uow, before.workspace_id, one) for one in added}
    there = await uow.channels.by_ids(sorted(before.channels))
    return frozenset(channels).union(
        one for one in before.channels if one not in there or there[one].state is State.REMOVED
    )
