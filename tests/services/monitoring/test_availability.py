"""Days are written down once they are over, twice is as good as once, and reports say what the days say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.domain.availability import DAYS, Availability, Report, Tally, day_of
from bot.domain.channel import Channel, HistoryEntry, Kind, State
from bot.domain.errors import GuestNotAllowed
from bot.domain.ids import ChannelId
from bot.domain.incident import Resolution
from bot.services.monitoring.availability import Availabilities
from tests.services.play import ACME, IDS, Play, on_both
from tests.storage.builders import a_channel, a_grant, a_team_channel, an_incident

HOUR = timedelta(hours=1)
_DAY = 86_400


@pytest.fixture(autouse=True)
async def nothing_written_down(play: Play) -> None:
    """As it was before the first day: tests tell a past."""
    async with play.storage.writing() as uow:
        await uow.meta.drop("availability", str(day_of(play.now) - 1))
        await uow.commit()


async def lived(play: Play, channel: Channel, *steps: tuple[datetime, State, State, str]) -> Channel:
    """A channel that is there, with this past."""
    async with play.storage.writing() as uow:
        await uow.channels.add(replace(channel, grant_id=None))
        await uow.history.add_all(
            [
                HistoryEntry(ACME, channel.id, at, what, None, {"from": before.value, "to": after.value})
                for at, before, after, what in steps
            ]
        )
        await uow.commit()
    return channel


def team(number: int, now: datetime, **changes: Any) -> Channel:
    values = {
        "id": ChannelId(f"av{number}"),
        "address": f"team-{number}@acme.example",
        "workspace_id": ACME,
        "created_at": now - timedelta(days=200),
        "since": now,
    }
    return a_team_channel(**(values | changes))


def outage(begins: datetime, ends: datetime) -> Sequence[tuple[datetime, State, State, str]]:
    return (
        (begins, State.CONNECTED, State.DISCONNECTED, "refused_again"),
        (ends, State.DISCONNECTED, State.CONNECTED, "reconnect_proven"),
    )


async def read(play: Play, channel: Channel, days: int = DAYS) -> Availability:
    async with play.storage.reading() as uow:
        found = await play.services.availabilities.of(uow, [channel], days=days)
    return found[channel.id]


async def stored(play: Play, channel: Channel) -> dict[int, Tally]:
    async with play.storage.reading() as uow:
        return (await uow.availability.of_channels([channel.id], first=0)).get(channel.id, {})


async def nights(play: Play, number: int) -> None:
    """Days pass, each written down once it is over."""
    for _ in range(number):
        play.stage.town.clock.advance(timedelta(days=1))
        await play.services.availabilities.keep()


@on_both
async def test_a_day_that_is_over_is_written_down_and_reads_the_same(play: Play) -> None:
    """Whether it is put together from the history or read: nobody sees when the chore has run."""
    now = play.now
    midnight = now.replace(hour=0)
    channel = await lived(play, team(1, now), *outage(midnight - 3 * HOUR, midnight + HOUR))
    before = await read(play, channel)
    assert await stored(play, channel) == {}
    play.stage.town.clock.advance(timedelta(days=1))
    await play.services.availabilities.keep()
    assert await stored(play, channel) == {
        day_of(now) - 1: Tally(up=_DAY - 3 * 3600, down=3 * 3600),
        day_of(now): Tally(up=_DAY - 3600, down=3600),
    }
    after = await read(play, channel)
    assert after.days[-3] == before.days[-2]
    assert after.days[-2] == Tally(up=_DAY - 3600, down=3600)
    assert after.total.down == 4 * 3600


@on_both
async def test_a_calm_channel_has_no_row_and_all_its_days(play: Play) -> None:
    """A hundred thousand of them cost nothing. Before it was connected there was nothing."""
    now = play.now
    born = now - timedelta(days=5)
    first = (born, State.IMPAIRED, State.CONNECTED, "connect_proven")
    channel = await lived(play, team(1, now, created_at=born), first)
    play.stage.town.clock.advance(timedelta(days=1))
    await play.services.availabilities.keep()
    # But for the day on which it was connected.
    assert await stored(play, channel) == {day_of(born): Tally(up=15 * 3600)}
    found = await read(play, channel)
    assert [found.days[it] for it in (0, -8, -6, -2)] == [
        Tally(),
        Tally(),
        Tally(up=_DAY),
        Tally(up=_DAY),
    ]


async def test_read_together_each_has_its_own_days(play: Play) -> None:
    """Whenever it was added or removed, before what is written down, in it or after it, by the hour."""
    await play.services.availabilities.keep()  # all but today
    now, ages = play.now, (200, 29, 5, 4.9, 1, 0.9, 0.1, 0.05)
    born = [team(number, now, created_at=now - timedelta(days=age)) for number, age in enumerate(ages)]
    gone = [
        team(20 + number, now, state=State.REMOVED, removed_at=now - timedelta(days=age))
        for number, age in enumerate(ages[1:])
    ]
    off = [
        team(40 + number, it.created_at, created_at=it.created_at, state=State.DISABLED)
        for number, it in enumerate(born)
    ]
    channels = [await lived(play, it) for it in (*born, *gone, *off)]
    async with play.storage.reading() as uow:
        found = await play.services.availabilities.of(uow, channels)
    assert len(found) == len(channels)
    for it in channels:
        assert found[it.id] == await read(play, it), it
    assert found[born[2].id].days == found[born[3].id].days  # the same day is a whole one for both
    assert found[born[6].id].days[-1] != found[born[7].id].days[-1]


@on_both
async def test_what_is_turned_off_for_days_has_a_row_for_each(play: Play) -> None:
    """Else it would look as if it had worked."""
    now = play.now
    off = (now - timedelta(days=3), State.CONNECTED, State.DISABLED, "disable_asked")
    channel = await lived(play, team(1, now, state=State.DISABLED), off)
    play.stage.town.clock.advance(timedelta(days=1))
    await play.services.availabilities.keep()
    found = await read(play, channel)
    assert [tally.watched for tally in found.days[-4:]] == [0, 0, 0, 0]
    assert found.days[-5].up == 9 * 3600


@on_both
async def test_what_was_removed_is_no_time_at_all_also_once_it_is_back(play: Play) -> None:
    """Night after night; between its removal and its restoration there is a hole."""
    gone = (play.now, State.CONNECTED, State.REMOVED, "remove_asked")
    channel = await lived(
        play, team(1, play.now, state=State.REMOVED, removed_at=play.now, since=play.now), gone
    )
    await nights(play, 6)
    assert [tally.watched for tally in (await read(play, channel)).days[-8:]] == [_DAY, 9 * 3600, *[0] * 6]
    back = replace(channel, state=State.CONNECTED, removed_at=None, since=play.now)
    async with play.storage.writing() as uow:
        channel = await uow.channels.save(back)
        restored = {"from": State.REMOVED.value, "to": State.CONNECTED.value}
        await uow.history.add(
            HistoryEntry(ACME, channel.id, play.now, "restore_proven", None, details=restored)
        )
        await uow.commit()
    days = (9 * 3600, *[0] * 5, 15 * 3600, _DAY)
    assert [tally.up for tally in (await read(play, channel)).days[-7:]] == [*days[:6], 0]
    await nights(play, 3)
    assert [tally.up for tally in (await read(play, channel)).days[-10:-2]] == [*days]


async def test_what_was_removed_long_ago_gets_no_more_rows(play: Play) -> None:
    """It cannot come back, and reads as what it is without them."""
    gone = (play.now, State.CONNECTED, State.REMOVED, "remove_asked")
    channel = await lived(
        play, team(1, play.now, state=State.REMOVED, removed_at=play.now, since=play.now), gone
    )
    await nights(play, 35)
    assert len(await stored(play, channel)) == 31
    assert {tally.watched for tally in (await read(play, channel)).days} == {0}


@on_both
async def test_writing_down_twice_and_by_two_at_once_writes_the_same(play: Play) -> None:
    """After a crash it begins again; two processes that do it side by side do not stumble."""
    now = play.now
    channel = await lived(play, team(1, now), *outage(now - 30 * HOUR, now - 20 * HOUR))
    play.stage.town.clock.advance(timedelta(days=1))
    other = Availabilities(play.services.core)
    await asyncio.gather(play.services.availabilities.keep(), other.keep())
    once = await stored(play, channel)
    assert await play.services.availabilities.keep() == 0  # nothing is left to do
    async with play.storage.writing() as uow:
        await uow.meta.put("availability", str(day_of(now) - 40))
        await uow.commit()
    await play.services.availabilities.keep()
    assert await stored(play, channel) == once


async def goes(play: Play, channel: Channel, before: State, after: State, what: str) -> Channel:
    """It takes this step now."""
    async with play.storage.writing() as uow:
        saved = await uow.channels.save(replace(channel, state=after, since=play.now))
        details = {"from": before.value, "to": after.value}
        await uow.history.add(HistoryEntry(ACME, saved.id, play.now, what, None, details))
        await uow.commit()
    return saved


@on_both
@pytest.mark.parametrize("why", ["held", "ours_broken"])
async def test_an_outage_that_is_taken_back_days_later_was_none_on_any_of_them(play: Play, why: str) -> None:
    """Also where it was written down as one, and somebody's leaving left a line in between; the outage of
    another hour of that day stays."""
    now = play.now
    channel = await lived(
        play,
        team(1, now, state=State.DISCONNECTED, since=now),
        *outage(now - 3 * HOUR, now - 2 * HOUR),
        (now, State.CONNECTED, State.DISCONNECTED, "refused_again"),
    )
    await nights(play, 1)
    channel = await goes(play, channel, State.DISCONNECTED, State.DISCONNECTED, "owner_gone")
    await nights(play, 1)
    assert [tally.down for tally in (await read(play, channel)).days[-3:-1]] == [16 * 3600, _DAY]
    channel = await goes(play, channel, State.DISCONNECTED, State.IMPAIRED, why)
    channel = await goes(play, channel, State.IMPAIRED, State.CONNECTED, "probe_passed")
    await nights(play, 1)
    assert (await read(play, channel)).days[-4:-1] == (
        Tally(up=8 * 3600, down=3600, unknown=15 * 3600),
        Tally(unknown=_DAY),
        Tally(up=15 * 3600, unknown=9 * 3600),
    )


async def test_a_clock_that_was_ahead_leaves_no_day_to_come(play: Play) -> None:
    """What was written of days that are not over is forgotten, and written when they are."""
    now = play.now
    channel = await lived(play, team(1, now), *outage(now - 2 * HOUR, now - HOUR))
    async with play.storage.writing() as uow:
        await uow.availability.keep({channel: {day_of(now) + 3: Tally(down=5), day_of(now): Tally(down=5)}})
        await uow.meta.put("availability", str(day_of(now) + 3))
        await uow.commit()
    await play.services.availabilities.keep()
    assert all(day < day_of(now) for day in await stored(play, channel))
    assert (await read(play, channel)).days[-1].down == 3600


async def test_the_day_is_only_over_some_minutes_after_midnight(play: Play) -> None:
    """What happened in its last second may be on its way to the database."""
    now = play.now
    channel = await lived(play, team(1, now), *outage(now - HOUR, now))
    play.stage.town.clock.advance(timedelta(hours=15, minutes=2))
    await play.services.availabilities.keep()
    assert day_of(now) not in await stored(play, channel)
    play.stage.town.clock.advance(timedelta(minutes=4))
    await play.services.availabilities.keep()
    assert day_of(now) in await stored(play, channel)


# --- the report


async def report(play: Play, who: str = "omar", most: int = 20) -> Report:
    return await play.services.availabilities.report(await play.actor(who), most=most)


@on_both
async def test_the_worst_come_first_whether_written_down_or_of_today(play: Play) -> None:
    """Two of before, one of this hour that is over, one that lasts; calm ones fill the rest."""
    now = play.now
    midnight = now.replace(hour=0)
    short = await lived(play, team(1, now), *outage(midnight - 3 * HOUR, midnight - 2 * HOUR))
    long = await lived(play, team(2, now), *outage(midnight - 50 * HOUR, midnight - 40 * HOUR))
    lost = (now, State.CONNECTED, State.DISCONNECTED, "refused_again")
    lasting = await lived(play, team(3, now, state=State.DISCONNECTED), lost)
    calm = await lived(play, team(4, now))
    play.stage.town.clock.advance(timedelta(days=1))
    await play.services.availabilities.keep()
    later = play.now
    today = await lived(play, team(5, now), *outage(later - 2 * HOUR, later))
    found = await report(play)
    order = [line.channel.id for line in found.lines]
    assert order == [lasting.id, long.id, today.id, short.id, calm.id]
    assert (found.number, found.number_down) == (5, 4)
    assert sum(seconds for _, seconds in found.weeks) == (24 + 10 + 2 + 1) * 3600
    assert len(found.weeks) == 13
    bounded = await report(play, most=2)
    assert [line.channel.id for line in bounded.lines] == order[:2]
    assert (bounded.number, bounded.number_down) == (5, 4)


async def test_everybody_reads_of_the_team_and_of_their_own_inbox(play: Play) -> None:
    """And of nobody else's; guests of nothing."""
    now = play.now
    await lived(play, team(1, now))
    for number, who in enumerate(("alice", "kenji")):
        inbox = a_channel(
            id=ChannelId(f"own{number}"),
            workspace_id=ACME,
            address=f"{who}@acme.example",
            owner_id=IDS[who],
            created_at=now - timedelta(days=3),
        )
        await lived(play, inbox)
    for who in ("alice", "omar"):
        found = await report(play, who)
        assert [line.channel.address for line in found.own] == (
            ["alice@acme.example"] if who == "alice" else []
        )
        assert [line.channel.kind for line in found.lines] == [Kind.TEAM]
        assert found.may_have_monthly is (who == "omar")
    with pytest.raises(GuestNotAllowed):
        await report(play, "gus")


async def test_who_repaired_it_stands_in_its_line(play: Play) -> None:
    now = play.now
    channel = await lived(play, team(1, now), *outage(now - 3 * HOUR, now - HOUR))
    told = replace(an_incident(channel, opened_at=now - 3 * HOUR), workspace_id=ACME)
    async with play.storage.writing() as uow:
        await uow.grants.add(a_grant(channel_id=channel.id))
        await uow.incidents.open_(told)
        await uow.incidents.resolve(
            told.id, resolution=Resolution.RECONNECTED, by=IDS["kenji"], at=now - HOUR
        )
        await uow.commit()
    [line] = (await report(play)).lines
    assert line.outages.longest == 2 * HOUR
    assert line.outages.repaired_by == ((IDS["kenji"], 1),)


async def test_a_month_is_that_month(play: Play) -> None:
    """Its days, and nothing of the days before and after."""
    october = datetime(2026, 10, 1, tzinfo=UTC)
    channel = await lived(
        play,
        team(1, play.now),
        *outage(october - HOUR, october + HOUR),
        *outage(october + timedelta(days=30, hours=23), october + timedelta(days=31, hours=1)),
    )
    await play.services.availabilities.keep()
    actor = await play.actor("omar")
    async with play.storage.reading() as uow:
        found = await play.services.availabilities.of_month(uow, actor, date(2026, 10, 1))
    [line] = found.lines
    assert line.channel.id == channel.id
    assert (len(line.availability.days), line.availability.total.down) == (31, 2 * 3600)
    assert (found.first, found.last) == (date(2026, 10, 1), date(2026, 10, 31))


# --- each month


async def subscribes(play: Play, who: str) -> None:
    await play.services.monthly_reports.wanted(await play.actor(who), is_wanted=True)


async def at(play: Play, day: int, hour: int, minute: int = 0) -> None:
    """December's, in UTC."""
    target = datetime(2026, 12, day, hour, minute, tzinfo=UTC)
    play.stage.town.clock.advance(target - play.now)


async def sent(play: Play, who: str) -> int:
    """How many reports stand in this person's conversation."""
    await play.settles()
    return len(await play.told(who, "Availability in November 2026"))


@pytest.mark.threaded
@on_both
async def test_two_processes_send_it_once(play: Play) -> None:
    """The database knows one for each reader and month."""
    await lived(play, team(1, play.now))
    await subscribes(play, "omar")
    await at(play, 1, 12)
    async with play.another_process() as other:
        told = await asyncio.gather(other.monthly_reports.send(), play.services.monthly_reports.send())
    assert sum(told) == 1
    assert await play.services.monthly_reports.send() == 0
    assert await sent(play, "omar") == 1


@pytest.mark.parametrize(
    ("offset", "hour", "minute"), [(9, 0, 0), (1, 8, 0), (-8, 17, 0), (5.5, 3, 30), (13, 0, 0)]
)
async def test_it_is_to_come_from_nine_on_where_the_reader_is_once_the_month_is_over(
    play: Play, offset: float, hour: int, minute: int
) -> None:
    """In Tokyo at midnight UTC, and then in Auckland, too: before, November's last day was not over."""
    await lived(play, team(1, play.now))
    await play.stage.driver.edit_person("omar", tz_offset=int(offset * 3600))
    await subscribes(play, "omar")
    nine = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)
    play.stage.town.clock.advance(nine - timedelta(minutes=1) - play.now)
    assert await play.services.monthly_reports.send() == 0
    play.stage.town.clock.advance(timedelta(minutes=1))
    assert await play.services.monthly_reports.send() == 1


async def test_clocks_that_change_move_it_with_them(play: Play) -> None:
    """Slack says how far somebody's clock is ahead: an hour more from spring on."""
    await lived(play, team(1, play.now))
    await subscribes(play, "omar")
    for month, offset in ((3, 3600), (4, 7200)):
        await play.stage.driver.edit_person("omar", tz_offset=offset)
        await play.actor("omar")
        nine = datetime(2027, month, 1, 9, tzinfo=UTC) - timedelta(seconds=offset)
        play.stage.town.clock.advance(nine - timedelta(minutes=1) - play.now)
        assert await play.services.monthly_reports.send() == 0
        play.stage.town.clock.advance(timedelta(minutes=1))
        assert await play.services.monthly_reports.send() == 1


async def test_whoever_is_no_admin_any_more_is_not_sent_it(play: Play) -> None:
    """Rights are those of the moment; a member who asked by some old button gets nothing."""
    await lived(play, team(1, play.now))
    await subscribes(play, "kenji")
    await at(play, 1, 12)
    assert await play.services.monthly_reports.send() == 0


async def test_without_team_addresses_it_is_quiet(play: Play) -> None:
    await subscribes(play, "omar")
    await at(play, 1, 12)
    assert await play.services.monthly_reports.send() == 0


async def test_it_is_not_sent_to_whoever_asks_later_in_the_month(play: Play) -> None:
    """Nor after days in which nothing ran."""
    await lived(play, team(1, play.now))
    await at(play, 4, 0)
    await subscribes(play, "omar")
    assert await play.services.monthly_reports.send() == 0


@on_both
async def test_a_night_goes_on_where_a_process_had_come_to(play: Play) -> None:
    """Of a million channels, what has been written is not written again."""
    midnight = play.now.replace(hour=0)
    first, second = [
        await lived(play, team(number, play.now), *outage(midnight - 3 * HOUR, midnight - HOUR))
        for number in (1, 2)
    ]
    today = day_of(play.now)
    async with play.storage.writing() as uow:
        await uow.meta.put("availability", str(today - 2))
        await uow.meta.put("availability:reached", f"{today - 1}:{today - 1}:{first.id}")
        await uow.commit()
    assert await play.services.availabilities.keep() == 1
    assert await stored(play, first) == {}
    assert list(await stored(play, second)) == [today - 1]
    async with play.storage.reading() as uow:
        assert await uow.meta.find("availability:reached") == ""


@on_both
async def test_channels_are_walked_a_few_at_a_time(play: Play) -> None:
    """A step ends at its last channel, calm or not, or at the last restless one for which it has room."""
    midnight = play.now.replace(hour=0)
    for number in range(1, 7):
        steps = outage(midnight - 3 * HOUR, midnight - HOUR) if number in {2, 3, 6} else ()
        await lived(play, team(number, play.now), *steps)
    first = day_of(play.now) - 1
    walked, after = [], ""
    async with play.storage.reading() as uow:
        while True:
            found, end = await uow.availability.restless(first=first, after=after, walk=4, limit=2)
            if end is None:
                break
            walked.append(([it.id for it in found], end))
            after = end
    assert walked == [(["av2", "av3"], "av3"), (["av6"], "av6")]
