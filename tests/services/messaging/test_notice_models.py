"""The kinds of notices: each is read and shown."""

from __future__ import annotations

from bot.domain.notice import NoticeKind
from bot.services.messaging.notice_models import NOTICES
from bot.views.messages import VIEWS


def test_every_kind_is_read_and_shown() -> None:
    """Services may not know views, so there are two tables: a kind that is missing in either would fail on
    its way to Slack."""
    assert NOTICES.keys() == VIEWS.keys() == set(NoticeKind)
