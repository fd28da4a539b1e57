"""Telling a mailbox that died from a provider that has a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, literal_column, select, text
from structlog.testing import capture_logs

from bot.domain.channel import Cause, Channel, State
from bot.domain.errors import GrantRejected, MailboxGone
from bot.domain.ids import GrantId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Vote
from bot.services.monitoring.corroboration import BatchCache
from bot.services.monitoring.monitor import LEASE
from bot.services.monitoring.probes import ProbeResult
from tests.services.play import Gate, Play, on_both
from tests.storage.builders import a_channel, a_grant

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


async def connected(play: Play, *names: str) -> list[Channel]:
    return [await play.connect(name) for name in names]


# --- one mailbox dies


@on_both
async def test_peers_vouch_and_the_second_witness_tells(play: Play) -> None:
    """One refusal never tells; thirty seconds later, the provider serving others, the owner knows."""
    alice, _ = await connected(play, "alice", "kenji")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=15, seconds=5)
    first = await play.now_of(alice)
    assert (first.state, first.cause) == (State.IMPAIRED, Cause.GRANT_REFUSED)
    assert not await play.alarms()
    await play.passes(seconds=31)
    second = await play.now_of(alice)
    assert (second.state, second.cause) == (State.DISCONNECTED, Cause.GRANT_REFUSED)
    [alarm] = await play.alarms()
    assert ALICE in alarm.plain
    assert not await play.alarms("kenji")
    assert not await play.told("sakura", ALICE)


async def test_a_lonely_mailbox_waits_five_minutes_for_the_second_witness(play: Play) -> None:
    """Nobody can vouch for the provider, so the second refusal must be further away."""
    [alice] = await connected(play, "alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=15, seconds=5)
    assert (await play.now_of(alice)).state is State.IMPAIRED
    await play.passes(minutes=4, seconds=50)
    assert (await play.now_of(alice)).state is State.IMPAIRED
    assert not await play.alarms()
    await play.passes(seconds=15)
    assert (await play.now_of(alice)).state is State.DISCONNECTED
    assert len(await play.alarms()) == 1


async def test_a_passing_probe_resets_every_strike(play: Play) -> None:
    """A refusal between two passes is forgotten (rule 2)."""
    alice, _ = await connected(play, "alice", "kenji")
    play.google.break_down("outage", ALICE, times=1)
    await play.passes(minutes=15, seconds=5)
    assert (await play.now_of(alice)).state is State.IMPAIRED
    await play.passes(seconds=35)
    row = await play.probe(alice)
    assert row is not None
    assert (row.strikes, row.tries, row.first_refused_at) == (0, 0, None)
    assert (await play.now_of(alice)).state is State.CONNECTED
    await play.passes(minutes=16)
    assert len(await play.dm("alice")) == 1  # the one that said: connected


async def test_recovery_is_noticed_by_itself_and_the_message_says_so(play: Play) -> None:
    """The old grant works again: the incident ends and the alarm is edited, with nothing to do (rule 2)."""
    alice, _ = await connected(play, "alice", "kenji")
    play.google.break_down("account_disabled", ALICE)
    await play.passes(minutes=20)
    [alarm] = await play.alarms()
    play.google.mend(ALICE)
    await play.passes(minutes=16)
    assert (await play.now_of(alice)).state is State.CONNECTED
    incident = await play.incident(alice)
    assert incident is not None
    assert (incident.resolution, incident.resolved_by) == (Resolution.RECOVERED, None)
    [edited] = [said for said in await play.dm("alice") if said.ts == alarm.ts]
    assert edited.edited
    assert not await play.alarms()


async def test_a_dead_mailbox_is_asked_about_ever_more_rarely(play: Play) -> None:
    """Every other minute for an hour, every quarter of an hour for a day, hourly for a week."""
    [alice] = await connected(play, "alice")
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=30)
    before = play.google.requests["token"]
    await play.passes(minutes=20)
    assert play.google.requests["token"] - before == 10
    await play.passes(minutes=40)
    before = play.google.requests["token"]
    await play.passes(hours=2)
    assert play.google.requests["token"] - before == 8
    play.stage.town.clock.advance(timedelta(hours=22))
    await play.settles()
    before = play.google.requests["token"]
    await play.passes(hours=5, minutes=1)
    assert play.google.requests["token"] - before == 5
    assert len(await play.alarms()) == 1
    assert (await play.now_of(alice)).state is State.DISCONNECTED


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("password_changed", Cause.GRANT_REFUSED),
        ("account_deleted", Cause.GRANT_REFUSED),
        ("invalid_rapt", Cause.SIGN_IN_AGAIN),
        ("admin_policy", Cause.ADMIN_POLICY),
        ("scope_removed", Cause.PERMISSION_MISSING),
        ("no_mailbox", Cause.MAILBOX_MISSING),
        ("domain_policy", Cause.ADMIN_POLICY),
    ],
)
async def test_every_refusal_is_told_with_its_own_cause(play: Play, what: str, cause: Cause) -> None:
    """Whatever a person can mend ends in one message, and the cause is the provider's."""
    alice, _ = await connected(play, "alice", "kenji")
    play.google.break_down(what, ALICE)
    await play.passes(minutes=17)
    dead = await play.now_of(alice)
    assert (dead.state, dead.cause) == (State.DISCONNECTED, cause)
    assert len(await play.alarms()) == 1


# --- nobody's fault


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("unknown_error", {"code": "quantum_flux"}),
        ("throttled", {"retry_after": 30}),
        ("server_error", {"status": 503}),
        ("html", {"status": 200}),
        ("malformed_json", {}),
        ("json_list", {}),
        ("huge_body", {}),
        ("server_error", {"at": "gmail"}),
        ("gmail_rate_limited", {}),
    ],
)
async def test_trouble_on_the_line_never_disconnects(
    play: Play, what: str, options: dict[str, object]
) -> None:
    """Unknown codes, throttling, errors and nonsense keep it impaired for hours, untold (rule 3)."""
    [alice] = await connected(play, "alice")
    play.google.break_down(what, ALICE, **options)
    for _ in range(8):
        play.stage.town.clock.advance(timedelta(minutes=10))
        await play.look(alice)
    await play.settles()
    troubled = await play.now_of(alice)
    assert (troubled.state, troubled.cause) == (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE)
    assert len(await play.dm("alice")) == 1
    play.google.mend()
    await play.passes(minutes=6)
    assert (await play.now_of(alice)).state is State.CONNECTED


async def test_lasting_trouble_is_written_down_once(play: Play) -> None:
    """News that repeats itself adds no line to the history and makes no button stale."""
    [alice] = await connected(play, "alice")
    play.google.break_down("server_error", ALICE)
    await play.passes(minutes=85)
    before, version = await play.history(alice), (await play.now_of(alice)).version
    await play.passes(minutes=30)
    assert (await play.now_of(alice)).version == version
    assert await play.history(alice) == before


async def test_an_answer_that_is_late_is_trouble_and_no_refusal(play: Play) -> None:
    """A provider that asks to be left alone for an hour is left alone."""
    [alice] = await connected(play, "alice")
    play.google.break_down("throttled", ALICE, retry_after=3600)
    await play.passes(minutes=15, seconds=5)
    row = await play.probe(alice)
    assert row is not None
    assert row.due_at >= play.now + timedelta(minutes=59)


async def test_who_is_put_off_for_a_day_is_told_after_an_hour(play: Play) -> None:
    """However long a provider wants to be left alone: that a team address cannot be checked is found by
    looking at it."""
    support = await play.connect_team()
    play.google.break_down("throttled", support.address, retry_after=86_400)
    await play.passes(minutes=65)
    incident = await play.incident(support)
    assert incident is not None
    assert incident.kind is IncidentKind.UNVERIFIABLE
    play.google.mend(support.address)
    await play.passes(minutes=60)
    assert (await play.now_of(support)).state is State.CONNECTED


# --- everybody is refused


async def test_a_mass_refusal_holds_everybody_and_tells_no_owner(play: Play) -> None:
    """An outage that looks like revocations is not believed: owners read nothing, admins one message."""
    channels = await connected(play, "alice", "kenji", "omar")
    shown = {name: len(await play.dm(name)) for name in ("alice", "kenji")}
    play.google.break_down("outage")
    await play.passes(minutes=25)
    for channel in channels:
        held = await play.now_of(channel)
        assert (held.state, held.cause) == (State.IMPAIRED, Cause.HELD), held
    assert len(await play.dm("sakura")) == 1
    play.google.mend()
    await play.passes(minutes=30)
    assert {(await play.now_of(channel)).state for channel in channels} == {State.CONNECTED}
    assert {name: len(await play.dm(name)) for name in shown} == shown
    assert len(await play.dm("sakura")) == 1


async def test_two_mailboxes_refused_together_are_each_as_good_as_alone(play: Play) -> None:
    """Two are too few to be called an outage: both wait as long as a lone one, and both are told."""
    alice, kenji = await connected(play, "alice", "kenji")
    play.google.break_down("outage")
    await play.passes(minutes=19)
    assert not await play.alarms()
    await play.passes(minutes=5)
    for channel in (alice, kenji):
        assert (await play.now_of(channel)).state is State.DISCONNECTED
    assert len(await play.alarms()) == 1


async def test_strikes_of_before_an_outage_prove_nothing_after_it(play: Play) -> None:
    """A refusal counted just before a mass failure does not become the first witness afterwards."""
    alice, *_ = await connected(play, "alice", "kenji", "omar")
    play.google.break_down("outage", ALICE)
    await play.passes(minutes=15, seconds=5)
    play.google.break_down("outage")
    await play.passes(minutes=2)
    row = await play.probe(alice)
    assert row is not None
    assert row.strikes == 0
    assert not await play.alarms()


# --- our own fault


async def test_broken_client_credentials_tell_the_operator_once_and_nobody_else(play: Play) -> None:
    """The owners can do nothing about our client; whoever runs the bot reads it once (rule 4)."""
    channels = await connected(play, "alice", "kenji")
    shown = {name: len(await play.dm(name)) for name in ("alice", "kenji", "gus")}
    play.google.break_down("invalid_client")
    await play.passes(minutes=30)
    for channel in channels:
        broken = await play.now_of(channel)
        assert (broken.state, broken.cause) == (State.IMPAIRED, Cause.OURS_BROKEN)
    assert {name: len(await play.dm(name)) for name in shown} == shown
    for admin in ("sakura", "omar"):
        [said] = await play.told(admin, "invalid_client")
        assert not said.edited
    play.google.mend()
    await play.passes(minutes=6)
    for admin in ("sakura", "omar"):
        [said] = await play.dm(admin)
        assert said.edited
    assert {(await play.now_of(channel)).state for channel in channels} == {State.CONNECTED}
    assert {name: len(await play.dm(name)) for name in shown} == shown


async def test_our_broken_client_changes_each_channel_once(play: Play) -> None:
    """As long as it lasts no version moves and the history does not grow."""
    [alice] = await connected(play, "alice")
    play.google.break_down("invalid_client")
    await play.passes(minutes=20)
    before, version = await play.history(alice), (await play.now_of(alice)).version
    await play.passes(minutes=30)
    assert await play.history(alice) == before
    assert (await play.now_of(alice)).version == version


# --- disabled


async def test_a_disabled_inbox_is_refreshed_weekly_and_never_pages(play: Play) -> None:
    """Its grant is kept alive without reading mail; refused twice it needs a reconnect, untold."""
    [alice] = await connected(play, "alice")
    await play.disable("alice", alice)
    await play.settles()
    tokens, gmail, shown = (
        play.google.requests["token"],
        play.google.requests["gmail"],
        len(await play.dm("alice")),
    )
    await play.passes(days=7, minutes=1)
    assert play.google.requests["token"] == tokens + 1
    assert play.google.requests["gmail"] == gmail
    play.google.break_down("revoked", ALICE)
    await play.passes(days=15)
    off = await play.now_of(alice)
    assert (off.state, off.cause, off.needs_reconnect) == (State.DISABLED, Cause.GRANT_REFUSED, True)
    assert len(await play.dm("alice")) == shown
    asked = play.google.requests["token"]
    await play.passes(days=7)
    assert play.google.requests["token"] - asked <= 1


# --- several processes


@on_both
async def test_two_processes_claim_disjoint_rows(play: Play) -> None:
    """Every due mailbox is looked at by one of them, none by both."""
    channels = await connected(play, "alice", "kenji", "omar")
    play.stage.town.clock.advance(timedelta(minutes=16))
    asked = play.google.requests["token"]
    async with play.another_process() as other:
        took = [await other.monitoring.run_due(limit=2), await play.services.monitoring.run_due(limit=2)]
    assert sorted(took) == [1, 2]
    assert play.google.requests["token"] - asked == len(channels)


@pytest.mark.threaded
@on_both
async def test_a_worker_that_froze_writes_nothing_back(play: Play) -> None:
    """Its lease ran out and somebody else has looked meanwhile: what it found is of yesterday."""
    [alice] = await connected(play, "alice")
    play.google.break_down("outage", ALICE, times=1)
    play.stage.town.clock.advance(timedelta(minutes=16))
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as frozen:
        thawing = asyncio.create_task(frozen.monitoring.run_due())
        await gate.reached.wait()
        assert await play.services.monitoring.run_due() == 0
        play.stage.town.clock.advance(LEASE + timedelta(seconds=30))
        assert await play.services.monitoring.run_due() == 1
        proven = await play.probe(alice)
        gate.go_on.set()
        await thawing
    assert await play.probe(alice) == proven
    assert (await play.now_of(alice)).state is State.CONNECTED


async def raced(play: Play, alice: Channel, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """A look is under way; ``meanwhile`` happens; then the provider's answer arrives."""
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        looking = asyncio.create_task(play.look(alice, services=other))
        await gate.reached.wait()
        await meanwhile()
        gate.go_on.set()
        await looking


@on_both
async def test_a_refusal_of_a_replaced_grant_is_not_believed(play: Play) -> None:
    """Somebody reconnected while the old grant was being refused (rules 1 and 8)."""
    [alice] = await connected(play, "alice")
    play.google.break_down("outage", ALICE, times=1)

    async def reconnects() -> None:
        await play.signs_in(await play.reconnect("alice", alice))

    await raced(play, alice, reconnects)
    after = await play.now_of(alice)
    row = await play.probe(alice)
    assert row is not None
    assert (after.state, row.strikes, row.grant_id) == (State.CONNECTED, 0, after.grant_id)


async def test_a_refusal_of_a_renewed_secret_is_not_believed(play: Play) -> None:
    """The grant is the same, but its secret was replaced while the old one was refused (rule 8)."""
    [alice] = await connected(play, "alice")
    play.google.break_down("outage", ALICE, times=1)

    async def renews() -> None:
        grant = await play.grant(alice.grant_id)
        fresh = await play.second_refresh_token(ALICE)
        async with play.storage.writing() as uow:
            assert await uow.grants.save_secret(
                grant.id, secret=fresh, scopes=grant.scopes, expected_version=grant.version
            )
            await uow.commit()

    await raced(play, alice, renews)
    row = await play.probe(alice)
    assert row is not None
    assert (row.strikes, (await play.now_of(alice)).state) == (0, State.CONNECTED)
    await play.settles()
    assert (await play.now_of(alice)).state is State.CONNECTED


async def test_a_row_that_names_another_grant_is_set_right(play: Play) -> None:
    """However that came about: the mailbox is looked at again, and the row not claimed over and over."""
    [alice] = await connected(play, "alice")
    row = await play.probe(alice)
    assert row is not None
    async with play.storage.writing() as uow:
        await uow.probes.put(replace(row, grant_id=GrantId("another"), due_at=play.now))
        await uow.commit()
    await play.services.monitoring.run_due()
    play.stage.town.clock.advance(timedelta(seconds=1))
    await play.services.monitoring.run_due()
    after = await play.probe(alice)
    assert after is not None
    assert (after.grant_id, after.last_ok_at) == (alice.grant_id, play.now)
    assert await play.services.monitoring.run_due() == 0


async def test_a_late_probe_changes_nothing_after_a_removal(play: Play) -> None:
    """The answer of a look that was under way when somebody removed the inbox is thrown away."""
    [alice] = await connected(play, "alice")

    async def removes() -> None:
        await play.remove("alice", alice)

    await raced(play, alice, removes)
    gone = await play.now_of(alice)
    assert gone.state is State.REMOVED
    assert await play.probe(alice) is None
    assert not await play.alarms()


async def test_a_probe_under_way_does_not_undo_a_disable(play: Play) -> None:
    """A refusal that arrives after somebody disabled the inbox pages nobody and enables nothing."""
    [alice] = await connected(play, "alice")
    play.google.break_down("revoked", ALICE)

    async def disables() -> None:
        await play.disable("alice", alice)

    await raced(play, alice, disables)
    await play.passes(minutes=10)
    assert (await play.now_of(alice)).state is State.DISABLED
    assert not await play.alarms()


def test_a_batch_asks_no_silent_peers_twice() -> None:
    """In one batch silence speaks for all: else each refused mailbox would wait for the same time-outs. But
    what a hold says of those it holds it does not say of others."""
    channel, grant, refused = a_channel(), a_grant(), ProbeResult(GrantRejected("x"), "x")
    held = replace(channel, state=State.IMPAIRED, cause=Cause.HELD)
    for said, kept in (
        (Vote.MASS, Vote.MASS),
        (Vote.TENANT, Vote.TENANT),
        (Vote.UNCLEAR, Vote.UNCLEAR),
        (Vote.VOUCHED, None),
        (Vote.UNCORROBORATED, None),
    ):
        cache = BatchCache()
        assert cache.verdict(channel, grant, refused) is None
        cache.remember(channel, grant, refused, said)
        assert cache.verdict(channel, grant, refused) is kept
        assert cache.verdict(held, grant, refused) is None
        assert cache.verdict(channel, grant, ProbeResult(MailboxGone("x"), "x")) is None


async def test_who_joined_a_hold_later_does_not_speak_for_who_was_there(play: Play) -> None:
    """A reconnect shows what those need that were struck before it. One that was struck since waits, and is
    looked at first: the others are told all the same, together."""
    names = ("alice", "kenji", "omar", "sakura")
    channels = dict(zip(names, await connected(play, *names), strict=True))
    for name in names[:3]:
        play.google.break_down("revoked", f"{name}@acme.example")
    await play.passes(minutes=17)
    assert (await play.signs_in(await play.reconnect("omar", channels["omar"]))).ending.is_good
    play.google.break_down("revoked", "sakura@acme.example")
    play.stage.town.clock.advance(timedelta(seconds=20))
    await play.look(channels["sakura"])
    assert (await play.now_of(channels["sakura"])).cause is Cause.HELD
    play.stage.town.clock.advance(timedelta(minutes=15, seconds=30))
    await play.look(channels["omar"])
    async with play.storage.writing() as uow:
        for place, name in enumerate(("sakura", "alice", "kenji")):
            due = play.now - timedelta(seconds=9 - place)
            await uow.probes.reschedule(channels[name].id, due)
        await uow.commit()
    await play.services.monitoring.run_due()
    states = {name: (await play.now_of(channels[name])).state for name in names}
    assert states == {
        "alice": State.DISCONNECTED,
        "kenji": State.DISCONNECTED,
        "omar": State.CONNECTED,
        "sakura": State.IMPAIRED,
    }


async def test_one_whose_host_wants_to_be_left_alone_holds_up_nobody_in_line(play: Play) -> None:
    """Of four that are held, one is put off for an hour: the others are looked at every few minutes."""
    names = ("alice", "kenji", "omar", "sakura")
    channels = await connected(play, *names)
    for name in names:
        play.google.break_down("outage", f"{name}@acme.example")
    await play.passes(minutes=18)
    assert {(await play.now_of(one)).cause for one in channels} == {Cause.HELD}
    play.google.mend(ALICE)
    play.google.break_down("throttled", ALICE, times=1, retry_after=3600)
    await play.passes(minutes=6)
    put_off = await play.probe(channels[0])
    assert put_off is not None
    assert put_off.due_at > play.now + timedelta(minutes=45)
    for name in names:
        play.google.mend(f"{name}@acme.example")
    await play.passes(minutes=5)
    assert {(await play.now_of(one)).state for one in channels} == {State.CONNECTED}


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("act", ["disable", "remove"])
async def test_two_who_leave_a_mass_refusal_at_once_do_not_wait_for_each_other(play: Play, act: str) -> None:
    """Each makes the last in line the next to be looked at, and that is the other one."""
    addresses = [f"team-{number}@acme.example" for number in range(4)]
    for address in addresses:
        await play.stage.opens_account(address)
    channels = [await play.connect_team(address) for address in addresses]
    play.google.break_down("outage")
    await play.passes(minutes=4)
    assert [(await play.now_of(it)).cause for it in channels] == [Cause.HELD] * 4
    omar = await play.actor("omar")
    leave = {
        "disable": play.services.channel_actions.disable,
        "remove": play.services.channel_actions.remove,
    }[act]
    with capture_logs() as logs:
        await asyncio.gather(*(leave(omar, it.id) for it in channels))
    assert not [line for line in logs if line["log_level"] in {"warning", "error"}]
    async with play.storage.reading() as uow:
        assert await uow.provider_outages.open_in(channels[0].workspace_id) == ()


async def _is_stuck(play: Play, task: asyncio.Task[None]) -> None:
    """Some transaction of it waits for another one."""
    waiting: Select[Any] = (
        select(literal_column("1")).select_from(text("pg_locks")).where(text("NOT granted")).limit(1)
    )
    while not task.done():
        async with play.storage.reading() as uow:
            if await uow.connection.value(waiting):
                return


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_two_processes_that_see_a_mass_refusal_at_once_tell_it_once(play: Play) -> None:
    """Both find none under way. The one that comes second joins what the first has begun."""
    channels = [await play.connect_team(f"{name}@acme.example") for name in ("support", "alice")]
    async with play.another_process() as other:
        outages = [one.monitoring._provider_outages for one in (play.services, other)]
        async with play.storage.writing() as first, other.core.storage.writing() as second:
            await outages[0].joined(first, channels[0], only_tenant=False)
            joining = asyncio.create_task(outages[1].joined(second, channels[1], only_tenant=False))
            await _is_stuck(play, joining)
            await first.commit()
            await joining
            await second.commit()
    async with play.storage.reading() as uow:
        [outage] = await uow.provider_outages.open_in(channels[0].workspace_id)
        told = await uow.notices.of_subject(outage.workspace_id, "", NoticeKind.HOLD)
    assert sorted(it.recipient for it in told) == sorted({it.recipient for it in told})
