"""Dialogs: what is said before the click, and that the button says exactly what it does."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.access import Deed
from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.grant import Revocation
from bot.domain.ticket import Ending
from bot.views import modals
from bot.views.blocks import parse_value
from bot.views.buttons import offered
from bot.views.replies import unknown_verb_message, which_address_message
from tests.views.samples import (
    ALL,
    EN,
    JA,
    LANGUAGES,
    SCOPES,
    a_channel,
    a_removal,
    a_team_channel,
    an_outcome,
)
from tests.views.test_notices import buttons, texts


def remove(channel: Channel, lang: Any = EN, *, here: int = 0, elsewhere: int = 0) -> dict[str, Any]:
    return modals.remove_modal(lang, a_removal(channel=channel, shared_here=here, shared_elsewhere=elsewhere))


def test_the_form_starts_with_what_was_typed_or_known() -> None:
    """Typed first, then one's own address, else empty."""
    forms = (
        modals.connect_modal(EN, address="a@x.com", own_address="b@x.com"),
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
    view = modals.consent_modal(
        EN,
        address="ann@example.com",
        provider_label="Gmail",
        scopes=SCOPES,
        url="https://b.example/go/1",
        reconnect=False,
    )
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
    assert "Everything that this app may do with the account ends." in said


def test_removing_one_of_several_says_that_nothing_stops_there() -> None:
    """Another inbox lives on the same permission: it is not revoked."""
    said = texts(remove(a_channel(), here=1))
    assert "Nothing stops there: 1 more inbox here is connected" in said
    assert "ends." not in said


def test_disconnecting_explains_both_ways() -> None:
    """Disable and Remove, each with its consequences and a button of its own."""
    view = modals.disconnect_modal(EN, a_channel(), provider_label="Gmail")
    assert set(buttons(view)) == {"channel.disable", "channel.remove"}
    assert "permission at Google is kept" in texts(view)
    assert "take the permission back" in texts(view)


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
    assert "ann@example.com is removed here." in said
    assert "Revoked at Google: confirmed." in said


def test_enabling_reports_what_the_check_found() -> None:
    """Works, not finished, or does not work and how to mend it."""
    view = modals.enabled_modal(EN, a_channel(), provider_label="Gmail")
    assert "is enabled and works" in texts(view)
    broken = a_channel(state=State.DISCONNECTED, cause=Cause.GRANT_REFUSED)
    assert set(buttons(modals.enabled_modal(EN, broken, provider_label="Gmail"))) == {"channel.reconnect"}
    checking = a_channel(state=State.IMPAIRED, cause=Cause.CHECKING)
    assert "not finished yet" in texts(modals.enabled_modal(EN, checking, provider_label="Gmail"))


@pytest.mark.parametrize("ending", Ending)
def test_the_waiting_dialog_ends_in_a_result(ending: Ending) -> None:
    """The title alone tells good from bad."""
    for lang in LANGUAGES:
        title = modals.outcome_modal(lang, an_outcome(ending), provider_label="Gmail")["title"]["text"]
        assert ("✓" in title) == ending.is_good


@pytest.mark.parametrize(
    ("state", "cause", "deeds"),
    [
        (State.CONNECTED, Cause.NONE, (Deed.DISABLE, Deed.REMOVE)),
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, (Deed.DISABLE, Deed.REMOVE)),
        (State.IMPAIRED, Cause.GRANT_REFUSED, (Deed.DISABLE, Deed.REMOVE)),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, (Deed.RECONNECT, Deed.DISABLE, Deed.REMOVE)),
        (State.DISABLED, Cause.NONE, (Deed.ENABLE, Deed.REMOVE)),
        (State.DISABLED, Cause.GRANT_REFUSED, (Deed.RECONNECT, Deed.REMOVE)),
        (State.REMOVED, Cause.BY_PERSON, ()),
    ],
)
def test_only_what_makes_sense_now_is_offered(state: State, cause: Cause, deeds: tuple[Deed, ...]) -> None:
    """And of that only what this person may do."""
    channel = a_channel(state=state, cause=cause)
    assert offered(channel, ALL) == deeds
    assert offered(channel, frozenset({Deed.SEE})) == ()


def test_an_unknown_verb_gets_help_and_a_guess() -> None:
    """Nobody is left with "unknown command"."""
    said = texts(unknown_verb_message(EN, "staus", "status", "/inbox"))
    assert "“staus” is not something I know. Did you mean `/inbox status`?" in said
    assert "`/inbox connect &lt;address&gt;`" in said


def test_a_verb_without_an_address_lists_what_to_type() -> None:
    """Ready to copy."""
    said = texts(which_address_message(EN, "disable", ("a@x.com", "b@x.com"), "/inbox"))
    assert "• `/inbox disable a@x.com`\n• `/inbox disable b@x.com`" in said
    assert "`/inbox 無効 a@x.com`" in texts(
        which_address_message(JA, "disable", ("a@x.com", "b@x.com"), "/inbox")
    )
