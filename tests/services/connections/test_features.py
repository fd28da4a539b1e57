"""What is asked at consent and what is missing afterwards, as the services decide it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import Gone, NotAllowed
from bot.domain.features import Feature
from bot.domain.ticket import OutcomeKind
from bot.domain.view_models import ChannelRow
from tests.services.play import Play, on_both, secret_of, url_of
from tests.stage import a_stage

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"
GMAIL = "https://www.googleapis.com/auth/gmail."
FILE = """
[crm]
on = true
name.en = "CRM"
reason.en = "to log"
scopes.google = ["https://www.googleapis.com/auth/gmail.readonly"]
scopes.microsoft = ["Mail.Read"]
scopes.microsoft_shared = ["https://graph.microsoft.com/Mail.Read.Shared"]

[send]
on = true
name.en = "Send"
reason.en = "to answer"
scopes.google = ["https://www.googleapis.com/auth/gmail.send"]

[off]
on = false
name.en = "Off"
reason.en = "to do nothing yet"
scopes.google = ["https://mail.google.com/"]
"""


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """The usual play, where two features are switched on."""
    file = tmp_path / "features.toml"
    file.write_text(FILE)
    async with a_stage(database_url, FEATURES_FILE=str(file)) as stage:
        await stage.settles()
        yield Play(stage)


def keys(features: Iterable[Feature]) -> list[str]:
    return [feature.key for feature in features]


async def row_of(play: Play, who: str, channel: Channel) -> ChannelRow:
    """The channel as it stands in somebody's list."""
    shown = await play.services.channels.overview(await play.actor(who))
    [row] = [row for row in (*shown.own, *shown.team, *shown.others) if row.channel.id == channel.id]
    return row


@on_both
async def test_a_feature_that_was_unticked_is_lacking_until_somebody_reconnects(play: Play) -> None:
    """The grant works and is kept; what it lacks is seen at every look, on both databases."""
    outcome = await play.signs_in(await play.begin("alice"), untick=["gmail.readonly"])
    assert outcome.ending is OutcomeKind.CONNECTED
    assert outcome.missing == {f"{GMAIL}readonly"}
    assert keys((await play.services.oauth_flow.completion(outcome)).lacking) == ["crm"]
    alice = await play.channel(ALICE)
    assert alice is not None and alice.state is State.CONNECTED
    assert keys((await row_of(play, "alice", alice)).lacking) == ["crm"]
    await play.signs_in(await play.reconnect("alice", alice))
    assert (await row_of(play, "alice", alice)).lacking == ()


async def test_everything_is_asked_for_again_each_time(play: Play) -> None:
    """Connecting, reconnecting and trying once more ask for the same."""
    asked = frozenset({f"{GMAIL}labels", f"{GMAIL}readonly", f"{GMAIL}send"})
    begun = await play.begin("alice")
    assert (begun.scopes, keys(begun.features)) == (asked, ["crm", "send"])
    callback = await play.consent(begun, cancel=True)
    outcome = await play.complete(await play.again(await play.complete(callback)))
    assert outcome.ending is OutcomeKind.CONNECTED and not outcome.missing
    alice = await play.channel(ALICE)
    assert alice is not None
    assert (await play.reconnect("alice", alice)).scopes == asked


async def test_what_needs_a_reconnect_anyway_is_not_marked_for_a_feature(play: Play) -> None:
    """An outage is one thing to say; the feature comes along with its end."""
    alice = (await play.signs_in(await play.begin("alice"), untick=["gmail.send"])).ticket.address
    play.google.break_down("revoked", alice)
    await play.passes(minutes=21)
    channel = await play.channel(alice)
    assert channel is not None and channel.state is State.DISCONNECTED
    assert (await row_of(play, "alice", channel)).lacking == ()


async def test_a_lacking_feature_is_no_incident(play: Play) -> None:
    """Probes pass, nobody is paged, at whatever hour."""
    await play.signs_in(await play.begin("alice"), untick=["gmail.send"])
    told = len(await play.dm("alice"))
    await play.passes(hours=5)
    alice = await play.channel(ALICE)
    assert alice is not None and alice.state is State.CONNECTED
    assert await play.incident(alice) is None
    assert len(await play.dm("alice")) == told


async def test_permissions_compare_what_is_asked_with_what_was_granted(play: Play) -> None:
    """One channel's, for whoever may see it; and those that lack something, among all."""
    await play.signs_in(await play.begin("alice"), untick=["gmail.send"])
    kenji = await play.connect("kenji", KENJI)
    alice = await play.channel(ALICE)
    assert alice is not None
    mine = await play.services.permissions.of_channel(await play.actor("alice"), alice.id)
    assert mine.ask.scopes - mine.granted == {f"{GMAIL}send"}
    assert keys(mine.row.lacking) == ["send"]
    shown = await play.services.permissions.overview(await play.actor("omar"))
    assert [row.channel.id for row in shown.lacking] == [alice.id]
    assert shown.complete == 1
    assert [ask.provider_label for ask in shown.asks] == ["Gmail", "Office 365", "IMAP"]
    with pytest.raises((NotAllowed, Gone)):
        await play.services.permissions.of_channel(await play.actor("alice"), kenji.id)


# --- at Microsoft


async def signs_in_at_microsoft(play: Play, plan: InboxSpec, account: str) -> Channel:
    """Omar connects a team address with somebody's account."""
    begun = await play.services.connections.begin(await play.actor("omar"), plan)
    way = await play.services.oauth_flow.start(secret_of(begun), "browser")
    callback = play.callback(play.stage.town.microsoft.consent(url_of(way), account))
    outcome = await play.complete(callback, provider="microsoft")
    assert outcome.ending is OutcomeKind.CONNECTED, outcome
    found = await play.channel(plan.address)
    assert found is not None
    return found


async def test_microsoft_is_asked_in_its_own_names(play: Play) -> None:
    """What was granted is compared by the names of Graph; a refresh that brings new ones loses nothing."""
    plan = InboxSpec("support@acme.example", Kind.TEAM, provider="microsoft")
    support = await signs_in_at_microsoft(play, plan, "support@acme.example")
    await play.look(support)
    shown = await play.services.permissions.of_channel(await play.actor("omar"), support.id)
    assert shown.ask.scopes == shown.granted == {"User.Read", "Mail.ReadBasic", "Mail.Read"}
    assert (await row_of(play, "omar", support)).lacking == ()


async def test_a_shared_mailbox_is_asked_for_its_own_and_not_for_the_persons(play: Play) -> None:
    """Whoever opens it is not asked for their own mail; the organisation's admin neither."""
    plan = InboxSpec("help@acme.example", Kind.TEAM, provider="microsoft", is_shared=True)
    shared = await signs_in_at_microsoft(play, plan, "omar@acme.example")
    shown = await play.services.permissions.of_channel(await play.actor("omar"), shared.id)
    assert "Mail.Read.Shared" in shown.granted and "Mail.Read" not in shown.granted
    assert keys(shown.ask.features) == ["crm"]
    assert keys(shown.ask.asking_nothing) == ["send"]
    assert (await row_of(play, "omar", shared)).lacking == ()
    again = await play.reconnect("omar", shared)
    assert again.scopes == shown.ask.scopes
