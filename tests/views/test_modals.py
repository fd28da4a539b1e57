"""Dialogs: what is said before the click, and that the button says exactly what it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import errors
from bot.domain.access import Operation
from bot.domain.channel import Cause, Channel, InboxSpec, State
from bot.domain.grant import Revocation
from bot.domain.probe_policy import DISABLED_REFRESH_EVERY
from bot.domain.ticket import SWITCHED_MEANWHILE, OutcomeKind, Purpose
from bot.views import modals
from bot.views.blocks import parse_value, value_of
from bot.views.buttons import offered
from bot.views.i18n import Language
from bot.views.replies import refusal_message, unknown_verb_message, which_address_message
from bot.views.wording import revocation_words
from tests.inboxes import with_changes
from tests.views.samples import (
    ALL,
    EN,
    JA,
    LANGUAGES,
    a_channel,
    a_feature,
    a_removal,
    a_request,
    a_start,
    a_team_channel,
    a_wish,
    an_outcome,
)
from tests.views.test_messages import buttons, texts
from tests.views.test_surfaces import clickable


def remove(channel: Channel, lang: Any = EN, *, here: int = 0, elsewhere: int = 0) -> dict[str, Any]:
    return modals.remove_modal(lang, a_removal(channel=channel, shared_here=here, shared_elsewhere=elsewhere))


def test_the_form_starts_with_what_was_typed_or_known() -> None:
    """Typed first, then one's own address, else empty."""
    forms = (
        modals.connect_modal(EN, InboxSpec("a@x.com"), own_address="b@x.com"),
        modals.connect_modal(EN, own_address="b@x.com"),
        modals.connect_modal(EN),
    )
    element = [form["blocks"][1]["element"] for form in forms]
    assert [one.get("initial_value") for one in element] == ["a@x.com", "b@x.com", None]


def test_the_form_names_its_one_field() -> None:
    """Handlers read the address from here."""
    block = modals.connect_modal(EN)["blocks"][1]
    assert (block["block_id"], block["element"]["action_id"]) == ("address", "address")
    assert block["label"]["text"] == "E-mail address"
    assert modals.connect_modal(EN)["callback_id"] == "connect.form"


def test_consent_lists_every_permission_before_the_browser_opens() -> None:
    """What and why, then one button; there is nothing to submit."""
    view = modals.consent_modal(EN, a_start(url="https://b.example/go/1"))
    assert "See and edit the mailbox's labels" in texts(view)
    assert "mail is never read" in texts(view)
    assert "valid for 15 minutes" in texts(view)
    go = buttons(view)["consent.open"]
    assert (go["text"]["text"], go["url"], go["style"]) == (
        "Open Google",
        "https://b.example/go/1",
        "primary",
    )
    assert "submit" not in view


@pytest.mark.parametrize(
    ("lang", "personal", "team", "disable"),
    [
        (EN, "Yes, remove inbox", "Yes, delete", "Yes, disable it"),
        (JA, "はい、受信トレイを削除します", "はい、削除", "はい、無効にします"),
    ],
    ids=["en", "ja"],
)
def test_the_confirming_buttons_say_what_they_do(lang: Any, personal: str, team: str, disable: str) -> None:
    """Never just "OK"."""
    assert remove(a_channel(), lang)["submit"]["text"] == personal
    assert remove(a_team_channel(), lang)["submit"]["text"] == team
    assert modals.disable_modal(lang, a_channel(), provider_label="Gmail")["submit"]["text"] == disable


def test_removing_says_what_depends_on_it_and_what_stops() -> None:
    """Before the click: the use, this side, the provider's side."""
    said = texts(remove(a_channel(use="The CRM reads it")))
    assert "What depends on it: The CRM reads it" in said
    assert "within 30 days" in said
    assert "this app can do nothing with the account any more" in said


def test_removing_one_of_several_says_that_nothing_stops_there() -> None:
    """Another inbox lives on the same permission: it is not revoked."""
    said = texts(remove(a_channel(), here=1))
    assert "Access there stays: 1 more inbox here is connected" in said
    assert "ends." not in said


def test_disconnecting_explains_both_ways() -> None:
    """Disable and Remove, each with its consequences and a button of its own."""
    view = modals.disconnect_modal(EN, a_channel(), provider_label="Gmail")
    assert set(buttons(view)) == {"channel.disable", "channel.remove"}
    assert "permission at Google is kept" in texts(view)
    assert "revoke the permission" in texts(view)


def test_disconnecting_a_shared_mailbox_names_whose_account_can_end_the_access() -> None:
    """It has no owner who signs in."""
    delegate = "omar@acme.example"
    shared: dict[str, Any] = {"provider_label": "Office 365", "by_hand": True, "delegate": delegate}
    said = texts(modals.disconnect_modal(EN, a_channel(), **shared))
    assert f"only somebody who signs in there as {delegate} can" in said
    assert "its owner" not in said
    assert all(
        texts(modals.disconnect_modal(lang, a_channel(), **shared)).count(delegate) == 1 for lang in LANGUAGES
    )
    assert "its owner" in texts(modals.disconnect_modal(EN, a_channel(), **{**shared, "delegate": ""}))


@pytest.mark.parametrize(("lang", "weekly"), [(EN, "Once a week we check"), (JA, "週に 1 回確認します")])
def test_disabling_does_not_deny_the_weekly_check(lang: Language, weekly: str) -> None:
    """The status of a disabled inbox names its next check."""
    assert timedelta(weeks=1) == DISABLED_REFRESH_EVERY
    assert weekly in texts(modals.disable_modal(lang, a_channel(), provider_label="Gmail"))
    assert weekly in texts(modals.disconnect_modal(lang, a_channel(), provider_label="Gmail"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_whose_account_ends_the_access_is_named_once_in_a_sentence(lang: Language) -> None:
    """Before a removal and after it."""
    delegate = "omar@acme.example"
    told = {"family": "microsoft", "provider_label": "Office 365", "by_hand": True, "delegate": delegate}
    removal = a_removal(Revocation.BY_HAND, **told)
    assert texts(modals.remove_modal(lang, removal)).count(delegate) == 1
    assert revocation_words(lang, removal).count(delegate) == 1


def test_a_disabled_inbox_can_only_be_removed() -> None:
    """Disabling twice makes no sense, so it is not offered."""
    view = modals.disconnect_modal(EN, a_channel(state=State.DISABLED), provider_label="Gmail")
    assert set(buttons(view)) == {"channel.remove"}


def test_forms_carry_the_channel_and_its_version() -> None:
    """A form made for an older state is recognised."""
    for view in (remove(a_channel()), modals.disable_modal(EN, a_channel(), provider_label="Gmail")):
        assert parse_value(view["private_metadata"]) == ("c1", 3)


def test_removed_tells_both_sides() -> None:
    """Here, and at the provider."""
    said = texts(modals.removed_modal(EN, a_removal(Revocation.CONFIRMED)))
    assert "ann@example.com is removed from Inboxkeeper." in said
    assert "Revoked at Google: confirmed." in said


def test_enabling_reports_what_the_check_found() -> None:
    """Works, not finished, or does not work and how to mend it."""
    view = modals.enabled_modal(EN, a_channel(), provider_label="Gmail")
    off = modals.enabled_modal(EN, a_channel(state=State.DISABLED), provider_label="Gmail")
    assert (view["title"]["text"], off["title"]["text"]) == ("Enabled", "Not possible")
    assert "is enabled and works" in texts(view)
    broken = a_channel(state=State.DISCONNECTED, cause=Cause.GRANT_REFUSED)
    assert set(buttons(modals.enabled_modal(EN, broken, provider_label="Gmail"))) == {"channel.reconnect"}
    checking = a_channel(state=State.IMPAIRED, cause=Cause.CHECKING)
    assert "not finished yet" in texts(modals.enabled_modal(EN, checking, provider_label="Gmail"))


@pytest.mark.parametrize("ending", OutcomeKind)
def test_the_waiting_dialog_ends_in_a_result(ending: OutcomeKind) -> None:
    """The title alone tells good from bad."""
    for lang in LANGUAGES:
        title = modals.outcome_modal(lang, an_outcome(ending), provider_label="Gmail")["title"]["text"]
        assert ("✓" in title) == ending.is_good


@pytest.mark.parametrize(
    ("state", "cause", "operations"),
    [
        (State.CONNECTED, Cause.NONE, (Operation.DISABLE, Operation.REMOVE)),
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, (Operation.DISABLE, Operation.REMOVE)),
        (State.IMPAIRED, Cause.GRANT_REFUSED, (Operation.DISABLE, Operation.REMOVE)),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, (Operation.RECONNECT, Operation.DISABLE, Operation.REMOVE)),
        (State.DISABLED, Cause.NONE, (Operation.ENABLE, Operation.REMOVE)),
        (State.DISABLED, Cause.GRANT_REFUSED, (Operation.RECONNECT, Operation.REMOVE)),
        (State.REMOVED, Cause.BY_PERSON, ()),
    ],
)
def test_only_what_makes_sense_now_is_offered(
    state: State, cause: Cause, operations: tuple[Operation, ...]
) -> None:
    """And of that only what this person may do."""
    channel = a_channel(state=state, cause=cause)
    assert offered(channel, ALL) == operations
    assert offered(channel, frozenset({Operation.SEE})) == ()


def test_an_unknown_verb_gets_help_and_a_guess() -> None:
    """Nobody is left with "unknown command"."""
    said = texts(unknown_verb_message(EN, "staus", "status", "/inbox"))
    assert "“staus” is not a command. Did you mean `/inbox status`?" in said
    view = unknown_verb_message(EN, "conect", "connect", "/inbox", rest="ann@example.com")
    run, helps = (it for it in clickable(view))
    assert (run["text"]["text"], run["value"]) == ("Run /inbox connect", "connect ann@example.com")
    assert helps["action_id"] == "overview.help"


def test_a_verb_without_an_address_asks_which() -> None:
    """Nothing is typed again: choosing does it."""
    two = (a_channel(), a_team_channel(state=State.DISABLED))
    (choice,) = clickable(which_address_message(EN, "disable", two, "/inbox"))
    assert [it["text"]["text"] for it in choice["options"]] == [
        "🟢 ann@example.com",
        "⚪ support@example.com",
    ]
    assert choice["options"][1]["value"] == f"channel.disable {value_of(two[1])}"


def test_a_mistyped_address_offers_the_one_that_was_meant() -> None:
    """As a button."""
    view = refusal_message(
        EN, errors.UnknownAddress("suport@example.com", ("support@example.com",)), "/inbox"
    )
    (shows,) = clickable(view)
    assert (shows["action_id"], shows["value"]) == ("typed", "status support@example.com")


def outcome(ending: OutcomeKind, *, purpose: Purpose = Purpose.CONNECT, **changes: Any) -> dict[str, Any]:
    ended = an_outcome(ending, **changes)
    ended = replace(ended, ticket=replace(ended.ticket, purpose=purpose))
    return modals.outcome_modal(EN, ended, provider_label="Gmail")


@pytest.mark.parametrize(
    ("cause", "footer"),
    [
        (Cause.ADMIN_POLICY, False),
        (Cause.ADMIN_CONSENT, False),
        (Cause.ACCOUNT_DISABLED, False),
        (Cause.MAILBOX_MISSING, False),
        (Cause.SHARED_ACCESS, True),
        (Cause.PASSWORD_REFUSED, True),
        (Cause.NONE, True),
    ],
)
def test_nobody_is_sent_back_before_somebody_else_has_acted(cause: Cause, footer: bool) -> None:
    """And whoever connects for the first time has nothing to reconnect."""
    said = texts(outcome(OutcomeKind.NOT_PROVEN, code=cause))
    assert ("close this and start again" in said) is footer
    assert "econnect" not in said


def test_a_broken_registration_is_not_tried_again_at_once() -> None:
    """The operator has to act first."""
    assert "close this and start again" not in texts(outcome(OutcomeKind.OURS_BROKEN))


def test_cancelling_is_no_failure() -> None:
    """It was their own wish, as the page says, too."""
    shown = outcome(OutcomeKind.DECLINED)
    assert shown["title"]["text"] == "Cancelled" and "⚠️" not in texts(shown)


@pytest.mark.parametrize("ending", OutcomeKind)
def test_nobody_in_slack_is_sent_to_slack(ending: OutcomeKind) -> None:
    """Nor told of a page while looking at a dialog."""
    for purpose in (Purpose.CONNECT, Purpose.RECONNECT):
        for code in ("", SWITCHED_MEANWHILE, Cause.ADMIN_CONSENT):
            said = texts(outcome(ending, purpose=purpose, code=code, signed_in="ann@example.com"))
            assert "Slack" not in said and "This page" not in said


def test_what_is_not_possible_any_more_leads_to_the_list() -> None:
    """With a button, since it is shown in Slack."""
    assert set(buttons(outcome(OutcomeKind.NOT_POSSIBLE))) == {"overview.list"}


def test_boxes_are_spoken_of_where_there_are_boxes() -> None:
    """Microsoft has none; Google's are unticked at first where there are several."""
    features = (a_feature(),)
    for label, way in (("Gmail", "leave no box unticked"), ("Office 365", "accept every permission")):
        shown = modals.outcome_modal(
            EN, an_outcome(OutcomeKind.CONNECTED), provider_label=label, lacking=features
        )
        assert f"Reconnect and {way}." in texts(shown)
        assert ("no box" in texts(shown)) == (label == "Gmail")


def test_a_text_to_forward_is_not_called_sent() -> None:
    """The reader has to send it: nobody else will."""
    shown = modals.forwarded_modal(EN, provider_label="Office 365")
    assert shown["title"]["text"] == "Forward it to your admin"
    assert "Nothing was sent yet." in texts(shown) and "forward it to them" in texts(shown)


def test_removing_looks_like_what_cannot_be_taken_back() -> None:
    """Beside Disable, which can."""
    found = buttons(modals.disconnect_modal(EN, a_channel(), provider_label="Gmail"))
    assert found["channel.remove"].get("style") == "danger" and "style" not in found["channel.disable"]


def test_a_disabled_inbox_is_not_asked_how() -> None:
    """There is one way only."""
    off = a_channel(state=State.DISABLED)
    said = texts(modals.disconnect_modal(EN, off, provider_label="Gmail"))
    assert "ann@example.com is disabled already. Remove it?" in said and "How should" not in said


def test_enabling_what_must_be_reconnected_offers_that() -> None:
    """The way on is a button, not a sentence."""
    shown = modals.reconnect_first_modal(EN, errors.ReconnectFirst(a_channel()))
    assert buttons(shown)["channel.reconnect"]["value"] == "c1:3"


def test_the_gravest_line_before_leaving_stands_before_what_follows() -> None:
    """Connected nowhere until an admin agrees: a warning of its own."""
    shown = modals.leave_modal(EN, a_removal(), to=("imap", "IMAP"), needs_approval=True)
    blocks = [block["text"]["text"] for block in shown["blocks"]]
    assert blocks[-2].startswith("⚠️ An admin has to approve") and blocks[-1].startswith("*Then*")


def test_a_wish_is_dated_in_the_readers_own_time() -> None:
    """As everywhere else in Slack."""
    wished = errors.UnknownAddress("support@example.com", (), a_request(a_wish(Operation.CONNECT)))
    for shown in (refusal_message(EN, wished, "/inbox"), modals.refusal_modal(EN, wished)):
        assert "It is valid until <!date^" in texts(shown)
    assert "として接続。" in texts(refusal_message(JA, wished, "/inbox"))


def test_the_choice_of_a_host_carries_what_was_typed() -> None:
    """One button for each provider that is on, and nothing is typed again; in the reader's language."""
    hosts = (("google", "Gmail"), ("microsoft", "Office 365"), ("imap", "IMAP"))
    requested_change = a_wish(Operation.CONNECT, use="The CRM reads it")
    shown = modals.which_host_modal(EN, errors.HostUnknown(requested_change, hosts))
    found = buttons(shown)
    assert list(found) == ["connect.at.google", "connect.at.microsoft", "connect.at.imap"]
    for key, _ in hosts:
        assert modals.parse_requested_change(found[f"connect.at.{key}"]["value"]) == with_changes(
            requested_change, provider=key
        )
    assert "may be a filter in front of any host" in texts(shown)
    assert "どこで使っていますか" in texts(
        modals.which_host_modal(JA, errors.HostUnknown(requested_change, hosts))
    )
