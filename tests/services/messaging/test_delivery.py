"""Messages in Slack: each is found exactly once, however often the process dies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.channel import Channel, State
from bot.domain.features import Feature
from bot.domain.ids import ConversationId, IncidentId, UserId
from bot.domain.notice import EditRoom, NoticeKind, Posted
from bot.domain.ticket import Ticket, TicketOutcome
from bot.domain.view_models import NoticeModel
from bot.services.core.jobs import LEASE
from bot.services.core.ports import Messenger
from tests.services.play import ACME, IDS, Play, on_both
from tests.storage.builders import a_team_channel

ALICE = "alice@acme.example"


class Killed(BaseException):
    """The process dies here: no ``except`` of ours catches it."""


@dataclass
class Dying:
    """Slack, seen from a process that dies at one call, before or after Slack has done it."""

    inner: Messenger
    at: str
    after: bool
    calls: list[str] = field(default_factory=list)

    async def _call(self, what: str, work: Callable[[], Awaitable[Any]]) -> Any:
        self.calls.append(what)
        if what != self.at:
            return await work()
        if self.after:
            await work()
        raise Killed

    async def open_dm(self, user_id: UserId) -> ConversationId:
        opened: ConversationId = await self._call("open_dm", lambda: self.inner.open_dm(user_id))
        return opened

    async def post(self, to: ConversationId | UserId, model: NoticeModel, *, nonce: str) -> Posted:
        posted: Posted = await self._call("post", lambda: self.inner.post(to, model, nonce=nonce))
        return posted

    async def edit(self, conversation: ConversationId, ts: str, model: NoticeModel) -> None:
        await self._call("edit", lambda: self.inner.edit(conversation, ts, model))

    def wait_to_post(self) -> timedelta:
        return self.inner.wait_to_post()

    def room_for_edits(self) -> EditRoom:
        return self.inner.room_for_edits()

    async def find(
        self, conversation: ConversationId, nonce: str, *, since: datetime, thread: str | None
    ) -> str | None:
        found: str | None = await self._call(
            "find", lambda: self.inner.find(conversation, nonce, since=since, thread=thread)
        )
        return found

    async def is_there(self) -> bool:
        return await self.inner.is_there()

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        await self.inner.hello(conversation, address, actor, locale)

    async def show_outcome(
        self,
        view_id: str,
        outcome: TicketOutcome,
        *,
        provider_label: str,
        may_ask_admin: bool,
        lacking: tuple[Feature, ...],
    ) -> None:
        await self.inner.show_outcome(
            view_id,
            outcome,
            provider_label=provider_label,
            may_ask_admin=may_ask_admin,
            lacking=lacking,
        )

    async def show_expired(self, view_id: str, ticket: Ticket) -> None:
        await self.inner.show_expired(view_id, ticket)


async def dies(play: Play, at: str, *, after: bool) -> None:
    """A process takes the delivery and dies at ``at``; its leases run out."""

    def dying(messenger: Messenger) -> Messenger:
        return Dying(messenger, at, after)

    async with play.another_process(messenger=dying) as other:
        with pytest.raises(Killed):
            while await other.jobs.run_due():
                play.stage.town.clock.advance(timedelta(seconds=2))
    play.stage.town.clock.advance(LEASE + timedelta(seconds=30))


async def dead(play: Play) -> Channel:
    """Alice's grant was refused twice; nobody has been told yet."""
    alice = await play.connect("alice")
    await play.passes(seconds=2)
    play.google.break_down("revoked", ALICE)
    await play.look(alice)
    play.stage.town.clock.advance(timedelta(minutes=5))
    await play.look(alice)
    assert (await play.now_of(alice)).state is State.DISCONNECTED
    assert not await play.alarms()
    return alice


async def mended(play: Play, alice: Channel, callback: dict[str, str] | None = None) -> None:
    """She reconnects; the alarm has not been edited yet."""
    callback = callback or await play.consent(await play.reconnect("alice", alice))
    assert (await play.complete(callback)).ending.is_good


# --- kill -9


@pytest.mark.parametrize(
    ("at", "after", "database_kind"),
    [
        ("post", False, "sqlite"),
        ("post", True, "sqlite"),
        ("post", True, "postgresql"),
    ],
)
async def test_dying_while_posting_neither_loses_nor_doubles_the_message(
    play: Play, at: str, after: bool
) -> None:
    """Before or after any call to Slack: the next process finds the message or posts it."""
    await dead(play)
    await dies(play, at, after=after)
    await play.passes(minutes=2)
    assert len(await play.alarms()) == 1


async def test_dying_twice_still_leaves_one_message(play: Play) -> None:
    """After posting, and again while looking for what was posted."""
    await dead(play)
    await dies(play, "post", after=True)
    await dies(play, "open_dm", after=True)
    await dies(play, "find", after=True)
    await dies(play, "edit", after=False)
    await play.passes(minutes=2)
    assert len(await play.alarms()) == 1


@pytest.mark.parametrize("after", [False, True])
async def test_dying_while_editing_ends_with_the_edit(play: Play, after: bool) -> None:
    """The alarm becomes *reconnected* all the same, in the same message."""
    alice = await dead(play)
    await play.settles()
    [alarm] = await play.alarms()
    await play.passes(seconds=2)
    await mended(play, alice)
    await dies(play, "edit", after=after)
    await play.passes(minutes=2)
    [said] = [message for message in await play.dm("alice") if message.ts == alarm.ts]
    assert said.edited
    assert not await play.alarms()


async def test_dying_while_a_deleted_message_is_said_again_leaves_one(play: Play) -> None:
    """The reader deleted the alarm; it is posted anew, once, though the process dies in between."""
    alice = await dead(play)
    await play.settles()
    await play.delete("alice", await play.alarms())
    await play.passes(seconds=2)
    await play.redraw(alice)
    await dies(play, "post", after=True)
    await play.passes(minutes=2)
    assert len(await play.alarms()) == 1


async def test_an_answer_lost_on_the_way_does_not_double_the_message(play: Play) -> None:
    """Slack posted it, but its answer never arrived."""
    await dead(play)
    await play.stage.driver.break_("lost_answer", method="chat.postMessage", times=1)
    await play.passes(minutes=2)
    assert len(await play.alarms()) == 1


# --- what is shown is what is true then


async def test_what_is_over_before_it_was_shown_is_never_sent(play: Play) -> None:
    """Slack was away during the outage: nobody hears of it afterwards."""
    alice = await dead(play)
    callback = await play.consent(await play.reconnect("alice", alice))
    await play.stage.driver.break_("away")
    await play.passes(minutes=3)
    await play.stage.driver.mend()
    await mended(play, alice, callback)
    await play.passes(hours=2)
    assert not await play.told("alice", "stopped working")
    assert len(await play.told("alice", "Reconnect")) <= 1


async def test_a_deleted_alarm_is_said_once_more_while_it_is_true(play: Play) -> None:
    """Deleting the message does not mend the inbox."""
    alice = await dead(play)
    await play.settles()
    await play.delete("alice", await play.alarms())
    await play.redraw(alice)
    await play.passes(minutes=1)
    assert len(await play.alarms()) == 1


async def test_a_deleted_alarm_is_not_dug_up_when_it_is_over(play: Play) -> None:
    """Its reader has put it away, and there is nothing to do."""
    alice = await dead(play)
    await play.settles()
    await play.delete("alice", await play.alarms())
    await play.passes(seconds=2)
    await mended(play, alice)
    await play.passes(minutes=2)
    assert not await play.told("alice", "stopped working")
    assert not await play.alarms()


async def test_one_message_for_the_whole_life_of_an_outage(play: Play) -> None:
    """Dead, mended, dead again within half an hour: one message, and one reply that says it is back."""
    alice = await dead(play)
    await play.settles()
    await mended(play, alice)
    await play.passes(minutes=1)
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=21)
    alarms = await play.alarms()
    assert sorted(said.thread is None for said in alarms) == [False, True]
    outages = [said for said in await play.dm("alice") if ALICE in said.plain]
    assert len({said.ts for said in outages}) == len(outages)


# --- people and Slack at their worst


async def test_a_closed_dm_is_not_knocked_at_for_ever(play: Play) -> None:
    """Somebody who cannot be written to stops nobody else, and is not tried again."""
    await dead(play)
    await play.stage.driver.break_("dm_closed", person="alice")
    await play.passes(minutes=1)
    calls = len(await play.stage.driver.calls("chat.postMessage"))
    await play.passes(hours=1)
    assert len(await play.stage.driver.calls("chat.postMessage")) == calls
    kenji = await play.connect("kenji")
    assert kenji.state is State.CONNECTED
    assert len(await play.dm("kenji")) == 1


async def test_slack_is_left_alone_for_as_long_as_it_asks(play: Play) -> None:
    """A 429 with Retry-After is obeyed, and the message arrives after it."""
    await dead(play)
    await play.stage.driver.break_("ratelimited", method="chat.postMessage", times=1, retry_after=90)
    await play.passes(seconds=80)
    assert not await play.alarms()
    assert len(await play.rejected("chat.postMessage")) == 1
    await play.passes(seconds=20)
    assert len(await play.alarms()) == 1


async def test_an_hour_without_slack_loses_and_doubles_nothing(play: Play) -> None:
    """Everything that had to be said is said once when Slack is back."""
    await dead(play)
    await play.stage.driver.break_("away")
    await play.passes(hours=1)
    await play.stage.driver.mend()
    await play.passes(hours=1, minutes=1)
    assert len(await play.alarms()) == 1


async def test_messages_to_one_person_keep_slacks_pace(play: Play) -> None:
    """Several things to say at once: one a second, none refused."""
    alice = await play.connect("alice")
    await play.remove("alice", alice)
    await play.signs_in(await play.begin("alice"))
    await play.passes(seconds=30)
    assert len(await play.dm("alice")) == 3
    assert not await play.rejected("chat.postMessage")


async def test_everybody_is_written_to_in_their_own_language(play: Play) -> None:
    """Kenji reads Japanese, Alice English, whatever the same thing is."""
    await play.connect("kenji")
    await play.connect("alice")
    [japanese], [english] = await play.dm("kenji"), await play.dm("alice")
    assert "接続" in japanese.plain
    assert "connected" in english.plain


async def test_a_changed_language_shows_in_the_next_edit(play: Play) -> None:
    """What Slack says of a person's language is used from then on."""
    await play.connect("alice")
    await play.stage.driver.edit_person("alice", locale="ja-JP")
    await play.until_known(lambda person: person.locale == "ja-JP")
    found = await play.channel(ALICE)
    assert found is not None
    await play.passes(seconds=2)
    await play.remove("alice", found)
    await play.passes(seconds=2)
    assert await play.told("alice", "削除")


async def test_nobody_of_another_workspace_is_told_anything(play: Play) -> None:
    """Every message of this test went to people of Acme."""
    await dead(play)
    await play.settles()
    calls = await play.stage.driver.calls("chat.postMessage")
    assert {call["arguments"]["channel"] for call in calls} <= set(IDS.values())
    assert play.services.workspace.id == ACME


@on_both
async def test_a_reply_about_one_of_very_many_leads_to_what_mends_it(play: Play) -> None:
    """The message above has no room for its line, nor therefore for its link."""
    inbox = await play.connect_team()
    await play.connect("kenji")
    play.google.break_down("account_disabled", inbox.address)
    await play.passes(minutes=16)
    incident = await play.incident(inbox)
    assert incident is not None
    async with play.storage.writing() as uow:
        [his] = await uow.notices.of_kind(ACME, IDS["omar"], NoticeKind.INCIDENT)
        for number in range(100):
            other = a_team_channel(workspace_id=ACME, address=f"desk{number}@acme.example", grant_id=None)
            before = replace(incident, id=IncidentId(f"before{number}"), channel_id=other.id)
            before = replace(before, opened_at=incident.opened_at - timedelta(minutes=1))
            await uow.channels.add(other)
            await uow.incidents.open_(before)
            await uow.notices.attach([his.id], before.id)
        await uow.commit()
    play.google.mend(inbox.address)
    await play.passes(minutes=16)
    play.google.break_down("account_disabled", inbox.address)
    await play.passes(minutes=16)
    [reply] = await play.told("omar", "stopped working again")
    assert "[Reconnect]" in reply.plain
