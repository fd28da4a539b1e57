"""A portal's team channels, lived through: lost, found again, removed on purpose, and HubSpot's own outages.

Looks are two minutes apart and two must agree, so five minutes are enough for whatever there is to tell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from bot import doctor
from bot.app import hubspot_of
from bot.domain.hubspot import HubSpotUser, InboxRecord, Listing, PortalDetails
from bot.domain.ids import UserId
from bot.services.core.notifications import Notifications
from bot.services.monitoring.hubspot import HubSpotWatch, ReadsHubSpot
from sandbox.hubspot.state import Account, Fault, Portal
from tests.e2e.conftest import stays_decent
from tests.stage import KEY, Stage, a_bot, a_stage, a_town

SUPPORT, SALES, BILLING = "support@acme.example", "sales@acme.example", "billing@acme.example"
ADMINS = ("omar", "sakura")
OTHERS = ("alice", "kenji")
TOLD = {"minutes": 5}


@pytest.fixture
async def stage(settled_url: str, inline_sqlite: None) -> AsyncIterator[Stage]:
    """The bot has looked at the portal for the first time."""
    async with a_stage(settled_url, key=KEY, hubspot=True) as built:
        await built.passes(minutes=3)
        yield built
        assert built.town.hubspot.portal.forbidden == []
        await stays_decent(built)


@pytest.fixture
async def patient(settled_url: str, inline_sqlite: None) -> AsyncIterator[Stage]:
    """The same, looking three times an hour: for what takes long."""
    async with a_stage(settled_url, key=KEY, hubspot=True, HUBSPOT_SECONDS="1200") as built:
        await built.passes(minutes=21)
        yield built
        await stays_decent(built)


@pytest.fixture
async def hourly(settled_url: str, inline_sqlite: None) -> AsyncIterator[Stage]:
    """The same, looking once an hour: for what takes a day."""
    async with a_stage(settled_url, key=KEY, hubspot=True, HUBSPOT_SECONDS="3600") as built:
        await built.passes(minutes=61)
        yield built
        await stays_decent(built)


def portal_of(stage: Stage) -> Portal:
    return stage.town.hubspot.portal


async def messages(stage: Stage, who: str) -> list[str]:
    """What stands in somebody's conversation with the bot; replies too."""
    return [said.plain for said in (await stage.person(who).sees()).dm.messages]


async def only(stage: Stage, who: str) -> str:
    found = await messages(stage, who)
    assert len(found) == 1, found
    return found[0]


async def nobody_was_told(stage: Stage) -> None:
    for who in (*ADMINS, *OTHERS):
        assert await messages(stage, who) == []


async def test_the_first_look_pages_nobody(stage: Stage) -> None:
    """It only learns what there is."""
    await nobody_was_told(stage)


async def test_what_was_broken_before_is_listed_once(settled_url: str, inline_sqlite: None) -> None:
    """Without an alarm and without reminders."""
    async with a_stage(settled_url, key=KEY, hubspot=True, HUBSPOT_SECONDS="1200") as stage:
        portal_of(stage).change(SUPPORT, authorized=False)
        await stage.passes(hours=5)
        said = await only(stage, "omar")
        assert SUPPORT in said
        assert "were already not working" in said
        assert "I'm on it" not in said


async def test_a_lost_permission_is_told_once_and_taken_back(stage: Stage) -> None:
    """One message for its whole life, in each one's language, with the way to HubSpot."""
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(minutes=2)
    await nobody_was_told(stage)  # one look is no proof
    await stage.passes(minutes=3)
    said = await only(stage, "omar")
    assert f"HubSpot shows {SUPPORT} (Support) as disconnected" in said
    assert "HubSpot does not say why" in said
    assert "[Open in HubSpot]" in said
    assert "受信トレイ" in await only(stage, "sakura")
    for who in OTHERS:
        assert await messages(stage, who) == []
    portal_of(stage).reconnect(SUPPORT)
    await stage.passes(**TOLD)
    assert "as connected again" in await only(stage, "omar")


async def test_the_button_leads_to_the_page_that_mends_it(stage: Stage) -> None:
    """The inbox's own channels, where one click reconnects it."""
    portal_of(stage).change(SALES, authorized=False)
    await stage.passes(**TOLD)
    url = await stage.link_in_dm("omar")
    page = await stage.browser().opens(url)
    assert url.endswith("/hubspot/live-messages-settings/341662569/inboxes/102/channels")
    assert SALES in page.text
    assert "Disconnected" in page.text
    form = {"what": "reconnect", "account": SALES, "inbox": "102"}
    assert "Connected" in (await stage.browser().opens(page.form_actions[0], method="POST", data=form)).text
    await stage.passes(**TOLD)
    assert "as connected again" in await only(stage, "omar")


async def test_a_channel_that_was_turned_off_is_said_once(patient: Stage) -> None:
    """Most likely on purpose: no alarm, no reminder; and edited when it is turned on again."""
    portal_of(patient).change(BILLING, active=False)
    await patient.passes(hours=5)
    said = await only(patient, "omar")
    assert f"{BILLING} (Support) is turned off" in said
    assert "I'm on it" not in said
    portal_of(patient).change(BILLING, active=True)
    await patient.passes(hours=1)
    assert "connected again" in await only(patient, "omar")


@pytest.mark.parametrize("how", [{"archived": True}, {"vanished": True}])
async def test_a_channel_that_is_gone_is_said_once(patient: Stage, how: dict[str, bool]) -> None:
    """Archived or absent: HubSpot does not say whether it was removed or disconnected."""
    portal_of(patient).change(SALES, **how)
    await patient.passes(hours=5)
    said = await only(patient, "omar")
    assert SALES in said
    assert "HubSpot does not say which" in said


async def test_a_whole_inbox_is_one_message(stage: Stage) -> None:
    """Not one for each of its channels, and no mass loss: somebody archived it."""
    portal_of(stage).archive_inbox(101)
    await stage.passes(**TOLD)
    said = await only(stage, "omar")
    assert "The inbox Support was removed" in said
    assert SUPPORT in said
    assert BILLING in said


async def test_the_same_address_under_a_new_id_is_its_recovery(stage: Stage) -> None:
    """Removed and connected again in HubSpot: the message about it ends, and its history goes on."""
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(**TOLD)
    portal_of(stage).reconnect(SUPPORT, anew=True)
    await stage.passes(**TOLD)
    assert "as connected again" in await only(stage, "omar")
    async with stage.bot.services.core.storage.reading() as uow:
        channel = await uow.hubspot.at_address(stage.bot.services.workspace.id, SUPPORT)
        assert channel is not None
        assert channel.account_id == "7007"
        assert len(await uow.history.of_channel(channel.id, 10)) == 2


async def test_hubspots_own_forwarding_addresses_are_never_alarmed(patient: Stage) -> None:
    """Nobody can disconnect them at a mail provider."""
    portal_of(patient).change("support@341662569.hubspot-inbox.com", authorized=False)
    await patient.passes(hours=5)
    await nobody_was_told(patient)


async def test_both_fields_at_once_are_an_outage(stage: Stage) -> None:
    """HubSpot may turn off what it can no longer open."""
    portal_of(stage).change(SUPPORT, authorized=False, active=False)
    await stage.passes(**TOLD)
    assert "as disconnected" in await only(stage, "omar")


async def test_people_can_say_that_they_are_on_it(patient: Stage) -> None:
    """As of every other outage: the others read it, and whoever is reminded is not reminded for a while."""
    portal_of(patient).change(SUPPORT, authorized=False)
    await patient.passes(hours=1)
    await patient.person("omar").clicks("I'm on it", in_="dm")
    await patient.settles()
    assert "@Omar Haddad" in await only(patient, "sakura")
    await patient.passes(hours=5)
    assert any("still shows" in said for said in await messages(patient, "omar"))


async def test_several_at_once_are_one_list(stage: Stage) -> None:
    """Fewer than a mass: each has a line with its own way to HubSpot, and one reply counts them."""
    for number in range(8):
        portal_of(stage).add(f"team{number}@acme.example", 102)
    await stage.passes(**TOLD)
    for number in range(3):
        portal_of(stage).change(f"team{number}@acme.example", authorized=False)
    await stage.passes(minutes=8)
    first, counted = await messages(stage, "omar")
    assert "HubSpot shows 3 team addresses as disconnected" in first
    assert "3 team addresses in all" in counted


@pytest.mark.parametrize("how", ["authorized", "active", "vanished"])
async def test_an_outage_of_hubspots_own_is_one_message_to_wait(stage: Stage, how: str) -> None:
    """As on 1 March 2025: everything lost at once, and back by itself. Whichever field it is that flips."""
    portal_of(stage).lose_all(how, minutes=65)
    await stage.passes(**TOLD)
    said = await only(stage, "omar")
    assert "HubSpot has lost 4 of 4 team addresses at once" in said
    assert "Don't reconnect yet" in said
    assert "[Open in HubSpot]" not in said
    await stage.passes(minutes=20)
    assert "[Open in HubSpot]" in await only(stage, "omar")  # it has lasted
    await stage.passes(minutes=45)
    assert "connected again. There is nothing to do." in await only(stage, "omar")


async def test_if_no_admin_can_be_written_to_the_operator_reads_of_an_outage(
    settled_url: str, inline_sqlite: None
) -> None:
    """The same message, once, and it says how it ends."""
    async with a_stage(settled_url, key=KEY, hubspot=True, OPERATORS="U0KENJI") as stage:
        await stage.passes(minutes=3)
        for who in ADMINS:
            await stage.driver.break_("dm_closed", person=who)
        portal_of(stage).lose_all("authorized", minutes=30)
        await stage.passes(**TOLD)
        assert "HubSpot で、チームアドレス 4 件中 4 件が一斉に" in await only(stage, "kenji")
        await stage.passes(minutes=40)
        assert "HubSpot で再び接続済みになりました" in await only(stage, "kenji")


async def test_what_an_outage_leaves_behind_is_judged_by_itself(stage: Stage) -> None:
    """Three come back; of the fourth nobody may think that it is still the outage."""
    for number in range(8):
        portal_of(stage).add(f"team{number}@acme.example", 102)
    await stage.passes(**TOLD)
    portal_of(stage).lose_all()
    await stage.passes(**TOLD)
    for it in portal_of(stage).mail():
        it.authorized = it.address != SALES
    await stage.passes(minutes=25)
    first, later = await messages(stage, "omar")
    assert "connected again" in first
    assert f"HubSpot shows {SALES} (Sales) as disconnected" in later


async def test_an_outage_that_comes_bit_by_bit_takes_back_what_it_was_told_as(stage: Stage) -> None:
    """The first ones were called disconnected: they were probably never that."""
    for number in range(8):
        portal_of(stage).add(f"team{number}@acme.example", 102)
    await stage.passes(**TOLD)
    for number in range(2):
        portal_of(stage).change(f"team{number}@acme.example", authorized=False)
    await stage.passes(**TOLD)
    portal_of(stage).lose_all()
    await stage.passes(**TOLD)
    said = await messages(stage, "omar")
    assert "probably a false alarm" in said[0]
    assert "HubSpot has lost 12 of 12 team addresses at once" in said[-1]


@pytest.mark.parametrize(
    "what",
    ["locked", "burst", "burst_timed", "daily", "moving", "error", "bad_gateway", "html", "half", "hangs_up"],
)
async def test_whatever_is_wrong_with_hubspots_answers_changes_nothing(patient: Stage, what: str) -> None:
    """For hours; and what was lost meanwhile is told when it can be seen again: where a day's requests are
    used up, on the next one."""
    portal_of(patient).faults.append(Fault(what))
    portal_of(patient).change(SUPPORT, authorized=False)
    await patient.passes(hours=3)
    await nobody_was_told(patient)
    portal_of(patient).faults.clear()
    await patient.passes(hours=15 if what == "daily" else 1)
    assert "as disconnected" in (await messages(patient, "omar"))[0]


async def test_a_page_that_is_missing_is_no_loss(stage: Stage) -> None:
    """The first page comes, the second fails: those on it are not gone."""
    for number in range(150):
        portal_of(stage).add(f"team{number}@acme.example", 102)
    await stage.passes(**TOLD)
    portal_of(stage).faults.append(Fault("page_two"))
    await stage.passes(minutes=30)
    await nobody_was_told(stage)


@pytest.mark.parametrize(
    ("scope", "words"),
    [("conversations.read", "conversations.read"), ("oauth", "oauth"), (None, "INBOXKEEPER_HUBSPOT_TOKEN")],
)
async def test_what_only_the_operator_can_mend_is_told_once(
    hourly: Stage, scope: str | None, words: str
) -> None:
    """A token that is refused, or a scope that is missing, by name; and that it is over."""
    portal = portal_of(hourly)
    kept = {token: set(scopes) for token, scopes in portal.tokens.items()}
    if scope is None:
        portal.tokens.clear()
    else:
        for scopes in portal.tokens.values():
            scopes.discard(scope)
    await hourly.passes(hours=25)  # what seldom changes is read once a day
    said = await only(hourly, "omar")
    assert words in said
    assert "Nobody else was told" in said
    portal.tokens.update(kept)
    await hourly.passes(hours=5)
    assert "HubSpot can be read again" in await only(hourly, "omar")


async def test_without_the_users_scope_our_own_admins_are_told(settled_url: str, inline_sqlite: None) -> None:
    """It may be left out, and is nobody's fault."""
    async with a_stage(settled_url, key=KEY, hubspot=True) as stage:
        for scopes in portal_of(stage).tokens.values():
            scopes.discard("settings.users.read")
        await stage.passes(minutes=3)
        portal_of(stage).change(SUPPORT, authorized=False)
        await stage.passes(**TOLD)
        assert "as disconnected" in await only(stage, "omar")


async def test_a_hubspot_super_admin_is_told_and_may_nothing_here(
    settled_url: str, inline_sqlite: None
) -> None:
    """Matched by address; deactivated people are not."""
    async with a_stage(settled_url, key=KEY, hubspot=True) as stage:
        portal_of(stage).users[2].super_admin = True
        await stage.passes(minutes=3)
        portal_of(stage).change(SUPPORT, authorized=False)
        await stage.passes(**TOLD)
        assert SUPPORT in await only(stage, "kenji")
        assert await messages(stage, "alice") == []


async def test_the_portal_of_another_token_begins_anew(hourly: Stage) -> None:
    """What was told of the old one ends; the new one's first look pages nobody."""
    portal_of(hourly).change(SUPPORT, authorized=False)
    await hourly.passes(hours=2)
    portal_of(hourly).id = "5"
    await hourly.passes(hours=25)
    assert "is not watched in HubSpot any more" in (await messages(hourly, "omar"))[0]


async def test_an_address_that_is_in_both_says_why(stage: Stage) -> None:
    """HubSpot does not say why; the provider tells us."""
    await stage.team_connected(SUPPORT)
    before = len(await messages(stage, "omar"))
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.breaks(SUPPORT, minutes=5)
    said = (await messages(stage, "omar"))[before:]
    assert any("is connected here, too, and tells why" in one for one in said), said


async def test_the_portal_is_one_screen(stage: Stage) -> None:
    """In each one's language; with what HubSpot does not tell."""
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(**TOLD)
    await stage.person("alice").types("/inbox hubspot")
    shown = (await stage.person("alice").sees()).plain
    assert f"🔴 {SUPPORT}" in shown
    assert f"🟢 {SALES}" in shown
    assert "What HubSpot does not tell us: why" in shown
    assert "listed, not watched" in shown
    assert "o.haddad@acme-group.example (nobody in Slack)" in shown
    assert "[Choose a conversation…]" not in shown  # she decides nothing here
    await stage.person("sakura").types("/inbox ハブスポット")
    assert "HubSpot からわからないこと" in (await stage.person("sakura").sees()).plain


async def test_home_has_a_section(stage: Stage) -> None:
    """With what is lost, and the way to all of it."""
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(**TOLD)
    alice = stage.person("alice")
    await alice.opens_home()
    screen = await alice.until(lambda it: "HubSpot" in it.plain)
    assert f"🔴 {SUPPORT} · Support" in screen.plain
    await alice.clicks("Show all of HubSpot", in_="home")
    await alice.until(lambda it: it.modal is not None and "HubSpot does not tell" in it.modal.plain)


async def test_status_and_why_show_both_sides(stage: Stage) -> None:
    """Of an address that is connected here and in HubSpot."""
    await stage.team_connected(SUPPORT)
    omar = stage.person("omar")
    for verb in ("status", "why"):
        await omar.types(f"/inbox {verb} {SUPPORT}")
        screen = await omar.until(lambda it: "In HubSpot" in it.plain)
        assert "connected in HubSpot" in screen.plain


async def test_an_address_that_is_only_in_hubspot_is_shown(stage: Stage) -> None:
    """Typed like any other; *why* says what was seen and who was told."""
    portal_of(stage).change(SALES, authorized=False)
    await stage.passes(**TOLD)
    await stage.person("omar").clicks("I'm on it", in_="dm")
    await stage.settles()
    alice = stage.person("alice")
    await alice.types(f"/inbox status {SALES.upper()}")
    screen = await alice.until(lambda it: "not connected to Inboxkeeper" in it.plain)
    assert "disconnected in HubSpot · Sales" in screen.plain
    assert "Omar" in screen.plain
    assert "[Open in HubSpot]" in screen.plain
    await alice.clicks("Why?")
    screen = await alice.until(lambda it: "What happened" in it.plain)
    assert "HubSpot shows it as disconnected" in screen.plain
    assert "@Omar Haddad: told" in screen.plain
    await alice.types("/inbox status nobody@acme.example")
    await alice.until(lambda it: "No such inbox" in it.plain)


async def test_what_is_lost_here_and_there_stands_in_one_list(stage: Stage) -> None:
    """First of all, with the way to HubSpot; and what somebody looks for is found in both."""
    await stage.team_connected(SUPPORT)
    portal_of(stage).change(SALES, authorized=False)
    await stage.passes(**TOLD)
    omar = stage.person("omar")
    await omar.types("/inbox list")
    screen = await omar.until(lambda it: "Needs you in HubSpot" in it.plain)
    assert screen.plain.index(SALES) < screen.plain.index(SUPPORT)
    await omar.types("/inbox list sales")
    screen = await omar.until(lambda it: "sales@" in it.plain)
    assert f"🔴 {SALES} · Sales" in screen.plain
    portal_of(stage).reconnect(SALES)
    await stage.passes(**TOLD)
    await omar.types("/inbox list")
    screen = await omar.until(lambda it: "4 addresses connected" in it.plain)
    assert screen.plain.count("Needs you in HubSpot") == 1  # in the first answer


async def test_an_inbox_is_told_in_its_conversation(stage: Stage) -> None:
    """Chosen where the portal is shown; the bot says hello there first."""
    omar = stage.person("omar")
    await omar.types("/invite @Inboxkeeper", in_="#support")
    await omar.types("/inbox hubspot")
    await omar.clicks("Choose a conversation…", near="Sales")
    await omar.chooses("Conversation to notify", "#support")
    await omar.submits()
    portal_of(stage).change(SALES, authorized=False)
    await stage.passes(**TOLD)
    in_support = (await stage.person("alice").sees()).plain
    assert f"HubSpot shows {SALES} (Sales) as disconnected" in in_support


async def test_a_person_with_two_addresses_is_paired_by_hand(stage: Stage) -> None:
    """By a super admin, in the dialog about admins; and can be unpaired."""
    sakura = stage.person("sakura")
    await sakura.types("/inbox admins")
    await sakura.chooses("Slack では誰ですか？", "Kenji Mori")
    await sakura.until(lambda it: it.modal is not None and "別の人です" in it.modal.plain)
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(**TOLD)
    assert SUPPORT in await only(stage, "kenji")
    await sakura.clicks("別の人です")
    await sakura.until(lambda it: it.modal is not None and "別の人です" not in it.modal.plain)


async def test_the_doctor_tries_every_call(stage: Stage) -> None:
    """And names the portal, where its data is, what is missing, and what cannot be seen."""
    found = await doctor.hubspot(stage.town.settings)
    assert all(it.is_good for it in found)
    said = "\n".join(f"{it.what}: {it.said}" for it in found)
    assert "341662569 at app-eu1.hubspot.com, data in eu1" in said
    assert "5 e-mail channels in 3 inboxes" in said
    for scopes in portal_of(stage).tokens.values():
        scopes.clear()
    refused = await doctor.hubspot(stage.town.settings)
    assert [it.is_good for it in refused] == [False, False, False, True, True]
    assert "conversations.read" in refused[1].next_step


async def test_without_a_token_nothing_speaks_of_hubspot(settled_url: str, inline_sqlite: None) -> None:
    """Not the screens, not the help, and the word is one that nobody knows."""
    async with a_stage(settled_url, key=KEY) as stage:
        omar = stage.person("omar")
        for typed in ("/inbox", "/inbox help", "/inbox admins"):
            await omar.types(typed)
        await omar.opens_home()
        assert "HubSpot" not in (await omar.sees()).plain
        await omar.types("/inbox hubspot")
        assert "is not a command" in (await omar.sees()).plain
        assert await doctor.hubspot(stage.town.settings) == []


async def test_taking_the_token_away_ends_what_was_told(settled_url: str, inline_sqlite: None) -> None:
    """Nobody is reminded of what is not watched any more."""
    async with a_town(settled_url, key=KEY, hubspot=True) as built:
        async with a_bot(built) as stage:
            await stage.passes(minutes=3)
            portal_of(stage).change(SUPPORT, authorized=False)
            await stage.passes(**TOLD)
            assert "as disconnected" in await only(stage, "omar")
        without = built.settings.model_copy(update={"hubspot_token": ()})
        async with a_bot(built, without) as stage:
            await stage.passes(hours=5)
            assert "is not watched in HubSpot any more" in await only(stage, "omar")


async def test_the_export_names_hubspots_addresses(stage: Stage) -> None:
    """Their history is the workspace's, too."""
    portal_of(stage).change(SUPPORT, authorized=False)
    await stage.passes(**TOLD)
    services = stage.bot.services
    omar = await services.people.member(services.workspace.id, UserId("U0OMAR"), fresh=True)
    exported = await services.history.export(omar)
    assert f"{SUPPORT},hubspot,hubspot_unauthorized" in exported


async def test_a_token_of_another_portal_is_no_mass_loss(settled_url: str, inline_sqlite: None) -> None:
    """Put into the settings, it opens what nobody has seen; what was known there is not lost."""
    async with a_town(settled_url, key=KEY, hubspot=True) as built:
        async with a_bot(built) as stage:
            await stage.passes(minutes=3)
        portal = built.hubspot.portal
        portal.id = "5"
        portal.accounts = [Account(9001, 101, "Elsewhere", "hello@other.example")]
        async with a_bot(built) as stage:
            await stage.passes(minutes=20)
            await nobody_was_told(stage)
            portal.change("hello@other.example", authorized=False)
            await stage.passes(**TOLD)
            assert "hello@other.example" in await only(stage, "omar")


async def test_another_portals_token_that_does_not_say_so_is_no_mass_loss(
    settled_url: str, inline_sqlite: None
) -> None:
    """It lacks the scope that would tell whose it is: the operator is told that nothing is watched, and
    nothing of the old portal counts as lost."""
    async with a_town(settled_url, key=KEY, hubspot=True) as built:
        async with a_bot(built) as stage:
            await stage.passes(minutes=3)
        portal = built.hubspot.portal
        portal.id = "5"
        portal.accounts = [Account(9001, 101, "Elsewhere", "hello@other.example")]
        next(iter(portal.tokens.values())).discard("oauth")
        async with a_bot(built) as stage:
            await stage.passes(hours=2)
            said = await only(stage, "omar")
            assert "oauth" in said and "lost" not in said


async def test_a_known_portal_is_watched_without_the_scope_that_names_it(
    settled_url: str, inline_sqlite: None
) -> None:
    """Taken away between two starts: its accounts are the ones that were known."""
    async with a_town(settled_url, key=KEY, hubspot=True) as built:
        async with a_bot(built) as stage:
            await stage.passes(minutes=3)
        next(iter(built.hubspot.portal.tokens.values())).discard("oauth")
        async with a_bot(built) as stage:
            await stage.passes(minutes=30)
            assert "are watched all the same" in await only(stage, "omar")
            built.hubspot.portal.change(SUPPORT, authorized=False)
            await stage.passes(**TOLD)
            _, alarm = await messages(stage, "omar")
            assert "as disconnected" in alarm


async def test_of_a_new_portals_people_nothing_is_known_before_they_were_read(stage: Stage) -> None:
    """The old one's super admins are not told of it, and its own are read as soon as that works."""
    services, portal = stage.bot.services, portal_of(stage)
    portal.id = "5"
    portal.accounts = [Account(9001, 101, "Elsewhere", "hello@other.example")]
    portal.faults.append(Fault("error", "/settings/users"))
    stage.town.clock.advance(timedelta(days=1))
    await stage.passes(minutes=5)
    async with services.core.storage.reading() as uow:
        known = await uow.hubspot.portal(services.workspace.id)
    assert known is not None
    assert (known.portal_id, known.super_admins) == ("5", ())
    portal.faults.clear()
    await stage.passes(minutes=10)
    async with services.core.storage.reading() as uow:
        known = await uow.hubspot.portal(services.workspace.id)
    assert known is not None
    assert known.super_admins


async def test_blind_from_the_first_day_is_the_operators_matter_too(
    settled_url: str, inline_sqlite: None
) -> None:
    """A firewall, or a wrong address, on the day of the installation."""
    async with a_town(settled_url, key=KEY, hubspot=True, HUBSPOT_SECONDS="3600") as built:
        built.hubspot.portal.faults.append(Fault("html"))
        async with a_bot(built) as stage:
            await stage.passes(hours=30)
            assert "could not be read completely for a whole day" in await only(stage, "omar")


@pytest.mark.parametrize("path", ["/settings/users", "/account-info"])
async def test_what_is_read_once_a_day_blinds_nobody(hourly: Stage, path: str) -> None:
    """HubSpot's lists of people and particulars fail, for a day: its channels are watched all the same."""
    portal_of(hourly).faults.append(Fault("error", path))
    await hourly.passes(hours=25)
    await nobody_was_told(hourly)
    portal_of(hourly).change(SUPPORT, authorized=False)
    await hourly.passes(hours=2)
    assert "as disconnected" in await only(hourly, "omar")


@pytest.mark.parametrize("what", ["refused", "forbidden"])
async def test_one_refusal_is_no_dead_key(stage: Stage, what: str) -> None:
    """The next look must agree before whoever runs the bot is told; also where a complete look was not
    allowed to read whose portal it is."""
    stage.town.clock.advance(timedelta(days=1))
    portal_of(stage).faults.append(Fault(what, "/account-info", times=1))
    await stage.passes(minutes=3)
    await nobody_was_told(stage)
    portal_of(stage).faults.append(Fault(what, times=1))
    await stage.passes(minutes=3)
    await nobody_was_told(stage)
    portal_of(stage).faults.append(Fault(what))
    await stage.passes(**TOLD)
    assert "Nobody else was told" in await only(stage, "omar")


async def test_blind_for_a_day_is_the_operators_matter(hourly: Stage) -> None:
    """Nobody is told that HubSpot stumbles; that nothing was seen for a whole day is said, once."""
    portal_of(hourly).faults.append(Fault("half"))
    await hourly.passes(hours=23)
    await nobody_was_told(hourly)
    await hourly.passes(hours=6)
    said = await only(hourly, "omar")
    assert "could not be read completely for a whole day" in said
    portal_of(hourly).faults.clear()
    await hourly.passes(hours=1)
    assert "HubSpot can be read again" in await only(hourly, "omar")


async def test_two_new_accounts_of_one_address_are_what_works_of_them(stage: Stage) -> None:
    """Whichever HubSpot lists last."""
    portal = portal_of(stage)
    portal.change(SUPPORT, vanished=True)
    portal.add(SUPPORT, 101)
    portal.add(SUPPORT, 102).authorized = False
    await stage.passes(**TOLD)
    await nobody_was_told(stage)


class Slow:
    """A portal whose next listing takes so long that something happens meanwhile."""

    def __init__(self, portal: ReadsHubSpot, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._portal = portal
        self._meanwhile = meanwhile
        self.switches = 0

    async def listing(self) -> Listing:
        found = await self._portal.listing()
        await self._meanwhile()
        return found

    async def archived_inboxes(self) -> tuple[InboxRecord, ...]:
        return await self._portal.archived_inboxes()

    async def details(self) -> PortalDetails:
        return await self._portal.details()

    async def users(self) -> tuple[HubSpotUser, ...]:
        return await self._portal.users()


@asynccontextmanager
async def a_slow_watch(
    stage: Stage, meanwhile: Callable[[], Awaitable[object]]
) -> AsyncIterator[HubSpotWatch]:
    """Another process that watches the same portal."""
    services = stage.bot.services
    async with aiohttp.ClientSession() as session:
        made = hubspot_of(stage.town.settings, session=session, clock=stage.town.clock)
        assert made is not None
        yield HubSpotWatch(
            services.core,
            Slow(made[0], meanwhile),
            incidents=services.incidents,
            notifications=Notifications(services.core),
            workspace_id=services.workspace.id,
            every=made[1],
        )


async def test_a_look_that_was_overtaken_says_nothing(stage: Stage) -> None:
    """It began before the one that has ended meanwhile: what it saw is older than what is known."""
    services = stage.bot.services
    support = portal_of(stage).account(SUPPORT)

    async def others_look() -> None:
        support.authorized = True
        await stage.passes(minutes=11)  # longer than a look may take: another process takes its turn
        async with services.core.storage.reading() as uow:
            seen.append(await uow.hubspot.portal(services.workspace.id))

    seen: list[object] = []
    async with a_slow_watch(stage, others_look) as watch:
        stage.town.clock.advance(timedelta(minutes=2))
        support.authorized = False
        assert await watch.run_due() == 1
    async with services.core.storage.reading() as uow:
        assert await uow.hubspot.portal(services.workspace.id) == seen[0]
        channel = await uow.hubspot.at_address(services.workspace.id, SUPPORT)
        assert channel is not None
        assert channel.suspect_at is None


async def test_nothing_is_written_of_a_workspace_that_was_left(stage: Stage) -> None:
    """The bot was removed while HubSpot answered."""
    services = stage.bot.services
    portal_of(stage).add("late@acme.example")

    async def leaves() -> None:
        await services.workspaces.gone(services.workspace.id)

    async with a_slow_watch(stage, leaves) as watch:
        stage.town.clock.advance(timedelta(minutes=2))
        assert await watch.run_due() == 1
    async with services.core.storage.reading() as uow:
        assert await uow.hubspot.at_address(services.workspace.id, "late@acme.example") is None


async def test_whose_portal_it_is_counts_when_it_was_written(stage: Stage) -> None:
    """A look that read it, and then could write nothing, leaves the next one to read it again."""
    services, portal = stage.bot.services, portal_of(stage)
    gone = [True, False, False]

    async def leaves_once() -> None:
        if gone.pop(0):
            await services.workspaces.gone(services.workspace.id)

    async with a_slow_watch(stage, leaves_once) as watch:
        portal.id = "5"
        portal.accounts = [Account(9001, 101, "Elsewhere", "hello@other.example")]
        stage.town.clock.advance(timedelta(minutes=2))
        assert await watch.run_due() == 1
        await services.workspaces.seen(services.workspace)
        for _ in range(2):
            stage.town.clock.advance(timedelta(minutes=6))
            assert await watch.run_due() == 1
    async with services.core.storage.reading() as uow:
        known = await uow.hubspot.portal(services.workspace.id)
        assert known is not None
        assert known.portal_id == "5"
        assert await uow.provider_outages.open_for(services.workspace.id, "hubspot", "341662569") is None
