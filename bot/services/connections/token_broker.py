"""Access tokens of connected mailboxes, for programs that have a key.

The one rule: a program gets what lives and never what refreshes it. One at a time refreshes a grant, in all
processes, and where the looks do it (``probes``); the latest token is kept, sealed, and answers everybody
until it has too little life left. What happens here proves nothing about a mailbox: only a look does.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from bot.domain.address import key_of
from bot.domain.api_key import ApiKey
from bot.domain.channel import Cause, Channel, Kind, State
from bot.domain.errors import ProviderError, Refusal, UseNotGranted, UseWithheld
from bot.domain.features import SERVERS, Audience, Feature, Server, resource_for, scopes_for, spoken_at
from bot.domain.grant import Granted, Secret, lacking, resource_in
from bot.domain.ids import ApiKeyId, ChannelId, GrantId, WorkspaceId
from bot.services.connections.api_keys import ApiKeys, Together
from bot.services.core.ports import Core
from bot.services.monitoring.probes import Probes
from storage import UnitOfWork
from storage.api_keys import GIVEN, Asked, KeptToken, TokenName

DEFAULT_TTL: Final = timedelta(minutes=15)
"""Exchange refuses a token some ten minutes before its end."""
LONGEST_TTL: Final = timedelta(minutes=50)
"""Providers' tokens live for an hour: nobody could be given more."""
LAST_MINUTES: Final = timedelta(minutes=2)
"""While a mailbox is in doubt, what lives at least as long is better than nothing."""
WAITS_FOR: Final = 10.0
"""Seconds that whoever asks waits while another process refreshes."""
_LOOKS_AGAIN_AFTER: Final = 0.25
_AT_ONCE: Final = 16
"""Grants that are refreshed for programs at a time."""
RESTS_FOR: Final = timedelta(seconds=30)
"""After a refresh that failed: the provider, or a look, has the word first."""
PER_MINUTE: Final = 600
"""Requests, by key."""
_NOWHERE: Final = re.compile("[\x00-\x1f\ud800-\udfff]")
_CLOCKS_DIFFER_BY: Final = timedelta(seconds=30)
_log = structlog.get_logger(__name__)


class Code(StrEnum):
    """Why there is no token."""

    UNKNOWN_CHANNEL = "unknown_channel"
    USE_NOT_ALLOWED = "use_not_allowed"
    USE_NOT_GRANTED = "use_not_granted"
    USE_WITHHELD = "use_withheld"
    DISABLED = "disabled"
    NOT_OAUTH = "not_oauth"
    DISCONNECTED = "disconnected"
    IMPAIRED = "impaired"
    HELD = "held"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    SLOW_DOWN = "slow_down"


@dataclass(eq=False)
class NoToken(Refusal):
    """There is no token to be had. ``details`` go into the answer."""

    code: Code
    retry_after: timedelta | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token, and what its user needs beside it."""

    token: Secret
    expires_at: datetime
    life: timedelta
    """From now to its end."""
    user: str
    """Who logs in, where SASL asks for it."""
    server: Server | None
    scopes: frozenset[str]
    audience: Audience
    grant_id: GrantId


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """A mailbox as a program may see it."""

    channel: Channel
    features: tuple[str, ...]
    audiences: tuple[Audience, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Which mailbox a program wants a token of, and what for."""

    key_id: ApiKeyId
    which: str
    audience: Audience
    key: ApiKey = field(compare=False)

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.key.workspace_id


_Found = tuple[Channel, Granted | None, KeptToken | None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    channel: Channel
    audience: Audience
    feature: str
    scopes: frozenset[str]

    @property
    def which(self) -> TokenName:
        return _grant_of(self.channel), resource_for(self.channel.provider, self.audience)


@dataclass(frozen=True, slots=True)
class _Rest:
    """After a refresh that failed: until when nothing is asked, and what is said meanwhile."""

    until: datetime
    is_withheld: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class _Note:
    """Who asked for what. No two are the same: each counts."""

    key: ApiKey
    asked: Asked
    address: str


class TokenBroker:
    """Hands out access tokens."""

    def __init__(
        self,
        core: Core,
        probes: Probes,
        keys: ApiKeys,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._core = core
        self._probes = probes
        self._keys = keys
        self._pause = pause
        self._finding = Together(self._find)
        self._noting = Together(self._note)
        self._under_way: dict[TokenName, asyncio.Task[KeptToken]] = {}
        self._rests: dict[TokenName, _Rest] = {}
        self._withheld: set[TokenName] = set()
        self._refreshing = asyncio.Semaphore(_AT_ONCE)
        self._asked: dict[str, tuple[datetime, int]] = {}

    # --- what a program may see

    async def channels(self, key: ApiKey, after: str = "", *, limit: int) -> tuple[SeenChannel, ...]:
        """What the key may see behind ``after``, by id, at most ``limit`` of them."""
        async with self._keys.reading() as uow:
            if key.is_for_team:
                found = await uow.channels.of_team(key.workspace_id, ChannelId(after), limit=limit)
            else:
                behind = sorted(one for one in key.channels if one > after)
                named = await uow.channels.by_ids(behind)
                found = tuple(named[one] for one in behind if one in named)
        seen = [one for one in found if _is_visible(key, one) and _is_allowed(key, one)]
        return tuple(self._shown(key, one) for one in seen[:limit])

    async def channel(self, key: ApiKey, which: str) -> SeenChannel:
        """The one with this id or address. Raises ``NoToken``."""
        async with self._keys.reading() as uow:
            channel = await self._found(uow, key, which)
        _raise_unless_allowed(key, channel)
        return self._shown(key, channel)

    def _shown(self, key: ApiKey, channel: Channel) -> SeenChannel:
        used = self._features_of(key, channel.provider)
        spoken = sorted(spoken_at(channel.provider))
        return SeenChannel(
            channel,
            features=tuple(one.key for one in used),
            audiences=tuple(
                audience
                for audience in spoken
                if any(
                    scopes_for(one, channel.provider, audience, is_shared=is_shared)
                    for one in used
                    for is_shared in (False, True)
                )
            ),
        )

    def _features_of(self, key: ApiKey, provider: str) -> tuple[Feature, ...]:
        """Those that it may be used for and that need something of this provider."""
        defined = self._core.policy.features
        own, shared = defined.at(provider), defined.at(provider, is_shared=True)
        return tuple(one for one in defined.defined if one.key in key.features and one in (*own, *shared))

    async def _found(self, uow: UnitOfWork, key: ApiKey, which: str) -> Channel:
        which = _askable(which)
        if "@" in which:
            channel = await uow.channels.at_address(key.workspace_id, which)
        else:
            channel = await uow.channels.find(ChannelId(which))
        return _visible(key, (channel, None, None) if channel is not None else None)[0]

    async def _find(self, places: Collection[_Place]) -> dict[_Place, _Found]:
        """What is known of each. No token is opened for a key that may not have it: that a mailbox is there
        would be told by the time it takes."""
        async with self._keys.reading() as uow:
            channels = await _channels_at(uow, places)
            named = {
                place: (_grant_of(channel), resource_for(channel.provider, place.audience))
                for place, channel in channels.items()
                if _is_visible(place.key, channel) and _is_allowed(place.key, channel)
            }
            at_hand = await uow.access_tokens.at_hand(set(named.values()))
        found: dict[_Place, _Found] = {}
        for place, channel in channels.items():
            granted, kept = at_hand.get(named[place], (None, None)) if place in named else (None, None)
            found[place] = channel, granted, kept
        return found

    async def _note(self, notes: Collection[_Note]) -> dict[_Note, None]:
        """They are written down when this returns."""
        shown = {it.key.id: it.address for it in notes if self._keys.is_worth_noting(it.key)}
        async with self._keys.writing() as uow:
            now = self._core.clock()
            await uow.token_uses.count(Counter((it.asked, it.address) for it in notes), at=now)
            await uow.api_keys.used(shown, now)
            await uow.commit()
        return {}

    # --- tokens

    async def token(
        self, key: ApiKey, which: str, audience: Audience, *, min_ttl: timedelta | None = None, address: str
    ) -> GivenToken:
        """A token that lives for ``min_ttl`` at least. ``address`` is where the program asks from.

        Without ``min_ttl`` it lives for ``DEFAULT_TTL``, or, while the mailbox is in doubt, for
        ``LAST_MINUTES``. Raises ``NoToken``.
        """
        wanted: _Wanted | None = None
        outcome, channel_id = "unforeseen", ChannelId("")
        try:
            found = await self._finding.ask(_Place(key.id, _askable(which), audience, key))
            channel, granted, kept = _visible(key, found)
            channel_id = channel.id
            _raise_unless_allowed(key, channel)
            wanted = self._wanted(key, channel, audience, granted or Granted(frozenset()))
            given = await self._living(wanted, kept, min_ttl)
            outcome = GIVEN
        except NoToken as refused:
            outcome = refused.code
            raise
        finally:
            if outcome != "unforeseen":
                asked = Asked(key.id, channel_id, audience, outcome)
                await self._noting.ask(_Note(key, asked, address))
        return self._given(wanted, given)

    async def refused(self, key: ApiKey, which: str, fingerprint: str) -> bool:
        """A server did not take the token with this fingerprint, a program says: the mailbox is looked at
        soon, and if that token is still the latest, the next one who asks gets another. Whether it was.

        Anybody with a key can say so: it counts as no refusal. Raises ``NoToken``.
        """
        now = self._core.clock()
        async with self._keys.writing() as uow:
            channel = await self._found(uow, key, which)
            _raise_unless_allowed(key, channel)
            grant_id, is_latest = _grant_of(channel), False
            for resource in sorted({resource_for(channel.provider, one) for one in Audience}):
                kept = await uow.access_tokens.find(grant_id, resource)
                if kept is None or kept.token.fingerprint != fingerprint:
                    continue
                is_latest = True
                if kept.obtained_at <= now - RESTS_FOR:
                    await uow.access_tokens.drop(grant_id, resource)
            await uow.probes.look_soon(channel.id, now=now, apart=RESTS_FOR)
            await uow.commit()
        self._core.wake()
        return is_latest

    def pace(self, key: ApiKey) -> None:
        """It asks for something. Raises ``NoToken`` for one that asks all the time."""
        now = self._core.clock()
        since, times = self._asked.get(key.id, (now, 0))
        if not since <= now < since + timedelta(minutes=1):
            since, times = now, 0
        self._asked[key.id] = since, times + 1
        if times >= PER_MINUTE:
            raise NoToken(Code.SLOW_DOWN, since + timedelta(minutes=1) - now)

    def _wanted(self, key: ApiKey, channel: Channel, audience: Audience, granted: Granted) -> _Wanted:
        spoken = spoken_at(channel.provider)
        if not spoken:
            raise NoToken(Code.NOT_OAUTH)
        used = [
            (one, scopes)
            for one in self._features_of(key, channel.provider)
            if (scopes := scopes_for(one, channel.provider, audience, is_shared=granted.is_shared))
        ]
        if audience not in spoken or not used:
            fine = [one.value for one in self._shown(key, channel).audiences]
            raise NoToken(Code.USE_NOT_ALLOWED, details={"audiences": fine})
        _raise_for(channel)
        missing = [(one, lacking(scopes, granted.scopes)) for one, scopes in used]
        if all(lacks for _, lacks in missing):
            feature, lacks = missing[0]
            details = {"feature": feature.key, "missing": sorted(lacks)}
            raise NoToken(Code.USE_NOT_GRANTED, details=details)
        resource = resource_for(channel.provider, audience)
        there = frozenset(one for one in granted.scopes if resource_in(one) == resource)
        return _Wanted(channel, audience, used[0][0].key, there)

    async def _living(self, wanted: _Wanted, kept: KeptToken | None, min_ttl: timedelta | None) -> KeptToken:
        life = self._life(kept)
        if kept is not None and life >= (min_ttl or DEFAULT_TTL):
            return kept
        channel = wanted.channel
        if channel.state is State.IMPAIRED:
            if kept is not None and min_ttl is None and life >= LAST_MINUTES:
                return kept
            is_held = channel.cause is Cause.HELD
            raise NoToken(Code.HELD if is_held else Code.IMPAIRED, timedelta(minutes=5 if is_held else 1))
        try:
            fresh = await self._refreshed(wanted.which, min_ttl or DEFAULT_TTL)
        except UseWithheld:
            raise NoToken(Code.USE_WITHHELD, details={"feature": wanted.feature}) from None
        except UseNotGranted:
            details = {"feature": wanted.feature, "missing": sorted(wanted.scopes)}
            raise NoToken(Code.USE_NOT_GRANTED, details=details) from None
        if self._life(fresh) < (min_ttl or DEFAULT_TTL):
            raise NoToken(Code.PROVIDER_UNAVAILABLE, RESTS_FOR)
        return fresh

    def _life(self, kept: KeptToken | None) -> timedelta:
        now = self._core.clock()
        if kept is None or kept.obtained_at > now + _CLOCKS_DIFFER_BY:  # by a clock that was ahead
            return timedelta()
        return kept.expires_at - now

    async def _refreshed(self, which: TokenName, min_ttl: timedelta) -> KeptToken:
        """By whoever does it already, or by us. It goes on when whoever asked is gone."""
        asked_at = self._core.clock()
        while (task := self._under_way.get(which)) is not None and not task.done():
            joined = await asyncio.shield(task)
            # It may have ended with a kept one that was enough for whoever began it.
            if self._life(joined) >= min_ttl or joined.obtained_at >= asked_at:
                return joined
        return await asyncio.shield(self._begin(which, min_ttl))

    def _begin(self, which: TokenName, min_ttl: timedelta) -> asyncio.Task[KeptToken]:
        """A refresh that others can join. Raises ``NoToken``, ``UseWithheld`` after one that failed."""
        now, rest = self._core.clock(), self._rests.get(which)
        if rest is not None and now < rest.until <= now + RESTS_FOR:
            if rest.is_withheld:
                raise UseWithheld
            raise NoToken(Code.PROVIDER_UNAVAILABLE, rest.until - now)
        self._rests.pop(which, None)
        task = asyncio.create_task(self._refresh(which, min_ttl))
        self._under_way[which] = task
        task.add_done_callback(lambda done: self._done(which, done))
        return task

    def _done(self, which: TokenName, task: asyncio.Task[KeptToken]) -> None:
        if self._under_way.get(which) is task:
            del self._under_way[which]
        if not task.cancelled():
            task.exception()  # whoever waited has heard it, or nobody waits any more

    async def _refresh(self, which: TokenName, min_ttl: timedelta) -> KeptToken:
        waited = 0.0
        while True:
            async with self._refreshing:
                fresh = await self._try(which, min_ttl)
            if fresh is not None:
                return fresh
            if waited >= WAITS_FOR:
                raise NoToken(Code.PROVIDER_UNAVAILABLE, timedelta(seconds=5))
            await self._pause(_LOOKS_AGAIN_AFTER)
            waited += _LOOKS_AGAIN_AFTER
            if (kept := await self._kept(which)) is not None and self._life(kept) >= min_ttl:
                return kept

    async def _try(self, which: TokenName, min_ttl: timedelta) -> KeptToken | None:
        """``None`` while somebody else refreshes it."""
        grant_id, resource = which
        async with self._probes.turn(grant_id) as turn:
            if turn is None:
                return None
            # Somebody may have been done just before the grant was ours.
            if (kept := await self._kept(which)) is not None and self._life(kept) >= min_ttl:
                return kept
            try:
                await turn.renew(resource=resource)
            except UseWithheld as error:
                self._rests[which] = _Rest(self._core.clock() + RESTS_FOR, is_withheld=True)
                self._withhold(which, error)
                raise
            except UseNotGranted:
                await turn.lose(resource)
                raise
            except ProviderError as error:
                self._rests[which] = _Rest(self._core.clock() + RESTS_FOR)
                await self._look_soon(turn.grant.channel_id)
                raise NoToken(Code.PROVIDER_UNAVAILABLE, RESTS_FOR) from error
            self._withheld.discard(which)
            fresh = turn.brought.get(resource)
        if fresh is None:
            raise NoToken(Code.PROVIDER_UNAVAILABLE, RESTS_FOR)  # it does not say how long that lives
        return KeptToken(fresh.token, fresh.obtained_at, fresh.expires_at)

    def _withhold(self, which: TokenName, error: UseWithheld) -> None:
        """No look meets it, and no owner can mend it: the operator hears of it, once."""
        if which not in self._withheld:
            grant_id, resource = which
            _log.warning(
                "a mailbox is fine, but a provider gives programs no token of it",
                grant=grant_id,
                resource=resource,
                code=error.code,
            )
        self._withheld.add(which)

    async def _kept(self, which: TokenName) -> KeptToken | None:
        async with self._keys.reading() as uow:
            return await uow.access_tokens.find(*which)

    async def _look_soon(self, channel_id: ChannelId | None) -> None:
        """A look finds out what there is to it: what was met here is no strike."""
        if channel_id is None:
            return
        async with self._keys.writing() as uow:
            await uow.probes.look_soon(channel_id, now=self._core.clock(), apart=RESTS_FOR)
            await uow.commit()
        self._core.wake()

    def _given(self, wanted: _Wanted, kept: KeptToken) -> GivenToken:
        channel = wanted.channel
        return GivenToken(
            token=kept.token,
            expires_at=kept.expires_at,
            life=self._life(kept),
            user=channel.via or channel.address,
            server=SERVERS.get((channel.provider, wanted.audience)),
            scopes=wanted.scopes,
            audience=wanted.audience,
            grant_id=_grant_of(channel),
        )


async def _channels_at(uow: UnitOfWork, places: Collection[_Place]) -> dict[_Place, Channel]:
    named: dict[_Place, Channel] = {}
    by_id = await uow.channels.by_ids([ChannelId(it.which) for it in places if "@" not in it.which])
    for workspace_id in {it.workspace_id for it in places}:
        theirs = [it for it in places if it.workspace_id == workspace_id]
        addressed = [it.which for it in theirs if "@" in it.which]
        by_address = await uow.channels.at_addresses(workspace_id, addressed)
        for it in theirs:
            found = by_address.get(key_of(it.which)) if "@" in it.which else by_id.get(ChannelId(it.which))
            if found is not None:
                named[it] = found
    return named


def _askable(which: str) -> str:
    """What no database can be asked for is nowhere; and others are asked for with it."""
    if _NOWHERE.search(which):
        raise NoToken(Code.UNKNOWN_CHANNEL)
    return which


def _visible(key: ApiKey, found: _Found | None) -> _Found:
    if found is None or not _is_visible(key, found[0]):
        raise NoToken(Code.UNKNOWN_CHANNEL)
    return found


def _is_visible(key: ApiKey, channel: Channel) -> bool:
    return (
        channel.workspace_id == key.workspace_id
        and channel.state is not State.REMOVED
        and key.names(channel.id, is_team=channel.kind is Kind.TEAM)
    )


def _is_allowed(key: ApiKey, channel: Channel) -> bool:
    return key.may_see(channel.id, owner_id=channel.owner_id)


def _raise_unless_allowed(key: ApiKey, channel: Channel) -> None:
    """Of a personal inbox that its owner has not (or no longer) allowed to the key nothing more is said."""
    if not _is_allowed(key, channel):
        raise NoToken(Code.USE_NOT_GRANTED, details={"waits_for": "owner"})


def _grant_of(channel: Channel) -> GrantId:
    """Empty where there is none: nothing is found under it."""
    return channel.grant_id or GrantId("")


def _raise_for(channel: Channel) -> None:
    if channel.state is State.DISABLED:
        raise NoToken(Code.DISABLED)
    if channel.state is State.DISCONNECTED or channel.grant_id is None:
        details = {"cause": channel.cause.value, "since": channel.since}
        raise NoToken(Code.DISCONNECTED, details=details)
