"""One inbox in detail, and as a line of a list: both sides are told, and neither contradicts the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.access import Operation
from bot.domain.api_key import OwnerAnswer, OwnerAsked
from bot.domain.channel import REFUSED_CAUSES, Cause, State
from bot.domain.incident import IncidentKind, Unexplained
from bot.domain.request import Awaits, RequestState
from bot.domain.view_models import MOST_COUNTED, Browse, ChannelRow, ProgramUse, StateCounts
from bot.views.history import why_message
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from bot.views.replies import enabled_message
from bot.views.status import status_message
from tests.views.history_gallery import some_evidence
from tests.views.keys_gallery import a_key
from tests.views.samples import (
    ANN,
    BOB,
    EN,
    JA,
    LANGUAGES,
    NOW,
    a_channel,
    a_feature,
    a_request,
    a_row,
    a_setup_card,
    a_status,
    a_team_channel,
    a_wish,
    an_incident,
    an_overview,
    in_state,
    many_rows,
)
from tests.views.switch_gallery import no_mail, some_mail
from tests.views.test_messages import buttons, in_menus, texts

ORDERS = ("econnect and", "then reconnect", "or reconnect", "Reconnect with")


def status(row: ChannelRow, lang: Language = EN, **changes: Any) -> dict[str, Any]:
    return status_message(lang, a_status(row, **changes), now=NOW)


def listed(row: ChannelRow, lang: Language = EN) -> dict[str, Any]:
    return overview_message(lang, an_overview(team=(row,)), now=NOW)


def test_who_connected_it_goes_with_when_that_was() -> None:
    """Not with the time of a later sign-in, which may have been somebody else's."""
    row = in_state(State.CONNECTED, created_at=NOW - timedelta(days=40))
    first = int(row.channel.created_at.timestamp())
    for signed_in in (NOW, None):
        said = texts(status(row, obtained_at=signed_in))
        assert f"*Connected by*  <@{ANN}>, <!date^{first}^" in said


def test_one_person_is_named_once() -> None:
    """Whose inbox it is and who connected it are two things only where they are two people."""
    assert "*Owner*" not in texts(status(a_row()))
    said = texts(status(a_row(), connected_by=BOB))
    assert f"*Owner*  <@{ANN}>" in said and f"*Connected by*  <@{BOB}>" in said


@pytest.mark.parametrize(
    ("state", "cause", "first"),
    [
        (State.CONNECTED, Cause.NONE, None),
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, None),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, "channel.reconnect"),
        (State.DISABLED, Cause.NONE, "channel.enable"),
        (State.DISABLED, Cause.GRANT_REFUSED, "channel.reconnect"),
    ],
)
def test_one_deed_stands_out_and_the_rest_is_in_a_menu(state: State, cause: Cause, first: str | None) -> None:
    """State first, then what can be done; nothing that stands in both, and nothing that is lost."""
    view = status(in_state(state, cause))
    kinds = [block["type"] for block in view["blocks"]]
    assert kinds.index("actions") < kinds.index("context")
    shown, others = set(buttons(view)), in_menus(view)
    deeds = {"channel.reconnect", "channel.enable", "channel.disable", "channel.remove", "channel.edit"}
    assert shown & deeds == ({first} if first else set())
    assert not shown & set(others)
    assert {"channel.remove", "channel.edit", "channel.permissions", "incident.why"} <= shown | {*others}


# --- both sides


@pytest.mark.parametrize(
    ("state", "cause", "theirs"),
    [
        (State.CONNECTED, Cause.NONE, "working, last confirmed <!date"),
        (State.DISABLED, Cause.NONE, "working, last confirmed <!date"),
        (State.IMPAIRED, Cause.GRANT_REFUSED, "access refused, last confirmed <!date"),
        (State.IMPAIRED, Cause.CHECKING, "being checked, last confirmed <!date"),
        (State.IMPAIRED, Cause.PROVIDER_UNREACHABLE, "cannot be checked right now, last confirmed <!date"),
        (State.IMPAIRED, Cause.HELD, "cannot be checked right now, last confirmed <!date"),
        (State.IMPAIRED, Cause.OURS_BROKEN, "cannot be checked right now, last confirmed <!date"),
        (State.DISCONNECTED, Cause.GRANT_REFUSED, "access refused by the provider"),
        (State.DISABLED, Cause.GRANT_REFUSED, "access refused by the provider"),
    ],
)
def test_the_providers_side_is_what_is_known_of_it(state: State, cause: Cause, theirs: str) -> None:
    """It accepts us only where nothing says otherwise."""
    assert f"*At Google*\n{theirs}" in texts(status(in_state(state, cause)))


UNKNOWN = Unexplained("quantum_flux", is_lasting=True, others_work=True)


def unexplained(**changes: Any) -> ChannelRow:
    """One that its provider refuses with a code that nobody knows."""
    row = in_state(State.IMPAIRED, Cause.PROVIDER_UNREACHABLE)
    return replace(row, unexplained=replace(UNKNOWN, **changes))


def test_a_code_that_nobody_knows_is_said_in_the_notices_words_everywhere() -> None:
    """It answers, so nobody reads that it is out of reach, nor that there is nothing to do: neither in the
    label, nor below it, nor of the provider's side."""
    row = unexplained()
    why = why_message(EN, some_evidence(row=row, records=(), incident=None), now=NOW)
    views = (status(row), listed(row), home(EN, an_overview(own=(row,))), why)
    for view in views:
        said = texts(view)
        assert "Being checked: refused for a reason we don't know" in said
        assert "refuses it with a reason we don't know: quantum_flux. Other inboxes there work." in said
        assert "Who can find out: your organisation's Google admin" in said
        assert "don't need to do anything" not in said
        assert not any(untrue in said for untrue in ("reached", "cannot be checked"))
    assert "Other inboxes" not in texts(status(unexplained(others_work=False)))


def test_a_long_list_names_the_code_too() -> None:
    """Its rows have no room for what to do."""
    row = unexplained()
    said = texts(overview_message(EN, an_overview(team=(row, *many_rows(30))), now=NOW))
    assert "refuses it with a reason we don't know: quantum_flux" in said


def test_a_code_that_has_just_come_up_sends_nobody() -> None:
    """For the first hour nobody is told, and nobody has to look."""
    for view in (status(unexplained(is_lasting=False)), listed(unexplained(is_lasting=False))):
        said = texts(view)
        assert "refuses it with a reason we don't know: quantum_flux." in said
        assert "you don't need to do anything yet" in said
        assert "Who can find out" not in said


def test_what_is_out_of_reach_is_still_called_that() -> None:
    """Without a code only the cause is known."""
    row = in_state(State.IMPAIRED, Cause.PROVIDER_UNREACHABLE)
    for view in (status(row), listed(row)):
        said = texts(view)
        assert "cannot be reached at the moment" in said
        assert "Being checked: cannot be reached" in said
        assert "reason we don't know" not in said


@pytest.mark.parametrize("cause", sorted(REFUSED_CAUSES))
def test_one_refusal_orders_nobody_about(cause: Cause) -> None:
    """In detail, in a list, on Home and after enabling: it is being checked again, and that is all."""
    row = in_state(State.IMPAIRED, cause)
    views = (
        status(row),
        listed(row),
        home(EN, an_overview(own=(row,))),
        enabled_message(EN, row.channel, provider_label="Gmail"),
    )
    for view in views:
        said = texts(view)
        assert "Google refused it once (" in said
        assert "you don't need to do anything yet" in said
        assert not any(order in said for order in ORDERS)
    assert "channel.reconnect" not in buttons(listed(row))


@pytest.mark.parametrize("state", [State.DISCONNECTED, State.DISABLED])
def test_what_is_refused_for_good_says_what_to_do(state: State) -> None:
    """And has the button for it."""
    view = status(in_state(state, Cause.GRANT_REFUSED))
    assert "Reconnect and sign in." in texts(view)
    assert "channel.reconnect" in buttons(view)


def test_nobody_is_led_to_sign_in_while_many_are_refused() -> None:
    """*Don't reconnect yet*, and no button that does; one that was disabled meanwhile waits no more."""
    ways = {"channel.reconnect", "channel.switch"}
    held = status(in_state(State.IMPAIRED, Cause.HELD))
    assert "Don't reconnect yet" in texts(held)
    assert not ways & {*buttons(held), *in_menus(held)}
    for row in (
        in_state(State.DISABLED, Cause.HELD),
        in_state(State.IMPAIRED, Cause.PROVIDER_UNREACHABLE),
    ):
        assert ways <= {*buttons(status(row)), *in_menus(status(row))}


def test_a_cause_that_is_not_known_is_no_proof_of_life() -> None:
    """Only what is connected works."""
    for state in (State.IMPAIRED, State.DISCONNECTED):
        assert "The cause is not known yet." in texts(status(in_state(state)))


def test_an_open_outage_says_what_began() -> None:
    """A line without a subject says nothing."""
    incident = an_incident(kind=IncidentKind.UNVERIFIABLE, opened_at=NOW - timedelta(hours=2))
    said = texts(status(in_state(State.IMPAIRED, Cause.PROVIDER_UNREACHABLE), incident=incident))
    assert "Outage: began <!date" in said and "(2 h ago)." in said


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, "An admin has until"),
        (
            {"awaits": Awaits.TENANT},
            "Your organisation's Microsoft admin has until",
        ),
        ({"state": RequestState.APPROVED}, "It is approved; they have until"),
    ],
)
def test_a_request_says_for_whom_it_waits(changes: dict[str, Any], waits: str) -> None:
    """An admin here, an admin at the provider, or whoever asked."""
    request = a_request(a_wish(Operation.SWITCH), **changes)
    assert waits in texts(status(a_row(a_team_channel()), requests=(request,)))


# --- in a list


@pytest.mark.parametrize(
    ("state", "is_said"), [(State.CONNECTED, True), (State.DISCONNECTED, True), (State.IMPAIRED, False)]
)
def test_a_missing_permission_waits_until_there_is_nothing_worse(state: State, is_said: bool) -> None:
    """*Nothing to do* and *needs a reconnect* would contradict each other."""
    channel = a_team_channel(state=state, cause=Cause.PROVIDER_UNREACHABLE)
    row = a_row(channel, lacking=(a_feature(),))
    many = overview_message(EN, an_overview(team=(row,) * 13), now=NOW)
    assert ("Needs a reconnect for CRM" in texts(listed(row))) is is_said
    assert ("CRM cannot use this inbox yet" in texts(status(row))) is is_said
    for view in (listed(row), many):
        assert ("channel.reconnect" in buttons(view)) is is_said


@pytest.mark.parametrize(
    ("mail", "way", "said"),
    [
        (some_mail(), "Switch to Office 365", "switch the inbox"),
        (some_mail("imap", "IMAP"), "Disconnect, then connect…", "disconnect the inbox first"),
        (some_mail(is_on=False), "", "No Office 365 client is configured."),
        (no_mail(), "", "has accepted no mail at all since"),
    ],
)
def test_a_line_whose_mail_has_moved_offers_the_way(mail: Any, way: str, said: str) -> None:
    """To whoever may go it."""
    view = listed(a_row(a_team_channel(), mail=mail))
    assert said in texts(view)
    found = buttons(view).get("channel.switch", {"text": {"text": ""}})
    assert found["text"]["text"] == way
    barred = listed(a_row(a_team_channel(), mail=mail, may=frozenset(Operation) - {Operation.SWITCH}))
    assert "channel.switch" not in buttons(barred)


def test_states_are_counted_in_the_words_of_their_lines() -> None:
    """In Japanese the number stands behind its word, with a counter."""
    tally = StateCounts({state: n for n, state in enumerate(State, start=2)}, own=0)
    assert texts(overview_message(EN, an_overview(team=(a_row(),), tally=tally), now=NOW)).startswith(
        "🔴 4 disconnected · 🟡 3 being checked · 🟢 2 connected · ⚪ 5 disabled"
    )
    assert "🔴 切断 4 件 · 🟡 確認中 3 件" in texts(
        overview_message(JA, an_overview(team=(a_row(),), tally=tally), now=NOW)
    )


@pytest.mark.parametrize("cause", [*sorted(REFUSED_CAUSES), Cause.HELD, Cause.OURS_BROKEN, Cause.CHECKING])
def test_whatever_is_being_checked_is_called_so(cause: Cause) -> None:
    """The word that is counted above the list stands in each line of it."""
    row = in_state(State.IMPAIRED, cause)
    assert "🟡 Being checked" in texts(listed(row)) and "🟡 確認中" in texts(listed(row, JA))


def test_what_is_not_listed_is_found_by_a_part_of_it() -> None:
    """In the reader's own words."""
    tally = StateCounts({State.CONNECTED: 462}, own=0)
    overview = an_overview(team=(a_row(),), tally=tally)
    assert "and 461 more: `/inbox list &lt;part of it&gt;`" in texts(overview_message(EN, overview, now=NOW))
    assert "`/inbox 一覧 &lt;アドレスや名前の一部&gt;`" in texts(overview_message(JA, overview, now=NOW))
    assert "`/inbox ヘルプ`" in texts(home(JA, overview))


def test_of_very_many_nobody_says_how_many() -> None:
    """They are not counted: so much is said, and nothing that may be untrue."""
    tally = StateCounts({State.DISCONNECTED: 31, State.CONNECTED: MOST_COUNTED + 1}, own=0)
    overview = an_overview(team=(a_row(),), tally=tally, has_more=True)
    for view in (overview_message(EN, overview, now=NOW), home(EN, overview)):
        assert "🔴 31 disconnected · 🟢 10,000+ connected" in texts(view)
        assert "10001" not in texts(view) and "10032" not in texts(view)
    assert "and many more: `/inbox list" in texts(overview_message(EN, overview, now=NOW))
    paged = home(EN, replace(overview, browse=Browse(skip=25)))
    assert "Inboxes 26 to 26 of 10,000+" in texts(paged)
    assert "ほかにも多数あります：" in texts(overview_message(JA, overview, now=NOW))


def test_where_nobody_is_in_charge_nobody_is_sent_to_them() -> None:
    """There is no super admin to ask: an owner of the workspace can become one."""
    card = a_setup_card(is_for_admin=False, admins=())
    for lang in LANGUAGES:
        said = texts(home(lang, an_overview(not_set_up=card)))
        assert lang.say("Inboxkeeper is not set up yet. Ask a super admin.") not in said
    assert "Ask an owner of this Slack workspace" in texts(home(EN, an_overview(not_set_up=card)))


@pytest.mark.parametrize("lang", LANGUAGES, ids=lambda lang: lang.code)
def test_programs_are_named_where_somebody_looks(lang: Language) -> None:
    """The latest first, whatever an operator has called them; no heading where there are none."""
    uses = tuple(
        ProgramUse(name, "imap", was_given, NOW - timedelta(minutes=n))
        for n, (name, was_given) in enumerate([("Help *desk* <!channel>", True), ("Mailer", False)] * 4)
    )
    for shown in (
        status_message(lang, a_status(a_row(a_team_channel()), programs=uses), now=NOW),
        why_message(lang, replace(some_evidence(), programs=uses), now=NOW),
    ):
        said = texts(shown)
        assert "<!channel>" not in said
        assert said.index("Help") < said.index("Mailer")
        assert said.count("IMAP") == 6
        assert lang.say("Programs that use it") in said
    assert lang.say("Programs that use it") not in texts(status(a_row(), lang))


def test_of_many_keys_those_that_wait_come_first_and_no_other_is_forgotten() -> None:
    """Nobody but the owner can let them in, and a long list must not hide them."""
    mine = a_channel()
    answers = [OwnerAnswer.DECLINED] * 5 + [OwnerAnswer.ALLOWED] * 3 + [OwnerAnswer.WAITS]
    asking = tuple(
        a_key(f"Program {number}", channels=frozenset({mine.id}), asked={mine.id: OwnerAsked(ANN, answer)})
        for number, answer in enumerate(answers)
    )
    said = [line for line in texts(status(a_row(mine), keys=asking)).split("\n") if line.startswith("🔑")]
    assert ["waits" in line for line in said] == [True, *[False] * 6]
    assert [line.startswith("🔑 You allowed") for line in said] == [False, *[True] * 3, *[False] * 3]
    assert said[-1] == "🔑 and 3 more, each in the message that asked you"
    assert "message that asked you" not in texts(status(a_row(mine), keys=asking[:6]))
