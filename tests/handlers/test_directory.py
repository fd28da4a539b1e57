"""Who people are, as Slack says."""

from __future__ import annotations

from typing import Any

import pytest

from bot.services.people import DirectoryAway
from handlers.directory import SlackDirectory, person_of
from tests.handlers.conftest import Bench
from tests.handlers.payloads import a_command
from tests.views.samples import ANN, BOB, W

USER: dict[str, Any] = {
    "id": ANN,
    "team_id": W,
    "name": "ann",
    "locale": "ja-JP",
    "is_admin": True,
    "profile": {"real_name": "Ann Example", "display_name": "", "email": "Ann@Example.com"},
}


async def test_a_person_is_read_with_language_and_role(bench: Bench) -> None:
    """Name, address, language and flags come in one look."""
    bench.slack.users = {ANN: USER}
    person = await SlackDirectory(bench.client).person(ANN)
    assert person is not None
    assert (person.name, person.email, person.locale) == ("Ann Example", "ann@example.com", "ja-JP")
    assert person.is_owner
    assert person.is_active_member


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
    """A large workspace comes in pages, all of them."""
    bench.slack.users = {ANN: USER, BOB: USER | {"id": BOB}}
    assert [person.id async for person in SlackDirectory(bench.client).everybody()] == [ANN, BOB]


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
