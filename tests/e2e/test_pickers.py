"""Nothing is typed twice: what is missing is chosen, what is mistyped is one press away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.channel import State
from bot.domain.ids import ChannelId, UserId
from bot.views.replies import CANDIDATES
from tests.e2e.questions import asks, modal_text
from tests.stage import Stage

SUPPORT, ALICE = "support@acme.example", "alice@acme.example"


@pytest.fixture
def database_kind() -> str:
    """Both databases hold the same for what is shown; races and outages are tried on each."""
    return "sqlite"


async def test_a_verb_without_an_address_lets_people_choose(stage: Stage) -> None:
    """From those for which it makes sense, in the answer; one's own first."""
    await stage.connected("alice")
    await stage.team_connected()
    alice = stage.person("alice")
    assert "/inbox status: which inbox?" in (await asks(stage, "alice", "/inbox status")).replace("`", "")
    await alice.chooses(None, f"🟢 {SUPPORT}", in_="#general")
    assert "the team" in (await alice.sees()).messages("#general")[-1].plain
    await asks(stage, "alice", "/inbox why")
    await alice.chooses(None, f"🟢 {ALICE}", in_="#general")
    assert "First connected" in (await alice.sees()).messages("#general")[-1].plain


async def test_with_one_candidate_it_is_done(stage: Stage) -> None:
    """Only one of two is disabled: enabling means that one."""
    await stage.connected("alice")
    await stage.team_connected()
    alice = stage.person("alice")
    await alice.types(f"/inbox disable {ALICE}")
    await alice.clicks("Yes, disable it")
    await alice.closes()
    assert f"{ALICE} is enabled and works" in await asks(stage, "alice", "/inbox enable")


async def test_one_of_many_is_not_acted_on_unasked(stage: Stage) -> None:
    """Alone among those that were read, it may not be the only one that is meant: it is offered."""
    await stage.team_connected()
    async with stage.bot.services.core.storage.writing() as uow:
        [first] = await uow.channels.all(stage.bot.services.workspace.id)
        for number in range(CANDIDATES):
            another = replace(first, id=ChannelId(f"c{number}"), address=f"t{number:03}@acme.example")
            theirs = UserId("U0OMAR" if number else "U0ALICE")
            await uow.channels.add(replace(another, connected_by=theirs, grant_id=None))
        await uow.commit()
    said = await asks(stage, "alice", "/inbox edit")
    assert "which inbox?" in said and "For one that is not listed" in said


async def test_a_list_can_be_searched(stage: Stage) -> None:
    """By a part of the address or of the name, in whatever letters; what is not there is said."""
    await stage.connected("alice")
    await stage.team_connected(name="Customer care")
    said = await asks(stage, "alice", "/inbox list CARE")
    assert SUPPORT in said and ALICE not in said
    assert ALICE in await asks(stage, "alice", "/inbox search alice@")
    said = await asks(stage, "alice", "/inbox list 100%")
    assert "No inbox here has “100%”" in said and "[Show all inboxes]" in said


async def test_what_one_may_not_see_is_not_found(stage: Stage) -> None:
    """Somebody else's own inbox, by whatever part of it."""
    await stage.connected("alice")
    said = await asks(stage, "kenji", "/inbox list alice")
    assert "「alice」を含む受信トレイはありません" in said and ALICE not in said


async def test_a_mistyped_address_is_one_press_away(stage: Stage) -> None:
    """What was meant is a button."""
    await stage.team_connected()
    alice = stage.person("alice")
    assert "Did you mean" in await asks(stage, "alice", "/inbox status suport@acme.example")
    await alice.clicks(f"Show {SUPPORT}", in_="#general")
    assert "the team" in (await alice.sees()).messages("#general")[-1].plain


async def test_a_mistyped_verb_is_one_press_away(stage: Stage) -> None:
    """With the address that was typed after it; and so is the help."""
    alice = stage.person("alice")
    said = await asks(stage, "alice", f"/inbox conect {ALICE}")
    assert "[Run /inbox connect] [Help]" in said and "disconnect" not in said
    await alice.clicks("Run /inbox connect", in_="#general")
    assert ALICE in modal_text(await alice.sees())
    await alice.closes()
    await alice.clicks("Help", in_="#general")
    assert "/inbox reconnect" in (await alice.sees()).messages("#general")[-1].plain


async def test_home_is_searched_narrowed_and_turned_like_a_book(stage: Stage) -> None:
    """Thirty team addresses: a page of them, those of a state, one by a part of its name, and all again."""
    await stage.team_connected()
    async with stage.bot.services.core.storage.writing() as uow:
        [first] = await uow.channels.all(stage.bot.services.workspace.id)
        for number in range(30):
            address, state = f"shop{number:02}@acme.example", State.DISABLED if number < 3 else State.IMPAIRED
            await uow.channels.add(
                replace(
                    first,
                    id=ChannelId(f"c{number}"),
                    address=address,
                    name=f"Shop {number}",
                    state=state,
                    grant_id=None,
                    conversation_id=None,
                )
            )
        await uow.commit()
    alice = stage.person("alice")
    await alice.opens_home()

    async def sees(*words: str, without: str) -> None:
        await alice.until(
            lambda screen: (
                screen.home
                and all(it in screen.home.plain for it in words)
                and without not in screen.home.plain
            )
        )

    await sees("Inboxes 1 to 25 of 31", "[Next page]", without="shop02@")
    await alice.clicks("Next page", in_="home")
    await sees("Inboxes 26 to 31 of 31", "shop02@", "[Previous]", without="[Next page]")
    await alice.chooses("State", "⚪ 3 disabled", in_="home")
    await sees("shop00@", "shop02@", "[Show all inboxes]", without="shop10@")
    await alice.clicks("Show all inboxes", in_="home")
    await sees("Inboxes 1 to 25 of 31", without="[Show all inboxes]")
    await alice.fills("Find an inbox", "Shop 29", in_="home")
    await sees("shop29@", without="shop10@")
    await alice.fills("Find an inbox", "nobody", in_="home")
    await sees("No inbox here has “nobody”", "[Show all inboxes]", without="shop29@")
