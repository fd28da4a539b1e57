"""Asks providers about grants, and keeps what a refresh rotates. Network only outside transactions.

The one rule: a grant is refreshed by one at a time, in all processes (RFC 9700 §4.14.2: a provider may end
it when one secret is used twice). Whoever wants to takes its lease, in the statement that reads it, and
everybody who refreshes does it here: looks, peers, canaries, connecting, and the end of a revocation. And
what a refresh brings is never dropped: while it cannot be saved, nobody here goes back to the old one.

Hosts that lock people out are not asked too often, over all channels and processes: a login that may be
refused holds one of a host's few slots, and a refused one keeps it for as long as
``ProviderTraits.refused_within``. With none free nobody logs in there, and nothing is concluded from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.channel import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    GrantRejected,
    MailboxGone,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    UseNotGranted,
    UseWithheld,
)
from bot.domain.grant import Grant, Secret, resource_in
from bot.domain.ids import GrantId, UserId, WorkspaceId
from bot.services.core.courtesy import Courtesy, unhurried
from bot.services.core.jobs import attempted
from bot.services.core.ports import Core
from providers.base import HasResources, RefreshedGrant
from storage import StorageAway, UnitOfWork

AT_ONCE: Final = 128
"""Mailboxes looked at side by side: enough to hide the network, few enough to be a polite client."""
LEASED_FOR: Final = timedelta(minutes=5)
"""Longer than the slowest batch: two waves, each of a wait for a turn (20 s) and a login that is not answered
(50 s), for a mailbox and for its peers. A dead process's grants are free after that."""
BUSY_FOR: Final = timedelta(seconds=5)
"""When to come back to a grant that somebody else is refreshing: most often it is free by then."""
_PAUSES: Final = tuple(timedelta(seconds=s) for s in (1, 2, 5, 10, 15))
"""Before an unsaved secret is tried again. Never long: whoever takes the lease when it has run out uses the
old one."""

_GivesWay = Callable[[], Awaitable[None]]
"""Waits while people are being served, where the look is nobody's they wait for."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one look at a mailbox showed. No error is proof of life."""

    error: ProviderError | None
    code: str = ""
    fingerprint: str = ""
    """Of the secret that the answer is about: the renewed one, where the refresh brought one."""
    put_off_until: datetime | None = None
    """Nobody looked: the host has refused too many logins lately. No news about the mailbox."""
    renewals: int = 0
    """How often the grant had been refreshed by then, this look included."""


@dataclass(frozen=True, slots=True)
class ProbedGrant:
    """A grant as it was under its lease, and what one look at it showed."""

    grant: Grant
    look: ProbeResult


@dataclass(frozen=True, slots=True)
class _Rotated:
    """A secret that a provider handed out and that is not stored yet."""

    secret: Secret
    scopes: frozenset[str]
    version: int
    """Of the row that it is to replace."""
    replaces: frozenset[str]
    """Fingerprints of what it came of, one refresh after the other: any of them may be stored by now, since a
    commit whose answer was lost may have been one."""

    def is_newer_than(self, stored: Grant) -> bool:
        secret = stored.secret
        return stored.version == self.version or (secret is not None and secret.fingerprint in self.replaces)


class Unsaved:
    """Renewed secrets that the database would not take, in memory until it does."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._kept: dict[GrantId, _Rotated] = {}
        self._tries = 0
        self._due_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, grant_id: GrantId) -> bool:
        return grant_id in self._kept

    @property
    def is_due(self) -> bool:
        """Whether it is time to try again; at once where the clock was put back."""
        now = self._core.clock()
        return bool(self._kept) and not (self._due_at and now < self._due_at <= now + _PAUSES[-1])

    def keep(self, grant: Grant, fresh: RefreshedGrant) -> None:
        """``fresh`` came of ``grant`` and could not be stored."""
        if not self._kept:
            self._tries = 0
            self.failed()
        before, used = self._kept.get(grant.id), grant.secret
        self._kept[grant.id] = _Rotated(
            fresh.secret,
            fresh.scopes,
            version=before.version if before else grant.version,
            replaces=(before.replaces if before else frozenset()) | ({used.fingerprint} if used else set()),
        )

    def failed(self) -> None:
        """Not yet: told to the operator once, and tried again after a longer pause."""
        if self._tries == 0:
            _log.error("a renewed secret cannot be saved: it is kept in memory and tried again")
        self._due_at = self._core.clock() + _PAUSES[min(self._tries, len(_PAUSES) - 1)]
        self._tries += 1

    async def store(self, uow: UnitOfWork) -> dict[GrantId, _Rotated]:
        """Write them all down; ``drop`` what this returns once it is committed. What was erased or renewed by
        somebody else in the meantime stays as it is."""
        done: dict[GrantId, _Rotated] = {}
        stored = await uow.grants.by_ids(tuple(self._kept)) if self._kept else {}
        for grant_id, rotated in tuple(self._kept.items()):
            row = stored.get(grant_id)
            if (
                row is None
                or not rotated.is_newer_than(row)
                or await uow.grants.save_secret(
                    grant_id, secret=rotated.secret, scopes=rotated.scopes, expected_version=row.version
                )
            ):
                done[grant_id] = rotated
        return done

    def drop(self, done: Mapping[GrantId, _Rotated]) -> None:
        for grant_id, rotated in done.items():
            if self._kept.get(grant_id) is rotated:  # else a newer one came meanwhile
                del self._kept[grant_id]
        if done and not self._kept:
            self._due_at = None
            _log.info("every renewed secret is saved")


@dataclass(frozen=True, slots=True)
class BroughtToken:
    """The access token that a refresh brought, and between when and when it lives."""

    token: Secret
    obtained_at: datetime
    expires_at: datetime


class RefreshTurn:
    """One holder's time with a grant: nobody else refreshes it meanwhile."""

    def __init__(self, core: Core, grant: Grant, unsaved: Unsaved) -> None:
        self._core = core
        self._unsaved = unsaved
        self.grant = grant
        """As it is now: what a refresh brings is in it at once, so that no secret is used twice."""
        self.has_renewed = False
        self.leased_version = grant.version
        self.brought: dict[str, BroughtToken] = {}
        """The latest access tokens, by resource, where their provider says how long they live."""

    async def renew(self, claims: str = "", resource: str = "") -> RefreshedGrant:
        """Refresh the grant and keep the secret that comes back; with a ``resource``, for a token of another
        one than mailboxes are looked at with. Raises ``ProviderError``."""
        if not self._core.providers.is_on(self.grant.provider):
            raise ProviderMisconfigured("no_client")
        if self.grant.secret is None:
            raise ProviderMisconfigured("key_lost")  # a live grant without a secret: its key is gone
        asked_at = self._core.clock()
        fresh = await self._refreshed(claims, resource)
        if fresh.identity is not None and fresh.identity.subject != self.grant.signer.subject:
            raise MailboxGone("other_subject", Cause.OTHER_MAILBOX)  # and its secret is not ours to keep
        self.has_renewed = True
        if fresh.lives_for is not None:
            until = asked_at + fresh.lives_for
            self.brought[resource] = BroughtToken(fresh.access_token, asked_at, until)
        if fresh.secret != self.grant.secret:
            await self._keep(fresh)
        return fresh

    async def _refreshed(self, claims: str, resource: str) -> RefreshedGrant:
        provider = self._core.providers.get(self.grant.provider)
        if not resource:
            return await provider.refresh(self.grant, claims=claims)
        if not isinstance(provider, HasResources):
            raise UseNotGranted("no_resources")
        try:
            return await provider.refresh_for(self.grant, resource)
        except (GrantRejected, AdminActionNeeded, ProviderMisconfigured) as refused:
            # Some say of a use that nobody has consented to, or that a policy alone forbids, what they say of
            # a dead grant. That it lives is proven by what mailboxes are looked at with.
            await self.renew()
            if isinstance(refused, GrantRejected):
                raise UseNotGranted(refused.code) from refused
            raise UseWithheld(refused.code) from refused

    async def lose(self, resource: str) -> frozenset[str]:
        """Nobody has consented to what was asked of this resource: it is no longer taken for granted, until
        somebody does. Returns what that is. Raises ``StorageAway``."""
        grant = self.grant
        lost = frozenset(one for one in grant.scopes if resource_in(one) == resource)
        if lost and grant.secret is not None and grant.id not in self._unsaved:
            kept = grant.scopes - lost
            async with self._core.storage.writing() as uow:
                await uow.grants.save_secret(
                    grant.id, secret=grant.secret, scopes=kept, expected_version=grant.version
                )
                await uow.commit()
            self.grant = replace(grant, scopes=kept, version=grant.version + 1)
        return lost

    async def _keep(self, fresh: RefreshedGrant) -> None:
        """For good, or else in memory: the mailbox is fine, whatever the database is."""
        grant = self.grant
        self.grant = replace(grant, secret=fresh.secret, scopes=fresh.scopes, version=grant.version + 1)
        if grant.id in self._unsaved:  # the row is older than what this came of
            self._unsaved.keep(grant, fresh)
            return
        try:
            async with self._core.storage.writing() as uow:
                await uow.grants.save_secret(
                    grant.id, secret=fresh.secret, scopes=fresh.scopes, expected_version=grant.version
                )
                await uow.commit()
        except StorageAway:
            self._unsaved.keep(grant, fresh)
        except BaseException:  # whoever cancels this ends the work, not the mailbox
            self._unsaved.keep(grant, fresh)
            raise

    def seen(self, error: ProviderError | None) -> ProbeResult:
        secret = self.grant.secret
        return ProbeResult(
            error,
            error.code if error is not None else "",
            secret.fingerprint if secret else "",
            renewals=self.grant.renewals + self.has_renewed,
        )


class Probes:
    """Refreshes and probes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._login_throttle = LoginThrottle(core)
        self._unsaved = Unsaved(core)
        self._left_behind: set[str] = set()
        """Leases that could not be given back: the database was away."""

    async def run_due(self) -> int:
        """Save what a refresh brought and the database would not take; how many secrets that were."""
        return await self._save() if self._unsaved.is_due else 0

    async def save_at_last(self) -> None:
        """The process ends in good order: one last try. What cannot be saved now is lost, and said."""
        if self._unsaved:
            await self._save()
        if lost := len(self._unsaved):
            _log.error("renewed secrets are lost: the database cannot be written", grants=lost)

    async def _save(self) -> int:
        left, before = frozenset(self._left_behind), len(self._unsaved)
        try:
            async with self._core.storage.writing() as uow:
                done = await self._unsaved.store(uow)
                await uow.locks.release_held(left)
                await uow.commit()
        except StorageAway:
            self._unsaved.failed()
            return 0
        self._unsaved.drop(done)
        self._left_behind -= left
        if self._unsaved:
            self._unsaved.failed()
        return before - len(self._unsaved)

    async def look(self, grant: Grant, *, is_sparing: bool = True) -> ProbeResult:
        """Refresh one grant and make the cheap mailbox call. A ``ProviderError`` is never raised: it is the
        answer.

        ``is_sparing`` leaves a host alone that has refused too many logins; who has just shown that the
        password is right need not wait for it.
        """
        seen = await self.looks([grant.id], is_sparing=is_sparing, is_awaited=True)
        if grant.id not in seen:
            busy = ProviderUnavailable("busy")
            return ProbeResult(busy, busy.code, put_off_until=self._core.clock() + BUSY_FOR)
        return seen[grant.id].look

    async def looks(
        self,
        grant_ids: Sequence[GrantId],
        *,
        only_refresh: Collection[GrantId] = (),
        is_sparing: bool = True,
        is_awaited: bool = False,
    ) -> dict[GrantId, ProbedGrant]:
        """Look at several side by side. Those that somebody else is refreshing right now are missing; so are
        those whose lease was lost meanwhile: what they showed may be of yesterday.

        They give way to people who are being served, unless one of them waits for this (``is_awaited``).
        """
        courtesy = Courtesy() if is_awaited else self._core.courtesy  # to nobody, or to all
        await courtesy.gives_way()
        token, leased = await self._take(grant_ids)
        gate, turns = asyncio.Semaphore(AT_ONCE), [self._turn(grant) for grant in leased.values()]
        gives_way = partial(courtesy.gives_way, courtesy.until())

        async def one(turn: RefreshTurn) -> ProbeResult:
            is_refresh = turn.grant.id in only_refresh
            async with gate:
                await gives_way()
                # Whatever goes wrong with one must not cost the others of its batch their turn.
                looked = (self._sparing if is_sparing else self._look)(turn, is_refresh, gives_way)
                look, _ = await attempted(looked, what="probe")
            return look or turn.seen(ProviderUnavailable("unforeseen"))

        try:
            looks = await asyncio.gather(*(one(turn) for turn in turns))
        except BaseException:  # cut off: nobody else is to wait until the lease runs out
            with suppress(StorageAway):
                await self._free(token, turns)
            raise
        await courtesy.gives_way()
        kept = await self._free(token, turns)
        return {
            turn.grant.id: ProbedGrant(turn.grant, look)
            for turn, look in zip(turns, looks, strict=True)
            if turn.grant.id in kept
        }

    @asynccontextmanager
    async def turn(self, grant_id: GrantId) -> AsyncIterator[RefreshTurn | None]:
        """A grant to oneself; ``None`` while somebody else refreshes it, or if there is none."""
        token, leased = await self._take([grant_id])
        turn = self._turn(leased[grant_id]) if grant_id in leased else None
        try:
            yield turn
        finally:
            if turn is not None:
                await self._free(token, [turn])

    def _turn(self, grant: Grant) -> RefreshTurn:
        return RefreshTurn(self._core, grant, self._unsaved)

    async def _take(self, grant_ids: Sequence[GrantId]) -> tuple[str, dict[GrantId, Grant]]:
        if not grant_ids:
            return "", {}
        left = frozenset(self._left_behind)
        async with self._core.storage.writing() as uow:
            # Before anything is freed or read: the old secret is not to be used again.
            done = await self._unsaved.store(uow)
            if left:
                await uow.locks.release_held(left)
            token, leased = await uow.grants.lease(grant_ids, lease_for=LEASED_FOR)
            await uow.commit()
        self._unsaved.drop(done)
        self._left_behind -= left
        try:
            return token, {grant.id: grant async for grant in unhurried(leased)}
        except BaseException:  # cut off
            self._left_behind.add(token)
            raise

    async def _free(self, token: str, turns: Sequence[RefreshTurn]) -> frozenset[GrantId]:
        """Those that were still ours. What the database cannot be told now is freed by the next turn."""
        if not turns:
            return frozenset()
        try:
            async with self._core.storage.writing() as uow:
                done = await self._unsaved.store(uow)
                kept = await uow.grants.release(
                    [turn.grant.id for turn in turns],
                    lease_token=token,
                    renewed=[turn.grant.id for turn in turns if turn.has_renewed],
                )
                await self._keep_tokens(uow, [turn for turn in turns if turn.grant.id in kept])
                await uow.commit()
        except StorageAway:
            self._left_behind.add(token)
            raise
        self._unsaved.drop(done)
        return kept

    async def _keep_tokens(self, uow: UnitOfWork, turns: Sequence[RefreshTurn]) -> None:
        """Who asks for one next need not refresh again."""
        for turn in turns if self._core.policy.keeps_tokens else ():
            grant, policy = turn.grant, self._core.policy
            if grant.version != turn.leased_version and policy.features.resources_at(grant.provider):
                # A renewed secret ends none of the tokens that came of the one before.
                await uow.access_tokens.carry_on(grant.id, since=turn.leased_version)
            for resource, brought in turn.brought.items():
                await uow.access_tokens.put(
                    grant.id,
                    resource,
                    brought.token,
                    obtained_at=brought.obtained_at,
                    expires_at=brought.expires_at,
                )

    async def _sparing(self, turn: RefreshTurn, is_refresh: bool, gives_way: _GivesWay) -> ProbeResult:
        if not self._login_throttle.may_follow(turn.grant):
            return await self._look(turn, is_refresh, gives_way)
        async with self._login_throttle.turn(turn.grant) as slot:
            if slot.put_off_until is not None:
                spared = ProviderUnavailable("host_spared")
                return ProbeResult(spared, spared.code, put_off_until=slot.put_off_until)
            look = await self._look(turn, is_refresh, gives_way)
            slot.was_refused = is_refused_login(look.error)
        return look

    async def _look(self, turn: RefreshTurn, is_refresh: bool, gives_way: _GivesWay) -> ProbeResult:
        try:
            fresh = await turn.renew()
            if not is_refresh:
                await gives_way()
                await self._core.providers.get(turn.grant.provider).probe(turn.grant, fresh, turn.renew)
        except ProviderError as error:
            if isinstance(error, ProviderUnavailable) and error.unknown_code:
                self._core.telemetry.unknown_code(turn.grant.provider, error.code)
            return turn.seen(error)
        return turn.seen(None)


GUESSES_OF_PERSON: Final = 10
GUESSES_AT_HOST: Final = 20
GUESSES_WITHIN: Final = timedelta(hours=1)
"""How many logins from forms may be refused within an hour: of one person, and at one host."""
_LOGIN_WAITS: Final = timedelta(seconds=20)
"""How long a login waits for others at its host: a host that answers nobody must not hold up everybody."""
_LOGIN_AT_MOST: Final = timedelta(minutes=2)
"""How long a login may hold its slot: longer than the slowest. A dead process's slot is free after that."""


@dataclass
class LoginTurn:
    """One login's turn. ``was_refused`` is told by whoever had it."""

    put_off_until: datetime | None = None
    was_refused: bool = False


class LoginThrottle:
    """Hands out turns."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queues: dict[str, asyncio.Semaphore] = {}
        """In this process those who wait for each other need not ask the database."""

    def may_follow(self, grant: Grant) -> bool:
        """Whether refused logins lock people out at this provider."""
        return self._core.providers.traits_of(grant.provider).refused_logins is not None

    @asynccontextmanager
    async def turn(self, grant: Grant) -> AsyncIterator[LoginTurn]:
        """One login at this grant's host."""
        traits = self._core.providers.traits_of(grant.provider)
        slots, host = traits.refused_logins or 1, f"{grant.provider}:{grant.identity.tenant}"
        queue = self._queues.setdefault(host, asyncio.Semaphore(slots))
        if not await _is_our_turn(queue):
            yield LoginTurn(put_off_until=self._core.clock() + _LOGIN_WAITS)
            return
        try:
            token, free_at = await self._take(host, slots)
            turn = LoginTurn(put_off_until=None if token else free_at)
            try:
                yield turn
            finally:
                if token is not None:
                    await self._give_back(host, token, traits.refused_within if turn.was_refused else None)
        finally:
            queue.release()

    async def _take(self, host: str, slots: int) -> tuple[str | None, datetime]:
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            token = await uow.logins.take(host, slots=slots, now=now, until=now + _LOGIN_AT_MOST)
            free_at = await uow.logins.free_at(host)
            await uow.commit()
        return token, max(free_at or now, now + timedelta(seconds=1))

    async def _give_back(self, host: str, token: str, keep_for: timedelta | None) -> None:
        async with self._core.storage.writing() as uow:
            if keep_for is None:
                await uow.logins.free(host, token)
            else:
                await uow.logins.keep(host, token, self._core.clock() + keep_for)
            await uow.commit()


class Guesses:
    """What people type into forms: logins that may be refused, counted over all tickets. They take slots of
    their own, so that one who mistypes does not stop the watch over others."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @asynccontextmanager
    async def turn(self, workspace_id: WorkspaceId, person: UserId, host: str) -> AsyncIterator[LoginTurn]:
        """One try. With ``put_off_until`` nobody may try now."""
        wanted = {f"form:{workspace_id}:{person}": GUESSES_OF_PERSON, f"form:at:{host}": GUESSES_AT_HOST}
        tokens, free_at = await self._take(wanted)
        turn = LoginTurn(put_off_until=free_at)
        try:
            yield turn
        finally:
            await self._give_back(tokens, is_kept=turn.was_refused)

    async def _take(self, wanted: Mapping[str, int]) -> tuple[Mapping[str, str], datetime | None]:
        now = self._core.clock()
        tokens: dict[str, str] = {}
        async with self._core.storage.writing() as uow:
            for key, slots in wanted.items():
                token = await uow.logins.take(key, slots=slots, now=now, until=now + _LOGIN_AT_MOST)
                if token is None:
                    free_at = await uow.logins.free_at(key)
                    return {}, max(free_at or now, now + timedelta(minutes=1))  # nothing is committed
                tokens[key] = token
            await uow.commit()
        return tokens, None

    async def _give_back(self, tokens: Mapping[str, str], *, is_kept: bool) -> None:
        if not tokens:
            return
        async with self._core.storage.writing() as uow:
            for key, token in tokens.items():
                if is_kept:
                    await uow.logins.keep(key, token, self._core.clock() + GUESSES_WITHIN)
                else:
                    await uow.logins.free(key, token)
            await uow.commit()


async def _is_our_turn(queue: asyncio.Semaphore) -> bool:
    try:
        async with asyncio.timeout(_LOGIN_WAITS.total_seconds()):
            return await queue.acquire()
    except TimeoutError:
        return False


def is_refused_login(error: ProviderError | None) -> bool:
    """Whether a host may count it against the account."""
    return error is not None and (error.is_counted or isinstance(error, GrantRejected | AdminActionNeeded))
