"""Grants. One rule: a secret is only ever sealed here, and only opened for the row it belongs to.

``version`` counts what happened to the secret (renewed, erased), so that a renewed one is never written
over a newer one, nor over nothing. Whoever wants to refresh a grant leases it first: a provider that
rotates its secrets may end the whole grant when one is used twice (RFC 9700 §4.14.2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Integer, Row, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.grant import Delegate, Grant, Granted, MailboxIdentity, Phase, Revocation, Secret
from bot.domain.ids import ChannelId, GrantId, WorkspaceId
from storage.cipher import Cipher
from storage.clock import DatabaseClock, Moment
from storage.connection import Repository
from storage.errors import KeyLost, Misplaced
from storage.tables import grant

_IN_USE: Final = grant.c.phase.in_((Phase.LIVE, Phase.STAGED))
_HAS_SECRET: Final = grant.c.sealed.is_not(None)
GRANTED: Final = (grant.c.scopes, grant.c.delegate_subject)
"""What ``granted_as`` unpacks."""


class GrantRepository(Repository):
    """Rows of ``grant_``. A grant whose key is lost comes without its secret: nothing else of it is lost."""

    async def find(self, grant_id: GrantId) -> Grant | None:
        row = await self._connection.first(_FINDING, {"its": grant_id})
        return self._readable(row) if row else None

    async def live_of(self, channel_id: ChannelId) -> Grant | None:
        live = grant.c.channel_id == channel_id, grant.c.phase == Phase.LIVE
        newest = select(grant).where(*live).order_by(grant.c.obtained_at.desc()).limit(1)
        row = await self._connection.first(newest)
        return self._readable(row) if row else None

    async def by_ids(self, ids: Sequence[GrantId]) -> dict[GrantId, Grant]:
        """Those that exist. One whose key is lost comes without its secret: it must not stop the others."""
        rows = await self._connection.rows(_OF_THOSE, {"those": list(ids)})
        return {row.id: self._readable(row) for row in rows}

    async def granted_of(self, grant_id: GrantId) -> Granted | None:
        """What was granted; ``None`` if there is no such grant. The secret is not opened."""
        row = await self._connection.first(select(*GRANTED).where(grant.c.id == grant_id))
        return granted_as(row) if row else None

    async def latest_of(self, channel_id: ChannelId) -> GrantId | None:
        """The grant that this channel had last, whatever became of it."""
        theirs = select(grant.c.id).where(
            grant.c.channel_id == channel_id, grant.c.phase.in_((Phase.LIVE, Phase.RETIRED))
        )
        found: GrantId | None = await self._connection.value(
            theirs.order_by(grant.c.obtained_at.desc()).limit(1)
        )
        return found

    def _readable(self, row: Row[Any]) -> Grant:
        try:
            return _grant(row, self._connection.cipher)
        except (KeyLost, Misplaced):
            return _grant(row, None)

    async def add(self, new: Grant) -> None:
        await self._connection.count(insert(grant), _values(new, self._connection.cipher))

    async def save_secret(
        self, grant_id: GrantId, *, secret: Secret, scopes: frozenset[str], expected_version: int
    ) -> bool:
        """Store a renewed secret, unless it was renewed or erased since that version was read."""
        sealed = self._connection.cipher.seal(secret, owner=grant_id)
        as_read = grant.c.id == grant_id, grant.c.version == expected_version, _HAS_SECRET
        renewed = update(grant).where(*as_read)
        renewed = renewed.values(sealed=sealed, scopes=scopes_as_kept(scopes), version=expected_version + 1)
        return await self._connection.count(renewed) == 1

    async def lease(self, ids: Collection[GrantId], *, lease_for: timedelta) -> tuple[str, Iterator[Grant]]:
        """Take the right to refresh these grants, those that nobody else holds now, and read them as they
        are now. Returns the token that frees them. Each is opened when it is asked for, which may be after
        the commit: that takes longer than all the rest."""
        token = self._connection.new_lease()
        clock = self._connection.clock
        times = {"present": clock.ahead(), "until": clock.ahead(plus=lease_for)}
        taken = await self._connection.rows(
            _leasing(clock.moment, self._connection.dialect), {"those": list(ids), "token": token, **times}
        )
        return token, map(self._readable, taken)

    async def release(
        self, ids: Collection[GrantId], *, lease_token: str, renewed: Collection[GrantId]
    ) -> frozenset[GrantId]:
        """Free them, and count those that were refreshed. Returns which were ours all the time."""
        kept: set[GrantId] = set()
        for which, more in ((set(ids) - set(renewed), 0), (set(ids) & set(renewed), 1)):
            if which:
                mine = {"those": list(which), "held": lease_token, "more": more}
                kept |= {row.id for row in await self._connection.rows(_RELEASING, mine)}
        return frozenset(kept)

    async def is_as_used(self, grant_id: GrantId, *, fingerprint: str, renewals: int) -> bool:
        """Whether the secret is still the one with this fingerprint, and nobody has refreshed it since."""
        row = await self._connection.first(
            select(grant.c.sealed, grant.c.renewals).where(grant.c.id == grant_id)
        )
        if row is None or row.sealed is None or row.renewals != renewals:
            return False
        return self._connection.cipher.open(row.sealed, owner=grant_id).fingerprint == fingerprint

    async def count_look(self, grant_id: GrantId) -> int:
        """One more look at a retired grant; how many it were by now."""
        counted = update(grant).where(grant.c.id == grant_id).values(looks=grant.c.looks + 1)
        row = await self._connection.first(counted.returning(grant.c.looks))
        return int(row.looks) if row else 0

    async def set_claims(self, grant_id: GrantId, claims: str) -> None:
        """Remember what the provider wants to be told at the next sign-in."""
        await self._change(grant_id, claims=claims)

    async def set_phase(
        self, grant_id: GrantId, phase: Phase, at: datetime, *, channel_id: ChannelId | None = None
    ) -> None:
        """Move it on. Superseded and retired ones remember when; ``channel_id`` is kept unless given."""
        values: dict[str, Any] = {"phase": phase}
        if phase in {Phase.SUPERSEDED, Phase.RETIRED}:
            values["retired_at"] = at
        if channel_id is not None:
            values["channel_id"] = channel_id
        await self._change(grant_id, **values)

    async def set_revocation(self, grant_id: GrantId, revocation: Revocation, at: datetime) -> None:
        await self._change(grant_id, revocation=revocation, revocation_at=at)

    async def erase(self, grant_id: GrantId) -> None:
        """Forget the secret for good."""
        await self._change(grant_id, sealed=None, version=grant.c.version + 1)

    async def in_use(self, signer: MailboxIdentity) -> int:
        """Live and staged grants that rest on this account's sign-in, in the whole deployment; disabled
        channels' and shared mailboxes' among them."""
        return await self._count(_signed_by(signer), _IN_USE)

    async def in_use_elsewhere(self, signer: MailboxIdentity, workspace_id: WorkspaceId) -> int:
        """The same, of other workspaces: a number that tells nothing about them."""
        return await self._count(_signed_by(signer), _IN_USE, grant.c.workspace_id != workspace_id)

    async def delegated_by(self, workspace_id: WorkspaceId, address: str) -> tuple[Grant, ...]:
        """Live grants of shared mailboxes here that are opened with this person's account."""
        if not address:
            return ()
        theirs = grant.c.workspace_id == workspace_id, grant.c.delegate_address == address.lower()
        return await self._all(*theirs, grant.c.phase == Phase.LIVE)

    async def pending_revocations(self, signer: MailboxIdentity) -> tuple[Grant, ...]:
        """Retired grants of this account that might still be revoked."""
        pending = grant.c.revocation.not_in((Revocation.CONFIRMED, Revocation.SHARED, Revocation.CANCELLED))
        return await self._all(_signed_by(signer), grant.c.phase == Phase.RETIRED, pending, _HAS_SECRET)

    async def retired_with_secret_before(self, at: datetime, *, limit: int = 500) -> tuple[GrantId, ...]:
        """Whose secrets to erase. Ids, unopened: a secret whose key is lost is erased all the same."""
        over = grant.c.phase.in_((Phase.RETIRED, Phase.SUPERSEDED)), grant.c.retired_at < at, _HAS_SECRET
        rows = await self._connection.rows(select(grant.c.id).where(*over).limit(limit))
        return tuple(row.id for row in rows)

    async def staged_before(self, at: datetime, *, limit: int = 500) -> tuple[Grant, ...]:
        """Grants that were never proven, because somebody or something stopped half-way."""
        return await self._all(grant.c.phase == Phase.STAGED, grant.c.obtained_at < at, limit=limit)

    async def _all(self, *which: ColumnElement[bool], limit: int = 500) -> tuple[Grant, ...]:
        query = select(grant).where(*which).order_by(grant.c.obtained_at, grant.c.id).limit(limit)
        return tuple(map(self._readable, await self._connection.rows(query)))

    async def _count(self, *which: ColumnElement[bool]) -> int:
        return int(await self._connection.value(select(func.count()).select_from(grant).where(*which)))

    async def _change(self, grant_id: GrantId, **values: Any) -> None:
        await self._connection.count(update(grant).where(grant.c.id == grant_id).values(**values))


# --- statements, built once


_THOSE: Final[BindParameter[Any]] = bindparam("those", expanding=True)
_FINDING: Final = select(grant).where(grant.c.id == bindparam("its"))
_OF_THOSE: Final = select(grant).where(grant.c.id.in_(_THOSE))
_RELEASING: Final = (
    update(grant)
    .where(grant.c.id.in_(_THOSE), grant.c.lease_token == bindparam("held"))
    .values(lease_token=None, lease_until=None, renewals=grant.c.renewals + bindparam("more", type_=Integer))
    .returning(grant.c.id)
)


@lru_cache(maxsize=64)
def _leasing(moment: Moment, dialect: str) -> ReturningUpdate[Any]:
    """Locked in one order, so that two who want several of the same don't wait for each other; those that
    somebody is taking this very moment are left to them."""
    is_free = DatabaseClock.is_past(grant.c.lease_until, moment(dialect, "present"))
    free = (
        select(grant.c.id)
        .where(grant.c.id.in_(_THOSE), is_free)
        .order_by(grant.c.id)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    return (
        update(grant)
        .where(grant.c.id.in_(select(free.c.id)), is_free)
        .values(lease_token=bindparam("token"), lease_until=moment(dialect, "until"))
        .returning(grant)
    )


def _signed_by(signer: MailboxIdentity) -> ColumnElement[bool]:
    """The tenant is not part of who it is: an account keeps its subject when it moves."""
    own = (grant.c.identity_subject == signer.subject) & grant.c.delegate_subject.is_(None)
    return (grant.c.identity_provider == signer.provider) & (
        own | (grant.c.delegate_subject == signer.subject)
    )


def granted_as(row: Sequence[Any]) -> Granted:
    scopes, delegate = row
    return Granted(frozenset(scopes.split()), is_shared=delegate is not None)


def scopes_as_kept(scopes: frozenset[str]) -> str:
    """As they stand in a row: the same for the same ones."""
    return " ".join(sorted(scopes))


def _values(it: Grant, cipher: Cipher) -> dict[str, Any]:
    return {
        "id": it.id,
        "workspace_id": it.workspace_id,
        "channel_id": it.channel_id,
        "address": it.address,
        "identity_provider": it.identity.provider,
        "identity_subject": it.identity.subject,
        "identity_tenant": it.identity.tenant,
        "scopes": scopes_as_kept(it.scopes),
        "sealed": None if it.secret is None else cipher.seal(it.secret, owner=it.id),
        "phase": it.phase,
        "obtained_at": it.obtained_at,
        "revocation": it.revocation,
        "revocation_at": it.revocation_at,
        "retired_at": it.retired_at,
        "delegate_subject": it.delegate.subject if it.delegate else None,
        "delegate_address": it.delegate.address if it.delegate else None,
        "claims": it.claims or None,
        "version": it.version,
    }


_ORDER: Final = (
    *("id", "workspace_id", "channel_id", "address", "scopes", "sealed", "phase", "obtained_at"),
    *("revocation", "revocation_at", "retired_at", "claims", "version", "renewals"),
    *("identity_provider", "identity_subject", "identity_tenant", "delegate_subject", "delegate_address"),
)
_OF_ROW: Final = itemgetter(*(list(grant.c).index(grant.c[name]) for name in _ORDER))
"""By position: names cost more than opening the secret, and every look reads one."""


def _grant(row: Row[Any], cipher: Cipher | None) -> Grant:
    grant_id, workspace_id, channel_id, address, scopes, sealed, phase, obtained_at, *more = _OF_ROW(row)
    revocation, revocation_at, retired_at, claims, version, renewals, *account = more
    provider, subject, tenant, signs, signs_as = account
    return Grant(
        id=grant_id,
        workspace_id=workspace_id,
        channel_id=channel_id,
        address=address,
        identity=MailboxIdentity(provider, subject, tenant),
        scopes=frozenset(scopes.split()),
        secret=None if sealed is None or cipher is None else cipher.open(sealed, owner=grant_id),
        phase=Phase(phase),
        obtained_at=obtained_at,
        revocation=Revocation(revocation),
        revocation_at=revocation_at,
        retired_at=retired_at,
        delegate=Delegate(signs, signs_as or "") if signs else None,
        claims=claims or "",
        version=version,
        renewals=renewals,
    )
