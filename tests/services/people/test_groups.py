"""Rights that rest on a Slack user group: asked again when they are used, and never older than two hours."""

from __future__ import annotations

import pytest

from bot.domain.access import Operation, Role
from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import DirectoryAway, NeedsApproval, NotAllowed, RightsUnread
from bot.domain.request import RequestedChange
from bot.domain.ticket import OutcomeKind
from bot.domain.view_models import Completion
from bot.services.core.roles import roles_in
from providers.base import Form
from tests.services.play import ACME, IDS, Play, on_both, secret_of

SUPPORT = "support@acme.example"
SCOPE = "usergroups:read"
READ = "usergroups.users.list"


async def in_a_group(play: Play, *people: str, group: str = "S0MAIL") -> None:
    """These people have account access through a user group, and nothing else."""
    await play.stage.driver.grant(SCOPE)
    await play.stage.driver.edit_group(group, *people)
    await play.services.admins.give_group(await play.actor("omar"), group)


async def listed(play: Play) -> set[str]:
    """Who has account access as recipients are computed."""
    async with play.storage.reading() as uow:
        roles = await roles_in(uow, play.services.core, ACME)
    return {person.id for person in roles.account_access}


async def maintenance(play: Play, *, hours: float = 0, minutes: float = 0) -> None:
    """So much time passes, in steps of five minutes, as the chores see it."""
    for _ in range(round((hours * 60 + minutes) / 5)):
        await play.passes(minutes=5)


@on_both
async def test_leaving_the_group_counts_at_the_next_click(play: Play) -> None:
    """The list is half an hour old at most; a click that rests on it asks Slack once, and believes that."""
    channel = await play.connect_team()
    await in_a_group(play, "alice", "kenji")
    assert (await play.actor("alice")).has_account_access
    await play.stage.driver.edit_group("S0MAIL", "kenji")
    before = len(await play.stage.driver.calls(READ))
    with pytest.raises(NeedsApproval):
        await play.disable("alice", channel)
    assert len(await play.stage.driver.calls(READ)) == before + 1
    assert await listed(play) == {IDS["kenji"]}
    assert (await play.now_of(channel)).state is State.CONNECTED


async def test_whoever_has_the_right_otherwise_costs_no_call(play: Play) -> None:
    """Named one by one, or a super admin: the group is not asked, and its silence harms nobody."""
    await in_a_group(play, "alice", "omar", "kenji")
    await play.services.admins.give(await play.actor("omar"), Role.ACCOUNT_ACCESS, IDS["alice"])
    await play.stage.driver.withdraw(SCOPE)
    before = len(await play.stage.driver.calls(READ))
    assert (await play.actor("alice")).has_account_access
    assert (await play.actor("omar")).is_super_admin
    assert len(await play.stage.driver.calls(READ)) == before


async def test_of_several_groups_one_that_names_them_is_enough(play: Play) -> None:
    """Left one group, in another still; and where that cannot be read, in doubt."""
    await in_a_group(play, "alice")
    await in_a_group(play, "alice", group="S0ZDESK")
    await play.stage.driver.edit_group("S0MAIL", "kenji")
    assert (await play.actor("alice")).has_account_access
    await play.stage.driver.break_("ratelimited", method=READ)
    assert (await play.actor("alice")).is_in_doubt


@pytest.mark.parametrize("trouble", ["scope", "ratelimited", "error"])
async def test_a_group_that_cannot_be_read_allows_nothing(play: Play, trouble: str) -> None:
    """Every deed that rests on it is refused as uncheckable; whatever anybody may do goes on."""
    channel = await play.connect_team()
    await in_a_group(play, "alice")
    requested_change = RequestedChange(
        Operation.DISABLE, InboxSpec(channel.address, channel.kind), channel.id
    )
    asked = await play.services.approvals.ask(await play.actor("kenji"), requested_change, reason="")
    if trouble == "scope":
        await play.stage.driver.withdraw(SCOPE)
    else:
        await play.stage.driver.break_(trouble, method=READ)
    alice = await play.actor("alice")
    with pytest.raises(RightsUnread):
        await play.services.channel_actions.disable(alice, channel.id)
    with pytest.raises(RightsUnread):
        await play.services.approvals.answer(alice, asked.request.id, approve=True)
    with pytest.raises(RightsUnread):
        await play.services.connections.begin(alice, InboxSpec("new@acme.example", Kind.TEAM))
    with pytest.raises(RightsUnread):
        await play.services.switches.begin(alice, channel.id, to="microsoft")
    assert (await play.now_of(channel)).state is State.CONNECTED
    assert await play.reconnect("alice", channel)
    assert await play.begin("alice")
    if trouble != "scope":
        await play.stage.driver.mend()
        await play.passes(seconds=5)  # for as long as Slack asked to be left alone
        assert (await play.disable("alice", channel)).state is State.DISABLED


async def test_an_old_list_counts_for_nothing(play: Play) -> None:
    """For two hours an unread group is believed for telling people; then nobody holds anything through it."""
    await in_a_group(play, "alice")
    await play.stage.driver.withdraw(SCOPE)
    await maintenance(play, minutes=115)
    assert await listed(play) == {IDS["alice"]}
    await maintenance(play, minutes=10)
    assert await listed(play) == set()
    assert not (await play.actor("alice")).has_account_access
    await play.stage.driver.grant(SCOPE)
    await maintenance(play, minutes=65)
    assert await listed(play) == {IDS["alice"]}


async def test_one_group_stands_in_no_others_way(play: Play) -> None:
    """The first that is read fails; the other's members are known all the same, and it is tried again."""
    await in_a_group(play, "alice")
    await in_a_group(play, "alice", group="S0ZDESK")
    await play.stage.driver.edit_group("S0MAIL", "kenji")
    await play.stage.driver.edit_group("S0ZDESK", "kenji")
    await play.stage.driver.break_("error", method=READ, times=1)
    with pytest.raises(DirectoryAway):
        await play.services.admins.read_groups()
    async with play.storage.reading() as uow:
        assert await uow.roles.groups_of(ACME, IDS["kenji"]) == ("S0ZDESK",)
    assert await play.services.admins.read_groups() == 2
    async with play.storage.reading() as uow:
        assert await uow.roles.groups_of(ACME, IDS["alice"]) == ()


async def test_the_operator_hears_once_that_groups_cannot_be_read(play: Play) -> None:
    """Said once with the permission that is missing; when it is mended the same message says so."""
    await in_a_group(play, "alice")
    await play.stage.driver.withdraw(SCOPE)
    await maintenance(play, hours=4)
    [told] = await play.told("omar", "cannot read Slack's user groups")
    assert SCOPE in told.plain
    await play.stage.driver.grant(SCOPE)
    await maintenance(play, minutes=65)
    assert not await play.told("omar", "cannot read Slack's user groups")
    assert len(await play.told("omar", "can be read again")) == 1


async def test_a_short_pause_is_no_matter_for_the_operator(play: Play) -> None:
    """Slack puts a reading off and takes the next: nobody is told. If it goes on, they are."""
    await in_a_group(play, "alice")
    await play.passes(minutes=55)
    await play.stage.driver.break_("ratelimited", method=READ, times=2)
    await maintenance(play, minutes=30)
    assert not await play.told("omar", "user groups")
    await play.stage.driver.break_("ratelimited", method=READ)
    await maintenance(play, minutes=110)
    assert len(await play.told("omar", "cannot read Slack's user groups")) == 1


async def test_a_group_that_was_disabled_names_nobody(play: Play) -> None:
    """Slack no longer knows it: that is an answer, not a silence."""
    channel: Channel = await play.connect_team()
    await in_a_group(play, "alice")
    await play.stage.driver.break_("error", method=READ, error="no_such_subteam")
    with pytest.raises((NeedsApproval, NotAllowed)):
        await play.disable("alice", channel)
    assert await listed(play) == set()


# --- the end of a sign-in


@pytest.mark.parametrize(
    "change", [{"is_restricted": True}, {"is_ultra_restricted": True}, {"deleted": True}]
)
async def test_who_may_not_any_more_is_noticed_before_the_swap(play: Play, change: dict[str, bool]) -> None:
    """A guest by now, or gone, without any event: Slack is asked once, nothing is connected, all is given
    back."""
    callback = await play.consent(await play.begin("alice"))
    await play.stage.driver.edit_person("alice", silently=True, **change)
    before = len(await play.stage.driver.calls("users.info"))
    outcome = await play.complete(callback)
    await play.settles()
    assert outcome.ending is OutcomeKind.NOT_POSSIBLE
    assert len(await play.stage.driver.calls("users.info")) == before + 1
    assert await play.channel("alice@acme.example") is None
    assert play.refresh_tokens("alice@acme.example") == 0


@pytest.mark.parametrize("trouble", ["away", "ratelimited", "error"])
async def test_a_swap_that_slack_cannot_vouch_for_is_not_done(play: Play, trouble: str) -> None:
    """The old grant is as it was, the new one given back as far as it may be; later the same page goes on."""
    channel = await play.connect("alice")
    callback = await play.consent(await play.reconnect("alice", channel))
    await play.stage.driver.break_(trouble, method="users.info")
    outcome = await play.complete(callback)
    assert outcome.ending is OutcomeKind.RIGHTS_UNREAD and outcome.ending.may_try_again
    assert await play.now_of(channel) == channel
    assert (await play.complete(callback)).ending is OutcomeKind.RIGHTS_UNREAD
    await play.stage.driver.mend()
    await play.passes(seconds=5)  # for as long as Slack asked to be left alone
    again = await play.complete(await play.again(outcome))
    assert again.ending is OutcomeKind.RECONNECTED


async def test_a_group_is_asked_again_before_the_swap(play: Play) -> None:
    """Out of the group while signing in: not possible any more. Unreadable: not now. In it: connected."""
    await in_a_group(play, "alice")
    plan = InboxSpec(SUPPORT, Kind.TEAM, provider="google")

    async def ready() -> dict[str, str]:
        return await play.consent(await play.services.connections.begin(await play.actor("alice"), plan))

    callback = await ready()
    await play.stage.driver.edit_group("S0MAIL", "kenji")
    assert (await play.complete(callback)).ending is OutcomeKind.NOT_POSSIBLE
    await play.stage.driver.edit_group("S0MAIL", "alice")
    await play.services.admins.read_groups()
    callback = await ready()
    await play.stage.driver.withdraw(SCOPE)
    assert (await play.complete(callback)).ending is OutcomeKind.RIGHTS_UNREAD
    assert await play.channel(SUPPORT) is None
    await play.stage.driver.grant(SCOPE)
    assert (await play.complete(await ready())).ending is OutcomeKind.CONNECTED


async def test_a_form_is_held_to_the_same(play: Play) -> None:
    """A password that opens the mailbox is not kept for somebody who is a guest by now."""
    actor = await play.actor("alice")
    begun = await play.services.connections.begin(actor, InboxSpec(actor.person.email, provider="imap"))
    way = await play.services.oauth_flow.start(secret_of(begun), "browser")
    assert isinstance(way.step, Form)
    password = play.stage.town.imap.password_of(begun.address)
    await play.stage.driver.edit_person("alice", silently=True, is_restricted=True)
    filled = {**dict(way.step.given), "password": password}
    outcome = await play.services.oauth_flow.fill(secret_of(begun), filled, "browser")
    assert isinstance(outcome, Completion) and outcome.outcome.ending is OutcomeKind.NOT_POSSIBLE
    assert await play.channel(begun.address) is None
