"""External selects: what is typed is searched for by the bot, as strictly as Slack does it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.driver import CannotDo
from tests.sandbox.slack_bot import World, world


def some(*words: str) -> list[dict[str, Any]]:
    return [{"text": {"type": "plain_text", "text": word}, "value": word.lower()} for word in words]


async def held(acme: World) -> str:
    screen = await acme.driver.person("alice").sees()
    assert screen.modal is not None
    return screen.modal.plain


async def test_what_is_typed_is_asked_for_and_what_is_chosen_is_held() -> None:
    """Up to as many as may be; the payload names element, text and dialog, and nothing to answer by."""
    async with world("http") as acme:
        alice = acme.driver.person("alice")
        await alice.types("/inbox search")
        assert "Who: [Ann]" in await held(acme)
        acme.offered = {"options": some("Bob", "Bobby")}
        assert await alice.searches("Who", "bo") == ["Bob", "Bobby"]
        asked = acme.got[-1]
        assert (asked["type"], asked["action_id"], asked["block_id"], asked["value"]) == (
            "block_suggestion",
            "pick",
            "who",
            "bo",
        )
        assert "trigger_id" not in asked and "response_url" not in asked and asked["view"]["id"]
        await alice.chooses("Who", "Bob")
        assert "Who: [Ann, Bob]" in await held(acme)
        with pytest.raises(CannotDo, match="no more than 2"):
            await alice.chooses("Who", "Bobby")
        await alice.chooses("Who", "Ann", on=False)
        await alice.chooses("Who", "Bobby")
        assert "Who: [Bob, Bobby]" in await held(acme)


async def test_nothing_is_asked_before_enough_is_typed() -> None:
    async with world("http") as acme:
        alice = acme.driver.person("alice")
        await alice.types("/inbox search")
        before = len(acme.got)
        with pytest.raises(CannotDo, match="before 2 characters"):
            await alice.searches("Who", "b")
        assert len(acme.got) == before


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        ({"options": some(*map(str, range(101)))}, "no more than 100"),
        ({"options": some("x" * 76)}, "less than 76"),
        (
            {"option_groups": [{"label": {"type": "plain_text", "text": "x" * 76}, "options": some("a")}]},
            "76",
        ),
        ({"text": "none"}, "missing required field: options"),
    ],
)
async def test_what_slack_would_not_show_is_said(offered: dict[str, Any], why: str) -> None:
    async with world("http") as acme:
        alice = acme.driver.person("alice")
        await alice.types("/inbox search")
        acme.offered = offered
        with pytest.raises(CannotDo, match=why):
            await alice.searches("Who", "bob")


async def test_options_that_do_not_come_in_time_do_not_come() -> None:
    async with world("socket", ack_within=1.0) as acme:
        alice = acme.driver.person("alice")
        await acme.driver.person("alice").types("/inbox search")
        with pytest.raises(CannotDo, match="operation_timeout"):
            await alice.searches("Who", "bob")
