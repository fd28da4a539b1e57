"""Keys of programs, as super admins see and make them in Slack, and as owners of inboxes are asked."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.api_key import KeyFault, KeyRefused, OwnerAnswer
from bot.domain.channel import State
from bot.domain.errors import NotAllowed
from bot.domain.ids import ChannelId, UserId
from bot.services.connections.api_keys import KeySpec
from bot.services.connections.channel_actions import TeamDetails
from tests.driver import Screen
from tests.e2e.questions import asks, asks_for_modal, both_submit, in_time, modal_text, submits
from tests.services.play import Play, on_both
from tests.services.test_secrets import everything_stored, log
from tests.stage import KEY, Stage, a_stage

__all__ = ["log"]
SUPPORT: Final = "support@acme.example"
FEATURES: Final = """
[crm]
on = true
name.en = "CRM"
name.ja = "顧客管理"
reason.en = "to log"
scopes.google = ["https://mail.google.com/"]

[old]
on = false
name.en = "Former"
name.ja = "旧用途"
reason.en = "to look back"
scopes.google = ["https://www.googleapis.com/auth/gmail.readonly"]

[send]
on = true
name.en = "Send"
name.ja = "送信"
reason.en = "to answer"
scopes.google = ["https://www.googleapis.com/auth/gmail.send"]
"""
_KEY: Final = re.compile(r"ik_[a-z0-9]{8}_[\w-]{49}")


@pytest.fixture
def database_kind() -> str:
    """What is shown does not depend on the database; what is written has tests on both."""
    return "sqlite"


@pytest.fixture
async def stage(settled_url: str, inline_sqlite: None, tmp_path: Path) -> AsyncIterator[Stage]:
    """Programs are let in; support is the team's."""
    file = tmp_path / "features.toml"
    file.write_text(FEATURES, encoding="utf-8")
    async with a_stage(settled_url, key=KEY, FEATURES_FILE=str(file), API="true") as built:
        await built.settles()
        await built.team_connected()
        yield built


async def fills_in(
    stage: Stage,
    who: str = "omar",
    *,
    name: str = "Help desk",
    inboxes: tuple[str, ...] = (SUPPORT,),
    uses: tuple[str, ...] = ("CRM",),
) -> None:
    """The form, up to its button."""
    person = stage.person(who)
    await asks_for_modal(stage, who, "/inbox keys")
    in_time(await person.clicks("New key"))
    in_time(await person.fills("Which program is it for?", name))
    for address in inboxes:
        in_time(await person.chooses("Addresses", address))
    for use in uses:
        in_time(await person.chooses("What for?", use))


async def makes(stage: Stage, who: str = "omar", **filled: Any) -> str:
    """A key, as it is shown in the dialog."""
    await fills_in(stage, who, **filled)
    shown = _KEY.findall(modal_text(await submits(stage, who)))
    assert len(shown) == 1
    return str(shown[0])


def beside(screen: Screen) -> str:
    """What is said beside the fields."""
    assert screen.modal is not None
    return " ".join(screen.modal.errors.values())


async def token(stage: Stage, key: str, address: str = SUPPORT) -> tuple[int, dict[str, Any]]:
    url = f"{stage.bot.services.core.policy.base_url}/api/v1/channels/{address}/token"
    headers = {"Authorization": f"Bearer {key}"}
    async with stage.session.post(url, json={"audience": "imap"}, headers=headers) as answer:
        told: dict[str, Any] = await answer.json()
        return answer.status, told


async def made_beside(stage: Stage, number: int, name: str = "Program") -> None:
    services = stage.bot.services
    for one in range(number):
        stage.town.clock.advance(timedelta(seconds=1))
        spec = KeySpec(f"{name} {one}", is_for_team=True, features=["crm"], created_by="U0OMAR")
        await services.api_keys.create(services.workspace.id, spec)


async def keys_there(stage: Stage) -> int:
    services = stage.bot.services
    return len(await services.api_keys.of_workspace(services.workspace.id))


async def test_a_super_admin_makes_a_key_and_a_program_uses_it(stage: Stage) -> None:
    """From the list over the form to the key, which works; the list then says what it is for."""
    empty = await asks_for_modal(stage, "omar", "/inbox keys")
    assert "There are no keys yet." in modal_text(empty)
    await stage.person("omar").closes(whole=True)
    key = await makes(stage)
    status, answer = await token(stage, key)
    assert (status, answer["user"]) == (200, SUPPORT), answer
    in_time(await stage.person("omar").clicks("All keys"))
    listed = modal_text(await stage.person("omar").sees())
    for words in ("Help desk", f"Inboxes: {SUPPORT}", "For: CRM", "last used", "from 127.0.0.1", "@Omar"):
        assert words in listed, listed
    assert "ik_" not in listed


async def test_the_key_is_nowhere_but_in_the_dialog(stage: Stage, log: io.StringIO) -> None:
    """In no message, no metadata, no button, no call but the one that shows it, no log and no row."""
    key = await makes(stage)
    assert key not in " ".join(await everything_stored(Play(stage)))
    screen = await stage.person("omar").sees()
    assert screen.modal is not None
    assert key not in screen.modal.private_metadata
    assert [key in json.dumps(block) for block in screen.modal.blocks].count(True) == 1
    assert all(key not in it.plain for it in screen.conversations.values())
    calls = [one["method"] for one in await stage.driver.calls() if key in json.dumps(one)]
    assert calls == ["ack:view_submission"]
    in_time(await stage.person("omar").clicks("All keys"))
    assert (await token(stage, key))[0] == 200
    assert key not in log.getvalue()


async def test_it_is_revoked_after_a_question(stage: Stage) -> None:
    """Cancelled, it works on. Revoked, it gets nothing, and the list says that there was one."""
    key = await makes(stage)
    omar = stage.person("omar")
    await omar.clicks("All keys")
    await omar.clicks("Revoke key", near="Help desk", confirm=False)
    assert (await token(stage, key))[0] == 200
    in_time(await omar.clicks("Revoke key", near="Help desk", confirm=True))
    assert (await token(stage, key))[0] == 401
    left = modal_text(await omar.sees())
    assert "The key of Help desk is revoked." in left
    assert "There are no keys" not in left and "1 key no longer works" in left


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(stage: Stage) -> None:
    await stage.connected("alice")
    await fills_in(stage, inboxes=(ALICE,))
    omar, alice = stage.person("omar"), stage.person("alice")
    await alice.types(f"/inbox remove {ALICE}")
    await alice.submits()
    assert f"{ALICE} is not connected here." in beside(await submits(stage, "omar"))
    await omar.chooses("Addresses", ALICE, on=False)
    assert "Name an address, or choose all team addresses above." in beside(await submits(stage, "omar"))
    await omar.chooses("Addresses", SUPPORT)
    await omar.fills("Where may it come from?", "ten dot one")
    assert "ten is no network." in beside(await submits(stage, "omar"))
    await omar.fills("Where may it come from?", "127.0.0.1, ::1")
    await omar.chooses(None, "All team addresses, those connected later too")
    assert "You chose all team addresses and named some, too." in beside(await submits(stage, "omar"))
    await omar.chooses("Addresses", SUPPORT, on=False)
    assert _KEY.search(modal_text(await submits(stage, "omar")))
    assert await keys_there(stage) == 1


@on_both
async def test_one_of_very_many_is_found(stage: Stage) -> None:
    """A hundred are offered at most, those with the text in their address or name, none that is removed."""
    async with stage.bot.services.core.storage.writing() as uow:
        [first] = await uow.channels.all(stage.bot.services.workspace.id)
        for number in range(150):
            another = replace(first, id=ChannelId(f"c{number}"), address=f"t{number:03}@acme.example")
            gone = State.REMOVED if number == 7 else State.CONNECTED
            removed_at = first.created_at if number == 7 else None
            changed: dict[str, Any] = {"name": f"Desk {number}", "state": gone, "removed_at": removed_at}
            await uow.channels.add(replace(another, **changed, grant_id=None))
        await uow.commit()
    await stage.connected("alice")
    omar = stage.person("omar")
    await asks_for_modal(stage, "omar", "/inbox keys")
    in_time(await omar.clicks("New key"))
    first_ones = await omar.searches("Addresses", "")
    assert (len(first_ones), first_ones[:2]) == (100, [ALICE, SUPPORT])
    assert await omar.searches("Addresses", "T14") == [f"t14{one}@acme.example" for one in range(10)]
    assert await omar.searches("Addresses", "desk 149") == ["t149@acme.example"]
    for nothing in ("t007", "%", "_", "\\", "x" * 3_000, "\u202e'; --"):
        assert await omar.searches("Addresses", nothing) == [], nothing
    await omar.closes(whole=True)
    await fills_in(stage, inboxes=("t149@acme.example", ALICE))
    assert _KEY.search(modal_text(await submits(stage, "omar")))
    in_time(await omar.clicks("All keys"))
    assert "Inboxes: alice@acme.example (waits for its owner), t149@acme.example" in modal_text(
        await omar.sees()
    )


async def test_inboxes_are_found_over_http_too(settled_url: str, inline_sqlite: None, tmp_path: Path) -> None:
    """Slack asks at the one address at which it tells everything else."""
    file = tmp_path / "features.toml"
    file.write_text(FEATURES, encoding="utf-8")
    async with a_stage(settled_url, key=KEY, transport="http", FEATURES_FILE=str(file), API="true") as stage:
        await stage.settles()
        await stage.team_connected()
        await fills_in(stage)
        assert await stage.person("omar").searches("Addresses", "supp") == [SUPPORT]
        assert await stage.person("omar").searches("Addresses", "nobody") == []
        assert _KEY.search(modal_text(await submits(stage, "omar")))


async def test_nobody_else_is_offered_inboxes(stage: Stage) -> None:
    """A form that was opened before the role was lost offers none."""
    await fills_in(stage)
    assert await stage.person("omar").searches("Addresses", "support") == [SUPPORT]
    await stage.driver.edit_person("omar", is_admin=False, is_owner=False)
    await stage.settles()
    assert await stage.person("omar").searches("Addresses", "support") == []


async def test_what_is_switched_off_is_not_offered(stage: Stage) -> None:
    """And refused, where the form is older than that; a key that was made for it says so in the list."""
    await fills_in(stage)
    form = modal_text(await stage.person("omar").sees())
    assert "CRM" in form and "Send" in form and "Former" not in form, form
    await stage.person("omar").closes(whole=True)
    services = stage.bot.services
    spec = KeySpec("Reports", is_for_team=True, features=["old"], created_by="U0OMAR")
    await services.api_keys.create(services.workspace.id, spec)
    assert "For: Former (switched off)" in modal_text(await asks_for_modal(stage, "omar", "/inbox keys"))
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    assert services.program_keys is not None
    with pytest.raises(KeyRefused) as refused:
        await services.program_keys.create(omar, spec)
    assert refused.value.fault is KeyFault.UNKNOWN_FEATURE


async def test_a_form_that_is_sent_twice_makes_one_key(stage: Stage) -> None:
    """Whichever answer comes last, it says what to do, and not to send it a third time."""
    await fills_in(stage)
    await both_submit(stage, "omar", "omar")
    assert await keys_there(stage) == 1
    shown = modal_text(await stage.person("omar").sees())
    assert _KEY.search(shown) or ("has been made already" in shown and "[Revoke key]" in shown), shown
    assert "send it once more" not in shown


@pytest.mark.parametrize(
    "name", ["*bold* <!channel> <@U0ALICE> `x`", "a" * 60, "\u202eevil\u202c", "鍵" * 60]
)
async def test_a_hostile_name_is_shown_as_it_is(stage: Stage, name: str) -> None:
    """Or refused in words, where it is no line of text."""
    await fills_in(stage, name=name)
    screen = await submits(stage, "omar")
    if not name.isprintable():
        assert "A name is one line of 1 to 60 characters." in beside(screen)
        return
    assert _KEY.search(modal_text(screen))
    in_time(await stage.person("omar").clicks("All keys"))
    in_time(await stage.person("omar").clicks("Revoke key", near=f"Inboxes: {SUPPORT}", confirm=True))
    assert "is revoked." in modal_text(await stage.person("omar").sees())
    for word in ("status", "why"):
        said = await asks(stage, "alice", f"/inbox {word} {SUPPORT}")
        assert "was revoked" in said and "*bold*" not in said


async def test_an_owner_reads_a_hostile_name_as_it_is(stage: Stage) -> None:
    """In the message, in the inbox's details, and in its history."""
    await stage.connected("alice")
    await makes(stage, name="CRM <b>*x* <!here>", inboxes=(ALICE,))
    await stage.passes(seconds=3)
    in_time(await stage.person("alice").clicks("Allow", in_="dm"))
    await stage.passes(seconds=3)
    for word in ("status", "why"):
        said = await asks(stage, "alice", f"/inbox {word} {ALICE}")
        assert "CRM <b>" in said and "*x*" not in said, said
    assert "CRM <b>" in await in_dm(stage)


async def test_nobody_else_sees_or_makes_keys(stage: Stage) -> None:
    """They read who can. A form that was opened before the role was lost makes none."""
    said = await asks(stage, "alice", "/inbox 鍵")
    assert "Only super admins see and make program keys." in said and "@Omar" in said
    await fills_in(stage)
    await stage.driver.edit_person("omar", is_admin=False, is_owner=False)
    await stage.settles()
    assert "Only super admins" in modal_text(await submits(stage, "omar"))
    assert await keys_there(stage) == 0


async def test_sixty_keys_are_turned_over(stage: Stage) -> None:
    await made_beside(stage, 60)
    omar = stage.person("omar")
    seen: list[str] = []

    async def read() -> Screen:
        screen = await omar.sees()
        seen.extend(re.findall(r"Program \d+", modal_text(screen)))
        return screen

    await asks_for_modal(stage, "omar", "/inbox keys")
    assert "1 to 20 of 60" in modal_text(await read())
    for _ in range(2):
        in_time(await omar.clicks("Older keys"))
        await read()
    assert [len(seen), len(set(seen)), seen[0], seen[-1]] == [60, 60, "Program 59", "Program 0"]
    in_time(await omar.clicks("Newer keys"))
    assert "21 to 40 of 60" in modal_text(await omar.sees())


async def test_help_names_keys_to_whom_they_are_for(stage: Stage) -> None:
    assert "/inbox keys" in await asks(stage, "omar", "/inbox help")
    assert "/inbox keys" not in await asks(stage, "alice", "/inbox help")


async def test_without_programs_the_word_says_so(settled_url: str, inline_sqlite: None) -> None:
    async with a_stage(settled_url, key=KEY) as stage:
        await stage.settles()
        assert "/inbox keys" not in await asks(stage, "omar", "/inbox help")
        off = await asks(stage, "omar", "/inbox keys")
        assert "No programs are let in" in off and "INBOXKEEPER_API=true" in off


async def test_why_says_who_made_and_who_revoked_a_key(stage: Stage) -> None:
    await makes(stage)
    await stage.person("omar").clicks("All keys")
    await stage.person("omar").clicks("Revoke key", near="Help desk", confirm=True)
    await stage.person("omar").closes(whole=True)
    said = await asks(stage, "alice", f"/inbox why {SUPPORT}")
    assert "A key for the program Help desk was made · @Omar" in said, said
    assert "The key of the program Help desk was revoked · @Omar" in said, said


async def test_when_whoever_made_it_leaves_the_others_are_asked(stage: Stage) -> None:
    """With the way to the list, where it can be revoked."""
    key, sakura = await makes(stage), stage.person("sakura")
    await stage.driver.edit_person("omar", deleted=True)
    await stage.passes(seconds=3)
    told = (await sakura.sees()).messages("dm")[-1].plain
    assert "Help desk" in told and "Omar" in told, told
    in_time(await sakura.clicks("プログラムのキー", in_="dm"))
    in_time(await sakura.clicks("失効させる", near="Help desk", confirm=True))
    assert (await token(stage, key))[0] == 401


async def test_in_japanese(stage: Stage) -> None:
    """Sakura reads Japanese."""
    screen = await asks_for_modal(stage, "sakura", "/inbox キー")
    assert "プログラムのキー" in modal_text(screen)
    sakura = stage.person("sakura")
    in_time(await sakura.clicks("新しいキー"))
    in_time(await sakura.fills("プログラムの名前", "ヘルプデスク"))
    in_time(await sakura.chooses("アドレス", SUPPORT))
    in_time(await sakura.chooses("用途", "顧客管理"))
    assert "プログラム「ヘルプデスク」のキー" in modal_text(await submits(stage, "sakura"))
    in_time(await sakura.clicks("キーの一覧"))
    assert f"受信トレイ：{SUPPORT}\n用途：顧客管理" in modal_text(await sakura.sees())


# --- a personal inbox, with its owner's word


ALICE: Final = "alice@acme.example"
WANTS: Final = "wants the program Help desk to use your inbox"


async def asked(stage: Stage) -> str:
    """Alice's own inbox is connected, a key names it, and she is asked."""
    await stage.connected("alice")
    key = await makes(stage, inboxes=(SUPPORT, ALICE))
    assert "works once their owners have allowed it" in modal_text(await stage.person("omar").sees())
    await stage.passes(seconds=3)
    return key


async def in_dm(stage: Stage, who: str = "alice") -> str:
    """The latest that the bot has told somebody."""
    return (await stage.person(who).sees()).messages("dm")[-1].plain


async def test_an_owner_is_asked_and_allows_it(stage: Stage) -> None:
    """Before, the program gets nothing of that inbox, is told why, and no harm comes to it."""
    key = await asked(stage)
    told = await in_dm(stage)
    assert "@Omar" in told and WANTS in told and "Until you allow it" in told, told
    for _ in range(3):
        status, answer = await token(stage, key, ALICE)
        assert (status, answer["error"], answer["waits_for"]) == (403, "use_not_granted", "owner")
    assert (await token(stage, key))[0] == 200
    assert "Connected" in await asks(stage, "alice", f"/inbox status {ALICE}")
    in_time(await stage.person("alice").clicks("Allow", near=WANTS, in_="dm"))
    await stage.passes(seconds=3)
    assert "You allowed the program Help desk to use" in await in_dm(stage)
    status, answer = await token(stage, key, ALICE)
    assert (status, answer.get("user")) == (200, ALICE), answer
    in_time(await stage.person("omar").clicks("All keys"))
    listed = modal_text(await stage.person("omar").sees())
    assert ALICE in listed and f"{ALICE} (" not in listed


async def test_an_owner_does_not_allow_it(stage: Stage) -> None:
    """It stays so, the list says it, and they can change their mind in the inbox's details."""
    key = await asked(stage)
    in_time(await stage.person("alice").clicks("Don't allow", near=WANTS, in_="dm"))
    await stage.passes(seconds=3)
    assert "may not use" in await in_dm(stage)
    assert (await token(stage, key, ALICE))[0] == 403
    in_time(await stage.person("omar").clicks("All keys"))
    assert f"{ALICE} (not allowed by its owner)" in modal_text(await stage.person("omar").sees())
    status = await asks(stage, "alice", f"/inbox status {ALICE}")
    assert "The program Help desk may not use this inbox." in status
    in_time(await stage.person("alice").clicks("Allow", near="may not use this inbox", in_="#general"))
    assert (await token(stage, key, ALICE))[0] == 200


async def test_a_yes_is_taken_back(stage: Stage) -> None:
    """From the message or from the details; the next request gets nothing, and what was kept is gone."""
    key = await asked(stage)
    await stage.person("alice").clicks("Allow", near=WANTS, in_="dm")
    assert (await token(stage, key, ALICE))[0] == 200
    await stage.passes(seconds=3)
    status = await asks(stage, "alice", f"/inbox status {ALICE}")
    assert "You allowed the program Help desk to use this inbox." in status
    in_time(await stage.person("alice").clicks("Take it back", in_="#general"))
    assert (await token(stage, key, ALICE))[0] == 403
    await stage.passes(seconds=3)
    assert "may not use" in await in_dm(stage)
    why = await asks(stage, "alice", f"/inbox why {ALICE}")
    for words in (
        "A key for the program Help desk was made · @Omar",
        "Its owner allowed the program Help desk to use it · @Alice",
        "Its owner does not let the program Help desk use it · @Alice",
    ):
        assert words in why, why


@on_both
@pytest.mark.parametrize("where", ["dm", "#general"])
async def test_a_yes_that_was_not_theirs_is_taken_back_and_told(stage: Stage, where: str) -> None:
    """In one press, from the message or the details; pressed twice, the super admins are told once."""
    key, alice = await asked(stage), stage.person("alice")
    await alice.clicks("Allow", near=WANTS, in_="dm")
    assert (await token(stage, key, ALICE))[0] == 200
    await stage.passes(seconds=3)
    assert "the super admins are told" in await in_dm(stage)
    if where != "dm":
        await asks(stage, "alice", f"/inbox status {ALICE}")
    twice = (alice.clicks("Wasn't me: take it back", in_=where) for _ in range(2))
    await asyncio.gather(*twice, return_exceptions=True)
    assert (await token(stage, key, ALICE))[0] == 403
    await stage.passes(seconds=3)
    assert "may not use" in await in_dm(stage)
    for who, words in (("omar", "says that it was not them"), ("sakura", "心当たりがない")):
        told = [it.plain for it in (await stage.person(who).sees()).messages("dm") if words in it.plain]
        assert len(told) == 1 and ALICE in told[0] and "Help desk" in told[0], told
    why = await asks(stage, "alice", f"/inbox why {ALICE}")
    assert why.count("somebody else had allowed it · @Alice") == 1, why
    in_time(await stage.person("omar").clicks("Program keys", near="says that it was not", in_="dm"))
    in_time(await stage.person("omar").clicks("Revoke key", near="Help desk", confirm=True))
    await stage.passes(seconds=3)
    assert "says that it was not them" not in await in_dm(stage, "omar")


async def test_a_double_click_on_allow_is_one_yes(stage: Stage) -> None:
    key, alice = await asked(stage), stage.person("alice")
    twice = (alice.clicks("Allow", near=WANTS, in_="dm") for _ in range(2))
    await asyncio.gather(*twice, return_exceptions=True)
    await stage.passes(seconds=3)
    why = await asks(stage, "alice", f"/inbox why {ALICE}")
    assert why.count("Its owner allowed") == 1, why
    assert (await token(stage, key, ALICE))[0] == 200


async def test_a_revoked_key_asks_nothing_any_more(stage: Stage) -> None:
    """The question is put right, and a click that was under way is answered in words."""
    await asked(stage)
    await stage.person("omar").clicks("All keys")
    await stage.person("omar").clicks("Revoke key", near="Help desk", confirm=True)
    await stage.passes(seconds=3)
    assert "This key can no longer use your inbox." in await in_dm(stage)
    assert "waits for your word" not in await asks(stage, "alice", f"/inbox status {ALICE}")


async def test_only_the_owner_says_yes(stage: Stage) -> None:
    """Nobody else is offered it; a forged click gets words and changes nothing."""
    key = await asked(stage)
    assert "waits for your word" in await asks(stage, "alice", f"/inbox status {ALICE}")
    assert "waits for your word" not in await asks(stage, "omar", f"/inbox status {ALICE}")
    services = stage.bot.services
    (made,) = await services.api_keys.of_workspace(services.workspace.id)
    (channel_id,) = made.asked
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    assert services.program_keys is not None
    with pytest.raises(NotAllowed):
        await services.program_keys.answer(omar, made.id, channel_id, OwnerAnswer.ALLOWED)
    assert (await token(stage, key, ALICE))[0] == 403


async def test_a_key_for_all_team_addresses_asks_no_owner(stage: Stage) -> None:
    await stage.connected("alice")
    await fills_in(stage, inboxes=())
    await stage.person("omar").chooses(None, "All team addresses, those connected later too")
    key = str(_KEY.findall(modal_text(await submits(stage, "omar")))[0])
    await stage.settles()
    assert "Help desk" not in await in_dm(stage)
    assert [(await token(stage, key, it))[0] for it in (SUPPORT, ALICE)] == [200, 404]


async def test_another_owner_is_another_inbox(stage: Stage) -> None:
    """A yes ends with the inbox: who connects the address later is asked by a key of their own."""
    key = await asked(stage)
    await stage.person("alice").clicks("Allow", near=WANTS, in_="dm")
    await stage.person("alice").types(f"/inbox remove {ALICE}")
    await stage.person("alice").submits()
    await stage.person("alice").closes(whole=True)
    await stage.passes(seconds=3)
    assert (await token(stage, key, ALICE))[0] == 404
    assert "This key can no longer use your inbox." in (await stage.person("alice").sees()).plain


async def test_what_the_team_takes_over_needs_no_word(stage: Stage) -> None:
    """It is a team address then: the key names it, and super admins decide."""
    key, services = await asked(stage), stage.bot.services
    (made,) = await services.api_keys.of_workspace(services.workspace.id)
    (channel_id,) = made.asked
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    await services.channel_actions.take_over(omar, channel_id, TeamDetails("Alice's", "", None))
    await stage.passes(seconds=3)
    assert (await token(stage, key, ALICE))[0] == 200
    assert "This key can no longer use your inbox." in (await stage.person("alice").sees()).plain


async def test_whoever_looks_after_a_key_is_not_called_its_maker(stage: Stage) -> None:
    """The list names who looks after it now, the owner goes on reading who asked, and history has both."""
    await asked(stage)
    services = stage.bot.services
    (made,) = await services.api_keys.of_workspace(services.workspace.id)
    assert await services.api_keys.assign(made.id, UserId("U0SAKURA"))
    alice = await services.people.member(services.workspace.id, UserId("U0ALICE"), fresh=True)
    for answer in (OwnerAnswer.DECLINED, OwnerAnswer.WAITS):  # the question is asked once more
        await services.api_keys.answer(alice, made.id, next(iter(made.asked)), answer)
    await stage.passes(seconds=3)
    told = await in_dm(stage)
    assert "@Omar" in told and WANTS in told and "@Sakura" not in told, told
    in_time(await stage.person("omar").clicks("All keys"))
    listed = modal_text(await stage.person("omar").sees())
    assert "Looked after by @Sakura" in listed and "Made by" not in listed, listed
    why = await asks(stage, "alice", f"/inbox why {ALICE}")
    assert "A key for the program Help desk was made · @Omar" in why, why
    assert "Somebody else looks after the program Help desk" in why, why


async def test_a_removed_inbox_and_one_that_is_back_say_what_the_key_may(stage: Stage) -> None:
    """The message that the owner answered in says it, whenever they look."""
    key, alice = await asked(stage), stage.person("alice")
    await alice.clicks("Allow", near=WANTS, in_="dm")
    await stage.passes(seconds=3)
    allowed = "You allowed the program Help desk to use"
    assert allowed in await in_dm(stage)
    await alice.types(f"/inbox remove {ALICE}")
    await alice.submits()
    await alice.closes(whole=True)
    await stage.passes(seconds=3)
    assert allowed not in (await alice.sees()).plain
    assert "This key can no longer use your inbox." in (await alice.sees()).plain
    await stage.connected("alice")
    await stage.passes(seconds=3)
    assert (await token(stage, key, ALICE))[0] == 200
    assert allowed in (await alice.sees()).plain
