"""Who people are, as Slack says."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.errors import CursorLost, DirectoryAway, GroupsClosed
from bot.slack.directory import SlackDirectory, person_of
from tests.handlers.conftest import Bench
from tests.handlers.payloads import a_command
from tests.views.samples import ANN, BOB, W

USER: dict[str, Any] = {
    "id": ANN,
    "team_id": W,
    "name": "ann",
    "locale": "ja-JP",
    "is_admin": True,
    "tz_offset": 32400,
    "profile": {"real_name": "Ann Example", "display_name": "", "email": "Ann@Example.com"},
}


async def test_a_person_is_read_with_language_and_role(bench: Bench) -> None:
    """Name, address, language and flags come in one look."""
    bench.slack.users = {ANN: USER}
    person = await SlackDirectory(bench.client).person(ANN)
    assert person is not None
    assert (person.name, person.email, person.locale) == ("Ann Example", "Ann@Example.com", "ja-JP")
    assert person.is_owner and person.utc_offset == 9 * 3600
    assert person.is_active_member


@pytest.mark.parametrize("said", [None, "32400", 1e9, 10**9, [], True])
async def test_a_clock_that_can_be_none_counts_as_utc(bench: Bench, said: object) -> None:
    """Deactivated people have no time zone; whatever stands there breaks nothing."""
    bench.slack.users = {ANN: {**USER, "tz_offset": said}}
    person = await SlackDirectory(bench.client).person(ANN)
    assert person is not None and person.utc_offset == 0


@pytest.mark.parametrize("error", ["user_not_found", "user_not_visible"])
async def test_nobody_is_an_answer(bench: Bench, error: str) -> None:
    """A person that Slack does not know is not the same as Slack not answering."""
    bench.slack.refusals["users.info"] = [error]
    assert await SlackDirectory(bench.client).person(ANN) is None


@pytest.mark.parametrize("error", ["internal_error", "ratelimited", "invalid_auth"])
async def test_any_other_trouble_is_slack_being_away(bench: Bench, error: str) -> None:
    """Whatever goes wrong, nobody is taken for somebody."""
    bench.slack.refusals["users.info"] = [error]
    with pytest.raises(DirectoryAway):
        await SlackDirectory(bench.client).person(ANN)


async def test_everybody_is_read_page_by_page(bench: Bench) -> None:
    """A large workspace comes in pages, each of which names the next."""
    bench.slack.users = {ANN: USER, BOB: USER | {"id": BOB}}
    directory = SlackDirectory(bench.client)
    first = await directory.page("")
    second = await directory.page(first.further)
    assert [person.id for person in first.people + second.people] == [ANN, BOB]
    assert second.further == ""


async def test_a_place_that_slack_has_lost_is_not_slack_being_away(bench: Bench) -> None:
    """Asking again from the same place would never end."""
    bench.slack.refusals["users.list"] = ["invalid_cursor"]
    with pytest.raises(CursorLost):
        await SlackDirectory(bench.client).page("old")


async def test_user_groups_are_read_with_their_members(bench: Bench) -> None:
    """Groups come by name; a group's members by its id."""
    bench.slack.groups = {"S2": ["U0ANN"], "S1": ["U0ANN", "U0BOB"]}
    directory = SlackDirectory(bench.client)
    assert [group.id for group in await directory.groups()] == ["S1", "S2"]
    assert await directory.group("S1") == (ANN, BOB)


async def test_a_group_that_is_no_more_has_nobody_in_it(bench: Bench) -> None:
    """Deleting a group in Slack takes from its members what they had through it."""
    bench.slack.refusals["usergroups.users.list"] = ["no_such_subteam"]
    assert await SlackDirectory(bench.client).group("S1") == ()


async def test_without_the_optional_scope_groups_are_closed(bench: Bench) -> None:
    """Not being allowed to read groups is an answer of its own: nothing is wrong with Slack."""
    directory = SlackDirectory(bench.client)
    bench.slack.refusals["usergroups.list"] = ["missing_scope"]
    with pytest.raises(GroupsClosed):
        await directory.groups()
    bench.slack.refusals["usergroups.users.list"] = ["missing_scope", "internal_error"]
    with pytest.raises(GroupsClosed):
        await directory.group("S1")
    with pytest.raises(DirectoryAway):
        await directory.group("S1")


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted"])
def test_who_is_no_member_is_seen(flag: str) -> None:
    """Guests, strangers, bots and the deactivated are told apart from members."""
    assert not person_of(USER | {flag: True}).is_active_member


def test_a_deactivated_person_has_no_flags() -> None:
    """Slack leaves the flags out; nobody is an owner by omission."""
    person = person_of({"id": ANN, "team_id": W, "deleted": True})
    assert person.is_deleted
    assert not person.is_owner


@pytest.mark.parametrize(
    "nonsense",
    [
        (502, "<html>Bad gateway</html>", "text/html"),
        (503, "upstream connect error", "text/plain"),
        (200, "<html>Sign in to the network</html>", "text/html"),
        (200, "{", "application/json"),
    ],
)
async def test_a_stranger_answering_for_slack_is_slack_being_away(
    bench: Bench, nonsense: tuple[int, str, str]
) -> None:
    """A proxy's error page is no news about anybody."""
    bench.slack.nonsense = nonsense
    with pytest.raises(DirectoryAway):
        await SlackDirectory(bench.client).person(ANN)
    answer = await bench.send(a_command("disable ann@example.com"))
    assert "try again" in str(answer.body)


@pytest.mark.parametrize("named", [{"team_id": "T9"}, {"team_id": "E1"}, {}])
def test_an_organisations_member_belongs_to_every_workspace_of_theirs(named: dict[str, str]) -> None:
    """On Enterprise Grid the list of their workspaces decides, whatever stands beside the name."""
    user = {"id": ANN, **named, "enterprise_user": {"enterprise_id": "E1", "teams": ["T9", W]}}
    assert person_of(user, W).workspace_id == W
    assert person_of(user).workspace_id == named.get("team_id", "")


@pytest.mark.parametrize(
    "theirs", [None, "E1", [], {}, {"teams": None}, {"teams": W}, {"teams": [None, 1]}, {"teams": ["T9"]}]
)
def test_nobody_becomes_a_member_by_a_list_that_does_not_name_us(theirs: Any) -> None:
    """Slack Connect, another workspace, or a shape that nobody knows."""
    assert person_of({"id": ANN, "team_id": "T9", "enterprise_user": theirs}, W).workspace_id == "T9"
