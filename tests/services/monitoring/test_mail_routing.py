"""Where team addresses' mail goes: looked up daily, told once two looks agree, kept true, never an outage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.address import NOWHERE, MailRouting
from bot.domain.channel import Channel
from bot.domain.notice import NoticeKind
from bot.services.connections.channel_actions import TeamDetails
from bot.services.core.incidents import Incidents
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Detecting
from bot.services.core.transitions import Transitions
from bot.services.monitoring.mail_routing import MAIL_MOVED, MailRoutingWatch
from providers.detect import Detected
from sandbox.names import Service
from tests.services.connections.test_switch import at_imap, switched
from tests.services.play import IDS, Play, on_both

SUPPORT = "support@acme.example"
MOVED, MOVED_JA = "New mail for support@acme.example goes elsewhere", "宛ての新着メールの配送先が変わりました"

NO_MAIL = "The domain of support@acme.example no longer accepts mail"


def moves(play: Play, place: str, domain: str = "acme.example") -> None:
    play.stage.town.names.move(domain, place)


async def days(play: Play, number: int) -> None:
    """Days pass. Between the daily chores nothing matters here, so each is one leap."""
    for _ in range(number):
        play.stage.town.clock.advance(timedelta(days=1))
        await play.passes(seconds=10)


async def known(play: Play, channel: Channel) -> MailRouting | None:
    async with play.storage.reading() as uow:
        return await uow.whereabouts.find(channel.id)


async def moved_away(play: Play, place: str = "microsoft") -> Channel:
    """A team address whose mail went to Google, and has moved since."""
    channel = await play.connect_team()
    await days(play, 1)
    moves(play, place)
    await days(play, 2)
    return channel


@on_both
async def test_mail_that_moves_is_told_after_two_daily_looks(play: Play) -> None:
    """Not at the first; then once, in one message each, to those who look after the address."""
    channel = await play.connect_team()
    await days(play, 1)
    found = await known(play, channel)
    assert found is not None
    assert (found.place, found.has_left) == ("google", False)
    moves(play, "microsoft")
    await days(play, 1)
    assert not await play.told("omar", MOVED)
    await days(play, 1)
    [omar] = await play.told("omar", MOVED)
    assert "According to its DNS, mail for acme.example now goes to Microsoft." in omar.plain
    assert "That still works, but no new mail arrives there any more." in omar.plain
    assert "[Switch to Office 365]" in omar.plain
    assert len(await play.told("sakura", MOVED_JA)) == 1
    assert not await play.told("alice", SUPPORT)
    await days(play, 5)
    assert len(await play.told("omar", MOVED)) == 1
    after = await play.now_of(channel)
    assert (after.state, after.version) == (channel.state, channel.version)
    assert await play.incident(channel) is None
    assert (await play.history(channel)).count(MAIL_MOVED) == 1


@pytest.mark.parametrize("place", ["nowhere", "filter"])
async def test_a_name_server_that_cannot_tell_is_no_news(play: Play, place: str) -> None:
    """Silence for a week, or a filter that hides the host before a domain that Microsoft knows, too."""
    await play.connect_team()
    await days(play, 1)
    moves(play, place)
    await days(play, 7)
    assert not await play.told("omar", MOVED)


@pytest.mark.parametrize(
    "policy", ["include:_spf.google.com", "include:_spf.google.com include:spf.protection.outlook.com"]
)
async def test_a_filter_nobody_knows_is_no_move(play: Play, policy: str) -> None:
    """The domain still lets its home send for it."""
    await play.connect_team()
    await days(play, 1)
    play.stage.town.names.senders["acme.example"] = f"v=spf1 {policy} ~all"
    moves(play, "unlisted filter")
    await days(play, 4)
    assert not await play.told("omar", MOVED)


@on_both
async def test_a_domain_that_takes_no_mail_any_more_is_told_as_such(play: Play) -> None:
    """After two looks, in words of its own: nothing has moved, so there is nothing to switch or leave."""
    channel = await moved_away(play, "no mail")
    [omar] = await play.told("omar", NO_MAIL)
    assert "According to its DNS, the domain acme.example has accepted no mail at all since" in omar.plain
    assert "check its MX record." in omar.plain
    for other in ("elsewhere", "another mail host", "Switch", "Disconnect", "client is configured"):
        assert other not in omar.plain
    assert len(await play.told("sakura", "メールを受け取らなくなりました")) == 1
    status = await play.services.channels.status(await play.actor("omar"), channel.id)
    assert status.mail is not None
    assert (status.mail.place, status.mail.has_left, status.mail.is_on) == (NOWHERE, True, False)
    moves(play, "google")
    await days(play, 2)
    assert not await play.told("omar", NO_MAIL)
    assert len(await play.told("omar", "goes to Google again")) == 1


async def test_a_domain_that_takes_no_mail_for_a_day_alarms_nobody(play: Play) -> None:
    """A slip in the DNS that is mended by the next look."""
    await play.connect_team()
    await days(play, 1)
    moves(play, "no mail")
    await days(play, 1)
    moves(play, "google")
    await days(play, 3)
    assert not await play.told("omar", NO_MAIL)


async def test_mail_that_goes_nowhere_and_then_elsewhere_is_the_same_message(play: Play) -> None:
    """It says what is so by now, with the way there."""
    await moved_away(play, "no mail")
    moves(play, "microsoft")
    await days(play, 2)
    assert not await play.told("omar", NO_MAIL)
    [omar] = await play.told("omar", MOVED)
    assert "[Switch to Office 365]" in omar.plain


async def test_a_policy_that_cannot_be_looked_up_is_no_news(play: Play) -> None:
    """For a week, behind a host that nobody knows; what was known stays. The policy's absence is news."""
    channel = await play.connect_team()
    await days(play, 1)
    before = await known(play, channel)
    names = play.stage.town.names
    names.silent.add("acme.example")
    moves(play, "unlisted filter")
    await days(play, 7)
    assert not await play.told("omar", MOVED)
    assert await known(play, channel) == before
    names.silent.clear()
    await days(play, 2)
    assert len(await play.told("omar", MOVED)) == 1


async def at_microsoft(play: Play) -> Channel:
    """A team address whose mailbox is at Microsoft."""
    moves(play, "microsoft")
    channel = await play.connect_team(provider="microsoft")
    await days(play, 1)
    return channel


@pytest.mark.parametrize("way", ["alias", "alias of an alias", "service", "silent"])
async def test_a_filter_before_a_mailbox_that_autodiscover_names_is_no_move(play: Play, way: str) -> None:
    """The domain's SPF names the filter only, but Outlook is still sent to Microsoft; or nobody can say. Once
    it is sent nowhere, the mail has moved."""
    await at_microsoft(play)
    names = play.stage.town.names
    names.senders["acme.example"] = "v=spf1 include:spf.mailwall.example -all"
    match way:
        case "alias":
            names.aliases["autodiscover.acme.example"] = "autodiscover.outlook.com"
        case "alias of an alias":
            names.aliases["autodiscover.acme.example"] = "autodiscover.hosting.example"
            names.aliases["autodiscover.hosting.example"] = "autodiscover.outlook.com"
        case "service":
            names.services["_autodiscover._tcp.acme.example"] = (Service("autodiscover.outlook.com", 443),)
        case _:
            names.silent.add("autodiscover.acme.example")
    moves(play, "unlisted filter")
    await days(play, 4)
    assert not await play.told("omar", MOVED)
    for kept in (names.aliases, names.services, names.silent):
        kept.clear()
    await days(play, 2)
    assert len(await play.told("omar", MOVED)) == 1


async def test_mail_programs_that_are_sent_to_google_keep_a_mailbox_there(play: Play) -> None:
    """Behind a filter; what Outlook is told is no news either."""
    await play.connect_team()
    await days(play, 1)
    names = play.stage.town.names
    names.services["_imaps._tcp.acme.example"] = (Service("imap.gmail.com", 993),)
    names.aliases["autodiscover.acme.example"] = "autodiscover.outlook.com"
    moves(play, "unlisted filter")
    await days(play, 4)
    assert not await play.told("omar", MOVED)


async def test_one_wrong_answer_alarms_nobody(play: Play) -> None:
    """It is right again the next day."""
    await play.connect_team()
    await days(play, 1)
    for place in ("microsoft", "google", "elsewhere", "google"):
        moves(play, place)
        await days(play, 1)
    await days(play, 1)
    assert not await play.told("omar", MOVED)


async def test_mail_behind_a_filter_is_told_by_who_may_send_for_the_domain(play: Play) -> None:
    """The filter stays, the host behind it changes."""
    await play.connect_team()
    moves(play, "filter")
    names = play.stage.town.names
    names.senders["acme.example"] = "v=spf1 include:_spf.google.com ~all"
    await days(play, 1)
    names.senders["acme.example"] = "v=spf1 include:spf.protection.outlook.com ~all"
    await days(play, 2)
    assert len(await play.told("omar", MOVED)) == 1


async def test_mail_that_went_elsewhere_from_the_beginning_has_not_moved(play: Play) -> None:
    """Whoever connected it was asked and knew: it is shown, and nobody is told."""
    moves(play, "microsoft")
    channel = await play.connect_team()
    await days(play, 3)
    assert not await play.told("omar", MOVED)
    status = await play.services.channels.status(await play.actor("omar"), channel.id)
    assert status.mail is not None
    assert (status.mail.place, status.mail.is_home, status.mail.has_left) == ("microsoft", False, False)
    assert status.row.mail is None


@on_both
async def test_mail_that_comes_back_is_said_in_the_same_message(play: Play) -> None:
    """After two looks again; and a later move is a new message."""
    channel = await moved_away(play)
    [before] = await play.told("omar", MOVED)
    moves(play, "google")
    await days(play, 1)
    assert await play.told("omar", MOVED)
    await days(play, 1)
    assert not await play.told("omar", MOVED)
    [back] = await play.told("omar", "New mail for support@acme.example goes to Google again")
    assert back.ts == before.ts
    assert (await play.history(channel)).count(MAIL_MOVED) == 2
    moves(play, "microsoft")
    await days(play, 2)
    [again] = await play.told("omar", MOVED)
    assert again.ts != before.ts


async def test_mail_that_moves_on_is_the_same_message(play: Play) -> None:
    """It left Google for Microsoft and went on to a host of its own: one message, the present place."""
    await moved_away(play)
    [before] = await play.told("omar", MOVED)
    moves(play, "elsewhere")
    await days(play, 2)
    [after] = await play.told("omar", MOVED)
    assert after.ts == before.ts
    assert "now goes to another mail host" in after.plain


async def test_other_places_come_with_the_reason(play: Play) -> None:
    """No switch leads to just any host: disconnect first, then connect. Its button leads to that."""
    await moved_away(play, "elsewhere")
    [told] = await play.told("omar", MOVED)
    assert "disconnect the inbox first, then connect it at its new host" in told.plain
    assert "[Disconnect, then connect…]" in told.plain


async def test_a_switch_settles_it(play: Play) -> None:
    """The message says so; and that mail goes there is as it should be from then on."""
    after = await switched(play, await moved_away(play))
    await play.passes(seconds=5)
    assert not await play.told("omar", MOVED)
    assert await play.told("omar", f"{SUPPORT} was switched to Office 365. There is nothing to do.")
    found = await known(play, after)
    assert found is not None
    assert not found.has_left
    await days(play, 4)
    assert not await play.told("omar", MOVED)


async def test_what_nobody_uses_is_not_warned_of(play: Play) -> None:
    """Disabled, it says so instead, and warns again when it is enabled; removed, it is over."""
    channel = await moved_away(play)
    disabled = await play.disable("omar", channel)
    await play.passes(seconds=5)
    assert not await play.told("omar", MOVED)
    await play.enable("omar", disabled)
    await play.passes(seconds=5)
    assert len(await play.told("omar", MOVED)) == 1
    await play.remove("omar", channel)
    await play.passes(seconds=5)
    assert not await play.told("omar", MOVED)
    assert await known(play, channel) is None
    await days(play, 3)
    assert not await play.told("omar", MOVED)


async def test_a_disabled_address_is_not_looked_after(play: Play) -> None:
    """What moves meanwhile is not told to anybody."""
    channel = await play.connect_team()
    await days(play, 1)
    await play.disable("omar", channel)
    moves(play, "microsoft")
    await days(play, 3)
    assert not await play.told("omar", MOVED)


async def test_a_grant_that_dies_after_the_mail_has_moved_offers_the_switch(play: Play) -> None:
    """Beside *Reconnect*; and what the quiet message says of the connection is true again."""
    await moved_away(play)
    await play.stage.breaks(SUPPORT, minutes=10)
    [alarm] = await play.alarms("omar")
    assert "[Reconnect" in alarm.plain and "[Switch to Office 365]" in alarm.plain
    assert "According to its DNS, mail for acme.example now goes to Microsoft." in alarm.plain
    [quiet] = await play.told("omar", MOVED)
    assert "stopped working there" in quiet.plain and "still works" not in quiet.plain


async def test_trouble_that_passes_does_not_touch_the_message(play: Play) -> None:
    """Google is away for a minute: nothing that the message says has changed."""
    await moved_away(play)
    edits = len(await play.stage.driver.calls("chat.update"))
    play.google.break_down("server_error")
    await play.passes(minutes=4)
    play.google.mend()
    await play.passes(minutes=4)
    assert len(await play.stage.driver.calls("chat.update")) == edits


async def test_personal_inboxes_are_not_watched(play: Play) -> None:
    """Until one becomes the team's."""
    channel = await play.connect("alice")
    await days(play, 2)
    assert await known(play, channel) is None
    taken = await play.services.channel_actions.take_over(
        await play.actor("omar"), channel.id, TeamDetails(name="Alice's desk")
    )
    await days(play, 1)
    assert await known(play, taken) is not None


async def test_mail_of_an_address_at_a_mail_host_that_moves_to_google(play: Play) -> None:
    """From any other provider the way is the other one, and it says so."""
    imap = await at_imap(play)
    team = await play.services.channel_actions.take_over(
        await play.actor("omar"), imap.id, TeamDetails(name="Alice's desk")
    )
    moves(play, "elsewhere")
    await days(play, 1)
    moves(play, "google")
    await days(play, 2)
    [told] = await play.told("omar", "New mail for alice@acme.example goes elsewhere")
    assert "disconnect the inbox first" in told.plain
    assert team.identity.tenant in told.plain


class Counting:
    """The detector, and what it was asked."""

    def __init__(self, inner: Detecting) -> None:
        self._inner = inner
        self.asked: list[str] = []

    async def detect(self, address: str) -> Detected:
        self.asked.append(address.partition("@")[2])
        return await self._inner.detect(address)


async def test_a_domain_is_looked_up_once_for_all_its_addresses(play: Play) -> None:
    """Name servers are shared; each address still has its own message."""
    for address in (SUPPORT, "sales@acme.example"):
        await play.connect_team(address)
    await days(play, 1)
    counting = Counting(play.services.core.detector)
    core = replace(play.services.core, detector=counting)
    notifications = Notifications(core)
    steps = Transitions(
        core,
        notifications=notifications,
        incidents=Incidents(core, notifications),
        schedule=play.services.schedule,
    )
    await MailRoutingWatch(core, transitions=steps, notifications=notifications).look()
    assert counting.asked == ["acme.example"]
    moves(play, "microsoft")
    await days(play, 2)
    assert len(await play.told("omar", "goes elsewhere")) == 2


@on_both
async def test_two_processes_tell_it_once(play: Play) -> None:
    """The look is a chore of the day, taken by one of them; looking twice finds nothing new."""
    await moved_away(play)
    async with play.another_process() as other:
        await other.maintenance.run_due()
        await play.services.maintenance.run_due()
    await play.settles()
    assert len(await play.told("omar", MOVED)) == 1


async def test_list_status_and_why_show_it(play: Play) -> None:
    """To whoever may see the address."""
    channel = await moved_away(play)
    alice = await play.actor("alice")
    [row] = (await play.services.channels.overview(alice)).team
    status = await play.services.channels.status(alice, channel.id)
    evidence = await play.services.history.why(alice, channel.id)
    for mail in (row.mail, status.mail, evidence.row.mail):
        assert mail is not None
        assert (mail.place, mail.has_left, mail.is_on) == ("microsoft", True, True)
    assert MAIL_MOVED in [record.what for record in evidence.records]


async def test_nobody_is_told_what_is_over_before_it_was_shown(play: Play) -> None:
    """Slack was away until the inbox had been switched: only the switch is told."""
    channel = await play.connect_team()
    await days(play, 1)
    moves(play, "microsoft")
    await days(play, 1)
    await play.stage.driver.break_("error", method="chat.postMessage", error="internal_error")
    await days(play, 1)
    await switched(play, channel)
    await play.stage.driver.mend()
    await play.passes(hours=2)
    assert await play.told("omar", "works through Office 365 now")
    assert not await play.told("omar", "goes elsewhere")
    assert not await play.told("omar", "There is nothing to do")


async def test_the_message_goes_to_whoever_connected_it_too(play: Play) -> None:
    """A member with account access, for instance, who has none by now."""
    channel = await play.connect_team()
    async with play.storage.writing() as uow:
        await uow.channels.save(replace(channel, connected_by=IDS["alice"]))
        await uow.commit()
    await days(play, 1)
    moves(play, "microsoft")
    await days(play, 2)
    assert len(await play.told("alice", MOVED)) == 1
    async with play.storage.reading() as uow:
        notices = await uow.notices.of_channel(channel.id, NoticeKind.MOVED)
    assert {notice.recipient for notice in notices} == {IDS["alice"], IDS["omar"], IDS["sakura"]}
