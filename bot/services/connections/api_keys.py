"""Keys by which programs ask for access tokens: made, told apart, revoked.

The one rule: a key that is unknown, revoked, expired, mistyped or used from elsewhere gets one answer, after
the same work.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from bot.domain.access import Actor
from bot.domain.api_key import (
    LASTS,
    LONGEST_LIFE,
    LONGEST_NAME,
    OPERATOR,
    ApiKey,
    KeyFault,
    KeyRefused,
    OwnerAnswer,
    OwnerAsked,
    id_in,
    mint,
    network_of,
)
from bot.domain.channel import Channel, HistoryEntry, State
from bot.domain.errors import Gone, NotAllowed, Refusal
from bot.domain.features import Features
from bot.domain.grant import Secret
from bot.domain.ids import ApiKeyId, ChannelId, UserId, WorkspaceId
from bot.domain.notice import NoticeKind
from bot.domain.webhook import Webhook
from bot.services.core.notifications import Notifications, a_notice
from bot.services.core.ports import Aside, Core, new_secret
from storage import Storage, UnitOfWork
from storage.api_keys import GIVEN, TokenUse

NOTED_EVERY: Final = timedelta(minutes=1)
"""How often it is written down at most that a key was used."""
AT_ONCE: Final = 6
"""Units of work for programs at a time: the watch needs connections, too, and comes first."""
USES_SHOWN_FOR: Final = timedelta(days=30)
_TOGETHER: Final = 200
"""Questions that are answered from one unit of work at most."""
_NOBODY: Final = ApiKeyId("")
_NO_DIGEST: Final = "0" * 64


Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class BadKey(Refusal):
    """No key of ours that works here and now. Which of the reasons it is, nobody is told."""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What somebody wants a key for."""

    name: str
    addresses: Sequence[str] = ()
    channels: Sequence[ChannelId] = ()
    """Named by address, or chosen in a list."""
    is_for_team: bool = False
    features: Collection[str] = field(default_factory=tuple)
    lasts: timedelta = LASTS
    networks: Sequence[str] = ()
    created_by: str = ""
    once: str = ""
    """Names the form that was filled in: it makes one key, however often it is sent."""


class Together(Generic[Q, A]):
    """Answers many who ask at the same time from one unit of work: a transaction, and each statement in it,
    costs more than the rows. Nobody is told what was read, or written, before they asked."""

    def __init__(self, read: Callable[[Collection[Q]], Awaitable[Mapping[Q, A]]]) -> None:
        """``read`` answers what it can of what was asked, in that order. No question may make it fail: it
        would fail for all."""
        self._read = read
        self._one_reads = asyncio.Lock()
        self._asked: dict[Q, None] = {}
        self._next: asyncio.Task[Mapping[Q, A]] | None = None

    async def ask(self, question: Q) -> A | None:
        """``None`` where there is no answer. Raises what ``read`` raises."""
        if self._next is None or len(self._asked) >= _TOGETHER:
            self._asked = {}
            self._next = asyncio.create_task(self._answer(self._asked))
            self._next.add_done_callback(_heard)
        self._asked[question] = None
        return (await asyncio.shield(self._next)).get(question)

    async def _answer(self, asked: Collection[Q]) -> Mapping[Q, A]:
        async with self._one_reads:
            if self._asked is asked:
                self._next = None  # who comes from now on is too late for this one
            return await self._read(asked)


def _heard(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waited has heard it, or nobody waits any more


class ApiKeys:
    """Makes, checks and revokes keys. ``features`` are those that the operator has defined."""

    def __init__(
        self,
        storage: Storage,
        *,
        clock: Callable[[], datetime],
        features: Features,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``wake`` tells the engine that there is something to tell people; beside the bot, nobody."""
        self._storage = storage
        self._notifications = Notifications(Aside(clock, wake))
        self._clock = clock
        self._features = features
        self._room = asyncio.Semaphore(AT_ONCE)
        self._finding = Together(self._find)

    async def create(self, workspace_id: WorkspaceId, spec: KeySpec) -> tuple[ApiKey, Secret]:
        """A new key, and what is shown this once. Raises ``KeyRefused``."""
        self._check(spec)
        now = self._clock()
        async with self._storage.writing() as uow:
            channels = [await _named(uow, workspace_id, address) for address in spec.addresses]
            channels += [await _chosen(uow, workspace_id, one) for one in spec.channels]
            owners = {it.id: OwnerAsked(it.owner_id) for it in channels if it.owner_id is not None}
            if spec.once and not await uow.seen.first_time(f"key:{spec.once}", now):
                raise KeyRefused(KeyFault.MADE)
            key_id, secret = mint()
            key = ApiKey(
                id=key_id,
                workspace_id=workspace_id,
                name=spec.name.strip(),
                digest=secret.digest,
                is_for_team=spec.is_for_team,
                channels=frozenset(it.id for it in channels),
                features=frozenset(spec.features),
                networks=tuple(map(network_of, spec.networks)),
                created_by=spec.created_by,
                created_at=now,
                expires_at=now + spec.lasts,
                asked=owners,
            )
            await uow.api_keys.add(key)
            await note(uow, key, "key_made", now, by=spec.created_by)
            for channel in channels:
                await self._ask(uow, key, channel)
            await uow.commit()
        return key, secret

    async def _ask(self, uow: UnitOfWork, key: ApiKey, channel: Channel) -> None:
        """The owner of a personal inbox decides whether the key may use it."""
        if (asked := key.asked.get(channel.id)) is None:
            return
        about = {"key": key.id, "by": key.created_by, "at": key.created_at.isoformat()}
        asks = a_notice(NoticeKind.KEY_ASKS, channel, asked.owner_id, key.created_at, about=about)
        await self._notifications.tell(uow, asks)

    async def answer(
        self,
        actor: Actor,
        key_id: ApiKeyId,
        channel_id: ChannelId,
        answer: OwnerAnswer,
        *,
        disowned_to: Collection[UserId] = (),
    ) -> Channel:
        """The owner of a personal inbox says whether the key may use it. ``disowned_to``: it was not them who
        allowed it, and who is told that, if it was allowed. Raises ``Gone``, ``NotAllowed``."""
        now = self._clock()
        async with self._storage.writing() as uow:
            key, channel = await uow.api_keys.find(key_id), await uow.channels.find(channel_id)
            if key is None or channel is None or channel.workspace_id != actor.workspace_id:
                raise Gone("")
            if channel.owner_id != actor.id:
                raise NotAllowed("answer", (channel.owner_id,) if channel.owner_id else ())
            if channel.state is State.REMOVED or not key.works(now):
                raise Gone(channel.address)
            if await uow.api_keys.answer(key_id, channel_id, actor.id, answer, now):
                is_disowned = bool(disowned_to) and key.may_see(channel_id, owner_id=actor.id)
                what = "key_disowned" if is_disowned else f"key_{answer.value}"
                await uow.history.add(_done_to(key, channel_id, what, now, actor.id))
                about = {"key": key.id, "by": actor.id, "at": now.isoformat()}
                await self._notifications.tell_all(
                    uow,
                    [
                        a_notice(NoticeKind.KEY_DISOWNED, channel, it, now, about=about)
                        for it in (disowned_to if is_disowned else ())
                    ],
                )
                if answer is not OwnerAnswer.ALLOWED and channel.grant_id is not None:
                    await uow.access_tokens.drop(channel.grant_id)
                await self._told(uow, key, channel)
            await uow.commit()
        return channel

    async def _told(self, uow: UnitOfWork, key: ApiKey, channel: Channel) -> None:
        """What stands in Slack says what the owner has said last."""
        asks = await uow.notices.of_channel(channel.id, NoticeKind.KEY_ASKS)
        about = [it for it in asks if it.about.get("key") == key.id]
        await self._notifications.changed(uow, about, now=self._clock())

    def _check(self, spec: KeySpec) -> None:
        if not spec.name.strip().isprintable() or not 1 <= len(spec.name.strip()) <= LONGEST_NAME:
            raise KeyRefused(KeyFault.NAME)
        named = [*spec.addresses, *spec.channels]
        if spec.is_for_team == bool(named):
            raise KeyRefused(KeyFault.NOTHING_NAMED, *named[:1])
        known = {feature.key for feature in self._features.defined}
        if not spec.features:
            raise KeyRefused(KeyFault.NO_FEATURE, ", ".join(sorted(known)))
        if unknown := set(spec.features) - known:
            raise KeyRefused(KeyFault.UNKNOWN_FEATURE, ", ".join(sorted(unknown)))
        if not timedelta() < spec.lasts <= LONGEST_LIFE:
            raise KeyRefused(KeyFault.LIFE)
        for network in spec.networks:
            try:
                network_of(network)
            except ValueError:
                raise KeyRefused(KeyFault.NETWORK, network) from None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """As the storage's, for a program's request: no crowd of them takes the last connection."""
        async with self._room, self._storage.reading() as uow:
            yield uow

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[UnitOfWork]:
        """The same, to write."""
        async with self._room, self._storage.writing() as uow:
            yield uow

    async def of_workspace(self, workspace_id: WorkspaceId) -> tuple[ApiKey, ...]:
        """All that there are, those that no longer work too."""
        async with self._storage.reading() as uow:
            return await uow.api_keys.of_workspace(workspace_id)

    async def revoke(self, key_id: ApiKeyId, *, by: str = OPERATOR) -> bool:
        """From now on it gets nothing. Whether it worked until now."""
        now = self._clock()
        async with self._storage.writing() as uow:
            done = await uow.api_keys.revoke(key_id, now)
            key = await uow.api_keys.find(key_id)
            if done and key is not None:
                await key_over(uow, self._notifications, key)
                await note(uow, key, "key_revoked", now, by=by)
            await uow.commit()
        return done

    async def assign(self, key_id: ApiKeyId, person: UserId) -> bool:
        """They look after the program from now on: asked about if they leave. Whether there is such a key
        that was not revoked."""
        async with self._storage.writing() as uow:
            done = await uow.api_keys.assign(key_id, person)
            key = await uow.api_keys.find(key_id)
            if done and key is not None:
                await self._notifications.settled(
                    uow, key.workspace_id, [NoticeKind.KEY_ORPHANED], f"{key.id}:"
                )
                await note(uow, key, "key_assigned", self._clock(), by=OPERATOR)
            await uow.commit()
        return done

    async def authenticated(self, presented: str, address: str) -> ApiKey:
        """Whose key that is; ``address`` is where it comes from. Raises ``BadKey``."""
        digest = Secret(presented).digest
        key = await self._finding.ask(id_in(presented) or _NOBODY)
        is_it = hmac.compare_digest(digest, key.digest if key else _NO_DIGEST)
        if key is None or not is_it or not key.works(self._clock()) or not key.may_come_from(address):
            raise BadKey
        return key

    async def _find(self, key_ids: Collection[ApiKeyId]) -> dict[ApiKeyId, ApiKey]:
        async with self.reading() as uow:
            return await uow.api_keys.by_ids(key_ids)

    async def open_door(self, key_id: ApiKeyId) -> Secret | None:
        """A new secret for the key's own address, which is shown this once; a former one is void. ``None`` if
        there is no such key that works."""
        door = Secret(new_secret())
        async with self._storage.writing() as uow:
            done = await uow.api_keys.open_door(key_id, door.digest, self._clock())
            await uow.commit()
        return door if done else None

    async def at_door(self, presented: str, address: str) -> ApiKey:
        """Whose address has this secret; ``address`` is where the program is. Raises ``BadKey``."""
        async with self.reading() as uow:
            key = await uow.api_keys.by_door(Secret(presented).digest)
        if key is None or not key.works(self._clock()) or not key.may_come_from(address):
            raise BadKey
        return key

    def is_worth_noting(self, key: ApiKey) -> bool:
        """Whether its last use that is written down is a while ago."""
        return key.last_used_at is None or not timedelta() <= self._clock() - key.last_used_at < NOTED_EVERY


async def note(
    uow: UnitOfWork, it: ApiKey | Webhook, what: str, at: datetime, *, by: str, host: str = ""
) -> None:
    """What was done to a key or a webhook stands in the history of each inbox that it names; of one that
    names none, in the workspace's. ``host`` is where a webhook is told, if that is new."""
    actor = UserId(by) if by and by != OPERATOR else None
    about = sorted(it.channels) or [ChannelId("")]
    done = [_done_to(it, one, what, at, actor) for one in about]
    if host:
        done = [replace(one, details={**one.details, "host": host}) for one in done]
    await uow.history.add_all(done)


def _done_to(
    it: ApiKey | Webhook, channel_id: ChannelId, what: str, at: datetime, by: UserId | None
) -> HistoryEntry:
    said = {"program": it.name, "key" if isinstance(it, ApiKey) else "webhook": it.id}
    return HistoryEntry(it.workspace_id, channel_id, at, what, by, said)


async def key_over(uow: UnitOfWork, notifications: Notifications, key: ApiKey) -> None:
    """It works no more: whoever was told that it will end, or lacks somebody, sees that, and no token of
    personal inboxes stays for it."""
    allowed = sorted(one for one, asked in key.asked.items() if asked.answer is OwnerAnswer.ALLOWED)
    for channel in (await uow.channels.by_ids(allowed)).values():
        if channel.owner_id is not None and channel.grant_id is not None:
            await uow.access_tokens.drop(channel.grant_id)
    await notifications.settled(
        uow,
        key.workspace_id,
        [NoticeKind.KEY_ENDS, NoticeKind.KEY_ORPHANED, NoticeKind.KEY_ASKS, NoticeKind.KEY_DISOWNED],
        f"{key.id}:",
    )


async def _named(uow: UnitOfWork, workspace_id: WorkspaceId, address: str) -> Channel:
    """Of a personal inbox, too: its owner is asked."""
    channel = await uow.channels.at_address(workspace_id, address)
    if channel is None:
        raise KeyRefused(KeyFault.UNKNOWN_ADDRESS, address)
    return channel


async def _chosen(uow: UnitOfWork, workspace_id: WorkspaceId, channel_id: ChannelId) -> Channel:
    channel = await still_there(uow, workspace_id, channel_id)
    if channel is None or channel.state is State.REMOVED:
        raise KeyRefused(KeyFault.UNKNOWN_ADDRESS, channel.address if channel else "–")
    return channel


async def still_there(uow: UnitOfWork, workspace_id: WorkspaceId, channel_id: ChannelId) -> Channel | None:
    """What was chosen in a list may be removed by now, or another workspace's."""
    channel = await uow.channels.find(channel_id)
    return channel if channel is not None and channel.workspace_id == workspace_id else None


def hands_out_tokens(core: Core, channel: Channel) -> bool:
    """Whether programs can be given tokens of it at all."""
    return core.policy.keeps_tokens and channel.state is not State.REMOVED


async def lately_used(uow: UnitOfWork, core: Core, channel: Channel) -> tuple[TokenUse, ...]:
    """Who asked for its tokens within the last weeks, the latest first."""
    if not hands_out_tokens(core, channel):
        return ()
    return await uow.token_uses.of_channel(channel.id, core.clock() - USES_SHOWN_FOR)


async def programs_with_access(uow: UnitOfWork, core: Core, channel: Channel) -> tuple[str, ...]:
    """Names of the programs that have lately been given its tokens, by keys that work: what stops with it."""
    now, uses = core.clock(), await lately_used(uow, core, channel)
    return tuple(dict.fromkeys(it.key_name for it in uses if it.outcome == GIVEN and now < it.key_ends_at))
