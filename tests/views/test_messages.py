"""Direct messages: alarming while somebody can act, quiet afterwards, true at every edit."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.address import NOWHERE
from bot.domain.channel import Cause, Kind, State
from bot.domain.grant import Revocation
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.notice import NoticeKind
from bot.domain.request import Awaits, RequestState
from bot.domain.ticket import OutcomeKind
from bot.notifier import rendered
from bot.views import messages
from bot.views.i18n import Language
from bot.views.text import shown
from sandbox.slack.validate import validate_message
from tests.views.samples import (
    ANN,
    BOB,
    EN,
    JA,
    LANGUAGES,
    NOW,
    URL,
    a_channel,
    a_picture,
    a_removal,
    a_request,
    a_storm,
    a_team_channel,
    a_wish,
    an_outage,
)
from tests.views.switch_gallery import some_mail
from tests.views.test_surfaces import parts

OVER: dict[str, Any] = {"resolved_at": NOW, "resolution": Resolution.RECOVERED}


def in_menus(message: dict[str, Any]) -> list[str]:
    """The action ids that the small menus (⋯) stand for, in their order."""
    menus = [part for part in parts(message) if part.get("type") == "overflow"]
    return [option["value"].partition(" ")[0] for it in menus for option in it["options"]]


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["action_id"]: part for part in parts(message) if part.get("type") == "button"}


def choices(message: dict[str, Any]) -> dict[str, list[str]]:
    """What each select offers, as the values that Slack sends."""
    selects = [part for part in parts(message) if part.get("type") == "static_select"]
    return {one["action_id"]: [option["value"] for option in one["options"]] for one in selects}


def texts(message: dict[str, Any]) -> str:
    return "\n".join(part["text"] for part in parts(message["blocks"]) if isinstance(part.get("text"), str))


def incident(
    lang: Language = EN, *, channel: Any = None, url: str = URL, seen: Any = None, **changes: Any
) -> Any:
    """One outage as its owner, or as ``seen`` says, sees it."""
    outage = an_outage(channel or a_channel(use="The CRM reads it"), url=url, **changes)
    return messages.incident_notice(lang, a_picture(NoticeKind.INCIDENT, outage, notice=seen))


def team(lang: Language = EN, **changes: Any) -> Any:
    return incident(lang, channel=a_team_channel(), **changes)


def storm(*outages: Any, kind: NoticeKind = NoticeKind.INCIDENT, **seen: Any) -> Any:
    return rendered(a_picture(kind, *outages, notice=seen))


def test_an_outage_says_everything_that_is_needed() -> None:
    """What stopped, since when, why, what it affects, who can fix it, and the way to fix it."""
    message = incident()
    for wanted in (
        "ann@example.com stopped working",
        "^{ago}|",
        "Google no longer accepts our access",
        "What stops working: The CRM reads it",
        "Who can fix it: you.",
    ):
        assert wanted in texts(message)
    assert message["text"] == "🔴 ann@example.com stopped working · The CRM reads it"
    mend = buttons(message)["incident.reconnect"]
    assert (mend["url"], mend["style"]) == (URL, "primary")
    assert "incident.why" in buttons(message)


def test_a_policy_names_the_admin_who_can_lift_it() -> None:
    """The owner cannot; saying so saves an hour."""
    assert "your organisation's Google admin" in texts(incident(cause=Cause.ADMIN_POLICY))


@pytest.mark.parametrize("cause", [Cause.ACCOUNT_DISABLED, Cause.MAILBOX_MISSING])
def test_an_account_is_mended_by_whoever_manages_it(cause: Cause) -> None:
    """Its owner can do nothing first, so nothing urges them to."""
    message = incident(cause=cause)
    assert "Who can fix it: whoever manages your Google accounts." in texts(message)
    assert "style" not in buttons(message)["incident.reconnect"]


def test_a_team_inbox_is_mended_by_whoever_can_sign_in() -> None:
    """A team's mailbox has no "you"."""
    assert "whoever can sign in" in texts(incident(channel=a_team_channel()))


def test_what_cannot_be_checked_asks_nobody_to_act() -> None:
    """It may still work: no red mark and no Reconnect."""
    message = incident(kind=IncidentKind.UNVERIFIABLE, cause=Cause.PROVIDER_UNREACHABLE)
    assert message["text"].startswith("🟡")
    assert set(buttons(message)) == {"incident.why"} and set(choices(message)) == {"incident.snooze"}


def test_without_a_link_there_is_no_reconnect_button() -> None:
    """A button that leads nowhere is worse than none."""
    assert "incident.reconnect" not in buttons(incident(url=""))


@pytest.mark.parametrize("resolution", Resolution)
def test_what_is_over_is_one_quiet_line(resolution: Resolution) -> None:
    """No alarm, no button, and every ending reads differently."""
    for lang in LANGUAGES:
        message = incident(lang, resolution=resolution, resolved_by=ANN, resolved_at=NOW)
        assert buttons(message) == {}
        assert "🔴" not in message["text"] + texts(message)
        assert [block["type"] for block in message["blocks"]] == ["context"]


def test_a_resolved_outage_tells_who_and_how_long() -> None:
    """The reader knows whom to thank, and that nothing is left to do."""
    mended = incident(resolution=Resolution.RECONNECTED, resolved_by=BOB, resolved_at=NOW)
    assert texts(mended) == "✅ ann@example.com works again. Reconnected by <@U0BOB> after 2 h 14 min."
    healed = incident(resolution=Resolution.RECOVERED, resolved_at=NOW)
    assert "on its own, after 2 h 14 min" in texts(healed)


def test_what_turned_out_worse_is_not_called_over() -> None:
    """It could not be checked, and is refused: the older message points at the newer one, and counts as over
    only what is."""
    worse = incident(resolution=Resolution.WORSE, resolved_at=NOW)
    assert (
        texts(worse) == "⚪ ann@example.com: it is clear now that Google refuses it. See the newer message."
    )
    outages = (*a_storm(2, **OVER), *a_storm(1, **OVER | {"resolution": Resolution.WORSE}))
    message = storm(*outages)
    assert message["text"] == "⚪ 2 are over. 1 turned out to be refused: see the newer message."
    assert "\n⚪ team-0@example.com (Support)\n✅ team-0" in texts(message)


@pytest.mark.parametrize("resolution", [Resolution.WORSE, Resolution.DOUBTED, Resolution.OURS])
def test_what_is_said_of_hundreds_is_said_once(resolution: Resolution) -> None:
    """Each is an address below one sentence, and nothing is green that is not over."""
    for kind in (NoticeKind.INCIDENT, NoticeKind.CONVERSATION):
        message = storm(*a_storm(300, **OVER | {"resolution": resolution}), kind=kind)
        assert message["text"].startswith("⚪ 300 ")
        assert "✅" not in texts(message) and "over" not in message["text"]
        assert "\n⚪ team-99@example.com (Support)\n⚪ team-100" in texts(message)


def test_nothing_is_not_all_of_it() -> None:
    """A message whose outages are gone does not claim that they are over."""
    assert texts(storm()) == "⚪ There is nothing left to do."


def refused_before(cause: Cause = Cause.ADMIN_POLICY, **seen: Any) -> Any:
    """Refused once, then out of reach for an hour."""
    outage = an_outage(a_team_channel(), kind=IncidentKind.UNVERIFIABLE, cause=cause)
    return rendered(a_picture(seen.pop("of", NoticeKind.INCIDENT), outage, **seen))


def test_a_refusal_before_the_silence_is_no_finding() -> None:
    """It is the last answer; nobody has anything to do or to forward, and nothing is called a fact."""
    said = texts(refused_before())
    assert "Google's last answer was a refusal (not allowed by Google admin)." in said
    assert "this is not certain" in said and "We keep trying and tell you here" in said
    assert "forward" not in said and "does not allow this app" not in said
    account = texts(refused_before(Cause.ACCOUNT_DISABLED))
    assert "The account is disabled" not in account


def test_a_line_does_not_repeat_its_headline() -> None:
    """*Cannot be checked* once; what was heard last is news."""
    line = texts(refused_before(Cause.PROVIDER_UNREACHABLE, of=NoticeKind.CONVERSATION))
    assert line.count("cannot be checked") == 1
    known = texts(refused_before(Cause.ACCOUNT_DISABLED, of=NoticeKind.CONVERSATION))
    assert known.count("cannot be checked") == 1
    assert " · the last answer was: account disabled" in known


def test_a_list_does_not_take_the_last_answer_for_the_cause() -> None:
    """Among others each of them says that it cannot be checked."""
    message = storm(*a_storm(2, kind=IncidentKind.UNVERIFIABLE, cause=Cause.PASSWORD_REFUSED))
    assert texts(message).count("cannot be checked · the last answer was: password refused") == 2


def test_an_outage_whose_link_was_lost_names_the_command() -> None:
    """There is always a way."""
    assert "To reconnect: `/inbox reconnect support@example.com`" in texts(team(url=""))
    assert "`/inbox 再接続 support@example.com`" in texts(team(JA, url=""))
    assert "To reconnect" not in texts(team())


@pytest.mark.parametrize(
    ("place", "label", "way"),
    [
        ("microsoft", "Office 365", "If this is intended, switch the inbox."),
        ("imap", "IMAP", "disconnect the inbox first, then connect it at its new host."),
    ],
)
def test_an_outage_of_moved_mail_says_which_way_fits(place: str, label: str, way: str) -> None:
    """Reconnect and Switch stand beside each other: which of them, is said above."""
    outage = replace(an_outage(), mail=some_mail(place, label))
    said = texts(rendered(a_picture(NoticeKind.INCIDENT, outage)))
    assert way in said
    assert "If the mail was not supposed to move: Reconnect and sign in." in said


def test_an_outage_where_no_mail_arrives_says_what_comes_first() -> None:
    """Its domain takes none: that has moved nowhere."""
    outage = replace(an_outage(), mail=some_mail(NOWHERE, NOWHERE))
    assert "Once its MX record is right: Reconnect and sign in." in texts(
        rendered(a_picture(NoticeKind.INCIDENT, outage))
    )


def test_moved_mail_that_cannot_be_followed_by_a_switch_offers_what_it_says() -> None:
    """*Disconnect it first*, and that is what the button does."""
    seen = {"subject": "google:2026-11-21T00:00:00+00:00"}
    moved = a_picture(NoticeKind.MOVED, channel=a_team_channel(), mail=some_mail("imap", "IMAP"), notice=seen)
    found = buttons(rendered(moved))
    assert list(found) == ["channel.switch", "incident.why"]
    assert found["channel.switch"]["text"]["text"] == "Disconnect, then connect…"
    assert found["channel.switch"]["value"] == "t1:3:imap"


def test_a_name_stands_in_the_brackets_of_its_language() -> None:
    """Full-width ones in Japanese."""
    assert "support@example.com（Support）" in texts(team(JA))


def removed(revocation: Revocation) -> Any:
    return rendered(a_picture(NoticeKind.REMOVED, removal=a_removal(revocation)))


def test_a_removal_that_was_not_confirmed_offers_both_ways_on() -> None:
    """Check again, or by hand: the provider's own steps and a link."""
    message = removed(Revocation.NOT_CONFIRMED)
    assert buttons(message)["revocation.check"]["value"] == "g1"
    assert "Manage third-party access › (this app) › Remove access" in texts(message)
    assert "<https://myaccount.google.com/connections|Open that page>" in texts(message)


def test_a_removal_names_who_did_it_and_what_depended_on_it() -> None:
    """Colleagues can ask that person, and take it back: connecting again brings its settings back."""
    removal = a_removal(Revocation.CONFIRMED)
    seen = {"subject": f"by:{BOB}:{NOW.isoformat()}"}
    told = rendered(a_picture(NoticeKind.REMOVED, channel=a_team_channel(), removal=removal, notice=seen))
    assert told["text"] == "🗑 <@U0BOB> removed the team address support@example.com (Support)."
    assert "What used it: Zendesk reads it" in texts(told)
    assert buttons(told)["channel.connect"]["value"] == "support@example.com"


@pytest.mark.parametrize("revocation", [Revocation.CONFIRMED, Revocation.SHARED, Revocation.CANCELLED])
def test_a_removal_that_is_settled_offers_nothing_more(revocation: Revocation) -> None:
    """There is nothing to check and nothing to do by hand. The only way is back."""
    message = removed(revocation)
    assert set(buttons(message)) == {"channel.connect"}
    assert "By hand" not in texts(message)


def connected(ending: OutcomeKind, state: State = State.CONNECTED) -> Any:
    channel = a_channel(state=state)
    return rendered(a_picture(NoticeKind.CONNECTED, channel=channel, notice={"subject": ending.value}))


def test_a_finished_sign_in_can_be_disowned() -> None:
    """Whoever did not do this sees how to undo it."""
    message = connected(OutcomeKind.CONNECTED)
    assert "channel.disconnect" in buttons(message)
    assert "ann@example.com is connected" in message["text"]


def test_an_inbox_that_stays_disabled_can_be_enabled_from_its_message() -> None:
    """Signing in again is not a wish to turn it on, but the next click may be."""
    assert "channel.enable" in buttons(connected(OutcomeKind.STILL_DISABLED, State.DISABLED))


def disabled(**changes: Any) -> Any:
    channel = a_channel(**{"state": State.DISABLED, **changes})
    by_bob = {"subject": f"by:{BOB}:2026-11-23"}
    return rendered(a_picture(NoticeKind.DISABLED, channel=channel, notice=by_bob))


def test_an_owner_learns_who_disabled_their_inbox() -> None:
    """Named, reversible, nothing deleted."""
    message = disabled()
    assert "<@U0BOB> disabled your inbox ann@example.com." in texts(message)
    assert "channel.enable" in buttons(message)


def test_a_disabled_team_address_is_nobodys_own() -> None:
    """It is not "your inbox" to those who look after it."""
    message = disabled(kind=Kind.TEAM, owner_id=None)
    assert "<@U0BOB> disabled the team address ann@example.com." in texts(message)
    assert "Nobody is told about it until it is enabled again." in texts(message)


def owner_gone(is_open: bool = True, **changes: Any) -> Any:
    channel = a_channel(**changes)
    return rendered(a_picture(NoticeKind.OWNER_GONE, channel=channel, is_open=is_open))


def test_an_orphaned_inbox_is_taken_over_disabled_or_removed() -> None:
    """Enabling and signing in were its owner's; three buttons are left, until somebody decided."""
    assert set(buttons(owner_gone())) == {"channel.take_over", "channel.disable", "channel.remove"}
    assert buttons(owner_gone(is_open=False)) == {}
    disabled = owner_gone(state=State.DISABLED)
    assert set(buttons(disabled)) == {"channel.take_over", "channel.remove"}
    assert "It is disabled, but its permission at Google is still there." in texts(disabled)


def test_an_inbox_that_was_taken_over_is_no_orphan_any_more() -> None:
    """It stays connected, so only its kind tells that somebody has decided."""
    assert buttons(owner_gone(kind=Kind.TEAM, owner_id=None)) == {}


def operator(is_open: bool) -> Any:
    seen = {"subject": "google:invalid_client:2026-11-23"}
    return rendered(a_picture(NoticeKind.OPERATOR, notice=seen, is_open=is_open))


def test_the_operator_gets_the_code_and_nobody_else_is_blamed() -> None:
    """What the provider said, where to look, and when it is over."""
    broken = operator(is_open=True)
    assert "(invalid_client)" in texts(broken) and "2026" not in texts(broken)
    assert "There is nothing to do." in texts(operator(is_open=False))


def test_a_hostile_use_stays_text() -> None:
    """What a connector wrote cannot shout at an admin."""
    message = incident(channel=a_channel(use="<!channel> *now* " + "x" * 3000))
    assert "<!channel>" not in texts(message)
    assert "*now*" not in texts(message)
    assert shown("x" * 3000, 200)[-1] == "…"


# --- a team's outage


def test_a_team_outage_has_a_button_for_every_answer() -> None:
    """Mend it, say that one is on it, be left alone for a while, or look closer."""
    found = buttons(team())
    assert list(found) == ["incident.reconnect", "incident.claim", "incident.why"]
    assert found["incident.claim"]["value"] == "n1"
    assert choices(team()) == {"incident.snooze": ["hour:n1", "four_hours:n1", "morning:n1"]}
    assert found["incident.why"]["value"] == "t1:3"
    assert "support@example.com (Support) stopped working · Zendesk reads it" in team()["text"]


def test_what_stops_and_the_button_come_first() -> None:
    """At night, on a phone, nobody reads on to find out what to press."""
    types = [block["type"] for block in team()["blocks"]]
    assert types[:2] == ["section", "actions"]
    assert "What stops working: Zendesk reads it" in texts({"blocks": team()["blocks"][:1]})
    assert "What stops working" not in texts(incident(channel=a_channel(use="")))


def test_how_long_ago_is_said_by_slack() -> None:
    """A span of ours would be of the last edit, and still stand there in the morning."""
    date = r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[^>]+>"
    assert re.search(rf"Since {date} \(<!date\^\d+\^\{{ago\}}\|", texts(team()))


def test_one_does_not_tell_oneself_who_is_on_it() -> None:
    """A personal inbox has one reader."""
    assert "incident.claim" not in buttons(incident())


def test_everybody_sees_who_is_on_it() -> None:
    """With since when; others may still take it on, whoever has it need not say so again."""
    since: dict[str, Any] = {"claimed_by": BOB, "claimed_at": NOW - timedelta(minutes=5)}
    others = team(**since)
    assert "🙋 <@U0BOB> has been on it since " in texts(others)
    assert "incident.claim" in buttons(others)
    assert "incident.hand_back" not in buttons(others)
    mine = buttons(team(seen={"recipient": BOB}, **since))
    assert "incident.claim" not in mine and mine["incident.hand_back"]["value"] == "n1"


def test_whoever_sleeps_sees_until_when() -> None:
    """Only while it lasts."""
    asleep = team(seen={"snoozed_until": NOW + timedelta(hours=4)})
    assert "No reminders for you until " in texts(asleep)
    assert buttons(asleep)["incident.wake"]["value"] == "n1" and not choices(asleep)
    awake = team(seen={"snoozed_until": NOW - timedelta(minutes=1)})
    assert "No reminders" not in texts(awake) and "incident.wake" not in buttons(awake)


# --- several at once


def test_a_storm_is_one_list() -> None:
    """How many, each with since when, why, what depends on it and its own way to mend it."""
    message = storm(*a_storm(3))
    assert message["text"] == "🔴 3 inboxes stopped working"
    lines = [line for line in texts(message).splitlines() if "team-" in line]
    assert len(lines) == 3
    for line in lines:
        for wanted in ("🔴 *team-", " · since <!date", "access refused", "Zendesk reads it"):
            assert wanted in line
    rows = [block for block in message["blocks"] if "accessory" in block]
    assert [row["accessory"]["url"] for row in rows] == [URL] * 3
    assert {row["accessory"]["accessibility_label"] for row in rows} == {
        f"Reconnect: team-{n}@example.com" for n in range(3)
    }
    assert set(buttons(message)) == {"incident.claim", "incident.reconnect"}


def test_what_works_again_is_quiet_and_stands_last() -> None:
    """A grey line below what still has to be done."""
    mended = [replace(one, incident=replace(one.incident, **OVER)) for one in a_storm(5)[:2]]
    message = storm(*mended, *a_storm(5)[2:])
    assert message["text"] == "🔴 3 of 5 inboxes still do not work"
    grey = [block for block in message["blocks"] if block["type"] == "context"]
    assert "✅ team-0@example.com (Support) works again on its own" in texts({"blocks": grey})
    said = texts(message)
    assert said.index("team-4@example.com") < said.index("team-0@example.com")


def test_a_storm_that_is_over_is_a_quiet_summary() -> None:
    """No alarm and no button is left."""
    message = storm(*a_storm(3, **OVER))
    assert message["text"] == "✅ All 3 outages are over."
    assert {block["type"] for block in message["blocks"]} == {"context"}


@pytest.mark.parametrize("count", [2, 40, 300])
def test_no_outage_of_a_storm_is_lost(count: int) -> None:
    """What finds no room is counted; forty ordinary ones all find room, within Slack's limits."""
    for outages in (a_storm(count), a_storm(count, **OVER)):
        message = storm(*outages)
        assert validate_message(message) == []
        lines = [line for line in texts(message).splitlines() if "team-" in line]
        more = [line for line in texts(message).splitlines() if line.startswith("and ")]
        assert len(lines) + sum(int(line.split()[1]) for line in more) == count
        assert len(lines) >= min(count, 40)


def test_what_finds_no_room_is_counted_by_kind() -> None:
    """What still has to be done is not mixed with what is over, and there is a way to see it."""
    said = texts(storm(*a_storm(300), *a_storm(300, **OVER)))
    assert re.search(r"and \d+ more that are not over yet\nand 300 more that are over\n", said)
    assert "`/inbox list` shows all inboxes." in said
    assert "`/inbox 一覧`" in texts(rendered(a_picture(NoticeKind.INCIDENT, *a_storm(300), locale="ja-JP")))


def test_several_people_may_be_on_parts_of_a_storm() -> None:
    """Each is named with how many they took on."""
    mine = a_storm(3, claimed_by=ANN, claimed_at=NOW)[:2]
    his = a_storm(3, claimed_by=BOB, claimed_at=NOW)[2:]
    said = texts(storm(*mine, *his))
    assert "<@U0ANN> is on 2 of these 3 since" in said
    assert "<@U0BOB> is on 1 of these 3 since" in said
    assert "<@U0BOB> has been on it since" in texts(storm(*a_storm(3, claimed_by=BOB, claimed_at=NOW)))


def test_a_conversation_gets_one_line_and_nobodys_link() -> None:
    """A link is one person's own."""
    for outages in (a_storm(1), a_storm(40)):
        message = storm(*outages, kind=NoticeKind.CONVERSATION)
        assert buttons(message) == {} and URL not in str(message)
        assert "The people who look after it have been told." in texts(message)
    assert "team-9@example.com and 30 more" in texts(storm(*a_storm(40), kind=NoticeKind.CONVERSATION))
    claimed = storm(*a_storm(1, claimed_by=BOB, claimed_at=NOW), kind=NoticeKind.CONVERSATION)
    assert "<@U0BOB> has been on it since" in texts(claimed)
    over = storm(*a_storm(1, **OVER), kind=NoticeKind.CONVERSATION)
    assert [block["type"] for block in over["blocks"]] == ["context"]


# --- replies


def test_a_reply_counts_the_storm() -> None:
    """Edits notify nobody, so the total is said once more."""
    assert "40 inboxes in all stopped working" in storm(*a_storm(40), kind=NoticeKind.STORM)["text"]
    for outages in ((), a_storm(1), a_storm(1, **OVER)):
        assert "in all" not in storm(*outages, kind=NoticeKind.STORM)["text"]


@pytest.mark.parametrize("kind", [NoticeKind.STORM, NoticeKind.REMINDER])
def test_many_that_only_cannot_be_checked_are_not_called_dead(kind: NoticeKind) -> None:
    """There is nothing to do for them, so nothing sounds like it."""
    said = texts(storm(*a_storm(3, kind=IncidentKind.UNVERIFIABLE), kind=kind))
    assert "cannot be checked" in said and "stopped working" not in said and "do not work" not in said


def test_a_relapse_names_what_came_back() -> None:
    """In a list of many, only one of them did."""
    outages = a_storm(3)
    message = storm(*outages, kind=NoticeKind.RELAPSE, subject=f"{outages[1].incident.id}:2")
    assert "team-1@example.com (Support) stopped working again" in message["text"]
    doubted = texts(refused_before(of=NoticeKind.RELAPSE))
    assert (
        "Checks of " in doubted
        and " are failing again." in doubted
        and "you don't need to do anything" in doubted
    )


@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.RELAPSE])
def test_replies_about_a_login_in_doubt_say_what_the_message_says(kind: NoticeKind) -> None:
    """It may be the password: nobody is told to sit and wait."""
    doubt = a_storm(1, kind=IncidentKind.UNVERIFIABLE, cause=Cause.LOGIN_UNCLEAR)
    said = texts(storm(*doubt, kind=kind, subject=f"{doubt[0].incident.id}:2"))
    assert "If the password was changed, reconnect" in said and "don't need to do" not in said
    several = a_storm(2, kind=IncidentKind.UNVERIFIABLE, cause=Cause.LOGIN_UNCLEAR)
    assert "don't need to do" not in texts(storm(*several, kind=NoticeKind.REMINDER))


def test_a_reminder_says_since_when_and_that_nobody_is_on_it() -> None:
    """And asks whoever said so hours ago by name."""
    one = storm(*a_storm(1), kind=NoticeKind.REMINDER)
    assert "team-0@example.com (Support) still does not work, since" in one["text"]
    assert "Nobody has taken it yet." in texts(one)
    many = storm(*a_storm(3), *a_storm(2, **OVER), kind=NoticeKind.REMINDER)
    assert "3 inboxes still do not work, the first since" in many["text"]
    stale = a_storm(1, claimed_by=BOB, claimed_at=NOW - timedelta(hours=5))
    claimed = texts(storm(*stale, kind=NoticeKind.REMINDER))
    assert "<@U0BOB> said that they are on it (<!date" in claimed


def test_a_reminder_brings_its_buttons() -> None:
    """The message they belong to may be hours up: they act on that one."""
    one = storm(*a_storm(1), kind=NoticeKind.REMINDER, thread_of="n0")
    assert list(buttons(one)) == ["incident.reconnect", "incident.claim"]
    assert "What stops working: Zendesk reads it" in texts(one)
    assert buttons(one)["incident.claim"]["value"] == "n0"
    assert choices(one)["incident.snooze"][0] == "hour:n0"
    many = storm(*a_storm(3), kind=NoticeKind.REMINDER, thread_of="n0")
    assert list(buttons(many)) == ["incident.claim"] and "The message above lists them" in texts(many)


def test_a_relapse_brings_the_button_for_what_came_back() -> None:
    """Of a list, that one; a count of them has none."""
    outages = a_storm(3)
    message = storm(*outages, kind=NoticeKind.RELAPSE, subject=f"{outages[1].incident.id}:2")
    assert list(buttons(message)) == ["incident.reconnect"]
    assert buttons(message)["incident.reconnect"]["accessibility_label"] == "Reconnect: team-1@example.com"
    assert buttons(storm(*a_storm(3), kind=NoticeKind.STORM)) == {}


def test_whoever_was_on_it_reads_who_is_now() -> None:
    """Nothing if it is over by then."""
    outages = a_storm(1, claimed_by=BOB, claimed_at=NOW)
    subject = f"{outages[0].incident.id}:by:{BOB}:{NOW.isoformat()}"
    said = storm(*outages, kind=NoticeKind.CLAIM_TAKEN, subject=subject)
    assert said["text"] == "🙋 <@U0BOB> is on team-0@example.com (Support) now, instead of you."
    over = storm(*a_storm(1, **OVER), kind=NoticeKind.CLAIM_TAKEN, subject=subject)
    assert "nothing left to do" in texts(over)


def test_the_operator_hears_that_nobody_was_told() -> None:
    """And where to see who should have been."""
    told = rendered(a_picture(NoticeKind.NOBODY_TOLD, channel=a_team_channel()))
    assert "nobody could be told" in told["text"]
    assert "`/inbox admins`" in texts(told)
    japanese = a_picture(NoticeKind.NOBODY_TOLD, channel=a_team_channel(), locale="ja-JP")
    assert "`/inbox 管理者`" in texts(rendered(japanese))


# --- requests


def test_a_wish_that_nobody_heard_says_what_to_do_instead() -> None:
    """Waiting would be for nothing: both who asked and whoever runs the bot read where the admins are."""
    request = a_request(a_wish(Operation.CONNECT))
    requested_change, operator = (
        rendered(a_picture(kind, request=request, is_unheard=True))
        for kind in (NoticeKind.WISH, NoticeKind.NOBODY_TOLD)
    )
    assert "No admin can get messages" in texts(requested_change) and "`/inbox admins`" in texts(
        requested_change
    )
    assert "<@U0ANN> asks for something" in texts(operator) and "`/inbox admins`" in texts(operator)


def asked(state: RequestState = RequestState.WAITING, *, requested_change: Any = None, **changes: Any) -> Any:
    """What an admin sees, and what whoever asked sees."""
    request = a_request(requested_change or a_wish(Operation.CONNECT), state=state, **changes)
    return tuple(
        rendered(a_picture(kind, request=request, is_open=request.is_open))
        for kind in (NoticeKind.REQUEST, NoticeKind.WISH)
    )


def test_an_admin_sees_who_asks_for_what_and_why() -> None:
    """All that is needed to answer, and what saying yes does."""
    admin, _ = asked()
    for wanted in (
        "<@U0ANN> asks for your approval:",
        "Connect support@example.com as a team address",
        "Name: Support",
        "Used for: Zendesk reads it",
        "Conversation to notify: <#C0SUPPORT>",
        "Reason: “We move to another tool”",
        "Nothing is connected until they have.",
    ):
        assert wanted in texts(admin)
    found = buttons(admin)
    assert {name: one["value"] for name, one in found.items()} == {
        "request.approve": "q1",
        "request.decline": "q1",
    }


@pytest.mark.parametrize(
    ("operation", "chosen", "read"),
    [
        (Operation.CONNECT, {"provider": "microsoft"}, "Provider: Office 365"),
        (Operation.CONNECT, {"provider": "imap"}, "Provider: a mail server (IMAP) that they name"),
        (
            Operation.CONNECT,
            {"provider": "microsoft", "is_shared": True},
            "they sign in with their own account",
        ),
        (
            Operation.SWITCH,
            {"provider": "microsoft", "is_shared": True},
            "they sign in with their own account",
        ),
        (Operation.CONNECT, {}, ""),
        (Operation.SWITCH, {"provider": "microsoft"}, ""),
    ],
)
def test_an_admin_sees_where_a_wish_leads(operation: Operation, chosen: dict[str, Any], read: str) -> None:
    """As far as it was chosen: at a mail server that somebody names, the answer is that one's."""
    request = a_request(a_wish(operation, **chosen))
    said = texts(rendered(a_picture(NoticeKind.REQUEST, request=request, provider_label="Office 365")))
    assert read in said
    assert read or ("Provider:" not in said and "own account" not in said)


def test_whoever_asked_sees_until_when_and_can_take_it_back() -> None:
    """While nobody has answered."""
    _, mine = asked()
    assert "have until <!date" in texts(mine)
    assert buttons(mine)["request.cancel"]["value"] == "q1"


@pytest.mark.parametrize(
    ("state", "by", "admins_read", "mine"),
    [
        (
            RequestState.APPROVED,
            BOB,
            "approved by <@U0BOB>; waiting for the person who asked to sign in",
            "request.go_on",
        ),
        (RequestState.DONE, BOB, "approved by <@U0BOB>, and done", ""),
        (RequestState.DECLINED, BOB, "declined by <@U0BOB>", ""),
        (RequestState.EXPIRED, None, "nobody answered in time", ""),
        (RequestState.EXPIRED, BOB, "approved by <@U0BOB>, but not used in time", ""),
        (RequestState.CANCELLED, ANN, "withdrawn by the person who asked", ""),
        (RequestState.CANCELLED, BOB, "approved by <@U0BOB>, but no longer possible", "overview.list"),
        (RequestState.CANCELLED, None, "no longer possible", "overview.list"),
        (RequestState.REPLACED, None, "asked again, see the newer message", ""),
    ],
)
def test_an_answered_request_is_quiet(state: RequestState, by: Any, admins_read: str, mine: str) -> None:
    """The other admins see who was first; only whoever asked may have something left to do."""
    admin, requested_change = asked(state, answered_by=by)
    assert texts(admin).endswith(f"(asked by <@U0ANN>): {admins_read}")
    assert buttons(admin) == {} and [block["type"] for block in admin["blocks"]] == ["context"]
    assert set(buttons(requested_change)) == ({mine} if mine else set())


@pytest.mark.parametrize("state", [RequestState.DECLINED, RequestState.EXPIRED])
def test_a_wish_that_was_not_granted_comes_with_a_next_step(state: RequestState) -> None:
    """Nobody is left with a bare no."""
    _, requested_change = asked(state, answered_by=BOB if state is RequestState.DECLINED else None)
    assert "Nothing has changed." in texts(requested_change)


def test_a_former_owner_learns_who_took_their_inbox_over() -> None:
    """And what that means."""
    seen = {"subject": f"by:{BOB}:2026-11-23"}
    message = rendered(a_picture(NoticeKind.TAKEN_OVER, channel=a_team_channel(), notice=seen))
    assert "<@U0BOB> made your inbox support@example.com a team address." in message["text"]
    assert "It stays connected." in texts(message)


def test_a_conversation_is_greeted_by_name() -> None:
    """Its members learn who chose it, for which address, and how much to expect."""
    message = messages.hello_notice(EN, address="support@example.com", actor=BOB)
    assert "<@U0BOB> chose this conversation" in message["text"]
    assert "One line per outage" in texts(message)


def test_a_removal_is_not_approved_like_a_connect() -> None:
    """What happens at once, to everybody and for good is on the button, red, and asked once more."""
    (remove, _), (disable, _) = (
        asked(requested_change=a_wish(operation)) for operation in (Operation.REMOVE, Operation.DISABLE)
    )
    red, plain = buttons(remove)["request.approve"], buttons(disable)["request.approve"]
    assert (red["text"]["text"], red["style"]) == ("Approve and remove", "danger")
    assert red["confirm"]["text"]["text"].startswith("support@example.com is removed at once")
    assert plain["text"]["text"] == "Approve and disable" and "style" not in plain and "confirm" not in plain
    assert "If you approve, it is removed right away, for everybody who uses it." in texts(remove)


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        ({"provider": "microsoft"}, "at Microsoft, or elsewhere if it is not there"),
        ({"provider": "imap"}, "at a mail server that they name, or elsewhere"),
        (
            {"provider": "microsoft", "is_shared": True},
            "that shared mailbox with their own account at Microsoft",
        ),
        ({}, "at the provider or mail server that they choose"),
    ],
)
def test_saying_yes_is_explained_by_what_was_chosen(chosen: dict[str, Any], read: str) -> None:
    """The approval holds elsewhere, too, which is not kept back."""
    request = a_request(a_wish(Operation.CONNECT, **chosen))
    said = texts(rendered(a_picture(NoticeKind.REQUEST, request=request, provider_label="Office 365")))
    assert read in said
    assert ("that they choose" in said) == (not chosen)


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.WAITING])
def test_an_answered_wish_does_not_look_for_admins(state: RequestState) -> None:
    """That nobody could be told matters only while it waits."""
    request = a_request(a_wish(Operation.CONNECT), state=state)
    assert "No admin can" not in texts(
        rendered(a_picture(NoticeKind.WISH, request=request, is_unheard=True, is_open=False))
    )


@pytest.mark.parametrize("state", [RequestState.APPROVED, RequestState.DECLINED])
def test_an_answer_without_its_giver_is_a_whole_sentence(state: RequestState) -> None:
    """Whoever answered may be unknown by now."""
    for message in asked(state, answered_by=None):
        assert f"{state.value} by" not in texts(message) and state.value in texts(message)


def test_the_organisations_admin_is_named_wherever_it_waits_for_them() -> None:
    """Not somebody here."""
    theirs = a_request(a_wish(Operation.CONNECT, provider="microsoft"), awaits=Awaits.TENANT)
    reply = rendered(a_picture(NoticeKind.ANSWERED, request=theirs, provider_label="Office 365"))
    assert "waiting for your organisation's Microsoft admin" in texts(reply)


@pytest.mark.parametrize(
    "ending", [OutcomeKind.STILL_DISABLED, OutcomeKind.SWITCHED, OutcomeKind.SWITCHED_STILL_DISABLED]
)
def test_a_message_in_slack_sends_nobody_to_slack(ending: OutcomeKind) -> None:
    """The button is below, and no other message follows."""
    said = texts(connected(ending, State.DISABLED))
    assert "Slack" not in said and "A message" not in said


def test_of_several_that_change_hands_at_once_their_number_is_said() -> None:
    """Not the first of them alone; what somebody was on before, or is over, is not of them."""
    theirs = a_storm(4, claimed_by=ANN, claimed_at=NOW)
    before = replace(theirs[2].incident, claimed_at=NOW - timedelta(minutes=9))
    over = replace(theirs[3].incident, **OVER)
    outages = (*theirs[:2], replace(theirs[2], incident=before), replace(theirs[3], incident=over))
    subject = f"{theirs[0].incident.id}:by:{BOB}:{NOW.isoformat()}"
    said = storm(*outages, kind=NoticeKind.HANDED_OVER, subject=subject)
    assert said["text"] == "🙋 <@U0BOB> handed 2 inboxes over to you."
    assert list(buttons(said)) == ["incident.hand_back"] and "The message above lists them" in texts(said)
    taken = a_storm(3, claimed_by=BOB, claimed_at=NOW)
    told = storm(*taken, kind=NoticeKind.CLAIM_TAKEN, subject=subject)
    assert told["text"] == "🙋 <@U0BOB> is on 3 inboxes now, instead of you."
