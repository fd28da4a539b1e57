"""Holds, doubts, evidence and drills: they advise what is best now, and show what was seen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.channel import REFUSED_CAUSES, Cause, HistoryEntry, Kind, State
from bot.domain.ids import UserId
from bot.domain.lifecycle import Signal
from bot.domain.notice import NoticeKind
from bot.domain.provider_outage import Proof, Struck, advice, reconnect_offered_at
from bot.domain.view_models import Told
from bot.notifier import rendered
from bot.views.buttons import offered
from bot.views.history import drill_message, export_message, why_message
from bot.views.i18n import Language
from bot.views.messages import incident_notice, provider_outage_notice, somebody_else_notice
from bot.views.modals import admins_modal
from bot.views.wording import record_words, trouble_words
from bot.views.wording.history import unreachable_words
from tests.views.history_gallery import (
    a_drill,
    a_hold,
    a_hold_picture,
    about_evidence,
    about_holds,
    about_unknown_codes,
    held_channels,
    some_evidence,
)
from tests.views.samples import (
    ANN,
    BOB,
    EN,
    HOSTILE,
    JA,
    LANGUAGES,
    NOW,
    ARoster,
    W,
    a_channel,
    a_person,
    a_picture,
    a_removal,
    a_team_channel,
    an_outage,
)
from tests.views.test_messages import buttons, texts
from tests.views.test_surfaces import parts, problems


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_slack_takes_them_whatever_people_typed(lang: Language, text: str) -> None:
    """An address, a name, a use, a tenant or an error's code may be anything."""
    channel = a_team_channel(address=text, name=text, use=text)
    views = [
        *about_holds(lang, text),
        *about_unknown_codes(lang, text),
        *about_evidence(lang, channel),
    ]
    assert {name: found for name, view in views if (found := problems(view))} == {}


# --- holds


def test_a_hold_first_says_wait() -> None:
    """How many, since when, and that reconnecting is wrong now: there is no button for it."""
    message = provider_outage_notice(EN, a_hold_picture(a_hold(), held_channels(12)))
    assert "Google refuses 12 inboxes at once" in texts(message)
    assert "Don't reconnect yet" in texts(message)
    assert "Since <!date" in texts(message)
    assert buttons(message) == {}


def test_a_ripe_hold_lets_people_act() -> None:
    """Up to five inboxes have a button each; more stand in a select, as many as that takes."""
    few = provider_outage_notice(EN, a_hold_picture(a_hold(), held_channels(5), is_reconnect_offered=True))
    reconnects = [part for part in parts(few) if part.get("action_id") == "channel.reconnect"]
    assert [button["value"].split(":")[0] for button in reconnects] == [f"h{n}" for n in range(5)]
    many = provider_outage_notice(EN, a_hold_picture(a_hold(), held_channels(6), is_reconnect_offered=True))
    [choice] = [part for part in parts(many) if part.get("type") == "static_select"]
    assert choice["action_id"] == "channel.reconnect" and "for example" not in texts(many)
    assert [it["value"].split(":")[0] for it in choice["options"]] == [f"h{n}" for n in range(6)]
    for lang, command in ((EN, "/inbox reconnect"), (JA, "/inbox 再接続")):
        picture = a_hold_picture(a_hold(), held_channels(101), is_reconnect_offered=True)
        message = provider_outage_notice(lang, picture)
        [choice] = [part for part in parts(message) if part.get("type") == "static_select"]
        assert len(choice["options"]) == 100 and f"`{command} team-0@example.com`" in texts(message)


@pytest.mark.parametrize(("still", "said"), [(1, "1 is still refused."), (4, "4 are still refused.")])
def test_a_hold_says_how_far_it_is_over(still: int, said: str) -> None:
    """What is left may be one inbox."""
    picture = replace(a_hold_picture(a_hold(), held_channels(still)), struck=Struck(6, still))
    assert f"{6 - still} of 6 work again; {said}" in texts(provider_outage_notice(EN, picture))


def test_an_address_in_a_hold_is_named_once() -> None:
    """In a line with its button, or else among the names."""
    for count, is_reconnect_offered in ((1, True), (5, True), (5, False), (6, False)):
        said = texts(
            provider_outage_notice(
                EN, a_hold_picture(a_hold(), held_channels(count), is_reconnect_offered=is_reconnect_offered)
            )
        )
        assert [said.count(f"team-{n}@example.com") for n in range(count)] == [1] * count


def test_a_hold_of_one_is_not_many_at_once() -> None:
    """In Japanese, too."""
    for tenant in ("", "acme.example"):
        one = a_hold_picture(a_hold(tenant=tenant), held_channels(1))
        assert "at once" not in provider_outage_notice(EN, one)["text"]
        assert "一斉" not in provider_outage_notice(JA, one)["text"]


def test_nobody_is_offered_to_reconnect_what_is_not_theirs() -> None:
    """Somebody else's personal inbox has no button here: the click would be refused."""
    held = held_channels(2, kind=Kind.PERSONAL)
    message = provider_outage_notice(EN, a_hold_picture(a_hold(), held, is_reconnect_offered=True))
    assert buttons(message) == {}
    assert "Personal inboxes have to be reconnected by their owners." in texts(message)


def test_one_organisations_hold_is_its_admins_matter() -> None:
    """It says whose, that others work, and brings the message to forward; it never says *wait*."""
    message = provider_outage_notice(EN, a_hold_picture(a_hold(tenant="acme.example"), held_channels(3)))
    assert "Only inboxes of acme.example are refused; others at Google work" in texts(message)
    assert "App access control" in texts(message)
    assert "Don't reconnect yet" not in texts(message)
    assert "If it still does not work" not in texts(message)
    ripe = texts(
        provider_outage_notice(
            EN, a_hold_picture(a_hold(tenant="acme.example"), held_channels(3), is_reconnect_offered=True)
        )
    )
    assert "If it still does not work after that admin has changed the settings, reconnect." in ripe


@pytest.mark.parametrize("was_false_alarm", [True, False])
def test_a_hold_that_a_reconnect_ended_says_that_this_is_what_helps(was_false_alarm: bool) -> None:
    """Also where some came back by themselves: there is something to do for the others."""
    over = a_hold_picture(a_hold(was_false_alarm=was_false_alarm, ended_at=NOW))
    proven = replace(over, proof=Proof(NOW, UserId("U0BOB"), "support@example.com"))
    said = texts(provider_outage_notice(EN, proven))
    assert "<@U0BOB> reconnected support@example.com, which was refused at the same time" in said
    assert "now listed as disconnected: reconnect it, too" in said
    assert not any(untrue in said for untrue in ("no longer refuses", "False alarm", "nothing to do"))
    assert "同じように再接続してください" in texts(provider_outage_notice(JA, proven))
    unnamed = texts(provider_outage_notice(EN, replace(over, proof=Proof(NOW, None, ""))))
    assert "Somebody reconnected another inbox" in unnamed  # a personal one is named to nobody


@pytest.mark.parametrize(
    ("was_false_alarm", "said"),
    [
        (True, "False alarm: Google works again. There is nothing to do."),
        (False, "Google no longer refuses"),
    ],
)
def test_a_hold_that_is_over_is_quiet(was_false_alarm: bool, said: str) -> None:
    """One grey line, no button, and the truth about what it was."""
    message = provider_outage_notice(
        EN, a_hold_picture(a_hold(ended_at=NOW, was_false_alarm=was_false_alarm))
    )
    assert said in texts(message)
    assert [block["type"] for block in message["blocks"]] == ["context"]


# --- somebody else


def somebody_else(*, is_open: bool = True) -> dict[str, Any]:
    notice = {"subject": f"by:{BOB}:2026-11-23T14:05:00+00:00"}
    model = a_picture(NoticeKind.SOMEBODY_ELSE, channel=a_channel(), notice=notice, is_open=is_open)
    return somebody_else_notice(EN, model)


def test_whose_address_it_is_can_undo_a_strangers_connect() -> None:
    """Who did it, and one button that disconnects; quiet once it is removed."""
    assert f"<@{BOB}> connected ann@example.com" in texts(somebody_else())
    assert buttons(somebody_else())["channel.disconnect"]["text"]["text"] == "Wasn't me: disconnect"
    assert buttons(somebody_else(is_open=False)) == {}


def test_a_deed_whose_doer_is_not_known_is_nobodys() -> None:
    """Rather than somebody's."""
    connected = a_picture(NoticeKind.SOMEBODY_ELSE, channel=a_channel(), notice={"subject": ""})
    assert "ann@example.com, which Slack knows as yours, was connected." in texts(rendered(connected))
    went = {"subject": "to:microsoft:"}
    moved = a_picture(NoticeKind.SWITCHED, channel=a_channel(), removal=a_removal(), notice=went)
    assert "It was switched from Gmail." in texts(rendered(moved))


# --- doubt

WITNESS = timedelta(seconds=30)


def uncorroborated(
    minutes: float, *, is_uncorroborated: bool = True, cause: Cause = Cause.GRANT_REFUSED
) -> dict[str, Any]:
    outage = an_outage(
        is_uncorroborated=is_uncorroborated, cause=cause, opened_at=NOW - timedelta(minutes=minutes)
    )
    return incident_notice(EN, a_picture(NoticeKind.INCIDENT, outage))


def test_an_outage_without_witnesses_says_so_at_first() -> None:
    """It may be the provider's: the way to reconnect is there but does not stand out. Later it does."""
    early, late, sure = uncorroborated(5), uncorroborated(16), uncorroborated(5, is_uncorroborated=False)
    assert "may also be an outage at Google" in texts(early)
    assert "style" not in buttons(early)["incident.reconnect"]
    for message in (late, sure):
        assert "may also be an outage" not in texts(message)
        assert buttons(message)["incident.reconnect"]["style"] == "primary"


@pytest.mark.parametrize("cause", sorted(REFUSED_CAUSES))
def test_only_what_an_outage_can_look_like_is_doubted(cause: Cause) -> None:
    """A provider that names a policy, or a closed account, is not out of order."""
    is_doubted = "may also be an outage" in texts(uncorroborated(5, cause=cause))
    assert is_doubted is (cause in {Cause.GRANT_REFUSED, Cause.PASSWORD_REFUSED})


def test_a_list_says_what_showed_that_they_must_be_reconnected() -> None:
    """Who reconnected which one, and that it works since; in the words of one outage, too."""
    proof: dict[str, Any] = {"proven_at": NOW - timedelta(minutes=20), "proven_by": UserId("U0BOB")}
    for count in (1, 3):
        outages = [an_outage(proven_with="events@acme.example", **proof) for _ in range(count)]
        said = texts(incident_notice(EN, a_picture(NoticeKind.INCIDENT, *outages)))
        assert "<@U0BOB> reconnected events@acme.example" in said and "still refused: reconnect" in said
    personal = texts(incident_notice(EN, a_picture(NoticeKind.INCIDENT, an_outage(**proof))))
    assert "<@U0BOB> reconnected another inbox" in personal


@pytest.mark.parametrize("tenant", ["", "acme.example"])
def test_rows_give_the_advice_of_the_hold(tenant: str) -> None:
    """The same before and after it has ripened, in words and by the button."""
    provider_outage = a_hold(tenant=tenant)
    held = a_channel(state=State.IMPAIRED, cause=Cause.HELD)
    for now, may in (
        (reconnect_offered_at(provider_outage, WITNESS) - timedelta(seconds=1), False),
        (reconnect_offered_at(provider_outage, WITNESS), True),
    ):
        told = advice(provider_outage, now=now, witness=WITNESS)
        assert told.may_reconnect is may
        assert (Operation.RECONNECT in offered(held, frozenset(Operation), advice=told)) is may
        assert ("reconnect." in trouble_words(EN, held, "Gmail", told).next_step) is (may and bool(tenant))
        waits = "Don't reconnect yet" in trouble_words(EN, held, "Gmail", told).next_step
        assert waits is (not may and not tenant)


# --- why


def test_why_shows_what_was_seen_judged_told_and_done() -> None:
    """State, cause, the provider's own code, who heard of it and how, and what happened, newest first."""
    said = texts(why_message(EN, some_evidence(), now=NOW))
    for wanted in (
        "Disconnected since",
        "Google no longer accepts our access",
        "What Google answered last: `invalid\u02cdgrant`",
        "2 refusals in a row.",
        "Next check: ",
        f"<@{ANN}>: told, 2 reminders, snoozed until",
        f"<@{BOB}>: not told yet",
        "<@U0EVE>: could not be reached: their Slack account is deactivated",
        f"<@{BOB}> has been on it since",
        "What happened",
    ):
        assert wanted.replace("\u02cd", "_") in said.replace("\u02cd", "_"), wanted


def at(minutes: int, what: str, **details: str) -> HistoryEntry:
    return HistoryEntry(W, a_team_channel().id, NOW - timedelta(minutes=minutes), what, None, details)


@pytest.mark.parametrize("later", [timedelta(), timedelta(milliseconds=40)])
def test_a_refusal_and_what_others_said_are_one_line(later: timedelta) -> None:
    """One was written as the other was, or just after it: they are one thing that happened."""
    strike = at(0, "strike", siblings="vouched")
    records = (
        replace(strike, at=strike.at + later),
        at(0, Signal.REFUSED_AGAIN),
        at(1, Signal.REFUSED),
    )
    message = why_message(EN, some_evidence(records=records), now=NOW)
    assert "Refused again by the provider · other inboxes work, so it is this one" in texts(message)
    assert texts(message).count("Refused") == 2


def test_what_somebody_does_in_the_same_second_is_another_line() -> None:
    """A refusal, and beside it a press of a button; two refusals that follow each other closely."""
    strike, just_before = at(0, "strike", siblings="vouched"), timedelta(milliseconds=300)
    claim = replace(at(0, "claimed"), at=strike.at - just_before)
    refused = replace(at(0, Signal.REFUSED_AGAIN), at=claim.at - just_before)
    said = texts(why_message(EN, some_evidence(records=(strike, claim, refused)), now=NOW))
    for line in ("Refused by the provider · other inboxes work, so it is this one", "Somebody is on it"):
        assert any(row.endswith(line) for row in said.splitlines()), said
    again = [replace(strike, at=strike.at - n * just_before / 6) for n in (0, 2)]
    steps = [
        replace(at(0, what), at=strike.at - n * just_before / 6)
        for what, n in ((Signal.REFUSED_AGAIN, 1), (Signal.REFUSED, 3))
    ]
    records = (again[0], steps[0], again[1], steps[1])
    said = texts(why_message(EN, some_evidence(records=records), now=NOW))
    assert said.count("other inboxes work, so it is this one") == 2


def test_what_repeats_itself_is_one_line() -> None:
    """An hour of canaries is not an hour of lines."""
    records = tuple(at(n, "strike", siblings="mass") for n in range(30))
    said = texts(why_message(EN, some_evidence(records=records), now=NOW))
    assert said.count("others are refused, too") == 1
    assert "30 times since" in said


def test_an_inbox_that_works_has_no_trouble_to_explain() -> None:
    """The last outage stays to be read; its code and cause are not those of now."""
    said = texts(why_message(EN, some_evidence(a_team_channel(state=State.CONNECTED)), now=NOW))
    assert "Everything works." in said
    assert "answered last" not in said
    assert "in a row" not in said


@pytest.mark.parametrize("state", [State.IMPAIRED, State.DISCONNECTED, State.DISABLED])
def test_only_what_is_connected_works(state: State) -> None:
    """A cause that is not known is no proof of life."""
    evidence = some_evidence(a_team_channel(state=state), incident=None)
    for lang in LANGUAGES:
        assert lang.say("Everything works.") not in texts(why_message(lang, evidence, now=NOW))


def test_one_refusal_is_explained_as_one() -> None:
    """Nobody reads an order to sign in before it is known that it would help."""
    channel = a_team_channel(state=State.IMPAIRED, cause=Cause.ADMIN_POLICY)
    said = texts(why_message(EN, some_evidence(channel, incident=None), now=NOW))
    assert "Google refused it once (not allowed by Google admin)." in said
    assert "you don't need to do anything yet" in said and "then reconnect" not in said


def test_people_who_find_no_room_are_counted_as_people() -> None:
    """Japanese counts them with another word than inboxes."""
    many = tuple(Told(UserId(f"U{n}"), is_shown=True) for n in range(20))
    crowd = tuple(a_person(f"U{n}") for n in range(20))
    views = (
        why_message(JA, some_evidence(told=many), now=NOW),
        drill_message(JA, a_drill(None, *crowd), now=NOW, command="/inbox"),
        admins_modal(JA, ARoster(crowd * 2, ())),
    )
    for view in views:
        assert re.search(r"ほかに \d+ 名います", texts(view))


def test_whom_we_told_reads_the_same_as_other_lists() -> None:
    """Each language has its own colon."""
    assert f"• <@{BOB}>：" in texts(why_message(JA, some_evidence(), now=NOW))


def test_a_code_of_slacks_that_nobody_knows_is_named() -> None:
    """It may help whoever looks it up."""
    assert unreachable_words(EN, "brand_new") == "could not be reached (Slack: brand_new)"


@pytest.mark.parametrize("what", ["mail_moved", "switch_proven"])
def test_a_record_without_a_provider_leaves_no_gap(what: str) -> None:
    """Old lines of history did not name one."""
    for lang in LANGUAGES:
        for details in ({}, {"provider": ""}):
            words = record_words(lang, HistoryEntry(W, a_channel().id, NOW, what, None, details))
            assert words == words.strip() and "  " not in words
            assert not words.endswith((" to", "{company}"))


# --- the drill


def test_a_drill_says_who_when_where_and_in_which_words() -> None:
    """Each reader with their language, how soon, the conversation, the reminders, and the words in each
    language; nothing in it can be pressed."""
    readers = (a_person("U0ANN"), a_person("U0KENJI", locale="ja-JP"))
    message = drill_message(EN, a_drill(None, *readers), now=NOW, command="/inbox")
    said = texts(message)
    for wanted in (
        "2 people would get a direct message, at most 3 min after Google refuses the inbox",
        "<@U0ANN> (reads English)",
        "<@U0KENJI> (reads Japanese)",
        "In Japanese it would read:",
        "<#C0SUPPORT> would get one line",
        "Reminders after 4 h, then daily for 7 days, unless",
        "support@example.com (Support) stopped working",
        JA.say("{address} stopped working", address="support@example.com（Support）"),
        "What stops working: Zendesk reads it",
    ):
        assert wanted in said, wanted
    assert buttons(message) == {}


def test_every_screen_of_a_drill_says_that_it_is_one() -> None:
    """Whoever sees a part of it must not believe it: the notification, the top, each preview and the end."""
    message = drill_message(EN, a_drill(None, a_person()), now=NOW, command="/inbox")
    assert message["text"].startswith("🧪 Drill")
    assert texts(message).count("🧪") == 3


def test_words_in_another_language_have_dates_in_that_language() -> None:
    """Slack would write them in the language of whoever rehearses."""
    readers = (a_person(ANN), replace(a_person(BOB), locale="ja-JP"))
    said = texts(drill_message(EN, a_drill(None, *readers), now=NOW, command="/inbox"))
    english, japanese = said.split("In Japanese it would read:")
    assert "<!date" in english and "{ago}" in english
    assert "<!date" not in japanese and "（たった今）" in japanese and "Nov" not in japanese


def test_a_drill_warns_when_nobody_would_hear() -> None:
    """That is what a drill is for."""
    assert "Nobody would be told" in texts(drill_message(EN, a_drill(), now=NOW, command="/inbox"))


def test_the_way_to_the_file_says_that_it_works_once() -> None:
    """And until when."""
    message = export_message(EN, url="https://x.example/export/1", until=NOW)
    assert buttons(message)["export.open"]["url"] == "https://x.example/export/1"
    assert "works once, until <!date" in texts(message)
