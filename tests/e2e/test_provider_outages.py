"""Mass refusals, lived through: on 1 March 2025 a provider answered for 65 minutes as if every grant were
dead, and recovered. Nobody may be sent to reconnect for nothing; one message each must tell it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from bot.domain.channel import InboxSpec, Kind, State
from bot.domain.ids import UserId
from tests.driver import Said
from tests.stage import KEY, Stage, a_stage

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""An hour of minutes is tried on both databases once."""
ADMINS = ("omar", "sakura")
EVERYBODY = (*ADMINS, "alice", "kenji")
RECONNECT = ("[Reconnect]", "[再接続]", "/inbox reconnect", "/inbox 再接続")


async def _connect_all(stage: Stage, addresses: Sequence[str]) -> None:
    """Omar connects them for the team, through the services: the form has tests of its own."""
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    for address in addresses:
        await stage.opens_account(address)
        begun = await services.connections.begin(omar, InboxSpec(address, Kind.TEAM, name=address[:8]))
        page = await stage.consents(begun.url, address)
        assert page.status == 200, page.text
    await stage.passes(minutes=3)


def _team(count: int) -> list[str]:
    return [f"team-{number}@acme.example" for number in range(count)]


async def _states(stage: Stage) -> list[State]:
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"))
    shown = await services.channels.overview(omar)
    return [row.channel.state for row in (*shown.own, *shown.team, *shown.others)]


class Inboxes:
    """What stands in everybody's conversation with the bot since a moment."""

    def __init__(self, stage: Stage, before: dict[str, int]) -> None:
        self._stage = stage
        self._before = before

    @classmethod
    async def from_now(cls, stage: Stage) -> Inboxes:
        return cls(stage, {who: len((await stage.person(who).sees()).dm.messages) for who in EVERYBODY})

    async def new(self, who: str) -> list[Said]:
        return (await self._stage.person(who).sees()).dm.messages[self._before[who] :]

    async def only(self, who: str) -> str:
        """The one message that this person got."""
        new = await self.new(who)
        assert len(new) == 1, [said.plain for said in new]
        return new[0].plain

    async def all_text(self) -> str:
        return "\n".join([said.plain for who in EVERYBODY for said in await self.new(who)])

    async def counts(self) -> dict[str, int]:
        return {who: len(await self.new(who)) for who in EVERYBODY}


async def _passes_by_the_minute(stage: Stage, inboxes: Inboxes, minutes: int) -> None:
    """Time passes, and at no moment is anybody told to reconnect."""
    for _ in range(minutes):
        await stage.passes(minutes=1)
        text = await inboxes.all_text()
        assert not any(word in text for word in RECONNECT), text


@pytest.mark.parametrize(
    ("count", "database_kind"),
    [(3, "sqlite"), (3, "postgresql"), (5, "sqlite"), (20, "sqlite")],
    indirect=["database_kind"],
)
async def test_a_providers_outage_is_one_message_that_ends_as_a_false_alarm(stage: Stage, count: int) -> None:
    """One message per admin within a probe's pace, no way to reconnect for 15 minutes, then one; when the
    provider recovers everything is connected again, and nothing else was ever sent to anybody."""
    await _connect_all(stage, _team(count))
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("outage")
    await _passes_by_the_minute(stage, inboxes, 3)
    assert await inboxes.counts() == {"omar": 1, "sakura": 1, "alice": 0, "kenji": 0}
    told = await inboxes.only("omar")
    assert f"Google refuses {count} inboxes at once" in told
    assert "Don't reconnect yet" in told
    assert f"{count} 件の受信トレイを一斉に拒否" in await inboxes.only("sakura")
    await _passes_by_the_minute(stage, inboxes, 11)
    await stage.passes(minutes=3)
    ripe = await inboxes.only("omar")
    assert ("[Reconnect]" in ripe) is (count <= 5)
    assert ("[Reconnect which one?]" in ripe) is (count > 5)
    await stage.passes(minutes=48)
    assert set(await _states(stage)) == {State.IMPAIRED}
    stage.town.google.mend()
    await stage.passes(minutes=1, seconds=5)
    assert set(await _states(stage)) == {State.CONNECTED}
    assert "False alarm: Google works again. There is nothing to do." in await inboxes.only("omar")
    assert "誤報でした" in await inboxes.only("sakura")
    await stage.passes(minutes=10)
    assert await inboxes.counts() == {"omar": 1, "sakura": 1, "alice": 0, "kenji": 0}
    text = await inboxes.all_text()
    assert not any(word in text for word in RECONNECT)


@on_sqlite
async def test_a_lone_inbox_says_that_it_may_be_an_outage(stage: Stage) -> None:
    """With nothing to compare it to, the one message says so; the way to reconnect does not stand out until
    it has lasted; and it takes everything back by itself."""
    await _connect_all(stage, _team(1))
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("outage")
    await stage.passes(minutes=8)
    assert await inboxes.counts() == {"omar": 1, "sakura": 1, "alice": 0, "kenji": 0}
    assert "this may also be an outage at Google" in await inboxes.only("omar")
    assert [button.get("style") for button in _links((await inboxes.new("omar"))[0])] == [None]
    await stage.passes(minutes=57)
    stage.town.google.mend()
    await stage.passes(minutes=16)
    assert "works again on its own" in await inboxes.only("omar")
    assert set(await _states(stage)) == {State.CONNECTED}


def _links(said: Said) -> list[dict[str, str]]:
    elements = [element for block in said.blocks for element in block.get("elements", [])]
    return [element for element in elements if element.get("url")]


@on_sqlite
async def test_recovering_bit_by_bit_tells_nobody_one_by_one(stage: Stage) -> None:
    """The first mailboxes that work again neither end the hold nor turn the others into outages."""
    addresses = _team(6)
    await _connect_all(stage, addresses)
    inboxes = await Inboxes.from_now(stage)
    for address in addresses:
        stage.town.google.break_down("outage", address)
    await stage.passes(minutes=4)
    for number in (6, 4, 2):
        assert f"Google refuses {number} inboxes at once" in await inboxes.only("omar")
        for address in addresses[number - 2 : number]:
            stage.town.google.mend(address)
        await stage.passes(minutes=6)  # at most this long until it is a canary's turn
    assert "False alarm" in await inboxes.only("omar")
    assert set(await _states(stage)) == {State.CONNECTED}
    assert await inboxes.counts() == {"omar": 1, "sakura": 1, "alice": 0, "kenji": 0}


@on_sqlite
async def test_whoever_is_still_refused_after_the_outage_is_told_as_usual(stage: Stage) -> None:
    """A grant that was taken away during the outage is an outage of its own once the others have worked for
    a while: until then it may still come back like them."""
    addresses = _team(4)
    await _connect_all(stage, addresses)
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("outage")
    await stage.passes(minutes=4)
    stage.town.google.break_down("revoked", addresses[0])
    stage.town.google.mend()
    await stage.passes(minutes=4)
    assert "Google refuses 1 inbox" in await inboxes.only("omar")
    await stage.passes(minutes=16)
    provider_outage, outage = (said.plain for said in await inboxes.new("omar"))
    assert "False alarm" in provider_outage
    assert f"{addresses[0]} (team-0@a) stopped working" in outage and "[Reconnect]" in outage
    assert sorted(await _states(stage)) == [State.CONNECTED] * 3 + [State.DISCONNECTED]


@on_sqlite
async def test_what_was_called_disconnected_just_before_is_taken_back(stage: Stage) -> None:
    """The first victim of an outage was told one by one: its message is edited to a false alarm."""
    addresses = _team(4)
    await _connect_all(stage, addresses)
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("outage", addresses[0])
    await stage.passes(minutes=4)
    assert "stopped working" in await inboxes.only("omar")
    stage.town.google.break_down("outage")
    await stage.passes(minutes=4)
    recalled, provider_outage = (said.plain for said in await inboxes.new("omar"))
    assert f"{addresses[0]} (team-0@a): probably a false alarm." in recalled and "[Reconnect]" not in recalled
    assert "Google refuses 4 inboxes at once" in provider_outage
    stage.town.google.mend()
    await stage.passes(minutes=10)
    recalled, provider_outage = (said.plain for said in await inboxes.new("omar"))
    assert f"False alarm: {addresses[0]} (team-0@a) works." in recalled
    assert "False alarm: Google works again" in provider_outage
    assert set(await _states(stage)) == {State.CONNECTED}


@on_sqlite
async def test_one_organisations_refusal_goes_to_its_admin_at_once(stage: Stage) -> None:
    """Only its mailboxes are refused, others work: no outage, so no waiting, and a message to forward."""
    await _connect_all(stage, _team(3))
    await _connect_all(stage, ["one@gmail.com", "two@gmail.com"])
    inboxes = await Inboxes.from_now(stage)
    for address in _team(3):
        stage.town.google.break_down("admin_policy", address)
    await stage.passes(minutes=3)
    told = await inboxes.only("omar")
    assert "Google refuses 3 inboxes of acme.example at once" in told
    assert "A message you can forward:" in told and "App access control" in told
    assert "Don't reconnect yet" not in told
    for address in _team(3):
        stage.town.google.mend(address)
    await stage.passes(minutes=2)
    assert "accepts the inboxes of acme.example again" in await inboxes.only("omar")
    assert set(await _states(stage)) == {State.CONNECTED}


@on_sqlite
async def test_a_hold_that_people_end_ends_quietly(stage: Stage) -> None:
    """Everybody reconnected or removed theirs: nothing was a false alarm, and nothing is left to do."""
    addresses = _team(3)
    await _connect_all(stage, addresses)
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("revoked")
    await stage.passes(minutes=4)
    assert "Google refuses 3 inboxes at once" in await inboxes.only("omar")
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    for address in addresses:
        channel = await services.channels.find(omar, address)
        begun = await services.connections.begin_reconnect(omar, channel.id)
        await stage.consents(begun.url, address)
    await stage.passes(minutes=5)
    assert "Google no longer refuses many inboxes at once." in (await inboxes.new("omar"))[0].plain
    assert set(await _states(stage)) == {State.CONNECTED}


@on_sqlite
async def test_a_hold_that_a_reconnect_ended_says_what_helps(stage: Stage) -> None:
    """One was reconnected and works, so the others are disconnected: nothing is over by itself for them."""
    addresses = _team(4)
    await _connect_all(stage, addresses)
    inboxes = await Inboxes.from_now(stage)
    stage.town.google.break_down("revoked")
    await stage.passes(minutes=4)
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    channel = await services.channels.find(omar, addresses[0])
    begun = await services.connections.begin_reconnect(omar, channel.id)
    await stage.consents(begun.url, addresses[0])
    await stage.passes(minutes=40)
    assert Counter(await _states(stage)) == {State.CONNECTED: 1, State.DISCONNECTED: 3}
    said = (await inboxes.new("omar"))[0].plain
    assert f"reconnected {addresses[0]}, which was refused at the same time: that was needed" in said
    assert "Whatever is still refused is now listed as disconnected: reconnect it, too." in said
    assert "no longer refuses" not in said and "nothing to do" not in said


@on_sqlite
async def test_the_message_is_edited_when_there_is_news_only(stage: Stage) -> None:
    """A canary a minute that finds nothing new costs Slack nothing."""
    await _connect_all(stage, _team(3))
    stage.town.google.break_down("outage")
    await stage.passes(minutes=4)
    before = len(await stage.driver.calls("chat.update"))
    await stage.passes(minutes=9)
    assert len(await stage.driver.calls("chat.update")) == before


async def test_if_no_admin_can_be_written_to_the_operator_reads_of_it(
    settled_url: str, inline_sqlite: None
) -> None:
    """The same message, once, and it says how it ends."""
    async with a_stage(settled_url, key=KEY, OPERATORS="U0KENJI") as stage:
        await _connect_all(stage, _team(3))
        inboxes = await Inboxes.from_now(stage)
        for who in ADMINS:
            await stage.driver.break_("dm_closed", person=who)
        stage.town.google.break_down("outage")
        await stage.passes(minutes=3)
        [said] = await inboxes.new("kenji")
        assert "Google が 3 件の受信トレイを一斉に拒否しています" in said.plain
        stage.town.google.mend()
        await stage.passes(minutes=20)
        [over] = await inboxes.new("kenji")
        assert over.ts == said.ts and "誤報" in over.plain
