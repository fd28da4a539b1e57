"""Mailboxes at Microsoft, from the slash command to their removal: work and Outlook.com, shared ones, and an
admin of the organisation who has to approve first."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from bot.domain.access import Role
from bot.domain.channel import InboxSpec, Kind
from bot.domain.ids import UserId
from sandbox.names import Service
from tests.driver import Said, Screen
from tests.stage import Page, Stage

ALICE, KENJI, OMAR = "alice@acme.example", "kenji@acme.example", "omar@acme.example"
HELP, OUTLOOK = "help@acme.example", "alice.private@outlook.com"


@pytest.fixture
def database_kind() -> str:
    """What both databases keep of it is tried in ``tests/services`` and ``tests/storage``."""
    return "sqlite"


def modal_of(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return screen.modal.plain


async def begins(stage: Stage, name: str, address: str, *, is_shared: bool = False) -> str:
    """From the slash command to the link that leads to Microsoft."""
    person = stage.person(name)
    await person.types(f"/inbox connect {address}")
    if name == "omar":
        await stage.fills_in_team("omar", name="Help desk", use="Zendesk answers customers from it")
    await person.submits()
    await person.clicks("Office 365")
    await person.until(lambda screen: "Microsoft will ask for this" in modal_of(screen))
    if is_shared:
        await person.clicks("It is a shared mailbox")
        await person.until(lambda screen: "sign in as yourself" in modal_of(screen))
    return await stage.link_in_modal(name)


async def test_whether_it_is_shared_is_asked_before_the_button(stage: Stage) -> None:
    """Whoever signs in as the wrong one has to begin again."""
    await begins(stage, "omar", HELP)
    for asked in ("Is help@acme.example a shared mailbox", "Does help@acme.example have its own password?"):
        said = modal_of(await stage.person("omar").sees())
        assert said.index(asked) < said.index("The button opens your browser") < said.index("Open Microsoft")
        if "shared" in asked:
            await stage.person("omar").clicks("It is a shared mailbox")
            await stage.person("omar").until(lambda it: "sign in as yourself" in modal_of(it))


async def connects(stage: Stage, name: str = "alice", address: str = ALICE) -> None:
    page = await stage.consents(await begins(stage, name, address), address)
    assert "Connected" in page.text, page.text
    await stage.person(name).closes()


async def shares(stage: Stage, by: str = OMAR) -> Page:
    """Omar connects the shared mailbox with somebody's account."""
    page = await stage.consents(await begins(stage, "omar", HELP, is_shared=True), by)
    await stage.person("omar").closes()
    return page


async def dms(stage: Stage, name: str) -> list[Said]:
    return (await stage.person(name).sees()).messages("dm")


async def told(stage: Stage, name: str, words: str) -> Said:
    """The only message to somebody that contains these words."""
    found = [said for said in await dms(stage, name) if words in said.plain and said.thread is None]
    assert len(found) == 1, [said.plain for said in await dms(stage, name)]
    return found[0]


async def test_a_work_mailbox_is_connected_broken_and_mended(stage: Stage) -> None:
    """One sign-in; when Microsoft refuses it, one message with a button, edited when all is well."""
    await connects(stage)
    await stage.passes(minutes=30)
    stage.town.microsoft.break_down("sessions_revoked", ALICE)
    await stage.passes(minutes=25)
    alarm = await told(stage, "alice", "stopped working")
    assert "Microsoft no longer accepts our access" in alarm.plain
    page = await stage.consents(await stage.link_in_dm("alice"), ALICE)
    assert "Reconnected" in page.text
    await stage.passes(seconds=5)
    mended = next(said for said in await dms(stage, "alice") if said.ts == alarm.ts)
    assert "works again" in mended.plain


async def test_outlook_goes_by_its_own_name_and_steps(stage: Stage) -> None:
    """Before the sign-in, in the status, and when its owner is shown how to end the access."""
    await stage.driver.edit_person("alice", email=OUTLOOK)
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {OUTLOOK}")
    await alice.submits()
    page = await stage.consents(await stage.link_in_modal("alice"), OUTLOOK)
    assert "Connected" in page.text, page.text
    await alice.closes()
    await alice.types(f"/inbox status {OUTLOOK}")
    assert "Outlook.com" in (await alice.sees()).messages("#general")[-1].plain
    await alice.types(f"/inbox remove {OUTLOOK}")
    await alice.submits()
    removed = modal_of(await alice.until(lambda screen: "is removed from Inboxkeeper" in modal_of(screen)))
    assert "apps and services you've given access › (this app) › Edit › Remove these permissions" in removed


async def test_the_other_side_is_told_as_it_is(stage: Stage) -> None:
    """No app can revoke at Microsoft: the steps stand there, *Check again* finds out, and by itself, too."""
    await connects(stage)
    alice = stage.person("alice")
    await alice.types(f"/inbox remove {ALICE}")
    before = modal_of(await alice.sees())
    assert "Microsoft" in before and "revoke" not in before.lower().replace("revoked", "")
    await alice.submits()
    removed = modal_of(await alice.until(lambda screen: "is removed from Inboxkeeper" in modal_of(screen)))
    assert "permission at Microsoft is still there" in removed
    assert "account settings › App permissions › Change app permissions › Revoke" in removed
    await alice.clicks("Check again")
    assert "permission at Microsoft is still there" in modal_of(await alice.sees())
    stage.town.microsoft.break_down("consent_revoked", ALICE)
    await alice.clicks("Check again")
    assert "confirmed" in modal_of(await alice.until(lambda screen: "confirmed" in modal_of(screen)))
    await stage.passes(seconds=3)
    assert "confirmed" in (await told(stage, "alice", "is removed from Inboxkeeper")).plain


async def test_what_nobody_ends_is_forgotten_after_a_day(stage: Stage) -> None:
    """The secret is kept to look with, for 24 hours at the most, and the message says so."""
    await connects(stage)
    await stage.person("alice").types(f"/inbox remove {ALICE}")
    await stage.person("alice").submits()
    await stage.passes(seconds=5)
    await stage.passes(hours=26)
    asked = stage.town.microsoft.requests["token"]
    await stage.passes(hours=24)
    assert stage.town.microsoft.requests["token"] == asked
    assert "not confirmed" in (await told(stage, "alice", "is removed from Inboxkeeper")).plain


async def test_a_shared_mailbox_says_whose_account_opens_it(stage: Stage) -> None:
    """Asked for with one click, opened as oneself, shown in the status, looked at under its own address."""
    assert "Connected" in (await shares(stage)).text
    omar = stage.person("omar")
    await omar.types(f"/inbox status {HELP}")
    status = (await omar.sees()).messages("#general")[-1].plain
    assert "Shared mailbox, opened with" in status and OMAR in status
    await stage.passes(minutes=10)
    stage.town.microsoft.levers.share(HELP, OMAR, allowed=False)
    await stage.passes(minutes=12)
    alarm = await told(stage, "omar", "stopped working")
    assert "is not allowed to open this shared mailbox" in alarm.plain
    assert "full access" in alarm.plain


async def test_whoever_may_not_open_it_connects_nothing(stage: Stage) -> None:
    """The page says what is missing and who can give it."""
    page = await shares(stage, by=KENJI)
    assert "Connected" not in page.text
    assert "full access" in page.text
    await stage.person("omar").types("/inbox list")
    assert HELP not in (await stage.person("omar").sees()).messages("#general")[-1].plain


async def test_a_shared_mailbox_is_handed_over_before_its_delegate_is_gone(stage: Stage) -> None:
    """The delegate leaves: those who look after it are told while it still works, and one click mends it."""
    assert "Connected" in (await shares(stage, by=ALICE)).text
    await stage.driver.edit_person("alice", deleted=True)
    await stage.person("omar").until(lambda screen: True)
    async with stage.bot.services.core.storage.reading() as uow:
        assert len(await uow.grants.delegated_by(stage.bot.services.workspace.id, ALICE)) == 1
    for _ in range(40):
        await stage.passes(seconds=2)
        if any("left the workspace" in said.plain for said in await dms(stage, "omar")):
            break
    warned = await told(stage, "omar", "left the workspace")
    assert f"{ALICE} left the workspace, and the shared mailbox {HELP}" in warned.plain
    omar = stage.person("omar")
    await omar.clicks("Reconnect")
    page = await stage.consents(await stage.link_in_modal("omar"), OMAR)
    assert "Reconnected" in page.text, page.text
    await stage.passes(seconds=5)
    after = next(said for said in await dms(stage, "omar") if said.ts == warned.ts)
    assert "handed over" in after.plain


async def test_a_delegate_who_is_back_needs_no_handing_over(stage: Stage) -> None:
    """Back at Slack, their account stays: the warning is taken back, and stands again should they leave."""

    async def edits(*, deleted: bool, until: str) -> Said:
        await stage.driver.edit_person("alice", deleted=deleted)
        async with asyncio.timeout(20):
            while not [said for said in await dms(stage, "omar") if until in said.plain]:
                await stage.passes(seconds=2)
        return await told(stage, "omar", until)

    assert "Connected" in (await shares(stage, by=ALICE)).text
    warned = await edits(deleted=True, until="left the workspace")
    back = await edits(deleted=False, until=f"{ALICE} is back in the workspace")
    again = await edits(deleted=True, until="left the workspace")
    assert warned.ts == back.ts == again.ts
    assert not [block for block in back.blocks if block["type"] == "actions"]


# --- an organisation's admin


async def refused_at_microsoft(stage: Stage, *, is_said: bool) -> Page:
    """Alice needs her organisation's admin; Microsoft tells us so, or only her."""
    stage.town.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=is_said)
    browser = stage.browser()
    consent = await browser.goes_to_consent(await begins(stage, "alice", ALICE))
    how = {"reason": "We need it"} if is_said else {"cancel": True}
    page = await browser.opens(stage.town.microsoft.consent(consent, ALICE, **how))
    await stage.settles()
    if not is_said:
        assert "an admin has to approve" in page.text
        action = re.findall(r'action="([^"]*/ask/[^"]+)"', page.html)[0]
        asked = await browser.opens(
            f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}{action}", method="POST"
        )
        assert "Check Slack" in asked.text
        await stage.settles()
    return page


@pytest.mark.parametrize("is_said", [True, False], ids=["recognised", "cancelled"])
async def test_an_admins_approval_is_asked_for_and_it_goes_on(stage: Stage, is_said: bool) -> None:
    """A message that can be forwarded; the admin accepts; the requester is told and signs in."""
    await refused_at_microsoft(stage, is_said=is_said)
    await stage.passes(seconds=3)
    waiting = await told(stage, "alice", "waiting for your organisation's Microsoft admin")
    [link] = re.findall(r"http\S+/adminconsent\S+", waiting.plain)
    assert "It never reads mail" in waiting.plain
    admin = stage.browser("ja")
    page = await admin.opens(stage.town.microsoft.consent(link.rstrip(">"), OMAR))
    assert "ありがとうございます" in page.text and ALICE in page.text
    await stage.passes(seconds=3)
    assert "has approved" in (await dms(stage, "alice"))[-1].plain  # a reply: edits notify nobody
    alice = stage.person("alice")
    await alice.closes()
    await alice.clicks("Continue")
    page = await stage.consents(await stage.link_in_modal("alice"), ALICE)
    assert "Connected" in page.text, page.text
    await stage.passes(seconds=3)
    assert "waiting" not in (await dms(stage, "alice"))[0].plain


async def test_an_approval_given_elsewhere_is_found_out_by_trying(stage: Stage) -> None:
    """The admin did it in their own console: *continue* is all it takes."""
    await refused_at_microsoft(stage, is_said=True)
    await stage.passes(seconds=3)
    stage.town.microsoft.levers.approve("acme.example")
    alice = stage.person("alice")
    await alice.closes()
    await alice.clicks("They have approved: continue")
    page = await stage.consents(await stage.link_in_modal("alice"), ALICE)
    assert "Connected" in page.text, page.text


async def test_an_admin_who_says_no_changes_nothing(stage: Stage) -> None:
    """The page says so; the request goes on waiting; it can be taken back."""
    await refused_at_microsoft(stage, is_said=True)
    await stage.passes(seconds=3)
    [link] = re.findall(r"http\S+/adminconsent\S+", (await told(stage, "alice", "waiting")).plain)
    page = await stage.browser().opens(stage.town.microsoft.consent(link.rstrip(">"), OMAR, cancel=True))
    assert "Not approved" in page.text
    await stage.passes(seconds=3)
    alice = stage.person("alice")
    await alice.closes()
    await alice.clicks("Cancel the request")
    await stage.passes(seconds=3)
    assert "you withdrew it" in (await told(stage, "alice", "you withdrew it")).plain


async def test_a_request_for_an_approval_waits_two_weeks(stage: Stage) -> None:
    """Then it says that it is over, and the link does nothing any more."""
    await refused_at_microsoft(stage, is_said=True)
    await stage.passes(seconds=3)
    [link] = re.findall(r"http\S+/adminconsent\S+", (await told(stage, "alice", "waiting")).plain)
    await stage.passes(days=14, minutes=1)
    await told(stage, "alice", "nobody answered in time")
    await stage.browser().opens(stage.town.microsoft.consent(link.rstrip(">"), OMAR))
    await stage.passes(seconds=3)
    await told(stage, "alice", "nobody answered in time")


async def test_a_forged_approval_only_says_that_one_may_try(stage: Stage) -> None:
    """What a browser brings is no proof: the next sign-in is refused again, and waits again."""
    await refused_at_microsoft(stage, is_said=True)
    await stage.passes(seconds=3)
    [link] = re.findall(r"http\S+/adminconsent\S+", (await told(stage, "alice", "waiting")).plain)
    state = re.findall(r"state=([\w-]+)", link)[0]
    base = stage.town.settings.base_url
    forged = f"{base}/callback/microsoft?admin_consent=True&tenant=evil&state={state}"
    await stage.browser().opens(forged.replace("/callback/microsoft", "/callback/google"))
    await stage.passes(seconds=3)
    await told(stage, "alice", "waiting for your organisation")  # it does not wait for Google
    assert "Thank you" in (await stage.browser().opens(forged)).text
    assert "Thank you" in (await stage.browser().opens(forged.replace(state, "x" * 5000))).text
    await stage.passes(seconds=3)
    alice = stage.person("alice")
    await alice.closes()
    await alice.clicks("Continue")
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("alice"))
    page = await browser.opens(stage.town.microsoft.consent(consent, ALICE, reason="Please"))
    assert "An admin has to approve first" in page.text
    await stage.passes(seconds=3)
    assert any("waiting for your organisation" in said.plain for said in await dms(stage, "alice"))


async def test_an_approval_taken_back_from_a_team_address_comes_with_a_message(stage: Stage) -> None:
    """Those who look after it get what they can forward; once it is given again, all is well by itself."""
    assert "Connected" in (await shares(stage)).text
    await stage.passes(minutes=10)
    stage.town.microsoft.break_down("aad", OMAR, code=90094, error="invalid_grant")
    await stage.passes(minutes=12)
    alarm = await told(stage, "omar", "stopped working")
    assert "A message you can forward to that admin" in alarm.plain
    [link] = re.findall(r"http\S+/adminconsent\S+", alarm.plain)
    assert "Mail.ReadBasic.Shared" in link
    stage.town.microsoft.mend()
    page = await stage.browser().opens(stage.town.microsoft.consent(link.rstrip(">"), OMAR))
    assert "continues on its own" in page.text
    await stage.passes(minutes=1)  # the time that looks which anybody can ask for are apart
    assert "works again" in next(said for said in await dms(stage, "omar") if said.ts == alarm.ts).plain


async def test_a_broken_client_secret_is_the_operators(stage: Stage) -> None:
    """Nobody is asked to reconnect; whoever runs the bot is told once."""
    await connects(stage)
    stage.town.microsoft.break_down("secret_expired")
    await stage.passes(hours=2)
    assert not any("stopped working" in said.plain for said in await dms(stage, "alice"))
    about = [said for said in await dms(stage, "sakura") if "AADSTS7000222" in said.plain]
    assert len(about) == 1


async def test_whoever_waits_can_ask_how_it_stands(stage: Stage) -> None:
    """``status`` of an address that is not connected yet says what it waits for."""
    await refused_at_microsoft(stage, is_said=True)
    await stage.person("alice").closes()
    await stage.person("alice").types(f"/inbox status {ALICE}")
    said = (await stage.person("alice").sees()).messages("#general")[-1].plain
    assert "Not connected yet" in said and "your organisation's Microsoft admin" in said
    await stage.person("kenji").types(f"/inbox status {ALICE}")
    assert "Microsoft" not in (await stage.person("kenji").sees()).messages("#general")[-1].plain


async def connects_here(stage: Stage, name: str, *addresses: str) -> None:
    """Somebody connects their accounts at Microsoft, team addresses if it is Omar, through the services: the
    forms have tests of their own."""
    services = stage.bot.services
    actor = await services.people.member(services.workspace.id, UserId(f"U0{name.upper()}"), fresh=True)
    kind = Kind.TEAM if name == "omar" else Kind.PERSONAL
    for address in addresses:
        if kind is Kind.PERSONAL:
            await stage.driver.edit_person(name, email=address)
            actor = await services.people.member(services.workspace.id, actor.id, fresh=True)
        plan = InboxSpec(address, kind, name=address.partition("@")[0], provider="microsoft")
        page = await stage.consents((await services.connections.begin(actor, plan)).url, address)
        assert "✓" in page.text, page.text
    await stage.passes(minutes=3)


async def opens(stage: Stage, *addresses: str) -> None:
    """Microsoft has more mailboxes."""
    for address in addresses:
        await stage.driver.post("/control/microsoft/accounts", {"email": address})


async def test_what_hits_one_organisation_is_called_by_its_domain(stage: Stage) -> None:
    """Microsoft knows organisations by number, people by domain. Others work: it is its admin's matter. And
    whose personal inboxes are held is nobody else's business."""
    await connects_here(stage, "kenji", OUTLOOK)
    await connects_here(stage, "alice", ALICE)
    await opens(stage, "team@acme.example", "jobs@acme.example")
    await connects_here(stage, "omar", "team@acme.example", "jobs@acme.example")
    services = stage.bot.services
    async with services.core.storage.writing() as uow:
        kenji, omar = UserId("U0KENJI"), UserId("U0OMAR")
        at = stage.town.clock()
        await uow.roles.give(services.workspace.id, Role.ACCOUNT_ACCESS, kenji, by=omar, at=at)
        await uow.commit()
    stage.town.microsoft.break_down("aad", tenant="acme.example", code=53003, error="interaction_required")
    await stage.passes(minutes=25)
    provider_outage = await told(stage, "omar", "Microsoft refuses 3 inboxes of acme.example at once")
    assert "for the inboxes of acme.example." in provider_outage.plain and ALICE in provider_outage.plain
    theirs = await told(stage, "kenji", "acme.example の受信トレイ 3 件")
    assert "team@acme.example" in theirs.plain and ALICE not in theirs.plain
    stage.town.microsoft.mend()
    await stage.passes(minutes=10)
    await told(stage, "omar", "Microsoft accepts the inboxes of acme.example again.")


async def test_an_outage_at_outlook_is_no_organisations_matter(stage: Stage) -> None:
    """Personal accounts have no admin to ask: it is an outage, of Outlook.com alone."""
    await opens(stage, "team.one@outlook.com", "team.two@outlook.com", "team.three@outlook.com")
    await connects_here(stage, "alice", ALICE)
    mailboxes = ("team.one@outlook.com", "team.two@outlook.com", "team.three@outlook.com")
    await connects_here(stage, "omar", *mailboxes)
    for mailbox in mailboxes:
        stage.town.microsoft.break_down("aad", mailbox, code=70000, error="invalid_grant")
    await stage.passes(minutes=6)
    provider_outage = await told(stage, "omar", "Outlook.com refuses 3 inboxes at once")
    assert "Don't reconnect yet." in provider_outage.plain and "admin" not in provider_outage.plain
    stage.town.microsoft.mend()
    await stage.passes(minutes=10)
    await told(stage, "omar", "False alarm: Outlook.com works again.")


async def test_a_grant_that_signs_in_as_somebody_else_is_told_as_that(stage: Stage) -> None:
    """However the wrong secret came there: Alice hears of it, and it is not looked at without pause."""
    await connects_here(stage, "alice", ALICE)
    await connects_here(stage, "kenji", KENJI)
    services = stage.bot.services
    async with services.core.storage.writing() as uow:
        ids = [channel.grant_id for channel in await uow.channels.all(services.workspace.id)]
        found = await uow.grants.by_ids([grant_id for grant_id in ids if grant_id])
        mine, other = sorted(found.values(), key=lambda grant: grant.address)
        assert other.secret is not None
        at = mine.version
        await uow.grants.save_secret(mine.id, secret=other.secret, scopes=mine.scopes, expected_version=at)
        await uow.commit()
    await stage.passes(minutes=25)
    alarm = await told(stage, "alice", "stopped working")
    assert "another account" in alarm.plain


async def test_a_permission_that_serves_another_mailbox_is_not_called_connected_again(stage: Stage) -> None:
    """Omar's account opened the shared mailbox; once that is removed it is connected for itself."""
    assert "Connected" in (await shares(stage)).text
    omar = stage.person("omar")
    await omar.types(f"/inbox remove {HELP}")
    await omar.clicks("Yes, delete")
    await stage.passes(seconds=5)
    await told(stage, "omar", "permission at Microsoft is still there")
    await connects_here(stage, "omar", OMAR)
    shown = await told(stage, "omar", f"{HELP} is removed from Inboxkeeper")
    assert "Not revoked at Microsoft, on purpose" in shown.plain
    assert "connected again" not in shown.plain


async def test_what_microsoft_wants_to_be_told_is_told_at_the_second_try_too(stage: Stage) -> None:
    """A claims challenge, and the person cancels at first."""
    await connects(stage)
    stage.town.microsoft.break_down("claims_demanded", ALICE)
    await stage.passes(minutes=25)
    link = await stage.link_in_dm("alice")
    browser = stage.browser()
    page = await stage.declines(link, ALICE, browser=browser)
    assert "Cancelled" in page.text
    again = await browser.presses(page)
    assert "claims=" in again.onward
    page = await stage.consents_at(again.onward, ALICE, browser=browser)
    assert "Reconnected" in page.text, page.text


async def test_callbacks_without_end_do_not_hurry_what_was_refused(stage: Stage) -> None:
    """Anybody can send what an admin's browser would bring. Inboxes that wait for an approval are looked at
    once a minute at the most, and the alarm comes when it would have come anyway."""
    assert "Connected" in (await shares(stage)).text
    await stage.passes(minutes=10)
    stage.town.microsoft.break_down("aad", OMAR, code=90094, error="invalid_grant")
    forged = f"{stage.town.settings.base_url}/callback/microsoft?admin_consent=True"
    browser = stage.browser()
    asked = stage.town.microsoft.requests["token"]
    for _ in range(12 * 3):
        await browser.opens(forged)
        await stage.passes(seconds=20)
    await told(stage, "omar", "stopped working")
    assert stage.town.microsoft.requests["token"] - asked <= 2 + 12


async def waits_for_help(stage: Stage, *, is_shared: bool) -> None:
    """A sign-in for the help desk's mailbox ends where Microsoft wants its admin."""
    browser = stage.browser()
    consent = await browser.goes_to_consent(await begins(stage, "omar", HELP, is_shared=is_shared))
    page = await browser.opens(stage.town.microsoft.consent(consent, KENJI, reason="We need it"))
    assert "An admin has to approve first" in page.text
    await stage.passes(seconds=3)
    await stage.person("omar").closes()


async def test_a_newer_wish_takes_the_place_of_the_one_that_waits(stage: Stage) -> None:
    """Only now Omar says that the mailbox is a shared one: a new message asks Microsoft's admin for what
    that takes, the old one points there; said again, nothing more is sent."""
    stage.town.microsoft.levers.decide("acme.example", users_may_consent=False, takes_requests=True)
    await waits_for_help(stage, is_shared=False)
    first = await told(stage, "omar", "waiting for your organisation's Microsoft admin")
    assert "Mail.ReadBasic.Shared" not in first.plain
    for _ in range(2):
        await waits_for_help(stage, is_shared=True)
        second = await told(stage, "omar", "waiting for your organisation's Microsoft admin")
        assert second.ts != first.ts and "Mail.ReadBasic.Shared" in second.plain
        replaced = await told(stage, "omar", "asked again")
        assert replaced.ts == first.ts and "[" not in replaced.plain


async def test_a_member_says_where_what_was_approved_is_hosted(stage: Stage) -> None:
    """The approval is for the address: *Continue* offers the same choices as any connect, no admin is asked
    again, and the wish ends as done."""
    await stage.settles()
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.types(f"/inbox connect {HELP}")
    await alice.chooses(None, "Team address")
    await stage.fills_in_team("alice", name="Help desk", use="Zendesk answers customers from it")
    await alice.submits()
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    asked = await told(stage, "omar", "asks for your approval")
    assert "at the provider or mail server that they choose" in asked.plain
    await omar.clicks("Approve")
    await stage.passes(seconds=2)
    await alice.closes()
    await alice.clicks("Continue")
    await alice.until(lambda screen: "Google will ask for this" in modal_of(screen))
    await alice.clicks("Office 365")
    await alice.until(lambda screen: "Microsoft will ask for this" in modal_of(screen))
    await alice.clicks("It is a shared mailbox")
    await alice.until(lambda screen: "sign in as yourself" in modal_of(screen))
    page = await stage.consents(await stage.link_in_modal("alice"), ALICE)
    assert "Connected" in page.text, page.text
    await stage.passes(seconds=5)
    assert "approved by @Omar Haddad, and done" in (await told(stage, "omar", "asked by")).plain


FILTERED = "support@filtered.example"


async def meets_the_choice(stage: Stage, name: str) -> None:
    """From the slash command to the dialog that asks which host it is."""
    person = stage.person(name)
    await person.types(f"/inbox connect {FILTERED}")
    await stage.fills_in_team(name, name="Support", use="Zendesk answers customers from it")
    await person.submits()
    await person.until(lambda screen: "Where do you open this mailbox?" in modal_of(screen))


async def test_behind_a_filter_that_nobody_knows_the_person_says_which_host(stage: Stage) -> None:
    """No password form, no guess: the choice, then Microsoft's sign-in with all that was typed. Every other
    host stays one click away."""
    await stage.driver.post("/control/microsoft/accounts", {"email": FILTERED})
    omar = stage.person("omar")
    await meets_the_choice(stage, "omar")
    said = modal_of(await omar.sees())
    assert f"does not show who hosts the mailbox {FILTERED}" in said
    assert all(f"[{label}]" in said for label in ("Gmail", "Office 365", "Another mail server (IMAP)"))
    await omar.clicks("Office 365")
    await omar.until(lambda screen: "Microsoft will ask for this" in modal_of(screen))
    browser = stage.browser()
    consent = await browser.goes_to_consent(await stage.link_in_modal("omar"))
    assert urlsplit(consent).path.startswith("/microsoft/")
    page = await browser.opens(stage.town.microsoft.consent(consent, FILTERED))
    assert "Connected" in page.text, page.text
    await omar.closes()
    await omar.types(f"/inbox status {FILTERED}")
    status = (await omar.sees()).plain
    assert "Office 365" in status and "Zendesk answers customers from it" in status


async def test_the_choice_leads_to_the_password_form_only_on_demand(stage: Stage) -> None:
    """Another mail server is one of three buttons, and can still be overruled."""
    omar = stage.person("omar")
    await meets_the_choice(stage, "omar")
    await omar.clicks("Another mail server (IMAP)")
    screen = await omar.until(lambda screen: "by its mail server" in modal_of(screen))
    assert "[Office 365]" in modal_of(screen) and "[Gmail]" in modal_of(screen)


@pytest.mark.parametrize("record", ["autodiscover.filtered.example", "_autodiscover._tcp.filtered.example"])
async def test_behind_a_filter_autodiscover_leads_straight_to_microsoft(stage: Stage, record: str) -> None:
    """Where the domain sends Outlook to Microsoft, nobody has to be asked."""
    names = stage.town.names
    if record.startswith("_"):
        names.services[record] = (Service("autodiscover.outlook.com", 443),)
    else:
        names.aliases[record] = "autodiscover.outlook.com"
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {FILTERED}")
    await stage.fills_in_team("omar", name="Support", use="Zendesk answers customers from it")
    await omar.submits()
    await omar.until(lambda screen: "Microsoft will ask for this" in modal_of(screen))


async def test_what_was_approved_behind_a_filter_goes_on_with_the_choice(stage: Stage) -> None:
    """*Continue* asks which host it is; the approval covers the answer, and no admin is asked again."""
    alice, omar = stage.person("alice"), stage.person("omar")
    await alice.types(f"/inbox connect {FILTERED}")
    await alice.chooses(None, "Team address")
    await stage.fills_in_team("alice", name="Support", use="Zendesk answers customers from it")
    await alice.submits()
    await alice.clicks("Send the request")
    await stage.passes(seconds=2)
    await omar.clicks("Approve")
    await stage.passes(seconds=2)
    await alice.closes()
    await alice.clicks("Continue")
    await alice.until(lambda screen: "Where do you open this mailbox?" in modal_of(screen))
    await alice.clicks("Office 365")
    await alice.until(lambda screen: "Microsoft will ask for this" in modal_of(screen))
