"""What people say of an inbox, said otherwise later: its name, what depends on it, whom to tell."""

from __future__ import annotations

import pytest

from tests.e2e.questions import asks, asks_for_modal, modal_text, submits
from tests.stage import Stage

SUPPORT = "support@acme.example"


@pytest.fixture
def database_kind() -> str:
    """Both databases hold the same for what is shown; races and outages are tried on each."""
    return "sqlite"


async def _edits(stage: Stage, who: str, text: str, *, name: str = "", use: str = "") -> None:
    await asks_for_modal(stage, who, text)
    if name:
        await stage.person(who).fills("What do you call it?", name)
    if use:
        await stage.person(who).fills("What depends on it?", use)
    await submits(stage, who)


async def test_a_name_and_a_use_are_changed_in_one_form(stage: Stage) -> None:
    """Filled in as they are; saved, the status says the new ones, and the history who changed what."""
    await stage.team_connected(name="Suport", use="Zendsk")
    opened = await asks_for_modal(stage, "omar", f"/inbox edit {SUPPORT}")
    assert "Suport" in modal_text(opened) and "Zendsk" in modal_text(opened)
    await stage.person("omar").fills("What do you call it?", "Support")
    await stage.person("omar").fills("What depends on it?", "Zendesk")
    said = modal_text(await submits(stage, "omar"))
    assert "Support" in said and "Zendesk" in said and "Suport" not in said
    assert "Edited: name, use · @Omar Haddad" in said


async def test_editing_is_asked_for_in_japanese(stage: Stage) -> None:
    """The verb is in the reader's own language, and so is the form."""
    await stage.team_connected(name="Suport")
    opened = await asks_for_modal(stage, "sakura", f"/inbox 編集 {SUPPORT}")
    assert opened.modal is not None and opened.modal.title == "編集"


async def test_an_open_alarm_says_the_new_use(stage: Stage) -> None:
    """Whoever mends it reads what stops working as it is known now; the message is edited, not sent again."""
    await stage.team_connected(name="Support", use="Zendsk")
    await stage.breaks(SUPPORT, minutes=8)
    before = (await stage.person("sakura").sees()).dm.messages
    assert "Zendsk" in before[-1].plain
    await _edits(stage, "omar", f"/inbox edit {SUPPORT}", use="HubSpot")
    await stage.passes(seconds=5)
    after = (await stage.person("sakura").sees()).dm.messages
    assert "HubSpot" in after[-1].plain and "Zendsk" not in after[-1].plain
    assert len(after) == len(before)


async def test_another_conversation_is_told_of_what_is_open(stage: Stage) -> None:
    """It is greeted first, and hears of the outage that goes on."""
    await stage.team_connected(conversation="#support")
    await stage.breaks(SUPPORT, minutes=8)
    await stage.driver.edit_conversation("#general", private=True)
    omar = stage.person("omar")
    await asks_for_modal(stage, "omar", f"/inbox edit {SUPPORT}")
    await omar.chooses("Conversation to notify", "#general")
    screen = await submits(stage, "omar")
    assert screen.modal is not None and "/invite" in screen.modal.errors["conversation"]
    await omar.types("/invite @Inboxkeeper", in_="#general")
    await submits(stage, "omar")
    await stage.passes(seconds=5)
    await omar.closes()
    said = (await omar.sees()).messages("#general")
    assert "🔴" in said[-1].plain and SUPPORT in said[-1].plain


async def test_a_member_is_told_who_can_edit(stage: Stage) -> None:
    """Not a team address that somebody else connected; the words name those who may."""
    await stage.team_connected()
    said = await asks(stage, "alice", f"/inbox edit {SUPPORT}")
    assert "You are not allowed to edit this inbox" in said and "Omar Haddad" in said
    assert "Edit" not in await asks(stage, "alice", f"/inbox status {SUPPORT}")


async def test_what_is_typed_of_a_connected_address_goes_into_the_form_that_edits(stage: Stage) -> None:
    """Connecting what is connected says so, and offers to renew, to edit and to look."""
    await stage.team_connected(name="Suport", use="Zendsk")
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use="Zendesk")
    await omar.submits()
    said = modal_text(await omar.sees())
    assert "Already connected" in said and "[Renew permission]" in said and "[Details]" in said
    await omar.clicks("Edit")
    said = modal_text(await submits(stage, "omar"))
    assert "Support" in said and "Zendesk" in said


async def test_what_is_connected_can_be_signed_in_to_anew(stage: Stage) -> None:
    """The form that connects leads there, too."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types("/inbox connect alice@acme.example")
    await alice.submits()
    await alice.clicks("Renew permission")
    page = await stage.consents(await stage.link_in_modal("alice"), "alice@acme.example")
    assert "Reconnected" in page.text or "renewed" in page.text


async def test_what_is_disabled_is_enabled_where_somebody_connects_it(stage: Stage) -> None:
    """That is most likely what they want; their own has neither name nor conversation to edit."""
    await stage.connected("alice")
    alice = stage.person("alice")
    await alice.types("/inbox disable alice@acme.example")
    await submits(stage, "alice")
    await alice.closes()
    await alice.types("/inbox connect alice@acme.example")
    said = modal_text(await submits(stage, "alice"))
    assert "Enable it to use it again. To change what depends on it, edit it." in said
    assert said.index("[Enable]") < said.index("[Edit]")
    await alice.clicks("Enable")
    assert "is enabled and works" in modal_text(await alice.sees())


async def test_who_may_only_ask_for_it_is_offered_that(stage: Stage) -> None:
    """A team address that is disabled is an admin's to enable."""
    await stage.team_connected()
    await stage.person("omar").types(f"/inbox disable {SUPPORT}")
    await submits(stage, "omar")
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {SUPPORT}")
    await alice.chooses(None, "Team address")
    await stage.fills_in_team("alice", name="Support", use="Zendesk")
    said = modal_text(await submits(stage, "alice"))
    assert "An admin can enable it" in said and "[Enable]" not in said
    await alice.clicks("Ask to enable…", in_="modal")
    assert "Why do you need it?" in modal_text(await alice.sees())


async def test_what_is_typed_of_a_broken_address_is_kept(stage: Stage) -> None:
    """It has to be signed in to again, and that begins at once; the new words are saved on the way."""
    await stage.team_connected(name="Suport", use="Zendsk")
    await stage.breaks(SUPPORT, minutes=8)
    await stage.team_connected(name="Support", use="Zendesk")
    said = await asks(stage, "omar", f"/inbox status {SUPPORT}")
    assert "🟢" in said and "Zendesk" in said and "Suport" not in said


async def test_what_is_typed_anew_wins_over_what_was_removed(stage: Stage) -> None:
    """Connected again within thirty days it is the same inbox, called as it is called now."""
    await stage.team_connected(name="Suport", use="Zendsk", conversation="#support")
    await stage.person("omar").types(f"/inbox remove {SUPPORT}")
    await submits(stage, "omar")
    await stage.person("omar").closes()
    await stage.team_connected(name="Support", use="Zendesk")
    said = await asks(stage, "omar", f"/inbox status {SUPPORT}")
    assert "Support" in said and "Zendesk" in said and "Zendsk" not in said
    assert "Connected again" in said
