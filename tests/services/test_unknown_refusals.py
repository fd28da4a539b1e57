"""A provider that refuses one mailbox with a code nobody knows has no outage: people are told so."""

from __future__ import annotations

import pytest

from bot.domain.channel import State
from bot.domain.incident import IncidentKind
from bot.views.status import status_message
from tests.services.play import Play
from tests.views.samples import EN

SUPPORT = "support@acme.example"


async def test_the_same_unknown_code_for_an_hour_is_told_with_its_name(play: Play) -> None:
    """Others are served: it says which code, and who may look."""
    support = await play.connect_team()
    await play.connect("kenji")
    play.google.break_down("unknown_error", SUPPORT, code="quantum_flux")
    await play.passes(minutes=30)
    row = await play.probe(support)
    assert row is not None
    assert (row.unknown_code, row.unknown_since) == ("quantum_flux", (await play.now_of(support)).since)
    assert not await play.told("omar", "quantum_flux")
    await play.passes(minutes=40)
    incident = await play.incident(support)
    assert incident is not None
    assert (incident.kind, incident.code) == (IncidentKind.UNVERIFIABLE, "quantum_flux")
    [said] = await play.told("omar", "quantum_flux")
    assert "Other inboxes there work" in said.plain
    assert "whoever runs Inboxkeeper" in said.plain
    assert "don't need to do anything" not in said.plain
    status = await play.services.channels.status(await play.actor("omar"), support.id)
    shown = str(status_message(EN, status, now=play.stage.town.clock()))
    assert "reason we don't know: quantum_flux" in shown
    assert "don't need to do anything" not in shown
    play.google.mend()
    await play.passes(minutes=6)
    assert (await play.now_of(support)).state is State.CONNECTED
    row = await play.probe(support)
    assert row is not None
    assert (row.unknown_code, row.unknown_since) == (None, None)


async def test_alone_nothing_is_said_about_others(play: Play) -> None:
    """Nobody else was served, so nobody can say that they are."""
    await play.connect_team()
    play.google.break_down("unknown_error", code="quantum_flux")
    await play.passes(minutes=70)
    [said] = await play.told("omar", "quantum_flux")
    assert "Other inboxes" not in said.plain


@pytest.mark.parametrize("fault", ["server_error", "html", "throttled"])
async def test_an_outage_is_still_called_one(play: Play, fault: str) -> None:
    """Trouble that has no code of its own is not a refusal."""
    support = await play.connect_team()
    play.google.break_down(fault, SUPPORT)
    await play.passes(minutes=70)
    incident = await play.incident(support)
    assert incident is None or incident.code == ""
    assert not await play.told("omar", "reason we don't know")
