"""Dialogs for what belongs to a team: connecting it, asking for it, choosing who decides."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.access import Operation, Role
from bot.domain.channel import InboxSpec, Kind
from bot.domain.request import RequestedChange, RequestState
from bot.views import modals
from bot.views.blocks import parse_value
from bot.views.i18n import Language
from bot.views.status import status_message
from bot.views.wording import role_words
from tests.views.samples import (
    ANN,
    BOB,
    EN,
    HOSTILE,
    LANGUAGES,
    NOW,
    AGroup,
    ARoster,
    a_channel,
    a_person,
    a_removal,
    a_request,
    a_row,
    a_status,
    a_team_channel,
    a_wish,
)
from tests.views.test_messages import buttons, in_menus, texts
from tests.views.test_surfaces import clickable


def fields_of(view: dict[str, Any]) -> list[str]:
    return [block["block_id"] for block in view["blocks"] if "block_id" in block]


def controls(view: dict[str, Any]) -> set[str]:
    return {part["action_id"] for part in clickable(view)}


# --- connecting


def test_a_personal_inbox_asks_for_little() -> None:
    """An address, whose it is, and what depends on it."""
    assert fields_of(modals.connect_modal(EN)) == ["address", "kind", "use"]


def test_a_team_address_asks_for_its_name_and_whom_to_tell() -> None:
    """The conversation may be left out, the name may not."""
    view = modals.connect_modal(EN, InboxSpec("", Kind.TEAM))
    assert fields_of(view) == ["address", "kind", "name", "use", "conversation"]
    optional = [block["block_id"] for block in view["blocks"] if block.get("optional")]
    assert optional == ["use", "conversation"]


@pytest.mark.parametrize("kind", Kind)
def test_choosing_a_kind_draws_the_form_anew(kind: Kind) -> None:
    """The choice is reported at once, and what was chosen stays chosen."""
    view = modals.connect_modal(EN, InboxSpec("", kind))
    radio = next(part for part in clickable(view) if part["action_id"] == modals.CONNECT_KIND)
    assert radio["initial_option"]["value"] == kind.value
    assert {one["value"] for one in radio["options"]} == set(Kind)


def test_ones_own_address_is_no_proposal_for_a_team() -> None:
    """Only what was typed on purpose stays."""
    own = modals.connect_modal(EN, InboxSpec("", Kind.TEAM), own_address="ann@example.com")
    assert "ann@example.com" not in str(own)
    typed = modals.connect_modal(EN, InboxSpec("help@example.com", Kind.TEAM, name="Help", use="CRM"))
    assert all(text in str(typed) for text in ("help@example.com", "Help", "CRM"))


# --- asking


@pytest.mark.parametrize("operation", Operation)
def test_a_form_carries_its_wish(operation: Operation) -> None:
    """What is asked for comes back exactly as it went out."""
    requested_change = a_wish(operation)
    assert (
        modals.parse_requested_change(modals.ask_modal(EN, requested_change, who_can=())["private_metadata"])
        == requested_change
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_wish_survives_its_form(text: str) -> None:
    """Shortened to what the form's fields allow, and still the same wish."""
    requested_change = a_wish(Operation.CONNECT, address=text, use=text, name=text)
    carried = modals.requested_change_text(requested_change)
    found = modals.parse_requested_change(carried)
    assert len(carried) <= 3000
    assert found is not None and (found.operation, found.kind) == (
        requested_change.operation,
        requested_change.kind,
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "c1:3", '{"deed":"fly"}', '{"deed":"see"'])
def test_anything_else_is_no_wish(text: str) -> None:
    """A form of another time, or a forged one."""
    assert modals.parse_requested_change(text) is None


@pytest.mark.parametrize(
    ("requested_change", "said"),
    [
        (a_wish(Operation.CONNECT), "A team address is shared by everybody"),
        (a_wish(Operation.CONNECT, kind=Kind.PERSONAL), "Slack knows you by another address"),
        (a_wish(Operation.REMOVE), "Other people use this team address too"),
    ],
    ids=["team", "personal", "existing"],
)
def test_the_form_says_why_an_admin_must_agree(requested_change: RequestedChange, said: str) -> None:
    """And who will be asked."""
    view = modals.ask_modal(EN, requested_change, who_can=(BOB,))
    assert said in texts(view)
    assert "<@U0BOB>" in texts(view)
    assert "reason" in fields_of(view)


def test_asking_twice_says_so() -> None:
    """One request is enough."""
    assert "on its way" in texts(modals.asked_modal(EN, a_request(), (BOB,), True))
    assert "asked for this already" in texts(modals.asked_modal(EN, a_request(), (BOB,), False))


@pytest.mark.parametrize("state", RequestState)
def test_an_answer_that_did_nothing_says_so(state: RequestState) -> None:
    """A yes to what can no longer be done is not called approved, and promises nobody anything."""
    view = modals.answered_modal(EN, a_request(state=state))
    is_in_vain = state in {RequestState.CANCELLED, RequestState.EXPIRED, RequestState.REPLACED}
    assert (view["title"]["text"] == "No longer possible") is is_in_vain
    assert ("on its way" in texts(view)) is (state in {RequestState.APPROVED, RequestState.DONE})


def test_a_status_shows_what_people_wait_for() -> None:
    """Only whoever asked can take it back."""
    status = a_status(a_row(a_team_channel(), is_own=False), requests=(a_request(),))
    shown = {who: status_message(EN, status, now=NOW, viewer=who) for who in (ANN, BOB)}
    assert all("<@U0ANN> asks for this" in texts(view) for view in shown.values())
    assert "request.cancel" in buttons(shown[ANN])
    assert "request.cancel" not in buttons(shown[BOB])


# --- admins


def test_a_super_admin_can_change_every_role() -> None:
    """People and user groups, given and taken."""
    group, other = AGroup("S1", "Support"), AGroup("S2", "Sales")
    view = modals.admins_modal(EN, ARoster(groups=(group,), other_groups=(other,)))
    assert controls(view) == {
        "admins.take",
        "admins.give_super",
        "admins.give_access",
        "admins.give_group",
    }
    values = [part["value"] for part in clickable(view) if part["action_id"] == "admins.take"]
    assert values == ["super_admin:U0ANN", "account_access:S1", "account_access:U0BOB"]


def test_members_see_whom_to_ask_and_no_controls() -> None:
    """Names, not levers."""
    view = modals.admins_modal(EN, ARoster(may_change=False))
    assert controls(view) == set()
    assert "<@U0ANN>" in texts(view) and "<@U0BOB>" in texts(view)


def test_what_the_operator_has_set_cannot_be_changed() -> None:
    """Account access still can."""
    view = modals.admins_modal(EN, ARoster(is_fixed=True, chosen=frozenset()))
    assert "admins.give_super" not in controls(view)
    assert "admins.give_access" in controls(view)
    assert "Whoever runs Inboxkeeper has set them" in texts(view)


def test_slacks_owners_cannot_be_taken_away() -> None:
    """While nobody is chosen they hold the role by themselves; the first one to be chosen replaces them."""
    view = modals.admins_modal(EN, ARoster(chosen=frozenset(), account_access=()))
    assert controls(view) == {"admins.give_super", "admins.give_access"}
    assert "owners and admins in Slack" in texts(view)


def test_too_many_readers_are_pointed_out() -> None:
    """To whoever can do something about it."""
    crowd = tuple(a_person(f"U{n}") for n in range(12))
    assert "Choose fewer." in texts(modals.admins_modal(EN, ARoster(account_access=crowd)))
    seen = modals.admins_modal(EN, ARoster(account_access=crowd, may_change=False))
    assert "13 people below" in texts(seen) and "Choose fewer." not in texts(seen)


@pytest.mark.parametrize("lang", LANGUAGES, ids=[lang.code for lang in LANGUAGES])
def test_every_role_has_a_name_and_says_what_it_allows(lang: Language) -> None:
    """No two read the same."""
    said = [role_words(lang, role) for role in Role]
    assert len(set(said)) == len(Role) and all(name and what for name, what in said)


# --- what concerns everybody


def test_taking_over_says_whose_it_was_and_that_it_is_for_good() -> None:
    """Before the click, with what the team needs to know about it."""
    view = modals.take_over_modal(EN, a_channel(use="The CRM reads it"))
    assert "<@U0ANN>'s inbox" in texts(view) and "cannot be made personal again" in texts(view)
    assert fields_of(view) == ["name", "use", "conversation"]
    assert parse_value(view["private_metadata"]) == ("c1", 3)
    assert "The CRM reads it" in str(view)


def test_a_team_address_stops_for_everybody() -> None:
    """Said in every dialog that leads to it; one's own inbox concerns nobody else."""
    for channel, says in ((a_team_channel(), True), (a_channel(), False)):
        for view in (
            modals.disconnect_modal(EN, channel, provider_label="Gmail"),
            modals.disable_modal(EN, channel, provider_label="Gmail"),
            modals.remove_modal(EN, a_removal(channel=channel)),
        ):
            assert ("everybody who uses it" in texts(view)) == says


def test_only_somebody_elses_inbox_can_be_taken_over() -> None:
    """A super admin finds it in its status."""
    others = status_message(EN, a_status(a_row(is_own=False)), now=NOW)
    assert "channel.take_over" in in_menus(others)
    assert "channel.take_over" not in in_menus(status_message(EN, a_status(), now=NOW))


def test_taking_somebody_off_the_list_is_not_called_removing() -> None:
    """Which is what is done to inboxes."""
    labels = {
        block["accessory"]["text"]["text"]
        for block in modals.admins_modal(EN, ARoster())["blocks"]
        if "text" in block.get("accessory", {})
    }
    assert labels == {"Remove from the list"}


def test_nobody_told_is_a_warning() -> None:
    """Not a count of zero."""
    empty: dict[str, Any] = {"super_admins": (), "account_access": (), "chosen": frozenset()}
    for may_change, step in ((True, "Choose admins below."), (False, "Ask an owner of this Slack workspace")):
        first = modals.admins_modal(EN, ARoster(**empty, may_change=may_change))["blocks"][0]["text"]["text"]
        assert "⚠️ Nobody but whoever connected it" in first and step in first and "0 people" not in first
