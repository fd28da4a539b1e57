"""What HubSpot's records mean, and the table of what may happen to a HubSpot channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from bot.domain.hubspot import (
    LOSSES,
    AccountRecord,
    HubSpotChannel,
    HubSpotSignal,
    HubSpotState,
    Portal,
    Sight,
    is_forwarding,
    is_mass_loss,
    reading,
    settings_url,
)
from bot.domain.hubspot_lifecycle import (
    HUBSPOT_TRANSITIONS,
    HubSpotEffect,
    HubSpotStep,
    advance,
    judged,
    needs_second_look,
)
from bot.domain.ids import ChannelId, WorkspaceId
from bot.domain.lifecycle import STAY

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_hubspot_channel(**changes: Any) -> HubSpotChannel:
    it = HubSpotChannel(
        id=ChannelId("own"),
        workspace_id=WorkspaceId("T0ACME"),
        portal_id="341662569",
        account_id="7",
        inbox_id="1",
        name="Support",
        address="support@acme.example",
        state=HubSpotState.CONNECTED,
        since=NOW - timedelta(days=3),
    )
    return replace(it, **changes)


def a_record(**changes: Any) -> AccountRecord:
    it = AccountRecord("7", "1", "Support", "support@acme.example", True, True, False)
    return replace(it, **changes)


def test_every_pair_of_state_and_signal_is_decided() -> None:
    """There is no state in which a look meets nobody who knows what to do."""
    assert set(HUBSPOT_TRANSITIONS) == set(product(HubSpotState, HubSpotSignal))
    assert all(isinstance(step, HubSpotStep) or step is STAY for step in HUBSPOT_TRANSITIONS.values())


def test_losing_a_channel_that_works_always_reaches_people() -> None:
    """Which field flips when HubSpot disconnects a mailbox is not documented: none may pass in silence."""
    tells = {HubSpotEffect.OPEN_INCIDENT, HubSpotEffect.ANNOUNCE}
    for signal in {*LOSSES, HubSpotSignal.INBOX_ARCHIVED}:
        step = HUBSPOT_TRANSITIONS[HubSpotState.CONNECTED, signal]
        assert isinstance(step, HubSpotStep)
        assert tells & set(step.effects), signal


@pytest.mark.parametrize("state", [it for it in HubSpotState if it is not HubSpotState.CONNECTED])
def test_whatever_is_wrong_with_it_it_can_work_again(state: HubSpotState) -> None:
    """And what was told of it then is edited."""
    step = HUBSPOT_TRANSITIONS[state, HubSpotSignal.CONNECTED]
    assert isinstance(step, HubSpotStep)
    assert step.to is HubSpotState.CONNECTED
    assert step.effects


@pytest.mark.parametrize(
    ("active", "authorized", "archived", "means"),
    [
        (True, True, False, HubSpotSignal.CONNECTED),
        (True, False, False, HubSpotSignal.UNAUTHORIZED),
        (False, True, False, HubSpotSignal.INACTIVE),
        (False, False, False, HubSpotSignal.INACTIVE_UNAUTHORIZED),
        (True, True, True, HubSpotSignal.ABSENT),
    ],
)
def test_a_record_is_read_by_its_three_fields(
    active: bool, authorized: bool, archived: bool, means: HubSpotSignal
) -> None:
    """All their combinations that mean something different."""
    record = a_record(is_active=active, is_authorized=authorized, is_archived=archived)
    assert reading(record) is means


def test_the_same_address_under_a_new_id_is_the_same_channel() -> None:
    """It was reconnected; an id that another channel has is nobody else's."""
    again = Sight.of([a_record(id="8")])
    assert again.signal_for(a_hubspot_channel()) is HubSpotSignal.CONNECTED
    theirs = Sight.of([a_record(id="8")], known_ids={"7", "8"})
    assert theirs.signal_for(a_hubspot_channel()) is HubSpotSignal.ABSENT


def test_a_channel_whose_inbox_was_archived_went_with_it() -> None:
    """One that is still listed did not."""
    without = Sight.of([], archived_inboxes=["1"])
    assert without.signal_for(a_hubspot_channel()) is HubSpotSignal.INBOX_ARCHIVED
    assert Sight.of([a_record()], ["1"]).signal_for(a_hubspot_channel()) is HubSpotSignal.CONNECTED


def test_a_loss_began_between_the_looks_that_first_showed_it() -> None:
    """Not when a second look made it certain."""
    suspected = a_hubspot_channel(suspect_at=NOW - 2 * MINUTE, suspect_after=NOW - 4 * MINUTE)
    after, effects = advance(suspected, HubSpotSignal.UNAUTHORIZED, now=NOW, looked_before=NOW - 2 * MINUTE)
    assert (after.not_before, after.since) == (NOW - 4 * MINUTE, NOW - 2 * MINUTE)
    assert effects == (HubSpotEffect.OPEN_INCIDENT,)
    assert after.suspect_at is None


def test_one_look_is_no_proof_of_a_loss_but_of_life() -> None:
    """What works is believed at once; what is lost, when two looks agree."""
    assert needs_second_look(a_hubspot_channel(), HubSpotSignal.UNAUTHORIZED)
    assert not needs_second_look(a_hubspot_channel(suspect_at=NOW), HubSpotSignal.ABSENT)
    lost = a_hubspot_channel(state=HubSpotState.DISCONNECTED)
    assert not needs_second_look(lost, HubSpotSignal.CONNECTED)
    assert not needs_second_look(lost, HubSpotSignal.UNAUTHORIZED)


@pytest.mark.parametrize(
    ("lost", "before", "mass"), [(1, 1, False), (2, 5, False), (2, 4, True), (30, 60, True), (29, 60, False)]
)
def test_a_mass_loss_is_two_and_half_of_them(lost: int, before: int, mass: bool) -> None:
    """A single channel is never one, however few there are."""
    assert is_mass_loss(lost, before) is mass


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("app.hubspot.com", True),
        ("app-eu1.hubspot.com", True),
        ("app.hubspot.com.evil.example", False),
        ("evil.example/app.hubspot.com", False),
        ("app-na3.hubspot.com\n", False),
        ("", False),
    ],
)
def test_nobody_is_sent_to_a_host_that_is_not_hubspots(host: str, shown: bool) -> None:
    """The host comes in an answer, and becomes a button."""
    portal = Portal(WorkspaceId("T"), portal_id="341662569", ui_domain=host)
    url = settings_url(portal, "1263703960")
    assert bool(url) is shown
    if shown:
        assert url == f"https://{host}/live-messages-settings/341662569/inboxes/1263703960/channels"


def test_an_inbox_without_a_number_leads_to_all_inboxes() -> None:
    """And a portal without one nowhere."""
    portal = Portal(WorkspaceId("T"), portal_id="5", ui_domain="app.hubspot.com")
    assert settings_url(portal, "../x").endswith("/5/inboxes")
    assert not settings_url(replace(portal, portal_id="../5"))


@pytest.mark.parametrize(
    ("address", "is_theirs"),
    [
        ("support@45169260.hubspot-inbox.com", True),
        ("Support@acme.example.hs-inbox.com", True),
        ("support@acme.example", False),
        ("support@hs-inbox.com.example", False),
    ],
)
def test_hubspots_own_forwarding_addresses_are_known(address: str, is_theirs: bool) -> None:
    """Nobody can disconnect them at a mail provider."""
    assert is_forwarding(address) is is_theirs


def test_one_record_is_no_two_channels() -> None:
    """Two rows of one address, and one new account of it: the one that was there has it."""
    gone = a_hubspot_channel(id=ChannelId("old"), account_id="5", state=HubSpotState.GONE)
    lost = a_hubspot_channel(state=HubSpotState.DISCONNECTED)
    sight = Sight.of([a_record(id="8")], known_ids={"5", "7"})
    verdict = judged([gone, lost], sight, now=NOW, looked_before=NOW - MINUTE, is_outage=False)
    told = {channel.id: (channel.account_id, signal) for channel, signal in verdict.steps}
    assert told[lost.id] == ("8", HubSpotSignal.CONNECTED)
    assert told[gone.id] == ("5", HubSpotSignal.ABSENT)
    assert verdict.fresh == ()


def _at(address: str, **changes: Any) -> HubSpotChannel:
    return a_hubspot_channel(id=ChannelId(address), account_id=address, address=address, **changes)


def test_half_of_those_that_worked_are_a_mass_loss() -> None:
    """What was broken before counts on neither side, nor do HubSpot's own addresses."""
    suspected = {"suspect_at": NOW - MINUTE, "suspect_after": NOW - 2 * MINUTE}
    lost = [_at(f"l{n}@a.example", **suspected) for n in range(2)]
    fine = [_at(f"f{n}@a.example") for n in range(2)]
    broken = _at("b@a.example", state=HubSpotState.DISCONNECTED)
    theirs = _at("t@5.hubspot-inbox.com")
    known = [*lost, *fine, broken, theirs]
    sight = Sight.of([a_record(id=it.account_id, address=it.address) for it in [*fine, theirs]])
    verdict = judged(known, sight, now=NOW, looked_before=NOW - MINUTE, is_outage=False)
    assert verdict.is_mass
    held = {channel.id for channel, signal in verdict.steps if signal is HubSpotSignal.LOST_WITH_OTHERS}
    assert held == {it.id for it in lost}
