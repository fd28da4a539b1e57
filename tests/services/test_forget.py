"""Forgetting an address after all that can happen to it: no trace, and the bot goes on."""

from __future__ import annotations

from sqlalchemy import select

from bot.domain.access import Operation
from bot.domain.channel import InboxSpec, Kind, State
from bot.domain.notice import NoticeKind
from bot.domain.request import RequestedChange
from bot.domain.ticket import OutcomeKind
from storage.forget import forget
from storage.tables import metadata
from tests.services.play import ACME, Play, on_both, url_of

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


async def traces(play: Play, address: str) -> list[str]:
    """The tables, and the rows in them, that hold it."""
    async with play.storage.reading() as uow:
        return [
            f"{table.name}: {row!r}"
            for table in metadata.sorted_tables
            for row in await uow.connection.rows(select(table))
            if address in repr(row).casefold()
        ]


async def a_full_life(play: Play) -> None:
    """Connected, dead, reconnected, signed in to by mistake, asked for by others, disabled."""
    alice = await play.connect("alice")
    assert (await play.signs_in(await play.begin("omar"), ALICE)).ending is OutcomeKind.WRONG_MAILBOX
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=20)
    assert (await play.now_of(alice)).state is State.DISCONNECTED
    assert (await play.signs_in(await play.reconnect("alice", alice))).ending is OutcomeKind.RECONNECTED
    requested_change = RequestedChange(
        Operation.CONNECT, InboxSpec("sales@acme.example", Kind.TEAM, use=f"Was read by {ALICE}")
    )
    await play.services.approvals.ask(
        await play.actor("kenji"), requested_change, reason=f"Alice ({ALICE}) left"
    )
    await play.reconnect("alice", alice)
    await play.disable("alice", alice)


@on_both
async def test_nothing_of_it_is_left_after_a_full_life(play: Play) -> None:
    """Whatever way it got in; others' inboxes go on as before, and so does the bot."""
    kenji = await play.connect("kenji")
    await a_full_life(play)
    assert await traces(play, ALICE)
    forgotten = await forget(play.storage, "Alice@Acme.example")
    assert forgotten.is_at_slack
    assert await traces(play, ALICE) == []
    await play.passes(minutes=10)
    assert (await play.now_of(kenji)).state is State.CONNECTED
    assert (await forget(play.storage, ALICE)).count == 0


async def test_an_inbox_that_was_cut_off_says_so_and_can_be_connected_anew(play: Play) -> None:
    """Its permission was another's account: it is found dead as any other, not held as a fault of ours."""
    plan = InboxSpec("press@acme.example", Kind.TEAM)
    refused = await play.signs_in(
        await play.services.connections.begin(await play.actor("omar"), plan), ALICE
    )
    url = url_of(await play.services.oauth_flow.confirm(play.secret(refused), "browser"))
    outcome = await play.complete(play.callback(play.google.consent(url, ALICE)))
    assert outcome.ending is OutcomeKind.CONNECTED
    press = await play.channel("press@acme.example")
    assert press is not None
    assert (await forget(play.storage, ALICE)).opens == ("press@acme.example",)
    assert (await play.now_of(press)).via == ALICE
    assert (await forget(play.storage, ALICE, force=True)).opens == ("press@acme.example",)
    assert await traces(play, ALICE) == []
    await play.passes(minutes=20)
    assert (await play.now_of(press)).state is State.DISCONNECTED
    assert await play.told("omar", "press@acme.example", "🔴")
    await play.remove("omar", press)
    play.google.accounts.add("press@acme.example")
    assert (await play.connect_team("press@acme.example")).state is State.CONNECTED


@on_both
async def test_a_mass_refusal_goes_on_for_those_who_are_left(play: Play) -> None:
    """The inbox that it began with is forgotten: its message stays one, and says how it ends."""
    for name in ("alice", "kenji", "omar"):
        await play.connect(name)
    play.google.break_down("outage")
    await play.passes(minutes=17)
    [said] = await play.told("sakura", "一斉に拒否しています")
    async with play.storage.reading() as uow:
        [hold] = await uow.provider_outages.open_in(ACME)
        [notice, *_] = await uow.notices.of_subject(ACME, hold.id, NoticeKind.HOLD)
        [first] = (await uow.channels.by_ids([notice.channel_id] if notice.channel_id else [])).values()
    await forget(play.storage, first.address)
    play.google.mend()
    await play.passes(minutes=20)
    [over] = await play.told("sakura", "誤報")
    assert over.ts == said.ts and not await play.told("sakura", "一斉に拒否しています")


async def test_a_mass_refusal_of_forgotten_inboxes_is_over(play: Play) -> None:
    """Nobody is left who could leave it: it ends all the same, and the next one is told."""
    names = ("alice", "kenji", "omar")
    told = set()
    for _ in range(2):
        for name in names:
            await play.connect(name)
        play.google.break_down("outage")
        await play.passes(minutes=17)
        [said] = await play.told("sakura", "一斉に拒否しています")
        told.add(said.ts)
        for name in names:
            await forget(play.storage, f"{name}@acme.example")
        await play.passes(minutes=6)
        async with play.storage.reading() as uow:
            assert await uow.provider_outages.open_in(ACME) == ()
        play.google.mend()
    assert len(told) == 2
