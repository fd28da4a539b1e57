"""Grants: sealed at rest, renewed by whoever read them last, counted across the deployment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from bot.domain.grant import Grant, MailboxIdentity, Phase, Revocation, Secret
from bot.domain.ids import WorkspaceId
from storage import Cipher, Storage, generate_key
from storage.tables import grant as grant_table
from tests.storage.builders import NOW, WORKSPACE, a_channel, a_grant

SCOPES = frozenset({"mail"})


async def keep(storage: Storage, *grants: Grant) -> None:
    async with storage.writing() as uow:
        for grant in grants:
            await uow.grants.add(grant)
        await uow.commit()


async def test_a_grant_comes_back_as_it_was(storage: Storage) -> None:
    """Erased ones too."""
    live = a_grant(identity=MailboxIdentity("google", "s", "example.com"))
    erased = a_grant(
        secret=None,
        phase=Phase.RETIRED,
        revocation=Revocation.CONFIRMED,
        revocation_at=NOW,
        retired_at=NOW,
        scopes=frozenset(),
    )
    await keep(storage, live, erased)
    async with storage.reading() as uow:
        assert await uow.grants.find(live.id) == live
        assert await uow.grants.find(erased.id) == erased


async def test_no_secret_lies_open(storage: Storage) -> None:
    """Neither a row's columns nor its ciphertext show what it holds."""
    grant = a_grant(secret=Secret("very-secret"))
    await keep(storage, grant)
    async with storage.reading() as uow:
        row = await uow.connection.first(select(grant_table).where(grant_table.c.id == grant.id))
    assert "very-secret" not in repr(row)
    assert Secret("very-secret").fingerprint not in repr(row)


async def test_a_secret_copied_into_another_row_does_not_open(storage: Storage) -> None:
    """Whoever can write to the database still cannot hand one mailbox to another."""
    mine, theirs = a_grant(), a_grant()
    await keep(storage, mine, theirs)
    async with storage.writing() as uow:
        sealed = await uow.connection.value(select(grant_table.c.sealed).where(grant_table.c.id == theirs.id))
        await uow.connection.count(
            grant_table.update().where(grant_table.c.id == mine.id).values(sealed=sealed)
        )
        assert await uow.grants.find(mine.id) == replace(mine, secret=None)


async def test_without_the_key_other_things_still_work(storage: Storage, database_url: str) -> None:
    """A lost key must not keep anybody from counting, retiring or erasing."""
    grant = a_grant()
    await keep(storage, grant)
    keyless = await Storage.open(database_url, cipher=Cipher([generate_key()]))
    async with keyless.writing() as uow:
        assert await uow.grants.find(grant.id) == replace(grant, secret=None)
        assert await uow.grants.by_ids([grant.id]) == {grant.id: replace(grant, secret=None)}
        assert await uow.grants.in_use(grant.identity) == 1
        await uow.grants.set_phase(grant.id, Phase.RETIRED, NOW)
        [pending] = await uow.grants.pending_revocations(grant.signer)
        assert (pending.id, pending.secret) == (grant.id, None)
        later = NOW + timedelta(days=1)
        assert await uow.grants.retired_with_secret_before(later) == (grant.id,)
        await uow.grants.erase(grant.id)
        assert await uow.grants.retired_with_secret_before(later) == ()
        await uow.commit()
    await keyless.close()


async def test_a_renewed_secret_replaces_the_one_it_was_renewed_from(storage: Storage) -> None:
    """And nothing else: a slower renewal of the same one is refused."""
    grant = a_grant()
    await keep(storage, grant)

    async def renew(secret: str) -> bool:
        async with storage.writing() as uow:
            saved = await uow.grants.save_secret(
                grant.id, secret=Secret(secret), scopes=SCOPES, expected_version=grant.version
            )
            await uow.commit()
            return saved

    one, other = await asyncio.gather(renew("one"), renew("other"))
    assert one != other
    async with storage.reading() as uow:
        kept = replace(grant, secret=Secret("one" if one else "other"), scopes=SCOPES, version=1)
        assert await uow.grants.find(grant.id) == kept


async def test_an_erased_secret_does_not_come_back(storage: Storage) -> None:
    """A renewal that was under way when somebody removed the inbox stores nothing."""
    grant = a_grant()
    await keep(storage, grant)
    async with storage.writing() as uow:
        await uow.grants.erase(grant.id)
        for version in (0, 1):
            assert not await uow.grants.save_secret(
                grant.id, secret=Secret("late"), scopes=SCOPES, expected_version=version
            )
        await uow.commit()
    async with storage.reading() as uow:
        assert await uow.grants.find(grant.id) == replace(grant, secret=None, version=1)


async def test_going_live_does_not_lose_a_renewal(storage: Storage) -> None:
    """Phases and secrets change independently: renewing a grant is not a settings change."""
    channel, staged = a_channel(), a_grant(phase=Phase.STAGED)
    await keep(storage, staged)
    async with storage.writing() as uow:
        await uow.channels.add(channel)
        await uow.grants.set_phase(staged.id, Phase.LIVE, NOW, channel_id=channel.id)
        assert await uow.grants.save_secret(
            staged.id, secret=Secret("renewed"), scopes=SCOPES, expected_version=0
        )
        await uow.commit()
    async with storage.reading() as uow:
        live = await uow.grants.live_of(channel.id)
    assert live == replace(
        staged,
        phase=Phase.LIVE,
        channel_id=channel.id,
        secret=Secret("renewed"),
        scopes=SCOPES,
        version=1,
    )


async def test_a_mailbox_is_in_use_wherever_it_is(storage: Storage) -> None:
    """Live and staged grants count, of any workspace; the tenant is not part of who it is."""
    ana = MailboxIdentity("google", "ana", "example.com")
    await keep(
        storage,
        a_grant(identity=ana),
        a_grant(identity=replace(ana, tenant=""), phase=Phase.STAGED, workspace_id=WorkspaceId("T2")),
        a_grant(identity=ana, phase=Phase.RETIRED),
        a_grant(identity=ana, phase=Phase.SUPERSEDED),
        a_grant(identity=replace(ana, subject="bob")),
        a_grant(identity=replace(ana, provider="microsoft")),
    )
    async with storage.reading() as uow:
        assert await uow.grants.in_use(ana) == 2
        assert await uow.grants.in_use_elsewhere(ana, WORKSPACE) == 1


async def test_what_is_still_to_be_revoked_is_found(storage: Storage) -> None:
    """Retired, unsettled, and with a secret to do it with."""
    ana = MailboxIdentity("google", "ana")
    retired = {"identity": ana, "phase": Phase.RETIRED, "retired_at": NOW}
    waiting = [a_grant(**retired), a_grant(**retired, revocation=Revocation.REQUESTED)]
    await keep(
        storage,
        *waiting,
        a_grant(**retired, revocation=Revocation.CONFIRMED),
        a_grant(**retired, revocation=Revocation.CANCELLED),
        a_grant(**retired, secret=None),
        a_grant(identity=ana),
    )
    async with storage.writing() as uow:
        assert set(await uow.grants.pending_revocations(ana)) == set(waiting)
        await uow.grants.set_revocation(waiting[0].id, Revocation.CANCELLED, NOW)
        settled = await uow.grants.find(waiting[0].id)
        assert settled == replace(waiting[0], revocation=Revocation.CANCELLED, revocation_at=NOW)
        assert await uow.grants.pending_revocations(ana) == (waiting[1],)


async def test_grants_that_were_never_proven_are_found(storage: Storage) -> None:
    """What a crash left half-way is given back some time."""
    old = a_grant(phase=Phase.STAGED, obtained_at=NOW - timedelta(hours=2))
    await keep(storage, old, a_grant(phase=Phase.STAGED), a_grant(obtained_at=old.obtained_at))
    async with storage.reading() as uow:
        assert await uow.grants.staged_before(NOW - timedelta(hours=1)) == (old,)
