"""Outages of team addresses as those concerned live through them: told, claimed, reminded, mended, over.

What is asserted is what stands in people's conversations, never what was called.
"""

from __future__ import annotations

import pytest

from bot.domain.channel import InboxSpec, Kind
from bot.domain.ids import UserId
from tests.driver import Said
from tests.stage import KEY, Stage, a_stage

SUPPORT = "support@acme.example"
USE = "Zendesk answers customers from it"
ADMINS = ("omar", "sakura")


@pytest.fixture
async def team(stage: Stage) -> Stage:
    """Support is the team's, its conversation knows, and another mailbox can vouch for Google."""
    await stage.connected("alice")
    await stage.team_connected(conversation="#support")
    await stage.passes(minutes=1)
    return stage


async def _alarm(stage: Stage, who: str) -> Said:
    """The one message about outages that somebody has."""
    messages = (await stage.person(who).sees()).dm.messages
    alarms = [said for said in messages if said.thread is None and _is_alarm(said)]
    assert len(alarms) == 1, [said.plain for said in messages]
    return alarms[0]


def _is_alarm(said: Said) -> bool:
    has_ended_well = "[Details]" in said.plain or "[詳細]" in said.plain  # one's own sign-in
    return not has_ended_well and any(
        word in said.plain
        for word in ("stopped working", "works again", "使えなくなりました", "復旧しました", "False alarm")
    )


async def _replies(stage: Stage, who: str) -> list[Said]:
    messages = (await stage.person(who).sees()).dm.messages
    return [said for said in messages if said.thread is not None and said.thread != said.ts]


async def _line(stage: Stage) -> Said:
    """The conversation's line about outages."""
    return (await stage.person("omar").sees()).messages("#support")[-1]


# --- who is told


async def test_the_right_people_are_told_each_in_their_language(team: Stage) -> None:
    """Super admins, people with account access and the connector; what it is used for and how to mend it.
    Nobody else hears of it."""
    omar = team.person("omar")
    await omar.types("/inbox admins")
    await omar.chooses("Add a person", "kenji")
    await team.breaks(SUPPORT)
    english = await _alarm(team, "omar")
    assert f"🔴 {SUPPORT} (Support) stopped working" in english.plain and USE in english.plain
    for label in ("Reconnect", "I'm on it", "Snooze", "Why?"):
        assert f"[{label}]" in english.plain
    for who in ("sakura", "kenji"):
        assert "が使えなくなりました" in (await _alarm(team, who)).plain
    assert not any(_is_alarm(said) for said in (await team.person("alice").sees()).dm.messages)


async def test_whoever_connected_it_is_told_though_they_are_no_admin(stage: Stage) -> None:
    """The connector knows the mailbox best."""
    await stage.connected("kenji")
    alice = stage.person("alice")
    await stage.settles()
    await alice.types(f"/inbox connect {SUPPORT}")
    await alice.chooses(None, "Team address")
    await stage.fills_in_team("alice", name="Support", use=USE)
    await alice.submits()
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await stage.person("omar").clicks("Approve")
    await stage.passes(seconds=2)
    await alice.clicks("Continue")
    await stage.consents(await stage.link_in_modal("alice"), SUPPORT)
    await stage.passes(minutes=1)
    await stage.breaks(SUPPORT)
    assert "[Reconnect]" in (await _alarm(stage, "alice")).plain
    assert "[Reconnect]" in (await _alarm(stage, "omar")).plain


async def test_the_conversation_gets_one_line_without_links(team: Stage) -> None:
    """It says what does not work and, edited, that it is over; nobody's own link stands there."""
    await team.breaks(SUPPORT, "account_disabled")
    line = await _line(team)
    assert SUPPORT in line.plain and "/l/" not in str(line.blocks)
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=16)
    over = await _line(team)
    assert over.ts == line.ts and "works again" in over.plain


# --- what readers do


async def test_im_on_it_is_seen_by_everybody(team: Stage) -> None:
    """One person takes it; all others read who, in their language, and need not ask."""
    await team.breaks(SUPPORT)
    await team.person("omar").clicks("I'm on it", in_="dm")
    await team.passes(seconds=2)
    for who in ADMINS:
        assert "Omar Haddad" in (await _alarm(team, who)).plain
    assert "Omar Haddad" in (await _line(team)).plain
    assert "[I'm on it]" not in (await _alarm(team, "omar")).plain


async def test_a_snooze_is_ones_own(team: Stage) -> None:
    """It stops reminders for four hours for whoever pressed it, and for nobody else."""
    await team.breaks(SUPPORT)
    await team.leaps(hours=2)
    await team.person("omar").chooses("Snooze", "4 hours", in_="dm")
    await team.leaps(hours=3)
    assert "No reminders for you until" in (await _alarm(team, "omar")).plain
    assert (len(await _replies(team, "omar")), len(await _replies(team, "sakura"))) == (0, 1)
    await team.leaps(hours=2)
    assert len(await _replies(team, "omar")) == 1


async def test_a_mis_tap_at_night_is_taken_back(team: Stage) -> None:
    """*Hand back*: everybody sees that nobody is on it, and whoever is owed a reminder gets it now.
    *Remind me again*: the same for one's own snooze."""
    await team.breaks(SUPPORT)
    omar = team.person("omar")
    await team.leaps(hours=3)
    await omar.clicks("I'm on it", in_="dm")
    await team.leaps(hours=2)
    assert "Omar Haddad" in (await _alarm(team, "sakura")).plain
    assert not await _replies(team, "sakura")
    await omar.clicks("Hand back", in_="dm")
    await team.passes(seconds=5)
    assert "Omar Haddad" not in (await _alarm(team, "sakura")).plain
    assert len(await _replies(team, "sakura")) == 1
    assert "[I'm on it]" in (await _alarm(team, "omar")).plain
    await omar.chooses("Snooze", "Until 9:00 where you are", in_="dm")
    await team.passes(seconds=5)
    assert "No reminders for you until" in (await _alarm(team, "omar")).plain
    await omar.clicks("Remind me again", in_="dm")
    await team.passes(seconds=5)
    assert "No reminders" not in (await _alarm(team, "omar")).plain
    assert len(await _replies(team, "omar")) == 1  # the one of 4 h, owed since the claim was handed back


async def test_an_outage_is_handed_to_a_colleague(team: Stage) -> None:
    """Of those who were told: they read by whom, with the button; everybody sees who is on it now, and they
    can hand it back."""
    await team.breaks(SUPPORT)
    omar, sakura = team.person("omar"), team.person("sakura")
    assert "Hand over to" not in (await _alarm(team, "omar")).plain
    await omar.clicks("I'm on it", in_="dm")
    await team.passes(seconds=5)
    await omar.chooses("Hand over to…", "Sakura Sato", in_="dm")
    await team.passes(seconds=5)
    [told] = await _replies(team, "sakura")
    for wanted in ("@Omar Haddad", SUPPORT, "[再接続]", "[対応を戻す]"):
        assert wanted in told.plain
    for who in ADMINS:
        assert "Sakura Sato" in (await _alarm(team, who)).plain
    assert "[I'm on it]" in (await _alarm(team, "omar")).plain
    await sakura.clicks("対応を戻す", in_="dm", near=told.plain.splitlines()[0])
    await team.passes(seconds=5)
    assert "Sakura Sato" not in (await _alarm(team, "omar")).plain


async def test_whoever_is_relieved_hears_it(team: Stage) -> None:
    """An edit notifies nobody: Omar would go on, beside Sakura. Pressing it twice says nothing new."""
    await team.breaks(SUPPORT)
    await team.person("omar").clicks("I'm on it", in_="dm")
    await team.passes(seconds=5)
    await team.person("sakura").clicks("対応します", in_="dm")
    await team.passes(seconds=5)
    (reply,) = await _replies(team, "omar")
    assert reply.plain.startswith("🙋 @Sakura Sato is on support@acme.example (Support) now, instead of you.")
    assert "Sakura Sato" in (await _alarm(team, "omar")).plain
    assert "[対応を戻す]" in (await _alarm(team, "sakura")).plain
    assert not await _replies(team, "sakura")


async def test_a_reminder_can_be_answered_where_it_stands(team: Stage) -> None:
    """Its buttons are those of the message hours above it."""
    await team.breaks(SUPPORT)
    await team.leaps(hours=4, minutes=1)
    (reply,) = await _replies(team, "omar")
    for wanted in ("[Reconnect]", "[I'm on it]", "[Snooze]", USE):
        assert wanted in reply.plain
    await team.person("omar").clicks("I'm on it", in_="dm", near=reply.plain.splitlines()[0])
    await team.passes(seconds=5)
    assert "Omar Haddad" in (await _alarm(team, "sakura")).plain


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_reminders_come_after_4_and_24_hours_then_daily_for_a_week(team: Stage) -> None:
    """Nobody is on it: one reply each time, since an edit notifies nobody, and after a week no more."""
    await team.breaks(SUPPORT)
    await team.person("alice").types("/inbox disable alice@acme.example")  # whose checks would take long
    await team.person("alice").clicks("Yes, disable it")
    counted = []
    for hours in (3.9, 0.2, 19.8, 0.2, 24, 24, 24, 24, 24, 24, 24, 24):
        await team.passes(hours=hours)
        counted.append(len(await _replies(team, "omar")))
    assert counted == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8]
    assert "still does not work" in (await _replies(team, "omar"))[0].plain


async def test_who_is_on_it_is_not_reminded_for_four_hours(team: Stage) -> None:
    """A claim holds reminders back from everybody, and only for as long as one may reasonably take."""
    await team.breaks(SUPPORT)
    await team.leaps(hours=3)
    await team.person("sakura").clicks("対応します", in_="dm")
    await team.leaps(hours=2)
    assert [len(await _replies(team, who)) for who in ADMINS] == [0, 0]
    await team.leaps(hours=2, minutes=5)
    assert [len(await _replies(team, who)) for who in ADMINS] == [1, 1]


async def test_mended_from_one_message_it_is_over_in_all(team: Stage) -> None:
    """Omar reconnects from his own message; everybody reads who did, and no button is left."""
    await team.breaks(SUPPORT)
    url = await team.link_in_dm("omar")
    before = len((await team.person("omar").sees()).messages("dm"))
    page = await team.consents(url, SUPPORT)
    assert "Reconnected ✓" in page.text
    await team.passes(seconds=5)
    assert (
        len((await team.person("omar").sees()).messages("dm")) == before
    )  # one message says that it is over
    omar, sakura = await _alarm(team, "omar"), await _alarm(team, "sakura")
    assert "works again. Reconnected by @Omar Haddad" in omar.plain
    assert "復旧しました" in sakura.plain
    for said in (omar, sakura, await _line(team)):
        assert said.edited and "[" not in said.plain
    assert "over" in (await team.browser().opens(url)).text
    await team.leaps(hours=4, minutes=5)
    assert await _replies(team, "omar") == []


async def test_who_reconnects_without_an_alarm_is_told_that_it_went_well(team: Stage) -> None:
    """Nothing was broken, or this person was told of nothing: a message of its own says so."""
    omar = team.person("omar")
    before = len((await omar.sees()).messages("dm"))
    await omar.types(f"/inbox reconnect {SUPPORT}")
    page = await team.consents(await team.link_in_modal("omar"), SUPPORT)
    assert "Reconnected ✓" in page.text
    await team.passes(seconds=5)
    [said] = (await omar.sees()).messages("dm")[before:]
    assert SUPPORT in said.plain and "✅" in said.plain


async def test_who_reconnects_by_command_sees_it_in_the_alarm(team: Stage) -> None:
    """The alarm stands there, wherever one goes on from."""
    await team.breaks(SUPPORT)
    omar = team.person("omar")
    before = len((await omar.sees()).messages("dm"))
    await omar.types(f"/inbox reconnect {SUPPORT}")
    assert "Reconnected ✓" in (await team.consents(await team.link_in_modal("omar"), SUPPORT)).text
    await team.passes(seconds=5)
    assert len((await omar.sees()).messages("dm")) == before
    assert "works again. Reconnected by @Omar Haddad" in (await _alarm(team, "omar")).plain


# --- back by itself, and back again


async def test_a_recovery_edits_every_message(team: Stage) -> None:
    """Google accepts the old grant again: nobody had to do anything, and all messages say so."""
    await team.breaks(SUPPORT, "account_disabled")
    before = {who: (await _alarm(team, who)).ts for who in ADMINS}
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=16)
    assert {who: (await _alarm(team, who)).ts for who in ADMINS} == before
    assert "works again on its own" in (await _alarm(team, "omar")).plain
    assert "works again on its own" in (await _line(team)).plain


async def test_a_relapse_within_half_an_hour_goes_on_in_the_same_message(team: Stage) -> None:
    """The same outage, one reply that notifies; the buttons are back."""
    await team.breaks(SUPPORT, "account_disabled")
    first = await _alarm(team, "omar")
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=16)
    await team.breaks(SUPPORT, "account_disabled")
    again = await _alarm(team, "omar")
    assert again.ts == first.ts and "[Reconnect]" in again.plain
    (reply,) = await _replies(team, "omar")
    assert "stopped working again" in reply.plain and reply.thread == first.ts
    assert (await team.browser().opens(await team.link_in_dm("omar"))).status == 200


async def test_after_half_an_hour_it_is_an_outage_of_its_own(team: Stage) -> None:
    """What worked for longer is news again, with a message of its own."""
    await team.breaks(SUPPORT, "account_disabled")
    team.town.google.mend(SUPPORT)
    await team.passes(minutes=50)
    await team.breaks(SUPPORT, "account_disabled")
    messages = (await team.person("omar").sees()).dm.messages
    assert len([said for said in messages if said.thread is None and _is_alarm(said)]) == 2


# --- many at once


async def test_two_that_stop_together_are_one_list(team: Stage) -> None:
    """The second joins the first one's message; *I'm on it* is for both; what works again turns quiet."""
    await team.team_connected("sales@acme.example", name="Sales", use="Orders")
    await team.connected("kenji")
    team.town.google.break_down("account_disabled", "sales@acme.example")
    await team.breaks(SUPPORT, "account_disabled", minutes=6)
    message = next(
        said for said in (await team.person("omar").sees()).dm.messages if "2 inboxes" in said.plain
    )
    assert SUPPORT in message.plain and "sales@acme.example" in message.plain
    await team.person("omar").clicks("I'm on it", in_="dm")
    team.town.google.mend("sales@acme.example")
    await team.passes(minutes=16)
    messages = (await team.person("omar").sees()).dm.messages
    (edited,) = [said for said in messages if said.ts == message.ts]
    assert "1 of 2 inboxes still does not work" in edited.plain and "Omar Haddad" in edited.plain
    assert "sales@acme.example (Sales) works again" in edited.plain


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_forty_at_once_are_one_message_and_one_reply(stage: Stage) -> None:
    """However many stop: one message that lists them, one reply that names the total, for each admin; and
    when they work again the same message says so."""
    many = [f"team{n}@acme.example" for n in range(40)]
    await _connect_all(stage, many)
    await stage.passes(minutes=1)
    await _connect_all(stage, [f"healthy{n}@acme.example" for n in range(12)])
    await stage.passes(seconds=20)
    for address in many:
        stage.town.google.break_down("no_mailbox", address)  # named: no outage looks like that
    before = {who: len((await stage.person(who).sees()).dm.messages) for who in ADMINS}
    await stage.passes(minutes=6)
    for who in ADMINS:
        new = (await stage.person(who).sees()).dm.messages[before[who] :]
        posts = [said for said in new if said.thread in {None, said.ts}]
        assert (len(posts), len(new)) == (1, 2), [said.plain for said in new]
        assert "40" in posts[0].plain and "40" in new[-1].plain
    stage.town.google.mend()
    await stage.passes(minutes=16)
    message = (await stage.person("omar").sees()).dm.messages[before["omar"]]
    assert "All 40 outages are over." in message.plain and "[" not in message.plain


async def _connect_all(stage: Stage, addresses: list[str]) -> None:
    """Omar connects them through the services: the way through the form has its own tests."""
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    for address in addresses:
        await stage.opens_account(address)
        begun = await services.connections.begin(omar, InboxSpec(address, Kind.TEAM, name=address[:8]))
        await stage.consents(begun.url, address)


# --- people who cannot be reached


async def test_a_closed_conversation_does_not_stop_the_others(team: Stage) -> None:
    """Sakura cannot be written to: Omar hears of it all the same, and is reminded as ever."""
    await team.driver.break_("dm_closed", person="sakura")
    await team.breaks(SUPPORT)
    assert "[Reconnect]" in (await _alarm(team, "omar")).plain
    await team.leaps(hours=4, minutes=5)
    assert len(await _replies(team, "omar")) == 1


async def test_the_operator_reads_once_somebody_could_be_told(settled_url: str, inline_sqlite: None) -> None:
    """A conversation was chosen meanwhile, and has heard of it: there is nothing left to do for them."""
    async with a_stage(settled_url, key=KEY, OPERATORS="U0KENJI") as stage:
        await stage.connected("alice")
        await stage.team_connected()
        await stage.passes(minutes=1)
        for who in ADMINS:
            await stage.driver.break_("dm_closed", person=who)
        await stage.breaks(SUPPORT, "account_disabled")
        assert "誰にも通知できませんでした" in (await stage.person("kenji").sees()).dm.last.plain
        omar = stage.person("omar")
        await omar.types(f"/inbox edit {SUPPORT}")
        await omar.until(lambda screen: screen.modal is not None)
        await omar.chooses("Conversation to notify", "#support")
        await omar.submits()
        await stage.passes(seconds=30)
        assert SUPPORT in (await _line(stage)).plain
        kenji = (await stage.person("kenji").sees()).dm.last.plain
        assert "対応できる人に通知できました" in kenji and "📵" not in kenji


@pytest.mark.parametrize("conversation", ["told", "closed", "none"])
async def test_if_nobody_can_be_told_the_operator_is(
    settled_url: str, inline_sqlite: None, conversation: str
) -> None:
    """All who should know have closed their conversations: whoever runs the bot hears that at once, unless
    the team's conversation could be told."""
    async with a_stage(settled_url, key=KEY, OPERATORS="U0KENJI") as stage:
        await stage.connected("alice")
        await stage.team_connected(conversation=None if conversation == "none" else "#support")
        await stage.passes(minutes=1)
        for who in ADMINS:
            await stage.driver.break_("dm_closed", person=who)
        if conversation == "closed":
            await stage.driver.edit_conversation("#support", bot_in=False)
        await stage.breaks(SUPPORT, "account_disabled")
        told = [said.plain for said in (await stage.person("kenji").sees()).dm.messages]
        assert any(SUPPORT in words for words in told) is (conversation != "told")
        if conversation == "told":
            assert SUPPORT in (await _line(stage)).plain
            return
        stage.town.google.mend(SUPPORT)
        await stage.passes(minutes=16)
        assert "対応は不要です。" in (await stage.person("kenji").sees()).dm.last.plain


async def test_who_left_is_not_told_and_nobody_waits_for_them(team: Stage) -> None:
    """A deactivated admin holds no role any more."""
    await team.driver.edit_person("sakura", deleted=True)
    await team.breaks(SUPPORT)
    assert "[Reconnect]" in (await _alarm(team, "omar")).plain
    screen = await team.person("sakura").sees()
    assert not any(_is_alarm(said) for said in screen.dm.messages)


async def test_a_deleted_message_is_said_once_more_while_it_is_true(team: Stage) -> None:
    """Its reader deleted it, and something changes: what is still so is posted anew, and edited from then."""
    await team.breaks(SUPPORT)
    await team.driver.break_("error", method="chat.update", error="message_not_found", times=1)
    await team.person("omar").chooses("Snooze", "4 hours", in_="dm")
    await team.passes(seconds=5)
    alarms = [said for said in (await team.person("omar").sees()).dm.messages if _is_alarm(said)]
    assert len(alarms) == 2
    await team.person("sakura").clicks("対応します", in_="dm")
    await team.passes(seconds=5)
    newest = (await team.person("omar").sees()).dm.last
    assert newest.ts == alarms[1].ts and "Sakura Sato" in newest.plain


async def test_a_reader_who_is_a_guest_by_now_is_refused_in_words(team: Stage) -> None:
    """Old messages keep their buttons; who presses one is asked again at every click."""
    await team.breaks(SUPPORT)
    await team.driver.edit_person("omar", is_restricted=True)
    await team.person("omar").clicks("I'm on it", in_="dm")
    await team.settles()
    assert (await team.person("omar").sees()).dm.last.ephemeral
    assert "Omar Haddad" not in (await _alarm(team, "sakura")).plain
