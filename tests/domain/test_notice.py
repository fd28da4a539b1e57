"""What a notice is about: named fields, stored in forms that rows keep."""

from __future__ import annotations

import pytest

from bot.domain.notice import NoticeKind, about_of, subject_of

AT = "2026-11-23T14:05:00+00:00"

STORED = [
    (NoticeKind.OPERATOR, f"slack:not_allowed:{AT}", {"provider": "slack", "code": "not_allowed", "at": AT}),
    (NoticeKind.OPERATOR, "google", {"provider": "google"}),
    (NoticeKind.CONNECTED, "reconnected", {"ending": "reconnected"}),
    (NoticeKind.DISABLED, f"by:U0BOB:{AT}", {"by": "U0BOB", "at": AT}),
    (NoticeKind.DISABLED, "", {}),
    (NoticeKind.SWITCHED, f"to:google:by:U0BOB:{AT}", {"to": "google", "by": "U0BOB", "at": AT}),
    (NoticeKind.SWITCHED, "to:google:", {"to": "google"}),
    (NoticeKind.OWNER_GONE, "c1:7", {"channel": "c1", "version": "7"}),
    (NoticeKind.MOVED, f"google:{AT}", {"left": "google", "at": AT}),
    (NoticeKind.RELAPSE, "i1:2", {"incident": "i1", "times": "2"}),
    (NoticeKind.RELAPSE, "i1:2:held", {"incident": "i1", "times": "2", "after": "held"}),
    (NoticeKind.SILENCE, AT, {"since": AT}),
    (NoticeKind.STORAGE, f"{AT}/{AT}", {"began": AT, "ended": AT}),
    (NoticeKind.WEBHOOK_OFF, f"wh_1:{AT}", {"webhook": "wh_1", "at": AT}),
    (NoticeKind.WEBHOOK_ORPHANED, f"wh_1:{AT}", {"webhook": "wh_1", "at": AT}),
    (NoticeKind.KEY_ENDS, "abcd1234:7", {"key": "abcd1234", "days": "7"}),
    (NoticeKind.KEY_ORPHANED, f"abcd1234:{AT}", {"key": "abcd1234", "at": AT}),
    (NoticeKind.KEY_DISOWNED, f"abcd1234:by:U0ALICE:{AT}", {"key": "abcd1234", "by": "U0ALICE", "at": AT}),
    (NoticeKind.KEY_ASKS, f"abcd1234:by:U0OMAR:{AT}", {"key": "abcd1234", "by": "U0OMAR", "at": AT}),
    (NoticeKind.CREDENTIAL, f"secret:7:{AT}", {"what": "secret", "days": "7", "ends": AT}),
    (NoticeKind.REPORT, "2026-11", {"month": "2026-11"}),
    (NoticeKind.GROUPS, f"closed {AT}", {"why": "closed", "since": AT}),
]


@pytest.mark.parametrize(("kind", "subject", "about"), STORED)
def test_stored_forms_stay_readable(kind: NoticeKind, subject: str, about: dict[str, str]) -> None:
    """A row says the same as on the day when it was written, and is written the same today."""
    assert dict(about_of(kind, subject)) == about
    assert subject_of(kind, about) == subject


def test_kinds_without_a_form_are_about_nothing_more() -> None:
    """An outage's message is about its incidents: they stand in a table of their own."""
    assert dict(about_of(NoticeKind.INCIDENT, "anything")) == {}
    assert subject_of(NoticeKind.INCIDENT, {"by": "U0BOB"}) == ""
