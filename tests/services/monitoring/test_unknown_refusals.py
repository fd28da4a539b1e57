"""A provider that refuses one mailbox with a code nobody knows has no outage: people are told so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.channel import State
from bot.domain.ids import ChannelId
from bot.domain.incident import IncidentKind
from bot.views.home import home, overview_message
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
    for shown in await surfaces(play, "omar", support.id):
        assert "reason we don't know: quantum_flux" in shown
        assert "don't need to do anything yet" in shown
    assert not await play.told("omar", "quantum_flux")
    await play.passes(minutes=40)
    incident = await play.incident(support)
    assert incident is not None
    assert (incident.kind, incident.code) == (IncidentKind.UNVERIFIABLE, "quantum_flux")
    [said] = await play.told("omar", "quantum_flux")
    assert "Other inboxes there work" in said.plain
    assert "whoever runs Inboxkeeper" in said.plain
    assert "don't need to do anything" not in said.plain
    for shown in await surfaces(play, "omar", support.id):
        assert "reason we don't know: quantum_flux" in shown
        assert "Other inboxes there work" in shown
        assert "don't need to do anything" not in shown
        assert "reach" not in shown
    play.google.mend()
    await play.passes(minutes=6)
    assert (await play.now_of(support)).state is State.CONNECTED
    row = await play.probe(support)
    assert row is not None
    assert (row.unknown_code, row.unknown_since) == (None, None)


async def surfaces(play: Play, name: str, channel_id: ChannelId) -> list[str]:
    """Status, list and Home, as this person reads them."""
    actor, now = await play.actor(name), play.stage.town.clock()
    status = await play.services.channels.status(actor, channel_id)
    overview = await play.services.channels.overview(actor)
    views = (
        status_message(EN, replace(status, recent=()), now=now),
        overview_message(EN, overview, now=now),
        home(EN, overview),
    )
    return [str(view) for view in views]


async def test_a_personal_inbox_says_so_although_nobody_is_sent_a_message(play: Play) -> None:
    """Its owner, who looks by themselves, reads the code and who can look."""
    await play.connect_team()
    kenji = await play.connect("kenji")
    play.google.break_down("unknown_error", kenji.address, code="quantum_flux")
    await play.passes(minutes=120)
    assert await play.incident(kenji) is None
    for shown in await surfaces(play, "kenji", kenji.id):
        assert "reason we don't know: quantum_flux" in shown
        assert "Who can find out" in shown
        assert "cannot be reached" not in shown


async def test_once_it_gives_no_answer_at_all_it_is_out_of_reach(play: Play) -> None:
    """The last look counts, where no message says otherwise."""
    kenji = await play.connect("kenji")
    play.google.break_down("unknown_error", kenji.address, code="quantum_flux")
    await play.passes(minutes=20)
    play.google.mend()
    play.google.break_down("server_error", kenji.address)
    await play.passes(minutes=30)
    for shown in await surfaces(play, "kenji", kenji.id):
        assert "cannot be reached at the moment" in shown
        assert "quantum_flux" not in shown


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
