"""Wishes of members: asked in a form, answered from an admin's message, told to everybody concerned."""

from __future__ import annotations

import asyncio

import pytest

from tests.driver import Said
from tests.stage import KEY, Stage, a_stage

SUPPORT = "support@acme.example"
REASON = "The new shop answers from it"


async def _wishes_support(stage: Stage, who: str = "alice") -> None:
    """A member asks for a team address, with a reason."""
    await stage.settles()  # the bot has read who is here
    person = stage.person(who)
    await person.types(f"/inbox connect {SUPPORT}")
    await person.chooses(None, "Team address")
    await stage.fills_in_team(who, name="Support", use="Zendesk")
    await person.submits()
    await person.fills("Why do you need it?", REASON)
    await person.clicks("Send the request")
    await stage.settles()


async def _last_dm(stage: Stage, who: str) -> Said:
    return (await stage.person(who).sees()).dm.last


async def _is_told(stage: Stage, who: str, words: str) -> None:
    """What one message says now: an answer is a reply to it, and is not edited."""
    screen = await stage.person(who).sees()
    said = next(message for message in reversed(screen.messages("dm")) if message.thread is None)
    assert words in said.plain, said.plain


async def _title(stage: Stage, who: str) -> str:
    screen = await stage.person(who).sees()
    assert screen.modal is not None
    return screen.modal.title or ""


async def test_an_approved_wish_is_connected_by_whoever_made_it(stage: Stage) -> None:
    """Every admin reads who wants what and why, in their language; one Approve is enough; the requester
    goes on from their own message, and all of them see that it is done."""
    await _wishes_support(stage)
    omar, sakura = await _last_dm(stage, "omar"), await _last_dm(stage, "sakura")
    assert "@Alice Martin asks for your approval" in omar.plain and REASON in omar.plain
    assert "[承認]" in sakura.plain and REASON in sakura.plain
    await stage.person("omar").clicks("Approve")
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "approved by @Omar Haddad")
    assert "[承認]" not in (await _last_dm(stage, "sakura")).plain
    assert (await _last_dm(stage, "sakura")).ts == sakura.ts
    await stage.person("alice").clicks("Continue")
    page = await stage.consents(await stage.link_in_modal("alice"), SUPPORT)
    assert "Connected ✓" in page.text
    await stage.passes(seconds=5)
    await _is_told(stage, "omar", "approved by @Omar Haddad, and done")
    await stage.person("kenji").types("/inbox list")
    assert SUPPORT in (await stage.person("kenji").sees()).messages("#general")[-1].plain


@pytest.mark.threaded
async def test_the_first_of_two_answers_wins(stage: Stage) -> None:
    """Two admins press at the same instant: one answer stands, and the other admin hears whose it was."""
    await _wishes_support(stage)
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await sakura.clicks("却下…")
    await asyncio.gather(omar.clicks("Approve"), sakura.submits())
    await stage.passes(seconds=2)
    screens = [await omar.sees(), await sakura.sees()]
    refused = [said for said in screens[0].dm.messages if said.ephemeral]
    answer = screens[1].modal
    assert answer is not None and (answer.title == "却下しました") is bool(refused)
    faster, said = ("Sakura Sato", refused[0].plain) if refused else ("Omar Haddad", answer.plain)
    assert faster in said
    alice = await _last_dm(stage, "alice")
    assert faster in alice.plain


async def test_a_declined_wish_changes_nothing(stage: Stage) -> None:
    """The requester hears by whom, and why; the other admin's message loses its buttons."""
    await _wishes_support(stage)
    sakura = stage.person("sakura")
    await sakura.clicks("却下…")
    await sakura.fills("却下の理由", "経理の受信トレイに *まとめます*")
    await sakura.submits()
    assert await _title(stage, "sakura") == "却下しました"
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "declined by @Sakura Sato")
    await _is_told(stage, "alice", "経理の受信トレイに ∗まとめます∗")
    omar = await _last_dm(stage, "omar")
    assert "declined by @Sakura Sato" in omar.plain and "[Approve]" not in omar.plain
    assert "[Undo]" not in omar.plain  # it was not his no
    await stage.passes(seconds=60)
    alice = await _last_dm(stage, "alice")
    assert alice.thread is not None and "経理の受信トレイに" in alice.plain
    assert "[元に戻す]" not in (await _last_dm(stage, "sakura")).plain


async def test_a_no_can_be_taken_back_for_a_minute(stage: Stage) -> None:
    """In the same message or in the dialog: whoever asked was not notified of it, and everybody who was
    asked can answer again."""
    await _wishes_support(stage)
    omar = stage.person("omar")
    await omar.clicks("Decline…")
    await omar.submits()
    assert "[Undo]" in ((await omar.sees()).modal or pytest.fail("no dialog")).plain
    await omar.closes()
    await stage.passes(seconds=30)
    await omar.clicks("Undo", in_="dm")
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "waiting for an admin")
    assert "[Approve]" in (await _last_dm(stage, "omar")).plain
    assert "[承認]" in (await _last_dm(stage, "sakura")).plain
    await stage.passes(minutes=5)
    assert all(said.thread is None for said in (await stage.person("alice").sees()).dm.messages)
    await omar.clicks("Approve")
    await stage.passes(seconds=2)
    alice = await _last_dm(stage, "alice")
    assert alice.thread is not None and "approved by @Omar Haddad" in alice.plain


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_no_on_home_is_taken_back_in_its_dialog(stage: Stage) -> None:
    """Where there is no message, the dialog has the button, and then the two answers again."""
    await _wishes_support(stage)
    omar = stage.person("omar")
    await omar.opens_home()
    await omar.until(lambda screen: screen.home and "Waiting for you (1)" in screen.home.plain)
    await omar.clicks("Decline…", in_="home")
    await omar.submits()
    await omar.clicks("Undo")
    assert await _title(stage, "omar") == "Undone"
    await omar.clicks("Approve")
    assert await _title(stage, "omar") == "Approved"
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "approved by @Omar Haddad")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_what_waits_stands_on_home_until_it_is_answered(stage: Stage) -> None:
    """An admin answers there as in the message; whoever asked sees there what they wait for and goes on."""
    await _wishes_support(stage)
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.closes()
    for person, heading in ((omar, "Waiting for you (1)"), (alice, "You asked for (1)")):
        await person.opens_home()
        await person.until(lambda screen, heading=heading: screen.home and heading in screen.home.plain)  # type: ignore[misc]
    assert REASON in (await omar.sees()).plain
    await omar.clicks("Approve", in_="home")
    await stage.passes(seconds=2)
    assert await _title(stage, "omar") == "Approved"
    await omar.until(lambda screen: screen.home and "Waiting for you" not in screen.home.plain)
    await alice.until(lambda screen: screen.home and "[Continue]" in screen.home.plain)
    await alice.clicks("Continue", in_="home")
    page = await stage.consents(await stage.link_in_modal("alice"), SUPPORT)
    assert "Connected ✓" in page.text


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_an_admin_who_looks_at_what_was_asked_for_can_answer(stage: Stage) -> None:
    """The address is not there yet: the status says who asked for it, with the buttons."""
    await _wishes_support(stage)
    omar = stage.person("omar")
    await omar.types(f"/inbox status {SUPPORT}")
    said = (await omar.sees()).messages("#general")[-1].plain
    assert "Connect support@acme.example as a team address" in said and "@Alice Martin" in said
    assert "[Approve]" in said and "Did you mean" not in said
    await omar.clicks("Approve", in_="#general")
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "approved by @Omar Haddad")


async def test_an_unanswered_wish_expires_after_three_days(stage: Stage) -> None:
    """Nobody answers: everybody sees that it is over, and it can be asked for again."""
    await _wishes_support(stage)
    await stage.passes(hours=71, minutes=59)
    assert "[Approve]" in (await _last_dm(stage, "omar")).plain
    await stage.passes(minutes=2)
    assert "[Approve]" not in (await _last_dm(stage, "omar")).plain
    await _is_told(stage, "alice", "nobody answered in time")
    await _wishes_support(stage)
    await stage.passes(seconds=2)
    assert "[Approve]" in (await _last_dm(stage, "omar")).plain


async def test_an_approval_that_is_not_used_expires_too(stage: Stage) -> None:
    """After three days *Continue* leads nowhere, and says so in words."""
    await _wishes_support(stage)
    await stage.person("omar").clicks("Approve")
    await stage.passes(hours=73)
    await _is_told(stage, "alice", "not used in time")
    assert "[Continue]" not in (await _last_dm(stage, "alice")).plain


async def test_a_wish_can_be_taken_back(stage: Stage) -> None:
    """Whoever asked cancels; the admins' buttons are gone."""
    await _wishes_support(stage)
    await stage.person("alice").clicks("Cancel the request")
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "you withdrew it")
    assert "[Approve]" not in (await _last_dm(stage, "omar")).plain


async def test_asking_twice_asks_once(stage: Stage) -> None:
    """The second wish finds the first; no admin gets a second message."""
    await _wishes_support(stage)
    await _wishes_support(stage)
    await stage.passes(seconds=5)
    assert await _title(stage, "alice") == "Already asked"
    assert len((await stage.person("omar").sees()).dm.messages) == 1


async def test_an_approved_disable_is_done_at_once(stage: Stage) -> None:
    """What needs no browser is done by the approval itself; the requester sees it in their message."""
    await stage.team_connected()
    alice = stage.person("alice")
    await alice.types(f"/inbox disable {SUPPORT}")
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await stage.person("omar").clicks("Approve and disable")
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "and done")
    await alice.types(f"/inbox status {SUPPORT}")
    assert "⚪ Disabled" in (await alice.sees()).messages("#general")[-1].plain


async def test_an_approved_removal_is_asked_once_more(stage: Stage) -> None:
    """It cannot be taken back: Slack asks before it is sent, and a no sends nothing."""
    await stage.team_connected()
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.types(f"/inbox remove {SUPPORT}")
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await omar.clicks("Approve and remove", confirm=False)
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "waiting for an admin")
    await omar.clicks("Approve and remove", confirm=True)
    await stage.passes(seconds=2)
    await _is_told(stage, "alice", "and done")


async def test_a_wish_about_what_was_removed_is_over(stage: Stage) -> None:
    """An admin removes the address while somebody waits to disable it: nobody has to answer any more."""
    await stage.team_connected()
    alice = stage.person("alice")
    await alice.types(f"/inbox disable {SUPPORT}")
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await stage.person("sakura").types(f"/inbox remove {SUPPORT}")
    await stage.person("sakura").clicks("はい、削除")
    await stage.passes(seconds=5)
    await _is_told(stage, "alice", "no longer possible")
    screen = await stage.person("omar").sees()
    assert "[Approve" not in screen.dm.plain


async def test_a_former_admin_is_refused_in_words(stage: Stage) -> None:
    """The button in an old message asks who one is now, not who one was."""
    await _wishes_support(stage)
    await stage.driver.edit_person("omar", is_admin=False)
    await stage.person("omar").clicks("Approve")
    await stage.settles()
    screen = await stage.person("omar").sees()
    refused = screen.dm.last
    assert refused.ephemeral and "Sakura Sato" in refused.plain
    assert "[承認]" in (await _last_dm(stage, "sakura")).plain


async def test_who_becomes_an_admin_is_asked_what_waits(stage: Stage) -> None:
    """Whoever was asked may leave: the answer is owed by those who are admins by then."""
    await _wishes_support(stage)
    await stage.driver.edit_person("kenji", is_admin=True)
    await stage.settles()
    asked = await _last_dm(stage, "kenji")
    assert f"{SUPPORT} をチームアドレスとして接続" in asked.plain and "[承認]" in asked.plain
    for admin in ("omar", "sakura"):
        await stage.driver.edit_person(admin, deleted=True)
    await stage.settles()
    requests = [it for it in (await stage.person("kenji").sees()).messages("dm") if "[承認]" in it.plain]
    assert len(requests) == 1
    await stage.person("kenji").clicks("承認")
    await stage.settles()
    assert "@Kenji Mori" in (await _last_dm(stage, "alice")).plain


async def test_who_is_given_access_is_asked_what_waits(stage: Stage) -> None:
    """By an admin who chooses them, and not only by Slack's own flags."""
    await stage.team_connected()
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.types(f"/inbox disable {SUPPORT}")
    await alice.submits()
    await stage.settles()
    await omar.types("/inbox admins")
    await omar.chooses("Add a person", "kenji")
    await stage.passes(seconds=5)  # two messages to one person do not come in the same second
    said = [it.plain for it in (await stage.person("kenji").sees()).messages("dm")]
    assert any(SUPPORT in it and "[承認して無効にする]" in it for it in said), said


async def test_with_nobody_to_ask_it_is_said_at_once(stage: Stage) -> None:
    """Every admin has left: the member hears so instead of waiting three days."""
    await stage.team_connected()
    for admin in ("omar", "sakura"):
        await stage.driver.edit_person(admin, deleted=True)
    alice = stage.person("alice")
    await alice.types(f"/inbox disable {SUPPORT}")
    screen = await alice.sees()
    assert screen.modal is not None and screen.modal.submit is None
    assert "Nobody" in screen.modal.plain or "nobody" in screen.modal.plain


async def test_if_no_admin_can_be_written_to_it_is_said_at_once(
    settled_url: str, inline_sqlite: None
) -> None:
    """The requester learns that nobody heard them, and whoever runs the bot that somebody waits; both see
    when an answer came after all."""
    async with a_stage(settled_url, key=KEY, OPERATORS="U0KENJI") as stage:
        for who in ("omar", "sakura"):
            await stage.driver.break_("dm_closed", person=who)
        await _wishes_support(stage)
        await stage.passes(seconds=2)
        await _is_told(stage, "alice", "No admin can get messages from the bot.")
        await _is_told(stage, "kenji", "どの管理者にも通知できませんでした。")
        await stage.person("alice").clicks("Cancel the request", in_="dm")
        await stage.passes(seconds=2)
        await _is_told(stage, "kenji", "返答済みです。")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_status_shows_who_waits_and_lets_them_stop(stage: Stage) -> None:
    """An open wish stands in the status; its requester can cancel it there."""
    await stage.team_connected()
    alice = stage.person("alice")
    await alice.types(f"/inbox remove {SUPPORT}")
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await alice.closes()
    await alice.types(f"/inbox status {SUPPORT}")
    await alice.clicks("Cancel the request", in_="#general")
    shown = (await alice.until(lambda screen: screen.messages("#general"))).messages("#general")[-1]
    assert "[Cancel the request]" not in shown.plain
