"""Home and the list: what stands first, what each line offers, and what is said once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.channel import Cause, State
from bot.domain.ids import RequestId
from bot.domain.view_models import Browse, ChannelRow, FirstHour, StateCounts
from bot.views import buttons as ids
from bot.views import home as ids_home
from bot.views.home import home, overview_message
from bot.views.status import status_message
from handlers.actions import ACTIONS, ONLY_CHOSEN
from tests.views.gallery import overviews
from tests.views.samples import (
    BOB,
    EN,
    NOW,
    a_request,
    a_row,
    a_setup_card,
    a_status,
    a_team_channel,
    an_incident,
    an_overview,
    in_state,
    many_rows,
)
from tests.views.test_messages import buttons, texts


def test_what_needs_somebody_stands_first_and_ones_own_inbox_next() -> None:
    """However many team addresses there are; these are shown with what the team calls them."""
    overview = an_overview(own=(a_row(),), team=(a_row(a_team_channel(), is_own=False),))
    crowd = an_overview(own=(a_row(),), team=many_rows(99))
    for shown in (overview, crowd):
        for view in (home(EN, shown), overview_message(EN, shown, now=NOW)):
            said = texts(view)
            own, theirs = said.index("*ann@example.com*"), said.index("*Team addresses*")
            assert own < theirs and (shown is overview or said.index("*Needs you*") < own)
    assert "*support@example.com* · Support" in texts(home(EN, overview))


def test_a_line_that_is_well_is_one_line_with_a_menu() -> None:
    """What can be done with it stands in there, as a wish where an admin has to agree."""
    asks = frozenset({Operation.DISABLE, Operation.REMOVE})
    row = a_row(a_team_channel(), is_own=False, may=asks | {Operation.SEE}, asks=asks)
    blocks = [it for it in home(EN, an_overview(team=(row,)))["blocks"] if "support@" in str(it)]
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
        view = home(EN, an_overview(own=(row,), team=crowd))
        of_row = [it for it in view["blocks"] if it["type"] == "actions" and f"{row.channel.id}:" in str(it)]
        assert [it["action_id"] for it in of_row[0]["elements"]] == [deed, "more"]


def test_a_reason_that_several_share_is_said_once() -> None:
    """Each line names it in short; none of several Reconnects stands out, since none is special."""
    rows = [it for it in many_rows(24) if it.channel.state is State.DISCONNECTED]
    view = home(EN, an_overview(team=tuple(rows)))
    assert texts(view).count("no longer accepts our access") == 1
    assert texts(view).count(" · access refused\n") == len(rows)  # in the line of its state
    assert '"primary"' not in json.dumps(view)


def test_who_is_on_an_outage_stands_in_its_line() -> None:
    """So that no second person begins."""
    row = in_state(State.DISCONNECTED, Cause.GRANT_REFUSED)
    claimed = replace(row, outage=an_incident(claimed_by=BOB, claimed_at=NOW))
    for view in (
        home(EN, an_overview(own=(claimed,))),
        overview_message(EN, an_overview(own=(claimed,)), now=NOW),
    ):
        assert f"🙋 <@{BOB}> has been on it since" in texts(view)
    assert "🙋" not in texts(home(EN, an_overview(own=(row,))))


def test_what_is_about_no_inbox_stands_at_the_top_of_home() -> None:
    """The file with everybody's history is offered to those who may have it."""
    for may_export in (True, False):
        view = home(EN, an_overview(own=(a_row(),), may_export=may_export))
        head = next(it for it in view["blocks"] if it["type"] == "actions")
        *pressed, menu = head["elements"]
        assert [it["action_id"] for it in pressed] == ["channel.connect", "overview.admins", "overview.help"]
        assert ("Export the history" in str(menu)) is may_export


def test_every_choice_in_a_menu_is_one_that_is_heard() -> None:
    """Each stands for a button, and Slack takes what it carries."""
    menus = [
        part
        for _, overview in overviews()
        for block in home(EN, overview)["blocks"]
        for part in [*block.get("elements", []), block.get("accessory", {})]
        if part.get("type") == "overflow"
    ]
    chosen = [option["value"] for menu in menus for option in menu["options"]]
    assert all(len(it) <= 75 for it in chosen)
    assert {ids.parse_choice(it)[0] for it in chosen} <= ACTIONS.keys() | ONLY_CHOSEN.keys()


def blocks_with(view: dict[str, Any], action_id: str) -> list[dict[str, Any]]:
    """The elements that have this id."""
    found = [[*block.get("elements", []), block.get("element", {})] for block in view["blocks"]]
    return [it for elements in found for it in elements if it.get("action_id") == action_id]


def test_few_inboxes_need_no_search() -> None:
    """One, or twelve, are seen at a glance."""
    for number, there in ((1, 0), (12, 0), (13, 1)):
        view = home(EN, an_overview(team=many_rows(number)))
        assert len(blocks_with(view, ids_home.HOME_SEARCH)) == there
        assert len(blocks_with(view, ids_home.HOME_STATE)) == there


def test_a_page_says_where_it_is_and_leads_on() -> None:
    """And back; each button carries all that was chosen."""
    chosen = Browse("te:am", State.CONNECTED, skip=50)
    tally = StateCounts({State.CONNECTED: 300, State.DISABLED: 5})
    overview = replace(an_overview(team=many_rows(25), browse=chosen, has_more=True), tally=tally)
    view = home(EN, overview)
    [forth], [back] = blocks_with(view, ids_home.HOME_NEXT), blocks_with(view, ids_home.HOME_PREVIOUS)
    assert ids_home.parse_browse(forth["value"]) == replace(chosen, skip=75)
    assert ids_home.parse_browse(back["value"]) == replace(chosen, skip=25)
    assert "Inboxes 51 to 75" in texts(view)
    [field], [state] = blocks_with(view, ids_home.HOME_SEARCH), blocks_with(view, ids_home.HOME_STATE)
    assert field["initial_value"] == "te:am" and state["initial_option"]["value"] == "connected"
    assert blocks_with(view, ids_home.HOME_ALL)


def test_what_was_typed_before_is_not_kept_in_the_field() -> None:
    """Slack keeps it for as long as its block has the same name: each turn has another."""
    crowd = an_overview(team=many_rows(25))
    view = home(EN, replace(crowd, browse=Browse(turn=3)))
    fields = {it["block_id"]: "x" for it in view["blocks"] if "block_id" in it}
    assert len(fields) == 2
    assert ids_home.chosen_browse(fields) == Browse("x", turn=4)


def test_a_page_of_the_worst_fits() -> None:
    """Each row with a button of its own, every heading, every request, the card above."""
    rows = tuple(
        replace(it, channel=replace(it.channel, state=State.DISCONNECTED, cause=Cause.GRANT_REFUSED))
        for it in many_rows(25)
    )
    wishes = tuple(a_request(id=RequestId(f"r{n}"), requester=BOB) for n in range(9))
    steps = FirstHour(False, False, False, False)
    worst = an_overview(
        team=rows, to_answer=wishes, asked=wishes, not_set_up=a_setup_card(), first_hour=steps
    )
    view = home(EN, replace(worst, has_more=True))
    assert "Inboxes 1 to 25 of" in texts(view)


def test_the_first_hour_has_a_button_for_each_step_that_is_left() -> None:
    """What is done is one quiet line; without a team address there is nothing yet to rehearse with."""
    team = a_team_channel()
    nothing = home(EN, an_overview(first_hour=FirstHour(False, False, False, False)))
    assert texts(nothing).count("☐") == 4 and "✅" not in texts(nothing)
    assert "whether its encryption key and its backups are kept in two places" in texts(nothing)
    assert texts(nothing).count("This needs a team address, so connect one first.") == 2
    some = home(EN, an_overview(first_hour=FirstHour(True, False, True, False, team)))
    ways = [it["accessory"] for it in some["blocks"] if "☐" in str(it)]
    assert [(it["action_id"], it["value"]) for it in ways] == [
        ("channel.edit", f"{team.id}:{team.version}"),
        ("typed", f"drill {team.address}"),
    ]
    assert texts(some).count("✅") == 2 and blocks_with(some, "home.first_hour.over")
    assert "This needs a team address" not in texts(some)


@pytest.mark.parametrize("browse", [Browse(), Browse("a|b:c", State.DISABLED, 75, 9), Browse("|", skip=25)])
def test_a_home_says_what_it_shows(browse: Browse) -> None:
    """Whoever is sent it along with a click reads what its reader chose, and when it was drawn."""
    view = ids_home.stamped(home(EN, replace(an_overview(), browse=browse)), browse, NOW)
    assert ids_home.parse_drawn(view["private_metadata"]) == (browse, NOW)
    for odd in ("", "x", None, 5, "2026-01-01T00:00:00|1|0:any:", f"{NOW.isoformat()}|x|0:any:"):
        assert ids_home.parse_drawn(odd) is None


def test_an_empty_page_leads_back() -> None:
    """What stood on it was removed meanwhile: the field and the menu may be gone, too."""
    view = home(EN, replace(an_overview(), browse=Browse(skip=25)))
    [back] = blocks_with(view, "home.previous")
    assert "0:any:" in json.dumps(back)


def test_what_stopped_working_stands_before_the_first_hour() -> None:
    """At night nobody scrolls past what can wait."""
    steps, broken = FirstHour(True, False, False, False), in_state(State.DISCONNECTED, Cause.GRANT_REFUSED)
    for row, is_first in ((broken, False), (a_row(), True)):
        said = texts(home(EN, an_overview(own=(row,), first_hour=steps)))
        assert (said.index("The first hour") < said.index("ann@example.com")) is is_first
    asked = an_overview(to_answer=(a_request(requester=BOB),), first_hour=steps)
    said = texts(home(EN, asked))
    assert said.index("Waiting for you") < said.index("The first hour")


def test_the_inbox_of_somebody_who_left_asks_what_becomes_of_it() -> None:
    """For as long as nobody has decided: the message that asked has long scrolled away."""
    for state in (State.CONNECTED, State.DISCONNECTED, State.DISABLED):
        cause = Cause.GRANT_REFUSED if state is State.DISCONNECTED else Cause.NONE
        row = replace(in_state(state, cause), is_own=False, owner_left=True)
        for view in (
            home(EN, an_overview(others=(row,))),
            overview_message(EN, an_overview(others=(row,)), now=NOW),
            status_message(EN, a_status(row), now=NOW),
        ):
            assert "Its owner left the workspace" in texts(view)
            assert "sign in" not in texts(view)
            assert {ids.TAKE_OVER} == set(buttons(view)) & {ids.TAKE_OVER, ids.RECONNECT, ids.ENABLE}


def test_pages_that_open_only_here_are_said_until_the_first_hour_is_over() -> None:
    """The card says it before the first inbox; with an inbox it is as true. Said once, and to no member."""
    steps, url = FirstHour(True, False, False, False, a_team_channel()), "http://127.0.0.1:8080"
    said = f"Pages open at {url}: only on the machine"
    for card in (None, a_setup_card(loopback_only=True, base_url=url)):
        view = home(EN, an_overview(first_hour=steps, only_here=url, not_set_up=card))
        assert texts(view).count(said) == 1
    assert said not in texts(home(EN, an_overview(only_here=url)))
    assert said not in texts(home(EN, an_overview(first_hour=steps)))
