"""Home and the list: what stands first, what each line offers, and what is said once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.domain.access import Operation
from bot.domain.channel import Cause, State
from bot.domain.view_models import ChannelRow
from bot.views import buttons as ids
from bot.views.home import home, overview_message
from handlers.actions import ACTIONS
from tests.views.gallery import overviews
from tests.views.samples import (
    BOB,
    EN,
    NOW,
    a_row,
    a_team_channel,
    an_incident,
    an_overview,
    in_state,
    many_rows,
)
from tests.views.test_messages import texts


def test_ones_own_inbox_stands_first() -> None:
    """However many team addresses there are; these are shown with what the team calls them."""
    overview = an_overview(own=(a_row(),), team=(a_row(a_team_channel(), is_own=False),))
    crowd = an_overview(own=(a_row(),), team=many_rows(99))
    for shown in (overview, crowd):
        for view in (home(EN, shown, now=NOW), overview_message(EN, shown, now=NOW)):
            said = texts(view)
            assert said.index("*ann@example.com*") < said.index("example.com* · Support")
    assert "*support@example.com* · Support" in texts(home(EN, overview, now=NOW))


def test_a_line_that_is_well_is_one_line_with_a_menu() -> None:
    """What can be done with it stands in there, as a wish where an admin has to agree."""
    asks = frozenset({Operation.DISABLE, Operation.REMOVE})
    row = a_row(a_team_channel(), is_own=False, may=asks | {Operation.SEE}, asks=asks)
    blocks = [it for it in home(EN, an_overview(team=(row,)), now=NOW)["blocks"] if "support@" in str(it)]
    (line,) = blocks
    assert "\n" not in line["text"]["text"] and " · 🟢 Connected since" in line["text"]["text"]
    labels = [it["text"]["text"] for it in line["accessory"]["options"]]
    assert labels == ["Details", "Permissions", "Ask to disable…", "Ask to remove…"]


@pytest.mark.parametrize(
    ("row", "deed"),
    [
        (in_state(State.DISCONNECTED, Cause.GRANT_REFUSED), "channel.reconnect"),
        (in_state(State.DISABLED), "channel.enable"),
        (in_state(State.DISABLED, Cause.GRANT_REFUSED), "channel.reconnect"),
    ],
)
def test_what_has_to_be_done_has_a_button_however_long_the_list_is(row: ChannelRow, deed: str) -> None:
    """One, beside the menu with the rest."""
    for crowd in ((), many_rows(90)):
        view = home(EN, an_overview(own=(row,), team=crowd), now=NOW)
        of_row = [it for it in view["blocks"] if it["type"] == "actions" and f"{row.channel.id}:" in str(it)]
        assert [it["action_id"] for it in of_row[0]["elements"]] == [deed, "more"]


def test_a_reason_that_several_share_is_said_once() -> None:
    """Each line names it in short; none of several Reconnects stands out, since none is special."""
    rows = [it for it in many_rows(24) if it.channel.state is State.DISCONNECTED]
    view = home(EN, an_overview(team=tuple(rows)), now=NOW)
    assert texts(view).count("no longer accepts our access") == 1
    assert texts(view).count("access refused") == len(rows)
    assert '"primary"' not in json.dumps(view)


def test_who_is_on_an_outage_stands_in_its_line() -> None:
    """So that no second person begins."""
    row = in_state(State.DISCONNECTED, Cause.GRANT_REFUSED)
    claimed = replace(row, outage=an_incident(claimed_by=BOB, claimed_at=NOW))
    for view in (
        home(EN, an_overview(own=(claimed,)), now=NOW),
        overview_message(EN, an_overview(own=(claimed,)), now=NOW),
    ):
        assert f"🙋 <@{BOB}> has been on it since" in texts(view)
    assert "🙋" not in texts(home(EN, an_overview(own=(row,)), now=NOW))


def test_what_is_about_no_inbox_stands_at_the_top_of_home() -> None:
    """The file with everybody's history is offered to those who may have it."""
    for may_export in (True, False):
        view = home(EN, an_overview(own=(a_row(),), may_export=may_export), now=NOW)
        head = next(it for it in view["blocks"] if it["type"] == "actions")
        *pressed, menu = head["elements"]
        assert [it["action_id"] for it in pressed] == ["channel.connect", "overview.admins", "overview.help"]
        assert ("Export the history" in str(menu)) is may_export


def test_every_choice_in_a_menu_is_one_that_is_heard() -> None:
    """Each stands for a button, and Slack takes what it carries."""
    menus = [
        part
        for _, overview in overviews()
        for block in home(EN, overview, now=NOW)["blocks"]
        for part in [*block.get("elements", []), block.get("accessory", {})]
        if part.get("type") == "overflow"
    ]
    chosen = [option["value"] for menu in menus for option in menu["options"]]
    assert all(len(it) <= 75 for it in chosen)
    assert {ids.parse_choice(it)[0] for it in chosen} <= set(ACTIONS) | ids.ONLY_CHOSEN
