"""Jobs: what must still be done after a transaction, and survives a crash because it is a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.ids import JobId

GIVES_UP_AFTER: Final = timedelta(hours=72)
LEAST_ATTEMPTS: Final = 20
"""A job is not given up before it was tried this often, however old it is."""


class JobKind(StrEnum):
    """What a job does. Each is idempotent: it may run more than once."""

    DELIVER_NOTICE = "deliver_notice"
    RAISE_ALARM = "raise_alarm"
    """The same for what somebody should act on: it does not wait behind what they can read later."""
    EDIT_NOTICES = "edit_notices"
    """Messages of a workspace show less than they should: edited as fast as Slack takes it."""
    REVOKE_GRANT = "revoke_grant"
    REMIND = "remind"
    """See whether an outage still needs somebody's attention."""
    COUNT_STORM = "count_storm"
    """Name how many outages there were, once they stopped coming."""
    SHOW_HOLD = "show_hold"
    """A mass refusal holds more or fewer inboxes than its messages say."""
    RIPEN_HOLD = "ripen_hold"
    """A mass refusal has lasted: people may act on it."""
    EXPIRE_REQUEST = "expire_request"
    SETTLE_ANSWER = "settle_answer"
    """A no can be taken back no longer: whoever asked hears of it."""
    CLOSE_VIEW = "close_view"
    """Turn the waiting modal to its outcome, if it is still open."""
    REFRESH_HOME = "refresh_home"
    READ_PEOPLE = "read_people"
    """Read one more page of Slack's list of people."""
    TELL_WEBHOOK = "tell_webhook"
    """Give a program's receiver what it has not taken yet."""


URGENT: Final = frozenset({JobKind.RAISE_ALARM, JobKind.EDIT_NOTICES})
"""What goes first in its lane."""


ANY_TIME: Final = frozenset(
    {
        JobKind.DELIVER_NOTICE,
        JobKind.RAISE_ALARM,
        JobKind.EDIT_NOTICES,
        JobKind.CLOSE_VIEW,
        JobKind.REFRESH_HOME,
        JobKind.READ_PEOPLE,
    }
)
"""What waits only because it failed: trying it sooner does no harm."""

APART: Final = frozenset({JobKind.TELL_WEBHOOK})
"""What strangers' servers may keep hanging: worked off beside everything else."""

LONGEST_WAIT: Final = {kind: timedelta(hours=25) for kind in JobKind} | {
    JobKind.EXPIRE_REQUEST: timedelta(days=15),
    JobKind.TELL_WEBHOOK: timedelta(hours=27),
}
"""No job is put off for longer: one that is due later was put off by a clock that was ahead."""


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do. Jobs of a lane run one at a time: the urgent ones first, then the oldest."""

    id: JobId
    lane: str
    kind: JobKind
    dedupe: str
    """At most one unfinished job has this key; asking again brings it forward."""
    due_at: datetime
    created_at: datetime
    payload: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    last_class: str = ""
    """The class of the last failure, never its text."""
    lease_token: str | None = None
