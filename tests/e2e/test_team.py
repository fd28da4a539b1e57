"""Team addresses, from the form to the end: connected, seen, taken over, deleted, and who may do it."""

from __future__ import annotations

import pytest

from tests.driver import Screen
from tests.stage import Stage

SUPPORT = "support@acme.example"
USE = "Zendesk answers customers from it"


@pytest.fixture
def database_kind() -> str:
    """Both databases hold the same for what is shown; races and outages are tried on each."""
    return "sqlite"


async def _list(stage: Stage, who: str) -> str:
    """What somebody's own list says."""
    await stage.person(who).types("/inbox list")
    screen = await stage.person(who).sees()
    return screen.messages("#general")[-1].plain


def _modal(screen: Screen) -> str:
    assert screen.modal is not None, screen.plain
    return screen.modal.plain


async def test_an_admin_connects_a_team_address(stage: Stage) -> None:
    """Name, use and conversation come with it; the conversation is greeted, and everybody sees it, after what
    is their own."""
    await stage.connected("alice")
    await stage.team_connected(conversation="#support")
    omar = await stage.person("omar").sees()
    assert SUPPORT in omar.messages("#support")[-1].plain
    assert f"{SUPPORT} is connected" in omar.dm.last.plain
    listed = await _list(stage, "alice")
    assert listed.index("alice@acme.example") < listed.index(f"{SUPPORT} · Support")
    await stage.person("alice").types(f"/inbox status {SUPPORT}")
    assert USE in (await stage.person("alice").sees()).messages("#general")[-1].plain


async def test_a_public_conversation_is_joined(stage: Stage) -> None:
    """Nothing has to be typed elsewhere; what stands there says why the bot is in it."""
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
    await omar.submits()
    assert await stage.link_in_modal("omar")
    joined, hello = (await omar.sees()).messages("#support")
    assert joined.plain == "Inboxkeeper joined #support." and SUPPORT in hello.plain


async def test_where_the_app_may_not_join_somebody_invites_it(stage: Stage) -> None:
    """The operator took that permission out of the manifest."""
    stage.town.slack.core.settings.scopes = ("chat:write", "commands", "users:read", "users:read.email")
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
    await omar.submits()
    screen = await omar.sees()
    assert screen.modal is not None and "/invite" in screen.modal.errors["conversation"]


async def test_a_conversation_without_the_bot_is_said_beside_its_field(stage: Stage) -> None:
    """A private one: the form stays, says how to let the bot in, and goes on once that is done. Nothing was
    posted."""
    await stage.driver.edit_conversation("#support", private=True)
    omar = stage.person("omar")
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
    await omar.submits()
    screen = await omar.sees()
    assert screen.modal is not None
    assert "/invite" in screen.modal.errors["conversation"]
    await omar.types("/invite @Inboxkeeper", in_="#support")
    await omar.submits()
    assert await stage.link_in_modal("omar")


@pytest.mark.parametrize(
    ("method", "code", "said"),
    [
        ("chat.postMessage", "is_archived", "That conversation is archived"),
        ("chat.postMessage", "restricted_action", "does not let Inboxkeeper post in that conversation"),
        ("conversations.join", "is_archived", "That conversation is archived"),
        ("conversations.join", "method_not_supported_for_channel_type", "/invite"),
    ],
)
async def test_where_an_invitation_would_not_help_none_is_asked_for(
    stage: Stage, method: str, code: str, said: str
) -> None:
    """The bot may be in a conversation, and still not post there: what stands beside the field is Slack's own
    reason, and with another choice the form goes on."""
    omar = stage.person("omar")
    await stage.driver.break_("error", method=method, error=code)
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
    await omar.submits()
    screen = await omar.sees()
    assert screen.modal is not None and said in screen.modal.errors["conversation"]
    await stage.driver.mend()
    await omar.submits()
    assert await stage.link_in_modal("omar")


@pytest.mark.parametrize("trouble", ["ratelimited", "error"])
async def test_slack_that_takes_no_hello_is_asked_again_in_a_minute(
    stage: Stage, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack's trouble is no fault of ours: words with the next step, no traceback, and nothing begun."""
    omar = stage.person("omar")
    await omar.types("/invite @Inboxkeeper", in_="#support")
    how = {"error": "internal_error"} if trouble == "error" else {"retry_after": 30}
    await stage.driver.break_(trouble, method="chat.postMessage", **how)
    await omar.types(f"/inbox connect {SUPPORT}")
    await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
    await omar.submits()
    said = _modal(await omar.sees())
    assert (
        "Slack did not accept the message that had to be posted first" in said
        and "try again in a minute" in said
    )
    assert "broke" not in said and not [it for it in caplog.records if it.exc_info]
    await stage.driver.mend()
    await stage.passes(minutes=1)
    await omar.closes()
    await stage.team_connected(conversation="#support")


async def test_whoever_connects_again_greets_the_conversation_once(stage: Stage) -> None:
    """Closed on the way, expired, declined: every try begins with the same form, and one hello is enough. A
    conversation that was not greeted yet still is."""
    omar = stage.person("omar")
    for conversation in ("#support", "#general"):
        await omar.types("/invite @Inboxkeeper", in_=conversation)
    for _ in range(3):
        await omar.types(f"/inbox connect {SUPPORT}")
        await stage.fills_in_team("omar", name="Support", use=USE, conversation="#support")
        await stage.presses_on("omar")
        await omar.closes()
        await stage.passes(minutes=20)
    await stage.team_connected(conversation="#general")
    screen = await omar.sees()
    for conversation in ("#support", "#general"):
        assert len([said for said in screen.messages(conversation) if SUPPORT in said.plain]) == 1


async def test_choosing_team_address_asks_for_what_it_needs(stage: Stage) -> None:
    """The form grows when *Team address* is chosen, and what was typed stays."""
    alice = stage.person("alice")
    await alice.types("/inbox connect")
    assert "What do you call it?" not in _modal(await alice.sees())
    await alice.fills("E-mail address", SUPPORT)
    await alice.chooses(None, "Team address")
    shown = _modal(await alice.until(lambda screen: "What do you call it?" in _modal(screen)))
    assert SUPPORT in shown and "Conversation to notify" in shown


async def test_an_address_is_personal_or_the_teams(stage: Stage) -> None:
    """Wanted as one's own, a team address is refused with what it is; nothing changes."""
    await stage.team_connected()
    alice = stage.person("alice")
    await alice.types(f"/inbox connect {SUPPORT}")
    await alice.chooses(None, "My inbox")
    await alice.submits()
    screen = await alice.sees()
    assert screen.modal is not None
    assert SUPPORT in screen.modal.errors["address"]


async def test_a_super_admin_takes_a_personal_inbox_over(stage: Stage) -> None:
    """The inbox goes on as the team's, its owner is told who did it, and both see it where it belongs."""
    await stage.connected("alice")
    omar = stage.person("omar")
    await omar.types("/inbox connect alice@acme.example")
    await stage.fills_in_team("omar", name="Alice's desk", use="Orders")
    await omar.submits()
    assert "Make alice@acme.example a team address?" in _modal(await omar.sees())
    await stage.fills_in_team("omar", name="Orders", use="Orders arrive here")
    await omar.clicks("Yes, make it one")
    await stage.passes(seconds=2)
    assert "the team" in _modal(await omar.sees())
    alice = await stage.person("alice").sees()
    assert "@Omar Haddad made your inbox alice@acme.example a team address." in alice.dm.last.plain
    assert "alice@acme.example · Orders" in await _list(stage, "kenji")


async def test_deleting_a_team_address_takes_the_articles_words(stage: Stage) -> None:
    """*Yes, delete*; both sides are told to the other super admin in her own language."""
    await stage.team_connected()
    omar = stage.person("omar")
    await omar.types(f"/inbox remove {SUPPORT}")
    screen = await omar.sees()
    assert screen.modal and screen.modal.submit == "Yes, delete"
    await omar.clicks("Yes, delete")
    await stage.settles()
    assert "Revoked at Google: confirmed." in _modal(await omar.sees())
    sakura = await stage.person("sakura").sees()
    assert f"{SUPPORT} を" in sakura.dm.last.plain
    assert SUPPORT not in await _list(stage, "alice")


async def test_disabling_is_told_to_those_who_look_after_it(stage: Stage) -> None:
    """Whoever would hear of an outage hears of a disable, too; whoever did it need not."""
    await stage.team_connected()
    before = len((await stage.person("omar").sees()).dm.messages)
    await stage.person("omar").types(f"/inbox disable {SUPPORT}")
    await stage.person("omar").clicks("Yes, disable it")
    await stage.settles()
    assert len((await stage.person("omar").sees()).dm.messages) == before
    sakura = await stage.person("sakura").sees()
    assert "Omar Haddad" in sakura.dm.last.plain and "[もう一度有効にする]" in sakura.dm.last.plain


async def test_account_access_is_given_and_taken_in_the_dialog(stage: Stage) -> None:
    """With it a member acts at once; without it the same click asks an admin."""
    await stage.team_connected()
    omar, alice = stage.person("omar"), stage.person("alice")
    await omar.types("/inbox admins")
    await omar.chooses("Add a person", "alice")
    await omar.until(lambda screen: "@Alice Martin" in _modal(screen))
    await alice.types(f"/inbox disable {SUPPORT}")
    screen = await alice.sees()
    assert screen.modal and screen.modal.submit == "Yes, disable it"
    await omar.clicks("Remove from the list", near="@Alice Martin")
    await omar.until(lambda screen: "@Alice Martin" not in _modal(screen))
    await alice.clicks("Yes, disable it")
    screen = await alice.sees()
    assert screen.modal and screen.modal.submit == "Send the request"
    await alice.types("/inbox admins")
    assert "[Add a person]" not in _modal(await alice.sees())


async def test_a_user_group_gives_account_access_to_its_members(stage: Stage) -> None:
    """Without the optional permission there is no such control; with it the whole group has access, and
    keeps it when its members are nothing else."""
    await stage.team_connected()
    omar = stage.person("omar")
    await omar.types("/inbox admins")
    assert "Add a user group" not in _modal(await omar.sees())
    await stage.driver.grant("usergroups:read")
    await omar.types("/inbox admins")
    await omar.chooses("Add a user group", "Mail admins")
    await omar.until(lambda screen: "the user group Mail admins" in _modal(screen))
    await omar.chooses("Add a super admin", "alice")
    await omar.until(lambda screen: "Make @Alice Martin a super admin?" in _modal(screen))
    await omar.submits()
    await omar.until(lambda screen: "They were chosen here." in _modal(screen))
    await omar.clicks("Remove from the list", near="@Sakura Sato")
    await omar.until(lambda screen: "Take @Sakura Sato off" in _modal(screen))
    await omar.submits()
    await omar.until(lambda screen: "They were chosen here." in _modal(screen))
    await stage.person("sakura").types(f"/inbox disable {SUPPORT}")
    screen = await stage.person("sakura").sees()
    assert screen.modal and screen.modal.submit == "はい、無効にします"


async def test_a_guest_is_given_no_role(stage: Stage) -> None:
    """Slack's menu offers them all the same: what is said is about them, and not about the reader."""
    omar = stage.person("omar")
    await omar.types("/inbox admins")
    for control in ("Add a super admin", "Add a person"):
        await omar.chooses(control, "gus")
        said = _modal(await omar.until(lambda screen: "can hold no role here" in _modal(screen)))
        assert "Choose a member of this workspace." in said and "cannot use Inboxkeeper" not in said


async def test_choosing_super_admins_drops_nobody(stage: Stage) -> None:
    """The first one that is chosen takes all along who were super admin so far. Who will be it is said first,
    whose role changes hears of it, and one click undoes it."""
    omar = stage.person("omar")
    await omar.types("/inbox admins")
    await omar.chooses("Add a super admin", "alice")
    shown = _modal(await omar.until(lambda screen: "Make @Alice Martin a super admin?" in _modal(screen)))
    assert all(name in shown for name in ("• @Alice Martin", "• @Omar Haddad", "• @Sakura Sato"))
    assert "Nobody was chosen" not in shown
    await omar.submits()
    shown = _modal(await omar.until(lambda screen: "They were chosen here." in _modal(screen)))
    assert all(name in shown for name in ("@Alice Martin", "@Omar Haddad", "@Sakura Sato"))
    await stage.passes(seconds=2)
    alice = await stage.person("alice").sees()
    assert "@Omar Haddad made you a super admin." in alice.dm.last.plain
    assert not any(
        "super admin" in said.plain for said in (await stage.person("sakura").sees()).messages("dm")
    )
    await omar.clicks("Undo", in_="dm")
    await stage.passes(seconds=2)
    assert "undid it" in (await omar.sees()).dm.plain
    alice = await stage.person("alice").sees()
    assert "@Omar Haddad took you off the super admins." in alice.dm.last.plain
    await omar.types("/inbox admins")
    assert "owners and admins in Slack" in _modal(await omar.sees())


async def test_taking_somebody_off_the_list_is_told_and_undone(stage: Stage) -> None:
    """The words name who stays; whoever was taken off hears it in their language and has no way back."""
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await omar.types("/inbox admins")
    await omar.chooses("Add a super admin", "alice")
    await omar.submits()
    await omar.clicks("Remove from the list", near="@Sakura Sato")
    shown = _modal(await omar.until(lambda screen: "Take @Sakura Sato off" in _modal(screen)))
    assert "• @Alice Martin" in shown and "• @Sakura Sato" not in shown
    await omar.submits()
    await stage.passes(seconds=3)
    told = (await sakura.sees()).dm.last.plain
    assert "@Omar Haddad" in told and "スーパー管理者" in told and "元に戻す" not in told
    alice = stage.person("alice")
    assert not any("Sakura" in said.plain for said in (await alice.sees()).messages("dm"))
    await omar.clicks("Undo", near="Sakura", in_="dm")
    await stage.passes(seconds=2)
    assert "スーパー管理者" in (await sakura.sees()).dm.last.plain
    await sakura.types("/inbox admins")
    assert "[外す]" in _modal(await sakura.sees())


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_the_first_hour_ticks_itself_off(stage: Stage) -> None:
    """A super admin's Home leads through it step by step; what they hide stays hidden, for them alone."""
    omar, sakura = stage.person("omar"), stage.person("sakura")
    await omar.opens_home()
    await omar.until(lambda screen: screen.home and "☐ Connect a team address" in screen.home.plain)
    assert "✅ Have a second super admin" in ((await omar.sees()).home or pytest.fail("no Home")).plain
    await stage.team_connected()
    await omar.until(lambda screen: screen.home and "✅ Connect a team address" in screen.home.plain)
    await omar.clicks("Run a drill", in_="home")
    assert "drill for" in ((await omar.sees()).modal or pytest.fail("no dialog")).plain.lower()
    await omar.closes()
    await omar.until(lambda screen: screen.home and "✅ Run a drill" in screen.home.plain)
    await omar.clicks("Hide these steps", in_="home")
    await omar.until(lambda screen: screen.home and "The first hour" not in screen.home.plain)
    await sakura.opens_home()
    await sakura.until(lambda screen: screen.home and "最初の 1 時間" in screen.home.plain)
    await stage.person("alice").opens_home()
    alice = await stage.person("alice").until(lambda screen: screen.home)
    assert alice.home is not None and "The first hour" not in alice.home.plain
