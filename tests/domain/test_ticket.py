"""Endings, jobs and notices: what they say of themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import job, ticket
from bot.domain.ids import UserId
from bot.domain.notice import NoticeKind
from bot.domain.ticket import OutcomeKind
from bot.domain.view_models import NoticeModel
from tests.storage.builders import NOW, a_channel, a_job, a_notice

GOOD = {
    OutcomeKind.CONNECTED,
    OutcomeKind.RECONNECTED,
    OutcomeKind.RESTORED,
    OutcomeKind.SWITCHED,
    OutcomeKind.SWITCHED_STILL_DISABLED,
    OutcomeKind.STILL_DISABLED,
}


@pytest.mark.parametrize("ending", list(OutcomeKind))
def test_every_ending_is_good_or_can_be_tried_again_or_is_neither(ending: OutcomeKind) -> None:
    """Nobody is offered another try of what went well, is under way, or cannot go on."""
    assert ending.is_good == (ending in GOOD)
    assert ending.may_try_again == (ending not in GOOD | {OutcomeKind.PENDING, OutcomeKind.NOT_POSSIBLE})


def test_an_interrupted_check_is_given_up_before_its_page_expires() -> None:
    """Whoever waits at the page of a check that died can begin again while the page still works."""
    assert ticket.PENDING_LASTS < ticket.OUTCOME_LASTS
    assert timedelta(minutes=15) == ticket.TICKET_LASTS


def test_a_job_is_given_up_after_three_days() -> None:
    """Long enough for a weekend's outage, short enough to be noticed."""
    assert timedelta(hours=72) == job.GIVES_UP_AFTER
    assert a_job().attempts == 0


@pytest.mark.parametrize(("wanted", "shown", "current"), [(1, 0, False), (1, 1, True), (2, 1, False)])
def test_a_notice_is_current_when_its_latest_wish_is_shown(wanted: int, shown: int, current: bool) -> None:
    """A message that was shown before something changed must be edited."""
    assert a_notice(wanted_rev=wanted, shown_rev=shown).is_current is current


@pytest.mark.parametrize(
    ("subject", "actor"), [("by:USAKURA:2026-03-01T12:00:00+00:00", "USAKURA"), ("connected", None)]
)
def test_a_notice_knows_who_did_it(subject: str, actor: str | None) -> None:
    """The person stands in the subject of what somebody else did; other subjects name nobody."""
    notice = a_notice(kind=NoticeKind.DISABLED, subject=subject)
    picture = NoticeModel(notice, a_channel(), "Gmail", "en-US", NOW, "/inbox")
    assert picture.actor == (UserId(actor) if actor else None)
