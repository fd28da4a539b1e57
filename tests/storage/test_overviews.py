"""What is read for a list: exactly what its reader may see, in the order of the list, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from bot.domain.access import Actor, Operation, Person, Visibility, may, visibility_of
from bot.domain.address import MailRouting, key_of
from bot.domain.channel import URGENCY, Channel, State
from bot.domain.grant import Delegate, Granted, MailboxIdentity, Phase
from bot.domain.ids import ChannelId, UserId, WorkspaceId
from bot.domain.view_models import MOST_COUNTED, Browse, StateCounts
from storage import Storage
from storage.channels import MOST_LOOK_ALIKES, Listed
from tests.storage.builders import ANA, NOW, WORKSPACE, a_channel, a_grant, a_probe, a_team_channel
from tests.storage.crowd import TEAM, add_crowd

BEN = UserId("UBEN")
CHANNELS = (
    a_team_channel(address="support@example.com"),
    a_team_channel(address="sales@example.com", state=State.DISCONNECTED),
    a_channel(address="ana@example.com"),
    a_channel(address="Ana@Gmail.com", state=State.DISABLED),
    a_channel(address="ben@googlemail.com", state=State.IMPAIRED),
    a_channel(address="ben@example.com", owner_id=BEN),
    a_channel(address="gone@example.com", state=State.REMOVED, removed_at=NOW),
    a_team_channel(address="support@example.com", workspace_id=WorkspaceId("T2")),
)
EMAILS = ("", "ana@example.com", "BEN@gmail.com", "ben@googlemail.com", "ana@gmail.com", "nobody@example.com")


def an_actor(who: UserId, email: str, *, admin: bool = False, **flags: Any) -> Actor:
    return Actor(Person(who, WORKSPACE, email=email, **flags), is_super_admin=admin)


async def keep(storage: Storage, channels: tuple[Channel, ...]) -> None:
    async with storage.writing() as uow:
        for channel in channels:
            await uow.channels.add(channel)
        await uow.commit()


async def read(
    storage: Storage, sight: Visibility, *, most: int | None = None, with_grants: bool = False
) -> tuple[tuple[Listed, ...], StateCounts]:
    async with storage.reading() as uow:
        return await uow.overviews.read(sight, most=most, with_grants=with_grants)


async def test_everybody_reads_what_they_may_see(storage: Storage) -> None:
    """The statement and the table of rights agree, for members, addressees and super admins."""
    await keep(storage, CHANNELS)
    for who, email, admin in product((ANA, BEN, UserId("UCY")), EMAILS, (True, False)):
        actor = an_actor(who, email, admin=admin)
        sight = visibility_of(actor)
        assert sight is not None
        listed, tally = await read(storage, sight)
        visible = [
            one for one in CHANNELS if one.state is not State.REMOVED and may(actor, Operation.SEE, one)
        ]
        assert {one.channel.id for one in listed} == {one.id for one in visible}, actor
        assert Counter(one.state for one in visible) == +Counter(tally.of_state), actor
        assert tally.own == sum(one.owner_id == who for one in visible), actor


@pytest.mark.parametrize("flags", [{"is_guest": True}, {"is_deleted": True}, {"is_bot": True}])
def test_whoever_is_no_member_reads_nothing(flags: dict[str, bool]) -> None:
    """Not even as a super admin, should the flags say both."""
    assert visibility_of(an_actor(ANA, "ana@example.com", admin=True, **flags)) is None


async def test_the_first_are_those_that_are_shown_first(storage: Storage) -> None:
    """Own, team, others; in each what needs somebody first, then by address, as addresses are compared."""
    names = ("b", "B2", "a", "é", "_", "z", "Ä", "ａ", "0")
    mixed = tuple(
        make(address=f"{name}{letter}-{number}@example.com", state=state)
        for number, (name, state) in enumerate(product(names, URGENCY[:4]))
        for letter, make in (("", a_channel), ("t", a_team_channel))
    )
    others = tuple(replace(one, owner_id=BEN) for one in mixed[:6] if one.owner_id)
    rest = tuple(one for one in mixed if one.id not in {other.id for other in others})
    await keep(storage, (*others, *rest))

    def place(one: Channel) -> tuple[int, int, str]:
        group = 0 if one.owner_id == ANA else 1 if one.owner_id is None else 2
        return group, URGENCY.index(one.state), key_of(one.address)

    wanted = [one.id for one in sorted((*others, *rest), key=place)]
    sight = visibility_of(an_actor(ANA, "", admin=True))
    assert sight is not None
    for most in (None, 1, 40, len(wanted), 500):
        listed, tally = await read(storage, sight, most=most)
        assert [one.channel.id for one in listed] == wanted[:most]
        assert tally.total == len(wanted)


async def test_whose_owner_has_left_is_known(storage: Storage) -> None:
    """Without another question; what is nobody's own has no owner who could."""
    gone, there = a_channel(owner_id=BEN), a_channel(address="zoe@example.com", owner_id=ANA)
    await keep(storage, (gone, there, a_team_channel(address="team@example.com")))
    async with storage.writing() as uow:
        left = an_actor(BEN, "ben@example.com").person
        await uow.people.save_all([replace(left, is_deleted=True), an_actor(ANA, "").person], NOW)
        await uow.commit()
    sight = visibility_of(an_actor(ANA, "", admin=True))
    assert sight is not None
    listed, _ = await read(storage, sight)
    assert {one.channel.address for one in listed if one.owner_left} == {gone.address}


async def test_each_comes_with_all_that_its_line_tells(storage: Storage) -> None:
    """The channel whole, its proof, where its mail has gone; what was granted only where somebody asks."""
    grant, nothing = a_grant(delegate=Delegate("sub", "omar@example.com")), a_grant(scopes=frozenset())
    proven = a_team_channel(grant_id=grant.id, via="omar@example.com")
    barely = a_team_channel(address="yes@example.com", grant_id=nothing.id)
    bare = a_team_channel(address="zoe@example.com", grant_id=None)
    await keep(storage, (proven, barely, bare))
    left = MailRouting(barely.id, "microsoft", NOW, "google", NOW - timedelta(days=1), NOW)
    async with storage.writing() as uow:
        await uow.grants.add(replace(grant, channel_id=proven.id))
        await uow.grants.add(replace(nothing, channel_id=barely.id))
        await uow.probes.put(a_probe(proven, last_ok_at=NOW - timedelta(hours=1)))
        await uow.whereabouts.put(left)
        await uow.whereabouts.put(MailRouting(bare.id, "google", NOW, "google", NOW))
        await uow.commit()
    sight = visibility_of(an_actor(ANA, ""))
    assert sight is not None
    plain, _ = await read(storage, sight)
    seen = {one.channel: one for one in plain}
    assert seen == {
        proven: Listed(proven, NOW - timedelta(hours=1), None, None),
        barely: Listed(barely, None, None, left),
        bare: Listed(bare, None, None, None),
    }
    full, _ = await read(storage, sight, with_grants=True)
    assert {one.channel: one.granted for one in full} == {
        proven: Granted(grant.scopes, is_shared=True),
        barely: Granted(frozenset(), is_shared=False),
        bare: None,
    }
    assert [one.mail_left for one in full] == [one.mail_left for one in plain]


async def test_very_many_are_counted_no_further_than_is_told(storage: Storage, database_url: str) -> None:
    """Of a state that has more than that it is only known that there are more; others stay exact."""
    await add_crowd(database_url, WORKSPACE, NOW, size=MOST_COUNTED + 500)
    await keep(storage, (a_team_channel(id=ChannelId("lost"), state=State.DISCONNECTED),))
    for admin, connected, is_open in ((True, MOST_COUNTED + 1 + TEAM, True), (False, TEAM, False)):
        sight = visibility_of(an_actor(ANA, "", admin=admin))
        assert sight is not None
        _, tally = await read(storage, sight, most=10)
        assert (tally.of_state[State.CONNECTED], tally.is_open) == (connected, is_open)
        assert (tally.of_state[State.DISCONNECTED], tally.own) == (1, 0)
        async with storage.reading() as uow:
            assert await uow.overviews.tally(sight) == tally


async def test_nothing_is_counted_where_nothing_is(storage: Storage) -> None:
    """An empty workspace."""
    sight = visibility_of(an_actor(ANA, ""))
    assert sight is not None
    assert await read(storage, sight) == ((), StateCounts())


async def test_candidates_for_a_slip_of_the_finger_are_few_and_seen(storage: Storage) -> None:
    """Among thousands at one domain at most 500 are looked at, and what was meant is among them; never what
    this person may not see."""
    many = tuple(a_team_channel(address=f"user{number:05}@example.com") for number in range(0, 20_000, 10))
    secret = a_channel(address="user00777@example.com", owner_id=BEN)
    await keep(storage, (*many, secret, a_team_channel(address="support@example.com")))
    for admin, typed, meant in (
        (False, "user0077@example.com", "user00770@example.com"),
        (False, "uesr10000@example.com", "user10000@example.com"),
        (False, "suport@example.com", "support@example.com"),
        (False, "zupport@example.com", "support@example.com"),
        (False, "support@exmaple.com", "support@example.com"),
        (True, "user00778@example.com", "user00777@example.com"),
    ):
        sight = visibility_of(an_actor(ANA, "ana@example.com", admin=admin))
        assert sight is not None
        async with storage.reading() as uow:
            found = await uow.overviews.look_alikes(sight, typed)
        assert len(found) == len(set(found)) <= MOST_LOOK_ALIKES
        assert meant in found
        assert (secret.address in found) is admin or admin
    sight = visibility_of(an_actor(ANA, "ana@example.com"))
    assert sight is not None
    for odd in ("%@%", "_@_.__", "a%_b@example.com", "@", ""):
        async with storage.reading() as uow:
            assert len(await uow.overviews.look_alikes(sight, odd)) <= MOST_LOOK_ALIKES


async def test_pages_are_the_list_cut_into_pieces(storage: Storage) -> None:
    """Of each page exactly what follows the one before, whatever was looked for, and no more than may be
    seen."""
    states = (State.CONNECTED, State.DISCONNECTED, State.DISABLED)
    mixed = tuple(
        make(address=f"{name}{n}@example.com", state=states[n % 3])
        for n in range(15)
        for name, make in (("own", a_channel), ("team", a_team_channel))
    )
    await keep(storage, mixed)
    for who, admin in ((ANA, False), (BEN, False), (BEN, True)):
        sight = visibility_of(an_actor(who, "own7@example.com" if who == BEN else "", admin=admin))
        assert sight is not None
        everything, _ = await read(storage, sight)
        for text, state in product(("", "team", "OWN1", "%"), (None, *states)):
            wanted = [
                one
                for one in everything
                if text.lower() in one.channel.address and state in {None, one.channel.state}
            ]
            found: list[Listed] = []
            async with storage.reading() as uow:
                while True:
                    browse = Browse(text, state, skip=len(found))
                    page = await uow.overviews.page(sight, browse, most=4, with_grants=False)
                    found += page
                    if len(page) < 4:
                        break
            assert [it.channel.id for it in found] == [it.channel.id for it in wanted], (who, text, state)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("alice.b", "gmail"),
        ("aliceb@googlemail.com", "gmail"),
        ("müller", "umlaut"),
        ("XN--MLLER", "umlaut"),
        ("ärzte", "name"),
        ("ÄRZTE", "name"),
        ("die  ärzte", "name"),
        ("STRASSE", "street"),
        ("straße", "street"),
        ("ｂ５%_", "odd"),
    ],
)
async def test_it_is_found_by_what_is_shown_of_it(storage: Storage, text: str, found: str) -> None:
    """The address as it stands there or as it is compared, and the name: in small and large letters of any
    alphabet."""
    named = {
        "gmail": a_team_channel(address="alice.b@gmail.com"),
        "umlaut": a_team_channel(address="info@müller.de"),
        "name": a_team_channel(address="d@example.com", name="Die Ärzte"),
        "street": a_team_channel(address="s@example.com", name="Große Straße"),
        "odd": a_team_channel(address="o@example.com", name="B5%_"),
    }
    await keep(storage, tuple(named.values()))
    sight = visibility_of(an_actor(BEN, ""))
    assert sight is not None
    async with storage.reading() as uow:
        page = await uow.overviews.page(sight, Browse(text), most=9, with_grants=False)
        listed = await uow.overviews.matching(sight, text, most=9, with_grants=False)
    assert [it.channel for it in page] == [it.channel for it in listed] == [named[found]]


async def test_a_new_name_is_found_and_the_old_one_no_longer(storage: Storage) -> None:
    """What is looked through follows what is saved."""
    await keep(storage, (was := a_team_channel(name="Ärzte"),))
    async with storage.writing() as uow:
        await uow.channels.save(replace(was, name="Öffnung"))
        await uow.commit()
    sight = visibility_of(an_actor(BEN, ""))
    assert sight is not None
    async with storage.reading() as uow:
        for text, number in (("öffnung", 1), ("ärzte", 0)):
            assert len(await uow.overviews.matching(sight, text, most=9, with_grants=False)) == number


async def test_what_was_granted_reads_the_same_of_few_and_of_very_many(storage: Storage) -> None:
    """Counted inbox by inbox, or by the indexes that lead through a million; whatever does not count is left
    out by both."""
    boss = Visibility(WORKSPACE, ANA, all_personal=True)
    kinds: tuple[dict[str, Any], ...] = (
        {"scopes": frozenset({"mail"})},
        {"delegate": Delegate("sub", "omar@example.com")},
        {},
        {"scopes": frozenset()},
    )
    states = (State.CONNECTED, State.IMPAIRED, State.DISABLED)
    async with storage.writing() as uow:
        for number in range(12):
            at = MailboxIdentity("microsoft" if number % 3 == 0 else "google", f"sub{number}")
            changes = {"identity": at, "provider": at.provider}
            make = a_team_channel if number % 2 else a_channel
            state = (*states, State.DISCONNECTED)[number % 4 if number > 7 else 0]
            channel = make(address=f"inbox{number}@example.com", state=state, **changes)
            grant = a_grant(channel_id=channel.id, identity=at, **kinds[number % len(kinds)])
            await uow.channels.add(replace(channel, grant_id=grant.id))
            await uow.grants.add(grant)
            await uow.grants.add(a_grant(channel_id=channel.id, identity=at, phase=Phase.SUPERSEDED))
        counted = await uow.overviews.grants_in_use(boss, states)
        assert len(counted) > 5
        assert Counter(counted) == Counter(await uow.overviews.grants_of_all(boss, states))
        for some in ([it[:2] for it in counted[:1]], [it[:2] for it in counted[1:]], []):
            ways = [
                await uow.overviews.first_granted(boss, states, some, most=3, are_many=are_many)
                for are_many in (False, True)
            ]
            assert [it.channel.id for it in ways[0]] == [it.channel.id for it in ways[1]]
            assert bool(ways[0]) is bool(some)
